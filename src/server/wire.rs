//! The bytes of one connection, between the socket and the HTTP library.
//!
//! Owns what the library cannot do: [`Heads`], and noticing a client of `/events` that has left. The
//! library lets a client close its sending side while it waits for an answer (RFC 9112 §9.6), and
//! then no longer looks whether the client is there.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::client_socket::ClientSocket;
use super::heads::Heads;

/// One connection.
pub(super) struct Wire {
    stream: ClientSocket,
    heads: Heads,
    /// Whether the answer is a stream of events. Such a client must stay connected both ways.
    is_stream: Arc<AtomicBool>,
}

impl Wire {
    pub(super) fn new(stream: ClientSocket, is_stream: Arc<AtomicBool>) -> Wire {
        Wire { stream, heads: Heads::default(), is_stream }
    }

    /// Fails if the client of a stream of events has closed the connection.
    fn check_presence(&self, cx: &mut Context<'_>) -> io::Result<()> {
        if !self.is_stream.load(Ordering::Relaxed) {
            return Ok(());
        }
        match self.stream.has_left(cx) {
            Poll::Ready(Ok(true)) => Err(ErrorKind::BrokenPipe.into()),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Ready(Ok(false)) | Poll::Pending => Ok(()),
        }
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
        wire.check_presence(cx)?;
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
        wire.check_presence(cx)?;
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
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
