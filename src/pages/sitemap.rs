//! The sitemap for search engines: every page, with the time of its last change.
//!
//! Owns the sitemap and, if the sitemap would be too long, its parts and the list of the parts. The
//! times come from the ledger: the time of the last change of the record in the data of the
//! upstream. A page has no time if this time is not known.

use std::collections::BTreeMap;
use std::hash::Hash;

use rayon::prelude::*;
use serde::Serialize;

use super::change_list::ChangeList;
use super::page::Page;
use super::site::Site;
use super::split::{MOST, Node, Split, key_of_id};
use super::variables::Variables;
use super::view::Views;

/// Addresses in one part. The bound is higher than that of other lists, since a list of parts
/// must not contain lists of parts. (sitemaps.org allows 50,000.)
const MOST_ADDRESSES: usize = 5 * MOST;

/// Bytes of the markup of an address, less the name of the index file at the end of its path.
const MARKUP: usize = 45;

/// The pages that search engines should know, in parts.
pub(super) struct Sitemap(Split<Address>);

/// A page by its path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Address {
    path: String,
    /// Day of the last change (`YYYY-MM-DD`), if it is known.
    changed: Option<String>,
}

impl Sitemap {
    pub(super) fn of(
        pages: &BTreeMap<String, Page>,
        views: &Views<'_>,
        changes: &ChangeList<'_>,
    ) -> Sitemap {
        let is_named = |(path, page): &(&String, &Page)| {
            *path != "movies/index.html"
                && matches!(
                    page,
                    Page::Films
                        | Page::Film(_)
                        | Page::Person(_)
                        | Page::List(..)
                        | Page::Part(..)
                        | Page::Changes
                        | Page::Custom(_)
                )
        };
        let named: Vec<_> = pages.iter().filter(is_named).collect();
        let addresses = named.into_par_iter().map(|(path, page)| Address {
            path: path.clone(),
            changed: changed(page, views, changes),
        });
        let addresses: Vec<_> = addresses.collect();
        if addresses.len() <= MOST {
            return Sitemap(Split::whole(addresses));
        }
        let base = views.site.absolute("").len();
        let size = |address: &Address| MARKUP + base + address.path.len();
        let key = |address: &Address| key_of_id(&address.path).into();
        Sitemap(Split::cut(addresses, MOST_ADDRESSES, key, size))
    }

    /// Returns the prefixes whose sitemap is a file: all except lists of parts below the first.
    pub(super) fn prefixes(&self) -> impl Iterator<Item = &String> {
        self.0.prefixes().filter(|prefix| prefix.is_empty() || self.is_whole(prefix))
    }

    fn is_whole(&self, prefix: &str) -> bool {
        matches!(self.0.node(prefix), Some(Node::Whole(_)))
    }

    /// Returns everything from which the file under a prefix is made, apart from the address of the
    /// site.
    pub(super) fn basis(&self, prefix: &str) -> impl Hash + use<'_> {
        let is_list = !self.is_whole(prefix);
        let parts = self.prefixes().filter(|part| is_list && !part.is_empty());
        let parts: Vec<_> = parts.map(|part| (part, self.0.records(part))).collect();
        (self.0.records(prefix), parts)
    }

    /// Hands on the addresses under a prefix, or the parts of the sitemap.
    pub(super) fn put(&self, prefix: &str, site: &Site, to: &mut dyn Variables) {
        let urls = |prefix: &str| {
            let addresses = self.0.records(prefix).iter();
            let url = |address: &Address| Url {
                loc: site.absolute(&address.path),
                lastmod: address.changed.clone(),
            };
            addresses.map(url).collect::<Vec<_>>()
        };
        to.put("urls", &urls(prefix));
        let is_list = !self.is_whole(prefix);
        let parts = self.prefixes().filter(|part| is_list && !part.is_empty());
        let parts = parts.map(|part| Url {
            loc: site.absolute(&path(part)),
            lastmod: urls(part).into_iter().filter_map(|url| url.lastmod).max(),
        });
        to.put("sitemaps", &parts.collect::<Vec<_>>());
    }
}

/// Returns the path of the sitemap, or of a part of the sitemap. Parts lie beside the sitemap,
/// since a sitemap may name only addresses in its own directory and below.
pub(super) fn path(prefix: &str) -> String {
    if prefix.is_empty() { "sitemap.xml".to_owned() } else { format!("sitemap-{prefix}.xml") }
}

/// Returns the day on which the record of a page changed, by the ledger.
fn changed(page: &Page, views: &Views<'_>, changes: &ChangeList<'_>) -> Option<String> {
    let entry = match page {
        Page::Film(film) => views.records.film(*film),
        Page::Person(person) => views.records.person(*person),
        Page::Changes => return Some(changes.all().first()?.at.day()),
        _ => None,
    };
    Some(entry?.changed?.day())
}

/// An address in a sitemap.
#[derive(Serialize)]
struct Url {
    loc: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lastmod: Option<String>,
}
