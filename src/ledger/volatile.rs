//! Volatile fields: fields that change in most refreshes.
//!
//! Owns a score for each field that changed lately. A refresh that changes the field in any record
//! adds one to the score; a refresh that does not change the field subtracts one. A volatile field
//! (a counter, a time of access) makes no change, no event and no entry of a feed, because it
//! would push all other changes out. The score is in the ledger, so all replicas agree. Pages
//! still show the value of the field.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Ledger;
use crate::changes::{Fields, Kind, What, cut_name};

/// Score from which a field is volatile.
const VOLATILE_AT: u8 = 30;
/// Highest score. After this number of refreshes without a change (one hour by default), a
/// volatile field is steady again.
const HIGHEST: u8 = 60;
/// Largest number of fields with a score.
const MOST_SCORED: usize = 200;

/// The score of a field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    score: u8,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    volatile: bool,
}

impl Score {
    /// Merges the scores of one field in two ledgers.
    pub(super) fn or(self, other: Score) -> Score {
        Score { score: self.score.max(other.score), volatile: self.volatile || other.volatile }
    }
}

/// Fields that the owner declares. A name may have its kind before it, as in `film.rt_score`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Fields that are always volatile.
    pub volatile: BTreeSet<String>,
    /// Fields that are never volatile.
    pub steady: BTreeSet<String>,
}

/// Returns the name of a field with its kind, as the owner sees the name.
fn name_of(kind: Kind, field: &str) -> String {
    let kind = match kind {
        Kind::Film => "film",
        Kind::Person => "person",
    };
    format!("{kind}.{}", cut_name(field))
}

impl Overrides {
    fn names(&self, kind: Kind, field: &str) -> Option<bool> {
        let whole = name_of(kind, field);
        let is_in = |names: &BTreeSet<String>| names.contains(field) || names.contains(&whole);
        if is_in(&self.steady) { Some(false) } else { is_in(&self.volatile).then_some(true) }
    }

    /// Whether the owner declares a field, named with its kind, as never volatile.
    fn is_steady(&self, whole: &str) -> bool {
        let field = whole.split_once('.').map_or(whole, |(_, field)| field);
        self.steady.contains(whole) || self.steady.contains(field)
    }
}

impl Ledger {
    /// Whether changes of a field are not reported.
    pub fn is_volatile(&self, kind: Kind, field: &str, overrides: &Overrides) -> bool {
        let counted = || self.scores.get(&name_of(kind, field)).is_some_and(|it| it.volatile);
        overrides.names(kind, field).unwrap_or_else(counted)
    }

    /// Returns the fields whose changes are not reported: recognised fields, and fields that the
    /// owner declares volatile.
    pub fn volatile_fields(&self, overrides: &Overrides) -> Vec<String> {
        let found = self.scores.iter().filter(|(_, score)| score.volatile).map(|(name, _)| name);
        let found = found.filter(|name| !overrides.is_steady(name));
        found.chain(&overrides.volatile).cloned().collect()
    }

    /// Whether a field has a score, so that a refresh without changes changes the ledger.
    pub fn counts_fields(&self) -> bool {
        !self.scores.is_empty()
    }

    /// Counts one refresh that changed these fields. Returns the fields that became volatile;
    /// their earlier changes are no longer reported.
    pub fn count(&mut self, changed: &Fields, overrides: &Overrides) -> Vec<String> {
        let changed: BTreeMap<String, (Kind, &String)> = changed
            .iter()
            .flat_map(|(kind, names)| names.iter().map(move |name| (*kind, name)))
            .map(|(kind, name)| (name_of(kind, name), (kind, name)))
            .collect();
        for (name, score) in &mut self.scores {
            if !changed.contains_key(name) {
                score.score = score.score.saturating_sub(1);
            }
        }
        self.scores.retain(|_, score| score.score > 0);
        let mut found = Vec::new();
        for (name, (kind, field)) in changed {
            if !self.scores.contains_key(&name) && self.scores.len() >= MOST_SCORED {
                continue;
            }
            let score = self.scores.entry(name.clone()).or_default();
            score.score = score.score.saturating_add(1).min(HIGHEST);
            if score.score >= VOLATILE_AT && !score.volatile {
                score.volatile = true;
                if overrides.names(kind, field) != Some(false) {
                    self.untell(kind, field);
                    found.push(name);
                }
            }
        }
        found
    }

    fn untell(&mut self, kind: Kind, name: &str) {
        let name = cut_name(name);
        self.changes.retain_mut(|dated| {
            let change = &mut dated.change;
            let (What::Changed(fields), true) = (&mut change.what, change.kind == kind) else {
                return true;
            };
            let before = fields.len();
            fields.retain(|field| field.field != name);
            fields.len() == before || !fields.is_empty() || change.more > 0
        });
    }

    /// Checks scores from a store, and keeps at most [`MOST_SCORED`].
    pub(super) fn sound_scores(scores: BTreeMap<String, Score>) -> BTreeMap<String, Score> {
        let longest = name_of(Kind::Person, &"…".repeat(1_000)).len();
        let sound = scores.into_iter().filter(|(name, score)| {
            name.len() <= longest && score.score > 0 && crate::plain::cleaned(name) == *name
        });
        let capped = |score: Score| Score { score: score.score.min(HIGHEST), ..score };
        sound.take(MOST_SCORED).map(|(name, score)| (name, capped(score))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::changes::compared;
    use crate::clock::WallTime;

    /// A ledger of a catalogue with one person, whose name changes in refreshes.
    struct Lived {
        ledger: Ledger,
        catalogue: Catalogue,
        at: u64,
        overrides: Overrides,
    }

    impl Lived {
        fn new(overrides: Overrides) -> Lived {
            let catalogue = named("0");
            let ledger = Ledger::baseline(&catalogue, WallTime(0));
            Lived { ledger, catalogue, at: 0, overrides }
        }

        fn refresh(&mut self, name: &str) -> Vec<String> {
            self.at += 1;
            let next = named(name);
            let ledger = &self.ledger;
            let is_ignored = |kind, field: &str| ledger.is_volatile(kind, field, &self.overrides);
            let found = compared(&self.catalogue, &next, &is_ignored);
            self.ledger = ledger.advanced(&found.changes, &next, WallTime(self.at));
            self.catalogue = next;
            self.ledger.count(&found.fields, &self.overrides)
        }
    }

    fn named(name: &str) -> Catalogue {
        Catalogue::of_people(&[("1", name)])
    }

    #[test]
    fn a_field_that_changes_in_most_refreshes_is_volatile_and_reported_once() {
        let mut lived = Lived::new(Overrides::default());
        let found: Vec<_> = (1..100).flat_map(|n| lived.refresh(&n.to_string())).collect();
        assert_eq!(found, ["person.name"]);
        assert!(lived.ledger.changes.is_empty(), "{:?}", lived.ledger.changes);
        assert_eq!(lived.ledger.volatile_fields(&Overrides::default()), ["person.name"]);
    }

    #[test]
    fn a_field_that_changes_in_every_other_refresh_is_steady() {
        let mut lived = Lived::new(Overrides::default());
        for n in 1..200 {
            assert!(lived.refresh(&(n / 2).to_string()).is_empty());
        }
        let volatile = lived.ledger.volatile_fields(&Overrides::default());
        assert!(!lived.ledger.changes.is_empty() && volatile.is_empty());
    }

    #[test]
    fn a_volatile_field_is_steady_again_after_a_quiet_time() {
        let mut lived = Lived::new(Overrides::default());
        (1..=30).for_each(|n| drop(lived.refresh(&n.to_string())));
        (0..30).for_each(|_| drop(lived.refresh("30")));
        assert!(lived.ledger.scores.is_empty());
        lived.refresh("again");
        assert_eq!(lived.ledger.changes.len(), 1);
    }

    #[test]
    fn the_declarations_of_the_owner_override_the_scores() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let steady = Overrides { steady: names(&["name"]), ..Overrides::default() };
        let mut lived = Lived::new(steady);
        assert!((1..30).all(|n| lived.refresh(&n.to_string()).is_empty()));
        assert_eq!(lived.ledger.changes.len(), 29);
        let volatile = Overrides { volatile: names(&["person.name"]), ..Overrides::default() };
        let mut lived = Lived::new(volatile);
        lived.refresh("1");
        assert!(lived.ledger.changes.is_empty());
    }

    #[test]
    fn the_number_of_scores_is_bounded() {
        let names = (0..1_000).map(|n| format!("{n}{}", "é".repeat(200))).collect();
        let mut ledger = Ledger::default();
        ledger.count(&Fields::from([(Kind::Film, names)]), &Overrides::default());
        assert_eq!(ledger.scores.len(), MOST_SCORED);
        let text = serde_json::to_string(&ledger).expect("JSON");
        assert_eq!(serde_json::from_str::<Ledger>(&text).expect("the same"), ledger);
    }
}
