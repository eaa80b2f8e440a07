//! The socket of a connection over HTTP/2, from its first byte on.
//!
//! Owns the bytes that were read before the protocol was known, and the end of the connection. A socket
//! that is closed while bytes of the client wait in the socket, or are on their way, resets the
//! connection, and the client loses the end of the last answer (RFC 9112 §9.6). A client sends such
//! bytes after each answer: it confirms what it has received. Therefore the server first closes only its
//! sending side, and reads until the client closes the connection.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::super::client_socket::ClientSocket;

/// A socket whose first bytes are read again.
pub(super) struct Rewound {
    socket: ClientSocket,
    first: Bytes,
    /// Longest time for which the server waits until the client closes the connection.
    patience: Duration,
    /// The end of this time, after the server has closed its sending side.
    closing: Option<Pin<Box<Sleep>>>,
}

impl Rewound {
    pub(super) fn new(socket: ClientSocket, first: Bytes, patience: Duration) -> Rewound {
        Rewound { socket, first, patience, closing: None }
    }
}

impl AsyncRead for Rewound {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Rewound { socket, first, .. } = self.get_mut();
        if first.is_empty() {
            return Pin::new(socket).poll_read(cx, buffer);
        }
        let count = first.len().min(buffer.remaining());
        buffer.put_slice(&first[..count]);
        first.advance(count);
        if first.is_empty() {
            // The bytes keep the buffer of the HTTP library.
            *first = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Rewound { socket, patience, closing, .. } = self.get_mut();
        if closing.is_none() {
            ready!(socket.poll_half_close(cx))?;
        }
        let end = closing.get_or_insert_with(|| Box::pin(sleep(*patience)));
        let mut ignored = [0; 512];
        while end.as_mut().poll(cx).is_pending() {
            let mut ignored = ReadBuf::new(&mut ignored);
            ready!(Pin::new(&mut *socket).poll_read(cx, &mut ignored))?;
            if ignored.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;

    use super::*;

    fn pair(first: &'static [u8]) -> (UnixStream, Rewound) {
        let (client, server) = UnixStream::pair().expect("two sockets");
        let patience = Duration::from_secs(60);
        (client, Rewound::new(ClientSocket::unix(server), Bytes::from_static(first), patience))
    }

    #[tokio::test]
    async fn the_first_bytes_come_before_the_bytes_of_the_socket() {
        let (mut client, mut rewound) = pair(b"first");
        client.write_all(b" second").await.expect("sent");
        drop(client);
        let mut all = Vec::new();
        let mut two = [0; 2];
        while let 1.. = rewound.read(&mut two).await.expect("read") {
            all.extend_from_slice(&two);
        }
        // Each read but the reads at the ends fills the array.
        assert!(String::from_utf8_lossy(&all).starts_with("first"), "{all:?}");
        assert!(all.windows(6).any(|six| six == b"second"), "{all:?}");
    }

    #[tokio::test]
    async fn the_end_waits_until_the_client_has_closed_the_connection() {
        let (mut client, mut rewound) = pair(b"");
        let client = async move {
            let mut told = Vec::new();
            client.read_to_end(&mut told).await.expect("the end of the sending side");
            client.write_all(b"confirmed").await.expect("the server still reads");
            told
        };
        let server = async {
            rewound.write_all(b"answer").await.expect("sent");
            rewound.shutdown().await.expect("closed");
        };
        let (told, ()) = tokio::join!(client, server);
        assert_eq!(told, b"answer");
    }
}
