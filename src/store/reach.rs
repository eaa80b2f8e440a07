//! Whether Redis can be used.
//!
//! Owns the time since when Redis cannot be used, the time of the next try, the bound on slow
//! answers, and the time for which a lost claim waits for other replicas. This module must not do
//! any I/O, so that the simulation in `tests/it/simulation` uses the same rules.

use std::sync::Mutex;
use std::time::Duration;

use super::locked;
use crate::clock::BootTime;

/// Time after which a Redis that did not answer is asked again by the loop that looks at Redis.
/// Until then, a refresh does not wait for Redis.
pub const RETRY: Duration = Duration::from_secs(1);
/// A process that read Redis within this time knows every claim except a claim made just now.
const ATTENTIVE: Duration = Duration::from_secs(3);
/// Round (see claim.lua) for such a process: after Redis lost the claim, Redis grants no new claim
/// for this time, so that other replicas can report the claims that they know. They hear the
/// request to report. The replica that asks the upstream, which alone may know the last claim, reads
/// Redis every 40 ms.
const SHORT_ROUND: Duration = Duration::from_millis(100);
/// Round for a process that has not read Redis lately. Within this time every replica reads
/// Redis, even if messages got lost, and every request that was allowed earlier has left or
/// can no longer leave.
const LONG_ROUND: Duration = Duration::from_millis(1500);
/// Number of consecutive answers later than the lease after which Redis counts as too slow: one
/// claim and three renewals.
const SLOW_ANSWERS: u32 = 4;

/// Longest wait until a save that was overtaken is tried again for the first time. Each further wait
/// may be four times as long, up to 640 ms: the replica begins no refresh meanwhile, and visitors may be
/// waiting.
const FIRST_SPREAD: Duration = Duration::from_millis(10);
const MOST_SPREADS: u32 = 3;

/// Returns the longest wait until a save is tried again that other replicas have overtaken this many
/// times. The wait must be random. After Redis was lost, all replicas have something to save. If all
/// of them tried again at once, one of them would succeed in each round, so that the number of tries
/// would grow with the square of the number of replicas.
pub fn tried_again_within(overtaken: u32) -> Duration {
    FIRST_SPREAD * 4_u32.pow(overtaken.min(MOST_SPREADS))
}

/// Time until bodies that did not get through are sent again for the first time.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The wait doubles each time, up to 80 s.
const MOST_DOUBLINGS: u32 = 4;

/// What is known about the answers of Redis.
#[derive(Debug, Default)]
pub struct Reach(Mutex<Reached>);

#[derive(Debug, Default)]
struct Reached {
    /// Time of the last call, answered or not.
    looked: Option<BootTime>,
    /// Time of the last call without an answer; `None` since an answer.
    away: Option<BootTime>,
    /// Calls without an answer since the last answer.
    failures: u32,
    /// Slow answers in a row.
    slow: u32,
    /// Transfers of bodies in a row that failed, and the time of the next try.
    stuck: u32,
    bodies_again: Option<BootTime>,
}

/// What follows from a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// Redis could be used before: log a warning.
    First,
    /// The failure is known.
    Again,
    /// The failure is known, and a new connection may help: the 2nd, 4th, 6th … failure in a row.
    /// A server that hangs does not break the connection, and neither does a server whose name now
    /// leads to another address. After the other failures, the program opens no new connection, so
    /// that a slow attempt to connect may take as long as two calls.
    Reconnect,
}

impl Reach {
    /// Whether the last call had no answer.
    pub fn is_away(&self) -> bool {
        locked(&self.0).away.is_some()
    }

    /// Returns the time until a Redis that did not answer is asked again.
    pub fn asked_again_in(&self, now: BootTime) -> Option<Duration> {
        let away = locked(&self.0).away;
        away.map(|away| RETRY.saturating_sub(now.since(away)))
    }

    /// Whether Redis was asked within this time.
    fn looked_within(&self, time: Duration, now: BootTime) -> bool {
        locked(&self.0).looked.is_some_and(|looked| now.since(looked) < time)
    }

    /// Returns the time for which a lost claim waits for other replicas. `is_deaf`: the user of this
    /// process, and therefore probably of the other processes, may not subscribe to announcements.
    pub fn round(&self, is_deaf: bool, now: BootTime) -> Duration {
        let is_attentive = self.looked_within(ATTENTIVE, now);
        if is_attentive && !is_deaf { SHORT_ROUND } else { LONG_ROUND }
    }

    /// Notes that Redis is asked now.
    pub fn look(&self, now: BootTime) {
        locked(&self.0).looked = Some(now);
    }

    /// Notes an answer. Returns whether Redis could not be used before.
    pub fn answered(&self) -> bool {
        locked(&self.0).away.take().is_some()
    }

    /// Notes a call without a usable answer.
    pub fn failed(&self, now: BootTime) -> Failed {
        let mut known = locked(&self.0);
        let was_away = known.away.replace(now).is_some();
        known.failures = if was_away { known.failures + 1 } else { 0 };
        match (was_away, known.failures % 2) {
            (false, _) => Failed::First,
            (true, 0) => Failed::Again,
            (true, _) => Failed::Reconnect,
        }
    }

    /// Whether bodies may be transferred now. After a failed transfer there is a wait.
    pub fn may_move_bodies(&self, now: BootTime) -> bool {
        locked(&self.0).bodies_again.is_none_or(|again| again <= now)
    }

    /// Notes a completed transfer of bodies.
    pub fn moved_bodies(&self) {
        let mut known = locked(&self.0);
        (known.stuck, known.bodies_again) = (0, None);
    }

    /// Notes a transfer of bodies that took too long. The wait until the next try doubles each
    /// time. Returns whether this is the first such transfer in a row.
    pub fn bodies_stuck(&self, now: BootTime) -> bool {
        let mut known = locked(&self.0);
        let wait = FIRST_WAIT * 2_u32.pow(known.stuck.min(MOST_DOUBLINGS));
        known.bodies_again = Some(now + wait);
        known.stuck = known.stuck.saturating_add(1);
        known.stuck == 1
    }

    /// Whether Redis was too slow when it was used last.
    pub fn is_slow(&self) -> bool {
        locked(&self.0).slow >= SLOW_ANSWERS
    }

    /// Notes the duration of an answer. Returns whether Redis is now too slow to be used.
    pub fn took(&self, took: Duration, lease: Duration) -> bool {
        let mut known = locked(&self.0);
        known.slow = if took > lease { known.slow.saturating_add(1) } else { 0 };
        known.slow >= SLOW_ANSWERS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: BootTime = BootTime(7_000_000);

    #[test]
    fn only_the_first_failure_is_logged_and_every_second_later_failure_makes_a_new_connection() {
        let reach = Reach::default();
        for _ in 0..2 {
            let failed = [(); 5].map(|()| reach.failed(NOW));
            use Failed::{Again, First, Reconnect};
            assert_eq!(failed, [First, Reconnect, Again, Reconnect, Again]);
            assert_eq!(reach.asked_again_in(NOW + RETRY / 4), Some(RETRY * 3 / 4));
            assert!(reach.answered(), "Redis could not be used before");
            assert!(!reach.answered() && !reach.is_away());
            assert_eq!(reach.asked_again_in(NOW), None);
        }
    }

    #[test]
    fn the_wait_after_a_failed_transfer_of_bodies_grows_each_time() {
        let reach = Reach::default();
        assert!(reach.may_move_bodies(NOW));
        assert!(reach.bodies_stuck(NOW), "the first failure in a row");
        assert!(!reach.may_move_bodies(NOW + FIRST_WAIT / 2));
        assert!(reach.may_move_bodies(NOW + FIRST_WAIT));
        assert!(!reach.bodies_stuck(NOW));
        assert!(!reach.may_move_bodies(NOW + FIRST_WAIT) && !reach.is_away());
        reach.moved_bodies();
        assert!(reach.may_move_bodies(NOW) && reach.bodies_stuck(NOW));
    }

    #[test]
    fn the_wait_after_an_overtaken_save_grows_up_to_a_bound() {
        let waits = [0, 1, 2, 3, 64].map(tried_again_within);
        assert_eq!(waits.map(|wait| wait.as_millis()), [10, 40, 160, 640, 640]);
    }

    #[test]
    fn redis_is_slow_after_several_slow_answers_in_a_row() {
        let (reach, lease) = (Reach::default(), Duration::from_millis(100));
        for _ in 0..2 {
            assert_eq!([(); 3].map(|()| reach.took(2 * lease, lease)), [false; 3]);
            assert!(!reach.took(lease, lease), "an answer in time restarts the count");
        }
        let too_often = [(); 5].map(|()| reach.took(2 * lease, lease));
        assert_eq!(too_often, [false, false, false, true, true]);
        assert!(reach.is_slow() && !reach.took(lease, lease) && !reach.is_slow());
    }

    #[test]
    fn a_process_counts_as_attentive_for_a_while_after_a_look() {
        let reach = Reach::default();
        assert_eq!(reach.round(false, NOW), LONG_ROUND);
        reach.look(NOW);
        assert_eq!(reach.round(false, NOW + ATTENTIVE / 2), SHORT_ROUND);
        assert_eq!(reach.round(true, NOW + ATTENTIVE / 2), LONG_ROUND, "no announcement is heard");
        assert_eq!(reach.round(false, NOW + ATTENTIVE), LONG_ROUND);
    }
}
