//! Which person is in which film.
//!
//! Owns the join: both directions are read against the ids that exist and united.
//! What a direction says of records that are not there becomes a [`Warning`].

use std::collections::BTreeSet;

use super::raw;
use super::reference::{Ids, Target};
use super::warning::{Names, Warning};
use super::{Film, FilmIndex, Person, PersonIndex};
use crate::payload::Endpoint;

/// A film and a person who is in it.
pub(super) type Pair = (FilmIndex, PersonIndex);

/// The raw references of a record: a list, or one of them alone.
pub(super) type References<'r> = Vec<&'r str>;

/// All pairs that either direction states and whose two ends exist, in order. `cast` and
/// `filmography` are the references of each film and of each person.
pub(super) fn pairs(
    films: &[Film],
    people: &[Person],
    cast: &[References<'_>],
    filmography: &[References<'_>],
    warnings: &mut Vec<Warning>,
) -> Vec<Pair> {
    let film_ids = Ids::new(Endpoint::Films, films.iter().map(|film| film.id.as_str()));
    let person_ids = Ids::new(Endpoint::People, people.iter().map(|person| person.id.as_str()));
    let from_films = Stated::by(Endpoint::Films, cast, &person_ids, warnings).0;
    let from_people = Stated::by(Endpoint::People, filmography, &film_ids, warnings).0;
    let from_people = from_people.into_iter().map(|(person, film)| (film, person));

    let from_people: BTreeSet<Pair> = from_people.collect();
    let from_films: BTreeSet<Pair> = from_films.into_iter().collect();
    let only_people = from_people.difference(&from_films).count();
    let only_films = from_films.difference(&from_people).count();
    if only_people + only_films > 0 {
        warnings.push(Warning::OneWay { only_people, only_films });
    }
    from_people.union(&from_films).copied().collect()
}

/// Places of the records that state a pair, and of those that they refer to.
struct Stated(Vec<(usize, usize)>);

impl Stated {
    /// What the records of one list state, each once, in order.
    fn by(
        endpoint: Endpoint,
        references: &[References<'_>],
        ids: &Ids<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Stated {
        let mut stated = Vec::new();
        let mut missing = Names::default();
        let mut broken = 0;
        for (record, lists) in references.iter().enumerate() {
            let before = stated.len();
            for list in lists {
                each_reference(list, |reference| match ids.target(&reference) {
                    Target::Record(other) => stated.push((record, other)),
                    Target::Missing(id) => missing.push(&id),
                    Target::Nothing => broken += 1,
                });
            }
            stated[before..].sort_unstable();
            stated.dedup();
        }
        if broken > 0 {
            warnings.push(Warning::BrokenReferences { endpoint, count: broken });
        }
        if let Some((ids, count)) = missing.told() {
            warnings.push(Warning::Dangling { endpoint, ids, count });
        }
        Stated(stated)
    }
}

/// Calls `each` with every reference of a list; what is no text is an empty one.
fn each_reference(list: &str, mut each: impl FnMut(String)) {
    let mut one = |raw| each(raw::needed_text(raw).ok().flatten().unwrap_or_default());
    if list.starts_with('[') {
        raw::each_item(list, one);
    } else {
        one(list);
    }
}
