//! The values of options, in the forms that people write.
//!
//! Owns the forms and the errors of a single value. The configuration checks values that depend on
//! each other.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;

const DURATION: &str = "a number with a unit, such as 500ms, 60s or 1m 30s";
const DURATION_OR_OFF: &str = "a duration such as 60s, 1m 30s or 500ms, or off";
const SIZE: &str = "a number of bytes with a unit, such as 500kB or 16MiB";
const SHARE: &str = "a percentage or a fraction, such as 30% or 0.3";
const FACTOR: &str = "a number, at least 1, such as 3 or 2.5";
const ADDRESS: &str = "127.0.0.1:8000, localhost:8000, [::1]:8000, 8000 or :8000";

/// The form of a value, by the name that the help gives the value.
pub fn form(value_name: &str) -> Option<&'static str> {
    Some(match value_name {
        "DURATION" => DURATION,
        "DURATION|off" => DURATION_OR_OFF,
        "SIZE" => SIZE,
        "SHARE" => SHARE,
        "FACTOR" => FACTOR,
        "ADDRESS" => ADDRESS,
        "N" => "a whole number",
        "BOOL" => "true or false; the flag without a value means true",
        "URL" => "a URL",
        "DIR" => "the path of a directory",
        "FILE" => "the path of a file",
        "TEXT" => "text",
        "TAG" => "a BCP 47 language tag",
        "NAMES" => "names separated by commas; in the file also a list",
        _ => return None,
    })
}

/// Text that logs and errors never show: a URL that may contain a password, or a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself. Do not print the text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Secret, Self::Err> {
        Ok(Secret(text.to_owned()))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}

/// A length of time, written `60s`, `1m 30s`, `500ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DurationText(pub Duration);

impl FromStr for DurationText {
    type Err = String;
    fn from_str(text: &str) -> Result<DurationText, String> {
        let parsed = humantime::parse_duration(text);
        parsed.map(DurationText).map_err(|error| format!("{error}; write {DURATION}"))
    }
}

/// The age from which pages show a notice that their data is old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaleNotice {
    /// No notice.
    Off,
    /// A notice from this age on.
    From(Duration),
}

impl FromStr for StaleNotice {
    type Err = String;
    fn from_str(text: &str) -> Result<StaleNotice, String> {
        if text.eq_ignore_ascii_case("off") {
            return Ok(StaleNotice::Off);
        }
        match text.parse()? {
            DurationText(Duration::ZERO) => {
                Err("an age of 0 s would show the notice at all times; write off for no notice"
                    .into())
            }
            DurationText(age) => Ok(StaleNotice::From(age)),
        }
    }
}

/// An address to listen on. A host name is resolved only when the program listens, so that
/// commands that do not listen need no name service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
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

impl Listen {
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
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.host {
            Host::All => write!(f, ":{}", self.port),
            Host::At(address) => SocketAddr::from((*address, self.port)).fmt(f),
            Host::Named(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

impl FromStr for Listen {
    type Err = String;
    fn from_str(text: &str) -> Result<Listen, String> {
        let forms = format!("write an address such as {ADDRESS}");
        let text = text.trim();
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Listen { host: Host::At(address.ip()), port: address.port() });
        }
        if let Ok(port) = text.parse() {
            return Ok(Listen { host: Host::At(Ipv4Addr::LOCALHOST.into()), port });
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(|| forms.clone())?;
        let port: u16 = port.parse().map_err(|_| format!("{port:?} is not a port; {forms}"))?;
        let is_name =
            |host: &str| host.chars().all(|c| c.is_alphanumeric() || ['.', '-', '_'].contains(&c));
        match host {
            "" => Ok(Listen { host: Host::All, port }),
            name if is_name(name) => Ok(Listen { host: Host::Named(name.to_owned()), port }),
            _ => Err(forms),
        }
    }
}

/// A number of bytes, written `16MiB`, `500kB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;
    fn from_str(text: &str) -> Result<Size, String> {
        let parsed: Result<ByteSize, String> = text.parse();
        parsed.map(|size| Size(size.0)).map_err(|_| format!("write {SIZE}"))
    }
}

/// A share of a whole, written `30%` or `0.3`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(pub f64);

impl FromStr for Share {
    type Err = String;
    fn from_str(text: &str) -> Result<Share, String> {
        let share = match text.strip_suffix('%') {
            Some(percent) => percent.trim().parse().map(|percent: f64| percent / 100.0),
            None => text.parse(),
        };
        match share {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(Share(share)),
            _ => Err(format!("write {SHARE}, from 0% to 100%")),
        }
    }
}

/// A factor of growth, written `3` or `2.5`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factor(pub f64);

impl FromStr for Factor {
    type Err = String;
    fn from_str(text: &str) -> Result<Factor, String> {
        match text.parse() {
            Ok(factor) if (1.0..=1e9).contains(&factor) => Ok(Factor(factor)),
            _ => Err(format!("write {FACTOR}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_in_usual_forms() {
        let listen = |text: &str| {
            let addresses = text.parse::<Listen>().and_then(|listen| listen.addresses());
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
}
