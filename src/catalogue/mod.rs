//! Films and people, joined: what the site is made of.
//!
//! Owns the meaning of the upstream's records and the join. It exists so that
//! pages see one clean, ordered catalogue whatever the upstream's quirks; what
//! had to be left out comes beside it as [`Warning`]s, never as a failure of
//! the whole. It must not know of slugs, addresses or pages.
//!
//! 1. Each record is read on its own; a bad one is left out and named.
//! 2. Repeated ids are merged into the first record, references included.
//! 3. Pairs come from `people[].films[]` united with `films[].people[]`.
//! 4. Everything is put in an order of its own, so that an upstream that
//!    shuffles its lists changes no page.

mod record;
mod warning;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use crate::payload::{Endpoint, Fault, Payload, records};
pub use record::cleaned;
use record::{Record, clip};
pub use warning::{Warning, tally};

/// Index of a film in [`Catalogue::films`].
pub type FilmIndex = usize;
/// Index of a person in [`Catalogue::people`].
pub type PersonIndex = usize;

/// Fields that the program gives no meaning to, as they came.
pub type Extra = BTreeMap<String, Value>;

/// A film (schema.org `Movie`).
#[derive(Debug, Clone, PartialEq)]
pub struct Film {
    /// The upstream's id: the key of the join.
    pub id: String,
    /// Title in the site's language.
    pub title: String,
    /// Title in the original script.
    pub original_title: Option<String>,
    /// Original title in Latin letters.
    pub original_title_romanised: Option<String>,
    /// Poster, an http(s) address.
    pub image: Option<String>,
    /// Wide picture, an http(s) address.
    pub movie_banner: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// Who directed it.
    pub director: Option<String>,
    /// Who produced it.
    pub producer: Option<String>,
    /// When it came out, as the upstream says it.
    pub release_date: Option<String>,
    /// The year in `release_date`.
    pub year: Option<u32>,
    /// Minutes.
    pub running_time: Option<u32>,
    /// Rotten Tomatoes score, 0 to 100.
    pub rt_score: Option<u32>,
    /// Who is in it, by name.
    pub people: Vec<PersonIndex>,
    /// All else.
    pub extra: Extra,
}

/// A person (schema.org `Person`).
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// The upstream's id: the key of the join.
    pub id: String,
    /// Name.
    pub name: String,
    /// Gender, as the upstream says it.
    pub gender: Option<String>,
    /// Age: a number, or words such as "late teens".
    pub age: Option<String>,
    /// Colour of the eyes.
    pub eye_color: Option<String>,
    /// Colour of the hair.
    pub hair_color: Option<String>,
    /// The films, oldest first.
    pub films: Vec<FilmIndex>,
    /// All else.
    pub extra: Extra,
}

#[cfg(test)]
impl Person {
    /// Somebody of whom nothing else is known.
    pub(crate) fn named(id: &str, name: &str) -> Person {
        Person {
            id: id.to_owned(),
            name: name.to_owned(),
            gender: None,
            age: None,
            eye_color: None,
            hair_color: None,
            films: Vec::new(),
            extra: Extra::new(),
        }
    }
}

#[cfg(test)]
impl Catalogue {
    /// Nothing but these people: id and name.
    pub(crate) fn of_people(people: &[(&str, &str)]) -> Catalogue {
        let people = people.iter().map(|(id, name)| Person::named(id, name)).collect();
        Catalogue { films: Vec::new(), people }
    }
}

/// Films and people joined. Films stand newest first, people by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalogue {
    /// Newest first; without a year last; then by title and id.
    pub films: Vec<Film>,
    /// By name, then by id.
    pub people: Vec<Person>,
}

/// Decodes and joins a payload. `limit` is the number of records that was
/// asked for, 0 for none.
///
/// # Errors
/// A [`Fault`] if one of the bodies is no list of records at all.
pub fn join(payload: &Payload, limit: u32) -> Result<(Catalogue, Vec<Warning>), Fault> {
    let raw_films = records(Endpoint::Films, &payload.films.bytes)?;
    let raw_people = records(Endpoint::People, &payload.people.bytes)?;
    let mut warnings = Vec::new();
    for (endpoint, count) in
        [(Endpoint::Films, raw_films.len()), (Endpoint::People, raw_people.len())]
    {
        if limit > 0 && count >= limit as usize {
            warnings.push(Warning::ProbablyCut { endpoint, limit });
        }
    }

    let (mut films, cast) = read(Endpoint::Films, &raw_films, film, &mut warnings);
    let (mut people, filmography) = read(Endpoint::People, &raw_people, person, &mut warnings);
    films.sort_by(|a, b| newest_first(a).cmp(&newest_first(b)));
    people.sort_by_cached_key(|person| (person.name.to_lowercase(), person.id.clone()));

    let pairs = pairs(&films, &people, &cast, &filmography, &mut warnings);
    for &(film, person) in &pairs {
        films[film].people.push(person);
        people[person].films.push(film);
    }
    for film in &mut films {
        film.people.sort_unstable();
    }
    for person in &mut people {
        // Films stand newest first; a filmography reads the other way round.
        person.films.sort_unstable_by(|a, b| b.cmp(a));
    }
    Ok((Catalogue { films, people }, warnings))
}

/// The order of films. `false` sorts before `true`: what has a year comes first.
fn newest_first(film: &Film) -> (bool, std::cmp::Reverse<Option<&str>>, String, &str) {
    let date = film.release_date.as_deref();
    (film.year.is_none(), std::cmp::Reverse(date), film.title.to_lowercase(), &film.id)
}

/// Bad records and fields of one list that are named one by one; the rest is
/// counted.
const MOST_NAMED: usize = 20;

/// What one list says of the other: id of the record → ids it refers to.
type References = BTreeMap<String, BTreeSet<String>>;

/// Every usable record of a list, and what each refers to.
fn read<T>(
    endpoint: Endpoint,
    raw: &[&serde_json::value::RawValue],
    build: fn(String, Record) -> Result<Read<T>, String>,
    warnings: &mut Vec<Warning>,
) -> (Vec<T>, References) {
    let mut named = Vec::new();
    let mut items = Vec::with_capacity(raw.len());
    let mut references = References::new();
    let mut repeated = Vec::new();
    let mut broken = 0;
    for (index, raw) in raw.iter().enumerate() {
        let left_out = |name: Option<String>, why| Warning::LeftOut {
            endpoint,
            position: index + 1,
            name: name.map(|name| clip(&name)),
            why,
        };
        let mut record = match Record::parse(raw.get()) {
            Ok(record) => record,
            Err(why) => {
                named.push(left_out(None, why));
                continue;
            }
        };
        let id = match record.required("id") {
            Ok(id) => id,
            Err(why) => {
                let name = record.text("title").or_else(|| record.text("name"));
                named.push(left_out(name, why));
                continue;
            }
        };
        let read = match build(id.clone(), record) {
            Ok(read) => read,
            Err(why) => {
                named.push(left_out(Some(id), why));
                continue;
            }
        };
        broken += read.broken_references;
        match references.entry(id) {
            Entry::Occupied(mut first) => {
                repeated.push(first.key().clone());
                first.get_mut().extend(read.references);
            }
            Entry::Vacant(vacant) => {
                named.extend(read.ignored.into_iter().map(|(field, why)| Warning::FieldIgnored {
                    endpoint,
                    id: vacant.key().clone(),
                    field,
                    why,
                }));
                vacant.insert(read.references.into_iter().collect());
                items.push(read.item);
            }
        }
    }
    let is_record = |warning: &&Warning| matches!(warning, Warning::LeftOut { .. });
    let left_out = named.iter().filter(is_record).count();
    let ignored = named.len() - left_out;
    named.truncate(MOST_NAMED);
    warnings.append(&mut named);
    if left_out + ignored > 1 {
        warnings.push(Warning::Counted { endpoint, left_out, ignored });
    }
    if !repeated.is_empty() {
        repeated.sort();
        warnings.push(Warning::Duplicates { endpoint, ids: repeated });
    }
    if broken > 0 {
        warnings.push(Warning::BrokenReferences { endpoint, count: broken });
    }
    (items, references)
}

/// A record that could be used.
struct Read<T> {
    item: T,
    references: Vec<String>,
    broken_references: usize,
    /// Fields that could not be used, with the reason.
    ignored: Vec<(String, String)>,
}

fn film(id: String, mut record: Record) -> Result<Read<Film>, String> {
    let title = record.required("title")?;
    let release_date = record.text("release_date");
    let (references, broken_references) = record.references("people", Endpoint::People);
    let mut item = Film {
        id,
        title,
        original_title: record.text("original_title"),
        original_title_romanised: record.text("original_title_romanised"),
        image: record.address("image"),
        movie_banner: record.address("movie_banner"),
        description: record.text("description"),
        director: record.text("director"),
        producer: record.text("producer"),
        year: release_date.as_deref().and_then(year),
        release_date,
        running_time: record.number("running_time", 1, 10_000),
        rt_score: record.number("rt_score", 0, 100),
        people: Vec::new(),
        extra: Extra::new(),
    };
    let ignored = std::mem::take(&mut record.ignored);
    item.extra = record.rest(&["url", "slug", "poster", "year", "first_seen"]);
    Ok(Read { item, references, broken_references, ignored })
}

fn person(id: String, mut record: Record) -> Result<Read<Person>, String> {
    let name = record.required("name")?;
    let (references, broken_references) = record.references("films", Endpoint::Films);
    // One record of the real data says `gander`.
    let misspelt = record.text("gander");
    let mut item = Person {
        id,
        name,
        gender: record.text("gender").or(misspelt),
        age: record.text("age"),
        eye_color: record.text("eye_color"),
        hair_color: record.text("hair_color"),
        films: Vec::new(),
        extra: Extra::new(),
    };
    let ignored = std::mem::take(&mut record.ignored);
    item.extra = record.rest(&["url", "slug"]);
    Ok(Read { item, references, broken_references, ignored })
}

/// The four digits that a date starts with.
fn year(release_date: &str) -> Option<u32> {
    let digits = release_date.get(..4)?;
    let ends = !release_date[4..].starts_with(|c: char| c.is_ascii_digit());
    digits.parse().ok().filter(|year| ends && *year >= 1000)
}

/// All pairs that either direction states and whose two ends exist.
fn pairs(
    films: &[Film],
    people: &[Person],
    cast: &References,
    filmography: &References,
    warnings: &mut Vec<Warning>,
) -> BTreeSet<(FilmIndex, PersonIndex)> {
    let film_index: HashMap<&str, FilmIndex> =
        films.iter().enumerate().map(|(index, film)| (film.id.as_str(), index)).collect();
    let person_index: HashMap<&str, PersonIndex> =
        people.iter().enumerate().map(|(index, person)| (person.id.as_str(), index)).collect();

    let mut from_films = BTreeSet::new();
    let mut no_such_person = BTreeSet::new();
    for (film, ids) in cast {
        let Some(&film) = film_index.get(film.as_str()) else { continue };
        for id in ids {
            match person_index.get(id.as_str()) {
                Some(&person) => drop(from_films.insert((film, person))),
                None => drop(no_such_person.insert(id.clone())),
            }
        }
    }
    let mut from_people = BTreeSet::new();
    let mut no_such_film = BTreeSet::new();
    for (person, ids) in filmography {
        let Some(&person) = person_index.get(person.as_str()) else { continue };
        for id in ids {
            match film_index.get(id.as_str()) {
                Some(&film) => drop(from_people.insert((film, person))),
                None => drop(no_such_film.insert(id.clone())),
            }
        }
    }
    for (endpoint, ids) in [(Endpoint::Films, no_such_person), (Endpoint::People, no_such_film)] {
        if !ids.is_empty() {
            warnings.push(Warning::Dangling { endpoint, ids: ids.into_iter().collect() });
        }
    }
    let only_people = from_people.difference(&from_films).count();
    let only_films = from_films.difference(&from_people).count();
    if only_people + only_films > 0 {
        warnings.push(Warning::OneWay { only_people, only_films });
    }
    from_people.union(&from_films).copied().collect()
}

#[cfg(test)]
mod tests;
