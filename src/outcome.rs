//! How a refresh ended.
//!
//! Owns the names of outcomes. They are stored with the claim, shown by kind in
//! public files and counted; the *text* of a failure may name hosts and keys
//! and stays in the log. It must not decide anything: policies read it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

mod refused;

pub use refused::{Gone, MOST_DIGESTS, Mark, Offer, Refused, SetsHash};

/// The end of a refresh, as all replicas are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ended.
    pub kind: OutcomeKind,
    /// How long from then the upstream asked to be left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
    /// What was not believed, and how often in a row by now. Stores keep it beside the
    /// outcome, for the next claim; those who look at the outcome do not need it.
    #[serde(skip)]
    pub refused: Option<Refused>,
}

impl Outcome {
    /// An outcome without a wish of the upstream's.
    pub fn of(kind: OutcomeKind) -> Outcome {
        Outcome { kind, retry_after: None, refused: None }
    }
}

impl From<&Failure> for Outcome {
    fn from(failure: &Failure) -> Outcome {
        Outcome {
            kind: OutcomeKind::Failed(failure.kind),
            retry_after: failure.retry_after,
            refused: failure.refused.clone(),
        }
    }
}

/// Kinds of outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// Newer data was brought.
    Changed,
    /// The data is confirmed as it was.
    Unchanged,
    /// It failed; the last good data stands.
    Failed(FailureKind),
}

impl OutcomeKind {
    /// Whether the data was brought or confirmed.
    pub fn is_good(self) -> bool {
        !matches!(self, OutcomeKind::Failed(_))
    }
}

impl fmt::Display for OutcomeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OutcomeKind::Changed => f.write_str("changed"),
            OutcomeKind::Unchanged => f.write_str("unchanged"),
            OutcomeKind::Failed(kind) => kind.fmt(f),
        }
    }
}

/// Kinds of failure: all that public files say of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// No connection: name not found, refused, unreachable.
    Unreachable,
    /// The certificate or the handshake failed.
    Tls,
    /// An answer did not come in time.
    Timeout,
    /// 429: asked to slow down.
    RateLimited,
    /// 401, 402, 403, 404, 410: probably the wrong address.
    Refused,
    /// 5xx and every other status that brings no data.
    BadStatus,
    /// Redirected to another host, or too often.
    Redirected,
    /// More bytes than `--max-bytes`.
    TooLarge,
    /// The answer broke off.
    Truncated,
    /// The answer is no list of records.
    Malformed,
    /// The answer is well formed and not believed.
    Implausible,
    /// A template of ours failed.
    Render,
    /// Writing `--out` failed.
    Publish,
    /// The store could not keep it.
    Store,
    /// The process ended before there was an outcome, or in a way that only a newer
    /// program knows.
    Interrupted,
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FailureKind::Unreachable => "unreachable",
            FailureKind::Tls => "tls",
            FailureKind::Timeout => "timeout",
            FailureKind::RateLimited => "rate-limited",
            FailureKind::Refused => "refused",
            FailureKind::BadStatus => "bad-status",
            FailureKind::Redirected => "redirected",
            FailureKind::TooLarge => "too-large",
            FailureKind::Truncated => "truncated",
            FailureKind::Malformed => "malformed",
            FailureKind::Implausible => "implausible",
            FailureKind::Render => "render",
            FailureKind::Publish => "publish",
            FailureKind::Store => "store",
            FailureKind::Interrupted => "interrupted",
        })
    }
}

/// What follows from a failure. The last good site stays, whichever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// It passes by itself, most likely: a warning.
    KeepLastGood,
    /// It does not pass unless somebody acts: an error.
    KeepAndCall,
    /// The answer is no catalogue: its first bad byte or field is named.
    KeepAndName,
    /// The answer waits, kept apart, until it has proved steady or is accepted.
    KeepUntilProved,
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Policy::KeepLastGood => "keep-last-good",
            Policy::KeepAndCall => "keep-and-call",
            Policy::KeepAndName => "keep-and-name",
            Policy::KeepUntilProved => "keep-until-proved",
        })
    }
}

impl FailureKind {
    /// What follows from it.
    pub fn policy(self) -> Policy {
        match self {
            FailureKind::Unreachable
            | FailureKind::Tls
            | FailureKind::Timeout
            | FailureKind::RateLimited
            | FailureKind::BadStatus
            | FailureKind::Truncated
            | FailureKind::Interrupted => Policy::KeepLastGood,
            FailureKind::Refused
            | FailureKind::Redirected
            | FailureKind::TooLarge
            | FailureKind::Render
            | FailureKind::Publish
            | FailureKind::Store => Policy::KeepAndCall,
            FailureKind::Malformed => Policy::KeepAndName,
            FailureKind::Implausible => Policy::KeepUntilProved,
        }
    }
}

/// A refresh that failed. A value and not an error: it is stored, shown by its
/// kind and counted, and the last good site stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What public files may say.
    pub kind: FailureKind,
    /// What failed.
    pub what: String,
    /// Why, from the nearest cause to the root.
    pub causes: Vec<String>,
    /// What to do about it, where that is not plain.
    pub advice: Option<&'static str>,
    /// How long the upstream asked to be left alone.
    pub retry_after: Option<Duration>,
    /// What was not believed, if that is what failed.
    pub refused: Option<Refused>,
}

impl Failure {
    /// A failure that tells its own cause.
    pub fn new(kind: FailureKind, what: impl Into<String>) -> Failure {
        let (what, causes) = (what.into(), Vec::new());
        Failure { kind, what, causes, advice: None, retry_after: None, refused: None }
    }

    /// A failure that an error chain tells of.
    pub fn because(kind: FailureKind, error: &anyhow::Error) -> Failure {
        let causes = error.chain().skip(1).map(ToString::to_string).collect();
        Failure { causes, ..Failure::new(kind, error.to_string()) }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn advised(self, advice: &'static str) -> Failure {
        Failure { advice: Some(advice), ..self }
    }
}

/// One line: what failed, its root and the way out. The causes between are for
/// those who ask.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(root) = self.causes.last() {
            write!(f, ": {root}")?;
        }
        match self.advice {
            Some(advice) => write!(f, "; {advice}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}
