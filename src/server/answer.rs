//! The two ends of an answer: what a load met, and the answer itself.
//!
//! Owns both types, so that the files that make an answer need not know each other.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;

use crate::clock::Now;
use crate::hold::Decision;
use crate::live::Snapshot;

/// An answer with its whole body.
pub(super) type Answer = Response<Full<Bytes>>;

/// What a load met: one snapshot at one moment, and what the hold made of it.
#[derive(Debug, Clone)]
pub(super) struct Met {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) now: Now,
    pub(super) decision: Decision,
    /// How long it waited, if it did.
    pub(super) held: Option<Duration>,
}
