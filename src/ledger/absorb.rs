//! Merges two ledgers that meet: after a wiped Redis, after replicas that were apart, or after a
//! restored backup.
//!
//! Owns the rule by which nothing is lost. A record keeps its earliest first-seen time. The same
//! change in both ledgers is one change at its earlier time. The slug of the older ledger stays,
//! and the other slug redirects. Merging twice changes nothing, so replicas converge.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Dated, Entry, Ledger, forget_the_longest_gone, rooms, slug};
use crate::changes::{Change, Kind, What};
use crate::clock::WallTime;

impl Ledger {
    /// Returns this ledger with everything that `other` knows. This ledger decides which records
    /// are gone, because this ledger belongs to the current payload.
    #[must_use]
    pub fn absorbing(&self, other: &Ledger) -> Ledger {
        if self == other {
            return self.clone();
        }
        let changes = merged_changes(&self.changes, &other.changes);
        let merged = |of: fn(&Ledger) -> &BTreeMap<String, Entry>, kind: Option<Kind>| {
            let latest = kind.map(|kind| latest_changes(&changes, kind)).unwrap_or_default();
            let mut merged = merged_entries(of(self), of(other), &latest);
            forget_the_longest_gone(&mut merged);
            merged
        };
        let mut scores = self.scores.clone();
        for (name, score) in &other.scores {
            let ours = scores.entry(name.clone()).or_default();
            *ours = ours.or(*score);
        }
        Ledger {
            films: merged(|ledger| &ledger.films, Some(Kind::Film)),
            people: merged(|ledger| &ledger.people, Some(Kind::Person)),
            directors: merged(|ledger| &ledger.directors, None),
            producers: merged(|ledger| &ledger.producers, None),
            scores: Ledger::sound_scores(scores),
            changes,
        }
    }
}

/// Merges the changes of both ledgers, oldest first.
fn merged_changes(ours: &VecDeque<Dated>, theirs: &VecDeque<Dated>) -> VecDeque<Dated> {
    let mut by_key: BTreeMap<Key<'_>, [Vec<&Dated>; 2]> = BTreeMap::new();
    for (side, changes) in [ours, theirs].into_iter().enumerate() {
        for dated in changes {
            by_key.entry(Key::of(&dated.change)).or_default()[side].push(dated);
        }
    }
    let mut merged: Vec<Dated> = Vec::new();
    for [ours, theirs] in by_key.into_values() {
        let times = |side: &[&Dated]| side.iter().map(|dated| dated.at).collect::<BTreeSet<_>>();
        let (our_times, their_times) = (times(&ours), times(&theirs));
        let shared =
            |dated: &&&Dated| our_times.contains(&dated.at) && their_times.contains(&dated.at);
        merged.extend(ours.iter().filter(shared).map(|&dated| dated.clone()));
        // Changes that each replica saw on its own are matched in order: first with first.
        let mut ours = ours.iter().filter(|dated| !shared(dated));
        let mut theirs = theirs.iter().filter(|dated| !shared(dated));
        loop {
            match (ours.next(), theirs.next()) {
                (Some(one), Some(other)) => {
                    merged.push(Dated { at: one.at.min(other.at), ..Dated::clone(one) });
                }
                (Some(one), None) | (None, Some(one)) => merged.push(Dated::clone(one)),
                (None, None) => break,
            }
        }
    }
    merged.sort_by(Dated::by_time);
    rooms::bounded(merged)
}

/// The name of a field, the person whose field changed, and the new value.
type KeyField<'a> = (&'a str, Option<&'a str>, Option<&'a str>);

/// Two changes are the same if the record and the new values are the same.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    kind: Kind,
    id: &'a str,
    /// `None` for an added or a removed record; the flag tells which.
    fields: Option<Vec<KeyField<'a>>>,
    added: bool,
}

impl Key<'_> {
    fn of(change: &Change) -> Key<'_> {
        let fields = match &change.what {
            What::Changed(fields) => Some(
                fields
                    .iter()
                    .map(|field| (field.field.as_str(), field.of.as_deref(), field.new.as_deref()))
                    .collect(),
            ),
            What::Added | What::Removed => None,
        };
        let added = change.what == What::Added;
        Key { kind: change.kind, id: &change.id, fields, added }
    }
}

fn latest_changes(changes: &VecDeque<Dated>, kind: Kind) -> BTreeMap<&str, WallTime> {
    let of_kind = changes.iter().filter(|dated| dated.change.kind == kind);
    // Oldest first, so that the last change stays.
    of_kind.map(|dated| (dated.change.id.as_str(), dated.at)).collect()
}

fn merged_entries(
    ours: &BTreeMap<String, Entry>,
    theirs: &BTreeMap<String, Entry>,
    latest: &BTreeMap<&str, WallTime>,
) -> BTreeMap<String, Entry> {
    let ids: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let mut merged: BTreeMap<String, Entry> = ids
        .into_iter()
        .map(|id| {
            let entry = match (ours.get(id), theirs.get(id)) {
                (Some(one), Some(other)) => met(id, one, other, latest.get(id.as_str()).copied()),
                (Some(one), None) => one.clone(),
                // The current payload does not have the record.
                (None, other) => {
                    other.map(|other| Entry { gone: true, ..other.clone() }).unwrap_or_default()
                }
            };
            (id.clone(), entry)
        })
        .collect();
    settle_slugs(&mut merged);
    merged
}

/// Merges the entries of one record.
fn met(id: &str, one: &Entry, other: &Entry, latest: Option<WallTime>) -> Entry {
    let first_seen = one.first_seen.min(other.first_seen);
    // A replica that first saw the record later has this later time as `first_seen` and as
    // `changed`. Such a `changed` is not a change of the record.
    let real = |entry: &Entry| {
        entry.changed.filter(|&changed| changed != entry.first_seen || changed == first_seen)
    };
    let changed = latest.or_else(|| real(one).max(real(other)));
    let mut former: BTreeSet<String> = one.former.union(&other.former).cloned().collect();
    // A slug that moved is newer knowledge than a slug that did not.
    let age = |entry: &Entry| (Reverse(entry.moved), entry.first_seen, entry.slug.clone());
    let (kept, left) = if age(one) <= age(other) { (one, other) } else { (other, one) };
    if !left.has_no_page(id) {
        former.insert(left.slug.clone());
    }
    former.remove(&kept.slug);
    let title = one.title.as_ref().or(other.title.as_ref()).filter(|_| one.gone).cloned();
    let (slug, moved, gone) = (kept.slug.clone(), kept.moved, one.gone);
    Entry { slug, former, first_seen, changed, gone, moved, title }
}

/// Makes the slugs unique. A slug stays with the record to which it moved last, or else with the
/// older record.
fn settle_slugs(entries: &mut BTreeMap<String, Entry>) {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for id in by_right(entries) {
        let Some(entry) = entries.get_mut(&id) else { continue };
        if taken.contains(&entry.slug) {
            entry.slug = slug::given_up(&entry.slug, &id);
        }
        taken.insert(entry.slug.clone());
    }
    // A slug in use does not redirect. A former slug of two records redirects to the record with
    // the better right. The rights are judged again, because they depend on the slugs: the next
    // merge begins with the slugs of this merge, and must come to the same result.
    for id in by_right(entries) {
        let Some(entry) = entries.get_mut(&id) else { continue };
        entry.former.retain(|slug| taken.insert(slug.clone()));
    }
}

/// Returns the ids of the records, the record with the best right to a slug first.
fn by_right(entries: &BTreeMap<String, Entry>) -> Vec<String> {
    let key = |(id, entry): (&String, &Entry)| {
        let has_given_up = slug::is_given_up(&entry.slug, id);
        (Reverse(entry.moved), has_given_up, entry.first_seen, id.clone())
    };
    let mut order: Vec<_> = entries.iter().map(key).collect();
    order.sort();
    order.into_iter().map(|(.., id)| id).collect()
}

#[cfg(test)]
mod tests;
