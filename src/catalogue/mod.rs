//! The catalogue: films and people, joined.
//!
//! Owns the meaning of the records of the upstream, and the join. The catalogue exists so that
//! pages see clean and ordered data, whatever the quirks of the upstream are. Each imperfection
//! of the data is a [`Warning`] beside the catalogue, never a failure of the whole catalogue. This
//! module must not know slugs, addresses or pages. The steps of the join:
//!
//! 1. Read each record on its own. A record that cannot be used is left out and named.
//! 2. If several records have the same id, keep the first record and add the references of the
//!    others to the first record.
//! 3. Take the pairs of film and person that `people[].films[]` or `films[].people[]` states.
//! 4. Sort films, people and pairs, so that an upstream that shuffles its lists changes no page.

mod bounds;
mod date;
mod film;
mod length;
mod markup;
mod pairs;
mod person;
mod raw;
mod read;
mod record;
mod reference;
mod related;
mod shelf;
mod text;
mod warning;
mod weight;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::payload::{Endpoint, Fault, Payload, records};
pub use bounds::Bounds;
pub use date::Date;
pub use film::Film;
use pairs::pairs;
pub use person::Person;
use read::{film, person, read};
use related::Related;
use shelf::Shelf;
pub use text::cleaned;
pub use warning::{Warning, tally};
pub use weight::weight;

/// Fields that the program does not know, by name, with the values of the upstream.
pub type Extra = BTreeMap<String, Value>;

/// A film of a catalogue. The index stays the same in later catalogues that have the film.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FilmIndex(u32);

/// A person of a catalogue. The index stays the same in later catalogues that have the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PersonIndex(u32);

/// Films and people, joined.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalogue {
    /// Newest first. Films without a date are last. Films with the same date are ordered by title,
    /// then by id.
    films: Shelf<Film>,
    /// Ordered by name, then by id.
    people: Shelf<Person>,
    /// The people of each film, ordered by name.
    casts: Related<PersonIndex>,
    /// The films of each person, oldest first.
    filmographies: Related<FilmIndex>,
}

impl Catalogue {
    /// Makes a catalogue of films, people, and pairs of their places. All are in their order.
    fn new(films: Vec<Film>, people: Vec<Person>, pairs: &[(u32, u32)]) -> Catalogue {
        let casts = pairs.iter().map(|&(film, person)| (film, PersonIndex(person)));
        // Pairs begin with the newest film, and a filmography with the oldest film.
        let filmographies = pairs.iter().rev().map(|&(film, person)| (person, FilmIndex(film)));
        Catalogue {
            casts: Related::of(films.len(), casts),
            filmographies: Related::of(people.len(), filmographies),
            films: Shelf::of(films),
            people: Shelf::of(people),
        }
    }

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

    /// Returns the people of a film, ordered by name.
    pub fn cast(&self, film: FilmIndex) -> &[PersonIndex] {
        self.casts.of_record(film.0)
    }

    /// Returns the films of a person, oldest first.
    pub fn filmography(&self, person: PersonIndex) -> &[FilmIndex] {
        self.filmographies.of_record(person.0)
    }
}

#[cfg(test)]
impl Catalogue {
    /// Returns a film for changes, by its id. The film must keep its place.
    pub(crate) fn film_mut(&mut self, id: &str) -> &mut Film {
        self.films.find_mut(|film| film.id == id).expect("a film")
    }

    /// Returns a person for changes, by its id. The person must keep its place.
    pub(crate) fn person_mut(&mut self, id: &str) -> &mut Person {
        self.people.find_mut(|person| person.id == id).expect("a person")
    }

    /// Makes a catalogue of films that are in their order.
    pub(crate) fn of_films(films: Vec<Film>) -> Catalogue {
        Catalogue::new(films, Vec::new(), &[])
    }

    /// Makes a catalogue without films from the ids and names of people.
    pub(crate) fn of_people(people: &[(&str, &str)]) -> Catalogue {
        let people = people.iter().map(|(id, name)| Person::named(id, name)).collect();
        Catalogue::new(Vec::new(), people, &[])
    }
}
/// Decodes and joins a payload. `limit` is the number of records of each list that the request
/// asked for (`--limit`); 0 means that the request had no limit.
///
/// # Errors
/// Fails with a [`Fault`] if one of the bodies is not a list of records.
pub fn join(payload: &Payload, limit: u32) -> Result<(Catalogue, Vec<Warning>), Fault> {
    join_within(payload, limit, Bounds::none())
}

/// As [`join`], but refuses a payload that exceeds `bounds`.
///
/// # Errors
/// Fails with a [`Fault`] if one of the bodies is not a list of records, or if the payload
/// exceeds `bounds`.
pub fn join_within(
    payload: &Payload,
    limit: u32,
    bounds: Bounds,
) -> Result<(Catalogue, Vec<Warning>), Fault> {
    let raw_films = records(Endpoint::Films, &payload.films.bytes, bounds.records)?;
    let raw_people = records(Endpoint::People, &payload.people.bytes, bounds.records)?;
    let mut warnings = Vec::new();
    for (endpoint, count) in
        [(Endpoint::Films, raw_films.len()), (Endpoint::People, raw_people.len())]
    {
        if limit > 0 && count >= limit as usize {
            warnings.push(Warning::ProbablyCut { endpoint, limit });
        }
    }

    let units = bounds.units;
    let mut films = read(Endpoint::Films, &raw_films, film, units, &mut warnings)?;
    let mut people = read(Endpoint::People, &raw_people, person, units, &mut warnings)?;
    bounds.hold_makers(films.iter().map(|(film, _)| film))?;
    films.sort_by(|(a, _), (b, _)| a.newest_first().cmp(&b.newest_first()));
    people.sort_by_cached_key(|(person, _)| (person.name.to_lowercase(), person.id.clone()));
    let (films, cast): (Vec<_>, Vec<_>) = films.into_iter().unzip();
    let (people, filmography): (Vec<_>, Vec<_>) = people.into_iter().unzip();

    let most = bounds.pairs;
    let pairs = pairs(&films, &people, &cast, &filmography, most, &mut warnings)?;
    let catalogue = Catalogue::new(films, people, &pairs);
    bounds.hold_site(&catalogue)?;
    Ok((catalogue, warnings))
}

#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod tests;
