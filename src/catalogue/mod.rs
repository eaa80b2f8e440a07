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

/// Fields that the program does not know, by name, with the values of the upstream.
pub type Extra = BTreeMap<String, Value>;

/// A film (schema.org `Movie`).
#[derive(Debug, Clone, PartialEq)]
pub struct Film {
    /// The id in the data of the upstream, which is the key of the join.
    pub id: String,
    /// The title in the language of the site.
    pub title: String,
    /// The title in the original script.
    pub original_title: Option<String>,
    /// The original title in Latin letters.
    pub original_title_romanised: Option<String>,
    /// The http(s) address of the poster.
    pub image: Option<String>,
    /// The http(s) address of the wide picture.
    pub movie_banner: Option<String>,
    /// The description, as plain text.
    pub description: Option<String>,
    /// The names of the directors as one text.
    pub director: Option<String>,
    /// The names of the directors.
    pub directors: Vec<String>,
    /// The names of the producers as one text.
    pub producer: Option<String>,
    /// The names of the producers.
    pub producers: Vec<String>,
    /// The release date, as the upstream wrote the date.
    pub release_date: Option<String>,
    /// The date that `release_date` states.
    pub released: Option<Date>,
    /// The year that `release_date` states.
    pub year: Option<u32>,
    /// The running time in minutes.
    pub running_time: Option<u32>,
    /// The Rotten Tomatoes score, 0 to 100.
    pub rt_score: Option<u32>,
    /// The cast, ordered by name.
    pub people: Vec<PersonIndex>,
    /// The fields that the program does not know.
    pub extra: Extra,
}

/// A person (schema.org `Person`).
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// The id in the data of the upstream, which is the key of the join.
    pub id: String,
    /// The name.
    pub name: String,
    /// The gender, as the upstream wrote the gender.
    pub gender: Option<String>,
    /// The age: a number, or words such as "late teens".
    pub age: Option<String>,
    /// The colour of the eyes.
    pub eye_color: Option<String>,
    /// The colour of the hair.
    pub hair_color: Option<String>,
    /// The films, oldest first.
    pub films: Vec<FilmIndex>,
    /// The fields that the program does not know.
    pub extra: Extra,
}

#[cfg(test)]
impl Person {
    /// Makes a person with an id, a name and no other fields.
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
    /// Makes a catalogue without films from the ids and names of people.
    pub(crate) fn of_people(people: &[(&str, &str)]) -> Catalogue {
        let people = people.iter().map(|(id, name)| Person::named(id, name)).collect();
        Catalogue { films: Vec::new(), people }
    }
}

/// Films and people, joined.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalogue {
    /// The films, newest first. Films without a year are last. Films with the same date are
    /// ordered by title, then by id.
    pub films: Vec<Film>,
    /// The people, ordered by name, then by id.
    pub people: Vec<Person>,
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
        // The catalogue has the newest film first, and a filmography has the oldest film first.
        person.films.sort_unstable_by(|a, b| b.cmp(a));
    }
    let catalogue = Catalogue { films, people };
    bounds.hold_site(&catalogue)?;
    Ok((catalogue, warnings))
}

/// Returns the sort key of a film. `false` sorts before `true`, so films with a year come first.
fn newest_first(film: &Film) -> (bool, std::cmp::Reverse<Option<Date>>, String, &str) {
    let date = std::cmp::Reverse(film.released);
    (film.released.is_none(), date, film.title.to_lowercase(), &film.id)
}

#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod tests;
