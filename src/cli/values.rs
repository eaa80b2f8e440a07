//! Values of options, each in the form that people write it.
//!
//! Owns the words of the errors about a single value. Values that have to fit each other are
//! the configuration's.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Deserializer};

/// A value as the configuration file may write it: a number needs no quotes.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or a number")]
enum Written {
    Text(String),
    Whole(i64),
    Fraction(f64),
}

/// A value in the configuration file, written as on the command line.
fn parsed<'de, D: Deserializer<'de>, T: FromStr>(deserializer: D) -> Result<T, D::Error>
where
    T::Err: Display,
{
    let text = match Written::deserialize(deserializer)? {
        Written::Text(text) => text,
        Written::Whole(number) => number.to_string(),
        Written::Fraction(number) => number.to_string(),
    };
    text.parse().map_err(serde::de::Error::custom)
}

/// Text that is never shown: an address that may hold a password.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for use and not for show.
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
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;
    fn from_str(text: &str) -> Result<Span, String> {
        let parsed = humantime::parse_duration(text);
        parsed.map(Span).map_err(|error| format!("{error}; write it as 60s, 5m or 500ms"))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        parsed(deserializer)
    }
}

/// An address to listen on, as people write one. A name is looked up only when the
/// program listens, so that commands which do not listen need no name service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    host: Host,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    /// All addresses of the machine, of both kinds.
    All,
    At(IpAddr),
    Named(String),
}

impl Listen {
    /// The port of this machine alone that is listened on if nothing else is said.
    pub const DEFAULT: Listen =
        Listen { host: Host::At(IpAddr::V4(Ipv4Addr::LOCALHOST)), port: 8000 };

    /// The addresses that this may mean, the preferred one first.
    ///
    /// # Errors
    /// If the host name is not known here.
    pub fn addresses(&self) -> Result<Vec<SocketAddr>, String> {
        let name = match &self.host {
            // An IPv6 socket takes both kinds, where the system has IPv6.
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
            found.map_err(|error| format!("{name:?} is not a name of this machine: {error}"))?;
        // Where a name has both kinds of address, most programs try IPv4 first.
        let first = found.min_by_key(|address| !address.is_ipv4());
        first.map(|address| vec![address]).ok_or_else(|| format!("{name:?} has no address"))
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
        let forms = "write it as 127.0.0.1:8000, localhost:8000, [::1]:8000, 8000 or :8000";
        let text = text.trim();
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Listen { host: Host::At(address.ip()), port: address.port() });
        }
        if let Ok(port) = text.parse() {
            return Ok(Listen { port, ..Listen::DEFAULT });
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(|| forms.to_owned())?;
        let port: u16 = port.parse().map_err(|_| format!("{port:?} is no port; {forms}"))?;
        let is_name =
            |host: &str| host.chars().all(|c| c.is_alphanumeric() || ['.', '-', '_'].contains(&c));
        match host {
            "" => Ok(Listen { host: Host::All, port }),
            name if is_name(name) => Ok(Listen { host: Host::Named(name.to_owned()), port }),
            _ => Err(forms.to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Listen, D::Error> {
        parsed(deserializer)
    }
}

/// A number of bytes, written `16MiB`, `500kB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;
    fn from_str(text: &str) -> Result<Size, String> {
        let parsed: Result<ByteSize, String> = text.parse();
        parsed.map(|size| Size(size.0)).map_err(|_| "write it as 16MiB or 500kB".to_owned())
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        parsed(deserializer)
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
            _ => Err("write it as 30% or 0.3".to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Share, D::Error> {
        parsed(deserializer)
    }
}

/// Names, with commas between.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(pub BTreeSet<String>);

impl FromStr for Names {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Names, Self::Err> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        Ok(Names(names.map(str::to_owned).collect()))
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Names, D::Error> {
        /// In the file, a list is a list.
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a text or a list of texts")]
        enum Written {
            Text(String),
            List(Vec<String>),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Text(text) => text,
            Written::List(names) => names.join(","),
        };
        text.parse().map_err(serde::de::Error::custom)
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
            _ => Err("write it as a number from 1 on, such as 3 or 2.5".to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for Factor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Factor, D::Error> {
        parsed(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_may_write_numbers_and_lists_without_quotes() {
        #[derive(Debug, Deserialize)]
        struct File {
            size: Size,
            share: Share,
            factor: Factor,
            listen: Listen,
            names: Names,
        }
        let read = |text: &str| toml::from_str::<File>(text);
        for text in [
            "size = 1024\nshare = 0.5\nfactor = 3\nlisten = 80\nnames = [\"a\", \"b\"]",
            "size = \"1KiB\"\nshare = \"50%\"\nfactor = \"3\"\nlisten = \"80\"\nnames = \"a, b\"",
        ] {
            let file = read(text).expect("values");
            assert_eq!((file.size, file.share, file.factor), (Size(1024), Share(0.5), Factor(3.0)));
            assert_eq!(file.listen.to_string(), "127.0.0.1:80");
            assert_eq!(file.names.0.into_iter().collect::<Vec<_>>(), ["a", "b"]);
        }
        assert!(read("size = []").is_err_and(|why| why.to_string().contains("text or a number")));
    }

    #[test]
    fn an_address_is_understood_as_people_write_one() {
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
