//! The protocol by which replicas share one Redis, as a model that is checked.
//!
//! 1. [`model`]: what the Lua scripts do, as pure functions.
//! 2. [`conformance`]: that they do that, side by side with a real Redis.

mod conformance;
mod model;

/// What the protocol rests on. Each rule can be left out, to see what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    /// A fence is no less than the time and all that the caller has seen; else it
    /// is counted up from what Redis has.
    pub(crate) fences_from_time: bool,
    /// The claim never expires; else it does after an interval.
    pub(crate) claims_last: bool,
    /// A claim takes the later of its own and the caller's last attempt.
    pub(crate) restored_from_callers: bool,
    /// What was claimed too long ago is renewed before a request is sent.
    pub(crate) checked_before_send: bool,
    /// The same payload is saved only over the revision that the caller has seen.
    pub(crate) saved_over_what_was_seen: bool,
    /// A newer payload is saved only over what its ledger was made from, too.
    pub(crate) newer_saved_over_what_was_seen: bool,
}

impl Rules {
    /// As the program does it.
    pub(crate) const PROGRAM: Rules = Rules {
        fences_from_time: true,
        claims_last: true,
        restored_from_callers: true,
        checked_before_send: true,
        saved_over_what_was_seen: true,
        newer_saved_over_what_was_seen: false,
    };
}
