//! What this process knows: the last payload, and the catalogue and the ledger of the payload.
//!
//! Owns payload, edition, catalogue, ledger and the changes that no generation reports yet. These
//! values change together, so that pages, ledger and payload always belong to one refresh. Pure:
//! values come in and go out. This module must not read the store or show anything.

use std::sync::Arc;

use super::report::ChangeCounts;
use crate::catalogue::{Catalogue, Joined};
use crate::changes::{self, Change, Fields};
use crate::clock::WallTime;
use crate::ledger::{Ledger, Overrides};
use crate::payload::{Fence, Payload};
use crate::plausibility::Ids;
use crate::store::{Edition, Saved};

/// The last payload, with its catalogue and its ledger.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    payload: Option<Payload>,
    /// The edition of payload and ledger in the store.
    edition: Edition,
    /// The catalogue, with what the next join can use again.
    joined: Joined,
    ledger: Option<Arc<Ledger>>,
    /// Changes since the live generation was made; `None` if the changes are not known.
    untold: Option<Vec<Change>>,
}

/// The result of [`Known::enter`].
#[derive(Debug)]
pub(super) struct Entered {
    /// Numbers of changed records; 0 if there was no payload to compare with.
    pub(super) counts: ChangeCounts,
    /// Fields that are volatile from now on.
    pub(super) volatile: Vec<String>,
}

/// The data from which pages are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contents<'a> {
    pub(super) payload: &'a Payload,
    pub(super) catalogue: &'a Catalogue,
    pub(super) ledger: &'a Ledger,
    pub(super) untold: Option<&'a [Change]>,
}

impl Contents<'_> {
    /// Whether the live generation reports all changes.
    pub(super) fn are_told(&self) -> bool {
        self.untold.is_some_and(<[Change]>::is_empty)
    }
}

impl Known {
    /// Returns the fence of the payload; 0 without a payload.
    pub(super) fn fence(&self) -> Fence {
        self.payload.as_ref().map_or(Fence(0), |payload| payload.fence)
    }

    pub(super) fn edition(&self) -> Edition {
        self.edition
    }

    pub(super) fn payload(&self) -> Option<&Payload> {
        self.payload.as_ref()
    }

    /// Returns the ids with which the next catalogue is compared.
    pub(super) fn ids(&self) -> Option<Ids<'_>> {
        match (&self.payload, &self.ledger) {
            (Some(_), _) => Some(Ids::of(&self.joined.catalogue)),
            (None, Some(ledger)) => Some(Ids::known_to(ledger)),
            (None, None) => None,
        }
    }

    /// Returns the data from which pages are made; `None` before the first payload.
    pub(super) fn contents(&self) -> Option<Contents<'_>> {
        let (payload, ledger) = (self.payload.as_ref()?, self.ledger.as_ref()?);
        let untold = self.untold.as_deref();
        Some(Contents { payload, catalogue: &self.joined.catalogue, ledger, untold })
    }

    /// Returns the last join, from which the next join begins.
    pub(super) fn joined(&self) -> &Joined {
        &self.joined
    }

    /// Whether a payload has the same answers as the known payload.
    pub(super) fn has_answers_of(&self, payload: &Payload) -> bool {
        self.payload.as_ref().is_some_and(|known| known.has_answers_of(payload))
    }

    /// Takes a ledger if no ledger is known, so that slugs and times outlive the payload.
    pub(super) fn remember(&mut self, ledger: impl FnOnce() -> Option<Arc<Ledger>>) {
        if self.ledger.is_none() {
            self.ledger = ledger();
        }
    }

    /// Counts a refresh in which no field changed. After enough such refreshes, a volatile field is
    /// steady again.
    pub(super) fn count_unchanged(&mut self, overrides: &Overrides) {
        if let Some(ledger) = &mut self.ledger
            && ledger.counts_fields()
        {
            Arc::make_mut(ledger).count(&Fields::new(), overrides);
        }
    }

    /// Enters the catalogue of a refresh. The payload follows with [`Known::saved`].
    pub(super) fn enter(
        &mut self,
        joined: Joined,
        origin: WallTime,
        overrides: &Overrides,
    ) -> Entered {
        let catalogue = &joined.catalogue;
        let found = self.compared(catalogue, self.ledger.as_deref(), overrides);
        // Without a payload, the changes are not known. Slugs and times of the ledger stay.
        let (changes, fields) = found.map(|found| (found.changes, found.fields)).unzip();
        let told = changes.as_deref().unwrap_or_default();
        let mut ledger = Ledger::after(self.ledger.as_deref(), told, catalogue, origin);
        let volatile = fields.map(|fields| ledger.count(&fields, overrides)).unwrap_or_default();
        let entered = Entered { counts: ChangeCounts::of(told), volatile };
        self.untold = noted(self.untold.take(), changes);
        (self.joined, self.ledger) = (joined, Some(Arc::new(ledger)));
        entered
    }

    /// Takes up a save of another process, or of this process before a restart.
    pub(super) fn take_up(
        &mut self,
        payload: Payload,
        ledger: Option<Arc<Ledger>>,
        edition: Edition,
        joined: Joined,
        overrides: &Overrides,
    ) {
        let catalogue = &joined.catalogue;
        let before = ledger.or_else(|| self.ledger.take());
        let ledger = Ledger::after(before.as_deref(), &[], catalogue, payload.origin.wall);
        // An unchanged ledger is neither serialized nor saved again.
        let ledger = before.filter(|before| **before == ledger).unwrap_or_else(|| ledger.into());
        let found = self.compared(catalogue, Some(&ledger), overrides);
        self.untold = noted(self.untold.take(), found.map(|found| found.changes));
        self.payload = Some(payload);
        (self.edition, self.joined, self.ledger) = (edition, joined, Some(ledger));
    }

    /// Returns what must be saved: this payload with its ledger.
    pub(super) fn to_save(&self, payload: Payload) -> Saved {
        let ledger = self.ledger.clone().unwrap_or_default();
        Saved { payload, ledger, revision: self.edition.revision }
    }

    /// Takes the saved payload and ledger. The store may have added to the ledger.
    pub(super) fn saved(&mut self, saved: Saved, edition: Edition) {
        self.edition = edition;
        self.ledger = Some(saved.ledger);
        self.payload = Some(saved.payload);
    }

    /// Records that the live generation reports all changes.
    pub(super) fn told(&mut self) {
        self.untold = Some(Vec::new());
    }

    /// Returns the changes to a catalogue; `None` without a payload to compare with.
    fn compared(
        &self,
        catalogue: &Catalogue,
        ledger: Option<&Ledger>,
        overrides: &Overrides,
    ) -> Option<changes::Compared> {
        let (_, ledger) = self.payload.as_ref().zip(ledger)?;
        let is_ignored = |kind, field: &str| ledger.is_volatile(kind, field, overrides);
        Some(changes::compared(&self.joined.catalogue, catalogue, &is_ignored))
    }
}

/// Adds the changes of the next step. Returns `None` if the changes of one of the steps are not
/// known.
fn noted(untold: Option<Vec<Change>>, changes: Option<Vec<Change>>) -> Option<Vec<Change>> {
    untold.zip(changes).map(|(before, then)| changes::joined(before, then))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::catalogue::Bounds;
    use crate::changes::What;
    use crate::clock::{BootId, BootTime, Stamp};
    use crate::mapping::Mapping;
    use crate::payload::Body;

    fn payload(fence: u64, films: &Value) -> Payload {
        let at = fence * 60_000_000;
        let (boot, wall) = (BootTime(at as i64), WallTime(at));
        let body = |value: &Value| Body::whole(value.to_string());
        Payload {
            fence: Fence(fence),
            origin: Stamp { boot_id: BootId("this boot".into()), boot, wall },
            films: body(films),
            people: body(&json!([])),
        }
    }

    fn joined(payload: &Payload) -> Joined {
        Joined::default()
            .next(payload, &Mapping::default_mapping(), Bounds::of(1 << 20))
            .expect("a catalogue")
    }

    fn one() -> Value {
        json!([{"id": "a", "title": "A", "rt_score": "10", "visits": "1"}])
    }

    fn two() -> Value {
        json!([{"id": "a", "title": "A", "rt_score": "10", "visits": "1"}, {"id": "b", "title": "B"}])
    }

    fn enter(known: &mut Known, payload: Payload) -> Entered {
        let entered = known.enter(joined(&payload), payload.origin.wall, &Overrides::default());
        let saved = known.to_save(payload);
        let edition = saved.edition();
        known.saved(saved, edition);
        entered
    }

    fn take_up(known: &mut Known, payload: Payload, ledger: Option<Ledger>) {
        let (catalogue, edition) =
            (joined(&payload), Edition { fence: payload.fence, revision: 7 });
        let ledger = ledger.map(Arc::new);
        known.take_up(payload, ledger, edition, catalogue, &Overrides::default());
    }

    fn untold(known: &Known) -> Option<Vec<String>> {
        let changes = known.contents().expect("contents").untold?;
        Some(changes.iter().map(|change| change.id.clone()).collect())
    }

    #[test]
    fn without_a_payload_there_is_nothing_to_show_and_nothing_to_compare_with() {
        let known = Known::default();
        assert!(known.contents().is_none() && known.ids().is_none() && known.payload().is_none());
        assert_eq!((known.fence(), known.edition()), (Fence(0), Edition::default()));
        assert!(!known.has_answers_of(&payload(1, &one())));
    }

    #[test]
    fn the_first_payload_starts_a_ledger_and_counts_no_change() {
        let mut known = Known::default();
        let entered = enter(&mut known, payload(1, &one()));
        assert_eq!(entered.counts, ChangeCounts::default());
        assert_eq!(known.fence(), Fence(1));
        let contents = known.contents().expect("contents");
        assert!(contents.ledger.changes.is_empty() && contents.catalogue.films().len() == 1);
        assert_eq!(untold(&known), None, "the changes since the last publish are not known");
        assert!(
            known.has_answers_of(&payload(9, &one())) && !known.has_answers_of(&payload(9, &two()))
        );
    }

    #[test]
    fn a_later_payload_advances_the_ledger_and_its_changes_wait_to_be_told() {
        let mut known = Known::default();
        enter(&mut known, payload(1, &one()));
        known.told();
        let entered = enter(&mut known, payload(2, &two()));
        assert_eq!(entered.counts.added, 1);
        assert_eq!(untold(&known), Some(vec!["b".to_owned()]));
        let told = &known.contents().expect("contents").ledger.changes;
        assert!(told.iter().any(|dated| matches!(dated.change.what, What::Added)));
        // Changes are collected until a generation reports them.
        let mut three = two();
        three[0]["rt_score"] = "11".into();
        enter(&mut known, payload(3, &three));
        assert_eq!(untold(&known).map(|ids| ids.len()), Some(2));
        known.told();
        assert_eq!(untold(&known), Some(Vec::new()));
    }

    #[test]
    fn a_ledger_without_its_payload_keeps_slugs_and_first_seen_times_and_reports_no_change() {
        let mut before = Known::default();
        enter(&mut before, payload(1, &one()));
        let ledger = before.contents().expect("contents").ledger.clone();
        let first_seen = ledger.films["a"].first_seen;
        let mut known = Known::default();
        known.remember(|| Some(Arc::new(ledger)));
        known.remember(|| panic!("a known ledger must not be read again"));
        assert!(known.ids().is_some(), "the guard compares with the ledger");
        known.told();
        let entered = enter(&mut known, payload(2, &two()));
        assert_eq!(entered.counts, ChangeCounts::default());
        let contents = known.contents().expect("contents");
        assert_eq!(contents.ledger.films["a"].first_seen, first_seen);
        assert!(contents.ledger.films["b"].first_seen > first_seen);
        assert_eq!(contents.untold, None, "the changes are not known");
    }

    #[test]
    fn a_save_of_another_process_is_taken_with_its_ledger_and_its_edition() {
        let mut known = Known::default();
        enter(&mut known, payload(1, &one()));
        known.told();
        let mut other = Known::default();
        enter(&mut other, payload(1, &one()));
        enter(&mut other, payload(2, &two()));
        let ledger = other.contents().expect("contents").ledger.clone();
        take_up(&mut known, payload(2, &two()), Some(ledger.clone()));
        assert_eq!(known.edition(), Edition { fence: Fence(2), revision: 7 });
        assert_eq!(known.contents().expect("contents").ledger.films, ledger.films);
        assert_eq!(untold(&known), Some(vec!["b".to_owned()]));
        assert_eq!(known.to_save(payload(3, &two())).revision, 7);
    }

    #[test]
    fn a_stored_payload_without_a_ledger_takes_the_known_ledger_or_starts_one() {
        let mut known = Known::default();
        enter(&mut known, payload(1, &one()));
        let first_seen = known.contents().expect("contents").ledger.films["a"].first_seen;
        take_up(&mut known, payload(2, &two()), None);
        let films = &known.contents().expect("contents").ledger.films;
        assert_eq!(films["a"].first_seen, first_seen);
        let mut fresh = Known::default();
        take_up(&mut fresh, payload(2, &two()), None);
        assert_eq!(fresh.contents().expect("contents").ledger.films.len(), 2);
        assert_eq!(untold(&fresh), None);
    }

    #[test]
    fn a_field_that_changes_in_most_refreshes_becomes_volatile_and_is_no_longer_reported() {
        let mut known = Known::default();
        let mut films = one();
        let mut volatile = Vec::new();
        for fence in 1..40 {
            films[0]["locations"] = fence.to_string().into();
            let entered = enter(&mut known, payload(fence, &films));
            let is_told = entered.counts.changed == 1;
            assert!(fence == 1 || is_told == volatile.is_empty(), "at {fence}");
            volatile.extend(entered.volatile);
        }
        assert_eq!(volatile, ["film.locations"]);
    }
}
