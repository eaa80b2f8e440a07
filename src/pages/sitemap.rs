//! The sitemap for search engines: every page, with the time of its last change.
//!
//! Owns the sitemap and, if the sitemap would be too long, its parts and the list of the parts. The
//! times come from the ledger: the time of the last change of the record in the data of the
//! upstream. A page has no time if this time is not known.

use serde::Serialize;

use super::split::{MOST, Node, Split, key_of_id};
use super::variables::Variables;
use super::{Page, Plan};

/// Largest number of addresses in one part. This bound is larger than the bound of other lists,
/// because the list of parts may not refer to other lists of parts. (sitemaps.org allows 50,000
/// addresses in one part.)
const MOST_ADDRESSES: usize = 5 * MOST;

/// Returns the paths of the pages in the sitemap, in parts.
pub(super) fn split<'p>(pages: impl Iterator<Item = (&'p String, &'p Page)>) -> Split<String> {
    let is_named = |(path, page): &(&String, &Page)| {
        *path != "movies/index.html"
            && matches!(
                page,
                Page::Films | Page::Film(_) | Page::Person(_) | Page::List(..) | Page::Changes
            )
    };
    let paths = pages.filter(is_named).map(|(path, _)| path.clone()).collect();
    Split::of(paths, MOST_ADDRESSES, |path: &String| key_of_id(path))
}

/// Returns the path of the sitemap, or of the part under `prefix`.
pub(super) fn path(prefix: &str) -> String {
    // The parts are at the root of the site, because a sitemap in a directory may have only
    // addresses below this directory (sitemaps.org).
    if prefix.is_empty() { "sitemap.xml".to_owned() } else { format!("sitemap-{prefix}.xml") }
}

/// Returns the prefixes that have a file: the empty prefix, and each prefix under which there are
/// addresses and no parts.
pub(super) fn prefixes(split: &Split<String>) -> impl Iterator<Item = &String> {
    split.prefixes().filter(|prefix| prefix.is_empty() || is_whole(split, prefix))
}

fn is_whole(split: &Split<String>, prefix: &str) -> bool {
    matches!(split.node(prefix), Some(Node::Whole(_)))
}

impl Plan<'_> {
    pub(super) fn put_sitemap(&self, prefix: &str, to: &mut dyn Variables) {
        let urls = |prefix: &str| {
            let paths = self.sitemap.records(prefix).iter();
            paths.map(|path| Url {
                loc: self.views.site.absolute(path),
                lastmod: self.lastmod(path),
            })
        };
        to.put("urls", &urls(prefix).collect::<Vec<_>>());
        let is_list = !is_whole(&self.sitemap, prefix);
        let parts = prefixes(&self.sitemap).filter(|part| is_list && !part.is_empty());
        let parts = parts.map(|part| Url {
            loc: self.views.site.absolute(&path(part)),
            lastmod: urls(part).filter_map(|url| url.lastmod).max(),
        });
        to.put("sitemaps", &parts.collect::<Vec<_>>());
    }

    fn lastmod(&self, path: &str) -> Option<String> {
        let views = self.views;
        let entry = match self.pages.get(path)? {
            Page::Film(film) => views.ledger.films.get(&views.catalogue.films[*film].id),
            Page::Person(person) => views.ledger.people.get(&views.catalogue.people[*person].id),
            Page::Changes => return Some(self.news.all().first()?.at.day()),
            _ => None,
        };
        Some(entry?.changed?.day())
    }
}

/// An address in a sitemap.
#[derive(Serialize)]
struct Url {
    loc: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lastmod: Option<String>,
}
