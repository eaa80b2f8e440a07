//! What the last attempt says about newer data.
//!
//! Owns the rule that turns an attempt into [`Coming`], which decides whether a load
//! waits. The rule is pure: the caller reads the store and the clock. It must not decide
//! whether a load waits (that is [`hold`](crate::hold)).

use std::time::Duration;

use crate::clock::BootTime;
use crate::hold::Coming;

/// The last attempt, as the store reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenAttempt {
    /// When the attempt was claimed.
    pub claimed: BootTime,
    /// Whether the attempt ended well; none if no end is recorded.
    pub ended_well: Option<bool>,
    /// Whether the store lost the attempt: its claim time is then a guess of those who
    /// asked since, and nobody knows whether the attempt still runs.
    pub is_lost: bool,
    /// When the next attempt may start.
    pub due: BootTime,
}

/// What this process knows beside the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
    /// What this process knew about newer data before.
    pub before: Coming,
    /// When the data that this process has was asked for.
    pub origin: Option<BootTime>,
    /// Whether another process can have made the attempt: the store is shared and answers.
    pub has_company: bool,
    /// Whether the last attempt recorded in this state directory has no end. No attempt of
    /// this process runs when the rule is asked.
    pub has_unended_attempt: bool,
}

/// The rule.
///
/// 1. An attempt that ended well: newer data is due with the next attempt.
/// 2. An attempt that failed: nothing is coming.
/// 3. An attempt without an end in a store that nobody else uses: its process died, so
///    nothing is coming.
/// 4. An attempt without an end in a shared store: it runs.
/// 5. An attempt that the store lost: see [`of_lost`].
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

/// The rule for an attempt that the store lost. An attempt *can run* for less than one
/// interval after its claim, and only if its data is not here yet.
///
/// 1. An attempt that was running before and can still run: it runs.
/// 2. A failure that was known before stays known until the next attempt is due.
/// 3. An attempt of this state directory without an end died with its process: nothing is
///    coming until the next attempt is due.
/// 4. An attempt that can run: it runs, although nothing was heard of it before.
/// 5. Otherwise newer data is due with the next attempt.
fn of_lost(
    attempt: &SeenAttempt,
    known: &Circumstances,
    interval: Duration,
    now: BootTime,
) -> Coming {
    // Times of the store are off by the time that it took to ask the store.
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

    /// An attempt of second 100 without an end; the next is due at 160.
    const ATTEMPT: SeenAttempt = SeenAttempt {
        claimed: BootTime(100_000_000),
        ended_well: None,
        is_lost: false,
        due: BootTime(160_000_000),
    };
    const LOST: SeenAttempt = SeenAttempt { is_lost: true, ..ATTEMPT };
    /// Another process may be at work, and nothing is known of it.
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
    fn after_an_attempt_that_ended_well_newer_data_is_due_with_the_next() {
        let ended = SeenAttempt { ended_well: Some(true), ..ATTEMPT };
        assert_eq!(of_at(ended, KNOWN, 101), Due(at(160)));
        assert_eq!(of_at(SeenAttempt { is_lost: true, ..ended }, KNOWN, 101), Due(at(160)));
    }

    #[test]
    fn after_an_attempt_that_failed_nothing_is_coming() {
        let failed = SeenAttempt { ended_well: Some(false), ..ATTEMPT };
        assert_eq!(of_at(failed, KNOWN, 101), Failed);
        assert_eq!(of_at(SeenAttempt { is_lost: true, ..failed }, KNOWN, 101), Failed);
    }

    #[test]
    fn an_attempt_without_an_end_runs_if_another_process_can_have_made_it() {
        assert_eq!(of_at(ATTEMPT, KNOWN, 101), InFlight(at(100)));
        let alone = Circumstances { has_company: false, ..KNOWN };
        assert_eq!(of_at(ATTEMPT, alone, 101), Failed, "its process died");
    }

    #[test]
    fn a_lost_attempt_that_ran_before_runs_until_its_data_is_here_or_its_interval_is_over() {
        let ran = Circumstances { before: InFlight(at(98)), ..KNOWN };
        assert_eq!(of_at(LOST, ran, 101), InFlight(at(98)), "as claimed, not as the store tells");
        let here = |second| Circumstances { origin: Some(at(second)), ..ran };
        assert_eq!(of_at(LOST, here(38), 101), InFlight(at(98)), "the data of the minute before");
        // What is claimed less than half an interval after the data is the data's own claim.
        let taken = Circumstances { origin: Some(at(98)), ..ran };
        assert_eq!(of_at(LOST, taken, 101), Due(at(160)));
        let overdue = SeenAttempt { claimed: at(98), due: at(158), ..LOST };
        assert_eq!(of_at(overdue, ran, 154), InFlight(at(98)));
        assert_eq!(of_at(overdue, ran, 155), Due(at(158)), "a twentieth before the interval ends");
    }

    #[test]
    fn a_failure_is_remembered_though_the_store_lost_it_until_the_next_attempt_is_due() {
        let failed = Circumstances { before: Failed, ..KNOWN };
        assert_eq!(of_at(LOST, failed, 101), Failed);
        assert_eq!(of_at(LOST, failed, 156), Failed);
        assert_eq!(of_at(LOST, failed, 157), Due(at(160)));
    }

    #[test]
    fn a_lost_attempt_that_died_with_this_process_is_not_waited_for() {
        let died = Circumstances { has_unended_attempt: true, ..KNOWN };
        assert_eq!(of_at(LOST, died, 101), Failed);
        assert_eq!(of_at(LOST, died, 157), Due(at(160)));
        // Unless another process is known to be at work.
        let other = Circumstances { before: InFlight(at(99)), ..died };
        assert_eq!(of_at(LOST, other, 101), InFlight(at(99)));
    }

    #[test]
    fn a_lost_attempt_of_which_nothing_was_heard_may_run() {
        assert_eq!(of_at(LOST, KNOWN, 101), InFlight(at(100)));
        assert_eq!(
            of_at(LOST, Circumstances { has_company: false, ..KNOWN }, 101),
            InFlight(at(100))
        );
        let here = Circumstances { origin: Some(at(99)), ..KNOWN };
        assert_eq!(of_at(LOST, here, 101), Due(at(160)), "its data is here");
        assert_eq!(of_at(LOST, KNOWN, 157), Due(at(160)), "its interval is over");
    }
}
