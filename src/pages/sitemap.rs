//! The sitemap for search engines: every page, with the time of its last change.
//!
//! Owns the sitemap and, if the sitemap would be too long, its parts and the list of the parts. The
//! times come from the ledger: the time of the last change of the record in the data of the
//! upstream. A page has no time if this time is not known.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::Hash;

use rayon::prelude::*;
use serde::Serialize;

use super::change_list::ChangeList;
use super::page::{Named, Page};
use super::site::Site;
use super::split::{MOST, Node, Split, key_of_id};
use super::variables::Variables;
use super::view::Views;
use crate::clock::WallTime;

/// Addresses in one part. The bound is higher than that of other lists, since a list of parts
/// must not contain lists of parts. (sitemaps.org allows 50,000.)
const MOST_ADDRESSES: usize = 5 * MOST;

/// Bytes of the markup of an address, less the name of the index file at the end of its path.
const MARKUP: usize = 45;

/// The pages that search engines should know, in parts.
pub(super) struct Sitemap(Split<Address>);

/// A page by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Address {
    path: String,
    dated_by: DatedBy,
}

/// What tells the day of the last change of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DatedBy {
    /// The entry of a record in the ledger.
    Record(Named),
    /// The last change of all records.
    LastChange,
    Nothing,
}

/// What the ledger says of the last changes.
pub(super) struct Dates<'a> {
    views: Views<'a>,
    last: Option<WallTime>,
}

impl<'a> Dates<'a> {
    pub(super) fn of(views: Views<'a>, changes: &ChangeList<'_>) -> Dates<'a> {
        Dates { views, last: changes.all().first().map(|dated| dated.at) }
    }

    fn changed(&self, address: &Address) -> Option<WallTime> {
        match address.dated_by {
            DatedBy::Record(Named::Film(film)) => self.views.records.film(film)?.changed,
            DatedBy::Record(Named::Person(person)) => self.views.records.person(person)?.changed,
            DatedBy::LastChange => self.last,
            DatedBy::Nothing => None,
        }
    }
}

impl Sitemap {
    pub(super) fn of(pages: &BTreeMap<String, Page>, site: &Site) -> Sitemap {
        let address = |(path, page): (&String, &Page)| {
            let dated_by = match page {
                Page::Film(film) => DatedBy::Record(Named::Film(*film)),
                Page::Person(person) => DatedBy::Record(Named::Person(*person)),
                Page::Changes => DatedBy::LastChange,
                Page::Films | Page::List(..) | Page::Part(..) | Page::Custom(_) => DatedBy::Nothing,
                _ => return None,
            };
            let is_listed = path != "movies/index.html";
            is_listed.then(|| Address { path: path.clone(), dated_by })
        };
        let addresses: Vec<_> = pages.iter().filter_map(address).collect();
        if addresses.len() <= MOST {
            return Sitemap(Split::whole(addresses));
        }
        let keyed = |address: Address| (key_of_id(&address.path), address);
        let keyed: Vec<_> = addresses.into_par_iter().map(keyed).collect();
        let base = site.absolute("").len();
        let cut = Split::cut(
            keyed.iter().collect(),
            MOST_ADDRESSES,
            |(key, _)| Cow::Borrowed(key),
            |(_, address)| MARKUP + base + address.path.len(),
        );
        Sitemap(cut.map(|(_, address)| address.clone()))
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
    pub(super) fn basis<'s>(&'s self, prefix: &str, dates: &Dates<'_>) -> impl Hash + use<'s> {
        let day = |address: &Address| dates.changed(address).map(WallTime::days);
        let records = self.0.records(prefix).iter().map(|address| (&*address.path, day(address)));
        let is_list = !self.is_whole(prefix);
        let parts = self.prefixes().filter(|part| is_list && !part.is_empty());
        let last = |part: &String| self.0.records(part).iter().filter_map(day).max();
        (records.collect::<Vec<_>>(), parts.map(|part| (part, last(part))).collect::<Vec<_>>())
    }

    /// Hands on the addresses under a prefix, or the parts of the sitemap.
    pub(super) fn put(&self, prefix: &str, dates: &Dates<'_>, to: &mut dyn Variables) {
        let site = dates.views.site;
        let url = |address: &Address| Url {
            loc: site.absolute(&address.path),
            lastmod: dates.changed(address).map(WallTime::day),
        };
        to.put("urls", &self.0.records(prefix).iter().map(url).collect::<Vec<_>>());
        let is_list = !self.is_whole(prefix);
        let parts = self.prefixes().filter(|part| is_list && !part.is_empty());
        let last = |part: &String| {
            self.0.records(part).iter().filter_map(|address| dates.changed(address)).max()
        };
        let parts = parts.map(|part| Url {
            loc: site.absolute(&path(part)),
            lastmod: last(part).map(WallTime::day),
        });
        to.put("sitemaps", &parts.collect::<Vec<_>>());
    }
}

/// Returns the path of the sitemap, or of a part of the sitemap. Parts lie beside the sitemap,
/// since a sitemap may name only addresses in its own directory and below.
pub(super) fn path(prefix: &str) -> String {
    if prefix.is_empty() { "sitemap.xml".to_owned() } else { format!("sitemap-{prefix}.xml") }
}

/// An address in a sitemap.
#[derive(Serialize)]
struct Url {
    loc: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lastmod: Option<String>,
}
