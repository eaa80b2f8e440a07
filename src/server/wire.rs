//! The bytes of one connection, between the socket and the HTTP library.
//!
//! Owns what the library cannot do: [`Heads`], the decision whether a connection is HTTP/1.1 or HTTP/2,
//! and the note that the library has written everything, so that a stream of events can take the
//! connection over.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::client_socket::ClientSocket;
use super::event_stream::TakeOver;
use super::heads::Heads;

/// The first bytes of a connection over HTTP/2 (RFC 9113 §3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The protocol of a connection, as far as the bytes until now tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SpokenProtocol {
    /// The bytes until now are this number of bytes of [`PREFACE`].
    Unknown(usize),
    Http1,
    Http2,
}

impl SpokenProtocol {
    /// Returns what is known after all bytes of the connection.
    fn after(bytes: &[u8]) -> SpokenProtocol {
        if bytes.starts_with(PREFACE) {
            SpokenProtocol::Http2
        } else if PREFACE.starts_with(bytes) {
            SpokenProtocol::Unknown(bytes.len())
        } else {
            SpokenProtocol::Http1
        }
    }
}

/// One connection.
pub(super) struct Wire {
    stream: ClientSocket,
    spoken: SpokenProtocol,
    heads: Heads,
    take_over: Arc<TakeOver>,
}

impl Wire {
    pub(super) fn new(stream: ClientSocket, take_over: Arc<TakeOver>) -> Wire {
        Wire { stream, spoken: SpokenProtocol::Unknown(0), heads: Heads::default(), take_over }
    }

    /// Whether the connection began with the whole preface of HTTP/2. The library answers nothing to
    /// the preface, and ends with an error.
    pub(super) fn is_http2(&self) -> bool {
        self.spoken == SpokenProtocol::Http2
    }

    /// Whether the target of the last request is too long.
    pub(super) fn is_target_too_long(&self) -> bool {
        self.heads.is_target_too_long()
    }

    /// Returns the socket, for an answer that the library does not write.
    pub(super) fn into_socket(self) -> ClientSocket {
        self.stream
    }

    /// Reads the first bytes. The library needs the whole preface at once: it takes a part of the
    /// preface for a request of an unknown version. Therefore a part waits here for more bytes. The
    /// buffer of the library has room for a head, so it has room for the preface.
    fn poll_first_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        kept: usize,
    ) -> Poll<io::Result<()>> {
        let start = buffer.filled().len();
        buffer.put_slice(&PREFACE[..kept]);
        while let SpokenProtocol::Unknown(kept) = self.spoken {
            if Pin::new(&mut self.stream).poll_read(cx, buffer)?.is_pending() {
                buffer.set_filled(start);
                return Poll::Pending;
            }
            let bytes = &buffer.filled()[start..];
            let is_end = bytes.len() == kept;
            self.spoken = if is_end { SpokenProtocol::Http1 } else { SpokenProtocol::after(bytes) };
        }
        if self.spoken == SpokenProtocol::Http1 {
            self.heads.read(&mut buffer.filled_mut()[start..]);
        }
        Poll::Ready(Ok(()))
    }

    /// Writes another answer in place of `bytes`, which the library wrote. The answer is small and the
    /// last answer of the connection.
    fn write_instead(
        &mut self,
        cx: &mut Context<'_>,
        answer: &[u8],
        instead_of: usize,
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, answer))?;
        if written < answer.len() {
            return Poll::Ready(Err(ErrorKind::WriteZero.into()));
        }
        Poll::Ready(Ok(instead_of))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        match wire.spoken {
            SpokenProtocol::Http1 => {}
            SpokenProtocol::Http2 => return Pin::new(&mut wire.stream).poll_read(cx, buffer),
            SpokenProtocol::Unknown(kept) => return wire.poll_first_read(cx, buffer, kept),
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut wire.stream).poll_read(cx, buffer))?;
        wire.heads.read(&mut buffer.filled_mut()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        if let Some(answer) = wire.heads.refusal(bytes) {
            return wire.write_instead(cx, &answer, bytes.len());
        }
        Pin::new(&mut wire.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        if let Some(first) = bytes.first()
            && let Some(answer) = wire.heads.refusal(first)
        {
            return wire.write_instead(cx, &answer, first.len());
        }
        Pin::new(&mut wire.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        ready!(Pin::new(&mut wire.stream).poll_flush(cx))?;
        wire.take_over.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;

    use super::*;

    /// Returns what the library reads in each read if the client sends these parts one after another.
    async fn reads(parts: &[&[u8]]) -> (Vec<Vec<u8>>, bool) {
        let (mut client, server) = UnixStream::pair().expect("two sockets");
        let mut wire = Wire::new(ClientSocket::unix(server), Arc::default());
        let sent = async {
            for part in parts {
                client.write_all(part).await.expect("sent");
                tokio::task::yield_now().await;
            }
            drop(client);
        };
        let read = async {
            let (mut all, mut buffer) = (Vec::new(), [0; 64]);
            loop {
                let count = wire.read(&mut buffer).await.expect("read");
                if count == 0 {
                    return (all, wire.is_http2());
                }
                all.push(buffer[..count].to_vec());
            }
        };
        tokio::join!(sent, read).1
    }

    #[tokio::test]
    async fn the_preface_is_read_at_once_however_it_comes() {
        let single: Vec<_> = PREFACE.chunks(1).collect();
        assert_eq!(reads(&single).await, (vec![PREFACE.to_vec()], true));
        let frames = [&PREFACE[..], b" HTTP/1.7 in a frame"].concat();
        for at in 0..frames.len() {
            let (all, is_http2) = reads(&[&frames[..at], &frames[at..]]).await;
            assert!(is_http2, "{at}");
            assert_eq!(all.concat(), frames, "{at}");
            assert!(all[0].len() >= PREFACE.len(), "{at}");
        }
    }

    #[tokio::test]
    async fn bytes_that_only_begin_like_the_preface_are_not_held_back() {
        for text in ["PRI * HTTP/1.9\r\n\r\n", "PUT / HTTP/1.9\r\n\r\n", "P"] {
            let single: Vec<_> = text.as_bytes().chunks(1).collect();
            let (all, is_http2) = reads(&single).await;
            assert!(!is_http2, "{text}");
            assert_eq!(String::from_utf8_lossy(&all.concat()), text.replace("1.9", "1.1"));
        }
        let late = [b"GET / HTTP/1.1\r\n\r\n", &PREFACE[..]].concat();
        assert_eq!(reads(&[&late]).await, (vec![late], false));
    }
}
