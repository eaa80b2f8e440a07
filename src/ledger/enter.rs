//! Enters a catalogue into a ledger.
//!
//! Owns the assignment of slugs. A record keeps its slug. A record that was deleted and created
//! again under another id (as by an import or a move of databases) gets the slug of the deleted
//! record back. Every other new record gets a new slug.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{Entry, GONE_KEPT, slug};
use crate::changes::{Change, Kind, What, cut};
use crate::clock::WallTime;

/// The records of a catalogue: ids with titles.
pub(super) type There<'c> = HashMap<&'c str, &'c str>;

/// Marks records that are gone, and records that returned. Returns whether each record of the
/// catalogue has a slug of its own.
pub(super) fn mark_gone(entries: &mut BTreeMap<String, Entry>, there: &There<'_>) -> bool {
    let mut have_own = 0;
    for (id, entry) in entries.iter_mut() {
        entry.gone = !there.contains_key(id.as_str());
        if !entry.gone {
            entry.title = None;
            have_own += usize::from(!slug::is_given_up(&entry.slug, id));
        }
    }
    have_own == there.len()
}

/// Records the times of changes, and the last titles of removed records.
pub(super) fn date(
    entries: &mut BTreeMap<String, Entry>,
    changes: &[Change],
    kind: Kind,
    origin: WallTime,
) {
    for change in changes.iter().filter(|change| change.kind == kind) {
        let Some(entry) = entries.get_mut(&change.id) else { continue };
        entry.changed = Some(origin);
        if entry.gone && change.what == What::Removed {
            entry.title = Some(change.title.clone());
        }
    }
}

/// Gives a slug to every record of the catalogue that has no slug of its own.
pub(super) fn enter(
    entries: &mut BTreeMap<String, Entry>,
    there: &There<'_>,
    origin: WallTime,
    changed: Option<WallTime>,
) {
    let has_own = |id: &str| entries.get(id).is_some_and(|own| !slug::is_given_up(&own.slug, id));
    let mut new: Vec<(&str, &str)> =
        there.iter().filter(|(id, _)| !has_own(id)).map(|(&id, &title)| (id, title)).collect();
    // Records get slugs in the order of their ids, so the order of the answer does not decide which
    // record gets the plain slug.
    new.sort_unstable();
    let slugs = entries.values().flat_map(|entry| entry.former.iter().chain([&entry.slug]));
    let mut taken: HashSet<String> = slugs.cloned().collect();
    let mut left = left_behind(entries);
    for (id, title) in new {
        let from = left.get_mut(&cut(title)).and_then(Vec::pop);
        let left = from.and_then(|from| give_up(entries, &from, origin));
        let known = entries.get(id).cloned();
        let is_known = known.is_some();
        let had_no_page = known.as_ref().is_some_and(|known| known.has_no_page(id));
        let mut entry = known.unwrap_or(Entry { first_seen: origin, changed, ..Entry::default() });
        if let Some((slug, former)) = left {
            let own = std::mem::replace(&mut entry.slug, slug);
            let own = Some(own).filter(|own| !own.is_empty() && !had_no_page);
            entry.former.extend(former.into_iter().chain(own));
            entry.moved = Some(origin);
        } else if !is_known {
            entry.slug = slug::of(title, id, |slug| taken.contains(slug));
        }
        taken.insert(entry.slug.clone());
        entries.insert(id.to_owned(), entry);
    }
}

/// Returns the ids of removed records by their last titles, the record that was removed last at
/// the end.
fn left_behind(entries: &BTreeMap<String, Entry>) -> HashMap<String, Vec<String>> {
    let has_own =
        |(id, entry): &(&String, &Entry)| entry.gone && !slug::is_given_up(&entry.slug, id);
    let gone = entries.iter().filter(has_own);
    let mut gone: Vec<_> = gone
        .filter_map(|(id, entry)| Some((entry.changed, Reverse(id), entry.title.as_ref()?)))
        .collect();
    gone.sort();
    let mut by_title: HashMap<String, Vec<String>> = HashMap::new();
    for (_, Reverse(id), title) in gone {
        by_title.entry(title.clone()).or_default().push(id.clone());
    }
    by_title
}

/// Takes the slug and the former slugs from a removed record.
fn give_up(
    entries: &mut BTreeMap<String, Entry>,
    id: &str,
    origin: WallTime,
) -> Option<(String, BTreeSet<String>)> {
    let old = entries.get_mut(id)?;
    old.moved = Some(origin);
    let given_up = slug::given_up(&old.slug, id);
    let mut former = std::mem::take(&mut old.former);
    former.remove(&given_up);
    Some((std::mem::replace(&mut old.slug, given_up), former))
}

/// Removes the records that have been gone longest, beyond [`GONE_KEPT`].
pub(super) fn forget_the_longest_gone(entries: &mut BTreeMap<String, Entry>) {
    let mut gone: Vec<_> = entries
        .iter()
        .filter(|(_, entry)| entry.gone)
        .map(|(id, entry)| (entry.changed, id.clone()))
        .collect();
    if gone.len() <= GONE_KEPT {
        return;
    }
    gone.sort();
    for (_, id) in &gone[..gone.len() - GONE_KEPT] {
        entries.remove(id);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::super::Ledger;
    use super::super::tests::{people, step};
    use super::*;
    use crate::catalogue::{Catalogue, join};
    use crate::clock::{BootId, BootTime, Stamp};
    use crate::mapping::Mapping;
    use crate::payload::{Body, Fence, Payload};

    /// Makes a catalogue with one film for each name, whose director and producer have this name.
    fn made_by(names: &[&str]) -> Catalogue {
        let film =
            |name: &&str| json!({"id": name, "title": "T", "director": name, "producer": name});
        let films: Vec<_> = names.iter().map(film).collect();
        let body = |bytes: Bytes| Body::whole(bytes);
        let payload = Payload {
            fence: Fence(1),
            origin: Stamp { boot_id: BootId("b".into()), boot: BootTime(0), wall: WallTime(0) },
            films: body(Bytes::from(json!(films).to_string())),
            people: body(Bytes::from_static(b"[]")),
        };
        join(&payload, &Mapping::default_mapping()).expect("a catalogue").0
    }

    #[test]
    fn a_record_that_is_created_again_under_another_id_gets_its_address_back() {
        let (old, new) = (people(&[("1", "Haku")]), people(&[("9", "Haku")]));
        let baseline = Ledger::baseline(&old, WallTime(1));
        let at_once = step(&baseline, &old, &new, 2);
        let none = people(&[]);
        let later = step(&step(&baseline, &old, &none, 2), &none, &new, 3);
        for ledger in [at_once, later] {
            assert_eq!(ledger.people["9"].slug, "haku");
            assert_ne!(ledger.people["1"].slug, "haku", "an address belongs to one record");
            // The return of the first record must not change an address.
            let both = people(&[("1", "Haku"), ("9", "Haku")]);
            let ledger = step(&ledger, &new, &both, 4);
            assert_eq!(ledger.people["9"].slug, "haku");
            assert!(ledger.people["1"].slug.starts_with("haku-"), "{ledger:?}");
        }
    }

    #[test]
    fn an_import_that_is_undone_gives_each_record_its_address_back() {
        let (old, new) = (people(&[("1", "Haku")]), people(&[("9", "Haku")]));
        let mut ledger = Ledger::baseline(&old, WallTime(1));
        for (at, pair) in [(&old, &new), (&new, &old), (&old, &new)].iter().enumerate() {
            ledger = step(&ledger, pair.0, pair.1, at as u64 + 2);
            let id = &pair.1.people().next().expect("a person").1.id;
            assert_eq!(ledger.people[id].slug, "haku", "{ledger:?}");
        }
    }

    #[test]
    fn the_record_that_was_removed_last_gives_its_address_away_first() {
        let steps = [
            people(&[("1", "Haku"), ("2", "Haku"), ("3", "Lin")]),
            people(&[("2", "Haku"), ("3", "Lin")]),
            people(&[("3", "Lin")]),
            people(&[("3", "Lin"), ("8", "Haku"), ("9", "Haku")]),
        ];
        let mut ledger = Ledger::baseline(&steps[0], WallTime(0));
        for (at, pair) in steps.windows(2).enumerate() {
            ledger = step(&ledger, &pair[0], &pair[1], at as u64 + 1);
        }
        assert_eq!(ledger.people["8"].slug, "haku-2");
        assert_eq!(ledger.people["9"].slug, "haku");
    }

    #[test]
    fn a_renamed_record_that_is_created_again_is_recognised_by_its_last_name() {
        let (old, renamed) = (people(&[("1", "Sen")]), people(&[("1", "Chihiro")]));
        let ledger = step(&Ledger::baseline(&old, WallTime(1)), &old, &renamed, 2);
        let again = people(&[("2", "Chihiro"), ("3", "Sen")]);
        let ledger = step(&ledger, &renamed, &again, 3);
        assert_eq!(ledger.people["2"].slug, "sen", "old links must stay valid");
        assert_eq!(ledger.people["3"].slug, "sen-3");
    }

    #[test]
    fn a_director_keeps_the_address_when_another_director_with_the_same_slug_appears() {
        let one = made_by(&["Oscar Díaz"]);
        let both = made_by(&["Oscar Diaz", "Oscar Díaz"]);
        let ledger = Ledger::baseline(&one, WallTime(1)).advanced(&[], &both, WallTime(2));
        for makers in [&ledger.directors, &ledger.producers] {
            assert_eq!(makers["Oscar Díaz"].slug, "oscar-diaz");
            assert_eq!(makers["Oscar Diaz"].slug, "oscar-diaz-oscar-di");
        }
        let gone = ledger.advanced(&[], &made_by(&["Oscar Diaz"]), WallTime(3));
        assert!(gone.directors["Oscar Díaz"].gone);
        let back = gone.advanced(&[], &both, WallTime(4));
        assert_eq!(back.directors, ledger.directors);
    }
}
