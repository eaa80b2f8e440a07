//! Whose data a directory or a key holds.
//!
//! Owns the identity of an upstream, and what happens where data of another upstream stands.
//! Data of two upstreams never mixes.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Names the upstream that a state or a key belongs to: data of two upstreams
/// never mix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UpstreamId(pub String);

/// What to do with a directory that was made for another upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strange {
    /// Refuse it by name.
    Refuse,
    /// Take it over: the upstream has moved, or the owner knows.
    Adopt,
}

/// A state directory that belongs to another upstream.
#[derive(Debug, thiserror::Error)]
#[error(
    "the state in {} was made for {}, not for {}: use another --state (and --out), or --adopt if the API has moved",
    directory.display(), found.0, wanted.0
)]
pub struct OtherUpstream {
    /// The state directory.
    pub directory: PathBuf,
    /// Whose data it holds.
    pub found: UpstreamId,
    /// Whose data was asked for.
    pub wanted: UpstreamId,
}
