//! The knowledge of one replica, and its position between two steps.
//!
//! Owns the part of `store::Stores`, `store::FileStore` and `app::refresh` outside Redis: the
//! content of the state directory, the content of the memory, and the effect of a reply. A step
//! lies between two moments at which stopping the process makes a difference. A script and the
//! use of its reply are two steps.

use super::{Rules, model};

/// A payload, identified by the tick of its request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Payload {
    /// The tick of the request.
    pub(crate) sent: u8,
    /// Whether the request was sent while Redis could not be used.
    pub(crate) alone: bool,
}

impl Payload {
    /// Reads the payload from the bodies.
    pub(crate) fn of(bodies: model::Bodies) -> Payload {
        Payload { sent: bodies[0] as u8, alone: bodies[2] == 1 }
    }
}

/// A payload with its ledger, as a store keeps it or a message carries it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Saved {
    pub(crate) fence: i64,
    pub(crate) revision: i64,
    pub(crate) payload: Payload,
    /// The ledger: one bit for each tick whose request brought a record that was soon gone again.
    pub(crate) ledger: u32,
}

impl Saved {
    fn edition(&self) -> (i64, i64) {
        (self.fence, self.revision)
    }

    /// Reads the reply of `load.lua`.
    pub(crate) fn of(loaded: &model::Loaded) -> Saved {
        let Some(([_, fence, _, revision], (bodies, ledger))) = loaded.head.zip(loaded.whole)
        else {
            return Saved::default();
        };
        let payload = Payload::of(bodies);
        Saved { fence, revision, payload, ledger }
    }

    /// Makes the arguments of `save.lua`.
    pub(crate) fn told(&self) -> model::Save {
        let Saved { fence, revision, payload, ledger } = *self;
        let bodies = [u16::from(payload.sent), 0, u16::from(payload.alone), 0];
        let (version, origin, age, max_age) = (1, 0, 0, 0);
        model::Save { version, fence, origin, age, max_age, bodies, ledger, revision }
    }
}

/// The right to one refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Claim {
    pub(crate) fence: i64,
    /// The time of the claim on the clock of this process; not later than the grant.
    pub(crate) at: i64,
    /// Whether Redis does not know the claim or its renewal.
    pub(crate) alone: bool,
}

/// The position of a replica between two steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Phase {
    #[default]
    Off,
    Idle,
    /// The replica asked for a claim and got no reply.
    Unanswered {
        serial: u8,
    },
    /// The replica is about to load the payload of another replica.
    Wanting(Then),
    /// The replica is about to save a completed ledger, or a new payload.
    Completing {
        then: Then,
        saved: Saved,
    },
    /// The replica may send its request if its claim is within the lease.
    Begun(Claim),
    /// The request was sent, and the answer is not saved yet.
    Sent {
        claim: Claim,
        payload: Payload,
    },
}

/// The step after a replica has taken up the payload of another replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Then {
    Wait,
    Fetch(Claim),
    /// Save this new payload again, because another replica saved in between.
    Save(Saved),
}

/// The fence and the time of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Attempt {
    pub(crate) fence: i64,
    pub(crate) at: i64,
}

/// One replica.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Replica {
    pub(crate) phase: Phase,
    /// In the state directory: the file `attempt`.
    pub(crate) attempt: Option<Attempt>,
    /// In memory: the last attempt that Redis granted or reported.
    pub(crate) heard: Option<Attempt>,
    /// In the state directory: the file `saved`.
    pub(crate) kept: Saved,
    /// In memory: `Known`.
    pub(crate) known: Saved,
    /// The published payload.
    pub(crate) shown: Payload,
    /// The time at which the next claim is due.
    pub(crate) due: i64,
    /// Whether Redis did not answer in this tick, so that the replica does not ask Redis again.
    pub(crate) away: bool,
    /// Fence of the last claim that the state directory granted.
    pub(crate) granted_here: i64,
    /// Recorded from outside: the tick of the last request since the state was empty.
    pub(crate) last_sent: Option<u8>,
    /// Recorded from outside: whether an older payload was shown after a newer payload.
    pub(crate) went_back: bool,
}

/// The result of `Stores::completed`.
pub(crate) enum Completion {
    /// The completed payload must be saved in Redis first.
    Save(Saved),
    /// The payload is complete already.
    Whole(Saved),
}

impl Replica {
    /// Whether the payload with this edition must be taken up. Models `Refresher::take_up`.
    pub(crate) fn wants(&self, saved: (i64, i64)) -> bool {
        saved > self.known.edition() || saved.0 < self.known.fence
    }

    /// Models `Stores::last_known`.
    pub(crate) fn last(&self) -> Option<Attempt> {
        let known = [self.attempt, self.heard].into_iter().flatten();
        known.reduce(|one, other| Attempt {
            fence: one.fence.max(other.fence),
            at: one.at.max(other.at),
        })
    }

    /// Models `Heard::hear`.
    pub(crate) fn hear(&mut self, fence: i64, at: i64) {
        let (old, oldest) = self.heard.map_or((0, at), |heard| (heard.fence, heard.at));
        self.heard = Some(Attempt { fence: fence.max(old), at: at.max(oldest) });
    }

    /// Models `FileStore::claim`. `here` is the wall time for the fence.
    pub(crate) fn claim_here(&mut self, now: i64, here: i64, interval: i64) -> Option<Claim> {
        let last = self.last();
        if let Some(last) = last
            && last.at + interval > now
        {
            self.due = last.at + interval;
            return None;
        }
        let old = last.map_or(0, |attempt| attempt.fence).max(self.known.fence);
        let fence = (old + 1).max(here);
        self.attempt = Some(Attempt { fence, at: now });
        self.granted_here = fence;
        Some(Claim { fence, at: now, alone: true })
    }

    /// Models `FileStore::renew`.
    pub(crate) fn renew_here(&mut self, fence: i64, now: i64) -> bool {
        match &mut self.attempt {
            Some(attempt) if attempt.fence == fence => {
                attempt.at = now;
                true
            }
            _ => false,
        }
    }

    /// Models `FileStore::save`.
    pub(crate) fn save_here(&mut self, saved: Saved, rules: Rules) -> (model::Kept, i64) {
        let there = self.kept;
        let is_older = there.fence > saved.fence;
        if is_older || there.fence == saved.fence && there.revision != saved.revision {
            if rules.refused_saves_are_kept {
                self.kept.ledger |= saved.ledger;
            }
            return (if is_older { model::Kept::Older } else { model::Kept::Overtaken }, 0);
        }
        let revision = there.revision.max(saved.revision) + 1;
        let unseen = if there.revision == saved.revision { 0 } else { there.ledger };
        self.kept = Saved { revision, ledger: saved.ledger | unseen, ..saved };
        (model::Kept::Saved, revision)
    }

    /// Merges two ledgers. Models the first half of `Stores::completed`.
    pub(crate) fn completing(&self, shared: Option<Saved>) -> Completion {
        let own = self.kept;
        let Some(shared) = shared else { return Completion::Whole(own) };
        let (newest, other) = if shared.fence >= own.fence { (shared, own) } else { (own, shared) };
        let mut complete = Saved { ledger: newest.ledger | other.ledger, ..newest };
        complete.revision = shared.revision;
        if complete.fence == 0 {
            return Completion::Whole(complete);
        }
        if own.fence > shared.fence || shared.ledger != complete.ledger {
            Completion::Save(complete)
        } else {
            Completion::Whole(complete)
        }
    }

    /// Keeps a copy of the completed payload, and shows the payload unless a newer payload is
    /// known. Models the second half of `Stores::completed` and `Refresher::load`.
    pub(crate) fn take(&mut self, complete: Saved) {
        if complete.fence == 0 {
            return;
        }
        self.kept = complete;
        if complete.fence >= self.known.fence {
            self.known = complete;
            self.show(complete.payload);
        }
    }

    /// Takes the new payload as known, whether the save succeeded or not. Models
    /// `Refresher::save`.
    pub(crate) fn end_of_save(&mut self, saved: Saved, reply: (model::Kept, i64)) {
        self.known = saved;
        if reply.0 == model::Kept::Saved {
            self.known.revision = reply.1;
            self.show(saved.payload);
        }
    }

    fn show(&mut self, payload: Payload) {
        // Payloads that were requested without Redis in the same tick have no order except the
        // order of their fences.
        let in_order = !payload.alone && !self.shown.alone;
        self.went_back |= in_order && payload.sent < self.shown.sent;
        self.shown = payload;
    }

    /// Ends the process. The state directory stays.
    pub(crate) fn crash(&mut self) {
        *self = Replica {
            phase: Phase::Off,
            known: Saved::default(),
            heard: None,
            due: 0,
            away: false,
            granted_here: 0,
            ..*self
        };
    }

    /// Returns all ledger entries of this replica.
    pub(crate) fn ledger(&self) -> u32 {
        let on_its_way = match self.phase {
            Phase::Completing { saved, .. } | Phase::Wanting(Then::Save(saved)) => saved.ledger,
            _ => 0,
        };
        self.kept.ledger | self.known.ledger | on_its_way
    }
}
