//! The successors of a state.
//!
//! Owns the steps of a replica, as the program takes them, and the steps of its environment. A
//! step ends where another event in between makes a difference. A script and the use of its
//! reply are one step, except for a crash between the two. Any step can be delayed for any
//! time. A delay models a process that is paused. A delay also models a lost message, because a
//! message only makes a replica look sooner. The last check and the request are one step.

use super::model::{self, Kept};
use super::replica::{Attempt, Claim, Completion, Payload, Phase, Replica, Saved, Then};
use super::world::{Action, Fault, Law, Next, REPLICAS, Setting, TICK, World, nonce};

/// Collects the successors of a state.
pub(crate) struct Steps<'a> {
    pub(crate) setting: &'a Setting,
    pub(crate) from: &'a World,
    pub(crate) out: &'a mut Vec<Next>,
}

impl Steps<'_> {
    /// Collects all successors.
    pub(crate) fn all(&mut self) {
        let world = *self.from;
        for index in 0..REPLICAS {
            self.of(index);
            if world.replicas[index].phase != Phase::Off {
                self.fault(Fault::Crash, index, |world| world.replicas[index].crash());
                self.fault(Fault::CrashWithItsState, index, |world| {
                    world.replicas[index] = Replica::default();
                });
            }
        }
        if world.keys != model::Keys::default() {
            self.fault(Fault::Wipe, REPLICAS, |world| {
                world.keys = model::Keys::default();
                world.wiped = Some(world.tick);
            });
        }
        let setting = self.setting;
        self.fault(Fault::FailOver, REPLICAS, |world| {
            world.keys = World::copy(setting);
            world.wiped = Some(world.tick);
        });
        if world.is_down {
            self.push(Action::RedisUp, World { is_down: false, ..world });
        } else {
            self.fault(Fault::RedisDown, REPLICAS, |world| world.is_down = true);
        }
        let cost = if self.setting.pauses.is_some() { world.held_up(self.setting) } else { 0 };
        if world.tick < self.setting.horizon && cost <= world.pauses {
            let pauses = world.pauses - cost;
            self.push(Action::Tick, World { pauses, ..world.later() });
        }
    }

    fn push(&mut self, action: Action, world: World) {
        self.out.push(Next { action, world, broken: None });
    }

    /// Adds a fault, if the setting permits the fault.
    fn fault(&mut self, fault: Fault, index: usize, change: impl FnOnce(&mut World)) {
        if self.from.faults > 0 && self.setting.possible.contains(&fault) {
            let mut world = *self.from;
            world.faults -= 1;
            change(&mut world);
            self.push(Action::Fault(fault, index), world);
        }
    }

    /// Adds the next steps of a replica.
    pub(crate) fn of(&mut self, index: usize) {
        match self.from.replicas[index].phase {
            Phase::Off => self.start(index),
            Phase::Idle => {
                self.tell(index);
                self.look(index);
                self.claim(index);
            }
            Phase::Unanswered { serial } => self.unanswered(index, serial),
            Phase::Wanting(then) => self.load(Action::Step(index), *self.from, index, then),
            Phase::Completing { then, saved } => self.complete(index, saved, then),
            Phase::Begun(claim) => self.begun(index, claim),
            Phase::Sent { claim, payload } => self.sent(index, claim, payload),
        }
    }

    fn start(&mut self, index: usize) {
        let mut world = *self.from;
        let replica = &mut world.replicas[index];
        if replica.attempt.is_none() && replica.kept.fence == 0 {
            world.emptied = Some(world.tick);
        }
        // A replica first shows the payload that the stores have.
        self.load(Action::Start(index), world, index, Then::Wait);
    }

    /// Loads the payload of another replica, if Redis has a new payload.
    pub(crate) fn look(&mut self, index: usize) -> bool {
        let (world, replica) = (*self.from, self.from.replicas[index]);
        let sees = !world.is_down && !replica.away && replica.wants(world.saved());
        if sees {
            self.load(Action::Step(index), world, index, Then::Wait);
        }
        sees
    }

    /// Reports the last attempt of the replica, as a look at Redis does.
    pub(crate) fn tell(&mut self, index: usize) {
        if let Some(keys) = self.from.told_by(index, self.setting) {
            self.push(Action::Step(index), World { keys, ..*self.from });
        }
    }

    /// Asks for a claim, if a claim is due.
    pub(crate) fn claim(&mut self, index: usize) {
        let (world, replica) = (*self.from, self.from.replicas[index]);
        let now = world.now();
        if replica.due > now {
            return;
        }
        // Use a new nonce. Redis knows only the last nonce.
        let serial = u8::from(world.keys.claim.nonce == Some(nonce(index, 0)));
        self.ask(Action::Step(index), world, index, serial, now);
        if replica.due <= now - TICK {
            self.ask(Action::HeldUp(index), world, index, serial, now - TICK);
        }
    }

    /// Asks Redis for the claim. `before` is the time that the replica read before the request.
    fn ask(&mut self, action: Action, world: World, index: usize, serial: u8, before: i64) {
        let replica = world.replicas[index];
        let Setting { rules, interval, .. } = *self.setting;
        let ask = model::Ask {
            nonce: nonce(index, serial),
            highest: replica.known.fence.max(replica.last().map_or(0, |attempt| attempt.fence)),
            heard: replica.heard.map_or(0, |heard| heard.fence),
            age: replica.last().map(|attempt| before - attempt.at),
            left_alone: 0,
            interval: interval * TICK,
            round: TICK,
        };
        let run = |world: &mut World| {
            let (keys, reply) = model::claim(world.keys, &ask, world.now(), rules);
            world.keys = keys;
            reply
        };
        self.call(action, world, index, run, |world, reply| {
            let now = world.now();
            let replica = &mut world.replicas[index];
            let Some(reply) = reply else {
                replica.phase = Phase::Unanswered { serial };
                return None;
            };
            let then = if reply.granted {
                let (fence, at) = (reply.fence, before - reply.age);
                replica.attempt = Some(Attempt { fence, at });
                replica.hear(fence, at);
                Then::Fetch(Claim { fence, at, alone: false })
            } else {
                replica.due = now + reply.wait;
                replica.hear(reply.fence, before - reply.age);
                Then::Wait
            };
            if replica.wants((reply.saved, reply.revision)) {
                replica.phase = Phase::Wanting(then);
            } else {
                go_on(replica, then);
            }
            None
        });
    }

    /// Asks the state directory for a claim, or asks Redis again.
    fn unanswered(&mut self, index: usize, serial: u8) {
        let mut world = *self.from;
        let here = world.now() + 1 + i64::from(world.here);
        let (now, interval) = (world.now(), self.setting.interval * TICK);
        let replica = &mut world.replicas[index];
        match replica.claim_here(now, here, interval) {
            Some(claim) => {
                replica.phase = Phase::Begun(claim);
                world.here += 1;
            }
            None => replica.phase = Phase::Idle,
        }
        self.push(Action::Step(index), world);
        if !world.is_down {
            let mut world = *self.from;
            world.replicas[index].away = false;
            self.ask(Action::AskAgain(index), world, index, serial, now);
        }
    }

    /// Models the first half of `Stores::load`.
    fn load(&mut self, action: Action, world: World, index: usize, then: Then) {
        let run = |world: &mut World| Saved::of(&model::load(world.keys, true, world.now()).1);
        self.call(action, world, index, run, |world, shared| {
            let replica = &mut world.replicas[index];
            match (then, replica.completing(shared)) {
                (Then::Save(brought), _) => {
                    let shared = shared.unwrap_or(Saved { ledger: 0, ..brought });
                    let ledger = brought.ledger | shared.ledger;
                    let saved = Saved { ledger, revision: shared.revision, ..brought };
                    replica.phase = Phase::Completing { then, saved };
                }
                (_, Completion::Whole(complete)) => {
                    replica.take(complete);
                    go_on(replica, then);
                }
                (_, Completion::Save(saved)) => replica.phase = Phase::Completing { then, saved },
            }
            None
        });
    }

    /// Models the second half of `Stores::load`.
    fn complete(&mut self, index: usize, saved: Saved, then: Then) {
        if matches!(then, Then::Save(_)) {
            return self.save_what_was_brought(index, saved);
        }
        self.save(index, saved, move |world, reply| {
            let replica = &mut world.replicas[index];
            match reply {
                Some((Kept::Saved, revision)) => replica.take(Saved { revision, ..saved }),
                Some(_) => {
                    replica.phase = Phase::Wanting(then);
                    return;
                }
                None => replica.take(saved),
            }
            go_on(replica, then);
        });
    }

    fn begun(&mut self, index: usize, claim: Claim) {
        let mut world = *self.from;
        let now = world.now();
        let Setting { rules, lease, .. } = *self.setting;
        if now - claim.at <= lease * TICK || !rules.checked_before_send {
            let (world, broken) = world.asked_by(index, claim, self.setting);
            self.out.push(Next { action: Action::Step(index), world, broken });
        } else if world.replicas[index].granted_here == claim.fence {
            if world.replicas[index].renew_here(claim.fence, now) {
                world.replicas[index].phase = Phase::Begun(Claim { at: now, ..claim });
            } else {
                world.end(index, claim.fence, 1, self.setting);
            }
            self.push(Action::Step(index), world);
        } else {
            self.renew(Action::Step(index), index, claim, now);
            self.renew(Action::HeldUp(index), index, claim, now - TICK);
        }
    }

    /// Renews a claim. `before` is the time that the replica read before the request.
    fn renew(&mut self, action: Action, index: usize, claim: Claim, before: i64) {
        let run = |world: &mut World| {
            let (keys, reply) = model::renew(world.keys, claim.fence, world.now());
            world.keys = keys;
            reply.renewed
        };
        let setting = self.setting;
        self.call(action, *self.from, index, run, |world, renewed| {
            let now = world.now();
            let replica = &mut world.replicas[index];
            let is_ours = renewed != Some(false) && replica.renew_here(claim.fence, now);
            if is_ours && renewed.is_some() {
                replica.phase = Phase::Begun(Claim { at: before, ..claim });
            } else if is_ours {
                replica.phase = Phase::Begun(Claim { at: now, alone: true, ..claim });
            } else {
                world.end(index, claim.fence, 1, setting);
            }
            None
        });
    }

    fn sent(&mut self, index: usize, claim: Claim, payload: Payload) {
        let known = self.from.replicas[index].known;
        let ledger = known.ledger | 1 << payload.sent;
        let saved = Saved { fence: claim.fence, revision: known.revision, payload, ledger };
        self.save_what_was_brought(index, saved);
        let setting = self.setting;
        self.fault(Fault::UpstreamFails, index, |world| world.end(index, claim.fence, 1, setting));
    }

    fn save_what_was_brought(&mut self, index: usize, saved: Saved) {
        let setting = self.setting;
        self.save(index, saved, |world, reply| {
            let replica = &mut world.replicas[index];
            let reply = match reply {
                Some((Kept::Saved, revision)) => {
                    replica.kept = Saved { revision, ..saved };
                    (Kept::Saved, revision)
                }
                Some((Kept::Overtaken, _)) => {
                    replica.phase = Phase::Wanting(Then::Save(saved));
                    return;
                }
                Some(reply) => {
                    if setting.rules.refused_saves_are_kept {
                        replica.save_here(saved, setting.rules);
                    }
                    reply
                }
                None => replica.save_here(saved, setting.rules),
            };
            replica.end_of_save(saved, reply);
            world.end(index, saved.fence, u16::from(reply.0 != Kept::Saved), setting);
        });
    }

    /// Asks Redis to save. Records a breach of the order if the save replaces a newer payload.
    fn save(&mut self, index: usize, saved: Saved, next: impl Fn(&mut World, Option<(Kept, i64)>)) {
        let (world, rules) = (*self.from, self.setting.rules);
        let run = |world: &mut World| {
            let (keys, reply) = model::save(world.keys, &saved.told(), world.now(), rules);
            world.keys = keys;
            reply
        };
        let there = world.keys.last_good.map(|good| Payload::of(good.bodies));
        self.call(Action::Step(index), world, index, run, |world, reply| {
            next(world, reply);
            let is_over = reply.is_some_and(|reply| reply.0 == Kept::Saved);
            let is_older = there.is_some_and(|there| {
                !there.alone && !saved.payload.alone && saved.payload.sent < there.sent
            });
            (is_over && is_older).then_some(Law::Order)
        });
    }

    /// Runs a script. The successors: the script answers, the request or the reply is lost, or the
    /// replica dies before it uses the reply. A replica that just got no reply does not ask Redis.
    fn call<R>(
        &mut self,
        action: Action,
        world: World,
        index: usize,
        run: impl Fn(&mut World) -> R,
        next: impl Fn(&mut World, Option<R>) -> Option<Law>,
    ) {
        let lost = |mut world: World| {
            world.replicas[index].away = true;
            next(&mut world, None);
            world
        };
        if world.is_down || world.replicas[index].away {
            return self.push(action, lost(world));
        }
        let mut done = world;
        let reply = run(&mut done);
        let mut answered = done;
        let broken = next(&mut answered, Some(reply));
        self.out.push(Next { action, world: answered, broken });
        if world.faults == 0 {
            return;
        }
        for fault in [Fault::LostRequest, Fault::LostReply, Fault::Crash, Fault::CrashWithItsState]
        {
            if !self.setting.possible.contains(&fault)
                || done.keys == world.keys && fault != Fault::LostRequest
            {
                continue;
            }
            let mut world = if fault == Fault::LostRequest { world } else { done };
            world.faults -= 1;
            let world = match fault {
                Fault::Crash => {
                    world.replicas[index].crash();
                    world
                }
                Fault::CrashWithItsState => {
                    world.replicas[index] = Replica::default();
                    world
                }
                _ => lost(world),
            };
            self.push(Action::Fault(fault, index), world);
        }
    }
}

fn go_on(replica: &mut Replica, then: Then) {
    replica.phase = match then {
        Then::Wait => Phase::Idle,
        Then::Fetch(claim) => Phase::Begun(claim),
        Then::Save(saved) => Phase::Completing { then, saved },
    };
}
