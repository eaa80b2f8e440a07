//! The values of options, in the forms that people write.
//!
//! Owns the forms and the errors of a single value. The configuration checks values that depend on
//! each other.

use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;

use super::{access_log, listen};

const DURATION: &str = "a number with a unit, such as 500ms, 60s or 1m 30s";
const DURATION_OR_OFF: &str = "a duration such as 60s, 1m 30s or 500ms, or off";
const SIZE: &str = "a number of bytes with a unit, such as 500kB or 16MiB";
const SHARE: &str = "a percentage or a fraction, such as 30% or 0.3";
const FACTOR: &str = "a number, at least 1, such as 3 or 2.5";

/// The form of a value, by the name that the help gives the value.
pub fn form(value_name: &str) -> Option<&'static str> {
    Some(match value_name {
        "DURATION" => DURATION,
        "DURATION|off" => DURATION_OR_OFF,
        "SIZE" => SIZE,
        "SHARE" => SHARE,
        "FACTOR" => FACTOR,
        "ADDRESS" => listen::ADDRESS,
        "ADDRESSES" => {
            "addresses separated by commas, or the option several times; in the file also a list"
        }
        "N" => "a whole number",
        "BOOL" => "true or false; the flag without a value means true",
        "URL" => "a URL",
        "DIR" => "the path of a directory",
        "FILE|-" => "the path of a file, or - for standard output",
        "COMMAND" => "a command line of the shell",
        "BUCKET" => "the address of a bucket, such as s3://bucket/prefix",
        "PROXIES" => access_log::PROXIES,
        "NAME|FILE" => "the name of a built-in mapping, or the path of a file",
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
