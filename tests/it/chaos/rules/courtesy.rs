//! Promise 1: no list is requested twice within an interval minus the lease.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::chaos::checker::{Finding, Rule};
use crate::chaos::history::{Asked, History, List};
use crate::chaos::truth::Wire;

/// What connecting may take on loopback, and the upstream until it has a thread for
/// the connection.
const TO_CONNECT: Duration = Duration::from_millis(50);

/// A busy machine notes a request this late at most.
const NOTED_LATE: Duration = Duration::from_millis(200);

/// Two refreshes of one process always, and of two processes but where each is left
/// to its own minute: such pairs are the residue, and left out.
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
    // The upstream notes a request a moment after it came.
    let noted = wire.between(before.at, before.at).max(wire.between(after.at, after.at));
    // The promise is less by what connecting took.
    let connecting = if before.is_cold { TO_CONNECT } else { Duration::ZERO };
    let gap = after.at.since(before.at);
    let (least, list) = (least(history), before.list);
    let is_kept = gap + noted + connecting >= least;
    finding.check_in_time(is_kept, after.at, gap + NOTED_LATE >= least, || {
        format!(
            "{list:?} asked for at {} by {} and by {} again {gap:?} later",
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

    #[test]
    fn two_processes_are_apart_too_but_where_each_is_left_to_its_own_minute() {
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
        // It is too early, and so is the next of the other.
        assert_eq!(judged(1, None), (2, 0));
        assert_eq!(judged(1, lapse(ms(100), ms(400))), (0, 2));
        assert_eq!(judged(1, lapse(ms(600), ms(700))), (1, 1), "it began after that");
        assert_eq!(judged(0, lapse(ms(100), ms(400))), (2, 0), "never one process");
    }

    #[test]
    fn a_minute_of_its_own_ends_with_the_minute_after_redis_is_back() {
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
