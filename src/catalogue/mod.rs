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

mod bounds;
mod date;
mod length;
mod markup;
mod pairs;
mod raw;
mod read;
mod record;
mod reference;
mod text;
mod warning;
mod weight;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::payload::{Endpoint, Fault, Payload, records};
pub use bounds::Bounds;
pub use date::Date;
use pairs::pairs;
use read::{film, person, read};
pub use text::cleaned;
pub use warning::{Warning, tally};
pub use weight::weight;

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
    /// Who directed it, as one text.
    pub director: Option<String>,
    /// The names in `director`.
    pub directors: Vec<String>,
    /// Who produced it, as one text.
    pub producer: Option<String>,
    /// The names in `producer`.
    pub producers: Vec<String>,
    /// When it came out, as the upstream says it.
    pub release_date: Option<String>,
    /// The date in `release_date`.
    pub released: Option<Date>,
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
    join_within(payload, limit, Bounds::none())
}

/// The same for a payload that may hold too much.
///
/// # Errors
/// A [`Fault`] if one of the bodies is no list of records at all, or if they hold more
/// than `bounds` allow.
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
    films.sort_by(|(a, _), (b, _)| newest_first(a).cmp(&newest_first(b)));
    people.sort_by_cached_key(|(person, _)| (person.name.to_lowercase(), person.id.clone()));
    let (mut films, cast): (Vec<_>, Vec<_>) = films.into_iter().unzip();
    let (mut people, filmography): (Vec<_>, Vec<_>) = people.into_iter().unzip();

    let most = bounds.pairs;
    let pairs = pairs(&films, &people, &cast, &filmography, most, &mut warnings)?;
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
    let catalogue = Catalogue { films, people };
    bounds.hold_site(&catalogue)?;
    Ok((catalogue, warnings))
}

/// The order of films. `false` sorts before `true`: what has a year comes first.
fn newest_first(film: &Film) -> (bool, std::cmp::Reverse<Option<Date>>, String, &str) {
    let date = std::cmp::Reverse(film.released);
    (film.released.is_none(), date, film.title.to_lowercase(), &film.id)
}

#[cfg(test)]
mod tests;
