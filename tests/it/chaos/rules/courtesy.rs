//! Promise 1: no list is requested twice within an interval minus the lease.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::chaos::checker::{Finding, Rule};
use crate::chaos::history::{Asked, History, List, Moment};
use crate::chaos::truth::Wire;

/// Longest time of connecting on loopback, including the start of a thread for the connection in
/// the upstream.
const TO_CONNECT: Duration = Duration::from_millis(50);

/// Longest delay until the upstream records a request on a busy machine.
const NOTED_LATE: Duration = Duration::from_millis(200);

/// Longest time from the end of a stop until a request that was due before the stop.
const RIGHT_AFTER: Duration = Duration::from_millis(100);

/// Checks the distance of refreshes, both of one process and of different processes. Pairs of
/// different processes that may keep their own intervals are the residue, and are left out. The
/// promise also ends if a process is stopped between its last check and the write to the socket.
/// This moment is short, so at most one stop of a record may be such a stop.
pub(crate) fn check(history: &History, wire: &Wire) -> Finding {
    let mut finding = Finding::of(Rule::Courtesy);
    let mut met = None;
    let replicas: BTreeSet<_> = history.asked.iter().map(|asked| asked.by).collect();
    for list in [List::Films, List::People] {
        let mut asked: Vec<_> = history.asked.iter().filter(|asked| asked.list == list).collect();
        asked.sort_by_key(|asked| asked.at);
        for replica in &replicas {
            let own: Vec<_> = asked.iter().filter(|asked| asked.by == *replica).collect();
            for pair in own.windows(2) {
                apart(history, wire, pair[0], pair[1], &mut met, &mut finding);
            }
        }
        for pair in asked.windows(2).filter(|pair| pair[0].by != pair[1].by) {
            let gap = pair[1].at.since(pair[0].at);
            if gap < least(history) && history.is_each_alone(pair[1].at) {
                finding.left_out += 1;
            } else {
                apart(history, wire, pair[0], pair[1], &mut met, &mut finding);
            }
        }
    }
    finding
}

fn least(history: &History) -> Duration {
    history.promised.interval - history.promised.lease()
}

/// Returns the stop that delayed a request, if the request left right after a stop.
fn delayed_by(history: &History, asked: &Asked) -> Option<Moment> {
    let mut own = history.stops.iter().filter(|stop| stop.of == asked.by);
    // The process goes on a moment before the end of the stop is recorded.
    let stop = own.find(|stop| stop.settled <= asked.at && asked.at <= stop.to + RIGHT_AFTER);
    stop.map(|stop| stop.to)
}

fn apart(
    history: &History,
    wire: &Wire,
    before: &Asked,
    after: &Asked,
    met: &mut Option<Moment>,
    finding: &mut Finding,
) {
    // The upstream records a request a moment after its arrival.
    let noted = wire.between(before.at, before.at).max(wire.between(after.at, after.at));
    // The first request on a connection arrives later than it was due, by the time of connecting.
    let connecting = if before.is_cold { TO_CONNECT } else { Duration::ZERO };
    let gap = after.at.since(before.at);
    let (least, list) = (least(history), before.list);
    let is_kept = gap + noted + connecting >= least;
    if !is_kept && let Some(stop) = delayed_by(history, before) {
        // Both requests of a refresh may be delayed by one stop.
        if *met.get_or_insert(stop) == stop {
            finding.left_out += 1;
            return;
        }
    }
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
    use crate::chaos::history::{Lapse, Stop};
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
    fn one_stop_may_come_between_the_last_check_and_the_write() {
        let judged = |stops: &[u64]| {
            let mut history = good_history();
            // Both requests of two refreshes leave late.
            for at in [2, 3, 6, 7] {
                history.asked[at].at = history.asked[at].at + ms(500);
            }
            let ends = stops.iter().map(|&at| history.asked[at as usize].at - ms(5));
            let stop = |to: Moment| Stop { of: 0, from: to - ms(400), settled: to - ms(399), to };
            history.stops = ends.map(stop).collect();
            let wire = Wire::of(&history);
            let finding = check(&history, &wire);
            (finding.violations.len(), finding.left_out)
        };
        assert_eq!(judged(&[]), (4, 0));
        assert_eq!(judged(&[2]), (2, 2), "one stop, both requests");
        assert_eq!(judged(&[2, 6]), (2, 2), "a second stop is no accident");
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
