//! Decides when the next refresh may start.
//!
//! Owns the promise of courtesy as a pure rule. The input is the last attempt. The result is either
//! that the refresh may start, or how long the refresh must wait and why. This module must not read
//! clocks and must not know where attempts are kept; ages are arguments.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::clock::{BootId, BootTime, Now, Stamp};

/// Longest `Retry-After` that is obeyed. A longer value is cut, because a mistake of the API must
/// not stop the site for a day.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Longest lease, whatever the interval is.
const LONGEST_LEASE: Duration = Duration::from_millis(250);

/// Returns the time after a claim within which a request must be sent. A process that was delayed
/// for longer renews its claim first.
pub fn lease(interval: Duration) -> Duration {
    (interval / 20).min(LONGEST_LEASE)
}

/// What is known about the last attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LastAttempt {
    /// Time since the claim; `None` if there was no attempt.
    pub age: Option<Duration>,
    /// Rest of the `Retry-After` of the API.
    pub left_alone: Option<Duration>,
}

impl LastAttempt {
    /// Computes the ages of a stored attempt. `asked` is the time of its end and its `Retry-After`.
    pub fn of(
        at: &Stamp,
        asked: Option<(&Stamp, Duration)>,
        now: Now,
        boot_id: &BootId,
    ) -> LastAttempt {
        let left_alone = asked.map(|(ended, asked)| {
            asked.min(LONGEST_RETRY_AFTER).saturating_sub(ended.age(now, boot_id))
        });
        LastAttempt { age: Some(at.age(now, boot_id)), left_alone }
    }
}

/// The decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The next refresh may start.
    Fetch,
    /// The next refresh must wait.
    Wait(Wait),
}

/// The length of a wait and its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Time from now; never zero.
    pub remaining: Duration,
    /// The reason.
    pub because: WaitReason,
}

/// Why the next refresh has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaitReason {
    /// Two refreshes start at least `--interval` apart.
    Interval,
    /// The API asked for the wait (`Retry-After`).
    RetryAfter,
    /// A lost claim is being restored from what the replicas know.
    Restoring,
    /// Redis cannot be used, and `--when-redis-lost wait` is set.
    RedisLost,
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WaitReason::Interval => "the interval is not over",
            WaitReason::RetryAfter => "the API asked the program to wait (Retry-After)",
            WaitReason::RedisLost => {
                "Redis is lost, and without Redis no process asks the API (--when-redis-lost wait)"
            }
            WaitReason::Restoring => "Redis lost the last claim, which the replicas are restoring",
        })
    }
}

/// Applies the rule of courtesy.
pub fn next(last: LastAttempt, interval: Duration) -> Next {
    let interval_left = last.age.map_or(Duration::ZERO, |age| interval.saturating_sub(age));
    let left_alone = last.left_alone.unwrap_or(Duration::ZERO).min(LONGEST_RETRY_AFTER);
    let (remaining, because) = if left_alone > interval_left {
        (left_alone, WaitReason::RetryAfter)
    } else {
        (interval_left, WaitReason::Interval)
    };
    if remaining.is_zero() { Next::Fetch } else { Next::Wait(Wait { remaining, because }) }
}

/// Returns the time at which the next refresh may start.
pub fn due(last: LastAttempt, interval: Duration, now: BootTime) -> BootTime {
    match next(last, interval) {
        Next::Fetch => now,
        Next::Wait(wait) => now + wait.remaining,
    }
}

#[cfg(test)]
mod tests;
