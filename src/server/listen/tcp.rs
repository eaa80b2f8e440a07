//! Listening TCP sockets.

use std::io::ErrorKind;
use std::net::{Ipv6Addr, SocketAddr};

use anyhow::{Context, Result};
use socket2::{Domain, Protocol, Socket, Type};

use super::{BACKLOG, BoundAddress};
use crate::server::limits::TAKES_NOTHING;

/// Bytes that may wait in the kernel for a client that reads slowly.
const UNSENT: u32 = 256 << 10;

/// Listens with one socket for each worker on the first of `candidates` that this machine supports.
///
/// # Errors
/// Fails if the address is in use or does not belong to this machine.
pub(super) fn bind(
    candidates: &[SocketAddr],
    workers: usize,
) -> Result<(BoundAddress, Vec<Socket>)> {
    let mut last = None;
    for address in candidates {
        match bind_one(*address, workers) {
            Ok(bound) => return Ok(bound),
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
            "cannot listen on {address}: does another program, or an earlier --listen, use the \
             port? choose another address or port"
        )
    })
}

fn bind_one(address: SocketAddr, workers: usize) -> std::io::Result<(BoundAddress, Vec<Socket>)> {
    // Sockets that share a port (SO_REUSEPORT) would share the port with a second process
    // too, which would get half of the visitors. Therefore first bind without sharing.
    if address.port() != 0 {
        socket(address, false)?;
    }
    let first = socket(address, true)?;
    let address = first.local_addr()?.as_socket().unwrap_or(address);
    let mut sockets = vec![first];
    for _ in 1..workers {
        sockets.push(socket(address, true)?);
    }
    Ok((BoundAddress::Tcp(address), sockets))
}

fn socket(address: SocketAddr, shared: bool) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        // Accept IPv4 too, whatever the default of the system is.
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    set_for_clients(&socket)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// Sets the options that accepted connections inherit.
pub(super) fn set_for_clients(socket: &Socket) -> std::io::Result<()> {
    socket.set_nonblocking(true)?;
    socket.set_tcp_notsent_lowat(UNSENT)?;
    socket.set_tcp_user_timeout(Some(TAKES_NOTHING))?;
    socket.set_tcp_nodelay(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(bound: &BoundAddress) -> u16 {
        match bound {
            BoundAddress::Tcp(address) => address.port(),
            BoundAddress::Unix(path) => panic!("{}", path.display()),
        }
    }

    #[test]
    fn an_address_that_is_in_use_is_refused_even_in_the_same_process() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (first, _sockets) = bind(&[any], 2).expect("a free port");
        let used = SocketAddr::from(([127, 0, 0, 1], port(&first)));
        assert_ne!(used.port(), 0);
        assert!(bind(&[used], 2).is_err());
    }

    #[test]
    fn the_address_of_all_interfaces_accepts_ipv4_and_ipv6() {
        let all = [Ipv6Addr::UNSPECIFIED.into(), std::net::Ipv4Addr::UNSPECIFIED.into()];
        let all: [SocketAddr; 2] = all.map(|address: std::net::IpAddr| (address, 0).into());
        let (bound, _sockets) = bind(&all, 1).expect("a free port");
        assert!(std::net::TcpStream::connect(("127.0.0.1", port(&bound))).is_ok());
        // If the system does not have the first address, the second address is used.
        let missing: SocketAddr = "[2001:db8::1]:0".parse().expect("an address of no interface");
        assert!(bind(&[missing, all[1]], 1).is_ok());
    }
}
