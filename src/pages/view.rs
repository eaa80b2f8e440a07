//! Films and people as templates and JSON files see them.
//!
//! Owns the names of the fields, on which theme authors rely. Each list in a view has a largest
//! length, except lists of the whole catalogue.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;

use super::most::{MOST_BESIDE, MOST_IN_DATA, MOST_LISTED, most_beside};
use super::paths::{
    director_path, film_path, films_of_person_path, people_of_film_path, person_path, poster_path,
};
use super::records::Records;
use super::site::Site;
use crate::catalogue::{Catalogue, Extra, Film, FilmIndex, Person, PersonIndex};
use crate::clock::WallTime;
use crate::ledger::Ledger;
use crate::texts::Texts;

/// Largest number of other people that the page of a person names.
const MOST_PEOPLE_BESIDE: usize = 48;

/// Largest number of pairs of film and person that are read to find these people.
const MOST_READ: usize = 1_000;

/// A film as another page names the film.
#[derive(Debug, Serialize)]
pub(super) struct FilmName<'a> {
    id: &'a str,
    title: &'a str,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    year: Option<u32>,
    /// What the person plays or does in the film, if a person names the film.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
}

/// A director or a producer, with the page of the person.
#[derive(Debug, Serialize)]
pub(super) struct Maker<'a> {
    pub(super) name: &'a str,
    pub(super) url: String,
}

/// A film that a page shows by its poster.
#[derive(Debug, Serialize)]
pub(super) struct FilmBeside<'a> {
    #[serde(flatten)]
    name: FilmName<'a>,
    poster: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
}

/// A person as another page names the person.
#[derive(Debug, Serialize)]
pub(super) struct PersonName<'a> {
    id: &'a str,
    name: &'a str,
    url: String,
    /// What the person plays or does in the film, if a film names the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
}

/// A film with its people. `P` is the view of a person.
#[derive(Debug, Serialize)]
pub(super) struct FilmView<'a, P> {
    id: &'a str,
    slug: &'a str,
    url: String,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_title_romanised: Option<&'a str>,
    /// Language of the original title (BCP 47).
    #[serde(skip_serializing_if = "Option::is_none")]
    original_language: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    movie_banner: Option<&'a str>,
    poster: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    director: Option<&'a str>,
    /// Names of the directors, if there are several.
    #[serde(skip_serializing_if = "is_one")]
    directors: &'a [String],
    /// The directors with their pages; empty in data files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    directed_by: Vec<Maker<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    producer: Option<&'a str>,
    #[serde(skip_serializing_if = "is_one")]
    producers: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    release_date: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    year: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    running_time: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rt_score: Option<u32>,
    people: Vec<P>,
    /// Number of further people.
    #[serde(skip_serializing_if = "is_zero")]
    more_people: usize,
    /// In data files, the address of all people if there are further people.
    #[serde(skip_serializing_if = "Option::is_none")]
    people_url: Option<String>,
    /// Origin time of the first payload with the film; `None` for a film of the first payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_seen: Option<String>,
    #[serde(flatten)]
    extra: &'a Extra,
}

/// Returns whether there is at most one name. Then the field `director` or `producer` has the same
/// information.
fn is_one(names: &&[String]) -> bool {
    names.len() <= 1
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// A person, with the films of the person.
#[derive(Debug, Serialize)]
pub(super) struct PersonView<'a> {
    id: &'a str,
    slug: &'a str,
    url: String,
    name: &'a str,
    /// What the person plays or does in the film, on the page of the film.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(flatten)]
    facts: PersonFacts<'a>,
    films: Vec<FilmName<'a>>,
    /// Number of further films.
    #[serde(skip_serializing_if = "is_zero")]
    more_films: usize,
    /// In data files, the address of all films if there are further films.
    #[serde(skip_serializing_if = "Option::is_none")]
    films_url: Option<String>,
    #[serde(flatten)]
    extra: &'a Extra,
}

/// What is known of a person besides the name.
#[derive(Debug, Serialize)]
struct PersonFacts<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    gender: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eye_color: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hair_color: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
}

impl<'a> PersonFacts<'a> {
    fn of(person: &'a Person) -> PersonFacts<'a> {
        PersonFacts {
            gender: person.gender.as_deref(),
            age: person.age.as_deref(),
            eye_color: person.eye_color.as_deref(),
            hair_color: person.hair_color.as_deref(),
            image: person.image.as_deref(),
        }
    }
}

/// The source of all views of one catalogue.
#[derive(Clone, Copy)]
pub(super) struct Views<'a> {
    pub(super) site: &'a Site,
    pub(super) catalogue: &'a Catalogue,
    pub(super) ledger: &'a Ledger,
    pub(super) records: &'a Records<'a>,
    /// Origin time of the first payload. No page shows this time.
    pub(super) baseline: WallTime,
    /// What pages say.
    pub(super) texts: &'a Arc<Texts>,
    /// Whether addresses have scheme and host, if they are known: data files are read outside of
    /// the site.
    pub(super) is_absolute: bool,
}

impl<'a> Views<'a> {
    /// Returns the views for files that are read outside of the site.
    pub(super) fn for_data(self) -> Views<'a> {
        Views { is_absolute: true, ..self }
    }

    /// Returns the address of a path.
    pub(super) fn link(self, path: &str) -> String {
        if self.is_absolute { self.site.absolute(path) } else { self.site.link(path) }
    }

    /// Returns the last segment of the path of a film.
    pub(super) fn film_slug(self, film: FilmIndex) -> &'a str {
        self.records.film(film).map_or("unlisted", |entry| &entry.slug)
    }

    /// Returns the last segment of the path of a person, as [`Views::film_slug`] does for a film.
    pub(super) fn person_slug(self, person: PersonIndex) -> &'a str {
        self.records.person(person).map_or("unlisted", |entry| &entry.slug)
    }

    pub(super) fn film_name(self, index: FilmIndex) -> FilmName<'a> {
        let film = self.catalogue.film(index);
        let url = self.link(&film_path(self.film_slug(index)));
        FilmName { id: &film.id, title: &film.title, url, year: film.year, role: None }
    }

    pub(super) fn person_name(self, index: PersonIndex) -> PersonName<'a> {
        let person = self.catalogue.person(index);
        let url = self.link(&person_path(self.person_slug(index)));
        PersonName { id: &person.id, name: &person.name, url, role: None }
    }

    /// Returns what a person plays or does in a film, if the record of the film says so.
    fn role(self, film: FilmIndex, person: PersonIndex) -> Option<&'a str> {
        self.catalogue.credit(film, person)?.role.as_deref()
    }

    /// Returns a film as a film of this person.
    pub(super) fn film_of(self, person: PersonIndex, film: FilmIndex) -> FilmName<'a> {
        FilmName { role: self.role(film, person), ..self.film_name(film) }
    }

    /// Returns a person as a person of this film.
    pub(super) fn person_of(self, film: FilmIndex, person: PersonIndex) -> PersonName<'a> {
        PersonName { role: self.role(film, person), ..self.person_name(person) }
    }

    /// Returns a film with the names of its people, as lists and JSON files show the film.
    pub(super) fn film(self, index: FilmIndex) -> FilmView<'a, PersonName<'a>> {
        let cast = self.catalogue.cast(index);
        let shown = &cast[..cast.len().min(self.most_listed())];
        let people = shown.iter().map(|&person| self.person_of(index, person)).collect();
        let view = self.film_with(index, people);
        let has_file = self.is_absolute && shown.len() < cast.len();
        let people_url = has_file.then(|| self.link(&people_of_film_path(view.slug)));
        FilmView { people_url, ..view }
    }

    /// Returns a film with full views of some of its people, as the page of the film shows the
    /// film.
    pub(super) fn film_in_full(
        self,
        index: FilmIndex,
        people: &[PersonIndex],
    ) -> FilmView<'a, PersonView<'a>> {
        let most = most_beside(self.catalogue, index);
        let people = people.iter().map(|&person| {
            let others = self.catalogue.filmography(person).iter();
            let others = others.filter(|&&other| other != index);
            let view = self.person_with(person, others.take(most));
            PersonView { role: self.role(index, person), more_films: 0, ..view }
        });
        self.film_with(index, people.collect())
    }

    /// Returns the largest number of people of a film, and of films of a person.
    fn most_listed(self) -> usize {
        if self.is_absolute { MOST_IN_DATA } else { MOST_LISTED }
    }

    fn film_with<P>(self, index: FilmIndex, people: Vec<P>) -> FilmView<'a, P> {
        let film = self.catalogue.film(index);
        let slug = self.film_slug(index);
        FilmView {
            id: &film.id,
            slug,
            url: self.link(&film_path(slug)),
            title: &film.title,
            original_title: film.original_title.as_deref(),
            original_title_romanised: film.original_title_romanised.as_deref(),
            original_language: film.original_language.as_deref(),
            image: film.image.as_deref(),
            movie_banner: film.movie_banner.as_deref(),
            poster: self.link(&poster_path(slug)),
            description: film.description.as_deref(),
            director: film.director.as_deref(),
            directors: &film.directors,
            directed_by: self.directed_by(film),
            producer: film.producer.as_deref(),
            producers: &film.producers,
            release_date: film.release_date.as_deref(),
            year: film.year,
            running_time: film.running_time,
            rt_score: film.rt_score,
            more_people: self.catalogue.cast(index).len() - people.len(),
            people_url: None,
            people,
            first_seen: self.first_seen(index),
            extra: &film.extra,
        }
    }

    fn directed_by(self, film: &'a Film) -> Vec<Maker<'a>> {
        let shown = film.directors.iter().filter(|_| !self.is_absolute);
        let maker = |name: &'a String| {
            let slug = self.ledger.directors.get(name).map_or("unlisted", |entry| &entry.slug);
            Maker { name, url: self.link(&director_path(slug)) }
        };
        shown.map(maker).collect()
    }

    /// Returns the origin time of the first payload with the film; `None` for a film of the first
    /// payload.
    pub(super) fn first_seen_at(self, film: FilmIndex) -> Option<WallTime> {
        let seen = self.records.film(film)?.first_seen;
        (seen > self.baseline).then_some(seen)
    }

    pub(super) fn first_seen(self, film: FilmIndex) -> Option<String> {
        self.first_seen_at(film).map(WallTime::rfc3339)
    }

    pub(super) fn person(self, index: PersonIndex) -> PersonView<'a> {
        let films = self.catalogue.filmography(index);
        let shown = &films[..films.len().min(self.most_listed())];
        let view = self.person_with(index, shown.iter());
        let has_file = self.is_absolute && shown.len() < films.len();
        let films_url = has_file.then(|| self.link(&films_of_person_path(view.slug)));
        PersonView { films_url, ..view }
    }

    /// Returns a person with some of the films of the person.
    pub(super) fn person_with(
        self,
        index: PersonIndex,
        films: impl Iterator<Item = &'a FilmIndex>,
    ) -> PersonView<'a> {
        let person = self.catalogue.person(index);
        let slug = self.person_slug(index);
        let films: Vec<_> = films.map(|&film| self.film_of(index, film)).collect();
        PersonView {
            id: &person.id,
            slug,
            url: self.link(&person_path(slug)),
            name: &person.name,
            role: None,
            facts: PersonFacts::of(person),
            more_films: self.catalogue.filmography(index).len() - films.len(),
            films_url: None,
            films,
            extra: &person.extra,
        }
    }

    /// Returns the other films by the same directors, newest first. `by` has all their films.
    pub(super) fn also_by_director(
        self,
        index: FilmIndex,
        by: &[FilmIndex],
    ) -> Vec<FilmBeside<'a>> {
        by.iter()
            .filter(|&&other| other != index)
            .take(MOST_BESIDE)
            .map(|&other| self.film_beside(other))
            .collect()
    }

    fn film_beside(self, film: FilmIndex) -> FilmBeside<'a> {
        FilmBeside {
            name: self.film_name(film),
            poster: self.link(&poster_path(self.film_slug(film))),
            image: self.catalogue.film(film).image.as_deref(),
        }
    }

    /// Returns films of a person by their posters.
    pub(super) fn films_beside(
        self,
        person: PersonIndex,
        films: &[FilmIndex],
    ) -> Vec<FilmBeside<'a>> {
        let beside = |&film: &FilmIndex| FilmBeside {
            name: self.film_of(person, film),
            ..self.film_beside(film)
        };
        films.iter().map(beside).collect()
    }

    /// Returns the other people of the films of a person, in the order of the films, and the number
    /// of further people. The number is bounded as [`MOST_READ`] bounds the work.
    pub(super) fn people_beside(self, person: PersonIndex) -> (Vec<PersonName<'a>>, usize) {
        let films = self.catalogue.filmography(person).iter();
        let others = films.flat_map(|&film| self.catalogue.cast(film));
        let mut seen = HashSet::from([person]);
        let mut beside: Vec<_> =
            others.take(MOST_READ).copied().filter(|&other| seen.insert(other)).collect();
        let more = beside.len().saturating_sub(MOST_PEOPLE_BESIDE);
        beside.truncate(MOST_PEOPLE_BESIDE);
        (beside.into_iter().map(|other| self.person_name(other)).collect(), more)
    }

    /// Returns the first films of a group, and no more than [`MOST_BESIDE`].
    pub(super) fn first_names(self, films: &[FilmIndex]) -> Vec<FilmName<'a>> {
        films.iter().take(MOST_BESIDE).map(|&film| self.film_name(film)).collect()
    }
}
