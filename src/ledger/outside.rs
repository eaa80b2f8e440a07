//! Checks a ledger from a store, because other programs may have written to the store.
//!
//! Owns the check of every part: a slug becomes the name of a directory, a title becomes text of
//! a page, and a time becomes text of a feed. Each [`Ledger`] that is deserialized is checked, so
//! no caller can forget the check. An unsound part is left out, and its record gets a new entry.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Deserialize;
use tracing::warn;

use super::{Dated, Entry, Ledger, Score, forget_the_longest_gone, rooms, slug};
use crate::changes::{MOST_FIELDS, What, cut, cut_name};
use crate::clock::WallTime;
use crate::plain::cleaned;

/// Largest number of former slugs of one record. Each merge of ledgers may add one.
const MOST_FORMER: usize = 50;
/// The end of the year 9999. Later times have another text form.
const LAST_TIME: WallTime = WallTime(253_402_300_799_999_999);

/// A ledger before the check.
#[derive(Deserialize)]
pub(super) struct Outside {
    films: BTreeMap<String, Entry>,
    people: BTreeMap<String, Entry>,
    #[serde(default)]
    directors: BTreeMap<String, Entry>,
    #[serde(default)]
    producers: BTreeMap<String, Entry>,
    changes: VecDeque<Dated>,
    #[serde(default)]
    scores: BTreeMap<String, Score>,
}

impl From<Outside> for Ledger {
    fn from(outside: Outside) -> Ledger {
        let Outside { films, people, directors, producers, changes, scores } = outside;
        let mut left_out = LeftOut::default();
        let ledger = Ledger {
            films: sound_entries(films, &mut left_out),
            people: sound_entries(people, &mut left_out),
            directors: sound_entries(directors, &mut left_out),
            producers: sound_entries(producers, &mut left_out),
            changes: sound_changes(changes, &mut left_out),
            scores: Ledger::sound_scores(scores),
        };
        if let Some(first) = &left_out.first {
            warn!(
                entries = left_out.count,
                "the stored ledger has {} damaged entries, the first for {first}; these entries \
                 are left out, and their records count as new",
                left_out.count
            );
        }
        ledger
    }
}

/// The number of entries that are left out, and the first of them, for one message.
#[derive(Default)]
struct LeftOut {
    count: usize,
    first: Option<String>,
}

impl LeftOut {
    fn add(&mut self, id: &str) {
        self.count += 1;
        self.first.get_or_insert_with(|| format!("{:?}", cut(id)));
    }
}

fn sound_entries(
    entries: BTreeMap<String, Entry>,
    left_out: &mut LeftOut,
) -> BTreeMap<String, Entry> {
    let mut sound = BTreeMap::new();
    for (id, mut entry) in entries {
        let is_sound = is_sound_text(&id)
            && slug::is_valid(&entry.slug)
            && [Some(entry.first_seen), entry.changed, entry.moved]
                .iter()
                .flatten()
                .all(|&at| is_sound_time(at));
        if is_sound {
            entry.title = entry.title.filter(|_| entry.gone).map(|title| cut(&cleaned(&title)));
            entry.former.retain(|slug| slug::is_valid(slug));
            while entry.former.len() > MOST_FORMER {
                entry.former.pop_last();
            }
            sound.insert(id, entry);
        } else {
            left_out.add(&id);
        }
    }
    make_unique(&mut sound, left_out);
    forget_the_longest_gone(&mut sound);
    sound
}

/// Makes the slugs unique. Of several records with one slug, the slug stays with a record that is
/// in the catalogue, and then with the record that was seen first.
fn make_unique(entries: &mut BTreeMap<String, Entry>, left_out: &mut LeftOut) {
    let mut order: Vec<_> =
        entries.iter().map(|(id, entry)| (entry.gone, entry.first_seen, id.clone())).collect();
    order.sort();
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for (.., id) in &order {
        if entries.get(id).is_some_and(|entry| !taken.insert(entry.slug.clone())) {
            entries.remove(id);
            left_out.add(id);
        }
    }
    for (.., id) in &order {
        if let Some(entry) = entries.get_mut(id) {
            entry.former.retain(|slug| taken.insert(slug.clone()));
        }
    }
}

fn sound_changes(changes: VecDeque<Dated>, left_out: &mut LeftOut) -> VecDeque<Dated> {
    let mut sound = Vec::with_capacity(changes.len());
    for mut dated in changes {
        let change = &mut dated.change;
        if !is_sound_text(&change.id) || !is_sound_time(dated.at) {
            left_out.add(&change.id);
            continue;
        }
        change.title = cut(&cleaned(&change.title));
        if let What::Changed(fields) = &mut change.what {
            let surplus = fields.len().saturating_sub(MOST_FIELDS);
            fields.truncate(MOST_FIELDS);
            change.more = change.more.saturating_add(u32::try_from(surplus).unwrap_or(u32::MAX));
            for field in fields {
                field.field = cut_name(&cleaned(&field.field));
                field.of = field.of.take().map(|of| cut_name(&cleaned(&of)));
                for value in [&mut field.old, &mut field.new].into_iter().flatten() {
                    *value = cut(&cleaned(value));
                }
            }
        }
        sound.push(dated);
    }
    rooms::bounded(sound)
}

fn is_sound_text(text: &str) -> bool {
    !text.is_empty() && cleaned(text) == text
}

fn is_sound_time(time: WallTime) -> bool {
    time <= LAST_TIME
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(ledger: &serde_json::Value) -> Ledger {
        serde_json::from_value(ledger.clone()).expect("a ledger")
    }

    fn of_films(films: &serde_json::Value) -> Ledger {
        read(&json!({"films": films, "people": {}, "changes": []}))
    }

    #[test]
    fn a_slug_that_is_not_a_safe_file_name_is_left_out() {
        for slug in ["../../../x", "", ".", "a/b", "A", "a\0", "-a", &"a".repeat(81), "é"] {
            let ledger = of_films(&json!({
                "1": {"slug": slug, "first_seen": 1},
                "2": {"slug": "sound", "first_seen": 1, "former": ["../x", "old"]},
            }));
            assert_eq!(ledger.films.keys().collect::<Vec<_>>(), ["2"], "{slug:?}");
            assert_eq!(ledger.films["2"].former, BTreeSet::from(["old".to_owned()]));
        }
    }

    #[test]
    fn an_address_stays_with_the_record_that_is_in_the_catalogue_and_was_seen_first() {
        let ledger = of_films(&json!({
            "1": {"slug": "a", "first_seen": 1, "gone": true},
            "2": {"slug": "a", "first_seen": 3},
            "3": {"slug": "a", "first_seen": 2},
            "4": {"slug": "b", "first_seen": 4, "former": ["a", "c"]},
            "5": {"slug": "d", "first_seen": 5, "former": ["c"]},
        }));
        assert_eq!(ledger.films.keys().collect::<Vec<_>>(), ["3", "4", "5"]);
        assert_eq!(ledger.films["4"].former, BTreeSet::from(["c".to_owned()]));
        assert!(ledger.films["5"].former.is_empty());
    }

    #[test]
    fn times_and_ids_that_no_payload_can_have_are_left_out() {
        let ledger = of_films(&json!({
            "1": {"slug": "a", "first_seen": u64::MAX},
            "2": {"slug": "b", "first_seen": 1, "changed": u64::MAX},
            "\u{0}": {"slug": "c", "first_seen": 1},
            "": {"slug": "d", "first_seen": 1},
        }));
        assert!(ledger.films.is_empty());
    }

    #[test]
    fn the_parts_of_a_ledger_beyond_the_bounds_are_cut() {
        let fields: Vec<_> = (0..1_000)
            .map(|n| json!({"field": format!("{n}{}", "n".repeat(5_000)), "new": "x\u{0}".repeat(5_000)}))
            .collect();
        let change = |at: usize| json!({"at": at, "kind": "film", "id": "1", "title": "\u{8}T", "what": {"changed": fields}});
        let changes: Vec<_> = (0..10).map(change).collect();
        let ledger = read(&json!({"films": {}, "people": {}, "changes": changes}));
        let bytes = serde_json::to_vec(&ledger).expect("JSON").len();
        assert!(bytes < 200_000, "{bytes}");
        let change = &ledger.changes[0].change;
        let What::Changed(fields) = &change.what else { panic!("changed") };
        assert_eq!((fields.len(), change.more, &*change.title), (MOST_FIELDS, 980, "T"));
        assert!(!serde_json::to_string(&ledger).expect("JSON").contains("\\u0000"));
    }
}
