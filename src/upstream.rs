//! The identity of the upstream whose data a directory or a key contains.
//!
//! Owns the identity of an upstream, and the error for a directory that contains data of another
//! upstream. The data of two upstreams is never mixed.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The identity of the upstream to which a state directory, an `--out` or a key in Redis belongs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UpstreamId(pub String);

/// The policy for a directory that was made for another upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strange {
    /// Refuse the directory with an error that names both upstreams.
    Refuse,
    /// Take the directory over, because the owner says so (`--adopt`), for example after the
    /// upstream has moved.
    Adopt,
}

/// The error for a directory that belongs to another upstream.
#[derive(Debug, thiserror::Error)]
#[error(
    "the state in {} was made for {}, not for {}: use another --state (and --out), or --adopt if the API has moved",
    directory.display(), found.0, wanted.0
)]
pub struct OtherUpstream {
    /// The directory.
    pub directory: PathBuf,
    /// The upstream whose data the directory contains.
    pub found: UpstreamId,
    /// The upstream in the configuration.
    pub wanted: UpstreamId,
}
