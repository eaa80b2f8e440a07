//! What follows when an answer is not believed.
//!
//! Owns the way from a judgement to an outcome: refused and kept for the owner,
//! taken because the owner accepts it, or taken because it has proved steady.

use tracing::warn;

use super::refresh::Refresher;
use crate::catalogue::Catalogue;
use crate::outcome::{Failure, FailureKind, Refused};
use crate::payload::Payload;
use crate::plausibility::{Ids, Implausible, judge, sets_of};
use crate::store::Store;
use crate::store::refused::{self, Refusal};

impl Refresher {
    /// Lets a catalogue pass, or says why not. `before` is what was refused the
    /// last times.
    pub(super) async fn believe(
        &self,
        payload: &Payload,
        catalogue: &Catalogue,
        before: Option<&Refused>,
    ) -> Result<(), Failure> {
        let guard = self.settings.guard;
        let Some(known) = self.known.ids() else { return Ok(()) };
        let offered = Ids::of(catalogue);
        let Some(why) = judge(&known, &offered, &guard) else { return Ok(()) };
        let refused = Refused::again(before, sets_of(&offered));
        let accepted = self.stores.accepted().await.unwrap_or_else(|error| {
            warn!("the accept mark cannot be read: {error:#}");
            None
        });
        if accepted.as_ref() == Some(&refused.sets) {
            warn!(sets = %refused.sets, "{why}; the owner accepts it, so it is taken");
            if let Err(error) = self.stores.accept(None).await {
                warn!("the accept mark cannot be removed: {error:#}");
            }
            self.settle(&refused);
            return Ok(());
        }
        if !why.needs_the_owner() && refused.times > guard.accept_after {
            let times = guard.accept_after;
            warn!(sets = %refused.sets, "{why}; it came again {times} times, so it is taken");
            self.settle(&refused);
            return Ok(());
        }
        self.keep(payload, &why, &refused);
        let until = if why.needs_the_owner() {
            "until you accept it".to_owned()
        } else {
            format!("until you accept it or it came {} times", guard.accept_after + 1)
        };
        let Refused { sets, times } = &refused;
        let message = format!(
            "not believed ({times} in a row): {why}; the last good data stays {until}: \
             movies-gen accept {sets}"
        );
        Err(Failure {
            refused: Some(refused.clone()),
            ..Failure::new(FailureKind::Implausible, message)
        })
    }

    /// What is taken is no refusal any more.
    fn settle(&self, refused: &Refused) {
        if let Err(error) = refused::forget(&self.state, &refused.sets) {
            warn!("{error:#}");
        }
    }

    fn keep(&self, payload: &Payload, why: &Implausible, refused: &Refused) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let refusal = Refusal {
            sets: refused.sets.clone(),
            why: why.to_string(),
            needs_the_owner: why.needs_the_owner(),
            times: refused.times,
            last: payload.origin.wall,
            films: text(&payload.films.bytes),
            people: text(&payload.people.bytes),
        };
        if let Err(error) = refused::keep(&self.state, &refusal) {
            warn!("the payload that was refused cannot be kept: {error:#}");
        }
    }
}
