//! What must outlive a payload: the slug of each record, its first-seen time, and the last
//! changes.
//!
//! Owns slugs and times. A payload says only which records exist now. Only the comparison of two
//! payloads shows that a film is new, was renamed or is gone, and this knowledge would be lost with
//! the process. The process that wins a claim makes the ledger and saves the ledger with the
//! payload, so every replica has the same ledger.
//! This module must not read clocks: all times are origin times.

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
use enter::{There, forget_the_longest_gone};
pub use volatile::{Overrides, Score};

/// Number of changes that are kept of each sort: records that were added or removed, and fields
/// that changed. The bound is a count and not an age, so that no clock decides what a page shows.
pub const CHANGES_KEPT: usize = 200;
/// Number of removed records of each kind that keep their slugs. A record that returns has its
/// old address.
pub const GONE_KEPT: usize = 1_000;

/// What the ledger knows about one record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The last path segment of the page of the record. The slug stays if the record is renamed. A
    /// removed record gives its slug to a new record with the same title and another id.
    pub slug: String,
    /// Slugs of the record in ledgers that were merged; they redirect to the record.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub former: BTreeSet<String>,
    /// Origin time of the first payload with the record.
    pub first_seen: WallTime,
    /// Origin time of the last change; `None` for a record of the first payload, because the time
    /// at which such a record appeared is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<WallTime>,
    /// Whether the record is no longer in the catalogue.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// Origin time of the payload with which the slug came from another record, or went to
    /// another record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<WallTime>,
    /// The last title of a removed record, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

impl Entry {
    /// Whether the slug only replaces a slug that the record gave away. No page ever had this
    /// slug.
    fn has_no_page(&self, id: &str) -> bool {
        self.moved.is_some() && slug::is_given_up(&self.slug, id)
    }
}

/// A change with the origin time of its payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dated {
    /// Origin time of the payload.
    pub at: WallTime,
    /// The change.
    #[serde(flatten)]
    pub change: Change,
}

impl Dated {
    /// Orders changes in the same way in every ledger.
    fn by_time(&self, other: &Dated) -> Ordering {
        let key = |dated: &'_ Dated| (dated.at, dated.change.kind);
        key(self).cmp(&key(other)).then_with(|| self.change.id.cmp(&other.change.id))
    }
}

/// Slugs, first-seen times and the last changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "outside::Outside")]
pub struct Ledger {
    /// Films by id.
    pub films: BTreeMap<String, Entry>,
    /// People by id.
    pub people: BTreeMap<String, Entry>,
    /// Directors by name, because the API has no ids of directors.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub directors: BTreeMap<String, Entry>,
    /// Producers by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub producers: BTreeMap<String, Entry>,
    /// The last changes, oldest first; see [`CHANGES_KEPT`].
    pub changes: VecDeque<Dated>,
    /// Scores of fields that changed lately, to recognise volatile fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scores: BTreeMap<String, Score>,
}

impl Ledger {
    /// Makes the ledger of the first catalogue.
    pub fn baseline(catalogue: &Catalogue, origin: WallTime) -> Ledger {
        Ledger::default().entered(&[], catalogue, origin, None)
    }

    /// Makes the ledger of a catalogue from the ledger before, if there is one.
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

    /// Returns the origin time of the first payload. Times that are shown are later.
    pub fn baseline_time(&self) -> WallTime {
        let entries = self.films.values().chain(self.people.values());
        entries.map(|entry| entry.first_seen).min().unwrap_or_default()
    }

    /// Makes the next ledger: `changes` led to `catalogue`, whose origin time is `origin`.
    #[must_use]
    pub fn advanced(&self, changes: &[Change], catalogue: &Catalogue, origin: WallTime) -> Ledger {
        let mut next = self.entered(changes, catalogue, origin, Some(origin));
        let dated = changes.iter().map(|change| Dated { at: origin, change: change.clone() });
        let mut dated: Vec<_> = dated.collect();
        dated.sort_by(Dated::by_time);
        next.changes.extend(dated);
        next.changes = rooms::bounded(next.changes.into());
        next
    }

    /// Returns the entries of one kind.
    pub fn entries(&self, kind: Kind) -> &BTreeMap<String, Entry> {
        match kind {
            Kind::Film => &self.films,
            Kind::Person => &self.people,
        }
    }

    /// Returns this ledger with an entry for each record of the catalogue.
    fn entered(
        &self,
        changes: &[Change],
        catalogue: &Catalogue,
        origin: WallTime,
        changed: Option<WallTime>,
    ) -> Ledger {
        type Entries = BTreeMap<String, Entry>;
        let enter = |entries: &Entries, there: There<'_>, kind: Option<Kind>| {
            let mut entries = entries.clone();
            let have_slugs = enter::mark_gone(&mut entries, &there);
            if let Some(kind) = kind {
                enter::date(&mut entries, changes, kind, origin);
            }
            // The API has nothing about directors and producers, so no page shows their changes.
            let changed = changed.filter(|_| kind.is_some());
            if !have_slugs {
                enter::enter(&mut entries, &there, origin, changed);
            }
            forget_the_longest_gone(&mut entries);
            entries
        };
        let films = || catalogue.films().map(|(_, film)| (&*film.id, &*film.title)).collect();
        let people =
            || catalogue.people().map(|(_, person)| (&*person.id, &*person.name)).collect();
        let directors = || names(catalogue, |film| &film.directors);
        let producers = || names(catalogue, |film| &film.producers);
        // The entries of each sort depend on nothing else, so all cores enter them.
        // The entries of each sort depend on nothing else, so all cores enter them.
        let ((films, directors), (people, producers)) = rayon::join(
            || {
                let films = enter(&self.films, films(), Some(Kind::Film));
                (films, enter(&self.directors, directors(), None))
            },
            || {
                let people = enter(&self.people, people(), Some(Kind::Person));
                (people, enter(&self.producers, producers(), None))
            },
        );
        let (changes, scores) = (self.changes.clone(), self.scores.clone());
        Ledger { films, people, directors, producers, changes, scores }
    }
}

/// Returns names with themselves as titles, because the API has nothing else about them.
fn names<'a>(catalogue: &'a Catalogue, of: impl Fn(&'a Film) -> &'a [String]) -> There<'a> {
    let names = catalogue.films().flat_map(|(_, film)| of(film));
    names.map(|name| (&**name, &**name)).collect()
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
    fn the_first_catalogue_makes_a_baseline_without_changes() {
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
    fn a_record_that_returns_has_its_old_address_and_no_other_record_took_it() {
        let (all, one) = (people(&[("1", "Haku"), ("2", "Lin")]), people(&[("2", "Lin")]));
        let other = people(&[("2", "Lin"), ("3", "Hakú")]);
        let back = people(&[("1", "Kohaku"), ("2", "Lin"), ("3", "Hakú")]);
        let ledger = step(&Ledger::baseline(&all, WallTime(1)), &all, &one, 2);
        assert!(ledger.people["1"].gone);
        let ledger = step(&ledger, &one, &other, 3);
        assert_eq!(ledger.people["3"].slug, "haku-3", "the slug of person 1 stays reserved");
        let ledger = step(&ledger, &other, &back, 4);
        assert_eq!(ledger.people["1"].slug, "haku");
        assert_eq!(ledger.people["1"].first_seen, WallTime(1));
        assert!(!ledger.people["1"].gone);
    }

    #[test]
    fn the_order_of_the_records_does_not_change_an_address() {
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
    fn the_number_of_removed_records_is_bounded() {
        let none = people(&[]);
        let mut ledger = Ledger::baseline(&none, WallTime(0));
        for n in 0..GONE_KEPT + 3 {
            let id = n.to_string();
            let one = people(&[(&id, "Totoro")]);
            ledger = step(&ledger, &none, &one, 2 * n as u64);
            ledger = step(&ledger, &one, &none, 2 * n as u64 + 1);
        }
        assert_eq!(ledger.people.len(), GONE_KEPT);
        assert!(!ledger.people.contains_key("0"), "the oldest removed record is dropped first");
    }
}
