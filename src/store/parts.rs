//! Parts of a body: what is stored and sent instead of the whole body.
//!
//! Owns where a body is cut, and the names of the parts. The content decides where a body is cut,
//! so that a change of one record changes one part or two, and all other parts keep their names. A
//! part whose name is in a store already is neither written nor sent again. This module must not
//! do I/O.

use std::fmt;

use bytes::Bytes;
use fastcdc::v2020::FastCDC;
use rayon::prelude::*;

use crate::workers;

/// Smallest, average and largest size of a part in bytes. A Redis that copies the largest part
/// answers nobody else for about a tenth of a millisecond.
const SIZES: [usize; 3] = [16 << 10, 64 << 10, 256 << 10];
/// Largest size of a part.
pub(super) const LARGEST: usize = SIZES[2];
/// Digits of a name: 160 bits of BLAKE3.
const DIGITS: usize = 40;

/// The name of a part, made from its content, in hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct PartName([u8; DIGITS]);

impl PartName {
    /// Returns the name of a part with this content.
    pub(super) fn of(bytes: &[u8]) -> PartName {
        let hex = blake3::hash(bytes).to_hex();
        let mut name = [0; DIGITS];
        name.copy_from_slice(&hex.as_bytes()[..DIGITS]);
        PartName(name)
    }

    /// Returns the name in a text; `None` if the text is no name. Such a text must not become a
    /// path or a key.
    pub(super) fn parse(text: &str) -> Option<PartName> {
        let name: [u8; DIGITS] = text.as_bytes().try_into().ok()?;
        let is_digit = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        name.iter().all(is_digit).then_some(PartName(name))
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A body that is cut into parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cut {
    /// Names of the parts, in the order of the body.
    pub(super) names: Vec<PartName>,
    /// The parts in the same order, which share the memory of the body. Empty if only the names
    /// are known.
    pub(super) parts: Vec<Bytes>,
}

impl Cut {
    /// Cuts a body.
    pub(super) fn of(body: &Bytes) -> Cut {
        let [smallest, average, largest] = SIZES;
        let parts: Vec<Bytes> = FastCDC::new(body, smallest, average, largest)
            .map(|chunk| body.slice(chunk.offset..chunk.offset + chunk.length))
            .collect();
        let names = workers::run(|| parts.par_iter().map(|part| PartName::of(part)).collect());
        Cut { names, parts }
    }

    /// Joins parts to the body. The parts of the result share the memory of the body.
    pub(super) fn joined(names: Vec<PartName>, parts: &[Bytes]) -> (Bytes, Cut) {
        let body = Bytes::from(parts.concat());
        let mut start = 0;
        let slice = |part: &Bytes| {
            let from = start;
            start += part.len();
            body.slice(from..start)
        };
        let parts = parts.iter().map(slice).collect();
        (body.clone(), Cut { names, parts })
    }

    /// Returns the names as a text, one name in a line.
    pub(super) fn list(&self) -> String {
        let mut list = String::with_capacity(self.names.len() * (DIGITS + 1));
        for name in &self.names {
            list.push_str(name.as_str());
            list.push('\n');
        }
        list
    }
}

/// Returns the names in such a text; `None` if the text has another line.
pub(super) fn names_in(list: &[u8]) -> Option<Vec<PartName>> {
    std::str::from_utf8(list).ok()?.lines().map(PartName::parse).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fmt::Write;

    use super::*;

    fn body(of: impl Fn(u32) -> String) -> Bytes {
        let mut text = String::new();
        for number in 0..20_000 {
            let _ = writeln!(text, "{{\"id\":\"{number}\",\"title\":\"{}\"}},", of(number));
        }
        Bytes::from(text)
    }

    fn title(number: u32) -> String {
        PartName::of(&number.to_le_bytes()).to_string()
    }

    #[test]
    fn a_change_of_one_record_changes_at_most_two_parts() {
        let before = Cut::of(&body(title));
        assert!(before.names.len() > 10, "{}", before.names.len());
        let known: HashSet<_> = before.names.iter().collect();
        for changed in [0, 7_777, 19_999] {
            for new in ["", "Totoro", "a much longer title than the title before, by some letters"]
            {
                let of = |number| if number == changed { new.to_owned() } else { title(number) };
                let after = Cut::of(&body(of));
                let new = after.names.iter().filter(|name| !known.contains(name)).count();
                assert!((1..=2).contains(&new), "{new} new parts");
            }
        }
    }

    #[test]
    fn the_parts_make_the_body_again() {
        for body in [body(title), Bytes::from_static(b"[]"), Bytes::new()] {
            let cut = Cut::of(&body);
            assert!(cut.parts.iter().all(|part| part.len() <= LARGEST));
            let names = names_in(cut.list().as_bytes()).expect("names");
            assert_eq!(names, cut.names);
            let (joined, same) = Cut::joined(names, &cut.parts);
            assert_eq!((joined, same), (body, cut));
        }
    }

    #[test]
    fn a_text_that_is_no_name_is_refused() {
        let name = PartName::of(b"Kiki").to_string();
        assert_eq!(PartName::parse(&name), Some(PartName::of(b"Kiki")));
        for text in ["", "../../escaped", &name[1..], &name.to_uppercase(), &format!("{name}0")] {
            assert_eq!(PartName::parse(text), None, "{text}");
        }
        assert_eq!(names_in(b"[{\"id\":1}]"), None);
    }
}
