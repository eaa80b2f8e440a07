//! The answer of the upstream.

use std::time::Duration;

use crate::payload::Body;

/// The answer of the upstream to one refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamAnswer {
    /// The films. After a 304, the body that was known.
    pub films: Body,
    /// The people. After a 304, the body that was known.
    pub people: Body,
    /// The larger declared age of the two answers (RFC 9111 §5.1).
    pub declared_age: Duration,
}
