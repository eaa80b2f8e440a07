//! The changes that a refused answer would make, in a form of bounded size.
//!
//! Owns the digests of the ids of the records that are gone. The digests exist because the next
//! refresh, on any replica, must find out whether the same records are gone again, and only the
//! replica that asked the API has the answer itself. This module must not judge answers.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::payload::Fence;

/// Digests of gone records that are kept: the smallest digests. Up to this number, each gone record
/// is known. Above this number, the digests are a sample, and only the count is exact. If one more
/// record is gone, the count shows this. If one more record is gone and a different record came
/// back, the count stays the same, and only the sample can show the change, with a probability of
/// this constant divided by the count.
pub const MOST_DIGESTS: usize = 500;

/// Names the sets of ids of a refused answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct SetsHash(pub String);

/// The name is also the name of a file, so the name is checked wherever it comes from.
impl TryFrom<String> for SetsHash {
    type Error = String;
    fn try_from(text: String) -> Result<SetsHash, String> {
        let is_hash = text.len() == 12 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if is_hash {
            Ok(SetsHash(text))
        } else {
            Err(format!("{text:?} is not a name of sets of ids"))
        }
    }
}

impl fmt::Display for SetsHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The differences between an answer and the live data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Number of films in the answer.
    pub films: usize,
    /// Number of people in the answer.
    pub people: usize,
    /// Live records that the answer does not have.
    pub gone: Gone,
}

/// Records that are gone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// Number of records.
    count: usize,
    /// The smallest digests of their ids, at most [`MOST_DIGESTS`].
    digests: Digests,
}

impl Gone {
    /// Makes the set from the ids of the films and people that are gone.
    pub fn of<'a>(
        films: impl Iterator<Item = &'a str>,
        people: impl Iterator<Item = &'a str>,
    ) -> Gone {
        let digest = |kind: u8, id: &str| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&[kind]).update(id.as_bytes());
            let mut digest = [0; 8];
            digest.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
            u64::from_be_bytes(digest)
        };
        let all = films.map(|id| digest(0, id)).chain(people.map(|id| digest(1, id)));
        let mut gone = Gone::default();
        for digest in all {
            gone.count += 1;
            gone.digests.0.insert(digest);
            if gone.digests.0.len() > MOST_DIGESTS {
                gone.digests.0.pop_last();
            }
        }
        gone
    }

    /// Returns the number of records that are gone.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether all of these records, except for `tolerated` of them, are also in `before`.
    pub fn are_among(&self, before: &Gone, tolerated: usize) -> bool {
        let is_sample = before.count > before.digests.0.len();
        let end = before.digests.0.last().copied().filter(|_| is_sample).unwrap_or(u64::MAX);
        let others = self.digests.0.range(..=end);
        let others = others.filter(|digest| !before.digests.0.contains(digest)).count();
        let each_stands_for = before.count.checked_div(before.digests.0.len()).unwrap_or(1).max(1);
        self.count <= before.count.saturating_add(tolerated)
            && others.saturating_mul(each_stands_for) <= tolerated
    }
}

/// Serialized as one string of hexadecimal digits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Digests(BTreeSet<u64>);

impl From<Digests> for String {
    fn from(digests: Digests) -> String {
        digests.0.iter().map(|digest| format!("{digest:016x}")).collect()
    }
}

impl TryFrom<String> for Digests {
    type Error = String;
    fn try_from(text: String) -> Result<Digests, String> {
        let digest = |part: &[u8]| {
            let part = std::str::from_utf8(part).ok()?;
            u64::from_str_radix(part, 16).ok()
        };
        let digests: Option<BTreeSet<_>> = text.as_bytes().chunks(16).map(digest).collect();
        let is_small = text.len() <= 16 * MOST_DIGESTS;
        digests
            .filter(|_| is_small)
            .map(Digests)
            .ok_or_else(|| "the text is not a list of digests".to_owned())
    }
}

/// A refused answer, with the number of refusals in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Name of the first answer of these refusals.
    pub sets: SetsHash,
    /// Number of refusals in a row.
    pub times: u32,
    /// What the last of these answers would change.
    #[serde(default)]
    pub offer: Offer,
}

/// The mark of the owner: the next answer that would change no more than `offer` is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Name of the refused answer that the owner was shown.
    pub sets: SetsHash,
    /// The differences that the owner was shown.
    pub offer: Offer,
    /// Fence of the last save when the owner accepted. The next save voids the mark, and every
    /// good refresh saves.
    pub saved: Fence,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gone(ids: std::ops::Range<usize>) -> Gone {
        let ids: Vec<_> = ids.map(|id| id.to_string()).collect();
        Gone::of(ids.iter().map(String::as_str), std::iter::empty())
    }

    #[test]
    fn few_records_are_known_one_by_one() {
        assert!(gone(0..100).are_among(&gone(0..100), 0));
        assert!(gone(10..90).are_among(&gone(0..100), 0));
        assert!(!gone(0..101).are_among(&gone(0..100), 0));
        assert!(!gone(1..101).are_among(&gone(0..100), 0), "another record is gone");
        assert!(gone(1..101).are_among(&gone(0..100), 1));
        assert!(gone(0..0).are_among(&gone(0..0), 0) && !gone(0..1).are_among(&gone(0..0), 0));
    }

    #[test]
    fn a_film_and_a_person_with_the_same_id_differ() {
        let none = std::iter::empty;
        let film = Gone::of(["1"].into_iter(), none());
        assert!(!Gone::of(none(), ["1"].into_iter()).are_among(&film, 0));
    }

    #[test]
    fn the_number_and_a_sample_decide_for_many_records() {
        let many = gone(0..100_000);
        assert!(many.are_among(&many, 0) && gone(500..90_000).are_among(&many, 0));
        assert!(!gone(0..100_001).are_among(&many, 0), "the number is larger");
        assert!(!gone(50_000..150_000).are_among(&many, 1_000), "the sample differs");
        assert!(!gone(99_000..99_900).are_among(&gone(0..90_000), 100), "a few other records");
    }

    #[test]
    fn the_digests_are_small_and_are_read_as_they_were_written() {
        let many = gone(0..100_000);
        let text = serde_json::to_string(&many).expect("JSON");
        assert!(text.len() < 17 * MOST_DIGESTS, "{}", text.len());
        assert_eq!(serde_json::from_str::<Gone>(&text).expect("the same"), many);
        for bad in ["\"zz\"", &format!("\"{}\"", "0".repeat(16 * MOST_DIGESTS + 1)), "\"é\""] {
            assert!(serde_json::from_str::<Digests>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_has_twelve_digits_and_is_not_a_path() {
        let read = |text: &str| serde_json::from_value::<SetsHash>(text.into());
        assert!(read("0123456789ab").is_ok());
        for bad in ["", "../../../../x", "0123456789a/", "0123456789abc"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
