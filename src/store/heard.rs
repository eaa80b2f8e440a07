//! What was learnt of the attempts of other replicas.
//!
//! Owns the memory of the last attempt that Redis granted or told of, whoever made it. It
//! exists so that a process which knows of an attempt can tell of it when Redis
//! lost it, and counts from it when Redis is away.

use super::{Denied, Granted, Standing};
use crate::clock::BootTime;
use crate::outcome::Outcome;
use crate::payload::Fence;
use crate::schedule::{Because, LONGEST_RETRY_AFTER, LastAttempt};

/// The last attempt that was told of, on the clock of this boot.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Heard {
    /// Its number, or a higher one that was told of earlier.
    pub(super) fence: Fence,
    /// No later than it was made, so that telling of it does not make it later.
    at: Option<BootTime>,
    /// Until when the upstream asked to be left alone.
    left_alone_until: Option<BootTime>,
}

impl Heard {
    /// Takes in what was told of an attempt; `before` is when that was asked for.
    pub(super) fn hear(&mut self, before: BootTime, standing: &Standing) {
        self.take_in(standing.fence, before - standing.age);
    }

    /// The same for one that was granted.
    pub(super) fn hear_granted(&mut self, granted: &Granted) {
        self.take_in(granted.fence, granted.at.boot);
    }

    /// The same for how one ended, now.
    pub(super) fn hear_end(&mut self, now: BootTime, outcome: &Outcome) {
        let until = outcome.retry_after.map(|asked| now + asked.min(LONGEST_RETRY_AFTER));
        self.left_alone_until = self.left_alone_until.max(until);
    }

    fn take_in(&mut self, fence: Fence, at: BootTime) {
        self.fence = self.fence.max(fence);
        self.at = self.at.max(Some(at));
    }

    /// The same for an answer that names how long to wait, and why.
    pub(super) fn hear_denied(&mut self, before: BootTime, denied: &Denied) {
        self.hear(before, &denied.standing);
        if denied.wait.because == Because::RetryAfter {
            let until = before + denied.wait.remaining;
            self.left_alone_until = self.left_alone_until.max(Some(until));
        }
    }

    /// The later of this attempt and the one in the state directory.
    pub(super) fn or(&self, own: LastAttempt, now: BootTime) -> LastAttempt {
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
    use std::time::Duration;

    use super::*;
    use crate::schedule::Wait;

    const SECOND: Duration = Duration::from_secs(1);

    fn standing(fence: u64, seconds: u32) -> Standing {
        Standing { fence: Fence(fence), age: seconds * SECOND, ..Standing::default() }
    }

    #[test]
    fn the_later_attempt_counts_whoever_told_of_it() {
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
    fn that_the_upstream_asked_another_one_to_leave_it_alone_is_remembered() {
        let (now, mut heard) = (BootTime(100_000_000), Heard::default());
        let wait = Wait { remaining: 90 * SECOND, because: Because::RetryAfter };
        heard.hear_denied(now, &Denied { wait, standing: standing(7, 20) });
        let last = heard.or(LastAttempt::default(), now + SECOND);
        assert_eq!(last.left_alone, Some(89 * SECOND));
        let wait = Wait { remaining: 500 * SECOND, because: Because::Interval };
        heard.hear_denied(now, &Denied { wait, standing: standing(7, 20) });
        assert_eq!(heard.or(LastAttempt::default(), now + SECOND), last);
    }
}
