//! Connections over HTTP/2 without TLS, for proxies that know beforehand that the server speaks HTTP/2
//! (*prior knowledge*, RFC 9113 §3.3).
//!
//! Owns the connection after its preface: the settings, the streams, and the end. [`wire`](super::wire)
//! finds the preface, so a connection over HTTP/1.1 does not come here. The answers are the answers of
//! HTTP/1.1 ([`reply`]).
//!
//! The library h2 is used without hyper. hyper gives h2 the whole rest of a body as soon as the client
//! takes one byte, and then nothing can end the stream of a client that takes no further byte.

mod reply;
mod rewound;

use std::pin::pin;
use std::rc::Rc;

use bytes::Bytes;
use h2::Reason;
use h2::server::Builder;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::debug;

use super::client_socket::ClientSocket;
use super::leaving::Leaving;
use super::{FrontDesk, Limits};
use crate::access_log::Client;
use rewound::Rewound;

/// Largest number of open streams of one connection. A proxy with more visitors at once opens further
/// connections. RFC 9113 §6.5.2 recommends at least 100.
const MOST_STREAMS: u32 = 128;
/// Bytes of one body that wait in the library until the client takes them.
const MOST_UNSENT: usize = 64 << 10;
/// Bytes of the memory that small parts of request bodies may take until they are read. Beyond, the
/// connection ends with all its streams, so visitors of one proxy must not reach the bound.
const MOST_IN_SMALL_PARTS: usize = 256 << 10;

/// Answers on a connection until the client leaves, the server stops, or no stream was open for a
/// while. `first` are the bytes that were read from `socket` already.
///
/// # Errors
/// Fails if the client breaks the protocol, or cannot be written to.
pub(super) async fn serve(
    front: Rc<FrontDesk>,
    peer: Client,
    socket: ClientSocket,
    first: Bytes,
) -> Result<(), h2::Error> {
    let Limits { head: idle, head_bytes, .. } = front.limits;
    let rewound = Rewound::new(socket, first, idle);
    let mut connection = settings(head_bytes).handshake(rewound).await?;
    let mut over = pin!(Leaving::default().end(front.stop.clone()));
    let (mut is_over, mut is_ending, mut was_busy) = (false, false, false);
    // The connection ends after one to two of these intervals without a stream. A timer for each stream
    // would be more exact, and would cost more.
    let mut looks = interval_at(Instant::now() + idle, idle);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = &mut over, if !is_over => {
                (is_over, is_ending) = (true, true);
                connection.graceful_shutdown();
            }
            _ = looks.tick() => {
                let is_busy = std::mem::take(&mut was_busy) || connection.has_streams();
                match (is_busy, is_ending) {
                    (true, _) => {}
                    // The client learns which of its requests are answered, so no request is lost.
                    (false, false) => connection.graceful_shutdown(),
                    // The client does not confirm that it knows of the end.
                    (false, true) => connection.abrupt_shutdown(Reason::NO_ERROR),
                }
                is_ending |= !is_busy;
            }
            accepted = connection.accept() => {
                let Some(accepted) = accepted else { return Ok(()) };
                let (request, respond) = accepted?;
                was_busy = true;
                let answer = reply::answer(front.clone(), peer, request, respond);
                tokio::task::spawn_local(async move {
                    if let Err(error) = answer.await {
                        debug!("a stream of HTTP/2 ended early: {error:#}");
                    }
                });
            }
        }
    }
}

/// Returns the settings of the library. The windows for bodies of requests have their smallest size,
/// 64 KiB for each connection, because bodies have no meaning here.
fn settings(head_bytes: usize) -> Builder {
    let mut settings = Builder::new();
    settings
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(u32::try_from(head_bytes).unwrap_or(u32::MAX))
        .max_send_buffer_size(MOST_UNSENT)
        // A stream that the client has reset already takes as much memory as an open stream.
        .max_pending_accept_reset_streams(MOST_STREAMS as usize)
        .data_frame_budget(MOST_IN_SMALL_PARTS);
    settings
}
