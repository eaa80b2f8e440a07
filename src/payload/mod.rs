//! The raw answer of the upstream to one refresh.
//!
//! Owns the bodies, the fence and the origin time, and the first check of each answer: is the answer
//! a JSON array, and where are its records? An answer that is not a catalogue is found, named and
//! refused here, before any later step runs. This module must not interpret records: the catalogue
//! interprets them one by one.

mod body;

use std::fmt;

use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use body::{AnswerHead, Body, RequestId};

use crate::clock::Stamp;

/// The fence of a claim. Payloads are ordered by fence, never by time.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "u64", into = "u64")]
pub struct Fence(pub u64);

impl Fence {
    /// The highest fence. Fences grow with the time in microseconds. The scripts in Redis use
    /// floating-point numbers, which are exact up to this value.
    pub const HIGHEST: u64 = 1 << 53;
}

impl TryFrom<u64> for Fence {
    type Error = String;
    fn try_from(number: u64) -> Result<Fence, String> {
        let in_range = (number <= Fence::HIGHEST).then_some(Fence(number));
        in_range.ok_or_else(|| format!("the fence {number} is higher than the highest fence"))
    }
}

impl From<Fence> for u64 {
    fn from(fence: Fence) -> u64 {
        fence.0
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One of the two lists that make a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Endpoint {
    /// `/films`
    Films,
    /// `/people`
    People,
}

impl Endpoint {
    /// Returns the path segment after the base address, which is also the segment before the id in
    /// references.
    pub fn segment(self) -> &'static str {
        match self {
            Endpoint::Films => "films",
            Endpoint::People => "people",
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.segment())
    }
}

/// The first request of each list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requests {
    /// The request for films.
    pub films: RequestId,
    /// The request for people; `None` if the mapping has no list of people.
    pub people: Option<RequestId>,
}

/// Films and people of one refresh: the unit that is stored and published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// Fence of the refresh that fetched the payload, or last confirmed the payload with a 304.
    pub fence: Fence,
    /// Time just before the first request of the refresh was sent, less the `Age` that the
    /// upstream declared.
    pub origin: Stamp,
    /// The list of films.
    pub films: Body,
    /// The list of people.
    pub people: Body,
}

impl Payload {
    /// Returns the body of one endpoint.
    pub fn body(&self, endpoint: Endpoint) -> &Body {
        match endpoint {
            Endpoint::Films => &self.films,
            Endpoint::People => &self.people,
        }
    }

    /// Whether the payload has the answers to these requests, as far as it says to which requests
    /// its answers belong. A list that is not asked for does not count.
    pub fn may_answer(&self, requests: Requests) -> bool {
        let may_answer = |people| self.people.may_answer(people);
        self.films.may_answer(requests.films) && requests.people.is_none_or(may_answer)
    }

    /// Whether both payloads have the same answers.
    pub fn has_answers_of(&self, other: &Payload) -> bool {
        self.films.has_answers_of(&other.films) && self.people.has_answers_of(&other.people)
    }
}

/// Why a body is not a list of records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The body is empty.
    #[error("{0} answered an empty body; expected a JSON array")]
    Empty(Endpoint),
    /// The body is an HTML page, as of a gateway or a parked domain.
    #[error("{0} answered an HTML page instead of JSON; is this the address of the API?")]
    Html(Endpoint),
    /// The body is not UTF-8.
    #[error("{endpoint} answered text that is not UTF-8 (first bad byte at offset {offset})")]
    NotUtf8 {
        /// The endpoint.
        endpoint: Endpoint,
        /// Offset of the first bad byte.
        offset: usize,
    },
    /// The body is JSON, but not an array.
    #[error("{endpoint} answered {found} instead of a JSON array of records")]
    NotAnArray {
        /// The endpoint.
        endpoint: Endpoint,
        /// What the body is instead.
        found: &'static str,
    },
    /// The answer does not have the list or the fields that the mapping names.
    #[error("{why}")]
    NoList {
        /// The endpoint.
        endpoint: Endpoint,
        /// What the mapping names, and what the answer has instead.
        why: String,
    },
    /// The body has more records than the memory is meant for.
    #[error("{endpoint} answered more than {most} records (--max-bytes / 512)")]
    TooMany {
        /// The endpoint.
        endpoint: Endpoint,
        /// Largest number of records.
        most: usize,
    },
    /// The films have more links to people, directors and producers than the memory bound allows.
    #[error(
        "films have more than {most} links to people, directors and producers (--max-bytes / 64)"
    )]
    TooManyPairs {
        /// Largest number of links.
        most: usize,
    },
    /// The films have more directors and producers than the memory is meant for. Each has a page.
    #[error("films name more than {most} directors and producers (--max-bytes / 512)")]
    TooManyMakers {
        /// Largest number of directors and producers.
        most: usize,
    },
    /// The site would be larger than the memory is meant for.
    #[error("the site of this answer would take more than {} (--max-bytes × 32)", bytesize::ByteSize(*most))]
    TooLargeSite {
        /// Largest size of all published files, in bytes.
        most: u64,
    },
    /// The further fields (`keep` in the mapping) have more values than the memory is meant for.
    #[error(
        "{endpoint} answered more than {most} values in further fields (`keep` in the mapping)"
    )]
    TooManyValues {
        /// The endpoint.
        endpoint: Endpoint,
        /// Largest number of values.
        most: usize,
    },
    /// The JSON is broken.
    #[error("{endpoint} answered broken JSON: {problem}")]
    NotJson {
        /// The endpoint.
        endpoint: Endpoint,
        /// The message of the parser, with line and column.
        problem: String,
    },
}

impl Fault {
    /// Whether a larger `--max-bytes` would accept the answer.
    pub fn is_too_large(&self) -> bool {
        match self {
            Fault::TooMany { .. }
            | Fault::TooManyPairs { .. }
            | Fault::TooManyMakers { .. }
            | Fault::TooLargeSite { .. }
            | Fault::TooManyValues { .. } => true,
            Fault::Empty(_)
            | Fault::Html(_)
            | Fault::NotUtf8 { .. }
            | Fault::NotAnArray { .. }
            | Fault::NoList { .. }
            | Fault::NotJson { .. } => false,
        }
    }
}

/// Returns the text of a body, if the body may be JSON.
///
/// # Errors
/// Returns a [`Fault`] that names the endpoint and what is wrong with its body.
pub fn json_text(endpoint: Endpoint, bytes: &[u8]) -> Result<&str, Fault> {
    // A byte order mark is not JSON, but parsers may ignore it (RFC 8259 §8.1).
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(text).map_err(|error| Fault::NotUtf8 {
        endpoint,
        offset: bytes.len() - text.len() + error.valid_up_to(),
    })?;
    match text.trim_start().chars().next() {
        None => Err(Fault::Empty(endpoint)),
        Some('<') => Err(Fault::Html(endpoint)),
        Some(_) => Ok(text.trim()),
    }
}

/// Checks that a text is one JSON value.
///
/// # Errors
/// Returns a [`Fault`] that names the endpoint and the place of the mistake.
pub fn hold_json(endpoint: Endpoint, text: &str) -> Result<(), Fault> {
    let read = serde_json::from_str::<&RawValue>(text);
    read.map(drop).map_err(|error| Fault::NotJson { endpoint, problem: error.to_string() })
}

/// Returns the records of a list as slices of the list, at most `most`.
///
/// # Errors
/// Returns a [`Fault`] that names the endpoint and what is wrong with its list.
pub fn records(endpoint: Endpoint, list: &str, most: usize) -> Result<Vec<&RawValue>, Fault> {
    let found = match list.chars().next() {
        Some('[') => {
            let records = listed(list, most)
                .map_err(|error| Fault::NotJson { endpoint, problem: error.to_string() })?;
            return records.ok_or(Fault::TooMany { endpoint, most });
        }
        None => return Err(Fault::Empty(endpoint)),
        Some('{') => "a JSON object",
        Some(_) => match serde_json::from_str::<&RawValue>(list) {
            Ok(value) if value.get() == "null" => "null",
            Ok(_) => "a JSON scalar",
            Err(error) => {
                return Err(Fault::NotJson { endpoint, problem: error.to_string() });
            }
        },
    };
    Err(Fault::NotAnArray { endpoint, found })
}

/// Returns the items of a JSON array, or `None` if there are more than `most`; the rest is not
/// read.
fn listed(text: &str, most: usize) -> Result<Option<Vec<&RawValue>>, serde_json::Error> {
    struct Items<'m>(usize, &'m mut bool);
    impl<'de> Visitor<'de> for Items<'_> {
        type Value = Vec<&'de RawValue>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON array")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            let mut records = Vec::new();
            while let Some(record) = items.next_element()? {
                if records.len() >= self.0 {
                    *self.1 = true;
                    break;
                }
                records.push(record);
            }
            Ok(records)
        }
    }
    let mut is_more = false;
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = reader.deserialize_seq(Items(most, &mut is_more));
    if is_more {
        return Ok(None);
    }
    let records = read?;
    reader.end()?;
    Ok(Some(records))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(bytes: &[u8]) -> Fault {
        let text = json_text(Endpoint::Films, bytes);
        text.and_then(|text| records(Endpoint::Films, text, 9)).expect_err("a fault")
    }

    #[test]
    fn records_are_slices_of_the_body() {
        let body = r#"[ {"id": 1}, 7 , "x" ]"#;
        let records = records(Endpoint::Films, body, 3).expect("an array");
        let texts: Vec<_> = records.iter().map(|record| record.get()).collect();
        assert_eq!(texts, [r#"{"id": 1}"#, "7", r#""x""#]);
    }

    #[test]
    fn a_byte_order_mark_is_ignored() {
        let text = json_text(Endpoint::People, b" \n[{}]").map(str::len);
        assert_eq!(text, Ok(4));
        assert_eq!(json_text(Endpoint::People, b"\xef\xbb\xbf[{}] "), Ok("[{}]"));
    }

    #[test]
    fn a_body_that_is_not_an_array_is_named_by_its_kind() {
        assert_eq!(fault(b"  "), Fault::Empty(Endpoint::Films));
        assert_eq!(fault(b"\n<!doctype html>"), Fault::Html(Endpoint::Films));
        assert!(matches!(fault(b"{}"), Fault::NotAnArray { found: "a JSON object", .. }));
        assert!(matches!(fault(b"null"), Fault::NotAnArray { found: "null", .. }));
        assert!(matches!(fault(b"12"), Fault::NotAnArray { found: "a JSON scalar", .. }));
    }

    #[test]
    fn reading_stops_at_the_bound_on_records() {
        let many = format!("[{}", "0,".repeat(1000));
        assert_eq!(fault(many.as_bytes()), Fault::TooMany { endpoint: Endpoint::Films, most: 9 });
        assert!(records(Endpoint::Films, "[1,2,3,4,5,6,7,8,9]", 9).is_ok());
    }

    #[test]
    fn the_fault_of_broken_text_has_the_position() {
        assert_eq!(fault(b"[\"\xff\"]"), Fault::NotUtf8 { endpoint: Endpoint::Films, offset: 2 });
        assert!(fault(b"[{\"id\":1},\n{\"id\"").to_string().contains("line 2"));
        assert!(fault(b"Service Unavailable").to_string().contains("line 1"));
    }

    #[test]
    fn deep_nesting_causes_no_stack_overflow() {
        let mut deep = "[".repeat(100_000);
        deep.push_str(&"]".repeat(100_000));
        // Success and failure are both correct. Only a stack overflow is wrong.
        let _ = records(Endpoint::Films, &deep, 9);
    }
}
