//! The protocol by which replicas share one Redis, as a model that is checked.
//!
//! Owns the proof of promise 1 (courtesy), of the order of payloads, and of the merging of
//! ledgers. Tests with a few processes cannot prove these: a fault needs a crash, a pause or a
//! wipe between two particular steps. The model has four parts:
//!
//! 1. [`model`]: the Lua scripts as pure functions.
//! 2. [`conformance`]: a comparison of the model with a real Redis.
//! 3. [`replica`], [`world`] and [`steps`]: what a replica does between two scripts, and what
//!    can happen to three replicas.
//! 4. [`explore`], [`fair`] and [`laws`]: all states that can follow, what follows from a state
//!    without more faults, and the laws that hold in every state. Protocols that are known to
//!    be bad are kept, and the search must find that they are bad.
//!
//! The model does not have clocks that differ or step, more than one request in a refresh,
//! `Retry-After`, or the wait of visitors.

mod conformance;
mod explore;
mod fair;
mod laws;
mod model;
mod replica;
mod steps;
mod world;

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
    /// A claim that is older than one the caller has heard of is left to others for a
    /// round, as one that vanished is.
    pub(crate) older_claims_wait_a_round: bool,
    /// What was claimed too long ago is renewed before a request is sent.
    pub(crate) checked_before_send: bool,
    /// The same payload is saved only over the revision that the caller has seen.
    pub(crate) saved_over_what_was_seen: bool,
    /// A newer payload is saved only over what its ledger was made from, too.
    pub(crate) newer_saved_over_what_was_seen: bool,
    /// What Redis refuses to save is remembered in the state directory.
    pub(crate) refused_saves_are_kept: bool,
    /// Whoever looks tells of the last attempt it knows of, if Redis does not.
    pub(crate) looks_tell: bool,
}

impl Rules {
    /// As the program does it.
    pub(crate) const PROGRAM: Rules = Rules {
        fences_from_time: true,
        claims_last: true,
        restored_from_callers: true,
        older_claims_wait_a_round: true,
        checked_before_send: true,
        saved_over_what_was_seen: true,
        newer_saved_over_what_was_seen: true,
        refused_saves_are_kept: true,
        looks_tell: true,
    };
}
