//! The first act of a refresh: the right to ask, and the question.
//!
//! Owns the time between a claim and the requests it allows: a request leaves
//! within the lease of its claim, or the process claims again.

use std::cell::OnceCell;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::Mutex;

use crate::clock::{BootTime, Clock, Stamp};
use crate::outcome::{Failure, FailureKind, Refused};
use crate::payload::{Fence, Payload};
use crate::schedule;
use crate::source::{Source, UpstreamAnswer};
use crate::store::{Ask, Claim, Granted, Store, Stores};

/// Renewals of a claim for one request: the second is for a slow disk, whose
/// slowness is known by then.
const MOST_RENEWALS: usize = 4;

/// A request under way. It borrows nothing, so that a theme can change meanwhile.
pub(super) type Asking = Pin<Box<dyn Future<Output = Fetched>>>;

/// What the upstream answered, and under which claim.
pub(super) struct Fetched {
    pub(super) fence: Fence,
    /// When the first request was sent.
    pub(super) origin: Stamp,
    /// What was not believed the last times.
    pub(super) refused: Option<Refused>,
    /// What was saved last when it was claimed.
    pub(super) saved: Fence,
    pub(super) answer: Result<UpstreamAnswer, Failure>,
    /// From the claim to the end of the answer.
    pub(super) took: Duration,
}

/// Names one ask among those of all replicas. It is random: in containers several
/// processes of one boot have the same id, and wake in the same microsecond.
fn nonce(now: BootTime) -> String {
    format!("{:016x}-{}", RandomState::new().hash_one(now.0), now.0)
}

/// Asks the stores for the right to the next refresh.
///
/// # Errors
/// If the attempt cannot be recorded in the state directory. Then nothing may be asked.
pub(super) async fn claim(
    stores: &Stores,
    now: BootTime,
    highest: Fence,
    interval: Duration,
) -> Result<Claim> {
    let ask = Ask {
        nonce: nonce(now),
        highest,
        heard: Fence(0),
        age: None,
        left_alone: None,
        interval,
        round: Duration::ZERO,
    };
    stores.claim(&ask).await
}

/// Asks the upstream, if the claim is still fresh when the request leaves. A claim that
/// is not fresh any more is renewed, so that no minute is lost. `known` makes the request
/// conditional (RFC 9110 §13).
pub(super) fn fetch(
    source: Source,
    stores: Arc<Stores>,
    clock: Clock,
    known: Option<Payload>,
    granted: Granted,
    interval: Duration,
) -> Asking {
    let lease = schedule::lease(interval);
    Box::pin(async move {
        let (fence, refused, saved) = (granted.fence, granted.refused.clone(), granted.saved.fence);
        let started = clock.now().boot;
        let claim = Mutex::new(granted);
        let sent = OnceCell::new();
        let may_send = async || {
            let mut claim = claim.lock().await;
            for _ in 0..MOST_RENEWALS {
                let now = clock.now();
                if claim.at.age(now, clock.boot_id()) <= lease {
                    // A claim can be dated a moment ahead; data cannot.
                    sent.get_or_init(|| claim.at.anchored(now, clock.boot_id()));
                    return Ok(());
                }
                let renewed = stores.renew(fence).await;
                let renewed =
                    renewed.map_err(|error| Failure::because(FailureKind::Store, &error))?;
                *claim = renewed.ok_or_else(|| {
                    let text = "this process was held up and another process took its turn";
                    Failure::new(FailureKind::Interrupted, text)
                })?;
            }
            let what = format!(
                "recording an attempt takes longer than {lease:?}, so the request would leave \
                 too late"
            );
            Err(Failure::new(FailureKind::Store, what)
                .advised("is the disk of --state, or Redis, overloaded?"))
        };
        let answer = source.fetch(known.as_ref(), may_send).await;
        let origin = sent.into_inner().unwrap_or_else(|| clock.stamp());
        let took = clock.now().boot.since(started);
        Fetched { fence, origin, refused, saved, answer, took }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_asks_of_one_moment_have_two_names() {
        assert_ne!(nonce(BootTime(7)), nonce(BootTime(7)));
    }
}
