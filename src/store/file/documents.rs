//! The documents of the state directory, as they are written.
//!
//! Owns their forms, those of earlier versions included. It must not read or write files.

use serde::{Deserialize, Serialize};

use crate::clock::Stamp;
use crate::ledger::Ledger;
use crate::outcome::{Mark, Outcome, Refused};
use crate::payload::Fence;
use crate::store::Edition;

/// The last attempt as the state directory keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its number.
    pub fence: Fence,
    /// When it was claimed.
    pub at: Stamp,
    /// By which ask.
    pub nonce: String,
    /// How it ended, and when.
    pub ended: Option<Ended>,
    /// What was not believed the last times, this one included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
}

/// How an attempt ended, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: Stamp,
    /// How.
    pub outcome: Outcome,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) fence: Fence,
    #[serde(default)]
    pub(super) revision: u64,
    pub(super) origin: Stamp,
    pub(super) films: BodyHead,
    pub(super) people: BodyHead,
    pub(super) ledger: LedgerHead,
}

/// Where the ledger is. Every claim reads the head, so the ledger does not stand in it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum LedgerHead {
    /// Among the bodies.
    Apart {
        /// The file's name.
        hash: String,
    },
    /// In the head itself, as earlier versions kept it.
    Within(Box<Ledger>),
}

impl Head {
    /// Names of the bodies that go with the head.
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

/// A mark of the owner's, and when it was made. A mark of an older program is a name alone:
/// it says nothing of what was shown, and is none.
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
