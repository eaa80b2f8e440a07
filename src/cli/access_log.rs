//! The values of the options of the access log.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueEnum;
use ipnet::IpNet;

/// The forms of a trusted proxy.
pub(super) const PROXIES: &str = "addresses, networks such as 10.0.0.0/8, or unix, separated by \
                                  commas; in the file also a list";

/// Format of the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AccessLogFormat {
    /// The combined format of Apache and nginx.
    Combined,
    /// One JSON object per line.
    Json,
}

/// Where the access log is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile(pub Option<PathBuf>);

impl FromStr for LogFile {
    type Err = String;
    fn from_str(text: &str) -> Result<LogFile, String> {
        match text {
            "" => Err("write the path of a file, or - for standard output".to_owned()),
            "-" => Ok(LogFile(None)),
            path => Ok(LogFile(Some(path.into()))),
        }
    }
}

/// A proxy that is believed when the proxy names a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrustedProxy {
    /// Each proxy with an address in this network.
    Network(IpNet),
    /// Each program that connects to a Unix socket.
    UnixSocket,
}

impl FromStr for TrustedProxy {
    type Err = String;
    fn from_str(text: &str) -> Result<TrustedProxy, String> {
        let text = text.trim();
        if text == "unix" {
            return Ok(TrustedProxy::UnixSocket);
        }
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network
            .map(TrustedProxy::Network)
            .map_err(|_| format!("{text:?} is neither an address nor a network; write {PROXIES}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trusted_proxy_is_an_address_a_network_or_the_unix_socket() {
        let is_inside = |text: &str, address: &str| match text.parse() {
            Ok(TrustedProxy::Network(network)) => {
                network.contains(&address.parse::<IpAddr>().expect("an address"))
            }
            other => panic!("{other:?}"),
        };
        assert!(is_inside("10.0.0.0/8", "10.200.3.4"));
        assert!(!is_inside("10.0.0.0/8", "11.0.0.1"));
        assert!(is_inside(" 192.0.2.1 ", "192.0.2.1"));
        assert!(is_inside("fd00::/8", "fd12::1"));
        assert_eq!("unix".parse(), Ok(TrustedProxy::UnixSocket));
        for text in ["", "localhost", "10.0.0.0/33", "10.0.0.1:80"] {
            assert!(text.parse::<TrustedProxy>().is_err(), "{text}");
        }
    }
}
