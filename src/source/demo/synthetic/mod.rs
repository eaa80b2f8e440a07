//! Made-up catalogues of any size, for demonstrations and measurements.
//!
//! Owns the distributions of the data: decades, lengths of casts and texts, languages, and missing
//! values are like those of a national film archive. A catalogue depends on its numbers and its
//! seed alone, so everybody who names the same numbers has the same bytes. Records are written one
//! at a time: the memory does not hold the texts of the catalogue.

mod words;

use std::io::{self, Write};

use any_ascii::any_ascii;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::Serialize;
use words::{COLOURS, DEEDS, LANGUAGES, Language, PLACES, TURNS};

/// The address of the API that the references in the records name.
const HOST: &str = "https://films.example";

/// What random numbers are for.
#[derive(Clone, Copy)]
enum MadeUp {
    Film = 1,
    Person = 2,
    /// Directors and producers have no records; their number decides their name.
    Maker = 3,
}

/// A made-up catalogue.
#[derive(Debug)]
pub struct Synthetic {
    seed: u64,
    films: u32,
    people: u32,
    /// The people of each film, film after film.
    casts: Grouped,
    /// The films of each person, person after person.
    filmographies: Grouped,
}

impl Synthetic {
    /// Draws the pairs of film and person.
    pub fn new(films: u32, people: u32, seed: u64) -> Synthetic {
        let mut pairs = Vec::new();
        for person in 0..people {
            let mut random = random(seed, MadeUp::Person, person);
            for _ in 0..films_of_a_person(&mut random, films) {
                pairs.push((random.random_range(0..films), person));
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        let casts = Grouped::of(films, &pairs);
        for pair in &mut pairs {
            *pair = (pair.1, pair.0);
        }
        pairs.sort_unstable();
        let filmographies = Grouped::of(people, &pairs);
        Synthetic { seed, films, people, casts, filmographies }
    }

    /// Returns the number of pairs of film and person.
    pub fn pairs(&self) -> usize {
        self.casts.members.len()
    }

    /// Writes the list of films. Calls `written` after each film.
    ///
    /// # Errors
    /// Fails if `to` fails.
    pub fn write_films(&self, to: &mut dyn Write, written: &dyn Fn()) -> io::Result<()> {
        write_list(self.films, |film| self.film(film), to, written)
    }

    /// Writes the list of people. Calls `written` after each person.
    ///
    /// # Errors
    /// Fails if `to` fails.
    pub fn write_people(&self, to: &mut dyn Write, written: &dyn Fn()) -> io::Result<()> {
        write_list(self.people, |person| self.person(person), to, written)
    }

    fn film(&self, film: u32) -> MadeUpFilm {
        // The numbers for the pairs come from the people, so the films have the rest.
        let mut random = random(self.seed, MadeUp::Film, film);
        let random = &mut random;
        let language = language(random);
        let original = title(random, language);
        let (title, original_title) = match (language.is_latin, random.random_ratio(1, 8)) {
            // A part of the archive has no translated title.
            (false, false) | (true, true) => (title_of_site(random), Some(original)),
            _ => (original, None),
        };
        let makers = (self.films / 8).max(1);
        let directors = if random.random_ratio(1, 20) { 2 } else { 1 };
        let directors = (0..directors).map(|_| self.maker(skewed(random, makers)));
        let directors: Vec<_> = directors.collect();
        let year = year(random);
        MadeUpFilm {
            id: id(self.seed, MadeUp::Film, film),
            title,
            original_title_romanised: original_title.as_deref().map(any_ascii),
            original_title,
            description: random.random_ratio(97, 100).then(|| description(random)),
            director: random.random_ratio(98, 100).then(|| directors.join(", ")),
            producer: random.random_ratio(9, 10).then(|| self.maker(skewed(random, makers))),
            release_date: random.random_ratio(99, 100).then(|| date(random, year)),
            running_time: random.random_ratio(19, 20).then(|| minutes(random)),
            rt_score: random.random_ratio(3, 5).then(|| score(random)),
            people: self.references("people", MadeUp::Person, self.casts.of_member(film)),
            url: self.address("films", MadeUp::Film, film),
        }
    }

    fn person(&self, person: u32) -> MadeUpPerson {
        let mut random = random(self.seed ^ 1, MadeUp::Person, person);
        let random = &mut random;
        let gender = if random.random_ratio(1, 2) { "Female" } else { "Male" };
        let colour = |random: &mut Pcg64Mcg| COLOURS[random.random_range(0..COLOURS.len())];
        MadeUpPerson {
            id: id(self.seed, MadeUp::Person, person),
            name: name(random),
            gender: random.random_ratio(19, 20).then_some(gender),
            age: random.random_ratio(2, 3).then(|| random.random_range(4..95u32).to_string()),
            eye_color: random.random_ratio(1, 2).then(|| colour(random)),
            hair_color: random.random_ratio(1, 2).then(|| colour(random)),
            films: self.references("films", MadeUp::Film, self.filmographies.of_member(person)),
            url: self.address("people", MadeUp::Person, person),
        }
    }

    /// Returns the name of a director or a producer.
    fn maker(&self, number: u32) -> String {
        let name = name(&mut random(self.seed, MadeUp::Maker, number));
        // There are more makers than pairs of names, and a name stands for one person.
        format!("{name} {}.", char::from(b'A' + (number % 26) as u8))
    }

    fn address(&self, route: &str, kind: MadeUp, number: u32) -> String {
        format!("{HOST}/{route}/{}", id(self.seed, kind, number))
    }

    fn references(&self, route: &str, kind: MadeUp, numbers: &[u32]) -> Vec<String> {
        numbers.iter().map(|&number| self.address(route, kind, number)).collect()
    }
}

/// The members of groups, group after group.
#[derive(Debug)]
struct Grouped {
    /// The end of each group in `members`.
    ends: Vec<u32>,
    members: Vec<u32>,
}

impl Grouped {
    /// Groups sorted pairs by their first number, which is less than `groups`.
    fn of(groups: u32, pairs: &[(u32, u32)]) -> Grouped {
        let end = |group| pairs.partition_point(|pair| pair.0 <= group) as u32;
        Grouped {
            ends: (0..groups).map(end).collect(),
            members: pairs.iter().map(|pair| pair.1).collect(),
        }
    }

    fn of_member(&self, group: u32) -> &[u32] {
        let group = group as usize;
        let start = group.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.members[start as usize..self.ends[group] as usize]
    }
}

/// A film in the form of the API.
#[derive(Serialize)]
struct MadeUpFilm {
    id: String,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_title_romanised: Option<String>,
    description: Option<String>,
    director: Option<String>,
    producer: Option<String>,
    release_date: Option<String>,
    running_time: Option<String>,
    rt_score: Option<String>,
    people: Vec<String>,
    url: String,
}

/// A person in the form of the API.
#[derive(Serialize)]
struct MadeUpPerson {
    id: String,
    name: String,
    gender: Option<&'static str>,
    age: Option<String>,
    eye_color: Option<&'static str>,
    hair_color: Option<&'static str>,
    films: Vec<String>,
    url: String,
}

/// Writes a JSON array with one record on each line.
fn write_list<T: Serialize>(
    count: u32,
    record: impl Fn(u32) -> T,
    to: &mut dyn Write,
    written: &dyn Fn(),
) -> io::Result<()> {
    to.write_all(b"[")?;
    for number in 0..count {
        to.write_all(if number == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *to, &record(number))?;
        written();
    }
    to.write_all(b"\n]\n")
}

/// Returns the random numbers of one record. A record does not depend on the records before it.
fn random(seed: u64, kind: MadeUp, number: u32) -> Pcg64Mcg {
    let of_record = (kind as u64) << 32 | u64::from(number);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..].copy_from_slice(&of_record.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    let hash = blake3::hash(&bytes);
    bytes.copy_from_slice(&hash.as_bytes()[..16]);
    Pcg64Mcg::from_seed(bytes)
}

/// Returns an id with the form of a UUID.
fn id(seed: u64, kind: MadeUp, number: u32) -> String {
    let mut random = random(seed ^ 2, kind, number);
    let digits = format!("{:032x}", random.random::<u128>());
    let cuts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    cuts.join("-")
}

/// Most people are in one film, and a few are in very many.
fn films_of_a_person(random: &mut Pcg64Mcg, films: u32) -> u32 {
    let count = match random.random_range(0..100) {
        0..4 => 0,
        4..68 => 1,
        68..92 => random.random_range(2..5),
        92..99 => random.random_range(5..16),
        _ => random.random_range(16..70),
    };
    count.min(films)
}

/// Returns a number below `bound`; small numbers are more frequent.
fn skewed(random: &mut Pcg64Mcg, bound: u32) -> u32 {
    let share: f64 = random.random();
    ((share * share * f64::from(bound)) as u32).min(bound - 1)
}

fn pick<'w>(random: &mut Pcg64Mcg, words: &'w [&'static str]) -> &'w str {
    words[random.random_range(0..words.len())]
}

fn language(random: &mut Pcg64Mcg) -> &'static Language {
    let all: u32 = LANGUAGES.iter().map(|language| language.share).sum();
    let mut left = random.random_range(0..all);
    for language in &LANGUAGES {
        match left.checked_sub(language.share) {
            Some(rest) => left = rest,
            None => return language,
        }
    }
    &LANGUAGES[0]
}

fn title(random: &mut Pcg64Mcg, language: &Language) -> String {
    let (first, second) = (pick(random, language.first), pick(random, language.second));
    let space = language.space;
    match random.random_range(0..10) {
        0 => format!("{first}{space}{second} {}", random.random_range(2..5)),
        1 => format!("{second}: {first}{space}{}", pick(random, language.second)),
        2 => format!("{first}{space}{second} ({})", pick(random, language.second)),
        _ => format!("{first}{space}{second}"),
    }
}

fn title_of_site(random: &mut Pcg64Mcg) -> String {
    let plain = title(random, &LANGUAGES[0]);
    if random.random_ratio(1, 2) { format!("The {plain}") } else { plain }
}

fn name(random: &mut Pcg64Mcg) -> String {
    let language = language(random);
    let (given, family) = (pick(random, language.given_names), pick(random, language.family_names));
    let middle = char::from(b'A' + random.random_range(0..26u8));
    match (language.space, language.is_latin) {
        ("", _) => format!("{family}{given}"),
        (_, true) if random.random_ratio(1, 2) => format!("{given} {middle}. {family}"),
        _ => format!("{given} {family}"),
    }
}

/// The number of films grows with the decades.
fn year(random: &mut Pcg64Mcg) -> u32 {
    let share: f64 = random.random();
    1896 + (share.sqrt().sqrt() * 130.0) as u32
}

/// Older dates are less exact.
fn date(random: &mut Pcg64Mcg, year: u32) -> String {
    let is_exact = random.random_range(1890..2040) < year;
    if is_exact {
        let (month, day) = (random.random_range(1..13u32), random.random_range(1..29u32));
        format!("{year}-{month:02}-{day:02}")
    } else {
        year.to_string()
    }
}

fn minutes(random: &mut Pcg64Mcg) -> String {
    let is_short = random.random_ratio(1, 6);
    let spread: u32 = (0..4).map(|_| random.random_range(0..26u32)).sum();
    (if is_short { 3 + spread / 5 } else { 55 + spread }).to_string()
}

fn score(random: &mut Pcg64Mcg) -> String {
    let share: f64 = random.random();
    (100 - (share * share * 95.0) as u32).to_string()
}

/// Returns a text of two to eleven sentences; most texts are short.
fn description(random: &mut Pcg64Mcg) -> String {
    let mut text = String::new();
    let pairs = 1 + skewed(random, 6);
    for pair in 0..pairs {
        let name = name(random);
        if pair > 0 {
            text.push(' ');
        }
        let (place, deed) = (pick(random, &PLACES), pick(random, &DEEDS));
        text.push_str(&format!("In {place}, {name} {deed}. {}", pick(random, &TURNS)));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn lists(films: u32, people: u32, seed: u64) -> [String; 2] {
        let made = Synthetic::new(films, people, seed);
        let (mut film_list, mut person_list) = (Vec::new(), Vec::new());
        made.write_films(&mut film_list, &|| ()).unwrap();
        made.write_people(&mut person_list, &|| ()).unwrap();
        [film_list, person_list].map(|list| String::from_utf8(list).unwrap())
    }

    #[test]
    fn the_same_numbers_give_the_same_bytes_and_another_seed_gives_others() {
        assert_eq!(lists(50, 120, 7), lists(50, 120, 7));
        assert_ne!(lists(50, 120, 7), lists(50, 120, 8));
    }

    #[test]
    fn every_reference_leads_to_a_record_and_back() {
        let [films, people] = lists(200, 600, 1);
        let read = |list: &str| serde_json::from_str::<Vec<Value>>(list).unwrap();
        let pairs = |list: &[Value], field: &str| -> BTreeSet<(String, String)> {
            let ends = |record: &Value| -> Vec<(String, String)> {
                let others = record[field].as_array().unwrap().iter();
                others.map(|other| (record["url"].to_string(), other.to_string())).collect()
            };
            list.iter().flat_map(ends).collect()
        };
        let (films, people) = (read(&films), read(&people));
        assert_eq!((films.len(), people.len()), (200, 600));
        let back = pairs(&people, "films").into_iter().map(|(person, film)| (film, person));
        let pairs = pairs(&films, "people");
        assert_eq!(pairs, back.collect());
        assert!(pairs.len() > 600, "{}", pairs.len());
    }

    #[test]
    fn catalogues_without_films_or_people_are_possible() {
        assert_eq!(lists(0, 0, 1), ["[\n]\n", "[\n]\n"]);
        assert!(lists(0, 3, 1)[1].contains("\"films\":[]"));
        assert!(lists(3, 0, 1)[0].contains("\"people\":[]"));
    }

    #[test]
    fn an_archive_has_old_and_new_films_in_several_scripts_and_gaps() {
        let films: Vec<Value> = serde_json::from_str(&lists(3000, 0, 1)[0]).unwrap();
        let count = |test: &dyn Fn(&Value) -> bool| films.iter().filter(|film| test(film)).count();
        let year = |film: &Value| {
            film["release_date"].as_str().and_then(|date| date[..4].parse::<u32>().ok())
        };
        assert!(count(&|film| year(film).is_some_and(|year| year < 1930)) > 5);
        let newest = count(&|film| year(film).is_some_and(|year| year >= 2000));
        assert!((600..2400).contains(&newest), "{newest}");
        assert!(count(&|film| year(film).is_none()) > 5);
        assert!(count(&|film| film["description"].is_null()) > 20);
        assert!(count(&|film| !film["title"].as_str().unwrap().is_ascii()) > 300);
        assert!(count(&|film| film["title"].as_str().unwrap().contains('の')) > 5);
    }
}
