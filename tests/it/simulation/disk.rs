//! The state directory of a replica, which survives the end of the process.

use std::cell::RefCell;

use movies_gen::clock::{BootId, BootTime, Stamp, WallTime};
use movies_gen::outcome::Outcome;
use movies_gen::payload::Fence;
use movies_gen::schedule::{self, LastAttempt, Next};
use movies_gen::store::{Ask, Claim, Denied, Edition, Granted, Standing};

use super::content::Saved;

/// The last attempt on disk.
#[derive(Clone)]
struct Attempt {
    fence: Fence,
    at: BootTime,
    outcome: Option<Outcome>,
}

#[derive(Default)]
pub(crate) struct Disk {
    attempt: RefCell<Option<Attempt>>,
    saved: RefCell<Option<Saved>>,
}

impl Disk {
    pub(crate) fn note(&self, granted: &Granted) {
        let (fence, at) = (granted.fence, granted.at.boot);
        *self.attempt.borrow_mut() = Some(Attempt { fence, at, outcome: None });
    }

    pub(crate) fn record(&self, fence: Fence, outcome: &Outcome) {
        if let Some(attempt) = &mut *self.attempt.borrow_mut()
            && attempt.fence == fence
        {
            attempt.outcome = Some(outcome.clone());
        }
    }

    pub(crate) fn fence(&self) -> Fence {
        self.attempt.borrow().as_ref().map_or(Fence(0), |attempt| attempt.fence)
    }

    pub(crate) fn last_attempt(&self, now: BootTime) -> LastAttempt {
        let attempt = self.attempt.borrow();
        LastAttempt { age: attempt.as_ref().map(|attempt| now.since(attempt.at)), left_alone: None }
    }

    pub(crate) fn has_unended_attempt(&self) -> bool {
        self.attempt.borrow().as_ref().is_some_and(|attempt| attempt.outcome.is_none())
    }

    /// Claims a refresh, as a replica without Redis does.
    pub(crate) fn claim(&self, ask: &Ask, now: BootTime, wall: u64) -> Claim {
        let kept = self.last_attempt(now);
        let last = LastAttempt {
            age: [kept.age, ask.age].into_iter().flatten().min(),
            left_alone: ask.left_alone,
        };
        if let Next::Wait(wait) = schedule::next(last, ask.interval) {
            let mut standing = self.standing(now);
            standing.age = last.age.unwrap_or_default();
            return Claim::Denied(Denied { wait, standing });
        }
        let fence = Fence((self.fence().0.max(ask.highest.0) + 1).max(wall));
        let at = Stamp { boot_id: BootId("simulated".into()), boot: now, wall: WallTime(wall) };
        let granted = Granted { fence, at, saved: self.edition(), refused: None };
        self.note(&granted);
        Claim::Granted(granted)
    }

    /// Moves the attempt to now, if `fence` is the last attempt.
    pub(crate) fn renew(&self, fence: Fence, now: BootTime, wall: u64) -> Option<Granted> {
        if self.fence() != fence {
            return None;
        }
        let at = Stamp { boot_id: BootId("simulated".into()), boot: now, wall: WallTime(wall) };
        let granted = Granted { fence, at, saved: self.edition(), refused: None };
        self.note(&granted);
        Some(granted)
    }

    pub(crate) fn standing(&self, now: BootTime) -> Standing {
        let attempt = self.attempt.borrow().clone();
        Standing {
            fence: self.fence(),
            age: attempt.as_ref().map(|attempt| now.since(attempt.at)).unwrap_or_default(),
            outcome: attempt.and_then(|attempt| attempt.outcome),
            saved: self.edition(),
            is_lost: false,
        }
    }

    pub(crate) fn edition(&self) -> Edition {
        self.saved.borrow().as_ref().map_or_else(Edition::default, |saved| Edition {
            fence: Fence(saved.fence),
            revision: saved.revision,
        })
    }

    pub(crate) fn saved(&self) -> Option<Saved> {
        self.saved.borrow().clone()
    }

    pub(crate) fn save(&self, saved: &Saved, edition: Edition) {
        let saved = Saved { revision: edition.revision, ..saved.clone() };
        *self.saved.borrow_mut() = Some(saved);
    }
}
