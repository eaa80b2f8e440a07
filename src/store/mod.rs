//! Where attempts, payloads and ledgers are kept.
//!
//! Owns the four operations on which courtesy and order rest: *claim* the next refresh, *save*
//! the payload and announce the save, *record* the outcome, *load* the last save. Two stores
//! have these operations: files under `--state`, and a Redis that several replicas share. This
//! module must not decide whether a payload is plausible.

mod file;
pub mod heard;
mod kept;
mod part_files;
mod parts;
pub mod reach;
mod redis;
pub mod refused;
mod shared;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::clock::Stamp;
use crate::ledger::Ledger;
use crate::outcome::{Mark, Outcome, Refused};
use crate::payload::{Fence, Payload};
use crate::schedule::Wait;

pub use file::{Attempt, FileStore};
use redis::TooSlow;
pub use redis::{RedisAddress, RedisStore};
pub use shared::{Stores, WhenLost};

/// Lifetime of an accept mark, by the clock of the store that has the mark. The mark ends after
/// one day, because the owner has not seen an answer of the next week.
pub const MARK_LASTS: Duration = Duration::from_secs(24 * 60 * 60);

/// A request for a claim, with what the caller knows.
#[derive(Debug, Clone)]
pub struct Ask {
    /// If the answer got lost, the caller asks again with the same nonce and gets the same claim.
    pub nonce: String,
    /// The highest fence that the caller has seen. A granted fence is higher.
    pub highest: Fence,
    /// The highest fence that this store has granted or reported to the caller. A store whose
    /// last claim is older has lost later claims.
    pub heard: Fence,
    /// Age of the last attempt that the caller knows.
    pub age: Option<Duration>,
    /// Rest of a `Retry-After` that the caller knows.
    pub left_alone: Option<Duration>,
    /// The least time between two attempts, `--interval`.
    pub interval: Duration,
    /// Time for which a store that lost its claim waits for replicas that know a later attempt.
    pub round: Duration,
}

/// The answer to an [`Ask`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The caller may make the next refresh.
    Granted(Granted),
    /// The next refresh is not due, or another process makes the refresh.
    Denied(Denied),
}

/// The right to make one refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The fence of the claim.
    pub fence: Fence,
    /// Time of the claim, which becomes the origin time of the payload.
    pub at: Stamp,
    /// The edition saved last.
    pub saved: Edition,
    /// The refusals in a row until now; `None` if the last answer was good.
    pub refused: Option<Refused>,
}

/// Why the store grants no claim now, and the last attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// The length of the wait and its reason.
    pub wait: Wait,
    /// The last attempt.
    pub standing: Standing,
}

/// The last attempt, as a store knows the attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The fence of the attempt.
    pub fence: Fence,
    /// Time since the claim.
    pub age: Duration,
    /// The outcome; `None` while the refresh runs, or if its process died.
    pub outcome: Option<Outcome>,
    /// The edition saved last.
    pub saved: Edition,
    /// Whether the store lost the attempt. Then the store knows only the time of the attempt, from
    /// processes that asked for a claim since, and not whether the refresh still runs.
    pub is_lost: bool,
}

/// Names a save: the fence of the payload, and a revision for each completion of the ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Edition {
    /// Fence of the payload.
    pub fence: Fence,
    /// Revision; grows with each save.
    pub revision: u64,
}

impl Edition {
    /// Whether a process that knows `known` reads this edition, which the store has: the store has
    /// more, or lost what the process knows. `is_giver`: the process can give the store back what
    /// the store lost.
    pub fn differs_from(self, known: Edition, is_giver: bool) -> bool {
        self > known || (is_giver && self.fence < known.fence)
    }
}

/// A payload with its ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The answer of the upstream.
    pub payload: Payload,
    /// Slugs, first-seen times and changes, including those of the payload.
    pub ledger: Arc<Ledger>,
    /// The revision from which the ledger was made.
    pub revision: u64,
}

impl Saved {
    /// Adds what another ledger knows.
    fn absorb(&mut self, ledger: &Arc<Ledger>) {
        if !Arc::ptr_eq(&self.ledger, ledger) && self.ledger != *ledger {
            self.ledger = Arc::new(self.ledger.absorbing(ledger));
        }
    }

    /// Returns the edition, as far as the caller knows.
    pub fn edition(&self) -> Edition {
        Edition { fence: self.payload.fence, revision: self.revision }
    }
}

/// What a store has. If a body was damaged, there may be a ledger without its payload, so that
/// slugs and times stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The payload saved last.
    pub payload: Option<Payload>,
    /// The ledger saved last.
    pub ledger: Option<Arc<Ledger>>,
    /// The edition of both.
    pub edition: Edition,
}

/// The result of a save.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The payload is saved under this edition.
    As(Edition),
    /// The store has a newer payload, so nothing was written.
    Older,
    /// The store has a ledger that the caller has not seen, so nothing was written.
    Overtaken,
}

/// The result of recording an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The outcome is recorded.
    Done,
    /// The store has a newer claim, so nothing was written.
    Older,
}

/// Locks a mutex, even after a panic of a thread that held the lock. The value is complete,
/// because each write is one assignment.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The operations of both stores.
#[allow(async_fn_in_trait, reason = "both implementations live here; no dyn, no bounds needed")]
pub trait Store {
    /// Asks for a claim. A granted claim is recorded before the function returns, so a
    /// process that restarts after a crash does not ask the upstream again within the interval.
    async fn claim(&self, ask: &Ask) -> Result<Claim>;
    /// Moves the time of the attempt to now, if `fence` is still the newest claim.
    async fn renew(&self, fence: Fence) -> Result<Option<Granted>>;
    /// Saves the payload and the ledger and announces the save, unless the store has a newer
    /// payload. Adds to the ledger what the store knows in addition.
    async fn save(&self, saved: &mut Saved) -> Result<Kept>;
    /// Records the outcome of the refresh `fence`, unless there is a newer claim.
    async fn record(&self, fence: Fence, outcome: &Outcome) -> Result<Written>;
    /// Loads the last save.
    async fn load(&self) -> Result<Loaded>;
    /// Returns the accept marks of the owner that are younger than [`MARK_LASTS`].
    async fn accepted(&self) -> Result<Vec<Mark>>;
    /// Replaces the accept mark, or removes the mark. Needs no lock.
    async fn accept(&self, mark: Option<&Mark>) -> Result<()>;
    /// Returns the last attempt, or `None` if the store knows no attempt.
    async fn standing(&self) -> Result<Option<Standing>>;
}
