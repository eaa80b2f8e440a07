//! Addresses to listen on, in the forms that people write.

use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The forms of an address.
pub(super) const ADDRESS: &str =
    "127.0.0.1:8000, localhost:8000, [::1]:8000, 8000, :8000 or unix:/run/movies-gen.sock";

/// What stands before the path of a Unix socket.
const UNIX: &str = "unix:";
/// What stands between the path of a Unix socket and its mode.
const MODE: &str = ",mode=";
/// The mode of a Unix socket without a mode: every user of the machine may connect.
const DEFAULT_MODE: u32 = 0o666;
/// Longest path of a Unix socket on Linux, with room for the name under which the program creates the
/// socket.
const LONGEST_PATH: usize = 96;

/// An address to listen on. A host name is resolved only when the program listens, so that
/// commands that do not listen need no name service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// A TCP port.
    Tcp(HostAndPort),
    /// A Unix socket with this path and this mode.
    Unix(PathBuf, u32),
}

/// A TCP port on some or all addresses of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostAndPort {
    host: Host,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    /// All IPv4 and IPv6 addresses of the machine.
    All,
    At(IpAddr),
    Named(String),
}

impl HostAndPort {
    /// Returns the socket addresses of the value, the preferred address first.
    ///
    /// # Errors
    /// Fails if the host name does not resolve.
    pub fn addresses(&self) -> Result<Vec<SocketAddr>, String> {
        let name = match &self.host {
            // If the system has IPv6, an IPv6 socket accepts IPv4 and IPv6.
            Host::All => {
                let both: [IpAddr; 2] =
                    [Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into()];
                return Ok(both.map(|address| (address, self.port).into()).into());
            }
            Host::At(address) => return Ok(vec![(*address, self.port).into()]),
            Host::Named(name) => name,
        };
        let found = (name.as_str(), self.port).to_socket_addrs();
        let found =
            found.map_err(|error| format!("the host name {name:?} does not resolve: {error}"))?;
        // If a name has IPv4 and IPv6 addresses, most programs try IPv4 first.
        let first = found.min_by_key(|address| !address.is_ipv4());
        first
            .map(|address| vec![address])
            .ok_or_else(|| format!("the host name {name:?} has no address"))
    }
}

impl Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Tcp(HostAndPort { host: Host::All, port }) => write!(f, ":{port}"),
            Listen::Tcp(HostAndPort { host: Host::At(address), port }) => {
                SocketAddr::from((*address, *port)).fmt(f)
            }
            Listen::Tcp(HostAndPort { host: Host::Named(name), port }) => {
                write!(f, "{name}:{port}")
            }
            Listen::Unix(path, DEFAULT_MODE) => write!(f, "{UNIX}{}", path.display()),
            Listen::Unix(path, mode) => write!(f, "{UNIX}{}{MODE}{mode:o}", path.display()),
        }
    }
}

impl FromStr for Listen {
    type Err = String;
    fn from_str(text: &str) -> Result<Listen, String> {
        let forms = format!("write an address such as {ADDRESS}");
        let text = text.trim();
        if let Some(socket) = text.strip_prefix(UNIX) {
            return unix(socket);
        }
        let tcp = |host, port| Ok(Listen::Tcp(HostAndPort { host, port }));
        if let Ok(address) = text.parse::<SocketAddr>() {
            return tcp(Host::At(address.ip()), address.port());
        }
        if let Ok(port) = text.parse() {
            return tcp(Host::At(Ipv4Addr::LOCALHOST.into()), port);
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(|| forms.clone())?;
        let port: u16 = port.parse().map_err(|_| format!("{port:?} is not a port; {forms}"))?;
        let is_name =
            |host: &str| host.chars().all(|c| c.is_alphanumeric() || ['.', '-', '_'].contains(&c));
        match host {
            "" => tcp(Host::All, port),
            name if is_name(name) => tcp(Host::Named(name.to_owned()), port),
            _ => Err(forms),
        }
    }
}

fn unix(text: &str) -> Result<Listen, String> {
    let (path, mode) = match text.split_once(MODE) {
        None => (text, DEFAULT_MODE),
        Some((path, digits)) => match u32::from_str_radix(digits, 8) {
            Ok(mode) if mode <= 0o777 => (path, mode),
            _ => {
                return Err(format!(
                    "{digits:?} is not a mode of a file; write an octal number from 0 to 777, such \
                     as {UNIX}/run/movies-gen.sock{MODE}660"
                ));
            }
        },
    };
    if path.is_empty() || path.ends_with('/') || path.starts_with('@') {
        return Err(format!("write the path of a socket, such as {UNIX}/run/movies-gen.sock"));
    }
    if path.contains(',') {
        return Err("the path of a socket must not contain a comma".to_owned());
    }
    if path.len() > LONGEST_PATH {
        return Err(format!(
            "the path of a socket must not have more than {LONGEST_PATH} bytes; this path has {}",
            path.len()
        ));
    }
    Ok(Listen::Unix(Path::new(path).to_owned(), mode))
}

/// Addresses, separated by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenList(pub Vec<Listen>);

impl FromStr for ListenList {
    type Err = String;
    fn from_str(text: &str) -> Result<ListenList, String> {
        let mut texts: Vec<String> = Vec::new();
        for part in text.split(',') {
            match texts.last_mut() {
                // The mode belongs to the socket before the comma.
                Some(socket) if part.starts_with(&MODE[1..]) => {
                    socket.push(',');
                    socket.push_str(part);
                }
                _ => texts.push(part.to_owned()),
            }
        }
        let all: Result<_, _> = texts.iter().map(|text| text.parse()).collect();
        all.map(ListenList)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_in_usual_forms() {
        let listen = |text: &str| {
            let addresses = text.parse::<Listen>().and_then(|listen| match listen {
                Listen::Tcp(tcp) => tcp.addresses(),
                Listen::Unix(..) => Err("not a port".to_owned()),
            });
            addresses.map(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        for (text, means) in [
            ("127.0.0.1:80", &["127.0.0.1:80"][..]),
            ("[::1]:80", &["[::1]:80"]),
            ("localhost:80", &["127.0.0.1:80"]),
            ("80", &["127.0.0.1:80"]),
            (" :80 ", &["[::]:80", "0.0.0.0:80"]),
            ("0", &["127.0.0.1:0"]),
        ] {
            let means: Vec<_> = means.iter().map(ToString::to_string).collect();
            assert_eq!(listen(text), Ok(means), "{text}");
            let listen: Listen = text.parse().expect("an address");
            assert_eq!(listen.to_string().parse().as_ref(), Ok(&listen), "{text}");
        }
        for text in ["", "localhost", "::1", "a b:1", "1:2:3", "localhost:66000"] {
            assert!(text.parse::<Listen>().is_err(), "{text}");
        }
        let unknown = "no.such.invalid:80";
        assert!(unknown.parse::<Listen>().is_ok(), "only a program that listens looks names up");
        assert!(listen(unknown).is_err_and(|why| why.contains("no.such.invalid")));
    }

    #[test]
    fn a_unix_socket_has_a_path_and_a_mode() {
        for (text, path, mode) in [
            ("unix:/run/site.sock", "/run/site.sock", 0o666),
            ("unix:site.sock,mode=660", "site.sock", 0o660),
            ("unix:/run/site.sock,mode=0600", "/run/site.sock", 0o600),
        ] {
            let listen: Listen = text.parse().expect("an address");
            assert_eq!(listen, Listen::Unix(path.into(), mode), "{text}");
            assert_eq!(listen.to_string().parse().as_ref(), Ok(&listen), "{text}");
        }
        let long = format!("unix:/{}", "a".repeat(120));
        for text in [
            "unix:",
            "unix:/run/",
            "unix:@name",
            "unix:/a,mode=9",
            "unix:/a,mode=1777",
            "unix:a,b",
            &long,
        ] {
            assert!(text.parse::<Listen>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_list_has_commas_between_addresses_and_the_mode_belongs_to_its_socket() {
        let list: ListenList = ":80, unix:/run/a,mode=600,[::1]:90".parse().expect("a list");
        let texts: Vec<_> = list.0.iter().map(ToString::to_string).collect();
        assert_eq!(texts, [":80", "unix:/run/a,mode=600", "[::1]:90"]);
        assert!(":80,".parse::<ListenList>().is_err());
    }
}
