//! What lists, data files and the search index need of each record.
//!
//! Owns the rule that these facts are made again only for records that changed. The facts follow the
//! catalogue from refresh to refresh, so that one changed film costs little on a large site. The
//! result does not depend on the catalogues before: the tests compare each result with the result
//! from nothing.

use std::borrow::Cow;
use std::hash::Hash;
use std::sync::Arc;

use rayon::prelude::*;

use super::entries::EntryPlaces;
use super::hash::hash;
use super::size;
use super::split::{KEY_OF_ID, Split, key_of_text};
use super::word_index::Index;
use crate::catalogue::{Catalogue, FilmIndex, PersonIndex, Touched, TouchedRecords};
use crate::ledger::{Entry, Ledger};

/// If more than one record in `MANY` is touched, all facts are made again.
const MANY: usize = 8;

/// The facts about the records of one catalogue.
#[derive(Debug, Clone, Default)]
pub struct Shapes {
    catalogue: Catalogue,
    /// By index.
    films_by_index: Vec<Shape>,
    people_by_index: Vec<Shape>,
    /// The parts of the data file of films.
    pub(super) movies: Arc<Split<FilmIndex>>,
    /// The parts of the data file of people.
    pub(super) people: Arc<Split<PersonIndex>>,
    /// The parts of the list of people.
    pub(super) all_people: Arc<Split<PersonIndex>>,
    pub(super) words: Index,
    film_entries: EntryPlaces,
    person_entries: EntryPlaces,
}

/// The facts about one record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Shape {
    /// Hash of all fields.
    record: u64,
    /// The key by which lists are cut, which ends in the key of the id.
    key: Box<str>,
    /// Bytes in a list.
    listed: u32,
    /// Bytes in a data file.
    data: u32,
}

impl Shapes {
    /// Makes these facts the facts about another catalogue.
    pub(super) fn follow(&mut self, catalogue: &Catalogue) {
        let Touched { films, people } = &Touched::between(&self.catalogue, catalogue);
        let films_share = films.before.len().max(films.now.len()) * MANY;
        let people_share = people.before.len().max(people.now.len()) * MANY;
        if films_share > catalogue.films().len() || people_share > catalogue.people().len() {
            *self = Shapes::of(catalogue, [films.slots, people.slots]);
            return;
        }
        let of_film = |film: &FilmIndex| film_shape(catalogue, *film);
        let of_person = |person: &PersonIndex| person_shape(catalogue, *person);
        let same_films = update(&mut self.films_by_index, films, FilmIndex::slot, of_film);
        let same_people = update(&mut self.people_by_index, people, PersonIndex::slot, of_person);
        if !same_films {
            self.movies = Arc::new(self.split_movies(catalogue));
        }
        if !same_people {
            self.people = Arc::new(self.split_people(catalogue));
            self.all_people = Arc::new(self.split_all_people(catalogue));
        }
        self.words.follow(&self.catalogue, catalogue, films);
        self.catalogue = catalogue.clone();
    }

    /// Returns the entries of films and people in the ledger, in the order of the catalogue, which these
    /// facts are about.
    pub(super) fn entries<'l>(
        &mut self,
        catalogue: &'l Catalogue,
        ledger: &'l Ledger,
    ) -> [Vec<Option<&'l Entry>>; 2] {
        let films = catalogue.films().map(|(index, film)| (index.slot(), &*film.id));
        let people = catalogue.people().map(|(index, person)| (index.slot(), &*person.id));
        let slots = [self.films_by_index.len(), self.people_by_index.len()];
        let (of_films, of_people) = (&mut self.film_entries, &mut self.person_entries);
        let (films, people) = rayon::join(
            || of_films.find(&ledger.films, films, slots[0]),
            || of_people.find(&ledger.people, people, slots[1]),
        );
        [films, people]
    }

    /// `slots` are bounds of the indexes of films and people.
    fn of(catalogue: &Catalogue, slots: [usize; 2]) -> Shapes {
        let films: Vec<_> = catalogue.films().map(|(film, _)| film).collect();
        let people: Vec<_> = catalogue.people().map(|(person, _)| person).collect();
        let of_films = || films.par_iter().map(|&film| film_shape(catalogue, film)).collect();
        let of_people =
            || people.par_iter().map(|&person| person_shape(catalogue, person)).collect();
        let (words, (of_films, of_people)): (_, (Vec<_>, Vec<_>)) =
            rayon::join(|| Index::of(catalogue), || rayon::join(of_films, of_people));
        let mut shapes = Shapes { catalogue: catalogue.clone(), words, ..Shapes::default() };
        shapes.films_by_index = vec![Shape::default(); slots[0]];
        for (film, shape) in films.into_iter().zip(of_films) {
            shapes.films_by_index[film.slot()] = shape;
        }
        shapes.people_by_index = vec![Shape::default(); slots[1]];
        for (person, shape) in people.into_iter().zip(of_people) {
            shapes.people_by_index[person.slot()] = shape;
        }
        let (movies, (people, all_people)) = rayon::join(
            || shapes.split_movies(catalogue),
            || {
                rayon::join(
                    || shapes.split_people(catalogue),
                    || shapes.split_all_people(catalogue),
                )
            },
        );
        shapes.movies = Arc::new(movies);
        (shapes.people, shapes.all_people) = (Arc::new(people), Arc::new(all_people));
        shapes
    }

    /// Returns the key by which lists of films are cut.
    pub(super) fn key_of_film(&self, film: FilmIndex) -> Cow<'_, str> {
        Cow::Borrowed(&self.films_by_index[film.slot()].key)
    }

    /// Returns the key by which lists of people are cut.
    pub(super) fn key_of_person(&self, person: PersonIndex) -> Cow<'_, str> {
        Cow::Borrowed(&self.people_by_index[person.slot()].key)
    }

    /// Returns the key by which data files of films are cut.
    pub(super) fn id_key_of_film(&self, film: FilmIndex) -> Cow<'_, str> {
        self.films_by_index[film.slot()].key_of_id()
    }

    /// Returns the key by which data files of people are cut.
    pub(super) fn id_key_of_person(&self, person: PersonIndex) -> Cow<'_, str> {
        self.people_by_index[person.slot()].key_of_id()
    }

    /// Returns the hash of all fields of a film.
    pub(super) fn record_of_film(&self, film: FilmIndex) -> u64 {
        self.films_by_index[film.slot()].record
    }

    /// Returns the hash of all fields of a person.
    pub(super) fn record_of_person(&self, person: PersonIndex) -> u64 {
        self.people_by_index[person.slot()].record
    }

    /// Returns the bytes of the card of a film.
    pub(super) fn card(&self, film: FilmIndex) -> usize {
        self.films_by_index[film.slot()].listed as usize
    }

    fn split_movies(&self, catalogue: &Catalogue) -> Split<FilmIndex> {
        let films = catalogue.films().map(|(film, _)| film).collect();
        let shape = |film: &FilmIndex| &self.films_by_index[film.slot()];
        Split::of_many(films, |film| shape(film).key_of_id(), |film| shape(film).data as usize)
    }

    fn split_people(&self, catalogue: &Catalogue) -> Split<PersonIndex> {
        let shape = |person: &PersonIndex| &self.people_by_index[person.slot()];
        Split::of_many(
            all_people(catalogue),
            |person| shape(person).key_of_id(),
            |person| shape(person).data as usize,
        )
    }

    fn split_all_people(&self, catalogue: &Catalogue) -> Split<PersonIndex> {
        let shape = |person: &PersonIndex| &self.people_by_index[person.slot()];
        Split::of(
            all_people(catalogue),
            |person| Cow::Borrowed(&shape(person).key),
            |person| shape(person).listed as usize,
        )
    }
}

impl Shape {
    fn of(record: &impl Hash, name: &str, id: &str, [listed, data]: [usize; 2]) -> Shape {
        let bytes = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        let (key, listed, data) = (key_of_text(name, id).into(), bytes(listed), bytes(data));
        Shape { record: hash(record), key, listed, data }
    }

    /// Whether lists and data files are cut as with this shape.
    fn is_cut_as(&self, other: &Shape) -> bool {
        let cut = |shape: &'_ Shape| (shape.listed, shape.data);
        self.key == other.key && cut(self) == cut(other)
    }

    fn key_of_id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.key[self.key.len() - KEY_OF_ID..])
    }
}

fn all_people(catalogue: &Catalogue) -> Vec<PersonIndex> {
    catalogue.people().map(|(person, _)| person).collect()
}

fn film_shape(catalogue: &Catalogue, film: FilmIndex) -> Shape {
    let record = catalogue.film(film);
    let bytes = [size::card(catalogue, film), size::film_data(catalogue, film)];
    Shape::of(record, &record.title, &record.id, bytes)
}

fn person_shape(catalogue: &Catalogue, person: PersonIndex) -> Shape {
    let record = catalogue.person(person);
    let bytes = [size::entry(catalogue, person), size::person_data(catalogue, person)];
    Shape::of(record, &record.name, &record.id, bytes)
}

/// Makes the shapes of the touched records again. Returns whether lists and data files are cut as
/// before, and the records have the same order.
fn update<I>(
    shapes: &mut Vec<Shape>,
    touched: &TouchedRecords<I>,
    slot: impl Fn(I) -> usize,
    shape: impl Fn(&I) -> Shape,
) -> bool
where
    I: Copy,
{
    shapes.resize(touched.slots, Shape::default());
    let mut is_same = touched.is_in_order;
    for record in &touched.now {
        let (place, shape) = (&mut shapes[slot(*record)], shape(record));
        is_same &= place.is_cut_as(&shape);
        *place = shape;
    }
    is_same
}

#[cfg(test)]
mod tests;
