//! What search engines should know of: every page, and when it changed.
//!
//! Owns the sitemap and, where that would get too long, its parts and the list of
//! them. The times are the ledger's: when the upstream's record changed, and
//! nothing where that is not known.

use serde::Serialize;

use super::split::{MOST, Node, Split, key_of_id};
use super::variables::Variables;
use super::{Page, Plan};

/// Addresses in one part: more than records elsewhere, since a list of parts may
/// have no lists of parts below it. (sitemaps.org allows 50,000.)
const MOST_ADDRESSES: usize = 5 * MOST;

/// The paths that a sitemap names, in parts.
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

/// Path of the sitemap, or of a part of it.
pub(super) fn path(prefix: &str) -> String {
    // Beside the sitemap: from a directory it might only speak of what is below.
    if prefix.is_empty() { "sitemap.xml".to_owned() } else { format!("sitemap-{prefix}.xml") }
}

/// The prefixes whose sitemap is a file: all but lists of parts below the first.
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

/// An address that a sitemap names.
#[derive(Serialize)]
struct Url {
    loc: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lastmod: Option<String>,
}
