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

/// Directors, or producers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Makers<'a> {
    /// The groups, sorted by name.
    pub(super) groups: Vec<Director<'a>>,
    /// The places of the groups of all films, film by film, in the order of the names of a film.
    places: Vec<u32>,
    /// Where the places of each film end, by the place of the film.
    ends: Vec<u32>,
}

/// Groups of films that have a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Groups<'a> {
    pub(super) directors: Makers<'a>,
    pub(super) producers: Makers<'a>,
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
            || Makers::of(catalogue, &ledger.directors, |film| &film.directors),
            || Makers::of(catalogue, &ledger.producers, |film| &film.producers),
        );
        Groups { directors, producers, years }
    }
}

impl<'a> Makers<'a> {
    fn of(
        catalogue: &'a Catalogue,
        entries: &'a BTreeMap<String, Entry>,
        names_of: impl Fn(&'a Film) -> &'a [String],
    ) -> Makers<'a> {
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        let mut makers = Makers::default();
        for (index, film) in catalogue.films() {
            for name in names_of(film) {
                let number = *numbers.entry(name).or_insert_with(|| {
                    // The ledger has entered every name of the catalogue, so every name has a slug.
                    let slug = entries.get(name).map_or("unlisted", |entry| &entry.slug);
                    makers.groups.push(Director { name, slug, films: Vec::new() });
                    makers.groups.len() as u32 - 1
                });
                makers.groups[number as usize].films.push(index);
                makers.places.push(number);
            }
            makers.ends.push(makers.places.len() as u32);
        }
        makers.sort();
        makers
    }

    fn sort(&mut self) {
        let mut numbered: Vec<_> =
            std::mem::take(&mut self.groups).into_iter().enumerate().collect();
        numbered.sort_unstable_by_key(|(_, group)| group.name);
        let mut places = vec![0; numbered.len()];
        for (place, (number, group)) in numbered.into_iter().enumerate() {
            places[number] = place as u32;
            self.groups.push(group);
        }
        self.places.iter_mut().for_each(|number| *number = places[*number as usize]);
    }

    /// Returns the places of the groups of the film at this place, in the order of the names.
    pub(super) fn places_of(&self, place: usize) -> impl Iterator<Item = usize> {
        let end = |place: usize| self.ends[place] as usize;
        let start = place.checked_sub(1).map_or(0, end);
        self.places[start..end(place)].iter().map(|&place| place as usize)
    }

    /// Returns the groups of the film at this place, in the order of the names.
    pub(super) fn of_film(&self, place: usize) -> impl Iterator<Item = &Director<'a>> {
        self.places_of(place).map(|place| &self.groups[place])
    }
}
