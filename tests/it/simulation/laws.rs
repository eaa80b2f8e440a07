//! The laws that hold in every run, and the excuses that docs/promises.md names.

use std::collections::BTreeMap;

use movies_gen::clock::micros;
use movies_gen::schedule;

use super::executor::{Micros, SECOND};
use super::record::{Granter, OldLoad, Sent, Trouble, What};
use super::world::World;

/// How a run kept the promises.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// The most calls in one interval, of replicas that could use Redis.
    pub(crate) calls: usize,
    /// Calls of replicas that could not use Redis.
    pub(crate) alone: usize,
    /// Calls whose replica had not heard of the call before, which Redis had lost.
    pub(crate) unheard: usize,
    /// Old pages, by excuse.
    pub(crate) excused: BTreeMap<What, usize>,
    /// Broken laws.
    pub(crate) broken: Vec<String>,
}

/// Judges a run.
pub(crate) fn judge(world: &World) -> Verdict {
    let mut verdict = Verdict::default();
    let troubles = world.record.troubles.borrow();
    let sent = world.record.sent.borrow();
    courtesy(world, &sent, &troubles, &mut verdict);
    for old in world.record.old.borrow().iter() {
        match excuse(world, old, &sent, &troubles) {
            Some(what) => *verdict.excused.entry(what).or_default() += 1,
            None => verdict.broken.push(format!("a page is too old without an excuse: {old:?}")),
        }
    }
    verdict
}

/// The time that is certainly between two requests, by any clock of the simulation.
fn least_gap(world: &World) -> Micros {
    let interval = world.setting.interval;
    // 1 ms covers the drift of the clocks.
    micros(interval - schedule::lease(interval)) - 1_000
}

fn courtesy(world: &World, sent: &[Sent], troubles: &[Trouble], verdict: &mut Verdict) {
    let gap = least_gap(world);
    let mut last_of: BTreeMap<usize, Micros> = BTreeMap::new();
    let mut shared: Vec<&Sent> = Vec::new();
    for call in sent {
        // Alone or not, each replica keeps its own interval.
        if let Some(last) = last_of.insert(call.replica, call.at)
            && call.at - last < gap
        {
            verdict
                .broken
                .push(format!("a replica asked {} µs after itself: {call:?}", call.at - last));
        }
        match call.granter {
            Granter::Disk => verdict.alone += 1,
            Granter::Redis => {
                let before = shared.last().filter(|before| call.at - before.at < gap);
                let is_lost = before.is_some_and(|before| {
                    let lost = |trouble: &Trouble| {
                        trouble.what == What::Redis
                            && trouble.from <= call.at
                            && trouble.until + SECOND >= before.at
                    };
                    call.heard < before.fence && troubles.iter().any(lost)
                });
                if is_lost {
                    verdict.unheard += 1;
                } else {
                    shared.push(call);
                }
            }
        }
    }
    let within = |first: &&Sent| {
        let next = |call: &&&Sent| call.at >= first.at && call.at - first.at < gap;
        shared.iter().filter(next).count()
    };
    verdict.calls = shared.iter().map(within).max().unwrap_or(0);
    if verdict.calls > 1 {
        let close = shared.windows(2).filter(|pair| pair[1].at - pair[0].at < gap);
        verdict.broken.extend(close.map(|pair| format!("two calls in one interval: {pair:?}")));
    }
}

/// Returns why an old page is within the promise.
fn excuse(world: &World, old: &OldLoad, sent: &[Sent], troubles: &[Trouble]) -> Option<What> {
    let (hold, interval) = (micros(world.setting.hold), micros(world.setting.interval));
    // The newest attempt whose data the page could show.
    let attempt = sent.iter().rfind(|call| call.at <= old.at);
    let excuses = |trouble: &&Trouble| match (trouble.what, trouble.replica) {
        (What::Upstream, _) => (trouble.from..trouble.until).contains(&old.at),
        // A replica that was stopped during its refresh: no load is held for the next refresh.
        (What::Process, Some(replica)) => {
            let is_its = attempt.is_some_and(|call| {
                call.replica == replica
                    && trouble.until + hold >= call.at
                    && trouble.from <= call.at + hold
            });
            is_its && old.at <= trouble.until + interval + 2 * hold
        }
        // Redis could not be used: attempts are late, and replicas do not hear of each other.
        (What::Redis, _) => trouble.from <= old.at && old.at <= trouble.until + SECOND + hold,
        (What::Process, None) => false,
    };
    let found = [What::Upstream, What::Process, What::Redis];
    found.into_iter().find(|what| {
        troubles.iter().filter(|trouble| trouble.what == *what).any(|trouble| excuses(&trouble))
    })
}
