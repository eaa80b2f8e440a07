//! Films by director, by producer and by year.
//!
//! Owns which groups have a page. A director is a name, as a producer is: the upstream
//! knows no more of them. The ledger keeps the address of each.

use std::collections::BTreeMap;

use crate::catalogue::{Catalogue, Film, FilmIndex};
use crate::ledger::{Entry, Ledger};

/// The films of one director, or of one producer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Director<'a> {
    pub(super) name: &'a str,
    /// Last segment of the page's path.
    pub(super) slug: &'a str,
    /// Newest first.
    pub(super) films: Vec<FilmIndex>,
}

/// Groups of films that have a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Groups<'a> {
    /// By name.
    pub(super) directors: Vec<Director<'a>>,
    /// By name.
    pub(super) producers: Vec<Director<'a>>,
    /// Films of each year, in the order of the list; first those without one.
    pub(super) years: BTreeMap<Option<u32>, Vec<FilmIndex>>,
}

impl<'a> Groups<'a> {
    pub(super) fn of(catalogue: &'a Catalogue, ledger: &'a Ledger) -> Groups<'a> {
        let mut years: BTreeMap<Option<u32>, Vec<FilmIndex>> = BTreeMap::new();
        for (index, film) in catalogue.films.iter().enumerate() {
            years.entry(film.year).or_default().push(index);
        }
        Groups {
            directors: by_name(catalogue, &ledger.directors, |film| &film.directors),
            producers: by_name(catalogue, &ledger.producers, |film| &film.producers),
            years,
        }
    }
}

/// The group of a name.
fn named<'g, 'a>(groups: &'g [Director<'a>], name: &str) -> Option<&'g Director<'a>> {
    let found = groups.binary_search_by(|group| group.name.cmp(name));
    found.ok().map(|index| &groups[index])
}

/// The groups of these names, in this order.
pub(super) fn all_named<'g, 'a>(
    groups: &'g [Director<'a>],
    names: &[String],
) -> Vec<&'g Director<'a>> {
    names.iter().filter_map(|name| named(groups, name)).collect()
}

fn by_name<'a>(
    catalogue: &'a Catalogue,
    entries: &'a BTreeMap<String, Entry>,
    names_of: impl Fn(&'a Film) -> &'a [String],
) -> Vec<Director<'a>> {
    let mut by_name: BTreeMap<&str, Vec<FilmIndex>> = BTreeMap::new();
    for (index, film) in catalogue.films.iter().enumerate() {
        for name in names_of(film) {
            by_name.entry(name).or_default().push(index);
        }
    }
    let groups = by_name.into_iter().map(|(name, films)| {
        // The ledger has entered every name of the catalogue.
        let slug = entries.get(name).map_or("unlisted", |entry| &entry.slug);
        Director { name, slug, films }
    });
    groups.collect()
}
