//! Promise 1: no list is requested twice within an interval minus the lease.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::chaos::checker::{Finding, Rule};
use crate::chaos::history::{Asked, History, List};
use crate::chaos::truth::Wire;

/// Longest time of connecting on loopback, including the start of a thread for the connection in
/// the upstream.
const TO_CONNECT: Duration = Duration::from_millis(50);

/// Longest delay until the upstream records a request on a busy machine.
const NOTED_LATE: Duration = Duration::from_millis(200);

/// Checks the distance of refreshes, both of one process and of different processes. Pairs of
/// different processes that may keep their own intervals are the residue, and are left out.
pub(crate) fn check(history: &History, wire: &Wire) -> Finding {
    let mut finding = Finding::of(Rule::Courtesy);
    let replicas: BTreeSet<_> = history.asked.iter().map(|asked| asked.by).collect();
    for list in [List::Films, List::People] {
        let mut asked: Vec<_> = history.asked.iter().filter(|asked| asked.list == list).collect();
        asked.sort_by_key(|asked| asked.at);
        for replica in &replicas {
            let own: Vec<_> = asked.iter().filter(|asked| asked.by == *replica).collect();
            for pair in own.windows(2) {
                apart(history, wire, pair[0], pair[1], &mut finding);
            }
        }
        for pair in asked.windows(2).filter(|pair| pair[0].by != pair[1].by) {
            let gap = pair[1].at.since(pair[0].at);
            if gap < least(history) && history.is_each_alone(pair[1].at) {
                finding.left_out += 1;
            } else {
                apart(history, wire, pair[0], pair[1], &mut finding);
            }
        }
    }
    finding
}

fn least(history: &History) -> Duration {
    history.promised.interval - history.promised.lease()
}

fn apart(history: &History, wire: &Wire, before: &Asked, after: &Asked, finding: &mut Finding) {
    // The upstream records a request a moment after its arrival.
    let noted = wire.between(before.at, before.at).max(wire.between(after.at, after.at));
    // The first request on a connection arrives later than it was due, by the time of connecting.
    let connecting = if before.is_cold { TO_CONNECT } else { Duration::ZERO };
    let gap = after.at.since(before.at);
    let (least, list) = (least(history), before.list);
    let is_kept = gap + noted + connecting >= least;
    finding.check_in_time(is_kept, after.at, gap + NOTED_LATE >= least, || {
        format!(
            "process {1} requested {list:?} at {0}, and process {2} again {gap:?} later",
            before.at, before.by, after.by
        )
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::history::Lapse;
    use crate::chaos::synthetic::{good_history, ms};

    #[test]
    fn two_requests_for_a_list_are_an_interval_minus_the_lease_apart() {
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
        assert_eq!((cold(ms(90)), cold(ms(110))), (0, 1), "connecting may take 50 ms");
        assert_eq!(judged(ms(0)), 0);
        assert_eq!(judged(ms(50)), 0);
        assert_eq!(judged(ms(60)), 1);
        assert_eq!(judged(ms(700)), 1);
    }

    #[test]
    fn pairs_of_two_processes_are_left_out_only_while_each_may_keep_its_own_interval() {
        let judged = |by, lapse: Option<Lapse>| {
            let mut history = good_history();
            let again = Asked { by, at: history.asked[4].at + ms(500), ..history.asked[4].clone() };
            history.asked.push(again);
            history.lapses = lapse.into_iter().collect();
            let wire = Wire::of(&history);
            let finding = check(&history, &wire);
            (finding.violations.len(), finding.left_out)
        };
        let begin = good_history().asked[4].at;
        let lapse = |from, to| Some(Lapse { from: begin + from, to: begin + to });
        // The additional request is too early, and the next request of the other process is too
        // early after the additional request.
        assert_eq!(judged(1, None), (2, 0));
        assert_eq!(judged(1, lapse(ms(100), ms(400))), (0, 2));
        assert_eq!(judged(1, lapse(ms(600), ms(700))), (1, 1), "the lapse began later");
        assert_eq!(judged(0, lapse(ms(100), ms(400))), (2, 0), "requests of one process count");
    }

    #[test]
    fn a_process_keeps_its_own_interval_until_one_interval_after_the_return_of_redis() {
        let mut history = good_history();
        let again = Asked { by: 1, at: history.asked[8].at + ms(300), ..history.asked[8].clone() };
        let to = again.at - ms(2200);
        history.asked.push(again);
        history.lapses = vec![Lapse { from: to - ms(100), to }];
        let wire = Wire::of(&history);
        let finding = check(&history, &wire);
        assert_eq!((finding.violations.len(), finding.left_out), (2, 0));
    }
}
