//! The catalogue: films and people, joined.
//!
//! Owns the meaning of the records of the upstream, and the join. The catalogue exists so that
//! pages see clean and ordered data, whatever the quirks of the upstream are. Each imperfection
//! of the data is a [`Warning`] beside the catalogue, never a failure of the whole catalogue. This
//! module must not know slugs, addresses or pages. The steps of the join:
//!
//! 1. Read each record on its own, by the rules of the mapping. A record that cannot be used is left
//!    out and named.
//! 2. If several records have the same id, keep the first record and add the references of the
//!    others to the first record.
//! 3. Enter the people that only the credits of films name.
//! 4. Take the pairs of film and person that `people[].films[]`, `films[].people[]` or the credits
//!    of films state.
//! 5. Sort films, people and pairs, so that an upstream that shuffles its lists changes no page.

mod answered_list;
mod bounds;
mod coverage;
mod credit;
mod credited;
mod date;
mod film;
mod ignored;
mod joined;
mod length;
mod listed;
mod markup;
mod names;
mod pairs;
mod person;
mod read;
mod record;
mod reference;
mod related;
mod shelf;
mod stated;
mod told;
mod touched;
mod unmatched;
mod warning;
mod weight;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::mapping::Mapping;
use crate::payload::{Fault, Payload};
pub use bounds::Bounds;
pub use coverage::{FieldCoverage, ListCoverage, coverage};
pub use credit::Credit;
pub use date::Date;
pub use film::Film;
pub use joined::Joined;
use pairs::Pairs;
pub use person::Person;
pub use record::web_address;
use shelf::Shelf;
pub use touched::{Touched, TouchedRecords};
pub use warning::{Warning, tally};
pub use weight::weight;

/// Further fields that a mapping keeps, by name, with the values of the upstream.
pub type Extra = BTreeMap<String, Value>;

/// A film of a catalogue. The index stays the same in later catalogues that have the film.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilmIndex(u32);

impl FilmIndex {
    /// Returns the index as a number, see [`TouchedRecords::slots`].
    pub fn slot(self) -> usize {
        self.0 as usize
    }
}

/// A person of a catalogue. The index stays the same in later catalogues that have the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonIndex(u32);

impl PersonIndex {
    /// Returns the index as a number, see [`TouchedRecords::slots`].
    pub fn slot(self) -> usize {
        self.0 as usize
    }
}

/// Films and people, joined.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// Newest first. Films without a date are last. Films with the same date are ordered by title,
    /// then by id.
    films: Arc<Shelf<Film>>,
    /// Ordered by name, then by id.
    people: Arc<Shelf<Person>>,
    pairs: Arc<Pairs>,
}

impl Catalogue {
    /// Returns the films, newest first.
    pub fn films(&self) -> impl DoubleEndedIterator<Item = (FilmIndex, &Film)> + ExactSizeIterator {
        self.films.iter().map(|(index, film)| (FilmIndex(index), film))
    }

    /// Returns the people, ordered by name.
    pub fn people(
        &self,
    ) -> impl DoubleEndedIterator<Item = (PersonIndex, &Person)> + ExactSizeIterator {
        self.people.iter().map(|(index, person)| (PersonIndex(index), person))
    }

    /// Returns a film.
    pub fn film(&self, index: FilmIndex) -> &Film {
        self.films.get(index.0)
    }

    /// Returns a person.
    pub fn person(&self, index: PersonIndex) -> &Person {
        self.people.get(index.0)
    }

    /// Returns the film at this place, newest first.
    pub fn film_at(&self, place: usize) -> Option<FilmIndex> {
        self.films.at(place).map(FilmIndex)
    }

    /// Returns the person at this place, ordered by name.
    pub fn person_at(&self, place: usize) -> Option<PersonIndex> {
        self.people.at(place).map(PersonIndex)
    }

    /// Returns the place of a film among all films, newest first.
    pub fn film_place(&self, index: FilmIndex) -> usize {
        self.films.place(index.0)
    }

    /// Returns the place of a person among all people, ordered by name.
    pub fn person_place(&self, index: PersonIndex) -> usize {
        self.people.place(index.0)
    }

    /// Returns the credit of a person in a film, if the record of the film has one.
    pub fn credit(&self, film: FilmIndex, person: PersonIndex) -> Option<&Credit> {
        let credits = &self.film(film).credits;
        if credits.is_empty() {
            return None;
        }
        let id = &self.person(person).id;
        credits.iter().find(|credit| credit.person == *id)
    }

    /// Returns the people of a film: people of the credits in their order, then the others by name.
    pub fn cast(&self, film: FilmIndex) -> &[PersonIndex] {
        self.pairs.casts.of_record(film.0)
    }

    /// Returns the films of a person, oldest first.
    pub fn filmography(&self, person: PersonIndex) -> &[FilmIndex] {
        self.pairs.filmographies.of_record(person.0)
    }
}

/// Two catalogues are equal if they have the same records in the same order, and the same pairs.
impl PartialEq for Catalogue {
    fn eq(&self, other: &Catalogue) -> bool {
        let is_same_film = |((one, film), (two, other_film)): ((FilmIndex, &Film), (_, &Film))| {
            let ids = |catalogue: &Catalogue, film| {
                let cast = catalogue.cast(film).iter();
                cast.map(|&person| catalogue.person(person).id.clone()).collect::<Vec<_>>()
            };
            film == other_film && ids(self, one) == ids(other, two)
        };
        let is_same_person =
            |((one, person), (two, other_person)): ((_, &Person), (_, &Person))| {
                let ids = |catalogue: &Catalogue, person| {
                    let films = catalogue.filmography(person).iter();
                    films.map(|&film| catalogue.film(film).id.clone()).collect::<Vec<_>>()
                };
                person == other_person && ids(self, one) == ids(other, two)
            };
        self.films().len() == other.films().len()
            && self.people().len() == other.people().len()
            && self.films().zip(other.films()).all(is_same_film)
            && self.people().zip(other.people()).all(is_same_person)
    }
}

#[cfg(test)]
impl Catalogue {
    /// Returns a film for changes, by its id. The film must keep its place.
    pub(crate) fn film_mut(&mut self, id: &str) -> &mut Film {
        Arc::make_mut(&mut self.films).find_mut(|film| film.id == id).expect("a film")
    }

    /// Returns a person for changes, by its id. The person must keep its place.
    pub(crate) fn person_mut(&mut self, id: &str) -> &mut Person {
        Arc::make_mut(&mut self.people).find_mut(|person| person.id == id).expect("a person")
    }

    /// Makes a catalogue of films that are in their order.
    pub(crate) fn of_films(films: Vec<Film>) -> Catalogue {
        let pairs = Pairs::none(films.len(), 0);
        Catalogue {
            films: Arc::new(Shelf::of(films)),
            pairs: Arc::new(pairs),
            ..Catalogue::default()
        }
    }

    /// Makes a catalogue without films from the ids and names of people.
    pub(crate) fn of_people(people: &[(&str, &str)]) -> Catalogue {
        let people: Vec<_> = people.iter().map(|(id, name)| Person::named(id, name)).collect();
        let pairs = Pairs::none(0, people.len());
        Catalogue {
            people: Arc::new(Shelf::of(people)),
            pairs: Arc::new(pairs),
            ..Catalogue::default()
        }
    }
}

/// Decodes and joins a payload by the rules of a mapping.
///
/// # Errors
/// Fails with a [`Fault`] if one of the bodies is not a list of records.
pub fn join(payload: &Payload, mapping: &Mapping) -> Result<(Catalogue, Vec<Warning>), Fault> {
    join_within(payload, mapping, Bounds::none())
}

/// As [`join`], but refuses a payload that exceeds `bounds`.
///
/// # Errors
/// Fails with a [`Fault`] if one of the bodies is not a list of records, or if the payload
/// exceeds `bounds`.
pub fn join_within(
    payload: &Payload,
    mapping: &Mapping,
    bounds: Bounds,
) -> Result<(Catalogue, Vec<Warning>), Fault> {
    let joined = Joined::default().next(payload, mapping, bounds)?;
    Ok((joined.catalogue, joined.warnings))
}

#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod tests;
