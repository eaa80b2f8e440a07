//! Bounds on what one visitor and all visitors together may use.

use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

use super::GRACE;

/// Descriptors that are not for visitors: listeners, API, Redis, files.
const RESERVED: u64 = 64;
/// Largest number of connections. More connections need more than one process.
const MOST_CONNECTIONS: u64 = 50_000;

/// Longest time in which a client takes no byte of an answer. The kernel measures the time of TCP, so a
/// client that takes a few bytes now and then stays connected.
pub(super) const TAKES_NOTHING: Duration = Duration::from_secs(20);

/// Bounds of the server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest number of open connections.
    pub connections: usize,
    /// Largest number of requests that wait for newer data.
    pub parked: usize,
    /// Largest number of open streams of events.
    pub streams: usize,
    /// Longest time until the head of a request is complete.
    pub head: Duration,
    /// Largest size of the head of a request, in bytes.
    pub head_bytes: usize,
    /// Pause after a failure to accept a connection.
    pub accept_pause: Duration,
    /// Time for the requests in flight when the server stops.
    pub grace: Duration,
}

impl Limits {
    /// Returns the bounds for a process that may open `descriptors` files, with at most `streams`
    /// streams.
    pub fn for_descriptors(descriptors: u64, streams: usize) -> Limits {
        let connections = descriptors.saturating_sub(RESERVED).clamp(8, MOST_CONNECTIONS);
        Limits {
            connections: connections as usize,
            // The rest of the connections is always answered at once.
            parked: connections as usize / 4 * 3,
            // Each stream is a connection; the rest is for pages.
            streams: streams.min(connections as usize / 2),
            head: Duration::from_secs(5),
            head_bytes: 16 << 10,
            accept_pause: Duration::from_millis(100),
            grace: GRACE,
        }
    }

    /// Returns the settings of the HTTP library for each connection.
    pub(super) fn http(&self) -> http1::Builder {
        let mut settings = http1::Builder::new();
        settings
            .timer(TokioTimer::new())
            .header_read_timeout(self.head)
            .max_buf_size(self.head_bytes)
            // A client may close its sending side and wait for the answers (RFC 9112 §9.6).
            .half_close(true);
        settings
    }
}

/// Raises the limit of open files as far as the system permits. Returns the limit.
pub fn raise_descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        warn!("cannot raise the limit of open files: {error}");
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
