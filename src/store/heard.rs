//! What this process has learnt about the attempts of all replicas.
//!
//! Owns the memory of the last attempt that Redis granted or reported, whichever replica made
//! it. With this memory, the process can restore an attempt that Redis lost, and can count the
//! interval from the attempt while Redis is away.

use std::time::Duration;

use super::{Denied, Granted, Standing};
use crate::clock::BootTime;
use crate::outcome::Outcome;
use crate::payload::Fence;
use crate::schedule::{LONGEST_RETRY_AFTER, LastAttempt, WaitReason};

/// Bound on the difference between the ages of one attempt on two clocks.
pub(super) const CLOCKS_DIFFER: Duration = Duration::from_millis(50);

/// Whether Redis does not know this attempt, so that Redis must be told. `told` is the age of the
/// last attempt that Redis reports, if Redis reports an attempt.
pub fn is_unknown(last: &LastAttempt, told: Option<Duration>) -> bool {
    let told = told.unwrap_or(Duration::MAX);
    last.age.is_some_and(|age| told > age + CLOCKS_DIFFER)
}

/// The last attempt that Redis reported, on the clock of this boot.
#[derive(Debug, Clone, Copy, Default)]
pub struct Heard {
    /// Fence of the attempt, or a higher fence that was reported earlier.
    pub fence: Fence,
    /// Lower bound of the time of the attempt, so that restoring the attempt does not make it
    /// later.
    at: Option<BootTime>,
    /// Time until which the upstream asked for no request (`Retry-After`).
    left_alone_until: Option<BootTime>,
}

impl Heard {
    /// Takes in a reported attempt. `before` is the time just before Redis was asked.
    pub fn hear(&mut self, before: BootTime, standing: &Standing) {
        self.take_in(standing.fence, before - standing.age);
    }

    /// Takes in a claim that Redis granted to this process.
    pub fn hear_granted(&mut self, granted: &Granted) {
        self.take_in(granted.fence, granted.at.boot);
    }

    /// Takes in the outcome of a refresh of this process that ended now.
    pub fn hear_end(&mut self, now: BootTime, outcome: &Outcome) {
        let until = outcome.retry_after.map(|asked| now + asked.min(LONGEST_RETRY_AFTER));
        self.left_alone_until = self.left_alone_until.max(until);
    }

    fn take_in(&mut self, fence: Fence, at: BootTime) {
        self.fence = self.fence.max(fence);
        self.at = self.at.max(Some(at));
    }

    /// Takes in a denied claim with its wait. `before` is as for [`Heard::hear`].
    pub fn hear_denied(&mut self, before: BootTime, denied: &Denied) {
        self.hear(before, &denied.standing);
        if denied.wait.because == WaitReason::RetryAfter {
            let until = before + denied.wait.remaining;
            self.left_alone_until = self.left_alone_until.max(Some(until));
        }
    }

    /// Returns the later of this attempt and the attempt in the state directory.
    pub fn or(&self, own: LastAttempt, now: BootTime) -> LastAttempt {
        let age = self.at.map(|at| now.since(at));
        let left_alone = self.left_alone_until.map(|until| until.since(now));
        LastAttempt {
            age: [own.age, age].into_iter().flatten().min(),
            left_alone: own.left_alone.max(left_alone),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Wait;

    const SECOND: Duration = Duration::from_secs(1);

    fn standing(fence: u64, seconds: u32) -> Standing {
        Standing { fence: Fence(fence), age: seconds * SECOND, ..Standing::default() }
    }

    #[test]
    fn the_later_attempt_counts_from_any_source() {
        let (now, mut heard) = (BootTime(100_000_000), Heard::default());
        let own = LastAttempt { age: Some(50 * SECOND), left_alone: None };
        assert_eq!(heard.or(own, now), own);
        heard.hear(now, &standing(7, 20));
        heard.hear(now, &standing(5, 30));
        assert_eq!(heard.fence, Fence(7));
        assert_eq!(heard.or(own, now + SECOND).age, Some(21 * SECOND));
        let own = LastAttempt { age: Some(3 * SECOND), left_alone: None };
        assert_eq!(heard.or(own, now + SECOND), own);
    }

    #[test]
    fn an_attempt_is_unknown_to_redis_if_redis_reports_an_earlier_attempt() {
        let last = LastAttempt { age: Some(SECOND), left_alone: None };
        assert!(is_unknown(&last, None) && is_unknown(&last, Some(2 * SECOND)));
        assert!(!is_unknown(&last, Some(SECOND + CLOCKS_DIFFER)), "the same attempt");
        assert!(!is_unknown(&LastAttempt::default(), None), "there is nothing to tell");
    }

    #[test]
    fn a_retry_after_that_another_replica_got_is_remembered() {
        let (now, mut heard) = (BootTime(100_000_000), Heard::default());
        let wait = Wait { remaining: 90 * SECOND, because: WaitReason::RetryAfter };
        heard.hear_denied(now, &Denied { wait, standing: standing(7, 20) });
        let last = heard.or(LastAttempt::default(), now + SECOND);
        assert_eq!(last.left_alone, Some(89 * SECOND));
        let wait = Wait { remaining: 500 * SECOND, because: WaitReason::Interval };
        heard.hear_denied(now, &Denied { wait, standing: standing(7, 20) });
        assert_eq!(heard.or(LastAttempt::default(), now + SECOND), last);
    }
}
