//! Where attempts, payloads and ledgers are kept.
//!
//! Owns the four operations on which courtesy and order rest: *claim* the next
//! refresh, *save* what it brought (and announce it), *record* how it ended,
//! *load* what was saved last. Two stores do them: files under `--state`, and a
//! Redis that several replicas share. It must not decide what a payload is worth.

mod file;
mod heard;
mod reach;
mod redis;
pub mod refused;
mod shared;

use std::sync::{Mutex, MutexGuard, PoisonError};
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

/// How long a mark of the owner's lasts, by the clock of the store that has it: the owner
/// meant the trouble of that day.
pub const MARK_LASTS: Duration = Duration::from_secs(24 * 60 * 60);

/// A request for the next refresh, with what the caller knows.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Asked again with the same nonce (the answer got lost), the same claim
    /// is granted again.
    pub nonce: String,
    /// The highest fence the caller has seen; the granted one is higher.
    pub highest: Fence,
    /// The highest that this store has granted to the caller or told it of: one whose
    /// last claim is older lost what came after.
    pub heard: Fence,
    /// Age of the last attempt that the caller knows of.
    pub age: Option<Duration>,
    /// How much longer the upstream asked the caller to leave it alone.
    pub left_alone: Option<Duration>,
    /// The least time between two attempts.
    pub interval: Duration,
    /// How long a claim that vanished is left to those who know more of it.
    pub round: Duration,
}

/// The answer to an [`Ask`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The next refresh is the caller's.
    Granted(Granted),
    /// It is not due yet, or somebody else's.
    Denied(Denied),
}

/// The right to one refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// Its number.
    pub fence: Fence,
    /// When it was granted: the origin time of what it brings.
    pub at: Stamp,
    /// What was saved last.
    pub saved: Edition,
    /// What was not believed the last times, if nothing was believed since.
    pub refused: Option<Refused>,
}

/// Why there is no claim now, and what is known of the one that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// How long and why.
    pub wait: Wait,
    /// The standing attempt.
    pub standing: Standing,
}

/// The last attempt, as a store knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its number.
    pub fence: Fence,
    /// How long ago it was claimed.
    pub age: Duration,
    /// How it ended; none while it runs, or if its process died.
    pub outcome: Option<Outcome>,
    /// What was saved last.
    pub saved: Edition,
    /// The store lost it: its time is what those who asked since knew, and whether
    /// it runs is not known.
    pub is_lost: bool,
}

/// Names what is saved: a payload by its fence, and how often its ledger was
/// completed since.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Edition {
    /// Of the payload.
    pub fence: Fence,
    /// Grows with every save.
    pub revision: u64,
}

/// A payload and the ledger that goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The upstream's answer.
    pub payload: Payload,
    /// Slugs, times and changes up to it.
    pub ledger: Ledger,
    /// The revision that the ledger was made from.
    pub revision: u64,
}

impl Saved {
    /// What it is called, as far as the caller knows.
    pub fn edition(&self) -> Edition {
        Edition { fence: self.payload.fence, revision: self.revision }
    }
}

/// What a store has. The ledger can be there without its payload: if a body
/// was damaged, addresses and times still stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The payload saved last.
    pub payload: Option<Payload>,
    /// The ledger saved last.
    pub ledger: Option<Ledger>,
    /// What they are called.
    pub edition: Edition,
}

/// What became of a save.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It stands, and is called this.
    As(Edition),
    /// A newer payload stands already; nothing was written.
    Older,
    /// What stands has a ledger that the caller has not seen; nothing was
    /// written.
    Overtaken,
}

/// What became of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It stands.
    Done,
    /// A newer one stands already; nothing was written.
    Older,
}

/// What a mutex guards. A thread that failed with it left it whole: each write is one.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The operations that both stores have.
#[allow(async_fn_in_trait, reason = "both implementations live here; no dyn, no bounds needed")]
pub trait Store {
    /// Asks for the next refresh. Recorded before it returns: what is granted
    /// is spent, whatever happens next.
    async fn claim(&self, ask: &Ask) -> Result<Claim>;
    /// Moves the attempt's time to now, if `fence` is still the newest.
    async fn renew(&self, fence: Fence) -> Result<Option<Granted>>;
    /// Saves payload and ledger, and announces them, unless newer are saved. What
    /// else is known by then is added to the ledger.
    async fn save(&self, saved: &mut Saved) -> Result<Kept>;
    /// Records how the refresh `fence` ended, unless a newer one stands.
    async fn record(&self, fence: Fence, outcome: &Outcome) -> Result<Written>;
    /// What was saved last.
    async fn load(&self) -> Result<Loaded>;
    /// What the owner accepts though it is not believed: the marks that are less than
    /// [`MARK_LASTS`] old.
    async fn accepted(&self) -> Result<Vec<Mark>>;
    /// Keeps a mark in place of the last one, or none. Needs no lock.
    async fn accept(&self, mark: Option<&Mark>) -> Result<()>;
    /// The last attempt.
    async fn standing(&self) -> Result<Option<Standing>>;
}
