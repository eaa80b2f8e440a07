//! The input and the output of an answer.
//!
//! Owns both types, so that the files that make an answer do not depend on each other.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;

use super::shown::ShownSnapshot;
use crate::clock::Now;
use crate::hold::Decision;

/// An answer with its complete body.
pub(super) type Answer = Response<Full<Bytes>>;

/// The input: one snapshot at one moment, and the decision of the hold.
#[derive(Debug, Clone)]
pub(super) struct Met {
    pub(super) shown: Rc<ShownSnapshot>,
    pub(super) now: Now,
    pub(super) decision: Decision,
    /// Duration of the wait, if the request waited.
    pub(super) held: Option<Duration>,
}
