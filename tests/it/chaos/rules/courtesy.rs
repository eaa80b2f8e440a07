//! Promise 1: no list is asked for twice within an interval less the lease.

use std::time::Duration;

use crate::chaos::checker::{Finding, Rule};
use crate::chaos::history::{History, List};
use crate::chaos::truth::Wire;

/// What connecting may take on loopback, and the upstream until it has a thread for
/// the connection.
const TO_CONNECT: Duration = Duration::from_millis(50);

/// A busy machine notes a request this late at most.
const NOTED_LATE: Duration = Duration::from_millis(200);

pub(crate) fn check(history: &History, wire: &Wire) -> Finding {
    let mut finding = Finding::of(Rule::Courtesy);
    let least = history.promised.interval - history.promised.lease();
    for list in [List::Films, List::People] {
        let asked: Vec<_> = history.asked.iter().filter(|asked| asked.list == list).collect();
        for pair in asked.windows(2) {
            let (before, after) = (pair[0].at, pair[1].at);
            // The upstream notes a request a moment after it came.
            let noted = wire.between(before, before).max(wire.between(after, after));
            // The promise is less by what connecting took.
            let connecting = if pair[0].is_cold { TO_CONNECT } else { Duration::ZERO };
            let gap = after.since(before);
            let is_kept = gap + noted + connecting >= least;
            finding.check_in_time(is_kept, gap + NOTED_LATE >= least, || {
                format!("{list:?} asked for at {before} and again {gap:?} later")
            });
        }
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::synthetic::{good_history, ms};

    #[test]
    fn two_requests_for_a_list_are_an_interval_less_the_lease_apart() {
        let judged = |earlier| {
            let mut history = good_history();
            history.asked[4].at = history.asked[4].at - earlier;
            let wire = Wire::of(&history);
            check(&history, &wire).violations.len()
        };
        let cold = |earlier| {
            let mut history = good_history();
            history.asked[2].at = history.asked[2].at - earlier;
            let wire = Wire::of(&history);
            check(&history, &wire).violations.len()
        };
        assert_eq!((cold(ms(90)), cold(ms(110))), (0, 1), "less what connecting takes");
        assert_eq!(judged(ms(0)), 0);
        assert_eq!(judged(ms(50)), 0);
        assert_eq!(judged(ms(60)), 1);
        assert_eq!(judged(ms(700)), 1);
    }
}
