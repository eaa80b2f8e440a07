//! Decides whether a request waits for newer data.
//!
//! Owns the promise of freshness as a pure rule. The input is the age that the answer would have
//! and what is known about newer data. The result is to answer, or to wait until a time. A
//! request waits only if the answer would be too old, the last attempt did not fail, and newer
//! data is in flight or due soon; never longer than `--hold`. This module must not read clocks
//! and must not wait: the server waits.

use std::fmt;
use std::time::Duration;

use crate::clock::BootTime;

/// Requests are held from this time before the bound, so that an answer that is young enough here
/// is still young enough when it has left.
const MARGIN: Duration = Duration::from_millis(100);

/// As [`MARGIN`], for a cache in front of the server. A cache keeps an answer for whole seconds, and the
/// cache of nginx up to a second longer than told. An answer whose data has less time left than this
/// cannot be kept, so that each visitor of the cache would ask again.
const MARGIN_OF_CACHES: Duration = Duration::from_secs(2);

/// Longest time for which a cache may show an answer while the cache fetches the next answer.
const RENEWAL: Duration = Duration::from_secs(5);

/// Time by which the next refresh may be slower than expected, in addition to a quarter of the
/// expected duration.
const SLACK: Duration = Duration::from_millis(10);

/// The promised bounds on the age of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Greatest age while the API answers (`--max-age`).
    pub max_age: Duration,
    /// Shortest time from one refresh to the next (`--interval`).
    pub interval: Duration,
    /// Longest wait of a request (`--hold`).
    pub hold: Duration,
    /// Age above which an error page is answered (`--max-stale`); `None`: never.
    pub max_stale: Option<Duration>,
}

impl Bound {
    /// Returns the age from which requests are held.
    fn gate(&self, asker: Asker) -> Duration {
        let margin = match asker {
            Asker::Visitor => MARGIN,
            Asker::Cache => MARGIN_OF_CACHES,
        };
        self.max_age.saturating_sub(margin.min(self.max_age / 2))
    }

    /// Returns the whole seconds before `max_age` in which newer data is there already, if a refresh
    /// takes this time. A cache can then fetch the newer data before visitors have to wait for the data.
    pub fn renewal(&self, takes: Duration) -> u64 {
        let newer = self.interval + takes + takes / 4 + SLACK + MARGIN_OF_CACHES;
        self.max_age.saturating_sub(newer).min(RENEWAL).as_secs()
    }

    /// Whether data of this age is too old to be shown.
    pub fn is_too_stale(&self, age: Duration) -> bool {
        self.max_stale.is_some_and(|longest| age > longest)
    }
}

/// Who gets the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// One visitor.
    Visitor,
    /// A cache in front of the server, for many visitors.
    Cache,
}

/// What is known about newer data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coming {
    /// The last attempt succeeded. The next attempt may start at this time.
    Due(BootTime),
    /// The attempt that was claimed at this time has no outcome yet.
    InFlight(BootTime),
    /// The last attempt failed, or its process died.
    Failed,
}

/// The decision for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Answer, because the data is young enough.
    Fresh,
    /// Decide again after a change, or at this time at the latest.
    Wait(BootTime),
    /// Answer with the true age, because waiting would gain nothing.
    Old(StaleReason),
}

/// Why old data is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StaleReason {
    /// The last attempt failed.
    Failed,
    /// The next attempt is not due within `--hold`.
    NotDue,
    /// The attempt in flight takes longer than `--hold`.
    RunsLong,
    /// The request has waited for `--hold`.
    Waited,
    /// The limit of waiting requests is reached.
    Crowded,
}

impl fmt::Display for StaleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StaleReason::Failed => "failed",
            StaleReason::NotDue => "not-due",
            StaleReason::RunsLong => "runs-long",
            StaleReason::Waited => "waited",
            StaleReason::Crowded => "crowded",
        })
    }
}

/// Applies the rule. `origin` is the origin time of the data, if there is data; `takes` is the
/// expected duration of a refresh from its claim to the live generation; `asker` is who gets the
/// answer; `arrived` is the time at which the request came.
pub fn decide(
    origin: Option<BootTime>,
    coming: Coming,
    takes: Duration,
    bound: &Bound,
    asker: Asker,
    arrived: BootTime,
    now: BootTime,
) -> Decision {
    let age = origin.map(|origin| now.since(origin));
    if age.is_some_and(|age| age < bound.gate(asker)) {
        return Decision::Fresh;
    }
    let patience = arrived + bound.hold;
    let decision = match coming {
        Coming::Failed => Decision::Old(StaleReason::Failed),
        Coming::Due(at) if at > patience => Decision::Old(StaleReason::NotDue),
        Coming::Due(_) => wait(patience, now),
        Coming::InFlight(claimed) if claimed + bound.hold <= now => {
            Decision::Old(StaleReason::RunsLong)
        }
        Coming::InFlight(claimed) => wait(patience.min(claimed + bound.hold), now),
    };
    if age.is_none_or(|age| age >= bound.max_age) {
        return decision;
    }
    // The age is still within the bound. A request that waits in vain would get the same answer
    // later and older, so wait only for a refresh that probably ends in time.
    let starts = match coming {
        Coming::Due(at) | Coming::InFlight(at) => at.max(arrived),
        Coming::Failed => return Decision::Fresh,
    };
    match decision {
        Decision::Wait(_) if starts + takes + takes / 4 + SLACK <= patience => decision,
        _ => Decision::Fresh,
    }
}

fn wait(until: BootTime, now: BootTime) -> Decision {
    if until <= now { Decision::Old(StaleReason::Waited) } else { Decision::Wait(until) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Asker::{Cache, Visitor};
    use Coming::{Due, Failed, InFlight};
    use Decision::{Fresh, Old, Wait};

    const BOUND: Bound = Bound {
        max_age: Duration::from_secs(60),
        interval: Duration::from_secs(60),
        hold: Duration::from_secs(2),
        max_stale: Some(Duration::from_secs(600)),
    };

    const TAKES: Duration = Duration::from_millis(200);

    fn at(milliseconds: i64) -> BootTime {
        BootTime(milliseconds * 1_000)
    }

    /// Decides a request that arrives `age` milliseconds after the origin time of the data.
    fn load(age: i64, coming: Coming) -> Decision {
        decide(Some(at(0)), coming, TAKES, &BOUND, Visitor, at(age), at(age))
    }

    #[test]
    fn young_data_is_answered_at_once() {
        for coming in [Due(at(60_000)), InFlight(at(59_000)), Failed] {
            assert_eq!(load(59_899, coming), Fresh);
        }
    }

    #[test]
    fn a_request_near_the_bound_waits_for_data_that_is_due_or_in_flight() {
        assert_eq!(load(59_900, Due(at(60_000))), Wait(at(61_900)));
        assert_eq!(load(60_000, Due(at(60_000))), Wait(at(62_000)));
        assert_eq!(load(60_500, InFlight(at(60_000))), Wait(at(62_000)));
        assert_eq!(load(60_500, InFlight(at(60_400))), Wait(at(62_400)));
    }

    #[test]
    fn a_request_within_the_bound_waits_only_for_data_that_comes_in_time() {
        let load = |age, takes| {
            let takes = Duration::from_millis(takes);
            decide(Some(at(0)), Due(at(60_000)), takes, &BOUND, Visitor, at(age), at(age))
        };
        // The new data is live at 61,800 or, with a quarter more, at 62,260: too late for the
        // first request.
        assert_eq!(load(59_900, 1_800), Fresh);
        assert_eq!(load(59_999, 1_500), Wait(at(61_999)));
        assert_eq!(load(60_000, 1_800), Wait(at(62_000)), "the data is too old to be answered");
        // Data within the bound is fresh, even if newer data does not come within the hold.
        let margin =
            |coming| decide(Some(at(0)), coming, TAKES, &BOUND, Visitor, at(59_950), at(59_950));
        for coming in [Failed, Due(at(70_000)), InFlight(at(57_000))] {
            assert_eq!(margin(coming), Fresh);
        }
    }

    #[test]
    fn no_request_waits_for_data_that_does_not_come_within_the_hold() {
        assert_eq!(load(60_000, Due(at(62_001))), Old(StaleReason::NotDue));
        assert_eq!(load(62_000, InFlight(at(60_000))), Old(StaleReason::RunsLong));
        assert_eq!(load(60_000, Failed), Old(StaleReason::Failed));
    }

    #[test]
    fn a_request_waits_no_longer_than_the_hold() {
        let waited =
            decide(Some(at(0)), Due(at(60_000)), TAKES, &BOUND, Visitor, at(60_000), at(62_000));
        assert_eq!(waited, Old(StaleReason::Waited));
        let claimed_late = InFlight(at(61_500));
        let waited =
            decide(Some(at(0)), claimed_late, TAKES, &BOUND, Visitor, at(60_000), at(62_000));
        assert_eq!(waited, Old(StaleReason::Waited));
    }

    #[test]
    fn without_data_a_request_waits_for_the_first_data() {
        let load = |coming| decide(None, coming, TAKES, &BOUND, Visitor, at(10), at(10));
        assert_eq!(load(InFlight(at(0))), Wait(at(2_000)));
        assert_eq!(load(Failed), Old(StaleReason::Failed));
    }

    #[test]
    fn an_answer_for_a_cache_waits_if_it_could_not_be_kept() {
        let load =
            |age| decide(Some(at(0)), Due(at(60_000)), TAKES, &BOUND, Cache, at(age), at(age));
        assert_eq!(load(57_999), Fresh);
        assert_eq!(load(58_000), Fresh, "newer data does not come within the hold");
        assert_eq!(load(58_500), Wait(at(60_500)));
        // Without newer data, the answer is still within the bound.
        let failed = decide(Some(at(0)), Failed, TAKES, &BOUND, Cache, at(59_500), at(59_500));
        assert_eq!(failed, Fresh);
    }

    #[test]
    fn the_margin_is_at_most_half_of_the_bound() {
        let bound = Bound { max_age: Duration::from_millis(50), ..BOUND };
        let decision =
            |age| decide(Some(at(0)), Due(at(50)), TAKES, &bound, Visitor, at(age), at(age));
        assert_eq!(decision(24), Fresh);
        assert_eq!(decision(25), Wait(at(2_025)));
    }

    #[test]
    fn a_cache_has_time_to_renew_its_answer_if_newer_data_comes_long_before_the_bound() {
        let renewal = |max_age, takes| {
            let max_age = Duration::from_millis(max_age);
            Bound { max_age, ..BOUND }.renewal(Duration::from_millis(takes))
        };
        assert_eq!(renewal(60_000, 0), 0);
        assert_eq!(renewal(63_000, 0), 0, "nginx keeps whole seconds");
        assert_eq!(renewal(64_000, 200), 1);
        assert_eq!(renewal(64_000, 2_000), 0, "the refresh takes too long");
        assert_eq!(renewal(600_000, 200), 5);
    }

    #[test]
    fn data_older_than_max_stale_is_too_stale() {
        assert!(!BOUND.is_too_stale(Duration::from_secs(600)));
        assert!(BOUND.is_too_stale(Duration::from_secs(601)));
        assert!(!Bound { max_stale: None, ..BOUND }.is_too_stale(Duration::MAX));
    }
}
