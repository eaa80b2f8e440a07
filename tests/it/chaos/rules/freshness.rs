//! Promise 2: while the upstream answers within the hold, no page is older than the maximum
//! age, and no request waits longer than the hold.

use std::time::Duration;

use crate::chaos::attempts::{Attempt, Trouble, troubles};
use crate::chaos::checker::{Finding, Rule};
use crate::chaos::history::{History, Load};
use crate::chaos::truth::{Truth, Wire};

/// Delay of the timer that ends the wait of a load. The probes of the wire do not show this delay.
const TO_WAKE: Duration = Duration::from_millis(5);
/// Additional delay on a busy machine.
const ON_A_BUSY_MACHINE: Duration = Duration::from_millis(250);

/// Checks the age of each page by its stamps. The time on the wire is granted in addition, except
/// to a page that was too old already when the load was sent.
///
/// An old page is mere lateness if the load waited for the whole hold. Otherwise, an old page is
/// never excused.
pub(crate) fn age(history: &History, attempts: &[Attempt], truth: &Truth, wire: &Wire) -> Finding {
    let troubles = troubles(history, attempts);
    let mut finding = Finding::of(Rule::Freshness);
    let max_age = history.promised.max_age;
    for (load, page) in history.pages() {
        if is_troubled(load, &troubles) || is_split_by_a_stop(history, load) {
            finding.left_out += 1;
            continue;
        }
        let Some(as_of) = truth.as_of(page, load.received) else { continue };
        let (then, now) = (load.sent.since(as_of), load.received.since(as_of));
        let is_kept = then <= max_age && now <= max_age + wire.granted(load);
        let is_late = was_waited_for(history, attempts, load);
        finding.check_in_time(is_kept, load.received, is_late, || {
            format!(
                "{} sent at {} was {then:?} old at the request and {now:?} at the end (wire {:?})",
                load.path,
                load.sent,
                wire.granted(load)
            )
        });
    }
    finding
}

/// Checks the longest wait of loads, also during trouble.
pub(crate) fn hold(history: &History, wire: &Wire) -> Finding {
    let mut finding = Finding::of(Rule::Hold);
    for (load, _) in history.pages() {
        if history.is_disturbed(load) {
            finding.left_out += 1;
            continue;
        }
        let granted = wire.granted(load);
        let longest = history.promised.hold + TO_WAKE + granted;
        let is_late = load.took() <= longest + ON_A_BUSY_MACHINE;
        finding.check_in_time(load.took() <= longest, load.received, is_late, || {
            format!("{} sent at {} took {:?} (wire {granted:?})", load.path, load.sent, load.took())
        });
    }
    finding
}

/// Whether the load waited for the whole hold, or the attempt in flight had run longer than the
/// hold at the end of the load.
fn was_waited_for(history: &History, attempts: &[Attempt], load: &Load) -> bool {
    let hold = history.promised.hold - TO_WAKE;
    let under_way = attempts.iter().rev().find(|attempt| attempt.start <= load.received);
    load.took() >= hold || under_way.is_some_and(|attempt| load.received >= attempt.start + hold)
}

fn is_troubled(load: &Load, troubles: &[Trouble]) -> bool {
    troubles.iter().any(|trouble| load.meets(trouble.from, trouble.to))
}

/// Whether the load was sent before a stop of the process and ended after the stop began. The
/// process may have decided on the answer before the stop.
fn is_split_by_a_stop(history: &History, load: &Load) -> bool {
    history.own_stops().any(|stop| load.sent < stop.settled && load.received >= stop.from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::attempts::attempts;
    use crate::chaos::history::{Moment, Seen, Stop};
    use crate::chaos::synthetic::{good_history, ms, page, start_of};

    fn judged(history: &History) -> (usize, usize, usize) {
        let (truth, wire) = (Truth::of(history), Wire::of(history));
        let age = age(history, &attempts(history), &truth, &wire);
        (age.violations.len(), age.left_out, hold(history, &wire).violations.len())
    }

    /// Makes the good history with an additional load at this moment that gets the page of round 2.
    fn with_load(sent: Moment, took: Duration) -> History {
        let mut history = good_history();
        let received = sent + took;
        let seen = Seen::Page(page("/", 2, received));
        history.loads.push(Load { path: "/", sent, received, seen });
        history
    }

    #[test]
    fn a_good_history_is_fresh() {
        assert_eq!(judged(&good_history()), (0, 0, 0));
    }

    #[test]
    fn a_page_that_was_too_old_when_the_load_was_sent_is_found() {
        assert_eq!(judged(&with_load(start_of(3) + ms(2), ms(1))), (1, 0, 0));
    }

    #[test]
    fn an_old_page_is_mere_lateness_only_if_the_load_waited() {
        let is_late = |sent, took| {
            let history = with_load(sent, took);
            let (truth, wire) = (Truth::of(&history), Wire::of(&history));
            age(&history, &attempts(&history), &truth, &wire).violations[0].late.is_some()
        };
        assert!(!is_late(start_of(3) + ms(20), ms(1)), "the load did not wait");
        assert!(is_late(start_of(3) - ms(50), ms(300)), "the load waited for the whole hold");
        assert!(is_late(start_of(3) + ms(300), ms(1)), "the attempt took longer than the hold");
    }

    #[test]
    fn a_page_that_became_too_old_while_it_was_held_is_found() {
        assert_eq!(judged(&with_load(start_of(3) - ms(50), ms(120))), (1, 0, 0));
        assert_eq!(judged(&with_load(start_of(3) - ms(50), ms(45))), (0, 0, 0));
    }

    #[test]
    fn a_slow_wire_is_granted_except_to_a_page_that_was_too_old_before() {
        let slow = |mut history: History| {
            let sent = start_of(3) - ms(3);
            let seen = Seen::Health;
            history.loads.push(Load { path: "/healthz", sent, received: sent + ms(90), seen });
            history.loads.sort_by_key(|load| load.sent);
            judged(&history)
        };
        assert_eq!(slow(with_load(start_of(3) - ms(5), ms(80))), (0, 0, 0));
        assert_eq!(slow(with_load(start_of(3) + ms(5), ms(80))), (1, 0, 0));
    }

    #[test]
    fn a_load_that_waits_longer_than_the_hold_is_found() {
        assert_eq!(judged(&with_load(start_of(2) + ms(200), ms(310))), (0, 0, 1));
        assert_eq!(judged(&with_load(start_of(2) + ms(200), ms(290))), (0, 0, 0));
    }

    #[test]
    fn after_a_lost_attempt_old_pages_are_left_out_for_a_limited_time() {
        let mut history = with_load(start_of(3) + ms(400), ms(1));
        history.asked[6].done = None;
        assert_eq!(judged(&history).0, 0);
        assert!(judged(&history).1 > 0);
        history.asked[6].done = Some(history.asked[6].at + ms(3));
        history.asked[2].done = None;
        let lost_long_ago = with_load(start_of(4) + ms(400), ms(1));
        history.loads = lost_long_ago.loads;
        assert_eq!(judged(&history).0, 1);
    }

    #[test]
    fn a_load_during_a_stop_may_take_long_but_must_be_fresh() {
        let during = |sent: Moment| {
            let mut history = with_load(sent, ms(700));
            let from = start_of(2) + ms(500);
            history.stops = vec![Stop { of: 0, from, settled: from + ms(1), to: from + ms(600) }];
            let seen = history.loads.pop().expect("the load");
            history.loads.retain(|load| !load.meets(from, from + ms(600)));
            history.loads.push(seen);
            judged(&history)
        };
        let from = start_of(2) + ms(500);
        assert_eq!(during(from + ms(10)), (1, 0, 0));
        assert_eq!(during(from - ms(10)), (0, 1, 0));
    }
}
