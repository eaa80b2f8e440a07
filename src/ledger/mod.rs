//! What must outlive a payload: the address of each record, when it was first
//! seen, and the last changes.
//!
//! Owns slugs and times. It exists because a payload says only what *is*: that
//! a film is new, renamed or gone is known from one payload to the next and
//! would be lost with the process. The claim's winner derives it and saves it
//! with the payload, so every replica shows the same. It must not read clocks:
//! all its times are origin times.

mod absorb;
mod enter;
mod outside;
mod rooms;
pub mod slug;
mod volatile;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::catalogue::{Catalogue, Film};
use crate::changes::{Change, Kind};
use crate::clock::WallTime;
use enter::forget_the_longest_gone;
pub use volatile::{Overrides, Score};

/// Changes that are kept of each of two sorts: records that came or went, and fields
/// that changed. Bounded by count and not by age, so that no clock decides what a page
/// shows.
pub const CHANGES_KEPT: usize = 200;
/// Records of one kind that are gone and still keep their slug, so that one
/// which comes back has its old address.
pub const GONE_KEPT: usize = 1_000;

/// What is known of one record beyond the payload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its last path segment; never changes, even if the record is renamed. A record
    /// that is gone gives it up to one that is made again under another id.
    pub slug: String,
    /// Slugs that it had in ledgers which were absorbed: they lead to it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub former: BTreeSet<String>,
    /// Origin time of the payload that first had it.
    pub first_seen: WallTime,
    /// Origin time of its last change. None for a record of the first sight:
    /// when that appeared is not known and so not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<WallTime>,
    /// Not in the catalogue any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// Origin time of the payload with which the address came from another record, or
    /// went to another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<WallTime>,
    /// What a record that is gone was called last, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

impl Entry {
    /// Whether the slug only stands for one that was given up: no page ever had this
    /// address.
    fn has_no_page(&self, id: &str) -> bool {
        self.moved.is_some() && slug::is_given_up(&self.slug, id)
    }
}

/// A change and the origin time of the payload that brought it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dated {
    /// When.
    pub at: WallTime,
    /// What.
    #[serde(flatten)]
    pub change: Change,
}

impl Dated {
    /// The order of changes, the same wherever they are kept.
    fn by_time(&self, other: &Dated) -> Ordering {
        let key = |dated: &'_ Dated| (dated.at, dated.change.kind);
        key(self).cmp(&key(other)).then_with(|| self.change.id.cmp(&other.change.id))
    }
}

/// Slugs, times and the last changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "outside::Outside")]
pub struct Ledger {
    /// Films by id.
    pub films: BTreeMap<String, Entry>,
    /// People by id.
    pub people: BTreeMap<String, Entry>,
    /// Directors by name: the upstream knows no more of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub directors: BTreeMap<String, Entry>,
    /// Producers by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub producers: BTreeMap<String, Entry>,
    /// The last changes, oldest first; see [`CHANGES_KEPT`].
    pub changes: VecDeque<Dated>,
    /// Fields that changed lately, to recognise those that always do.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scores: BTreeMap<String, Score>,
}

impl Ledger {
    /// The ledger of a catalogue that is seen for the first time.
    pub fn baseline(catalogue: &Catalogue, origin: WallTime) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.enter(&[], catalogue, origin, None);
        ledger
    }

    /// The ledger of a catalogue: the ledger before, advanced, or else a new one.
    pub fn after(
        before: Option<&Ledger>,
        changes: &[Change],
        catalogue: &Catalogue,
        origin: WallTime,
    ) -> Ledger {
        match before {
            Some(ledger) => ledger.advanced(changes, catalogue, origin),
            None => Ledger::baseline(catalogue, origin),
        }
    }

    /// The origin time of the first sight. Times that are told are later.
    pub fn baseline_time(&self) -> WallTime {
        let entries = self.films.values().chain(self.people.values());
        entries.map(|entry| entry.first_seen).min().unwrap_or_default()
    }

    /// The next ledger: `changes` led to `catalogue`, which was asked for at
    /// `origin`.
    #[must_use]
    pub fn advanced(&self, changes: &[Change], catalogue: &Catalogue, origin: WallTime) -> Ledger {
        let mut next = self.clone();
        next.enter(changes, catalogue, origin, Some(origin));
        let dated = changes.iter().map(|change| Dated { at: origin, change: change.clone() });
        let mut dated: Vec<_> = dated.collect();
        dated.sort_by(Dated::by_time);
        next.changes.extend(dated);
        next.changes = rooms::bounded(next.changes.into());
        let Ledger { films, people, directors, producers, .. } = &mut next;
        [films, people, directors, producers].into_iter().for_each(forget_the_longest_gone);
        next
    }

    /// The entries of one kind.
    pub fn entries(&self, kind: Kind) -> &BTreeMap<String, Entry> {
        match kind {
            Kind::Film => &self.films,
            Kind::Person => &self.people,
        }
    }

    /// Gives every record of the catalogue an entry.
    fn enter(
        &mut self,
        changes: &[Change],
        catalogue: &Catalogue,
        origin: WallTime,
        changed: Option<WallTime>,
    ) {
        let films = catalogue.films.iter().map(|film| (&*film.id, &*film.title)).collect();
        let people = catalogue.people.iter().map(|person| (&*person.id, &*person.name)).collect();
        for (entries, there, kind) in
            [(&mut self.films, films, Kind::Film), (&mut self.people, people, Kind::Person)]
        {
            enter::mark_gone(entries, &there);
            enter::date(entries, changes, kind, origin);
            enter::enter(entries, &there, origin, changed);
        }
        let directors = names(catalogue, |film| &film.directors);
        let producers = names(catalogue, |film| &film.producers);
        for (entries, there) in [(&mut self.directors, directors), (&mut self.producers, producers)]
        {
            enter::mark_gone(entries, &there);
            enter::enter(entries, &there, origin, None);
        }
    }
}

/// Names by themselves: they are all that is known.
fn names<'a>(
    catalogue: &'a Catalogue,
    of: impl Fn(&'a Film) -> &'a [String],
) -> BTreeMap<&'a str, &'a str> {
    catalogue.films.iter().flat_map(of).map(|name| (&**name, &**name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::changes::between;

    pub(super) fn people(names: &[(&str, &str)]) -> Catalogue {
        Catalogue::of_people(names)
    }

    pub(super) fn step(ledger: &Ledger, old: &Catalogue, new: &Catalogue, at: u64) -> Ledger {
        ledger.advanced(&between(old, new), new, WallTime(at))
    }

    #[test]
    fn the_first_sight_is_a_baseline_whose_time_is_not_told() {
        let ledger = Ledger::baseline(&people(&[("1", "Chihiro")]), WallTime(5));
        assert_eq!(ledger.people["1"].first_seen, WallTime(5));
        assert_eq!(ledger.people["1"].changed, None);
        assert!(ledger.changes.is_empty());
        let later = ledger.advanced(&[], &people(&[("2", "Haku")]), WallTime(9));
        assert_eq!(later.baseline_time(), WallTime(5));
    }

    #[test]
    fn a_renamed_record_keeps_its_address() {
        let (old, new) = (people(&[("1", "Sen")]), people(&[("1", "Chihiro")]));
        let ledger = step(&Ledger::baseline(&old, WallTime(5)), &old, &new, 9);
        assert_eq!(ledger.people["1"].slug, "sen");
        assert_eq!(ledger.people["1"].changed, Some(WallTime(9)));
        assert_eq!(ledger.changes.len(), 1);
    }

    #[test]
    fn a_record_that_comes_back_has_its_old_address_and_nobody_else_took_it() {
        let (all, one) = (people(&[("1", "Haku"), ("2", "Lin")]), people(&[("2", "Lin")]));
        let other = people(&[("2", "Lin"), ("3", "Hakú")]);
        let back = people(&[("1", "Kohaku"), ("2", "Lin"), ("3", "Hakú")]);
        let ledger = step(&Ledger::baseline(&all, WallTime(1)), &all, &one, 2);
        assert!(ledger.people["1"].gone);
        let ledger = step(&ledger, &one, &other, 3);
        assert_eq!(ledger.people["3"].slug, "haku-3", "another name is another person");
        let ledger = step(&ledger, &other, &back, 4);
        assert_eq!(ledger.people["1"].slug, "haku");
        assert_eq!(ledger.people["1"].first_seen, WallTime(1));
        assert!(!ledger.people["1"].gone);
    }

    #[test]
    fn the_order_of_the_records_gives_nobody_another_address() {
        let one = Ledger::baseline(&people(&[("b", "Kiki"), ("a", "Kiki")]), WallTime(1));
        let other = Ledger::baseline(&people(&[("a", "Kiki"), ("b", "Kiki")]), WallTime(1));
        assert_eq!(one, other);
        assert_eq!(one.people["a"].slug, "kiki");
        assert_eq!(one.people["b"].slug, "kiki-b");
    }

    #[test]
    fn changes_are_bounded_by_count() {
        let mut ledger = Ledger::baseline(&people(&[("1", "0")]), WallTime(0));
        for n in 0..CHANGES_KEPT + 7 {
            let (old, new) = (n.to_string(), (n + 1).to_string());
            ledger = step(&ledger, &people(&[("1", &old)]), &people(&[("1", &new)]), n as u64);
        }
        assert_eq!(ledger.changes.len(), CHANGES_KEPT);
        assert_eq!(ledger.changes.front().map(|dated| dated.at), Some(WallTime(7)));
    }

    #[test]
    fn what_is_gone_is_bounded_too() {
        let none = people(&[]);
        let mut ledger = Ledger::baseline(&none, WallTime(0));
        for n in 0..GONE_KEPT + 3 {
            let id = n.to_string();
            let one = people(&[(&id, "Totoro")]);
            ledger = step(&ledger, &none, &one, 2 * n as u64);
            ledger = step(&ledger, &one, &none, 2 * n as u64 + 1);
        }
        assert_eq!(ledger.people.len(), GONE_KEPT);
        assert!(!ledger.people.contains_key("0"), "the longest gone went first");
    }
}
