//! Decides whether a catalogue may follow another catalogue.
//!
//! Owns the guard against answers that are well formed and still wrong: the upstream lost many
//! or all of its records, gave them other ids, or has many times as many. Such an answer would
//! remove or bury pages that visitors and search engines know. Catalogues are compared by
//! their sets of ids. Pure: [`decide`] takes what is known, and returns the verdict with what
//! the next decision must know.

mod decide;

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalogue::Catalogue;
use crate::changes::Kind;
use crate::ledger::Ledger;
use crate::outcome::SetsHash;
use crate::payload::Endpoint;
pub use decide::{Memory, Verdict, decide, offer};

/// The number of records below which the share does not count: two records may always go,
/// because a small catalogue changes by large shares.
const FEW: usize = 3;

/// Bounds on how much a catalogue may shrink and grow, and how long a refusal lasts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guard {
    /// Share of the records that may go at once, from 0 to 1.
    pub max_shrink: f64,
    /// Factor by which the number of records may grow at once, 1 or more.
    pub max_growth: f64,
    /// Number of records that may be added at once beyond the factor.
    pub free_growth: usize,
    /// Refusals in a row after which an answer is taken.
    pub accept_after: u32,
}

/// Number of records that may be added at once beyond the factor. A small catalogue grows by
/// large factors, and a thousand pages are quickly built and quickly reviewed.
pub const FREE_GROWTH: usize = 1_000;

impl Guard {
    /// Returns the largest plausible number of records in a list that had `before` records.
    fn most_after(&self, before: usize) -> usize {
        // The cast saturates.
        (before as f64 * self.max_growth) as usize + self.free_growth
    }

    /// Whether `gone` of the `before` records in a list may go at once.
    fn lets_go(&self, gone: usize, before: usize) -> bool {
        gone < FEW || gone as f64 <= self.max_shrink * before as f64
    }
}

/// The ids of films and people, by which catalogues are compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids<'a> {
    films: BTreeSet<&'a str>,
    people: BTreeSet<&'a str>,
}

impl<'a> Ids<'a> {
    /// Returns the ids of a catalogue.
    pub fn of(catalogue: &'a Catalogue) -> Ids<'a> {
        Ids {
            films: catalogue.films().map(|(_, film)| film.id.as_str()).collect(),
            people: catalogue.people().map(|(_, person)| person.id.as_str()).collect(),
        }
    }

    /// Returns the ids of the live records in a ledger. The ledger still has the ids if the
    /// payload was lost.
    pub fn known_to(ledger: &'a Ledger) -> Ids<'a> {
        let there = |kind| {
            let entries = ledger.entries(kind).iter();
            entries.filter(|(_, entry)| !entry.gone).map(|(id, _)| id.as_str()).collect()
        };
        Ids { films: there(Kind::Film), people: there(Kind::Person) }
    }

    /// Leaves out the people. A catalogue whose mapping asks for no people may lack all people.
    #[must_use]
    pub fn without_people(self) -> Ids<'a> {
        Ids { people: BTreeSet::new(), ..self }
    }
}

/// Makes the name of sets of ids.
fn sets_of(ids: &Ids<'_>) -> SetsHash {
    let mut hasher = blake3::Hasher::new();
    for ids in [&ids.films, &ids.people] {
        for id in ids {
            hasher.update(&(id.len() as u64).to_le_bytes());
            hasher.update(id.as_bytes());
        }
        hasher.update(b"\xff");
    }
    SetsHash(hasher.finalize().to_hex()[..12].to_owned())
}

/// Why a catalogue is implausible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Implausible {
    /// A list that had records is empty.
    Empty {
        /// The list.
        endpoint: Endpoint,
        /// Number of records before.
        before: usize,
    },
    /// A list lost too many records.
    Shrunk {
        /// The list.
        endpoint: Endpoint,
        /// Number of records before.
        before: usize,
        /// Number of these records that are gone.
        gone: usize,
    },
    /// All ids of a list are new.
    AllNew {
        /// The list.
        endpoint: Endpoint,
        /// Number of records before.
        before: usize,
    },
    /// A list has too many records.
    Grown {
        /// The list.
        endpoint: Endpoint,
        /// Number of records before.
        before: usize,
        /// Number of records now.
        now: usize,
    },
}

impl Implausible {
    /// Whether the answer is taken only if the owner accepts it.
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
                write!(
                    f,
                    "{endpoint} has none of the {before} ids of the last good data; all ids are new"
                )
            }
            Implausible::Grown { endpoint, before, now } => {
                write!(f, "{endpoint} has {now} records; it had {before}")
            }
        }
    }
}

/// Judges the catalogue that follows `before`. If a list was empty before, every list is
/// plausible. If both lists are implausible, the reason that needs the owner is returned.
fn judge(before: &Ids<'_>, after: &Ids<'_>, guard: &Guard) -> Option<Implausible> {
    let films = judge_list(Endpoint::Films, &before.films, &after.films, guard);
    let people = judge_list(Endpoint::People, &before.people, &after.people, guard);
    match (films, people) {
        (Some(films), Some(people)) if people.needs_the_owner() && !films.needs_the_owner() => {
            Some(people)
        }
        (films, people) => films.or(people),
    }
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
    if !guard.lets_go(gone, before) {
        return Some(Implausible::Shrunk { endpoint, before, gone });
    }
    let now = new.len();
    (now > guard.most_after(before)).then_some(Implausible::Grown { endpoint, before, now })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUARD: Guard =
        Guard { max_shrink: 0.3, max_growth: 3.0, free_growth: FREE_GROWTH, accept_after: 10 };

    /// Makes a catalogue of people with these ids. The rule is the same for people and films, and
    /// people have fewer fields.
    fn people(ids: std::ops::Range<usize>) -> Catalogue {
        let ids: Vec<_> = ids.map(|id| id.to_string()).collect();
        Catalogue::of_people(&ids.iter().map(|id| (&**id, "P")).collect::<Vec<_>>())
    }

    fn judged(
        before: std::ops::Range<usize>,
        after: std::ops::Range<usize>,
    ) -> Option<Implausible> {
        judge(&Ids::of(&people(before)), &Ids::of(&people(after)), &GUARD)
    }

    #[test]
    fn a_catalogue_may_grow_and_lose_a_few() {
        assert_eq!(judged(0..10, 0..40), None);
        assert_eq!(judged(0..10, 0..7), None, "three of ten records are 30 %");
        assert_eq!(judged(0..3, 0..1), None, "two records may always go");
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
        let shrunk = Implausible::Shrunk { endpoint, before: 10, gone: 9 };
        assert_eq!(judged(0..10, 9..19), Some(shrunk), "new records do not replace lost records");
    }

    #[test]
    fn a_catalogue_that_grows_beyond_the_factor_and_the_free_growth_is_not_believed() {
        assert_eq!(judged(0..22, 0..1_000), None, "within the free growth");
        assert_eq!(judged(0..1_000, 0..4_000), None, "three times as many, and 1,000 more");
        let (endpoint, before, now) = (Endpoint::People, 1_000, 4_001);
        assert_eq!(judged(0..1_000, 0..4_001), Some(Implausible::Grown { endpoint, before, now }));
        assert_eq!(judged(0..0, 0..80_000), None, "an empty list may grow to any size");
    }

    #[test]
    fn a_reason_that_needs_the_owner_comes_before_another_reason() {
        let ids =
            |ids: std::ops::Range<usize>| -> Vec<String> { ids.map(|id| id.to_string()).collect() };
        let (ten, three) = (ids(0..10), ids(0..3));
        let set = |ids: &'static [()]| -> BTreeSet<&str> { ids.iter().map(|()| "").collect() };
        let all: BTreeSet<&str> = ten.iter().map(String::as_str).collect();
        let some: BTreeSet<&str> = three.iter().map(String::as_str).collect();
        let before = Ids { films: all.clone(), people: all };
        let why = judge(&before, &Ids { films: some, people: set(&[]) }, &GUARD);
        assert!(why.expect("refused").needs_the_owner());
    }

    #[test]
    fn a_list_may_become_empty_only_with_the_owner_and_an_empty_list_may_change() {
        assert_eq!(judged(0..0, 0..5), None);
        assert_eq!(judged(0..0, 0..0), None);
        assert!(judged(0..1, 0..0).is_some_and(|why| why.needs_the_owner()));
    }

    #[test]
    fn the_name_of_sets_does_not_depend_on_their_order() {
        let ids = ["4", "3", "2", "1", "0"];
        let shuffled = Catalogue::of_people(&ids.map(|id| (id, "P")));
        let sets = |catalogue: &Catalogue| sets_of(&Ids::of(catalogue));
        assert_eq!(sets(&people(0..5)), sets(&shuffled));
        assert_ne!(sets(&people(0..5)), sets(&people(0..4)));
    }

    #[test]
    fn a_ledger_has_the_ids_of_a_lost_payload() {
        let all = people(0..10);
        let ledger = Ledger::baseline(&all, crate::clock::WallTime(1));
        assert_eq!(Ids::known_to(&ledger), Ids::of(&all));
        let fewer = people(0..8);
        let changes = crate::changes::between(&all, &fewer);
        let ledger = ledger.advanced(&changes, &fewer, crate::clock::WallTime(2));
        assert_eq!(Ids::known_to(&ledger), Ids::of(&fewer));
    }
}
