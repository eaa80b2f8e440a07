//! The rules across processes that share a Redis.
//!
//! A client that stays at one process never sees older data after newer data: the rule of one
//! process holds without change. A client that goes from process to process may see older data
//! for at most [`SPREAD`] after newer data was first seen anywhere. The same data is the same
//! page on every process. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::records::{Records, Sight};
use crate::chaos::checker::{Finding, Rule};
use crate::chaos::history::{History, Kill, List, Moment, Stamp};
use crate::chaos::rules::waiting::is_at_a_start;
use crate::chaos::truth::Wire;

/// Longest time in which every process shows the data that the winner saved.
const SPREAD: Duration = Duration::from_millis(200);
/// Additional delay on a busy machine.
const ON_A_BUSY_MACHINE: Duration = Duration::from_millis(500);

/// Checks that no process shows older data later than [`SPREAD`] after newer data was first seen on
/// any process.
pub(crate) fn spread(records: &Records, histories: &[History], wires: &[Wire]) -> Finding {
    let sights = records.sights();
    let strictly = older(&sights, histories, SPREAD);
    let at_all = older(&sights, histories, SPREAD + ON_A_BUSY_MACHINE);
    let mut finding = Finding::of(Rule::Spread);
    for (place, sight) in sights.iter().enumerate() {
        let (history, load) = (&histories[sight.replica], sight.load);
        let is_apart = history.is_each_alone(load.sent) || history.is_each_alone(load.received);
        let went_on = history.own_stops().any(|stop| load.meets(stop.from, stop.to + SPREAD));
        if is_apart || went_on || history.is_disturbed(load) || is_at_a_start(history, load) {
            finding.left_out += 1;
            continue;
        }
        let is_kept = strictly[place].is_none() || {
            // The time on the wire is granted in addition.
            let granted = wires[sight.replica].granted(load);
            older_than(&sights, history, place, SPREAD + granted).is_none()
        };
        let is_late = at_all[place].is_none();
        finding.check_in_time(is_kept, load.received, is_late, || {
            let newer = strictly[place].map(|newer| &sights[newer]);
            format!(
                "{} sent to {} at {} shows {:?} as of {}; newer was seen {SPREAD:?} before: {}",
                load.path,
                sight.replica,
                load.sent,
                sight.page.stamps,
                sight.page.as_of,
                newer.map_or_else(String::new, |newer| format!(
                    "at {} by {}: {:?} as of {}",
                    newer.load.received, newer.replica, newer.page.stamps, newer.page.as_of
                ))
            )
        });
    }
    finding
}

/// Returns for each sight the index of a newer sight that ended at least `before` earlier, if any.
fn older(sights: &[Sight<'_>], histories: &[History], before: Duration) -> Vec<Option<usize>> {
    let mut by_end: Vec<_> = (0..sights.len()).collect();
    by_end.sort_by_key(|&place| sights[place].load.received);
    let mut ended = by_end.into_iter().peekable();
    let mut newest: BTreeMap<List, (u32, Moment, usize)> = BTreeMap::new();
    let mut as_of: Option<(Moment, usize)> = None;
    let mut found = Vec::new();
    for sight in sights {
        let until = sight.load.sent - before;
        while let Some(place) = ended.next_if(|&place| sights[place].load.received < until) {
            let page = sights[place].page;
            as_of = as_of.max(Some((page.as_of, place)));
            for stamp in &page.stamps {
                let seen = (stamp.round, stamp.made, place);
                let known = newest.entry(stamp.list).or_insert(seen);
                *known = (*known).max(seen);
            }
        }
        let history = &histories[sight.replica];
        let newer_data = sight.page.stamps.iter().find_map(|stamp| {
            let (round, made, place) = *newest.get(&stamp.list)?;
            (round > stamp.round && !history.are_together(made, stamp.made)).then_some(place)
        });
        let newer_age = as_of.filter(|(as_of, _)| {
            *as_of > sight.page.as_of && !history.are_together(*as_of, sight.page.as_of)
        });
        found.push(newer_data.or(newer_age.map(|(_, place)| place)));
    }
    found
}

fn older_than(
    sights: &[Sight<'_>],
    history: &History,
    place: usize,
    before: Duration,
) -> Option<usize> {
    let sight = &sights[place];
    let until = sight.load.sent - before;
    let is_newer = |other: &Sight<'_>| {
        let (as_of, own) = (other.page.as_of, sight.page.as_of);
        (as_of > own && !history.are_together(as_of, own))
            || other.page.stamps.iter().any(|newer| {
                let same = |stamp: &&Stamp| stamp.list == newer.list;
                sight.page.stamps.iter().find(same).is_some_and(|own| {
                    own.round < newer.round && !history.are_together(newer.made, own.made)
                })
            })
    };
    sights.iter().position(|other| other.load.received < until && is_newer(other))
}

/// Checks that the same data on the same path has the same body on every process.
pub(crate) fn same(records: &Records) -> Finding {
    let mut finding = Finding::of(Rule::Same);
    let mut bodies: BTreeMap<(&str, &[Stamp]), Sight<'_>> = BTreeMap::new();
    for sight in records.sights() {
        let key = (sight.load.path, sight.page.stamps.as_slice());
        let first = bodies.entry(key).or_insert(sight);
        finding.check(first.page.shown == sight.page.shown, || {
            format!(
                "{} with {:?} differs between process {} ({}) and process {} ({})",
                sight.load.path,
                sight.page.stamps,
                first.replica,
                first.load.sent,
                sight.replica,
                sight.load.sent
            )
        });
    }
    finding
}

/// Checks that each process logs once for each lapse that Redis cannot be used, and only during a
/// lapse.
pub(crate) fn said_once(records: &Records) -> Finding {
    let mut finding = Finding::of(Rule::SaidOnce);
    for (replica, said) in records.complaints.iter().enumerate() {
        for lapse in &records.lapses {
            let is_new = |kill: &&Kill| kill.of == replica && lapse.explains(kill.at);
            let times = said.iter().filter(|at| lapse.explains(**at)).count();
            let most = 1 + records.kills.iter().filter(is_new).count();
            finding.check(times <= most, || {
                let from = lapse.from;
                format!("{replica} logged {times} times that Redis cannot be used since {from}")
            });
        }
    }
    for (replica, at) in records.unexplained() {
        finding.check_in_time(false, at, true, || {
            format!("{replica} logged at {at} that Redis cannot be used, but Redis could be used")
        });
    }
    finding
}

/// The time until a process first showed new data. The save lies between the two moments from which
/// the time counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lag {
    /// Time since the last byte of the upstream, including the work of the winner.
    pub(crate) from_answer: Duration,
    /// Time since the first sight on any process.
    pub(crate) from_sight: Duration,
}

/// Returns the lag of each refresh on each process to which the promise applies.
pub(crate) fn lags(records: &Records) -> Vec<Lag> {
    let histories = records.histories();
    let sights = records.sights();
    let mut lags = Vec::new();
    for pair in records.asked.windows(2).filter(|pair| pair[0].list != pair[1].list) {
        let [Some(one), Some(other)] = [pair[0].done, pair[1].done] else { continue };
        let done = one.max(other);
        let news = pair.iter().filter_map(|asked| asked.stamp());
        let Some(stamp) = news.max() else { continue };
        let is_one = pair[0].by == pair[1].by
            && pair[1].at.since(pair[0].at) < records.promised.interval / 4;
        if !is_one || done + SPREAD + ON_A_BUSY_MACHINE > records.end() {
            continue;
        }
        let mut firsts = Vec::new();
        for history in &histories {
            let cut = history.kills.iter().map(|kill| (kill.at, kill.back.unwrap_or(kill.at)));
            let stood = history.stops.iter().map(|stop| (stop.from, stop.to));
            let mut cuts = cut.chain(stood);
            let near = |(from, to): (Moment, Moment)| {
                from <= done + SPREAD && to + history.promised.interval >= done
            };
            if history.is_each_alone(done) || history.is_each_alone(done + SPREAD) || cuts.any(near)
            {
                continue;
            }
            let own = sights.iter().filter(|sight| sight.replica == history.of);
            let shown = own.filter(|sight| {
                let newer = sight.page.stamps.iter().find(|own| own.list == stamp.list);
                newer.is_some_and(|own| own.round >= stamp.round)
            });
            let first = shown.map(|sight| sight.load.received).min();
            firsts.extend(first);
        }
        let Some(&seen) = firsts.iter().min() else { continue };
        let lag = |first: &Moment| {
            let (from_answer, from_sight) = (first.since(done), first.since(seen));
            Lag { from_answer, from_sight }
        };
        lags.extend(firsts.iter().map(lag));
    }
    lags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::history::{Asked, Lapse, Load, Seen, Stop};
    use crate::chaos::many::crowds::Crowds;
    use crate::chaos::many::verdict::{judge, judge_a_crowd};
    use crate::chaos::synthetic::{good_history, ms, page, start_of};

    /// Makes the records of two processes, each with the loads of the good history.
    fn good_records() -> Records {
        let history = good_history();
        Records {
            promised: history.promised,
            asked: history.asked,
            loads: vec![history.loads.clone(), history.loads],
            kills: Vec::new(),
            stops: Vec::new(),
            lapses: Vec::new(),
            complaints: vec![Vec::new(); 2],
            crowds: Crowds::default(),
        }
    }

    /// Returns the rules that are broken, and whether all violations are mere lateness.
    fn broken(records: &Records) -> (Vec<Rule>, bool) {
        let judgement = judge(records);
        (judgement.violated().into_iter().collect(), judgement.is_late())
    }

    /// Makes records in which the second process shows the page of round 2 `after` round 3 went
    /// live on the first process.
    fn with_older(after: Duration) -> Records {
        let mut records = good_records();
        let sent = start_of(3) + ms(41) + after;
        // The clients of the second process see no newer data.
        records.loads[1].retain(|load| {
            load.page().is_none() || !load.meets(start_of(3) - ms(200), start_of(5))
        });
        let (path, received) = ("/", sent + ms(1));
        let seen = Seen::Page(page(path, 2, received));
        records.loads[1].push(Load { path, sent, received, seen });
        records.loads[1].sort_by_key(|load| load.sent);
        records
    }

    fn spreads(records: &Records) -> (usize, usize) {
        let histories = records.histories();
        let wires: Vec<_> = histories.iter().map(Wire::of).collect();
        let finding = spread(records, &histories, &wires);
        (finding.violations.len(), finding.left_out)
    }

    #[test]
    fn good_records_pass_every_rule() {
        let judgement = judge(&good_records());
        assert!(judgement.violated().is_empty(), "{}", judgement.said());
        assert!(judgement.finding(Rule::Spread).checked > 600);
        assert!(judgement.finding(Rule::Same).checked > 600);
    }

    #[test]
    fn older_data_on_another_process_is_found_after_the_time_of_the_spread() {
        assert_eq!(spreads(&with_older(ms(100))), (0, 0));
        assert_eq!(spreads(&with_older(ms(300))), (1, 0));
    }

    #[test]
    fn refreshes_that_began_together_have_no_order_even_after_the_return_of_redis() {
        let mut records = with_older(ms(300));
        let of_round = |round| start_of(round) + ms(1);
        let is_found = |records: &Records| spreads(records).0 > 0;
        assert!(is_found(&records));
        // Until shortly before the load, each process kept its own interval.
        let to = start_of(3) - ms(1900);
        records.lapses = vec![Lapse { from: start_of(1) - ms(1), to }];
        assert!(is_found(&records), "the refreshes are a round apart");
        let loads = records.loads.iter_mut().flatten();
        let pages = loads.filter_map(|load| match &mut load.seen {
            Seen::Page(page) => Some(page),
            _ => None,
        });
        for page in pages.filter(|page| page.as_of < start_of(3)) {
            for stamp in page.stamps.iter_mut().filter(|stamp| stamp.round == 2) {
                page.as_of = of_round(3);
                stamp.made = of_round(3);
            }
        }
        assert!(!is_found(&records), "the refreshes began together");
    }

    #[test]
    fn older_data_is_mere_lateness_for_a_limited_time() {
        let is_late = |after| {
            let records = with_older(after);
            let histories = records.histories();
            let wires: Vec<_> = histories.iter().map(Wire::of).collect();
            spread(&records, &histories, &wires).violations[0].late.is_some()
        };
        assert!(is_late(ms(300)));
        assert!(!is_late(ms(720)));
    }

    #[test]
    fn lateness_in_a_crowd_is_excused_and_a_worse_violation_is_not() {
        let judged = |after| {
            // The records have no looks, and missing looks count as a crowd.
            let judgement = judge_a_crowd(&with_older(after));
            (judgement.finding(Rule::Spread).excused, judgement.violated().len())
        };
        assert_eq!(judged(ms(300)), (1, 0));
        assert_eq!(judged(ms(720)), (0, 1));
    }

    #[test]
    fn a_process_that_keeps_its_own_interval_or_was_stopped_may_show_older_data() {
        let mut records = with_older(ms(300));
        let from = start_of(3) + ms(50);
        records.lapses = vec![Lapse { from, to: from + ms(10) }];
        assert_eq!(spreads(&records).0, 0);
        records.lapses = vec![Lapse { from: from - ms(3000), to: from - ms(2500) }];
        assert_eq!(spreads(&records).0, 1, "the lapse ended long ago");
        records.lapses = Vec::new();
        let stop = |of| Stop { of, from, settled: from, to: from + ms(200) };
        records.stops = vec![stop(1)];
        assert_eq!(spreads(&records).0, 0);
        records.stops = vec![stop(0)];
        assert_eq!(spreads(&records).0, 1, "the other process was stopped");
    }

    #[test]
    fn two_different_pages_for_the_same_data_are_found() {
        let mut records = good_records();
        let pages = records.loads[1].iter_mut().filter_map(|load| match &mut load.seen {
            Seen::Page(page) => Some(page),
            _ => None,
        });
        for page in pages {
            page.hash.push('!');
            page.shown.push('!');
            page.etag = format!("\"{}\"", page.hash);
            page.generation.push('!');
        }
        assert_eq!(broken(&records), (vec![Rule::Same], false));
    }

    #[test]
    fn a_lapse_is_logged_once_and_a_complaint_without_a_lapse_is_mere_lateness() {
        let mut records = good_records();
        let from = start_of(2);
        records.lapses = vec![Lapse { from, to: from + ms(500) }];
        records.complaints[1] = vec![from + ms(100)];
        assert_eq!(broken(&records), (vec![], false));
        records.complaints[1].push(from + ms(1300));
        assert_eq!(broken(&records), (vec![Rule::SaidOnce], false));
        records.lapses.clear();
        records.complaints = vec![vec![from], Vec::new()];
        assert_eq!(broken(&records), (vec![Rule::SaidOnce], true));
    }

    #[test]
    fn a_breach_near_a_complaint_without_a_lapse_is_mere_lateness() {
        let mut records = good_records();
        let again = [4, 5].map(|place| {
            let early = records.asked[place].clone();
            let (at, done) = (early.at + ms(500), early.done.map(|done| done + ms(500)));
            Asked { by: 1, at, done, ..early }
        });
        records.asked.splice(6..6, again);
        assert_eq!(broken(&records), (vec![Rule::Courtesy], false));
        records.complaints[1] = vec![start_of(2)];
        assert_eq!(broken(&records), (vec![Rule::Courtesy, Rule::SaidOnce], true));
        // A complaint long before or after the breach explains nothing.
        for complaint in [Moment::START, start_of(2) + ms(3000)] {
            records.complaints[1] = vec![complaint];
            assert_eq!(broken(&records), (vec![Rule::Courtesy, Rule::SaidOnce], false));
        }
    }

    #[test]
    fn the_lag_counts_from_the_last_byte_of_the_upstream_to_each_first_sight() {
        let lags = lags(&good_records());
        assert!(lags.len() >= 8, "{lags:?}");
        // The answer ends after 3 ms, and the data is live after 40 ms.
        let near = |lag: &Lag| lag.from_answer >= ms(37) && lag.from_answer <= ms(40);
        assert!(lags.iter().all(|lag| near(lag) && lag.from_sight == ms(0)), "{lags:?}");
    }
}
