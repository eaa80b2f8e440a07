//! The consequences of a verdict on an answer.
//!
//! Owns the steps after a verdict: a refused answer is kept for the owner, and the refusals of an
//! answer that is taken are removed. [`decide`] makes the verdict itself from values alone.

use std::path::Path;

use tracing::warn;

use crate::catalogue::Catalogue;
use crate::outcome::{Failure, FailureKind, Mark, Refused};
use crate::payload::{Fence, Payload};
use crate::plausibility::{Guard, Ids, Implausible, Memory, Verdict, decide};
use crate::store::refused::{self, Refusal, RefusedBodies};
use crate::store::{Store, Stores};

/// What the claim reported about earlier refreshes.
pub(super) struct Before {
    /// The refusals in a row; `None` if the last answer was good.
    pub(super) refused: Option<Refused>,
    /// Fence of the last save.
    pub(super) saved: Fence,
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
) -> Result<(), Failure> {
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
            Err(refusal(&why, refused, guard.accept_after))
        }
    }
}

/// Makes the failure of a refused answer. `accept_after` is the number of refusals in a row after
/// which the answer is taken.
fn refusal(why: &Implausible, refused: Refused, accept_after: u32) -> Failure {
    let by_itself = if why.needs_the_owner() {
        "the program never takes an empty list by itself".to_owned()
    } else {
        let times = accept_after + 1;
        format!("the program takes the answer when it has come {times} times in a row")
    };
    let Refused { sets, times, .. } = &refused;
    let message = format!(
        "the answer is not plausible (refusals in a row: {times}): {why}; {by_itself}; to take \
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
        let text = String::from_utf8_lossy;
        let (films, people) = (text(&payload.films.bytes), text(&payload.people.bytes));
        if let Err(error) = refused::keep(self.state, &refusal, &RefusedBodies { films, people }) {
            warn!("the refused payload cannot be kept: {error:#}");
        }
    }
}
