//! No useless wait: after an attempt has failed or has taken longer than the hold, no request
//! is held until the next attempt is due.

use std::time::Duration;

use crate::chaos::attempts::{Attempt, Ended};
use crate::chaos::checker::{Finding, Rule};
use crate::chaos::history::{History, Load};
use crate::chaos::truth::Wire;

/// Longest time in which the program notices a failed attempt and answers the held requests.
const TO_LET_GO: Duration = Duration::from_millis(50);
/// Longest time in which a process that listens reads its state.
const TO_START: Duration = Duration::from_millis(250);

/// Additional delay on a busy machine.
const ON_A_BUSY_MACHINE: Duration = Duration::from_millis(250);

pub(crate) fn check(history: &History, attempts: &[Attempt], wire: &Wire) -> Finding {
    let mut finding = Finding::of(Rule::NoPointlessWait);
    for (number, attempt) in attempts.iter().enumerate() {
        let Ended::Lost(lost) = attempt.ended else { continue };
        // A claim may precede its request by one lease.
        let due = attempt.next_due - history.promised.lease();
        // An answer after the hold is still an answer, after which the next attempt is due.
        let next = attempts.get(number + 1).map_or(due, |next| next.start.min(due));
        let next = attempt.taken.map_or(next, |taken| taken.min(next));
        for (load, _) in history.pages().filter(|(load, _)| load.meets(lost, next)) {
            if history.is_disturbed(load) || is_at_a_start(history, load) {
                finding.left_out += 1;
                continue;
            }
            let waited = load.received.min(next).since(load.sent.max(lost));
            let granted = TO_LET_GO + wire.granted(load);
            let is_late = waited <= granted + ON_A_BUSY_MACHINE;
            finding.check_in_time(waited <= granted, load.received, is_late, || {
                format!(
                    "{} sent at {} was answered at {}, although no newer data was coming from \
                     {lost} until {next}",
                    load.path, load.sent, load.received
                )
            });
        }
    }
    finding
}

pub(crate) fn is_at_a_start(history: &History, load: &Load) -> bool {
    let mut backs = history.own_kills().filter_map(|kill| kill.back);
    backs.any(|back| load.meets(back, back + TO_START))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::attempts::attempts;
    use crate::chaos::history::{Said, Seen};
    use crate::chaos::synthetic::{good_history, ms, page, start_of};

    /// Returns the number of violations if attempt 3 fails after 3 ms, and a load is sent `sent`
    /// after the start of the attempt.
    fn judged(sent: Duration, took: Duration) -> usize {
        let mut history = good_history();
        history.asked[6].said = Said::Refusable { what: "500", retry_after: None };
        history.loads.retain(|load| !load.meets(start_of(3), start_of(4)));
        let sent = start_of(3) + sent;
        let seen = Seen::Page(page("/", 2, sent));
        history.loads.push(Load { path: "/", sent, received: sent + took, seen });
        let wire = Wire::of(&history);
        check(&history, &attempts(&history), &wire).violations.len()
    }

    #[test]
    fn a_load_that_is_held_after_a_failure_is_found() {
        assert_eq!(judged(ms(100), ms(5)), 0);
        assert_eq!(judged(ms(100), ms(200)), 1);
    }

    #[test]
    fn a_load_may_wait_for_an_attempt_until_the_attempt_fails() {
        assert_eq!(judged(ms(1), ms(30)), 0);
        assert_eq!(judged(ms(1), ms(100)), 1);
    }

    #[test]
    fn after_a_late_answer_a_load_may_be_held_for_the_next_attempt() {
        let judged = |late| {
            let mut history = good_history();
            history.loads.retain(|load| !load.meets(start_of(3), start_of(4)));
            history.asked[6].done = late;
            let (sent, received) = (start_of(3) + ms(850), start_of(4));
            let seen = Seen::Page(page("/", 2, sent));
            history.loads.push(Load { path: "/", sent, received, seen });
            let wire = Wire::of(&history);
            check(&history, &attempts(&history), &wire).violations.len()
        };
        assert_eq!(judged(Some(start_of(3) + ms(600))), 0);
        assert_eq!(judged(None), 1);
    }

    #[test]
    fn a_load_may_be_held_again_when_the_next_attempt_is_due() {
        assert_eq!(judged(ms(940), ms(200)), 0);
    }
}
