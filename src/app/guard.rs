//! What follows when an answer is not believed.
//!
//! Owns the way from a verdict to an outcome: refused and kept for the owner, or taken and
//! settled. The decision itself is [`decide`]'s, on values alone.

use std::path::Path;

use tracing::warn;

use crate::catalogue::Catalogue;
use crate::outcome::{Failure, FailureKind, Mark, Refused};
use crate::payload::{Fence, Payload};
use crate::plausibility::{Guard, Ids, Implausible, Memory, Verdict, decide};
use crate::store::refused::{self, Refusal, RefusedBodies};
use crate::store::{Store, Stores};

/// What the claim told of the time before it.
pub(super) struct Before {
    /// What was refused the last times.
    pub(super) refused: Option<Refused>,
    /// What was saved last.
    pub(super) saved: Fence,
}

/// Where marks of the owner and refused payloads are kept.
pub(super) struct Keep<'a> {
    pub(super) stores: &'a Stores,
    /// The state directory.
    pub(super) state: &'a Path,
}

/// Lets a catalogue pass, or says why not.
///
/// # Errors
/// Why the catalogue is refused. The payload is then kept for the owner to look at.
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
    // Most answers are plausible: the marks of the owner need not be read for them.
    let verdict = match decide(&[]) {
        Verdict::Refused(..) => decide(&keep.marks().await),
        verdict => verdict,
    };
    match verdict {
        Verdict::Believed => Ok(()),
        Verdict::Accepted(why, refused) => {
            warn!(sets = %refused.sets, "{why}; the owner accepts it, so it is taken");
            keep.settle(&refused);
            Ok(())
        }
        Verdict::Steady(why, refused) => {
            let times = guard.accept_after;
            warn!(sets = %refused.sets, "{why}; it came again {times} times, so it is taken");
            keep.settle(&refused);
            Ok(())
        }
        Verdict::Refused(why, refused) => {
            keep.refused(payload, &why, &refused);
            Err(refusal(&why, refused, guard.accept_after))
        }
    }
}

/// The failure of an answer that is refused. `accept_after`: equal answers after which it
/// would be taken.
fn refusal(why: &Implausible, refused: Refused, accept_after: u32) -> Failure {
    let until = if why.needs_the_owner() {
        "until you accept it".to_owned()
    } else {
        format!("until you accept it or it came {} times", accept_after + 1)
    };
    let Refused { sets, times, .. } = &refused;
    let message = format!(
        "not believed ({times} in a row): {why}; the last good data stays {until}: \
         movies-gen accept {sets}"
    );
    Failure { refused: Some(refused), ..Failure::new(FailureKind::Implausible, message) }
}

impl Keep<'_> {
    /// Removes the owner's mark after a good refresh. A good refresh makes the mark void,
    /// since the mark is for what was saved before: a mark that stays does no harm.
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

    /// Forgets the refused payload: it is taken now.
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
