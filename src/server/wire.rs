//! The bytes of one connection, between the socket and the HTTP library.
//!
//! Owns what the library cannot do: [`Heads`], and the note that the library has written everything, so
//! that a stream of events can take the connection over.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::client_socket::ClientSocket;
use super::event_stream::TakeOver;
use super::heads::Heads;

/// One connection.
pub(super) struct Wire {
    stream: ClientSocket,
    heads: Heads,
    take_over: Arc<TakeOver>,
}

impl Wire {
    pub(super) fn new(stream: ClientSocket, take_over: Arc<TakeOver>) -> Wire {
        Wire { stream, heads: Heads::default(), take_over }
    }

    /// Whether the target of the last request is too long.
    pub(super) fn is_target_too_long(&self) -> bool {
        self.heads.is_target_too_long()
    }

    /// Returns the socket, for an answer that the library does not write.
    pub(super) fn into_socket(self) -> ClientSocket {
        self.stream
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
