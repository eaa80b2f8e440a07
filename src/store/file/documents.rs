//! The documents of the state directory.
//!
//! Owns their forms, including the forms of earlier versions. This module must not do I/O.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::clock::Stamp;
use crate::ledger::Ledger;
use crate::outcome::{Mark, Outcome, Refused};
use crate::payload::{AnswerHead, Body, Fence};
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

/// The last save.
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

/// The place of the ledger. Every claim reads the head, so the ledger has files of its own.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum LedgerHead {
    /// In files beside the bodies.
    Apart(BodyPlace),
    /// In the head itself, as the first versions wrote it.
    Within(Box<Ledger>),
}

/// The place of a body.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum BodyPlace {
    /// In parts, whose names are in a list.
    InParts {
        /// Name of the file with the list.
        list: String,
    },
    /// In one file, as earlier versions wrote it.
    Whole {
        /// Name of the file.
        hash: String,
    },
}

impl SavedHead {
    /// Returns the places of everything that belongs to the head.
    pub(super) fn places(&self) -> impl Iterator<Item = &BodyPlace> {
        let ledger = match &self.ledger {
            LedgerHead::Apart(place) => Some(place),
            LedgerHead::Within(_) => None,
        };
        [&self.films.place, &self.people.place].into_iter().chain(ledger)
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

/// A body with what is known about its answers.
#[derive(Serialize, Deserialize)]
pub(super) struct BodyHead {
    #[serde(flatten)]
    pub(super) place: BodyPlace,
    /// `None` in a document of an earlier version: the body is then one answer.
    #[serde(default)]
    pub(super) answers: Option<Vec<AnswerHead>>,
}

impl BodyHead {
    pub(super) fn of(place: BodyPlace, body: &Body) -> BodyHead {
        BodyHead { place, answers: Some(body.heads().to_vec()) }
    }

    /// Returns the body with these bytes, or `None` if the bytes do not fit the head.
    pub(super) fn body(self, bytes: Bytes) -> Option<Body> {
        Body::restored(bytes, self.answers)
    }
}
