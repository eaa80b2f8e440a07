//! Sockets that already listen when the program starts: socket activation by systemd.

use anyhow::{Result, bail};
use listenfd::ListenFd;
use socket2::Socket;

use super::{BoundAddress, tcp};

/// A socket that was handed over, before any use.
#[derive(Debug)]
pub struct HandedOver {
    /// The name of the socket, `FileDescriptorName=` in the unit of systemd.
    pub name: String,
    socket: Socket,
}

/// Takes the sockets that the service manager hands over with `LISTEN_FDS` and `LISTEN_FDNAMES`. Call
/// this before the program starts threads, because variables of the environment are removed.
///
/// # Errors
/// Fails if a descriptor is not a TCP socket or a Unix stream socket.
pub fn handed_over() -> Result<Vec<HandedOver>> {
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    let mut given = ListenFd::from_env();
    let mut all = Vec::new();
    for number in 0..given.len() {
        let name = names.next().unwrap_or_default().to_owned();
        let tcp = given.take_tcp_listener(number).ok().flatten().map(Socket::from);
        let unix = || given.take_unix_listener(number).ok().flatten().map(Socket::from);
        let Some(socket) = tcp.or_else(unix) else {
            bail!(
                "LISTEN_FDS hands over descriptor {}, which is not a TCP socket or a Unix stream \
                 socket",
                number + 3
            );
        };
        all.push(HandedOver { name, socket });
    }
    Ok(all)
}

impl HandedOver {
    /// Returns the address and the socket, ready for use.
    ///
    /// # Errors
    /// Fails if the socket does not listen.
    pub(super) fn prepare(self) -> Result<(BoundAddress, Socket)> {
        let address = self.socket.local_addr()?;
        let bound = match (address.as_socket(), address.as_pathname()) {
            (Some(address), _) => BoundAddress::Tcp(address),
            (None, Some(path)) => BoundAddress::Unix(path.to_owned()),
            (None, None) => BoundAddress::Unix("(without a path)".into()),
        };
        if !self.socket.is_listener()? {
            bail!("the socket {bound} was handed over with LISTEN_FDS and does not listen");
        }
        // The command of --then must not keep the socket open.
        self.socket.set_cloexec(true)?;
        match bound {
            BoundAddress::Tcp(_) => tcp::set_for_clients(&self.socket)?,
            BoundAddress::Unix(_) => self.socket.set_nonblocking(true)?,
        }
        Ok((bound, self.socket))
    }
}
