//! What is recorded during a run, for the laws and the table.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::executor::Micros;

/// Who granted a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Granter {
    Redis,
    /// The state directory, because the replica could not use Redis.
    Disk,
}

/// A refresh that was sent to the upstream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) at: Micros,
    pub(crate) replica: usize,
    pub(crate) fence: u64,
    pub(crate) granter: Granter,
    /// The highest fence of which the replica had heard before its claim.
    pub(crate) heard: u64,
}

/// An old page, and what the replica knew.
#[derive(Debug, Clone)]
#[expect(dead_code, reason = "the message about a breach shows the fields")]
pub(crate) struct OldLoad {
    pub(crate) at: Micros,
    pub(crate) replica: usize,
    pub(crate) age: Micros,
    pub(crate) why: String,
}

/// A time in which something was wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trouble {
    pub(crate) from: Micros,
    pub(crate) until: Micros,
    /// The replica; `None` for Redis and the upstream.
    pub(crate) replica: Option<usize>,
    pub(crate) what: What,
}

/// What was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// The upstream failed, or took longer than `--hold`.
    Upstream,
    /// A process stood still or was killed.
    Process,
    /// Redis lost data or could not be reached.
    Redis,
}

/// A replica that began to show a payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown {
    pub(crate) fence: u64,
    pub(crate) replica: usize,
    pub(crate) at: Micros,
}

/// Everything that is recorded.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) sent: RefCell<Vec<Sent>>,
    pub(crate) troubles: RefCell<Vec<Trouble>>,
    /// Time of the first save of each payload in Redis, by fence.
    pub(crate) saves: RefCell<BTreeMap<u64, Micros>>,
    pub(crate) shown: RefCell<Vec<Shown>>,
    /// Waits of held page loads.
    pub(crate) held: RefCell<Vec<Micros>>,
    pub(crate) old: RefCell<Vec<OldLoad>>,
    pub(crate) loads: RefCell<u64>,
    /// Saves that Redis refused, because another replica had saved meanwhile.
    pub(crate) overtaken: RefCell<u64>,
}

impl Record {
    pub(crate) fn trouble(&self, from: Micros, until: Micros, replica: Option<usize>, what: What) {
        self.troubles.borrow_mut().push(Trouble { from, until, replica, what });
    }

    /// Notes the save of a payload. A later save of the same payload completes its ledger.
    pub(crate) fn saved(&self, fence: u64, at: Micros) {
        self.saves.borrow_mut().entry(fence).or_insert(at);
    }
}
