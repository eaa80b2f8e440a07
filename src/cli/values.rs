//! Values of options, each in the form that people write it.
//!
//! Owns the words of the errors about a single value. Values that have to fit each other are
//! the configuration's.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Deserializer};

/// A value in the configuration file, written as on the command line.
fn parsed<'de, D: Deserializer<'de>, T: FromStr>(deserializer: D) -> Result<T, D::Error>
where
    T::Err: Display,
{
    let text = String::deserialize(deserializer)?;
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

/// An address to listen on, as people write one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen(pub SocketAddr);

impl FromStr for Listen {
    type Err = String;
    fn from_str(text: &str) -> Result<Listen, String> {
        let forms = "write it as 127.0.0.1:8000, localhost:8000, [::1]:8000, 8000 or :8000";
        let text = text.trim();
        if let Ok(address) = text.parse() {
            return Ok(Listen(address));
        }
        if let Ok(port) = text.parse::<u16>() {
            return Ok(Listen((Ipv4Addr::LOCALHOST, port).into()));
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(|| forms.to_owned())?;
        let port: u16 = port.parse().map_err(|_| format!("{port:?} is no port; {forms}"))?;
        if host.is_empty() {
            return Ok(Listen((Ipv4Addr::UNSPECIFIED, port).into()));
        }
        if host.contains(':') {
            return Err(forms.to_owned());
        }
        let found = (host, port).to_socket_addrs();
        let found =
            found.map_err(|error| format!("{host:?} is no name of this machine: {error}"))?;
        // Where a name has both kinds of address, most programs try this kind first.
        let mut found: Vec<_> = found.collect();
        found.sort_by_key(|address| !address.is_ipv4());
        found.into_iter().next().map(Listen).ok_or_else(|| format!("{host:?} has no address"))
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Listen, D::Error> {
        /// In the file, a port may stand as a number.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Port(u16),
            Text(String),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Port(port) => port.to_string(),
            Written::Text(text) => text,
        };
        text.parse().map_err(serde::de::Error::custom)
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
        parsed(deserializer)
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
    fn an_address_is_understood_as_people_write_one() {
        let listen = |text: &str| text.parse::<Listen>().map(|listen| listen.0.to_string());
        for (text, means) in [
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("[::1]:80", "[::1]:80"),
            ("localhost:80", "127.0.0.1:80"),
            ("80", "127.0.0.1:80"),
            (" :80 ", "0.0.0.0:80"),
            ("0", "127.0.0.1:0"),
        ] {
            assert_eq!(listen(text).as_deref(), Ok(means), "{text}");
        }
        for text in
            ["", "localhost", "::1", "a:b", "1:2:3", "localhost:66000", "no.such.invalid:80"]
        {
            assert!(listen(text).is_err(), "{text}");
        }
        assert!(listen("no.such.invalid:80").is_err_and(|why| why.contains("no.such.invalid")));
    }
}
