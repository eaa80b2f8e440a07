//! When the next refresh may start, and why not before.
//!
//! Owns the promise of courtesy as a pure rule: given what is known of the last
//! attempt, fetch, or wait so long because of this. It must not read clocks or
//! know where attempts are kept; ages are arguments.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// A `Retry-After` beyond this is cut to it: an upstream that says "tomorrow"
/// by mistake must not stop the site for a day.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// What is known of the last attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LastAttempt {
    /// How long ago it was claimed; none if there was none.
    pub age: Option<Duration>,
    /// How much longer the upstream asked to be left alone.
    pub left_alone: Option<Duration>,
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
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Because::Interval => "the interval is not over",
            Because::RetryAfter => "the upstream asked to be left alone (Retry-After)",
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

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn after(age: u64, left_alone: Option<u64>) -> Next {
        let last = LastAttempt {
            age: Some(Duration::from_secs(age)),
            left_alone: left_alone.map(Duration::from_secs),
        };
        next(last, MINUTE)
    }

    fn wait(seconds: u64, because: Because) -> Next {
        Next::Wait(Wait { remaining: Duration::from_secs(seconds), because })
    }

    #[test]
    fn without_an_attempt_there_is_nothing_to_wait_for() {
        assert_eq!(next(LastAttempt::default(), MINUTE), Next::Fetch);
    }

    #[test]
    fn two_attempts_are_an_interval_apart() {
        assert_eq!(after(0, None), wait(60, Because::Interval));
        assert_eq!(after(59, None), wait(1, Because::Interval));
        assert_eq!(after(60, None), Next::Fetch);
        assert_eq!(after(1_000_000, None), Next::Fetch);
    }

    #[test]
    fn the_later_of_interval_and_retry_after_counts() {
        assert_eq!(after(10, Some(20)), wait(50, Because::Interval));
        assert_eq!(after(10, Some(300)), wait(300, Because::RetryAfter));
        assert_eq!(after(100, Some(5)), wait(5, Because::RetryAfter));
    }

    #[test]
    fn no_retry_after_stops_the_site_for_longer_than_an_hour() {
        assert_eq!(after(10, Some(86_400)), wait(3_600, Because::RetryAfter));
    }
}
