//! When the next refresh may start, and why not before.
//!
//! Owns the promise of courtesy as a pure rule: given what is known of the last
//! attempt, fetch, or wait so long because of this. It must not read clocks or
//! know where attempts are kept; ages are arguments.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::clock::{BootId, BootTime, Now, Stamp};

/// A `Retry-After` beyond this is cut to it: an upstream that says "tomorrow"
/// by mistake must not stop the site for a day.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// A lease is no longer than this.
const LONGEST_LEASE: Duration = Duration::from_millis(250);

/// How long after its claim a request may leave: a process that was held up for longer
/// claims the moment anew.
pub fn lease(interval: Duration) -> Duration {
    (interval / 20).min(LONGEST_LEASE)
}

/// What is known of the last attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LastAttempt {
    /// How long ago it was claimed; none if there was none.
    pub age: Option<Duration>,
    /// How much longer the upstream asked to be left alone.
    pub left_alone: Option<Duration>,
}

impl LastAttempt {
    /// What the clocks make of an attempt that was kept. `asked` is when it ended
    /// and how long from then the upstream asked to be left alone.
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

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The next refresh may start.
    Fetch,
    /// Wait.
    Wait(Wait),
}

/// How long to wait, and because of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// From now; never zero.
    pub remaining: Duration,
    /// The reason.
    pub because: Because,
}

/// Why the next refresh has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// Two refreshes start at least `--interval` apart.
    Interval,
    /// The upstream asked for it (`Retry-After`).
    RetryAfter,
    /// A claim that vanished is being restored from what replicas know.
    Restoring,
    /// Redis does not answer, and is to be waited for.
    RedisLost,
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Because::Interval => "the interval is not over",
            Because::RetryAfter => "the upstream asked to be left alone (Retry-After)",
            Because::RedisLost => {
                "Redis does not answer, and nobody is asked without it (--when-redis-lost wait)"
            }
            Because::Restoring => "the claim vanished from the store and is being restored",
        })
    }
}

/// The rule of courtesy.
pub fn next(last: LastAttempt, interval: Duration) -> Next {
    let interval_left = last.age.map_or(Duration::ZERO, |age| interval.saturating_sub(age));
    let left_alone = last.left_alone.unwrap_or(Duration::ZERO).min(LONGEST_RETRY_AFTER);
    let (remaining, because) = if left_alone > interval_left {
        (left_alone, Because::RetryAfter)
    } else {
        (interval_left, Because::Interval)
    };
    if remaining.is_zero() { Next::Fetch } else { Next::Wait(Wait { remaining, because }) }
}

/// When the next refresh may start, by the rule of courtesy.
pub fn due(last: LastAttempt, interval: Duration, now: BootTime) -> BootTime {
    match next(last, interval) {
        Next::Fetch => now,
        Next::Wait(wait) => now + wait.remaining,
    }
}

#[cfg(test)]
mod tests;
