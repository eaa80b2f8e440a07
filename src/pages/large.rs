//! Films with very many people, and people with very many films.
//!
//! Owns the rule by which the people of a film, or the films of a person, are cut into parts: if
//! they are too many or too large for the page of the record, the page shows the first of them and
//! links to the pages of the parts. Data files have such lists in files of their own.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::data::DataFile;
use super::most::MOST_IN_DATA;
use super::page::Named;
use super::paths::{film_path, part_path, person_path};
use super::shapes::Shapes;
use super::size;
use super::split::Split;
use super::view::Views;
use crate::catalogue::{Catalogue, FilmIndex, PersonIndex};

/// Records on the page of a film or a person whose other records are on the pages of the parts.
const FIRST: usize = 48;
/// Up to this number, the records always have room on one page.
const NEVER_LARGE: usize = 40;

/// The relations that are cut into parts.
#[derive(Default)]
pub(super) struct Large {
    casts: BTreeMap<FilmIndex, Split<PersonIndex>>,
    filmographies: BTreeMap<PersonIndex, Split<FilmIndex>>,
    casts_in_data: BTreeMap<FilmIndex, Arc<Split<PersonIndex>>>,
    filmographies_in_data: BTreeMap<PersonIndex, Arc<Split<FilmIndex>>>,
}

/// What a page shows of a relation.
pub(super) struct Section<'a, T> {
    pub(super) shown: &'a [T],
    /// Parts on other pages, each with its number of records.
    pub(super) parts: &'a [(String, usize)],
}

impl Large {
    pub(super) fn of(catalogue: &Catalogue, shapes: &Shapes) -> Large {
        let mut large = Large::default();
        for (film, _) in catalogue.films() {
            let cast = catalogue.cast(film);
            let key = |&person: &PersonIndex| shapes.key_of_person(person);
            let size = |&person: &PersonIndex| size::in_cast(catalogue, film, person);
            large.casts.extend(in_parts(cast, key, size).map(|split| (film, split)));
            let key = |&person: &PersonIndex| shapes.id_key_of_person(person);
            let size = |&person: &PersonIndex| size::name_in_data(catalogue, film, person);
            large.casts_in_data.extend(in_data(cast, key, size).map(|split| (film, split)));
        }
        for (person, _) in catalogue.people() {
            let films = catalogue.filmography(person);
            let key = |&film: &FilmIndex| shapes.key_of_film(film);
            let size = |&film: &FilmIndex| size::in_filmography(catalogue, film, person);
            large.filmographies.extend(in_parts(films, key, size).map(|split| (person, split)));
            let key = |&film: &FilmIndex| shapes.id_key_of_film(film);
            let size = |&film: &FilmIndex| size::title_in_data(catalogue, film, person);
            let split = in_data(films, key, size);
            large.filmographies_in_data.extend(split.map(|split| (person, split)));
        }
        large
    }

    /// Returns the people on the page of a film, or on the page of a part.
    pub(super) fn cast<'a>(
        &'a self,
        catalogue: &'a Catalogue,
        film: FilmIndex,
        prefix: &str,
    ) -> Section<'a, PersonIndex> {
        section(self.casts.get(&film), catalogue.cast(film), prefix)
    }

    /// Returns the films on the page of a person, or on the page of a part.
    pub(super) fn filmography<'a>(
        &'a self,
        catalogue: &'a Catalogue,
        person: PersonIndex,
        prefix: &str,
    ) -> Section<'a, FilmIndex> {
        section(self.filmographies.get(&person), catalogue.filmography(person), prefix)
    }

    /// Returns the record and the prefix of each part, without the pages of the records.
    pub(super) fn parts(&self) -> impl Iterator<Item = (Named, &String)> {
        let casts = self.casts.iter().flat_map(|(&film, split)| {
            split.prefixes().map(move |prefix| (Named::Film(film), prefix))
        });
        let filmographies = self.filmographies.iter().flat_map(|(&person, split)| {
            split.prefixes().map(move |prefix| (Named::Person(person), prefix))
        });
        casts.chain(filmographies).filter(|(_, prefix)| !prefix.is_empty())
    }

    /// Returns the path, the record and the prefix of each data file of a relation.
    pub(super) fn data_files(&self, views: Views<'_>) -> Vec<(String, Named, String)> {
        let mut files = Vec::new();
        for &film in self.casts_in_data.keys() {
            let file = self.people_of(views, film);
            let paths = file.iter().flat_map(DataFile::paths);
            files.extend(paths.map(|(path, of)| (path, Named::Film(film), of.clone())));
        }
        for &person in self.filmographies_in_data.keys() {
            let file = self.films_of(views, person);
            let paths = file.iter().flat_map(DataFile::paths);
            files.extend(paths.map(|(path, of)| (path, Named::Person(person), of.clone())));
        }
        files
    }

    /// Returns the data file of the people of a film, if they have one.
    pub(super) fn people_of(
        &self,
        views: Views<'_>,
        film: FilmIndex,
    ) -> Option<DataFile<PersonIndex>> {
        let split = self.casts_in_data.get(&film)?.clone();
        let directory = format!("json/movies/{}/", views.film_slug(film));
        Some(DataFile { name: "people", directory, split })
    }

    /// Returns the data file of the films of a person, if they have one.
    pub(super) fn films_of(
        &self,
        views: Views<'_>,
        person: PersonIndex,
    ) -> Option<DataFile<FilmIndex>> {
        let split = self.filmographies_in_data.get(&person)?.clone();
        let directory = format!("json/people/{}/", views.person_slug(person));
        Some(DataFile { name: "films", directory, split })
    }
}

fn section<'a, T: Clone>(
    split: Option<&'a Split<T>>,
    all: &'a [T],
    prefix: &str,
) -> Section<'a, T> {
    match split {
        None => Section { shown: all, parts: &[] },
        Some(split) if prefix.is_empty() => {
            Section { shown: &all[..all.len().min(FIRST)], parts: split.parts("") }
        }
        Some(split) => Section { shown: split.records(prefix), parts: split.parts(prefix) },
    }
}

/// Cuts records that are too many or too large for the page of their record.
fn in_parts<'k, T: Copy>(
    records: &[T],
    key: impl Fn(&T) -> Cow<'k, str>,
    size: impl Fn(&T) -> usize,
) -> Option<Split<T>> {
    let is_small = records.len() <= NEVER_LARGE;
    let split = (!is_small).then(|| Split::of(records.to_vec(), key, size))?;
    (!split.parts("").is_empty()).then_some(split)
}

/// Cuts records that are too many for the data of their record.
fn in_data<'k, T: Copy>(
    records: &[T],
    key: impl Fn(&T) -> Cow<'k, str>,
    size: impl Fn(&T) -> usize,
) -> Option<Arc<Split<T>>> {
    let is_large = records.len() > MOST_IN_DATA;
    is_large.then(|| Arc::new(Split::of_many(records.to_vec(), key, size)))
}

/// Returns the path of the page of a record, or of a part of its relation.
pub(super) fn path(views: Views<'_>, named: Named, prefix: &str) -> String {
    let whole = match named {
        Named::Film(film) => film_path(views.film_slug(film)),
        Named::Person(person) => person_path(views.person_slug(person)),
    };
    part_path(whole, prefix)
}
