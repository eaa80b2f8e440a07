//! The sockets to which visitors connect.
//!
//! Owns the sockets: TCP, Unix, and sockets that were open before the program started. Each thread of
//! the server gets one socket for each address.

mod handed_over;
mod tcp;
mod unix;

use std::fmt::{self, Display};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use socket2::Socket;
use tokio::net::{TcpListener, UnixListener};

use super::client_socket::ClientSocket;
use crate::access_log::Client;
pub use handed_over::{HandedOver, handed_over};
pub(super) use unix::SocketFile;

/// Largest number of connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// Where to listen.
#[derive(Debug)]
pub enum ListenOn {
    /// The first of these addresses that this machine supports.
    Tcp(Vec<SocketAddr>),
    /// A Unix socket at this path with this mode.
    Unix(PathBuf, u32),
    /// A socket that already listens.
    HandedOver(HandedOver),
}

/// The address of a listening socket.
#[derive(Debug, Clone)]
pub enum BoundAddress {
    /// An address with the port that the system chose for port 0.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Display for BoundAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BoundAddress::Tcp(address) => write!(f, "http://{address}"),
            BoundAddress::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The listening sockets of the server.
#[derive(Debug)]
pub struct Listeners {
    /// The addresses.
    pub addresses: Vec<BoundAddress>,
    /// The sockets of each thread, one for each address.
    pub(super) sockets: Vec<Vec<Socket>>,
    /// The files of the Unix sockets.
    pub(super) files: Vec<SocketFile>,
}

/// Listens on all `endpoints` for `workers` threads.
///
/// # Errors
/// Fails if an address is in use or does not belong to this machine, or if a socket that was handed
/// over does not listen.
pub fn bind(endpoints: Vec<ListenOn>, workers: usize) -> Result<Listeners> {
    let mut sockets: Vec<Vec<Socket>> = (0..workers).map(|_| Vec::new()).collect();
    let (mut addresses, mut files) = (Vec::new(), Vec::new());
    for endpoint in endpoints {
        let (address, bound) = match endpoint {
            ListenOn::Tcp(candidates) => tcp::bind(&candidates, workers)?,
            ListenOn::Unix(path, mode) => {
                let (socket, file) = unix::bind(&path, mode)?;
                files.push(file);
                (BoundAddress::Unix(path), for_each(socket, workers)?)
            }
            ListenOn::HandedOver(socket) => {
                let (address, socket) = socket.prepare()?;
                (address, for_each(socket, workers)?)
            }
        };
        addresses.push(address);
        for (of_worker, socket) in sockets.iter_mut().zip(bound) {
            of_worker.push(socket);
        }
    }
    Ok(Listeners { addresses, sockets, files })
}

/// Returns the same socket for each worker. The kernel gives a new connection to any of them.
fn for_each(socket: Socket, workers: usize) -> io::Result<Vec<Socket>> {
    let mut all = Vec::new();
    for _ in 1..workers {
        all.push(socket.try_clone()?);
    }
    all.push(socket);
    Ok(all)
}

/// A listening socket of one thread.
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    pub(super) fn new(socket: Socket) -> io::Result<Listener> {
        let is_unix = socket.local_addr()?.is_unix();
        Ok(match is_unix {
            true => Listener::Unix(UnixListener::from_std(socket.into())?),
            false => Listener::Tcp(TcpListener::from_std(socket.into())?),
        })
    }

    /// Returns the next connection, and who connected.
    pub(super) async fn accept(&self) -> io::Result<(ClientSocket, Client)> {
        match self {
            Listener::Tcp(listener) => {
                let (socket, address) = listener.accept().await?;
                Ok((ClientSocket::Tcp(socket), Client::At(address.ip().to_canonical())))
            }
            Listener::Unix(listener) => {
                let (socket, _) = listener.accept().await?;
                Ok((ClientSocket::unix(socket), Client::OnUnixSocket))
            }
        }
    }
}
