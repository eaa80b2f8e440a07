//! The address of the client that sent a request.
//!
//! Owns which header fields are believed. A client can send any header field, so a field counts only if
//! a trusted proxy sent the request. Pure.

use std::fmt::{self, Display};
use std::net::IpAddr;

use hyper::HeaderMap;

use super::forwarded::{forwarded, x_forwarded_for};
use crate::cli::TrustedProxy;

/// Who sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// The client with this address.
    At(IpAddr),
    /// A program on this machine, through a Unix socket.
    OnUnixSocket,
}

impl Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Client::At(address) => address.fmt(f),
            Client::OnUnixSocket => f.write_str("unix"),
        }
    }
}

/// Returns the client for whom `peer` sent a request with these header fields.
///
/// The addresses in a field are in the order of the way of the request: the last address is the nearest.
/// Each trusted proxy names the address before it, so the first address from the end that is not a
/// trusted proxy is the client. The addresses before could be invented.
///
/// If both fields are there and name different clients, one of them comes from the client itself, and
/// nobody can tell which. The client is then the proxy.
pub fn client_of(peer: Client, fields: &HeaderMap, trusted: &[TrustedProxy]) -> Client {
    if trusted.is_empty() || !is_trusted(peer, trusted) {
        return peer;
    }
    let named = [forwarded(fields), x_forwarded_for(fields)]
        .map(|way| way.map(|way| nearest(peer, way, trusted)));
    match named {
        [Some(one), Some(other)] if one != other => peer,
        [Some(one), _] | [None, Some(one)] => one,
        [None, None] => peer,
    }
}

/// Returns the first client, from the end of the way, that is not a trusted proxy. An element without
/// an address ends the way, because the proxy that wrote the element hides its client.
fn nearest(peer: Client, way: Vec<Option<IpAddr>>, trusted: &[TrustedProxy]) -> Client {
    let mut last = peer;
    for address in way.into_iter().rev() {
        let Some(address) = address else { return last };
        last = Client::At(address);
        if !is_trusted(last, trusted) {
            return last;
        }
    }
    last
}

fn is_trusted(client: Client, trusted: &[TrustedProxy]) -> bool {
    trusted.iter().any(|proxy| match (proxy, client) {
        (TrustedProxy::Network(network), Client::At(address)) => network.contains(&address),
        (TrustedProxy::UnixSocket, Client::OnUnixSocket) => true,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderName;

    use super::*;

    const PROXY: Client = Client::At(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)));

    fn client(peer: Client, fields: &[(&'static str, &'static str)]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(HeaderName::from_static(name), value.parse().expect("a value"));
        }
        let trusted = ["10.0.0.0/8", "fd00::/8", "unix"].map(|text| text.parse().expect("a proxy"));
        client_of(peer, &map, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_names_a_client() {
        let stranger = Client::At("192.0.2.9".parse().expect("an address"));
        let field = [("x-forwarded-for", "203.0.113.7")];
        assert_eq!(client(stranger, &field), "192.0.2.9");
        assert_eq!(client(PROXY, &field), "203.0.113.7");
        assert_eq!(client(Client::OnUnixSocket, &field), "203.0.113.7");
        assert_eq!(client(PROXY, &[]), "10.0.0.1");
    }

    #[test]
    fn the_client_is_the_nearest_address_that_is_not_a_proxy() {
        for (value, is) in [
            ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
            ("198.51.100.1, 203.0.113.7, 10.2.3.4", "203.0.113.7"),
            ("10.9.9.9", "10.9.9.9"),
            ("203.0.113.7, nonsense", "10.0.0.1"),
            ("nonsense, 203.0.113.7, 10.1.1.1", "203.0.113.7"),
            ("", "10.0.0.1"),
        ] {
            assert_eq!(client(PROXY, &[("x-forwarded-for", value)]), is, "{value}");
        }
        let two = [("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "203.0.113.7")];
        assert_eq!(client(PROXY, &two), "203.0.113.7");
    }

    #[test]
    fn the_standard_field_is_read() {
        for (value, is) in [
            ("for=192.0.2.43, for=203.0.113.7;proto=http;by=203.0.113.43", "203.0.113.7"),
            ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("for=192.0.2.43;host=\"a, for=1.2.3.4\"", "192.0.2.43"),
            ("for=_hidden", "10.0.0.1"),
            ("for=192.0.2.43, for=unknown", "10.0.0.1"),
            ("proto=https", "10.0.0.1"),
            ("for=\"192.0.2.43", "10.0.0.1"),
        ] {
            assert_eq!(client(PROXY, &[("forwarded", value)]), is, "{value}");
        }
    }

    #[test]
    fn fields_that_contradict_each_other_are_not_believed() {
        let both = |one| [("forwarded", one), ("x-forwarded-for", "203.0.113.7")];
        assert_eq!(client(PROXY, &both("for=198.51.100.1")), "10.0.0.1");
        assert_eq!(client(PROXY, &both("for=203.0.113.7")), "203.0.113.7");
    }
}
