//! How a refresh ended.
//!
//! Owns the names of outcomes. They are stored with the claim, shown by kind in
//! public files and counted; the *text* of a failure may name hosts and keys
//! and stays in the log. It must not decide anything: policies read it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The end of a refresh, as all replicas are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ended.
    pub kind: OutcomeKind,
    /// How long from then the upstream asked to be left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
}

impl Outcome {
    /// An outcome without a wish of the upstream's.
    pub fn of(kind: OutcomeKind) -> Outcome {
        Outcome { kind, retry_after: None }
    }
}

impl From<&Failure> for Outcome {
    fn from(failure: &Failure) -> Outcome {
        Outcome { kind: OutcomeKind::Failed(failure.kind), retry_after: failure.retry_after }
    }
}

/// Kinds of outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    /// A template of ours failed.
    Render,
    /// Writing `--out` failed.
    Publish,
    /// The store could not keep it.
    Store,
    /// The process ended before there was an outcome.
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
            FailureKind::Render => "render",
            FailureKind::Publish => "publish",
            FailureKind::Store => "store",
            FailureKind::Interrupted => "interrupted",
        })
    }
}

/// A refresh that failed. A value and not an error: it is stored, shown by its
/// kind and counted, and the last good site stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What public files may say.
    pub kind: FailureKind,
    /// What the log says: what failed and what to do about it.
    pub message: String,
    /// How long the upstream asked to be left alone.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure without a wish of the upstream's.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Failure {
        Failure { kind, message: message.into(), retry_after: None }
    }

    /// A failure that an error chain tells of.
    pub fn because(kind: FailureKind, error: &anyhow::Error) -> Failure {
        Failure::new(kind, format!("{error:#}"))
    }
}
