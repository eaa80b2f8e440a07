//! The exploration of all reachable states.
//!
//! Owns the search. The search is breadth first, so a counterexample has the shortest possible
//! path. Replicas are interchangeable, so one state stands for six.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use super::fair::Fair;
use super::replica::Phase;
use super::steps::Steps;
use super::world::{Action, Law, Next, REPLICAS, Setting, TICK, World, nonce};

/// The result of an exploration.
pub(crate) struct Report {
    pub(crate) states: usize,
    pub(crate) steps: usize,
    pub(crate) broken: Option<(Law, Trace)>,
}

/// The path to a state.
pub(crate) struct Trace(Vec<(u8, Action, Phase)>);

/// Follows every path from `start` until a law breaks.
pub(crate) fn explore(setting: &Setting, start: &World) -> Report {
    let mut parents: HashMap<u64, u64, Fingerprints> = HashMap::default();
    let (mut fair, mut steps, mut out) = (Fair::default(), 0, Vec::new());
    let mut first = *start;
    first.sort(setting);
    parents.insert(fingerprint(&first), 0);
    let mut level = vec![first];
    while !level.is_empty() {
        let mut deeper = Vec::new();
        for world in level {
            Steps { setting, from: &world, out: &mut out }.all();
            let (ledger, key) = (world.ledger(), fingerprint(&world));
            for mut next in out.drain(..) {
                steps += 1;
                next.world.sort(setting);
                let child = fingerprint(&next.world);
                let is_new = !parents.contains_key(&child);
                if is_new {
                    parents.insert(child, key);
                }
                let broken = next.broken.or_else(|| broken(setting, &next, ledger));
                let broken = broken.or_else(|| {
                    // Every path without faults reaches a state after a tick.
                    let is_later = is_new && next.action == Action::Tick;
                    is_later.then(|| fair.breaks(setting, &next.world)).flatten()
                });
                if let Some(law) = broken {
                    parents.insert(child, key);
                    let trace = trace(setting, start, &parents, child);
                    return Report { states: parents.len(), steps, broken: Some((law, trace)) };
                }
                if is_new {
                    deeper.push(next.world);
                }
            }
        }
        level = deeper;
    }
    Report { states: parents.len(), steps, broken: None }
}

/// Returns the law that the state after a step breaks, if any.
fn broken(setting: &Setting, next: &Next, ledger: u32) -> Option<Law> {
    let went_back = next.world.replicas.iter().any(|replica| replica.went_back);
    let is_lost = ledger & !next.world.ledger() != 0;
    let is_fault = matches!(next.action, Action::Fault(..));
    if went_back {
        Some(Law::Order)
    } else if is_lost && !is_fault && !setting.loses {
        Some(Law::Loss)
    } else {
        None
    }
}

/// Repeats the steps of a path without reordering the replicas, so that each index in the trace
/// means one replica.
fn trace(
    setting: &Setting,
    start: &World,
    parents: &HashMap<u64, u64, Fingerprints>,
    end: u64,
) -> Trace {
    let mut way = vec![end];
    while let Some(&parent) = parents.get(&way[way.len() - 1]).filter(|&&parent| parent != 0) {
        way.push(parent);
    }
    let (mut world, mut trace) = (*start, Vec::new());
    for key in way.iter().rev().skip(1) {
        let mut out = Vec::new();
        Steps { setting, from: &world, out: &mut out }.all();
        let next = out.into_iter().find(|next| {
            let mut sorted = next.world;
            sorted.sort(setting);
            fingerprint(&sorted) == *key
        });
        let next = next.expect("the order of the replicas has no effect");
        world = next.world;
        world.settle(setting);
        let phase = match next.action {
            Action::Step(index)
            | Action::HeldUp(index)
            | Action::AskAgain(index)
            | Action::Fault(_, index)
            | Action::Start(index) => {
                world.replicas.get(index).map_or(Phase::Off, |replica| replica.phase)
            }
            Action::RedisUp | Action::Tick => Phase::Off,
        };
        trace.push((world.tick, next.action, phase));
    }
    Trace(trace)
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ticks = 0;
        for (tick, action, phase) in &self.0 {
            match action {
                Action::Tick => ticks += 1,
                Action::RedisUp | Action::Fault(_, REPLICAS) => {
                    writeln!(f, "  {tick:>2}: {action:?}")?;
                }
                _ => writeln!(f, "  {tick:>2}: {action:?} -> {phase:?}")?,
            }
        }
        write!(f, "  {} steps in {ticks} ticks", self.0.len() - ticks)?;
        match self.0.last() {
            Some((_, Action::Tick, _)) => write!(f, ", and the continuation without faults"),
            _ => Ok(()),
        }
    }
}

impl World {
    /// Normalises the state: states that differ only in values without further effect become equal.
    /// The exact time of an event that is long over has no effect.
    pub(crate) fn settle(&mut self, setting: &Setting) {
        let (now, tick, interval) = (self.now(), self.tick, setting.interval * TICK);
        let recent = |what: Option<u8>| what.filter(|&what| tick - what < setting.interval as u8);
        for replica in &mut self.replicas {
            replica.due = match replica.phase {
                // The lateness up to one tick has an effect on a replica that was paused.
                Phase::Idle => replica.due.max(now - TICK),
                _ => 0,
            };
            if replica.phase == Phase::Idle {
                replica.granted_here = 0;
            }
            replica.last_sent = recent(replica.last_sent);
            if let Some(attempt) = &mut replica.attempt {
                attempt.at = attempt.at.max(now - interval - TICK);
            }
        }
        self.asked = recent(self.asked);
        let since = |what: Option<u8>| {
            what.filter(|&what| self.asked.is_none_or(|asked| what + 1 >= asked))
        };
        (self.wiped, self.emptied) = (since(self.wiped), since(self.emptied));
        let claim = &mut self.keys.claim;
        (claim.outcome, claim.lost) = (None, None);
        claim.at = claim.at.map(|at| at.max(now - interval - TICK));
        claim.restored = claim.restored.map(|restored| restored.max(now - TICK));
        if let Some(nonce) = claim.nonce {
            // A replica that got its reply does not use the nonce again.
            let owner = self.replicas.get(usize::from(nonce / 2));
            let waits = owner.is_some_and(|owner| matches!(owner.phase, Phase::Unanswered { .. }));
            claim.nonce = Some(if waits { nonce } else { NOBODY });
        }
    }

    /// As [`World::settle`], and sorts the replicas, so that states that differ only in the order
    /// of the replicas become equal.
    pub(crate) fn sort(&mut self, setting: &Setting) {
        self.settle(setting);
        let mut order: [usize; REPLICAS] = std::array::from_fn(|index| index);
        order.sort_by(|&one, &other| self.replicas[one].cmp(&self.replicas[other]));
        if let Some(old) = self.keys.claim.nonce.filter(|&nonce| nonce != NOBODY) {
            let (owner, serial) = (usize::from(old / 2), (old % 2) as u8);
            let place = order.iter().position(|&index| index == owner);
            self.keys.claim.nonce = place.map(|place| nonce(place, serial));
        }
        self.replicas = order.map(|index| self.replicas[index]);
    }
}

/// A nonce that no replica uses again.
const NOBODY: u16 = 2 * REPLICAS as u16;

/// Returns the fingerprint of a state. With millions of states, the probability that two states
/// have the same fingerprint is below one in a million.
pub(crate) fn fingerprint(world: &World) -> u64 {
    let mut mix = Mix(0x9E37_79B9_7F4A_7C15);
    world.hash(&mut mix);
    mix.finish().max(1)
}

/// The hasher of a map whose keys are fingerprints, which are hashes already.
pub(crate) type Fingerprints = BuildHasherDefault<AsItIs>;

struct Mix(u64);

impl Mix {
    fn take(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        self.0 = mixed ^ (mixed >> 32);
    }
}

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.take(u64::from(*byte));
        }
    }

    fn write_u8(&mut self, word: u8) {
        self.take(word.into());
    }

    fn write_u16(&mut self, word: u16) {
        self.take(word.into());
    }

    fn write_u32(&mut self, word: u32) {
        self.take(word.into());
    }

    fn write_u64(&mut self, word: u64) {
        self.take(word);
    }

    fn write_i64(&mut self, word: i64) {
        self.take(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        self.take(word as u64);
    }

    fn finish(&self) -> u64 {
        let mut mix = Mix(self.0);
        mix.take(1);
        mix.0
    }
}

/// Returns a fingerprint unchanged.
#[derive(Default)]
pub(crate) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = word;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
