//! What one replica knows, and its position between two steps.
//!
//! Owns the part of `store::Stores`, `store::FileStore` and `app::refresh` outside Redis: the
//! content of the state directory, the content of the memory, and the effect of a reply. A step
//! lies between two moments at which stopping the process makes a difference. A script and the
//! use of its reply are two steps.

use super::{Rules, model};

/// A payload, named by when it was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Payload {
    /// Tick of its request.
    pub(crate) sent: u8,
    /// Asked for while Redis could not be used.
    pub(crate) alone: bool,
}

impl Payload {
    /// What the bodies say.
    pub(crate) fn of(bodies: model::Bodies) -> Payload {
        Payload { sent: bodies[0] as u8, alone: bodies[2] == 1 }
    }
}

/// A payload with its ledger, as it is kept or on its way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Saved {
    pub(crate) fence: i64,
    pub(crate) revision: i64,
    pub(crate) payload: Payload,
    /// A bit for each tick at which somebody was seen who was gone soon after.
    pub(crate) ledger: u32,
}

impl Saved {
    fn edition(&self) -> (i64, i64) {
        (self.fence, self.revision)
    }

    /// What the reply of `load.lua` says.
    pub(crate) fn of(loaded: &model::Loaded) -> Saved {
        let Some(([_, fence, _, revision], (bodies, ledger))) = loaded.head.zip(loaded.whole)
        else {
            return Saved::default();
        };
        let payload = Payload::of(bodies);
        Saved { fence, revision, payload, ledger }
    }

    /// What `save.lua` is told.
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
    /// As this process dates it: no later than it was granted.
    pub(crate) at: i64,
    /// Redis does not know of it, or not of its renewal.
    pub(crate) alone: bool,
}

/// Where a replica stands between two steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Phase {
    #[default]
    Off,
    Idle,
    /// It asked for a claim, and no reply came.
    Unanswered {
        serial: u8,
    },
    /// It is about to load what others saved.
    Wanting(Then),
    /// It is about to save what was completed, or brought.
    Completing {
        then: Then,
        saved: Saved,
    },
    /// It may ask the upstream if its claim is still fresh.
    Begun(Claim),
    /// The upstream is being asked.
    Sent {
        claim: Claim,
        payload: Payload,
    },
}

/// What is done once what others saved is taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Then {
    Wait,
    Fetch(Claim),
    /// This refresh brought what others may have saved meanwhile, too.
    Save(Saved),
}

/// Number and time of the last attempt.
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
    /// In memory: the last attempt that Redis granted or told of.
    pub(crate) heard: Option<Attempt>,
    /// In the state directory: the file `saved`.
    pub(crate) kept: Saved,
    /// In memory: `Known`.
    pub(crate) known: Saved,
    /// Published.
    pub(crate) shown: Payload,
    /// When the next claim is due.
    pub(crate) due: i64,
    /// Redis did not answer in this tick, and is not asked again.
    pub(crate) away: bool,
    /// Fence of the last claim that the state directory granted.
    pub(crate) granted_here: i64,
    /// Seen from outside: tick of the last request since the state was empty.
    pub(crate) last_sent: Option<u8>,
    /// Seen from outside: something older was shown after something newer.
    pub(crate) went_back: bool,
}

/// What `Stores::completed` comes to.
pub(crate) enum Completion {
    /// This is to be saved in Redis first.
    Save(Saved),
    /// There is nothing to complete.
    Whole(Saved),
}

impl Replica {
    /// Whether what is called this has to be taken up: `Refresher::take_up`.
    pub(crate) fn wants(&self, saved: (i64, i64)) -> bool {
        saved > self.known.edition() || saved.0 < self.known.fence
    }

    /// `Stores::last_known`.
    pub(crate) fn last(&self) -> Option<Attempt> {
        let known = [self.attempt, self.heard].into_iter().flatten();
        known.reduce(|one, other| Attempt {
            fence: one.fence.max(other.fence),
            at: one.at.max(other.at),
        })
    }

    /// `Heard::hear`.
    pub(crate) fn hear(&mut self, fence: i64, at: i64) {
        let (old, oldest) = self.heard.map_or((0, at), |heard| (heard.fence, heard.at));
        self.heard = Some(Attempt { fence: fence.max(old), at: at.max(oldest) });
    }

    /// `FileStore::claim`, if `here` reads the wall clock for a fence.
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

    /// `FileStore::renew`.
    pub(crate) fn renew_here(&mut self, fence: i64, now: i64) -> bool {
        match &mut self.attempt {
            Some(attempt) if attempt.fence == fence => {
                attempt.at = now;
                true
            }
            _ => false,
        }
    }

    /// `FileStore::save`.
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

    /// The first half of `Stores::completed`: two ledgers that meet.
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

    /// The second half: keeps a copy of it, and shows it unless something newer
    /// is known (`Refresher::load`).
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

    /// What was brought is known, saved or not: `Refresher::save`.
    pub(crate) fn end_of_save(&mut self, saved: Saved, reply: (model::Kept, i64)) {
        self.known = saved;
        if reply.0 == model::Kept::Saved {
            self.known.revision = reply.1;
            self.show(saved.payload);
        }
    }

    fn show(&mut self, payload: Payload) {
        // While each keeps its own minute, two that are asked at once are in no
        // order but that of their fences.
        let in_order = !payload.alone && !self.shown.alone;
        self.went_back |= in_order && payload.sent < self.shown.sent;
        self.shown = payload;
    }

    /// Its process dies; what is on the disk stays.
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

    /// All that it knows.
    pub(crate) fn ledger(&self) -> u32 {
        let on_its_way = match self.phase {
            Phase::Completing { saved, .. } | Phase::Wanting(Then::Save(saved)) => saved.ledger,
            _ => 0,
        };
        self.kept.ledger | self.known.ledger | on_its_way
    }
}
