//! How a refresh ended.
//!
//! Owns the names of outcomes and the policy of each failure. Outcomes are stored with the
//! claim, counted, and shown by kind in public files. The *text* of a failure may name hosts
//! and keys, so the text stays in the log.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

mod refused;

pub use refused::{Gone, MOST_DIGESTS, Mark, Offer, Refused, SetsHash};

/// The outcome of a refresh, as all replicas learn it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Whether the refresh succeeded, or the kind of its failure.
    pub kind: OutcomeKind,
    /// Time from the outcome for which the upstream asked for no request (`Retry-After`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
    /// The refused answer, with the number of refusals in a row. Stores keep this value beside the
    /// outcome for the next claim, because readers of the outcome do not need the value.
    #[serde(skip)]
    pub refused: Option<Refused>,
}

impl Outcome {
    /// Makes an outcome without `Retry-After`.
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
    /// The refresh brought different data.
    Changed,
    /// The refresh confirmed the data.
    Unchanged,
    /// The refresh failed. The last good data stays.
    Failed(FailureKind),
}

impl OutcomeKind {
    /// Whether the refresh succeeded.
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

/// The kinds of failure. Public files show the kind and nothing else of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// No connection: the name was not found, or the connection was refused, or there is no route.
    Unreachable,
    /// The certificate or the TLS handshake failed.
    Tls,
    /// No complete answer came in time.
    Timeout,
    /// Status 429: the upstream asks for fewer requests.
    RateLimited,
    /// Status 401, 402, 403, 404 or 410: the address is probably wrong.
    Refused,
    /// Status 5xx, or another status without data.
    BadStatus,
    /// A redirect to another host, or too many redirects.
    Redirected,
    /// The answer has more bytes than `--max-bytes`.
    TooLarge,
    /// The connection broke before the answer was complete.
    Truncated,
    /// The answer is not a list of records.
    Malformed,
    /// The answer is well formed but lacks or adds too many records.
    Implausible,
    /// A template failed.
    Render,
    /// `--out` could not be written.
    Publish,
    /// The store could not record the attempt or save the payload.
    Store,
    /// The process ended before there was an outcome, or a newer program recorded an outcome that
    /// this program does not know.
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

/// What follows from a failure. The last good site stays in every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The failure probably passes by itself: log a warning.
    KeepLastGood,
    /// The failure lasts until the operator acts: log an error.
    KeepAndCall,
    /// The answer is not a catalogue: the log names the first bad byte or field.
    KeepAndName,
    /// The answer is kept apart until it has proved steady or the owner accepts it.
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
    /// Returns the policy for this kind.
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

/// A failed refresh. A failure is a value and not an error: it is stored, counted and shown by
/// its kind, and the last good site stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The kind, which public files may show.
    pub kind: FailureKind,
    /// What failed, for the log.
    pub what: String,
    /// The causes, from the nearest to the root.
    pub causes: Vec<String>,
    /// What the operator can do, unless that is obvious.
    pub advice: Option<&'static str>,
    /// Time for which the upstream asked for no request (`Retry-After`).
    pub retry_after: Option<Duration>,
    /// The refused answer, if the failure is [`FailureKind::Implausible`].
    pub refused: Option<Refused>,
}

impl Failure {
    /// Makes a failure without causes.
    pub fn new(kind: FailureKind, what: impl Into<String>) -> Failure {
        let (what, causes) = (what.into(), Vec::new());
        Failure { kind, what, causes, advice: None, retry_after: None, refused: None }
    }

    /// Makes a failure from an error and its chain of causes.
    pub fn because(kind: FailureKind, error: &anyhow::Error) -> Failure {
        let causes = error.chain().skip(1).map(ToString::to_string).collect();
        Failure { causes, ..Failure::new(kind, error.to_string()) }
    }

    /// Adds what the operator can do.
    #[must_use]
    pub fn advised(self, advice: &'static str) -> Failure {
        Failure { advice: Some(advice), ..self }
    }
}

/// Formats the failure as one line: what failed, the root cause and the advice. The log shows
/// the causes between with `-v`.
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
