//! Films by director, by producer and by year.
//!
//! Owns which groups have a page. A director or a producer is only a name, because the upstream has
//! no other facts about them. The ledger keeps the slug of each name.

use std::collections::{BTreeMap, HashMap};

use crate::catalogue::{Catalogue, Film, FilmIndex};
use crate::ledger::{Entry, Ledger};

/// The films of one director, or of one producer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Director<'a> {
    pub(super) name: &'a str,
    /// Last segment of the path of the page.
    pub(super) slug: &'a str,
    /// The films, newest first.
    pub(super) films: Vec<FilmIndex>,
}

/// Groups of films that have a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Groups<'a> {
    /// Directors, sorted by name.
    pub(super) directors: Vec<Director<'a>>,
    /// Producers, sorted by name.
    pub(super) producers: Vec<Director<'a>>,
    /// Films of each year, newest first. The films without a year are under `None`.
    pub(super) years: BTreeMap<Option<u32>, Vec<FilmIndex>>,
}

impl<'a> Groups<'a> {
    pub(super) fn of(catalogue: &'a Catalogue, ledger: &'a Ledger) -> Groups<'a> {
        let mut years: BTreeMap<Option<u32>, Vec<FilmIndex>> = BTreeMap::new();
        for (index, film) in catalogue.films() {
            years.entry(film.year).or_default().push(index);
        }
        let (directors, producers) = rayon::join(
            || by_name(catalogue, &ledger.directors, |film| &film.directors),
            || by_name(catalogue, &ledger.producers, |film| &film.producers),
        );
        Groups { directors, producers, years }
    }
}

/// Returns the place of the group of a name.
pub(super) fn place_of(groups: &[Director<'_>], name: &str) -> Option<usize> {
    groups.binary_search_by(|group| group.name.cmp(name)).ok()
}

/// Returns the groups of these names, in the same order.
pub(super) fn all_named<'g, 'a>(
    groups: &'g [Director<'a>],
    names: &[String],
) -> Vec<&'g Director<'a>> {
    names.iter().filter_map(|name| place_of(groups, name)).map(|at| &groups[at]).collect()
}

fn by_name<'a>(
    catalogue: &'a Catalogue,
    entries: &'a BTreeMap<String, Entry>,
    names_of: impl Fn(&'a Film) -> &'a [String],
) -> Vec<Director<'a>> {
    let mut by_name: HashMap<&str, Vec<FilmIndex>> = HashMap::new();
    for (index, film) in catalogue.films() {
        for name in names_of(film) {
            by_name.entry(name).or_default().push(index);
        }
    }
    let groups = by_name.into_iter().map(|(name, films)| {
        // The ledger has entered every name of the catalogue, so every name has a slug.
        let slug = entries.get(name).map_or("unlisted", |entry| &entry.slug);
        Director { name, slug, films }
    });
    let mut groups: Vec<_> = groups.collect();
    groups.sort_unstable_by_key(|group| group.name);
    groups
}
