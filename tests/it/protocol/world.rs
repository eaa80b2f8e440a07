//! Three replicas, a Redis and an upstream, with their possible faults.
//!
//! Owns the state that is explored and the possible faults, and records from outside what the
//! upstream and the visitors see.

use super::Rules;
use super::model;
use super::replica::{Attempt, Claim, Payload, Phase, Replica, Saved};

/// Units of time in a tick. Several units let the fences of claims in the same tick differ, as
/// microseconds do in the program.
pub(crate) const TICK: i64 = 4;
/// The first time. The time is so late that an attempt that never happened is due.
pub(crate) const START: i64 = 100 * TICK;
pub(crate) const REPLICAS: usize = 3;

/// The bounds of an exploration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) rules: Rules,
    pub(crate) ends: Ends,
    /// Whether an entry of a ledger may be lost.
    pub(crate) loses: bool,
    /// The interval in ticks.
    pub(crate) interval: i64,
    /// The lease in ticks.
    pub(crate) lease: i64,
    /// The last tick.
    pub(crate) horizon: u8,
    /// Number of faults.
    pub(crate) faults: u8,
    /// Number of pauses of one replica for one tick; `None`: without bound.
    pub(crate) pauses: Option<u8>,
    /// The possible faults.
    pub(crate) possible: &'static [Fault],
}

/// The cases in which courtesy between replicas ends, in addition to a Redis that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// A wipe or a failover, in the interval after an attempt.
    Wiped,
    /// A wipe or a failover, and a replica with an empty state that starts in the interval after an
    /// attempt.
    WipedAndEmptied,
}

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Crash,
    CrashWithItsState,
    LostRequest,
    LostReply,
    Wipe,
    /// A failover to a copy that is older than one interval before the start.
    FailOver,
    RedisDown,
    UpstreamFails,
}

/// All faults.
pub(crate) const EVERYTHING: &[Fault] = &[
    Fault::Crash,
    Fault::CrashWithItsState,
    Fault::LostRequest,
    Fault::LostReply,
    Fault::Wipe,
    Fault::FailOver,
    Fault::RedisDown,
    Fault::UpstreamFails,
];

/// A law that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Law {
    /// Two refreshes of one replica were too close to each other.
    OwnMinute,
    /// Two refreshes were too close to each other.
    Courtesy,
    /// A later refresh has a lower fence.
    Fences,
    /// An older payload was shown or saved over a newer payload.
    Order,
    /// An entry of a ledger was lost.
    Loss,
    /// No refresh happens although there are no more faults.
    Progress,
}

/// One state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) tick: u8,
    pub(crate) keys: model::Keys,
    pub(crate) is_down: bool,
    pub(crate) replicas: [Replica; REPLICAS],
    /// Number of faults that may still happen.
    pub(crate) faults: u8,
    /// Number of pauses that may still happen.
    pub(crate) pauses: u8,
    /// Number of claims that state directories granted in this tick.
    pub(crate) here: u8,
    /// Records from outside: the ticks of the last wipe, of the last start with an empty state, and
    /// of the last request.
    pub(crate) wiped: Option<u8>,
    pub(crate) emptied: Option<u8>,
    pub(crate) asked: Option<u8>,
    pub(crate) highest_asked: i64,
}

/// An action, with the index of its replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// A replica takes its next step, and Redis answers a script of this step.
    Step(usize),
    /// As [`Action::Step`], after a pause between the reading of the clock and the request.
    HeldUp(usize),
    /// A replica asks Redis again after a lost reply, with the same nonce.
    AskAgain(usize),
    Fault(Fault, usize),
    Start(usize),
    RedisUp,
    Tick,
}

/// A successor of a state.
pub(crate) struct Next {
    pub(crate) action: Action,
    pub(crate) world: World,
    pub(crate) broken: Option<Law>,
}

impl World {
    /// Makes a site that has run for a while, and whose next refresh is due.
    pub(crate) fn running(setting: &Setting) -> World {
        let interval = setting.interval * TICK;
        let before = |intervals: i64| START - intervals * interval;
        let saved = Saved { fence: before(1), revision: 1, ..Saved::default() };
        let mut replicas = [Replica {
            phase: Phase::Idle,
            kept: saved,
            heard: Some(Attempt { fence: before(1), at: before(1) }),
            known: saved,
            due: START,
            ..Replica::default()
        }; REPLICAS];
        for (turns, replica) in (1..).zip(&mut replicas[..2]) {
            replica.attempt = Some(Attempt { fence: before(turns), at: before(turns) });
        }
        let mut keys = model::Keys::default();
        keys.claim.fence = Some(before(1));
        keys.claim.at = Some(before(1));
        keys = model::save(keys, &saved.told(), START, setting.rules).0;
        for replica in &mut replicas {
            replica.kept.revision = keys.last_good.map_or(0, |good| good.revision);
            replica.known = replica.kept;
        }
        World { keys, replicas, emptied: None, ..World::empty(setting) }
    }

    /// Makes the keys as they were one interval before [`World::running`].
    pub(crate) fn copy(setting: &Setting) -> model::Keys {
        let interval = setting.interval * TICK;
        let saved = Saved { fence: START - 2 * interval, revision: 1, ..Saved::default() };
        let mut keys = model::Keys::default();
        keys.claim.fence = Some(saved.fence);
        keys.claim.at = Some(saved.fence);
        model::save(keys, &saved.told(), START - interval, setting.rules).0
    }

    /// Makes a site whose replicas kept their own intervals for a while. Each replica has a ledger
    /// entry that no other replica has.
    pub(crate) fn apart(setting: &Setting) -> World {
        let mut world = World::running(setting);
        for (turn, replica) in (1..).zip(&mut world.replicas) {
            replica.kept.fence += turn;
            replica.kept.payload.alone = true;
            replica.kept.ledger = 1 << (31 - turn);
            replica.known = replica.kept;
        }
        world
    }

    /// Makes a site before its first start.
    pub(crate) fn empty(setting: &Setting) -> World {
        World {
            tick: 0,
            keys: model::Keys::default(),
            is_down: false,
            replicas: [Replica { phase: Phase::Idle, ..Replica::default() }; REPLICAS],
            faults: setting.faults,
            pauses: setting.pauses.unwrap_or(0),
            here: 0,
            wiped: None,
            emptied: Some(0),
            asked: None,
            highest_asked: 0,
        }
    }

    pub(crate) fn now(&self) -> i64 {
        START + i64::from(self.tick) * TICK
    }

    /// Returns the ledger entries that Redis or any replica has, in memory or in its state
    /// directory.
    pub(crate) fn ledger(&self) -> u32 {
        let shared = self.keys.last_good.map_or(0, |good| good.ledger);
        self.replicas.iter().fold(shared, |all, replica| all | replica.ledger())
    }

    /// Returns fence and revision of the saved payload.
    pub(crate) fn saved(&self) -> (i64, i64) {
        self.keys.last_good.map_or((0, 0), |good| (good.fence, good.revision))
    }

    /// Returns the number of replicas that could take a step. A tick pauses these replicas.
    pub(crate) fn held_up(&self, setting: &Setting) -> u8 {
        let could = |index: &usize| match self.replicas[*index].phase {
            Phase::Off => false,
            Phase::Idle => {
                self.replicas[*index].due <= self.now() || self.told_by(*index, setting).is_some()
            }
            _ => true,
        };
        (0..REPLICAS).filter(could).count() as u8
    }

    /// Returns the keys after this replica reported its last attempt; `None` if Redis has this
    /// attempt, or if the report is not possible.
    pub(crate) fn told_by(&self, index: usize, setting: &Setting) -> Option<model::Keys> {
        let (replica, now) = (self.replicas[index], self.now());
        let attempt = replica.last()?;
        let is_news = self.keys.claim.at.is_none_or(|at| at < attempt.at);
        let tells = setting.rules.looks_tell && is_news && !self.is_down && !replica.away;
        let is_recent = attempt.at + setting.interval * TICK > now;
        let Attempt { fence, at } = attempt;
        (tells && is_recent).then(|| model::restore(self.keys, fence, Some(now - at), 0, now))
    }

    /// Returns the state in the next tick.
    pub(crate) fn later(&self) -> World {
        let mut world = *self;
        world.tick += 1;
        world.here = 0;
        for replica in &mut world.replicas {
            replica.away = false;
        }
        world
    }
}

impl World {
    /// Sends the request of a replica. Returns the law that the request breaks, if any.
    pub(crate) fn asked_by(
        mut self,
        index: usize,
        claim: Claim,
        setting: &Setting,
    ) -> (World, Option<Law>) {
        let (tick, least) = (self.tick, (setting.interval - setting.lease) as u8);
        let replica = &mut self.replicas[index];
        let too_close = |last: Option<u8>| last.is_some_and(|last| tick - last < least);
        let own = too_close(replica.last_sent);
        replica.last_sent = Some(tick);
        replica.phase = Phase::Sent { claim, payload: Payload { sent: tick, alone: claim.alone } };
        if own {
            return (self, Some(Law::OwnMinute));
        }
        if claim.alone {
            return (self, None);
        }
        // The request of a claim that was wiped may still leave within the lease.
        let since = |what: Option<u8>| {
            what.is_some_and(|what| self.asked.is_some_and(|asked| what + 1 >= asked))
        };
        let is_excused = since(self.wiped) && (setting.ends == Ends::Wiped || since(self.emptied));
        let broken = if too_close(self.asked) && !is_excused {
            Some(Law::Courtesy)
        } else if claim.fence <= self.highest_asked && !is_excused {
            Some(Law::Fences)
        } else {
            None
        };
        self.asked = Some(tick);
        self.highest_asked = self.highest_asked.max(claim.fence);
        (self, broken)
    }

    /// Ends a refresh. A lost outcome needs no case here, because the outcome has no effect except
    /// on requests that wait.
    pub(crate) fn end(
        &mut self,
        index: usize,
        fence: i64,
        outcome: model::Text,
        setting: &Setting,
    ) {
        let now = self.now();
        let replica = &mut self.replicas[index];
        replica.phase = Phase::Idle;
        replica.due = replica.attempt.map_or(now, |attempt| attempt.at + setting.interval * TICK);
        if !self.is_down && !replica.away {
            let refused = model::Refused::AsItWas;
            let record = model::Record { fence, outcome, left_alone: 0, refused };
            self.keys = model::record(self.keys, &record, now).0;
        }
    }
}

/// Makes the nonce of a request for a claim.
pub(crate) fn nonce(index: usize, serial: u8) -> model::Text {
    index as model::Text * 2 + model::Text::from(serial)
}
