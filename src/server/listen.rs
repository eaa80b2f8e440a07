//! The sockets to which visitors connect.

use std::io::ErrorKind;
use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context, Result};
use socket2::{Domain, Protocol, Socket, Type};

/// Largest number of connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// Bytes that may wait in the kernel for a client that reads slowly.
const UNSENT: u32 = 256 << 10;
/// Longest time in which a client takes no byte of an answer. The kernel measures the time, so a client
/// that takes a few bytes now and then stays connected.
const TAKES_NOTHING: Duration = Duration::from_secs(20);

/// The listening sockets: one for each worker, all on one address.
#[derive(Debug)]
pub struct Listeners {
    /// The address, with the port that the system chose for port 0.
    pub address: SocketAddr,
    pub(super) sockets: Vec<TcpListener>,
}

/// Listens with `workers` sockets on the first of `addresses` that this machine supports.
///
/// # Errors
/// Fails if the address is in use or does not belong to this machine.
pub fn bind(addresses: &[SocketAddr], workers: usize) -> Result<Listeners> {
    let mut last = None;
    for address in addresses {
        match bind_one(*address, workers) {
            Ok(listeners) => return Ok(listeners),
            // The next address is only for a system that lacks the address family of this address.
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                last = Some((*address, error));
                break;
            }
            Err(error) => last = Some((*address, error)),
        }
    }
    let (address, error) = last.context("there is no address to listen on")?;
    Err(error).with_context(|| {
        format!(
            "cannot listen on {address}: does another program use the port? \
             choose another address or port"
        )
    })
}

fn bind_one(address: SocketAddr, workers: usize) -> std::io::Result<Listeners> {
    // Sockets that share a port (SO_REUSEPORT) would share the port with a second process
    // too, which would get half of the visitors. Therefore first bind without sharing.
    if address.port() != 0 {
        socket(address, false)?;
    }
    let first = socket(address, true)?;
    let address = first.local_addr()?;
    let mut sockets = vec![first];
    for _ in 1..workers {
        sockets.push(socket(address, true)?);
    }
    Ok(Listeners { address, sockets })
}

fn socket(address: SocketAddr, shared: bool) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        // Accept IPv4 too, whatever the default of the system is.
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    // Accepted connections inherit these options.
    socket.set_tcp_notsent_lowat(UNSENT)?;
    socket.set_tcp_user_timeout(Some(TAKES_NOTHING))?;
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_in_use_is_refused_even_in_the_same_process() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let first = bind(&[any], 2).expect("a free port");
        assert_ne!(first.address.port(), 0);
        assert!(bind(&[first.address], 2).is_err());
    }

    #[test]
    fn the_address_of_all_interfaces_accepts_ipv4_and_ipv6() {
        let all = [Ipv6Addr::UNSPECIFIED.into(), std::net::Ipv4Addr::UNSPECIFIED.into()];
        let all: [SocketAddr; 2] = all.map(|address: std::net::IpAddr| (address, 0).into());
        let listeners = bind(&all, 1).expect("a free port");
        let port = listeners.address.port();
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        // If the system does not have the first address, the second address is used.
        let missing: SocketAddr = "[2001:db8::1]:0".parse().expect("an address of no interface");
        assert!(bind(&[missing, all[1]], 1).is_ok());
    }
}
