//! About how large the site of a catalogue will be.
//!
//! Owns an estimate of the bytes of all published files, compressed forms included, in
//! the built-in theme. It exists because an answer whose site would be too large has to
//! be refused before the answer is saved: once saved, it would stand in the place of a
//! good one. A title of 500 characters is short in a body and long on the hundred pages
//! that name the film. The figures were measured on sites that were made of one kind of
//! record each; a test compares the estimate with such sites.

use std::collections::HashMap;

use super::{Catalogue, Film, FilmIndex, Person};

/// Bytes of what every site has.
const SITE: u64 = 300 << 10;
/// Bytes of a film's page, its poster and its cards.
const FILM: u64 = 12_000;
/// Bytes of a person's page and their place in lists.
const PERSON: u64 = 6_600;
/// Bytes of the page of a director or of a producer.
const MAKER: u64 = 7_400;
/// Bytes of a pair: the person on the film's page and cards, the film on the person's.
const PAIR: u64 = 1_100;
/// Bytes of a film that is named beside another one by the same director.
const BESIDE: u64 = 310;
/// Bytes of a film that is named beside a person on the page of another one.
const ALSO_IN: u64 = 28;
/// Films that are named beside another one, or beside a person.
const MOST_BESIDE: u64 = 24;
/// Bytes of a film in a part of the search index, beside its title.
const FOUND: u64 = 150;
/// Halves of words of a film in the search index.
const MOST_WORDS: u64 = 1_000;

/// A text in figures.
#[derive(Clone, Copy)]
struct Weighed {
    bytes: u64,
    /// Bytes once `<`, `>`, `&`, `"` and `'` are escaped.
    escaped: u64,
    /// Places at which a search finds it, in halves: plain words that begin alike share a
    /// part of the index, letters of other scripts seldom do.
    words: u64,
}

impl Weighed {
    fn of(text: &str) -> Weighed {
        let mut words = 0;
        let mut is_inside = false;
        for c in text.chars() {
            let is_plain = c.is_ascii_alphanumeric();
            words += if !c.is_ascii() { 2 } else { u64::from(is_plain && !is_inside) };
            is_inside = is_plain;
        }
        let special = text.bytes().filter(|byte| b"<>&\"'".contains(byte)).count() as u64;
        let bytes = text.len() as u64;
        Weighed { bytes, escaped: bytes + 5 * special, words }
    }

    /// Bytes on pages where the text stands so often: plain text compresses little, what
    /// is escaped compresses well. Both figures in tenths.
    fn shown(self, plain: u64, escaped: u64) -> u64 {
        (self.bytes * plain).max(self.escaped * escaped) / 10
    }
}

/// About how many bytes the files of the site will have.
pub fn weight(catalogue: &Catalogue) -> u64 {
    let titles: Vec<Weighed> =
        catalogue.films.iter().map(|film| Weighed::of(&film.title)).collect();
    let names: Vec<Weighed> =
        catalogue.people.iter().map(|person| Weighed::of(&person.name)).collect();
    let mut directors: HashMap<&str, u64> = HashMap::new();
    let mut producers: HashMap<&str, u64> = HashMap::new();
    for film in &catalogue.films {
        for (makers, names) in
            [(&mut directors, &film.directors), (&mut producers, &film.producers)]
        {
            for name in names {
                *makers.entry(name).or_default() += 1;
            }
        }
    }
    let makers = (directors.len() + producers.len()) as u64 * MAKER;
    let films = catalogue.films.iter().zip(&titles).map(|(film, &title)| {
        let by_same = film.directors.iter().filter_map(|name| directors.get(name.as_str()));
        let beside = by_same.map(|count| count - 1).sum::<u64>().min(MOST_BESIDE);
        let cast = film.people.iter().map(|&person| names[person].words);
        of_film(film, title, cast.sum()) + beside * (BESIDE + title.shown(44, 18))
    });
    let people = catalogue.people.iter().zip(&names);
    let people = people.map(|(person, &name)| of_person(person, name, &titles));
    SITE + makers + films.sum::<u64>() + people.sum::<u64>()
}

fn of_film(film: &Film, title: Weighed, words_of_cast: u64) -> u64 {
    let lines: Vec<Weighed> = [
        &film.original_title,
        &film.original_title_romanised,
        &film.director,
        &film.producer,
        &film.release_date,
        &film.image,
        &film.movie_banner,
    ]
    .into_iter()
    .flatten()
    .map(|line| Weighed::of(line))
    .collect();
    let prose = film.description.as_deref().map_or(0, |text| Weighed::of(text).shown(53, 30));
    // The first three are what a search finds beside the title.
    let words = title.words + lines.iter().take(3).map(|line| line.words).sum::<u64>();
    let words = (words + words_of_cast).min(MOST_WORDS);
    FILM + title.shown(240, 135)
        + lines.iter().map(|line| line.shown(150, 80)).sum::<u64>()
        + prose
        + words * (FOUND + title.bytes) / 2
}

fn of_person(person: &Person, name: Weighed, titles: &[Weighed]) -> u64 {
    let lines = [&person.gender, &person.age, &person.eye_color, &person.hair_color];
    let lines = lines.into_iter().flatten().map(|line| Weighed::of(line).shown(150, 80));
    let films = person.films.len() as u64;
    let others = films.saturating_sub(1).min(MOST_BESIDE);
    let of_pair = |&film: &FilmIndex| {
        let title = titles[film];
        PAIR + name.shown(90, 60) + title.shown(50, 30) + others * (ALSO_IN + title.shown(20, 11))
    };
    let pairs = person.films.iter().map(of_pair);
    PERSON + name.shown(150, 80) + lines.sum::<u64>() + pairs.sum::<u64>()
}
