//! The refreshes in the log of the upstream, and the end of each refresh.
//!
//! Owns the interpretation of this log: which requests belong to one attempt, which attempts were
//! lost, and how long a lost attempt has an effect. Pure.

use std::time::Duration;

use super::history::{ASKED_AGAIN, Asked, History, List, Moment, Promised, Replica};

/// A process that is killed within this time after the start of a refresh may lose the answer
/// of the upstream. No process takes longer to save an answer.
const TAKING_IN: Duration = Duration::from_millis(300);
/// Time before a refresh is due in which the refresh may already be claimed, because clocks differ.
const EARLY: Duration = Duration::from_millis(50);

/// One refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) by: Replica,
    /// The moment of the first request.
    pub(crate) start: Moment,
    pub(crate) ended: Ended,
    /// The moment at which a running process had acceptable answers for both lists, even after
    /// the hold.
    pub(crate) taken: Option<Moment>,
    /// The earliest start of the next attempt that this attempt permits.
    pub(crate) next_due: Moment,
}

/// The end of a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The upstream answered both lists acceptably within the hold. The second answer ended at this
    /// moment.
    Good(Moment),
    /// From this moment on, no request may wait for this attempt.
    Lost(Moment),
}

/// A span in which the promise of freshness does not apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) from: Moment,
    pub(crate) to: Moment,
}

/// Returns the attempts of a run in order.
pub(crate) fn attempts(history: &History) -> Vec<Attempt> {
    let mut groups: Vec<Vec<&Asked>> = Vec::new();
    for asked in &history.asked {
        let last = groups.iter_mut().rev().find(|group| group[0].by == asked.by);
        let same = last.filter(|group| {
            group.iter().all(|other| other.list != asked.list)
                && asked.at.since(group[0].at) <= history.promised.interval / 4
        });
        match same {
            Some(group) => group.push(asked),
            None => groups.push(vec![asked]),
        }
    }
    let attempts = groups.iter().map(|group| attempt(group, &history.promised));
    attempts.map(|attempt| disturbed(attempt, history)).collect()
}

fn attempt(group: &[&Asked], promised: &Promised) -> Attempt {
    let (by, start) = (group[0].by, group[0].at);
    let past_hold = start + promised.hold;
    let refused = group.iter().filter(|asked| !asked.said.is_good());
    let refused = refused.filter_map(|asked| asked.done).min();
    let done = [List::Films, List::People].map(|list| {
        let good = group.iter().filter(|asked| asked.list == list && asked.said.is_good());
        good.filter_map(|asked| asked.done).max()
    });
    let taken = match (refused, done) {
        (None, [Some(films), Some(people)]) => Some(films.max(people)),
        _ => None,
    };
    let ended = match taken {
        Some(at) if at <= past_hold => Ended::Good(at),
        _ => Ended::Lost(refused.unwrap_or(past_hold).min(past_hold)),
    };
    let left_alone = group.iter().filter_map(|asked| Some(asked.done? + asked.retry_after()?));
    let next_due = left_alone.max().unwrap_or(start).max(start + promised.interval);
    Attempt { by, start, ended, taken, next_due }
}

/// Corrects an attempt whose process was killed or stopped during the attempt: the process did not
/// take the answer, or took the answer late.
fn disturbed(mut attempt: Attempt, history: &History) -> Attempt {
    let start = attempt.start;
    let is_cut = |at: Moment| at >= start && at < start + TAKING_IN;
    let stop = history.stops.iter().find(|stop| stop.of == attempt.by && is_cut(stop.from));
    let is_killed = history.kills.iter().any(|kill| kill.of == attempt.by && is_cut(kill.at));
    if let (Ended::Good(_), true) = (attempt.ended, is_killed || stop.is_some()) {
        attempt.ended = Ended::Lost(start + history.promised.hold);
    }
    attempt.taken = match (attempt.taken, stop) {
        _ if is_killed => None,
        (Some(taken), Some(stop)) => Some(taken.max(stop.to)),
        (taken, _) => taken,
    };
    attempt
}

/// Returns the spans in which lost attempts have an effect: at least two intervals, and until the
/// next good attempt is one interval old.
pub(crate) fn troubles(history: &History, attempts: &[Attempt]) -> Vec<Trouble> {
    let interval = history.promised.interval;
    let until = |lost: Moment| {
        let next = attempts.iter().filter(|attempt| attempt.start > lost);
        let good = next.filter_map(|attempt| match attempt.ended {
            Ended::Good(at) => Some(at),
            Ended::Lost(_) => None,
        });
        let good = good.min().unwrap_or(Moment(i64::MAX / 2));
        (lost + 2 * interval).max(good + interval)
    };
    let lost = attempts.iter().filter_map(|attempt| match attempt.ended {
        Ended::Lost(at) => Some(Trouble { from: attempt.start, to: until(at) }),
        Ended::Good(_) => None,
    });
    let kills = history.kills.iter().map(|kill| kill.at);
    // A process that was stopped itself reads its clock when it continues.
    let stops = history.stops.iter().filter(|stop| stop.of != history.of).map(|stop| stop.from);
    let cut = kills.chain(stops).filter_map(|at| {
        // The process may have claimed an attempt without sending its requests yet. The records do
        // not show such a claim.
        let before = attempts.iter().rev().find(|attempt| attempt.start <= at)?;
        let due = before.next_due - history.promised.lease() - EARLY;
        (at >= due).then(|| Trouble { from: at, to: until(at) })
    });
    // An attempt that was in flight when Redis went away does not reach the other replicas. After
    // the return of Redis, the replicas need one more turn to merge their data.
    let parted = history.lapses.iter().flat_map(|lapse| {
        let turn = interval + history.promised.hold;
        let (lost, back) = (lapse.from + turn, lapse.to + ASKED_AGAIN + turn);
        [Trouble { from: lapse.from, to: lost }, Trouble { from: lapse.to, to: back }]
    });
    lost.chain(cut).chain(parted).collect()
}

impl Asked {
    fn retry_after(&self) -> Option<Duration> {
        match &self.said {
            super::history::Said::Refusable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::history::{Kill, Lapse, Said, Stop};
    use crate::chaos::synthetic::{good_history, ms};

    #[test]
    fn two_requests_are_one_attempt_and_a_third_request_begins_another_attempt() {
        let history = good_history();
        let found = attempts(&history);
        assert_eq!(found.len(), history.asked.len() / 2);
        assert!(found.iter().all(|attempt| matches!(attempt.ended, Ended::Good(_))), "{found:?}");
        assert!(troubles(&history, &found).is_empty());
    }

    #[test]
    fn an_attempt_is_lost_if_its_answer_is_refused_missing_or_late() {
        let lost = |change: fn(&mut Asked)| {
            let mut history = good_history();
            change(&mut history.asked[2]);
            let found = attempts(&history);
            match found[1].ended {
                Ended::Lost(at) => at.since(found[1].start),
                Ended::Good(_) => panic!("{found:?}"),
            }
        };
        let refused = Said::Refusable { what: "500", retry_after: None };
        let kept = refused.clone();
        let hold = Promised::SCALED.hold;
        assert_eq!(lost(|asked| asked.done = None), hold);
        assert_eq!(lost(|asked| asked.done = Some(asked.at + ms(900))), hold);
        let mut history = good_history();
        history.asked[2].said = kept;
        history.asked[2].done = Some(history.asked[2].at + ms(7));
        let found = attempts(&history);
        assert_eq!(found[1].ended, Ended::Lost(found[1].start + ms(7)), "{refused:?}");
    }

    #[test]
    fn a_lost_attempt_has_an_effect_until_new_data_is_an_interval_old() {
        let mut history = good_history();
        history.asked[2].done = None;
        let found = attempts(&history);
        let trouble = troubles(&history, &found)[0];
        assert_eq!(trouble.from, found[1].start);
        assert_eq!(trouble.to, found[1].start + Promised::SCALED.hold + ms(2000));
    }

    #[test]
    fn a_kill_or_a_stop_during_an_attempt_loses_the_attempt() {
        let mut history = good_history();
        let start = attempts(&history)[1].start;
        history.kills = vec![Kill { of: 0, at: start + ms(500), back: None }];
        assert!(troubles(&history, &attempts(&history)).is_empty());
        for near in [start + ms(3), start + ms(960)] {
            history.kills = vec![Kill { of: 0, at: near, back: None }];
            assert_eq!(troubles(&history, &attempts(&history)).len(), 1, "{near}");
        }
        history.kills = Vec::new();
        let from = start + ms(3);
        history.stops = vec![Stop { of: 0, from, settled: from, to: from + ms(50) }];
        let found = attempts(&history);
        assert_eq!(troubles(&history, &found).len(), 1);
        assert_eq!(found[1].taken, Some(from + ms(50)), "the process takes it after the stop");
    }

    #[test]
    fn retry_after_postpones_the_next_attempt() {
        let mut history = good_history();
        let asked = &mut history.asked[2];
        asked.said = Said::Refusable { what: "503", retry_after: Some(ms(3000)) };
        let done = asked.done.expect("done");
        assert_eq!(attempts(&history)[1].next_due, done + ms(3000));
    }

    #[test]
    fn requests_of_two_processes_at_the_same_time_are_two_attempts() {
        let mut history = good_history();
        let mingled = [2, 3].map(|place| {
            let other = history.asked[place].clone();
            Asked { by: 1, at: other.at + ms(1), ..other }
        });
        let [films, people] = mingled;
        history.asked.insert(3, films);
        history.asked.insert(5, people);
        let found = attempts(&history);
        assert_eq!(found.len(), history.asked.len() / 2);
        assert_eq!(found.iter().filter(|attempt| attempt.by == 1).count(), 1);
        assert!(found.iter().all(|attempt| matches!(attempt.ended, Ended::Good(_))), "{found:?}");
    }

    #[test]
    fn a_process_that_is_stopped_when_a_refresh_is_due_may_lose_the_refresh_of_the_others() {
        let mut history = good_history();
        let from = attempts(&history)[1].start + ms(960);
        let stop = |of| Stop { of, from, settled: from, to: from + ms(500) };
        history.stops = vec![stop(0)];
        assert!(troubles(&history, &attempts(&history)).is_empty(), "it reads its own clock");
        history.stops = vec![stop(1)];
        assert_eq!(troubles(&history, &attempts(&history))[0].from, from);
    }

    #[test]
    fn a_lapse_of_redis_has_an_effect_for_a_turn_after_its_start_and_after_its_end() {
        let mut history = good_history();
        let (from, to) = (Moment::START + ms(500), Moment::START + ms(9000));
        history.lapses = vec![Lapse { from, to }];
        let turn = ms(1300);
        let back = Trouble { from: to, to: to + ASKED_AGAIN + turn };
        let lost = Trouble { from, to: from + turn };
        assert_eq!(troubles(&history, &attempts(&history)), [lost, back]);
    }
}
