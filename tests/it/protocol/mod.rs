//! A checked model of the protocol by which replicas share one Redis.
//!
//! Owns the proof of promise 1 (courtesy), of the order of payloads, and of the merging of
//! ledgers. Tests with a few processes cannot prove these: a fault needs a crash, a pause or a
//! wipe between two particular steps. The model has four parts:
//!
//! 1. [`model`]: the Lua scripts as pure functions.
//! 2. [`conformance`]: a comparison of the model with a real Redis.
//! 3. [`replica`], [`world`] and [`steps`]: the steps of a replica between two scripts, and the
//!    faults that three replicas can meet.
//! 4. [`explore`], [`fair`] and [`laws`]: the search of all reachable states, the continuation
//!    of a state without more faults, and the laws that hold in every state. Protocols that are
//!    known to be bad are kept, and the search must find that they are bad.
//!
//! The model has no clocks that differ or step, only one request in each refresh, no
//! `Retry-After`, and no requests that wait.

mod conformance;
mod explore;
mod fair;
mod laws;
pub(crate) mod model;
mod replica;
mod steps;
mod world;

/// The rules of the protocol. A test can leave out one rule, and then finds the law that breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    /// A fence is at least the time and the fences that the caller knows. Without this rule, a
    /// fence is the last fence in Redis plus one.
    pub(crate) fences_from_time: bool,
    /// The claim never expires. Without this rule, the claim expires after an interval.
    pub(crate) claims_last: bool,
    /// The claim takes the later of the last attempt in Redis and the last attempt of the caller.
    pub(crate) restored_from_callers: bool,
    /// If the caller knows a newer claim than Redis, no claim is granted for one round, as after
    /// the loss of a claim.
    pub(crate) older_claims_wait_a_round: bool,
    /// An expired claim is renewed before a request is sent.
    pub(crate) checked_before_send: bool,
    /// A payload with the same fence is saved only over the revision that the caller has seen.
    pub(crate) saved_over_what_was_seen: bool,
    /// A payload with a newer fence, too, is saved only over the revision that the caller has seen.
    pub(crate) newer_saved_over_what_was_seen: bool,
    /// A save that Redis refuses is kept in the state directory.
    pub(crate) refused_saves_are_kept: bool,
    /// A replica that looks at Redis reports the last attempt that the replica knows, if Redis does
    /// not have this attempt.
    pub(crate) looks_tell: bool,
}

impl Rules {
    /// The rules of the program.
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
