//! The sockets that visitors connect to.

use std::net::{SocketAddr, TcpListener};

use anyhow::{Context, Result};
use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// Bytes that may wait in the kernel for a visitor who does not read: what is more than a
/// fast one needs would only hide from the write timeout that nobody reads.
const UNSENT: u32 = 256 << 10;

/// One listening socket for each worker, all on one address.
#[derive(Debug)]
pub struct Listeners {
    /// The address, with the port that the system chose if none was asked for.
    pub address: SocketAddr,
    pub(super) sockets: Vec<TcpListener>,
}

/// Listens on `address` with `workers` sockets.
///
/// # Errors
/// If the address is taken or is not this machine's.
pub fn bind(address: SocketAddr, workers: usize) -> Result<Listeners> {
    let failed =
        || format!("cannot listen on {address}: is another program there? choose another address");
    // Sockets that share a port would share it with a second process too, which
    // would take half of the visitors: one that does not share comes first.
    if address.port() != 0 {
        socket(address, false).with_context(failed)?;
    }
    let first = socket(address, true).with_context(failed)?;
    let address = first.local_addr().with_context(failed)?;
    let mut sockets = vec![first];
    for _ in 1..workers {
        sockets.push(socket(address, true).with_context(failed)?);
    }
    Ok(Listeners { address, sockets })
}

fn socket(address: SocketAddr, shared: bool) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    // Connections inherit it.
    socket.set_tcp_notsent_lowat(UNSENT)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_address_is_refused_even_to_ourselves() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let first = bind(any, 2).expect("a free port");
        assert_ne!(first.address.port(), 0);
        assert!(bind(first.address, 2).is_err());
    }
}
