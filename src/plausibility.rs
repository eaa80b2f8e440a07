//! Whether a catalogue may follow another one.
//!
//! Owns the guard against answers that are well formed and still wrong: an
//! upstream that lost half of its records, or all of them, or that gave them
//! other ids. Catalogues are compared by their sets of ids. It exists because
//! such an answer would wipe pages that visitors and search engines know. It
//! must not decide what a refusal leads to.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalogue::Catalogue;
use crate::outcome::SetsHash;
use crate::payload::Endpoint;

/// Records that may go at once whatever their share: small catalogues change by
/// large fractions.
const FEW: usize = 3;

/// How much a catalogue may shrink, and how often a refusal is repeated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guard {
    /// Share of the records that may go at once, 0 to 1.
    pub max_shrink: f64,
    /// Refusals of the same sets in a row after which they are taken.
    pub accept_after: u32,
}

/// The name of a catalogue's sets of ids, whatever their order.
pub fn sets_of(catalogue: &Catalogue) -> SetsHash {
    let mut hasher = blake3::Hasher::new();
    for ids in [film_ids(catalogue), person_ids(catalogue)] {
        for id in ids {
            hasher.update(&(id.len() as u64).to_le_bytes());
            hasher.update(id.as_bytes());
        }
        hasher.update(b"\xff");
    }
    SetsHash(hasher.finalize().to_hex()[..12].to_owned())
}

/// Why a catalogue is not believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Implausible {
    /// A list that had records has none.
    Empty {
        /// Which list.
        endpoint: Endpoint,
        /// How many it had.
        before: usize,
    },
    /// A list lost too many records.
    Shrunk {
        /// Which list.
        endpoint: Endpoint,
        /// How many it had.
        before: usize,
        /// How many of these are gone.
        gone: usize,
    },
    /// No record of a list has the id it had.
    AllNew {
        /// Which list.
        endpoint: Endpoint,
        /// How many records it had.
        before: usize,
    },
}

impl Implausible {
    /// Whether only the owner can accept it.
    pub fn needs_the_owner(&self) -> bool {
        matches!(self, Implausible::Empty { .. })
    }
}

impl fmt::Display for Implausible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Implausible::Empty { endpoint, before } => {
                write!(f, "{endpoint} is empty; it had {before} records")
            }
            Implausible::Shrunk { endpoint, before, gone } => {
                write!(f, "{gone} of the {before} records of {endpoint} are gone at once")
            }
            Implausible::AllNew { endpoint, before } => {
                write!(f, "none of the {before} records of {endpoint} has its id any more")
            }
        }
    }
}

/// Judges what follows `before`. What is seen first has nothing to fall short of:
/// it is believed, an empty catalogue too.
pub fn judge(before: &Catalogue, after: &Catalogue, guard: &Guard) -> Option<Implausible> {
    judge_list(Endpoint::Films, &film_ids(before), &film_ids(after), guard)
        .or_else(|| judge_list(Endpoint::People, &person_ids(before), &person_ids(after), guard))
}

fn judge_list(
    endpoint: Endpoint,
    old: &BTreeSet<&str>,
    new: &BTreeSet<&str>,
    guard: &Guard,
) -> Option<Implausible> {
    let before = old.len();
    let gone = old.difference(new).count();
    if before == 0 {
        return None;
    }
    if new.is_empty() {
        return Some(Implausible::Empty { endpoint, before });
    }
    if gone == before {
        return Some(Implausible::AllNew { endpoint, before });
    }
    let shrunk = before.saturating_sub(new.len());
    let is_much = shrunk as f64 > guard.max_shrink * before as f64;
    (shrunk >= FEW && is_much).then_some(Implausible::Shrunk { endpoint, before, gone })
}

fn film_ids(catalogue: &Catalogue) -> BTreeSet<&str> {
    catalogue.films.iter().map(|film| film.id.as_str()).collect()
}

fn person_ids(catalogue: &Catalogue) -> BTreeSet<&str> {
    catalogue.people.iter().map(|person| person.id.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Extra, Person};

    const GUARD: Guard = Guard { max_shrink: 0.3, accept_after: 10 };

    /// People carry the rule as well as films, with fewer fields to fill.
    fn people(ids: std::ops::Range<usize>) -> Catalogue {
        let person = |id: usize| Person {
            id: id.to_string(),
            name: "P".into(),
            gender: None,
            age: None,
            eye_color: None,
            hair_color: None,
            films: Vec::new(),
            extra: Extra::new(),
        };
        Catalogue { films: Vec::new(), people: ids.map(person).collect() }
    }

    fn judged(
        before: std::ops::Range<usize>,
        after: std::ops::Range<usize>,
    ) -> Option<Implausible> {
        judge(&people(before), &people(after), &GUARD)
    }

    #[test]
    fn a_catalogue_may_grow_and_lose_a_few() {
        assert_eq!(judged(0..10, 0..40), None);
        assert_eq!(judged(0..10, 0..7), None, "three of ten is thirty per cent");
        assert_eq!(judged(0..3, 0..1), None, "two records are few");
        assert_eq!(judged(0..10, 0..10), None);
    }

    #[test]
    fn a_catalogue_that_shrinks_suddenly_is_not_believed() {
        let endpoint = Endpoint::People;
        assert_eq!(
            judged(0..10, 0..6),
            Some(Implausible::Shrunk { endpoint, before: 10, gone: 4 })
        );
        assert_eq!(judged(0..10, 0..0), Some(Implausible::Empty { endpoint, before: 10 }));
        assert_eq!(judged(0..10, 10..20), Some(Implausible::AllNew { endpoint, before: 10 }));
        assert_eq!(judged(0..10, 5..15), None, "half of them changed, none too few");
    }

    #[test]
    fn an_empty_list_has_nothing_to_lose_and_needs_its_owner_to_become_one() {
        assert_eq!(judged(0..0, 0..5), None);
        assert_eq!(judged(0..0, 0..0), None);
        assert!(judged(0..1, 0..0).is_some_and(|why| why.needs_the_owner()));
    }

    #[test]
    fn sets_have_one_name_whatever_their_order() {
        let mut shuffled = people(0..5);
        shuffled.people.reverse();
        assert_eq!(sets_of(&people(0..5)), sets_of(&shuffled));
        assert_ne!(sets_of(&people(0..5)), sets_of(&people(0..4)));
    }
}
