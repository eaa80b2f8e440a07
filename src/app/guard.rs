//! What follows when an answer is not believed.
//!
//! Owns the way from a verdict to an outcome: refused and kept for the owner, or taken and
//! settled. The decision itself is [`decide`]'s, on values alone.

use tracing::warn;

use super::refresh::Refresher;
use crate::catalogue::Catalogue;
use crate::outcome::{Failure, FailureKind, Mark, Refused};
use crate::payload::{Fence, Payload};
use crate::plausibility::{Ids, Implausible, Remembered, Verdict, decide};
use crate::store::Store;
use crate::store::refused::{self, Bodies, Refusal};

/// What the claim told of the time before it.
pub(super) struct Before {
    /// What was refused the last times.
    pub(super) refused: Option<Refused>,
    /// What was saved last.
    pub(super) saved: Fence,
}

impl Refresher {
    /// Lets a catalogue pass, or says why not.
    pub(super) async fn believe(
        &self,
        payload: &Payload,
        catalogue: &Catalogue,
        before: &Before,
    ) -> Result<(), Failure> {
        let (known, offered, guard) = (self.known.ids(), Ids::of(catalogue), self.settings.guard);
        let decide = |marks: &[Mark]| {
            let (refused, saved) = (before.refused.as_ref(), before.saved);
            decide(known.as_ref(), &offered, Remembered { refused, marks, saved }, &guard)
        };
        // Most answers are plausible, and need no look at the owner's marks.
        let verdict = match decide(&[]) {
            Verdict::Refused(..) => decide(&self.marks().await),
            verdict => verdict,
        };
        match verdict {
            Verdict::Believed => Ok(()),
            Verdict::Accepted(why, refused) => {
                warn!(sets = %refused.sets, "{why}; the owner accepts it, so it is taken");
                self.settle(&refused);
                Ok(())
            }
            Verdict::Steady(why, refused) => {
                let times = guard.accept_after;
                warn!(sets = %refused.sets, "{why}; it came again {times} times, so it is taken");
                self.settle(&refused);
                Ok(())
            }
            Verdict::Refused(why, refused) => {
                self.keep(payload, &why, &refused);
                Err(self.refusal(&why, refused))
            }
        }
    }

    fn refusal(&self, why: &Implausible, refused: Refused) -> Failure {
        let until = if why.needs_the_owner() {
            "until you accept it".to_owned()
        } else {
            let times = self.settings.guard.accept_after + 1;
            format!("until you accept it or it came {times} times")
        };
        let Refused { sets, times, .. } = &refused;
        let message = format!(
            "not believed ({times} in a row): {why}; the last good data stays {until}: \
             movies-gen accept {sets}"
        );
        Failure { refused: Some(refused), ..Failure::new(FailureKind::Implausible, message) }
    }

    async fn marks(&self) -> Vec<Mark> {
        self.stores.accepted().await.unwrap_or_else(|error| {
            warn!("the accept mark cannot be read: {error:#}");
            Vec::new()
        })
    }

    /// Removes the owner's mark after a good refresh, which made the mark void: the mark is
    /// for what was saved before. So a mark that cannot be removed does no harm.
    pub(super) async fn forget_mark(&self) {
        if !self.marks().await.is_empty()
            && let Err(error) = self.stores.accept(None).await
        {
            warn!("the accept mark cannot be removed: {error:#}");
        }
    }

    /// What is taken is no refusal any more.
    fn settle(&self, refused: &Refused) {
        if let Err(error) = refused::forget(&self.state, &refused.sets) {
            warn!("{error:#}");
        }
    }

    fn keep(&self, payload: &Payload, why: &Implausible, refused: &Refused) {
        let refusal = Refusal {
            sets: refused.sets.clone(),
            why: why.to_string(),
            needs_the_owner: why.needs_the_owner(),
            times: refused.times,
            last: payload.origin.wall,
        };
        let text = String::from_utf8_lossy;
        let (films, people) = (text(&payload.films.bytes), text(&payload.people.bytes));
        if let Err(error) = refused::keep(&self.state, &refusal, &Bodies { films, people }) {
            warn!("the payload that was refused cannot be kept: {error:#}");
        }
    }
}
