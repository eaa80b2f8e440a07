//! The consequences of a verdict on an answer.
//!
//! Owns the steps after a verdict: a refused answer is kept for the owner, and the refusals of an
//! answer that is taken are removed. [`decide`] makes the verdict itself from values alone.

use std::path::Path;

use anyhow::{Result, bail};
use tracing::warn;

use super::known::Known;
use crate::catalogue::{Bounds, Catalogue, Joined};
use crate::mapping::Mapping;
use crate::outcome::{Failure, FailureKind, Mark, Refused};
use crate::payload::{Fence, Payload};
use crate::plausibility::{Guard, Ids, Implausible, Memory, Verdict, decide};
use crate::store::refused::{self, Refusal, RefusedBodies};
use crate::store::{Store, Stores};
use crate::workers;

/// What the claim reported about earlier refreshes.
pub(super) struct Before {
    /// The refusals in a row; `None` if the last answer was good.
    pub(super) refused: Option<Refused>,
    /// Fence of the last save.
    pub(super) saved: Fence,
    /// Whether the last good answer was read by another mapping.
    pub(super) has_new_mapping: bool,
}

/// The places in which marks of the owner and refused payloads are kept.
pub(super) struct Keep<'a> {
    pub(super) stores: &'a Stores,
    /// The state directory.
    pub(super) state: &'a Path,
}

/// Decides whether a catalogue is taken.
///
/// # Errors
/// Returns the reason if the catalogue is refused. The payload is then kept for the owner.
pub(super) async fn believe(
    payload: &Payload,
    catalogue: &Catalogue,
    known: Option<Ids<'_>>,
    before: &Before,
    guard: &Guard,
    keep: &Keep<'_>,
) -> std::result::Result<(), Failure> {
    let offered = Ids::of(catalogue);
    let decide = |marks: &[Mark]| {
        let (refused, saved) = (before.refused.as_ref(), before.saved);
        decide(known.as_ref(), &offered, Memory { refused, marks, saved }, guard)
    };
    // Most answers are plausible. Read the marks of the owner only for other answers.
    let verdict = match decide(&[]) {
        Verdict::Refused(..) => decide(&keep.marks().await),
        verdict => verdict,
    };
    match verdict {
        Verdict::Believed => Ok(()),
        Verdict::Accepted(why, refused) => {
            warn!(sets = %refused.sets, "{why}; the owner accepted the answer, so the answer is taken");
            keep.settle(&refused);
            Ok(())
        }
        Verdict::Steady(why, refused) => {
            let times = guard.accept_after;
            warn!(sets = %refused.sets, "{why}; the answer came again {times} times, so the answer is taken");
            keep.settle(&refused);
            Ok(())
        }
        Verdict::Refused(why, refused) => {
            keep.refused(payload, &why, &refused);
            let why_now = if before.has_new_mapping {
                format!("the mapping changed, and by the new mapping {why}")
            } else {
                why.to_string()
            };
            Err(refusal(&why, &why_now, refused, guard.accept_after))
        }
    }
}

/// Returns the ids that a catalogue of this mapping is compared with.
pub(super) fn comparable<'a>(known: &'a Known, mapping: &Mapping) -> Option<Ids<'a>> {
    let ids = known.ids()?;
    Some(if mapping.names_people() { ids } else { ids.without_people() })
}

/// Checks that a stored answer is plausible by a new mapping.
///
/// # Errors
/// Fails if the answer is not plausible.
pub(super) fn hold_new_mapping(
    catalogue: &Catalogue,
    known: Option<Ids<'_>>,
    guard: &Guard,
) -> Result<()> {
    let memory = Memory { refused: None, marks: &[], saved: Fence(0) };
    match decide(known.as_ref(), &Ids::of(catalogue), memory, guard) {
        Verdict::Refused(why, _) => bail!(
            "the mapping changed, and by the new mapping the stored answer is not plausible: {why}"
        ),
        _ => Ok(()),
    }
}

/// Reads the known payload by a new mapping. Returns `None` before the first payload.
///
/// # Errors
/// Fails if the payload does not fit the mapping.
pub(super) fn read_again(
    known: &Known,
    mapping: &Mapping,
    max_bytes: u64,
    guard: &Guard,
) -> Result<Option<(Payload, Joined)>> {
    let Some(payload) = known.payload() else { return Ok(None) };
    let bounds = Bounds::of(max_bytes);
    let joined = workers::run(|| known.joined().next(payload, mapping, bounds))?;
    hold_new_mapping(&joined.catalogue, comparable(known, mapping), guard)?;
    Ok(Some((payload.clone(), joined)))
}

/// Makes the failure of a refused answer. `accept_after` is the number of refusals in a row after
/// which the answer is taken.
fn refusal(why: &Implausible, why_now: &str, refused: Refused, accept_after: u32) -> Failure {
    let by_itself = if why.needs_the_owner() {
        "the program never takes an empty list by itself".to_owned()
    } else if accept_after == u32::MAX {
        "the program never takes such a local file by itself".to_owned()
    } else {
        let times = accept_after + 1;
        format!("the program takes the answer when it has come {times} times in a row")
    };
    let Refused { sets, times, .. } = &refused;
    let message = format!(
        "the answer is not plausible (refusals in a row: {times}): {why_now}; {by_itself}; to take \
         the answer now: movies-gen accept {sets}"
    );
    Failure { refused: Some(refused), ..Failure::new(FailureKind::Implausible, message) }
}

impl Keep<'_> {
    /// Removes the mark of the owner after a good refresh. The mark names the last save, so a good
    /// refresh voids the mark in any case. A mark that cannot be removed does no harm.
    pub(super) async fn forget_mark(&self) {
        if !self.marks().await.is_empty()
            && let Err(error) = self.stores.accept(None).await
        {
            warn!("the accept mark cannot be removed: {error:#}");
        }
    }

    async fn marks(&self) -> Vec<Mark> {
        self.stores.accepted().await.unwrap_or_else(|error| {
            warn!("the accept mark cannot be read: {error:#}");
            Vec::new()
        })
    }

    /// Removes the kept payload of a refusal, because the answer is taken now.
    fn settle(&self, refused: &Refused) {
        if let Err(error) = refused::forget(self.state, &refused.sets) {
            warn!("{error:#}");
        }
    }

    fn refused(&self, payload: &Payload, why: &Implausible, refused: &Refused) {
        let refusal = Refusal {
            sets: refused.sets.clone(),
            why: why.to_string(),
            needs_the_owner: why.needs_the_owner(),
            times: refused.times,
            last: payload.origin.wall,
        };
        if let Err(error) = refused::keep(self.state, &refusal, &RefusedBodies::of(payload)) {
            warn!("the refused payload cannot be kept: {error:#}");
        }
    }
}
