//! Estimates of the sizes of records on pages and in data files.
//!
//! Owns the bound on the size of a file, and the estimate of what one record adds to a file. Long
//! lists are cut by these estimates, so that a list of films with large casts has more parts than a
//! list of films without people. The estimates are for the built-in theme. They are somewhat too
//! large, so that the files stay below the bound.

use serde_json::Value;

use super::most::{MOST_IN_DATA, MOST_LISTED, most_beside};
use crate::catalogue::{Catalogue, Extra, FilmIndex, Person, PersonIndex};

/// Bytes of all records in one file. With the rest of the page, the file has at most 256 kB.
pub(super) const MOST_BYTES: usize = 215_000;
/// Bytes of the cards on the first page, if the page has only the newest films. With the rest of
/// the page, the file has at most 250 kB.
pub(super) const MOST_BYTES_OF_NEWEST: usize = 165_000;

/// Bytes of an address of this site, without its slug.
const LINK: usize = 20;

/// Returns the bytes of the card of a film, with its entry in the JSON-LD of the list.
pub(super) fn card(catalogue: &Catalogue, index: FilmIndex) -> usize {
    let film = catalogue.film(index);
    let names = film.directors.iter().map(|name| 60 + 4 * escaped(name)).sum::<usize>();
    let lines = [&film.original_title, &film.original_title_romanised];
    let lines = lines.into_iter().flatten().map(|line| 60 + escaped(line)).sum::<usize>();
    let image = film.image.as_deref().map_or(0, |image| 60 + escaped(image));
    let people = catalogue.cast(index).iter().take(MOST_LISTED).map(|&person| {
        let role = role(catalogue, index, person).map_or(0, |role| 60 + escaped(role));
        let person = catalogue.person(person);
        85 + LINK + escaped(&person.id) + 3 * escaped(&person.name) + role
    });
    let people: usize = people.sum();
    // The languages of the original title.
    let lang = film.original_language.as_deref().map_or(0, |lang| 20 + 2 * escaped(lang));
    1_150 + lang + escaped(&film.id) + 6 * escaped(&film.title) + names + lines + image + people
}

/// Returns the bytes of a person in the list of all people.
pub(super) fn entry(catalogue: &Catalogue, index: PersonIndex) -> usize {
    let films = catalogue.filmography(index).iter().take(MOST_LISTED);
    let films = films.map(|&film| 55 + LINK + 3 * escaped(&catalogue.film(film).title));
    150 + LINK + 3 * escaped(&catalogue.person(index).name) + films.sum::<usize>()
}

/// Returns the bytes of a director or a producer in the list of all.
pub(super) fn maker(name: &str) -> usize {
    250 + LINK + 3 * escaped(name)
}

/// Returns the bytes of a year in the list of all years. `films` are the films that the list names.
pub(super) fn year(catalogue: &Catalogue, films: &[FilmIndex]) -> usize {
    let films = films.iter().map(|&film| 60 + LINK + 3 * escaped(&catalogue.film(film).title));
    250 + films.sum::<usize>()
}

/// Returns the bytes of a film in the data files.
pub(super) fn film_data(catalogue: &Catalogue, index: FilmIndex) -> usize {
    let film = catalogue.film(index);
    let texts = [
        &film.original_title,
        &film.original_title_romanised,
        &film.original_language,
        &film.image,
        &film.movie_banner,
        &film.description,
        &film.director,
        &film.producer,
        &film.release_date,
    ];
    let texts = texts.into_iter().flatten().map(|text| 30 + in_json(text)).sum::<usize>();
    let makers = film.directors.iter().chain(&film.producers).map(|name| 4 + in_json(name));
    let makers: usize = makers.sum();
    let people = catalogue.cast(index).iter().take(MOST_IN_DATA);
    let people: usize = people.map(|&person| name_in_data(catalogue, index, person)).sum();
    250 + 4 * in_json(&film.title)
        + in_json(&film.id)
        + texts
        + makers
        + people
        + extra(&film.extra)
}

/// Returns the bytes of a person in the data files.
pub(super) fn person_data(catalogue: &Catalogue, index: PersonIndex) -> usize {
    let person = catalogue.person(index);
    let Person { gender, age, eye_color, hair_color, image, .. } = person;
    let texts = [gender, age, eye_color, hair_color, image];
    let texts = texts.into_iter().flatten().map(|text| 16 + in_json(text)).sum::<usize>();
    let films = catalogue.filmography(index).iter().take(MOST_IN_DATA);
    let films: usize = films.map(|&film| title_in_data(catalogue, film, index)).sum();
    100 + in_json(&person.id) + 3 * in_json(&person.name) + texts + films + extra(&person.extra)
}

/// Returns the bytes of a person on the page of a film, with the other films that the page names.
pub(super) fn in_cast(catalogue: &Catalogue, film: FilmIndex, index: PersonIndex) -> usize {
    let person = catalogue.person(index);
    let facts = [&person.gender, &person.age, &person.eye_color, &person.hair_color];
    let facts = facts.into_iter().flatten().map(|fact| 10 + escaped(fact)).sum::<usize>();
    let films = catalogue.filmography(index).iter().take(most_beside(catalogue, film));
    let films = films.map(|&film| 60 + LINK + 3 * escaped(&catalogue.film(film).title));
    // A person without a picture has an empty one beside people with pictures.
    let image = person.image.as_deref().map_or(0, |image| 130 + escaped(image));
    let credit = catalogue.credit(film, index).map_or(0, |_| 120);
    let role = role(catalogue, film, index).map_or(0, |role| 160 + 2 * escaped(role));
    300 + LINK
        + escaped(&person.id)
        + 4 * escaped(&person.name)
        + facts
        + films.sum::<usize>()
        + image
        + credit
        + role
}

/// Returns the bytes of a film on the page of a person.
pub(super) fn in_filmography(
    catalogue: &Catalogue,
    index: FilmIndex,
    person: PersonIndex,
) -> usize {
    let film = catalogue.film(index);
    let image = film.image.as_deref().map_or(0, |image| 150 + escaped(image));
    let role = role(catalogue, index, person).map_or(0, |role| 200 + 2 * escaped(role));
    480 + LINK + 5 * escaped(&film.title) + image + role
}

/// Returns the bytes of the name of a person of a film in a data file.
pub(super) fn name_in_data(catalogue: &Catalogue, film: FilmIndex, index: PersonIndex) -> usize {
    let person = catalogue.person(index);
    60 + LINK
        + in_json(&person.id)
        + 2 * in_json(&person.name)
        + role_in_data(catalogue, film, index)
}

/// Returns the bytes of the title of a film of a person in a data file.
pub(super) fn title_in_data(catalogue: &Catalogue, index: FilmIndex, person: PersonIndex) -> usize {
    let film = catalogue.film(index);
    70 + LINK
        + in_json(&film.id)
        + 2 * in_json(&film.title)
        + role_in_data(catalogue, index, person)
}

fn role_in_data(catalogue: &Catalogue, film: FilmIndex, person: PersonIndex) -> usize {
    role(catalogue, film, person).map_or(0, |role| 12 + in_json(role))
}

/// Returns what a person plays or does in a film, if the record of the film says so.
fn role(catalogue: &Catalogue, film: FilmIndex, person: PersonIndex) -> Option<&str> {
    catalogue.credit(film, person)?.role.as_deref()
}

fn extra(extra: &Extra) -> usize {
    extra.iter().map(|(name, value)| 6 + in_json(name) + of_value(value)).sum()
}

fn of_value(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 12,
        Value::String(text) => 2 + in_json(text),
        Value::Array(values) => 2 + values.iter().map(|value| 1 + of_value(value)).sum::<usize>(),
        Value::Object(fields) => {
            2 + fields
                .iter()
                .map(|(name, value)| 4 + in_json(name) + of_value(value))
                .sum::<usize>()
        }
    }
}

/// Returns the bytes of a text in HTML.
fn escaped(text: &str) -> usize {
    text.len() + 5 * text.bytes().filter(|byte| b"<>&\"'".contains(byte)).count()
}

/// Returns the bytes of a text in JSON.
fn in_json(text: &str) -> usize {
    text.len() + 5 * text.bytes().filter(|byte| matches!(byte, b'"' | b'\\' | 0..32)).count()
}
