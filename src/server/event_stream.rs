//! The bytes of an event stream over HTTP/1.1: the head of the answer, and one chunk for each event.
//!
//! Owns the connection from the request for events on. The HTTP library keeps buffers of 16 kB for a
//! connection, which an open stream never uses, and most of the memory of a site with many open pages
//! would be such buffers. A client that leaves ends the stream at once.

use std::cell::Cell;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::Version;
use hyper::header::{CONNECTION, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use hyper::http::response::Parts;
use tokio::io::{AsyncReadExt, AsyncWriteExt, split};

use super::client_socket::ClientSocket;
use super::events::{OpenStream, OpenedEvents};
use super::headers;
use crate::clock::WallTime;

/// Whether the connection goes from the HTTP library to a stream, and whether the library has written
/// all answers before.
#[derive(Debug, Default)]
pub(super) struct TakeOver {
    is_wanted: AtomicBool,
    is_ready: AtomicBool,
}

impl TakeOver {
    /// Asks for the connection after the next flush.
    pub(super) fn want(&self) {
        self.is_wanted.store(true, Ordering::Relaxed);
    }

    /// Notes that the library has flushed everything.
    pub(super) fn flushed(&self) {
        if self.is_wanted.load(Ordering::Relaxed) {
            self.is_ready.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the library has nothing left to write.
    pub(super) fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Relaxed)
    }
}

/// An answer over HTTP/1.1 that is a stream of events, before its first byte.
pub(super) struct EventStream {
    head: Vec<u8>,
    is_chunked: bool,
    events: OpenStream,
}

impl EventStream {
    pub(super) fn new(opened: OpenedEvents) -> EventStream {
        let OpenedEvents { head: answer, version, now, stream: events } = opened;
        let is_chunked = version >= Version::HTTP_11;
        EventStream { head: head(answer, is_chunked, now), is_chunked, events }
    }

    /// Writes events until the client leaves or the server stops, and counts the bytes in `sent`.
    ///
    /// # Errors
    /// Fails if the client cannot be written to.
    pub(super) async fn run(self, socket: ClientSocket, sent: &Cell<u64>) -> io::Result<()> {
        let EventStream { head, is_chunked, mut events } = self;
        let (mut from_client, mut to_client) = split(socket);
        to_client.write_all(&head).await?;
        drop(head);
        let left = async {
            // Further requests have no answer, because the stream is the last answer.
            let mut ignored = [0; 64];
            while !matches!(from_client.read(&mut ignored).await, Ok(0) | Err(_)) {}
        };
        let told = async {
            while let Some(event) = events.next().await {
                let bytes = if is_chunked { chunk(&event) } else { event.to_vec() };
                to_client.write_all(&bytes).await?;
                sent.set(sent.get() + event.len() as u64);
            }
            if is_chunked {
                to_client.write_all(b"0\r\n\r\n").await?;
            }
            Ok(())
        };
        tokio::select! {
            () = left => Ok(()),
            told = told => told,
        }
    }
}

fn head(answer: Parts, is_chunked: bool, now: WallTime) -> Vec<u8> {
    let mut fields: HeaderMap = answer.headers;
    if is_chunked {
        fields.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    // The connection ends with the stream (RFC 9112 §9.6).
    fields.insert(CONNECTION, HeaderValue::from_static("close"));
    headers::say_date(&mut fields, now);
    let mut head = format!("HTTP/1.1 {}\r\n", answer.status).into_bytes();
    for (name, value) in &fields {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Returns the bytes as a chunk (RFC 9112 §7.1).
fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = Vec::with_capacity(bytes.len() + 16);
    // Writing to memory does not fail.
    let _ = write!(chunk, "{:X}\r\n", bytes.len());
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_has_its_length_in_hexadecimal() {
        assert_eq!(chunk(b"data: 12345678\n\n"), b"10\r\ndata: 12345678\n\n\r\n");
    }

    #[test]
    fn a_take_over_needs_a_wish_and_then_a_flush() {
        let take_over = TakeOver::default();
        take_over.flushed();
        assert!(!take_over.is_ready());
        take_over.want();
        assert!(!take_over.is_ready());
        take_over.flushed();
        assert!(take_over.is_ready());
    }
}
