//! Finds the pairs of a film and a person.
//!
//! Owns the join: a pair exists if the film refers to the person, or if the person refers to the
//! film. A reference to a record that does not exist becomes a [`Warning`].

use super::raw;
use super::reference::{RecordIds, Target};
use super::warning::{IdSample, Warning};
use super::{Film, Person};
use crate::payload::{Endpoint, Fault};

/// The places of a film and of a person in its cast. `u32` takes half of the memory of `usize`.
pub(super) type Pair = (u32, u32);

/// The raw references of a record. Each item is a JSON list of references, or one reference.
pub(super) type References<'r> = Vec<&'r str>;

/// Returns all pairs of an existing film and an existing person that either list states, in
/// order. `cast` has the references of each film, `filmography` the references of each person.
///
/// # Errors
/// Fails if there are more than `most` pairs.
pub(super) fn pairs(
    films: &[Film],
    people: &[Person],
    cast: &[References<'_>],
    filmography: &[References<'_>],
    most: usize,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Pair>, Fault> {
    let film_ids = RecordIds::new(Endpoint::Films, films.iter().map(|film| film.id.as_str()));
    let person_ids =
        RecordIds::new(Endpoint::People, people.iter().map(|person| person.id.as_str()));
    let from_films = stated(Endpoint::Films, cast, &person_ids, most, warnings)?;
    let mut from_people = stated(Endpoint::People, filmography, &film_ids, most, warnings)?;
    for pair in &mut from_people {
        *pair = (pair.1, pair.0);
    }

    let (one, other) = (from_films.len(), from_people.len());
    let mut all = from_films;
    all.append(&mut from_people);
    all.sort_unstable();
    all.dedup();
    if all.len() > most {
        return Err(Fault::TooManyPairs { most });
    }
    let (only_people, only_films) = (all.len() - one, all.len() - other);
    if only_people + only_films > 0 {
        warnings.push(Warning::OneWay { only_people, only_films });
    }
    Ok(all)
}

/// Returns the pairs that the records of one list state, each pair once: the index of the record,
/// and the index of the record to which it refers.
fn stated(
    endpoint: Endpoint,
    references: &[References<'_>],
    ids: &RecordIds<'_>,
    most: usize,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Pair>, Fault> {
    let mut stated: Vec<Pair> = Vec::new();
    let mut missing = IdSample::default();
    let mut broken = 0;
    let mut targets: Vec<u32> = Vec::new();
    for (record, lists) in references.iter().enumerate() {
        for list in lists {
            each_reference(list, |reference| match ids.target(&reference) {
                Target::Record(other) => targets.push(other as u32),
                Target::Missing(id) => missing.push(&id),
                Target::Nothing => broken += 1,
            });
        }
        targets.sort_unstable();
        targets.dedup();
        stated.extend(targets.drain(..).map(|other| (record as u32, other)));
        if stated.len() > most {
            return Err(Fault::TooManyPairs { most });
        }
    }
    if broken > 0 {
        warnings.push(Warning::BrokenReferences { endpoint, count: broken });
    }
    if let Some((ids, count)) = missing.told() {
        warnings.push(Warning::Dangling { endpoint, ids, count });
    }
    Ok(stated)
}

/// Calls `each` with every reference of a list. A value that is not text becomes an empty
/// reference.
fn each_reference(list: &str, mut each: impl FnMut(String)) {
    let mut one = |raw| each(raw::needed_text(raw).ok().flatten().unwrap_or_default());
    if list.starts_with('[') {
        raw::each_item(list, one);
    } else {
        one(list);
    }
}
