//! Estimates the size of the site of a catalogue.
//!
//! Owns the estimate of the bytes of all published files in the built-in theme, including their
//! compressed forms. An answer whose site would be too large must be refused before the answer is
//! saved, because a saved answer replaces a good answer. The size of the body is not enough for
//! this decision: a title of 500 characters takes few bytes in a body, but takes many bytes on
//! the hundred pages that name the film. The figures were measured on sites that had one kind of
//! record each. A test compares the estimate with such sites.

use std::collections::HashMap;

use rayon::prelude::*;

use super::{Catalogue, Film, Person};

/// Bytes of the files that every site has.
const SITE: u64 = 300 << 10;
/// Bytes of the page, the poster and the cards of a film.
const FILM: u64 = 12_000;
/// Bytes of the page of a person and of the entries of the person in lists.
const PERSON: u64 = 6_600;
/// Bytes of the page of a director or of a producer.
const MAKER: u64 = 7_400;
/// Bytes of a pair: the person on the page and the cards of the film, the film on the page of the
/// person, and the person on the pages of other people of the film.
const PAIR: u64 = 1_800;
/// Bytes around the role of a person in a film, on all pages and in the data files.
const ROLE: u64 = 500;
/// Bytes around the picture of a person on the page of one film.
const PICTURE: u64 = 300;
/// Bytes of the name of a film on the page of another film by the same director.
const BESIDE: u64 = 310;
/// Bytes of the name of a film beside a person on the page of another film.
const ALSO_IN: u64 = 28;
/// Largest number of other films that a page names beside a film or beside a person.
const MOST_BESIDE: u64 = 24;
/// Bytes of a film in a part of the search index, without the bytes of its title.
const FOUND: u64 = 150;
/// Bytes of a film in a part of the search index, without the bytes of its id, if the list of films
/// has all films. Then the index has only ids.
const FOUND_BY_ID: u64 = 45;
/// Largest number of films on the list of all films.
const MOST_ON_LIST: usize = 1_000;
/// Largest number of entries of one film in the search index, in halves.
const MOST_WORDS: u64 = 1_000;

/// The figures of a text.
#[derive(Clone, Copy)]
struct Weighed {
    bytes: u64,
    /// Bytes after `<`, `>`, `&`, `"` and `'` are escaped.
    escaped: u64,
    /// Number of entries in the search index, in halves. An ASCII word counts as one half, because
    /// words with the same beginning share a part of the index. A letter of another script counts
    /// as two halves, because such letters seldom share a part.
    words: u64,
}

impl Weighed {
    /// Weighs a text that is not in the search index.
    fn of(text: &str) -> Weighed {
        let is_special = |byte: &u8| matches!(byte, b'<' | b'>' | b'&' | b'"' | b'\'');
        let special = text.bytes().filter(is_special).count() as u64;
        let bytes = text.len() as u64;
        Weighed { bytes, escaped: bytes + 5 * special, words: 0 }
    }

    /// Weighs a text whose words are in the search index.
    fn indexed(text: &str) -> Weighed {
        let mut words = 0;
        let mut is_inside = false;
        for c in text.chars() {
            let is_plain = c.is_ascii_alphanumeric();
            words += if !c.is_ascii() { 2 } else { u64::from(is_plain && !is_inside) };
            is_inside = is_plain;
        }
        Weighed { words, ..Weighed::of(text) }
    }

    /// Returns the published bytes of the text. `plain` and `escaped` are the published bytes for
    /// each byte of the text and of the escaped text, in tenths. The larger product counts.
    /// `escaped` is smaller than `plain`, because escape sequences compress well.
    fn shown(self, plain: u64, escaped: u64) -> u64 {
        (self.bytes * plain).max(self.escaped * escaped) / 10
    }
}

/// Estimates the bytes of all files of the site.
pub fn weight(catalogue: &Catalogue) -> u64 {
    let films: Vec<_> = catalogue.films().collect();
    let people: Vec<_> = catalogue.people().collect();
    let titles: Vec<_> = films.par_iter().map(|(_, film)| Weighed::indexed(&film.title)).collect();
    let names: Vec<_> =
        people.par_iter().map(|(_, person)| Weighed::indexed(&person.name)).collect();
    let directors = counted(films.iter().flat_map(|(_, film)| &film.directors));
    let producers = counted(films.iter().flat_map(|(_, film)| &film.producers));
    let makers = (directors.len() + producers.len()) as u64 * MAKER;
    let is_on_list = films.len() <= MOST_ON_LIST;
    let films = films.par_iter().zip(&titles).map(|(&(index, film), &title)| {
        let by_same = film.directors.iter().filter_map(|name| directors.get(name.as_str()));
        let beside = by_same.map(|count| count - 1).sum::<u64>().min(MOST_BESIDE);
        let cast = catalogue.cast(index).iter();
        let cast = cast.map(|&person| names[catalogue.person_place(person)].words);
        of_film(film, title, cast.sum(), is_on_list) + beside * (BESIDE + title.shown(22, 10))
    });
    let people = people.par_iter().zip(&names).map(|(&(index, person), &name)| {
        let films = catalogue.filmography(index).iter();
        let films = films.map(|&film| {
            let role = catalogue.credit(film, index).and_then(|credit| credit.role.as_deref());
            (titles[catalogue.film_place(film)], role)
        });
        of_person(person, name, films)
    });
    SITE + makers + films.sum::<u64>() + people.sum::<u64>()
}

/// Counts the films of each name.
fn counted<'n>(names: impl Iterator<Item = &'n String>) -> HashMap<&'n str, u64> {
    let mut counts = HashMap::new();
    for name in names {
        *counts.entry(name.as_str()).or_default() += 1;
    }
    counts
}

fn of_film(film: &Film, title: Weighed, words_of_cast: u64, is_on_list: bool) -> u64 {
    let Film { original_title, original_title_romanised, director, release_date, .. } = film;
    let indexed = [original_title, original_title_romanised, director, release_date];
    let others = [&film.producer, &film.image, &film.movie_banner];
    let indexed = indexed.map(|line| line.as_deref().map(Weighed::indexed));
    let others = others.map(|line| line.as_deref().map(Weighed::of));
    let weigh = if is_on_list { Weighed::indexed } else { Weighed::of };
    let description = film.description.as_deref().map(weigh);
    let prose = description.map_or(0, |text| text.shown(53, 30));
    // The search index has the words of the description (at most 200) if the list of films has all
    // films.
    let words = title.words + indexed.iter().flatten().map(|line| line.words).sum::<u64>();
    let described = description.map_or(0, |text| text.words.min(400));
    let words = (words + words_of_cast + described).min(MOST_WORDS);
    let found = if is_on_list { FOUND_BY_ID + film.id.len() as u64 } else { FOUND + title.bytes };
    FILM + title.shown(240, 135)
        + indexed.iter().chain(&others).flatten().map(|line| line.shown(150, 80)).sum::<u64>()
        + prose
        + words * found / 2
}

fn of_person<'c>(
    person: &Person,
    name: Weighed,
    films: impl ExactSizeIterator<Item = (Weighed, Option<&'c str>)>,
) -> u64 {
    let Person { gender, age, eye_color, hair_color, image, .. } = person;
    let lines = [gender, age, eye_color, hair_color];
    let lines = lines.into_iter().flatten().map(|line| Weighed::of(line).shown(150, 80));
    let image = image.as_deref().map(Weighed::of);
    let others = (films.len() as u64).saturating_sub(1).min(MOST_BESIDE);
    let of_pair = |(title, role): (Weighed, Option<&str>)| {
        PAIR + name.shown(90, 60)
            + title.shown(50, 30)
            + others * (ALSO_IN + title.shown(20, 11))
            + role.map_or(0, |role| ROLE + Weighed::of(role).shown(110, 70))
            + image.map_or(0, |image| PICTURE + image.shown(20, 12))
    };
    let pairs = films.map(of_pair);
    let image = image.map_or(0, |image| PICTURE + image.shown(70, 45));
    PERSON + name.shown(150, 80) + image + lines.sum::<u64>() + pairs.sum::<u64>()
}
