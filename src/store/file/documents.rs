//! The documents of the state directory.
//!
//! Owns their forms, including the forms of earlier versions. This module must not do I/O.

use serde::{Deserialize, Serialize};

use crate::clock::Stamp;
use crate::ledger::Ledger;
use crate::outcome::{Mark, Outcome, Refused};
use crate::payload::Fence;
use crate::store::Edition;

/// The last attempt, as the state directory keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The fence of the claim.
    pub fence: Fence,
    /// Time of the claim.
    pub at: Stamp,
    /// The nonce of the `Ask`.
    pub nonce: String,
    /// The outcome and its time; `None` while the refresh runs, or if its process died.
    pub ended: Option<AttemptEnd>,
    /// The refusals in a row until now, including the refusal of this attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
}

/// The end of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptEnd {
    /// Time of the end.
    pub at: Stamp,
    /// The outcome.
    pub outcome: Outcome,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SavedHead {
    pub(super) fence: Fence,
    #[serde(default)]
    pub(super) revision: u64,
    pub(super) origin: Stamp,
    pub(super) films: BodyHead,
    pub(super) people: BodyHead,
    pub(super) ledger: LedgerHead,
}

/// The place of the ledger. Every claim reads the head, so the ledger has a separate file.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum LedgerHead {
    /// In a file beside the bodies.
    Apart {
        /// Name of the file.
        hash: String,
    },
    /// In the head itself, as earlier versions wrote it.
    Within(Box<Ledger>),
}

impl SavedHead {
    /// Returns the names of the bodies that belong to the head.
    pub(super) fn names(&self) -> Vec<&str> {
        let ledger = match &self.ledger {
            LedgerHead::Apart { hash } => Some(hash.as_str()),
            LedgerHead::Within(_) => None,
        };
        [self.films.hash.as_str(), self.people.hash.as_str()].into_iter().chain(ledger).collect()
    }

    pub(super) fn edition(&self) -> Edition {
        Edition { fence: self.fence, revision: self.revision }
    }
}

/// An accept mark with its time. A mark of an older program is only a name and does not say what
/// the owner was shown, so such a mark is ignored.
#[derive(Default, Serialize, Deserialize)]
#[serde(from = "AnyMark")]
pub(super) struct KeptMark {
    pub(super) mark: Option<Mark>,
    pub(super) at: Option<Stamp>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum AnyMark {
    Whole { mark: Mark, at: Stamp },
    Other(serde::de::IgnoredAny),
}

impl From<AnyMark> for KeptMark {
    fn from(any: AnyMark) -> KeptMark {
        match any {
            AnyMark::Whole { mark, at } => KeptMark { mark: Some(mark), at: Some(at) },
            AnyMark::Other(_) => KeptMark::default(),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct BodyHead {
    pub(super) hash: String,
    pub(super) etag: Option<String>,
}
