//! Derives from the last attempt what is known about newer data.
//!
//! Owns the rule that turns an attempt into [`Coming`], and the time until a replica reads the store
//! again. The rules are pure: the caller reads the store and the clock. This module must not decide
//! whether a request waits, because [`hold`](crate::hold) decides this from [`Coming`].

use std::time::Duration;

use crate::clock::BootTime;
use crate::hold::Coming;

/// Time between two reads of what other replicas did, because announcements may be lost.
const POLL: Duration = Duration::from_secs(1);
/// As [`POLL`], while this or another replica is making a refresh.
const POLL_IN_FLIGHT: Duration = Duration::from_millis(40);
/// A replica whose announcement was lost shows newer data later by at most this share of the time
/// that the refresh took: 1/4. With [`POLL_IN_FLIGHT`] alone, a thousand replicas that wait for a slow
/// refresh would call Redis 25,000 times a second, which takes 30 % of a core of Redis.
const LATER: u32 = 4;

/// Returns the time until a replica reads again what other replicas did. While another replica is
/// making a refresh, visitors may be waiting for the result; no visitor waits longer than `hold`.
/// While this replica is asking the upstream, this replica must restore a claim that the store
/// lost. `asked_again_in` is the time until a store that did not answer is asked again.
pub fn look_again_in(
    coming: Coming,
    is_asking: bool,
    asked_again_in: Option<Duration>,
    hold: Duration,
    now: BootTime,
) -> Duration {
    match coming {
        _ if is_asking => POLL_IN_FLIGHT,
        Coming::InFlight(at) if now.since(at) < hold => POLL_IN_FLIGHT.max(now.since(at) / LATER),
        _ => asked_again_in.unwrap_or(POLL),
    }
}

/// The last attempt, as the store reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenAttempt {
    /// Time of the claim.
    pub claimed: BootTime,
    /// Whether the attempt succeeded; `None` if the store has no outcome of the attempt.
    pub ended_well: Option<bool>,
    /// Whether the store lost the attempt. Then the claim time is an estimate of the replicas that
    /// asked the store since the loss, and no replica knows whether the attempt still runs.
    pub is_lost: bool,
    /// Time at which the next attempt may start.
    pub due: BootTime,
}

/// What this process knows in addition to the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
    /// What this process knew about newer data before.
    pub before: Coming,
    /// Origin time of the data of this process; `None` without data.
    pub origin: Option<BootTime>,
    /// Whether another process may have made the attempt: the store is shared, and answers.
    pub has_company: bool,
    /// Whether the last attempt that is recorded in this state directory has no outcome. The rule
    /// is applied only while this process runs no attempt, so the process of such an attempt died.
    pub has_unended_attempt: bool,
}

/// Applies the rule:
///
/// 1. If the attempt succeeded, newer data is due with the next attempt.
/// 2. If the attempt failed, no newer data is coming.
/// 3. If the store lost the attempt, [`of_lost`] decides.
/// 4. If the attempt has no outcome, and no other process uses the store, the process of the
///    attempt died, so no newer data is coming.
/// 5. If the attempt has no outcome, and the store is shared, the attempt is in flight.
pub fn of(
    attempt: &SeenAttempt,
    known: &Circumstances,
    interval: Duration,
    now: BootTime,
) -> Coming {
    match attempt.ended_well {
        Some(true) => Coming::Due(attempt.due),
        Some(false) => Coming::Failed,
        None if attempt.is_lost => of_lost(attempt, known, interval, now),
        None if !known.has_company => Coming::Failed,
        None => Coming::InFlight(attempt.claimed),
    }
}

/// Applies the rule for an attempt that the store lost. An attempt *can run* for less than one
/// interval after its claim, and only if this process does not have its data yet.
///
/// 1. An attempt that was in flight before and can still run is in flight.
/// 2. A failure that was known before stays known until the next attempt is due.
/// 3. If the last attempt in this state directory has no outcome, the attempt died with its
///    process: no newer data is coming until the next attempt is due.
/// 4. An attempt that can run is in flight, although this process did not know the attempt before.
/// 5. Otherwise, newer data is due with the next attempt.
fn of_lost(
    attempt: &SeenAttempt,
    known: &Circumstances,
    interval: Duration,
    now: BootTime,
) -> Coming {
    // A time from the store may be wrong by the duration of the request to the store.
    let tolerance = interval / 20;
    let can_run = |claimed| {
        now.since(claimed) < interval - tolerance
            && known.origin.is_none_or(|origin| origin + interval / 2 < claimed)
    };
    let is_far_off = attempt.due > now + tolerance;
    match known.before {
        Coming::InFlight(claimed) if can_run(claimed) => Coming::InFlight(claimed),
        Coming::Failed if is_far_off => Coming::Failed,
        _ if is_far_off && known.has_unended_attempt => Coming::Failed,
        _ if can_run(attempt.claimed) => Coming::InFlight(attempt.claimed),
        _ => Coming::Due(attempt.due),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Coming::{Due, Failed, InFlight};

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(seconds: i64) -> BootTime {
        BootTime(seconds * 1_000_000)
    }

    /// An attempt that was claimed at second 100 and has no outcome. The next attempt is due at
    /// second 160.
    const ATTEMPT: SeenAttempt = SeenAttempt {
        claimed: BootTime(100_000_000),
        ended_well: None,
        is_lost: false,
        due: BootTime(160_000_000),
    };
    const LOST: SeenAttempt = SeenAttempt { is_lost: true, ..ATTEMPT };
    /// Another process may have made the attempt, and nothing is known about the attempt.
    const KNOWN: Circumstances = Circumstances {
        before: Due(BootTime(0)),
        origin: None,
        has_company: true,
        has_unended_attempt: false,
    };

    fn of_at(attempt: SeenAttempt, known: Circumstances, second: i64) -> Coming {
        of(&attempt, &known, MINUTE, at(second))
    }

    #[test]
    fn a_replica_looks_often_while_it_asks_or_while_visitors_may_wait() {
        let hold = Duration::from_secs(2);
        let look = |coming, is_asking, now| look_again_in(coming, is_asking, None, hold, at(now));
        assert_eq!(look(Due(at(160)), false, 101), POLL);
        assert_eq!(look(Due(at(160)), true, 101), POLL_IN_FLIGHT);
        assert_eq!(look(InFlight(at(101)), false, 101), POLL_IN_FLIGHT);
        assert_eq!(look(InFlight(at(100)), false, 101), POLL / LATER, "later by a quarter");
        assert_eq!(look(InFlight(at(100)), false, 102), POLL, "no visitor waits any more");
        let away = Some(hold / 10);
        assert_eq!(look_again_in(Failed, false, away, hold, at(101)), hold / 10);
    }

    #[test]
    fn after_an_attempt_that_succeeded_newer_data_is_due_with_the_next_attempt() {
        let ended = SeenAttempt { ended_well: Some(true), ..ATTEMPT };
        assert_eq!(of_at(ended, KNOWN, 101), Due(at(160)));
        assert_eq!(of_at(SeenAttempt { is_lost: true, ..ended }, KNOWN, 101), Due(at(160)));
    }

    #[test]
    fn after_an_attempt_that_failed_no_newer_data_is_coming() {
        let failed = SeenAttempt { ended_well: Some(false), ..ATTEMPT };
        assert_eq!(of_at(failed, KNOWN, 101), Failed);
        assert_eq!(of_at(SeenAttempt { is_lost: true, ..failed }, KNOWN, 101), Failed);
    }

    #[test]
    fn an_attempt_without_an_outcome_is_in_flight_if_another_process_may_have_made_it() {
        assert_eq!(of_at(ATTEMPT, KNOWN, 101), InFlight(at(100)));
        let alone = Circumstances { has_company: false, ..KNOWN };
        assert_eq!(of_at(ATTEMPT, alone, 101), Failed, "the process of the attempt died");
    }

    #[test]
    fn a_lost_attempt_stays_in_flight_until_its_data_is_here_or_its_interval_is_over() {
        let ran = Circumstances { before: InFlight(at(98)), ..KNOWN };
        assert_eq!(of_at(LOST, ran, 101), InFlight(at(98)), "the claim time that was known before");
        let here = |second| Circumstances { origin: Some(at(second)), ..ran };
        assert_eq!(of_at(LOST, here(38), 101), InFlight(at(98)), "the data of the minute before");
        // A claim less than half an interval after the origin time is the claim of this data.
        let taken = Circumstances { origin: Some(at(98)), ..ran };
        assert_eq!(of_at(LOST, taken, 101), Due(at(160)));
        let overdue = SeenAttempt { claimed: at(98), due: at(158), ..LOST };
        assert_eq!(of_at(overdue, ran, 154), InFlight(at(98)));
        assert_eq!(of_at(overdue, ran, 155), Due(at(158)), "1/20 before the end of the interval");
    }

    #[test]
    fn a_failure_that_the_store_lost_stays_known_until_the_next_attempt_is_due() {
        let failed = Circumstances { before: Failed, ..KNOWN };
        assert_eq!(of_at(LOST, failed, 101), Failed);
        assert_eq!(of_at(LOST, failed, 156), Failed);
        assert_eq!(of_at(LOST, failed, 157), Due(at(160)));
    }

    #[test]
    fn no_request_waits_for_a_lost_attempt_that_died_with_this_process() {
        let died = Circumstances { has_unended_attempt: true, ..KNOWN };
        assert_eq!(of_at(LOST, died, 101), Failed);
        assert_eq!(of_at(LOST, died, 157), Due(at(160)));
        // The attempt of another process was in flight before.
        let other = Circumstances { before: InFlight(at(99)), ..died };
        assert_eq!(of_at(LOST, other, 101), InFlight(at(99)));
    }

    #[test]
    fn a_lost_attempt_that_was_not_known_before_counts_as_in_flight() {
        assert_eq!(of_at(LOST, KNOWN, 101), InFlight(at(100)));
        assert_eq!(
            of_at(LOST, Circumstances { has_company: false, ..KNOWN }, 101),
            InFlight(at(100))
        );
        let here = Circumstances { origin: Some(at(99)), ..KNOWN };
        assert_eq!(of_at(LOST, here, 101), Due(at(160)), "the data of the attempt is here");
        assert_eq!(of_at(LOST, KNOWN, 157), Due(at(160)), "the interval is over");
    }
}
