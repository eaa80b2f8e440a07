//! The socket of one client: TCP or Unix.
//!
//! Owns the time limit for a client of a Unix socket that takes nothing. For TCP, the kernel has the
//! limit ([`TAKES_NOTHING`]).

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Sleep, sleep};

use super::limits::TAKES_NOTHING;

/// A connected socket.
pub(super) enum ClientSocket {
    Tcp(TcpStream),
    Unix(UnixClient),
}

/// A client on this machine, usually a proxy.
pub(super) struct UnixClient {
    stream: UnixStream,
    /// The end of the wait for a client that takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl ClientSocket {
    pub(super) fn unix(stream: UnixStream) -> ClientSocket {
        ClientSocket::Unix(UnixClient { stream, stalled: None })
    }

    /// Tells the client that nothing more comes. The client can still send.
    pub(super) fn poll_half_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            ClientSocket::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            ClientSocket::Unix(client) => Pin::new(&mut client.stream).poll_shutdown(cx),
        }
    }
}

impl UnixClient {
    /// Returns the result of a write. Fails if the client takes nothing for too long.
    fn in_time(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let end = self.stalled.get_or_insert_with(|| Box::pin(sleep(TAKES_NOTHING)));
        ready!(end.as_mut().poll(cx));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for ClientSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            ClientSocket::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            ClientSocket::Unix(client) => Pin::new(&mut client.stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for ClientSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            ClientSocket::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            ClientSocket::Unix(client) => {
                let written = Pin::new(&mut client.stream).poll_write(cx, bytes);
                client.in_time(cx, written)
            }
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            ClientSocket::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
            ClientSocket::Unix(client) => {
                let written = Pin::new(&mut client.stream).poll_write_vectored(cx, parts);
                client.in_time(cx, written)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The kernel has no buffer that a flush would empty.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The socket is dropped after the last answer, and the close tells the client the same.
        Poll::Ready(Ok(()))
    }
}
