//! The table of `make simulate`: one row for each run.

use std::collections::BTreeMap;
use std::fmt;

use super::executor::{Micros, SECOND};
use super::laws::{Verdict, judge};
use super::random::Random;
use super::reconnect;
use super::record::{Shown, What};
use super::server::Load;
use super::world::World;

/// Open pages of all replicas together.
const PAGES: u64 = 1_000_000;

/// The figures of one run.
pub(crate) struct Row {
    name: &'static str,
    replicas: usize,
    pub(crate) verdict: Verdict,
    mean: Load,
    peak: Load,
    /// Times from a save until the last replica shows its data, ascending.
    pub(crate) until_last: Vec<Micros>,
    loads: u64,
    /// Waits of held loads, ascending.
    held: Vec<Micros>,
    pub(crate) overtaken: u64,
    /// Streams of one replica, and how many of them are opened again in one second.
    streams: (u64, u64),
}

impl Row {
    pub(crate) fn of(name: &'static str, world: &World) -> Row {
        let replicas = world.setting.replicas;
        let record = &world.record;
        let mut held = record.held.borrow().clone();
        held.sort_unstable();
        let (mean, peak) = mean_and_peak(&world.server.loads());
        // At 10 replicas, the pages would be more than the connections.
        let pages = (PAGES / replicas as u64).min(40_000);
        Row {
            name,
            replicas,
            verdict: judge(world),
            mean,
            peak,
            until_last: until_last(world),
            loads: *record.loads.borrow(),
            held,
            overtaken: *record.overtaken.borrow(),
            streams: (pages, reconnect::peak(pages, &Random::new(world.setting.seed))),
        }
    }

    /// Returns script calls, commands, and bytes to and from Redis, in a second on average.
    pub(crate) fn in_a_second(&self) -> (u64, u64, u64, u64) {
        (self.mean.scripts, self.mean.commands, self.mean.received, self.mean.sent)
    }

    pub(crate) const HEAD: &str = "\
| replicas | run | calls per interval | calls without Redis | old loads: API, stops, Redis | script calls/s: mean, peak | commands/s: mean, peak | kB/s: mean, peak | busiest second of Redis | refused saves | save to last replica ms: p50, p99, worst | loads held | longest wait ms | streams of a replica | opened again/s |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|";
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { verdict, mean, peak, until_last, held, .. } = self;
        let old = |what| verdict.excused.get(&what).copied().unwrap_or(0);
        let of_held = 100.0 * held.len() as f64 / self.loads.max(1) as f64;
        write!(
            f,
            "| {} | {} | {} | {} | {}, {}, {} | {}, {} | {}, {} | {}, {} | {} % | {} | {}, {}, {} | {of_held:.2} % | {} | {} | {} |",
            self.replicas,
            self.name,
            verdict.calls,
            verdict.alone + verdict.unheard,
            old(What::Upstream),
            old(What::Process),
            old(What::Redis),
            mean.scripts,
            peak.scripts,
            mean.commands,
            peak.commands,
            (mean.received + mean.sent) / 1_000,
            (peak.received + peak.sent) / 1_000,
            peak.busy / 10_000_000,
            self.overtaken,
            milliseconds(until_last, 0.5),
            milliseconds(until_last, 0.99),
            milliseconds(until_last, 1.0),
            milliseconds(held, 1.0),
            self.streams.0,
            self.streams.1,
        )
    }
}

/// Returns the mean over all seconds, and the largest value of each figure in one second.
fn mean_and_peak(loads: &[Load]) -> (Load, Load) {
    let count = loads.len().max(1) as u64;
    let figure = |of: fn(&Load) -> u64| {
        let sum: u64 = loads.iter().map(of).sum();
        (sum / count, loads.iter().map(of).max().unwrap_or(0))
    };
    let scripts = figure(|load| load.scripts);
    let commands = figure(|load| load.commands);
    let received = figure(|load| load.received);
    let sent = figure(|load| load.sent);
    let busy = figure(|load| load.busy);
    let load = |of: fn((u64, u64)) -> u64| Load {
        scripts: of(scripts),
        commands: of(commands),
        received: of(received),
        sent: of(sent),
        busy: of(busy),
    };
    (load(|figure| figure.0), load(|figure| figure.1))
}

/// Returns the time from each save until the last replica showed its data. A replica that was stopped
/// or killed in the meantime does not count, and neither does the first save, for which replicas make
/// all pages.
fn until_last(world: &World) -> Vec<Micros> {
    let saves = world.record.saves.borrow();
    let troubles = world.record.troubles.borrow();
    let mut last: BTreeMap<u64, Micros> = BTreeMap::new();
    for Shown { fence, replica, at } in world.record.shown.borrow().iter() {
        let Some(saved) = saves.get(fence).filter(|saved| *saved <= at) else { continue };
        let was_stopped = troubles.iter().any(|trouble| {
            trouble.what == What::Process
                && trouble.replica == Some(*replica)
                && trouble.from <= *at
                && trouble.until + SECOND >= *saved
        });
        if !was_stopped {
            let known = last.entry(*fence).or_default();
            *known = (*known).max(at - saved);
        }
    }
    last.pop_first();
    let mut times: Vec<_> = last.into_values().collect();
    times.sort_unstable();
    times
}

/// Returns a quantile of ascending times in milliseconds.
pub(crate) fn milliseconds(times: &[Micros], share: f64) -> u64 {
    let place = (times.len().saturating_sub(1) as f64 * share).round() as usize;
    times.get(place).map_or(0, |time| time / 1_000)
}
