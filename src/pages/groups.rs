//! Films by director and by year.
//!
//! Owns which groups have a page and what it is called. A director is a name: the
//! upstream knows no more of them, so the address is made of it alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::{Catalogue, FilmIndex};
use crate::ledger::slug;

/// The films of one director.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Director<'a> {
    pub(super) name: &'a str,
    /// Last segment of the page's path.
    pub(super) slug: String,
    /// Newest first.
    pub(super) films: Vec<FilmIndex>,
}

/// Groups of films that have a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Groups<'a> {
    /// By name.
    pub(super) directors: Vec<Director<'a>>,
    /// Films of each year, in the order of the list; first those without one.
    pub(super) years: BTreeMap<Option<u32>, Vec<FilmIndex>>,
}

impl<'a> Groups<'a> {
    pub(super) fn of(catalogue: &'a Catalogue) -> Groups<'a> {
        let mut by_name: BTreeMap<&str, Vec<FilmIndex>> = BTreeMap::new();
        let mut years: BTreeMap<Option<u32>, Vec<FilmIndex>> = BTreeMap::new();
        for (index, film) in catalogue.films.iter().enumerate() {
            if let Some(director) = film.director.as_deref() {
                by_name.entry(director).or_default().push(index);
            }
            years.entry(film.year).or_default().push(index);
        }
        let mut taken = BTreeSet::new();
        let directors = by_name.into_iter().map(|(name, films)| {
            let slug = slug::of(name, name, |slug| taken.contains(slug));
            taken.insert(slug.clone());
            Director { name, slug, films }
        });
        Groups { directors: directors.collect(), years }
    }

    /// The group of a director.
    pub(super) fn director(&self, name: &str) -> Option<&Director<'a>> {
        let found = self.directors.binary_search_by(|director| director.name.cmp(name));
        found.ok().map(|index| &self.directors[index])
    }
}
