//! The continuation of a state without more faults.
//!
//! Owns two laws: progress, and no loss after all replicas have merged their ledgers. In the
//! continuation, every replica takes its steps at once and Redis answers. Then a refresh must
//! happen soon, and the saved ledger must have every entry that any replica had. Runs that reach
//! the same state are followed once.

use std::collections::HashMap;

use super::explore::{Fingerprints, fingerprint};
use super::replica::Phase;
use super::steps::Steps;
use super::world::{Law, Next, REPLICAS, Setting, World};

/// Ticks after the interval within which a refresh must happen: one tick for a claim that is
/// restored, one for a claim that was paused, and one for the tick of the refresh.
const GRACE: u8 = 3;
/// Ticks until all replicas have the same ledger: a refresh, and the next look.
const UNTIL_MET: u8 = 16;

/// The result of a continuation.
#[derive(Clone, Copy)]
struct Found {
    /// Ticks until the next request.
    until_asked: u8,
    /// The ledger that all replicas have in the end.
    met: Option<u32>,
}

/// The continuations that were followed already.
#[derive(Default)]
pub(crate) struct Fair {
    found: HashMap<u64, Found, Fingerprints>,
}

impl Fair {
    /// Returns the law that the continuation without faults breaks, if any.
    pub(crate) fn breaks(&mut self, setting: &Setting, world: &World) -> Option<Law> {
        let found = match self.follow(setting, world, 0) {
            Ok(found) => found,
            Err(law) => return Some(law),
        };
        if found.until_asked > setting.interval as u8 + GRACE {
            return Some(Law::Progress);
        }
        match found.met {
            _ if setting.loses => None,
            Some(met) if world.ledger() & !met == 0 => None,
            _ => Some(Law::Loss),
        }
    }

    fn follow(&mut self, setting: &Setting, world: &World, depth: u8) -> Result<Found, Law> {
        let mut world = *world;
        world.sort(setting);
        let key = fingerprint(&world);
        if let Some(found) = self.found.get(&key) {
            return Ok(*found);
        }
        if depth > UNTIL_MET {
            return Ok(Found { until_asked: UNTIL_MET, met: None });
        }
        let (later, has_asked) = tick(setting, world)?;
        let mut found = self.follow(setting, &later.later(), depth + 1)?;
        found.until_asked = if has_asked { 0 } else { found.until_asked.saturating_add(1) };
        if let Some(met) = met(&later) {
            found.met = Some(met);
        }
        // A continuation that was cut short must not be reused from a smaller depth.
        if found.met.is_some() && depth < UNTIL_MET / 2 {
            self.found.insert(key, found);
        }
        Ok(found)
    }
}

/// Returns the ledger that Redis and all replicas have; `None` if the ledgers differ.
fn met(world: &World) -> Option<u32> {
    let good = world.keys.last_good?;
    let has_it = world.replicas.iter().all(|replica| {
        let kept = replica.kept;
        replica.phase == Phase::Idle
            && kept == replica.known
            && (kept.fence, kept.ledger) == (good.fence, good.ledger)
    });
    has_it.then_some(good.ledger)
}

/// Lets all replicas take all steps that they can take in this tick.
fn tick(setting: &Setting, mut world: World) -> Result<(World, bool), Law> {
    world.is_down = false;
    let (mut looked, mut has_asked) = ([false; REPLICAS], false);
    loop {
        let before = world;
        for (index, looked) in looked.iter_mut().enumerate() {
            while let Some(next) = next(setting, &world, index, looked) {
                if let Some(law) = next.broken {
                    return Err(law);
                }
                let phase = next.world.replicas[index].phase;
                has_asked |= matches!(phase, Phase::Sent { .. });
                world = next.world;
            }
        }
        if world == before {
            return Ok((world, has_asked));
        }
    }
}

/// Returns the next step of a replica without faults. A replica looks at Redis once in each tick.
fn next(setting: &Setting, world: &World, index: usize, looked: &mut bool) -> Option<Next> {
    let mut out = Vec::new();
    let mut steps = Steps { setting, from: world, out: &mut out };
    if world.replicas[index].phase != Phase::Idle {
        steps.of(index);
    } else if !*looked && steps.look(index) {
        *looked = true;
    } else {
        steps.tell(index);
        steps.claim(index);
    }
    out.into_iter().next()
}
