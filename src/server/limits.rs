//! What one visitor, and all of them together, may take.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

use super::GRACE;

/// Descriptors that are not for visitors: listeners, upstream, Redis, files.
const RESERVED: u64 = 64;
/// More connections than this need more than one process.
const MOST_CONNECTIONS: u64 = 50_000;

/// Bounds of the server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Loads that wait for newer data at once.
    pub parked: usize,
    /// Streams of events at once.
    pub streams: usize,
    /// Until a request's head is whole, from the start of the wait for it.
    pub head: Duration,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Without a byte taken by a client that is being answered.
    pub write: Duration,
    /// After an error of accepting.
    pub accept_pause: Duration,
    /// For requests in flight when the server stops.
    pub grace: Duration,
}

impl Limits {
    /// The limits for a process that may have so many descriptors, and should have no
    /// more streams than `streams`.
    pub fn for_descriptors(descriptors: u64, streams: usize) -> Limits {
        let connections = descriptors.saturating_sub(RESERVED).clamp(8, MOST_CONNECTIONS);
        Limits {
            connections: connections as usize,
            // So that somebody is always answered.
            parked: connections as usize / 4 * 3,
            // Each is a connection: what is left is for pages.
            streams: streams.min(connections as usize / 2),
            head: Duration::from_secs(5),
            head_bytes: 16 << 10,
            write: Duration::from_secs(20),
            accept_pause: Duration::from_millis(100),
            grace: GRACE,
        }
    }
}

/// Raises the limit of open descriptors as far as the system allows, and says
/// what it is.
pub fn raise_descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        warn!("cannot raise the limit of open files: {error}");
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
