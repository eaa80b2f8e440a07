//! What is promised across processes that share a Redis.
//!
//! A client that stays at one process never sees older data after newer: that is the
//! rule of one process, and it is not weaker here. One that goes from one to the next
//! may see older data for [`SPREAD`] after newer was first seen anywhere, and no
//! longer; whatever it sees, the same data is the same page everywhere. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::records::{Records, Sight};
use crate::chaos::checker::{Finding, Rule};
use crate::chaos::history::{History, Kill, List, Moment, Stamp};
use crate::chaos::rules::waiting::is_at_a_start;
use crate::chaos::truth::Wire;

/// Every process shows what the winner saved within this.
const SPREAD: Duration = Duration::from_millis(200);
/// What a busy machine adds to that.
const ON_A_BUSY_MACHINE: Duration = Duration::from_millis(500);

/// Nothing older anywhere once newer was seen somewhere for [`SPREAD`].
pub(crate) fn spread(records: &Records, histories: &[History], wires: &[Wire]) -> Finding {
    let sights = records.sights();
    let strictly = older(&sights, SPREAD);
    let at_all = older(&sights, SPREAD + ON_A_BUSY_MACHINE);
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
            // What the wire takes now is granted.
            let granted = wires[sight.replica].granted(load);
            older_than(&sights, place, SPREAD + granted).is_none()
        };
        finding.check_in_time(is_kept, at_all[place].is_none(), || {
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

/// For each, one that was received `before` it was sent and is newer.
fn older(sights: &[Sight<'_>], before: Duration) -> Vec<Option<usize>> {
    let mut by_end: Vec<_> = (0..sights.len()).collect();
    by_end.sort_by_key(|&place| sights[place].load.received);
    let mut ended = by_end.into_iter().peekable();
    let mut newest: BTreeMap<List, (u32, usize)> = BTreeMap::new();
    let mut as_of: Option<(Moment, usize)> = None;
    let mut found = Vec::new();
    for sight in sights {
        let until = sight.load.sent - before;
        while let Some(place) = ended.next_if(|&place| sights[place].load.received < until) {
            let page = sights[place].page;
            as_of = as_of.max(Some((page.as_of, place)));
            for stamp in &page.stamps {
                let known = newest.entry(stamp.list).or_insert((stamp.round, place));
                *known = (*known).max((stamp.round, place));
            }
        }
        let newer_data =
            sight.page.stamps.iter().find_map(|stamp| {
                newest.get(&stamp.list).filter(|(round, _)| *round > stamp.round)
            });
        let newer_age = as_of.filter(|(as_of, _)| *as_of > sight.page.as_of);
        found.push(newer_data.map(|(_, place)| *place).or(newer_age.map(|(_, place)| place)));
    }
    found
}

fn older_than(sights: &[Sight<'_>], place: usize, before: Duration) -> Option<usize> {
    let sight = &sights[place];
    let until = sight.load.sent - before;
    let is_newer = |other: &Sight<'_>| {
        other.page.as_of > sight.page.as_of
            || other.page.stamps.iter().any(|newer| {
                let same = |stamp: &&Stamp| stamp.list == newer.list;
                sight.page.stamps.iter().find(same).is_some_and(|own| own.round < newer.round)
            })
    };
    sights.iter().position(|other| other.load.received < until && is_newer(other))
}

/// One body for the same data on the same path, at whatever process.
pub(crate) fn same(records: &Records) -> Finding {
    let mut finding = Finding::of(Rule::Same);
    let mut bodies: BTreeMap<(&str, &[Stamp]), Sight<'_>> = BTreeMap::new();
    for sight in records.sights() {
        let key = (sight.load.path, sight.page.stamps.as_slice());
        let first = bodies.entry(key).or_insert(sight);
        finding.check(first.page.hash == sight.page.hash, || {
            format!(
                "{} with {:?} is one page at {} ({}) and another one at {} ({})",
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

/// That Redis cannot be used is said once each time, and only then.
pub(crate) fn said_once(records: &Records) -> Finding {
    let mut finding = Finding::of(Rule::SaidOnce);
    for (replica, said) in records.complaints.iter().enumerate() {
        for lapse in &records.lapses {
            let is_new = |kill: &&Kill| kill.of == replica && lapse.explains(kill.at);
            let times = said.iter().filter(|at| lapse.explains(**at)).count();
            let most = 1 + records.kills.iter().filter(is_new).count();
            finding.check(times <= most, || {
                let from = lapse.from;
                format!("{replica} said {times} times that Redis cannot be used since {from}")
            });
        }
    }
    for (replica, at) in records.unexplained() {
        finding.check_in_time(false, true, || {
            format!("{replica} said at {at} that Redis cannot be used, but it could")
        });
    }
    finding
}

/// How long after the upstream's last byte each process first showed what it sent,
/// where that is promised.
pub(crate) fn lags(records: &Records) -> Vec<Duration> {
    let histories = records.histories();
    let sights = records.sights();
    let mut lags = Vec::new();
    for pair in records.asked.windows(2).filter(|pair| pair[0].list != pair[1].list) {
        let [Some(one), Some(other)] = [pair[0].done, pair[1].done] else { continue };
        let done = one.max(other);
        let news = pair.iter().filter_map(|asked| asked.stamp());
        let Some(stamp) = news.last() else { continue };
        if pair[0].by != pair[1].by || done + SPREAD + ON_A_BUSY_MACHINE > records.end() {
            continue;
        }
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
            lags.extend(first.map(|first| first.since(done)));
        }
    }
    lags
}
