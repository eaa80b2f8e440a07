//! The first act of a refresh: the claim and the requests to the upstream.
//!
//! Owns the time between a claim and its requests: a request leaves within the lease of its claim,
//! or the process renews the claim first.

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

/// Largest number of renewals of a claim for one request. More than one renewal may be necessary on
/// a slow disk, whose speed is known after the first renewal.
const MOST_RENEWALS: usize = 4;

/// A request in flight. The future borrows nothing, so that the theme can change in the meantime.
pub(super) type Asking = Pin<Box<dyn Future<Output = Fetched>>>;

/// The answer of the upstream, with the claim of its requests.
pub(super) struct Fetched {
    pub(super) fence: Fence,
    /// Time at which the first request was sent.
    pub(super) origin: Stamp,
    /// The refusals in a row before this refresh; `None` if the last answer was good.
    pub(super) refused: Option<Refused>,
    /// Fence of the payload that was saved last at the time of the claim.
    pub(super) saved: Fence,
    pub(super) answer: Result<UpstreamAnswer, Failure>,
    /// Duration from the claim to the end of the answer.
    pub(super) took: Duration,
}

/// Makes a nonce that differs from the nonces of all replicas. The nonce is random, because several
/// processes in containers may have the same process id in one boot and may wake in the same
/// microsecond.
fn nonce(now: BootTime) -> String {
    format!("{:016x}-{}", RandomState::new().hash_one(now.0), now.0)
}

/// Asks the stores for the right to the next refresh.
///
/// # Errors
/// Fails if the attempt cannot be recorded in the state directory. Then no request may be sent.
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

/// Asks the upstream, if the lease of the claim is not over when the request leaves. An expired
/// claim is renewed, so that the refresh is not lost. `known` makes the requests conditional
/// (RFC 9110 §13).
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
                    // The time of a claim may lie a moment in the future. The origin time may not.
                    sent.get_or_init(|| claim.at.anchored(now, clock.boot_id()));
                    return Ok(());
                }
                let renewed = stores.renew(fence).await;
                let renewed =
                    renewed.map_err(|error| Failure::because(FailureKind::Store, &error))?;
                *claim = renewed.ok_or_else(|| {
                    let text = "this process was stopped for too long, so another process made the refresh";
                    Failure::new(FailureKind::Interrupted, text)
                })?;
            }
            let what = format!(
                "recording the attempt took longer than {lease:?}, the longest time allowed \
                 before the request, so no request was sent"
            );
            Err(Failure::new(FailureKind::Store, what)
                .advised("check the load of the disk of --state and of Redis"))
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
    fn two_nonces_of_one_moment_differ() {
        assert_ne!(nonce(BootTime(7)), nonce(BootTime(7)));
    }
}
