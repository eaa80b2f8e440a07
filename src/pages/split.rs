//! Long lists in parts, by a key that each record keeps.
//!
//! Owns how a list is cut that is longer than a bound: by the first letters of the keys of its
//! records, and by more letters where many keys have the same first letters. This module exists so
//! that no file grows without bound, and so that a new record changes only its own part. Pages with
//! numbers do not have this property: a new record changes all later pages. No two records have the
//! same key, so there is always a next letter by which a part can be cut.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::size::MOST_BYTES;
use crate::letters::folded;

/// Largest number of records on one page, or in one JSON file.
pub(super) const MOST: usize = 1000;
/// Number of letters of a text by which a list is cut, before the list is cut by ids.
const LETTERS: usize = 6;

/// One list: the content under each prefix of the keys. The empty prefix has the whole list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Split<T>(BTreeMap<String, Node<T>>);

/// The content under a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node<T> {
    /// The records, if they are few enough, in the order of the list.
    Whole(Vec<T>),
    /// Longer prefixes, each with the number of records under it.
    Parts(Vec<(String, usize)>),
}

impl<T> Default for Split<T> {
    fn default() -> Split<T> {
        Split::whole(Vec::new())
    }
}

impl<T> Split<T> {
    /// Makes one part of a list with at most [`MOST`] records and at most [`MOST_BYTES`] bytes, as
    /// `size` estimates the bytes of a record. Cuts a larger list into such parts.
    pub(super) fn of<'k>(
        records: Vec<T>,
        key: impl Fn(&T) -> Cow<'k, str>,
        size: impl Fn(&T) -> usize,
    ) -> Split<T> {
        let bytes: usize = records.iter().map(&size).sum();
        if records.len() <= MOST && bytes <= MOST_BYTES {
            return Split::whole(records);
        }
        Split::cut(records, MOST, key, size)
    }

    /// Makes one part of a list with at most [`MOST`] records, whatever their bytes are. Cuts a
    /// longer list as [`Split::of`] does.
    pub(super) fn of_many<'k>(
        records: Vec<T>,
        key: impl Fn(&T) -> Cow<'k, str>,
        size: impl Fn(&T) -> usize,
    ) -> Split<T> {
        let is_whole = records.len() <= MOST;
        if is_whole { Split::whole(records) } else { Split::cut(records, MOST, key, size) }
    }

    /// Cuts a list into parts of at most `most` records and at most [`MOST_BYTES`] bytes.
    pub(super) fn cut<'k>(
        records: Vec<T>,
        most: usize,
        key: impl Fn(&T) -> Cow<'k, str>,
        size: impl Fn(&T) -> usize,
    ) -> Split<T> {
        let keyed = records.into_iter().enumerate().map(|(at, record)| Keyed {
            key: key(&record),
            size: size(&record),
            at,
            record,
        });
        let mut keyed: Vec<_> = keyed.collect();
        keyed.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        let mut nodes = BTreeMap::new();
        cut(String::new(), keyed, most, &mut nodes);
        Split(nodes)
    }

    /// Returns the same parts of other records.
    pub(super) fn map<U>(self, to: impl Fn(T) -> U + Copy) -> Split<U> {
        let node = |node| match node {
            Node::Whole(records) => Node::Whole(records.into_iter().map(to).collect()),
            Node::Parts(parts) => Node::Parts(parts),
        };
        Split(self.0.into_iter().map(|(prefix, found)| (prefix, node(found))).collect())
    }

    /// Makes one part of a whole list.
    pub(super) fn whole(records: Vec<T>) -> Split<T> {
        Split(BTreeMap::from([(String::new(), Node::Whole(records))]))
    }

    /// Returns the prefixes that have records or parts under them. The first prefix is empty.
    pub(super) fn prefixes(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// Returns the content under a prefix.
    pub(super) fn node(&self, prefix: &str) -> Option<&Node<T>> {
        self.0.get(prefix)
    }

    /// Returns the records under a prefix; none if the prefix has parts.
    pub(super) fn records(&self, prefix: &str) -> &[T] {
        match self.0.get(prefix) {
            Some(Node::Whole(records)) => records,
            _ => &[],
        }
    }

    /// Returns the parts under a prefix, each with its number of records; none if the prefix is
    /// whole.
    pub(super) fn parts(&self, prefix: &str) -> &[(String, usize)] {
        match self.0.get(prefix) {
            Some(Node::Parts(parts)) => parts,
            _ => &[],
        }
    }
}

/// A record with its key, with its estimated bytes, and with its place in the list.
struct Keyed<'k, T> {
    key: Cow<'k, str>,
    size: usize,
    at: usize,
    record: T,
}

/// Adds records, which are sorted by their keys, under `prefix` or under longer prefixes.
fn cut<T>(
    prefix: String,
    mut keyed: Vec<Keyed<'_, T>>,
    most: usize,
    nodes: &mut BTreeMap<String, Node<T>>,
) {
    let has_next = keyed.iter().all(|keyed| keyed.key.len() > prefix.len());
    let bytes: usize = keyed.iter().map(|keyed| keyed.size).sum();
    let is_small = (keyed.len() <= most && bytes <= MOST_BYTES) || keyed.len() == 1;
    // The whole list (the empty prefix) is always cut, because the caller found the list too long.
    // Keys that end here are equal, so records with these keys cannot be cut.
    if (is_small && !prefix.is_empty()) || !has_next {
        keyed.sort_unstable_by_key(|keyed| keyed.at);
        let records = keyed.into_iter().map(|keyed| keyed.record).collect();
        nodes.insert(prefix, Node::Whole(records));
        return;
    }
    let mut parts: BTreeMap<String, Vec<Keyed<'_, T>>> = BTreeMap::new();
    for keyed in keyed {
        let longer = keyed.key[..=prefix.len()].to_owned();
        parts.entry(longer).or_default().push(keyed);
    }
    let counts = parts.iter().map(|(longer, under)| (longer.clone(), under.len())).collect();
    nodes.insert(prefix, Node::Parts(counts));
    for (longer, under) in parts {
        cut(longer, under, most, nodes);
    }
}

/// Returns a key from the letters of a text without its article. ASCII letters and digits stay as
/// they are, and other letters become their code points. The key ends in a hash of `id`, because
/// two records may have the same text.
pub(super) fn key_of_text(text: &str, id: &str) -> String {
    let folded = folded(text);
    let without = ["the ", "an ", "a "].iter().find_map(|article| folded.strip_prefix(article));
    let letters = without.unwrap_or(&folded).chars().filter(|letter| letter.is_alphanumeric());
    let mut key: String = letters
        .take(LETTERS)
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter.to_string()
            } else {
                format!("_{:06x}", u32::from(letter))
            }
        })
        .collect();
    key.push('-');
    key.push_str(&key_of_id(id));
    key
}

/// Letters of the key of an id.
pub(super) const KEY_OF_ID: usize = 16;

/// Returns a key from an id. The key is a hash, so that keys spread evenly over the parts.
pub(super) fn key_of_id(id: &str) -> String {
    blake3::hash(id.as_bytes()).to_hex()[..KEY_OF_ID].to_owned()
}

/// Returns the name of a part for readers, from the prefix of the key of a text.
pub(super) fn name(prefix: &str) -> String {
    let (letters, id) = prefix.split_once('-').unwrap_or((prefix, ""));
    let mut name = String::new();
    let mut rest = letters;
    while let Some(first) = rest.chars().next() {
        let length = if first == '_' { 7 } else { 1 };
        let (letter, left) = rest.split_at(length.min(rest.len()));
        let number = letter.strip_prefix('_').and_then(|hex| u32::from_str_radix(hex, 16).ok());
        match number.filter(|_| letter.len() == 7).and_then(char::from_u32) {
            Some(foreign) => name.extend(foreign.to_uppercase()),
            None if first == '_' => name.push('…'),
            None => name.extend(first.to_uppercase()),
        }
        rest = left;
    }
    if name.is_empty() || !id.is_empty() || prefix.ends_with('-') {
        name.push('·');
        name.push_str(id);
    }
    name
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(titles: &[String], most: usize) -> Split<usize> {
        let key = |&at: &usize| key_of_text(&titles[at], &at.to_string()).into();
        let all = (0..titles.len()).collect::<Vec<_>>();
        if all.len() <= MOST { Split::whole(all) } else { Split::cut(all, most, key, |_| 1) }
    }

    /// Returns every record that can be reached from the prefix, part by part.
    fn reached(split: &Split<usize>, prefix: &str) -> Vec<usize> {
        let mut found = split.records(prefix).to_vec();
        for (longer, count) in split.parts(prefix) {
            let below = reached(split, longer);
            assert_eq!(below.len(), *count, "{longer}");
            found.extend(below);
        }
        found
    }

    #[test]
    fn a_short_list_is_whole_and_in_its_order() {
        let titles: Vec<_> = ["B", "A"].map(str::to_owned).into();
        assert_eq!(split(&titles, 1).records(""), [0, 1]);
    }

    #[test]
    fn a_new_record_changes_its_own_part_alone() {
        let mut titles: Vec<_> = (0..3000).map(|at| format!("{} film", at % 7)).collect();
        let before = split(&titles, 500);
        titles.push("6 more".to_owned());
        let after = split(&titles, 500);
        for prefix in before.prefixes().filter(|prefix| !prefix.is_empty()) {
            assert_eq!(before.node(prefix) == after.node(prefix), prefix != "6", "{prefix}");
        }
        assert!(after.records("6").contains(&3000));
    }

    #[test]
    fn a_prefix_has_a_name_for_readers() {
        for (prefix, expected) in [
            ("a", "A"),
            ("ca", "CA"),
            ("_003068", "と"),
            ("_0030", "…"),
            ("a-3f", "A·3f"),
            ("-", "·"),
        ] {
            assert_eq!(name(prefix), expected);
        }
    }

    #[test]
    fn a_list_of_large_records_is_cut_and_a_larger_record_is_alone() {
        let titles: Vec<_> = (0..9).map(|at| format!("{} film", at % 3)).collect();
        let key = |&at: &usize| key_of_text(&titles[at], &at.to_string()).into();
        let sized = |bytes: usize| Split::of((0..9).collect(), key, |_| bytes);
        assert_eq!(sized(MOST_BYTES / 9).records("").len(), 9);
        assert_eq!(sized(MOST_BYTES / 8).records("1").len(), 3);
        let alone = sized(MOST_BYTES + 1);
        let parts = alone.prefixes().map(|prefix| alone.records(prefix).len());
        assert!(parts.max() == Some(1) && reached(&alone, "").len() == 9);
    }

    proptest! {
        #[test]
        fn every_record_is_in_one_part_and_no_part_is_too_large(
            titles in proptest::collection::vec("(the )?[aé-ど]{0,3}", 1001..1400),
        ) {
            let split = split(&titles, 100);
            let mut found = reached(&split, "");
            found.sort_unstable();
            prop_assert_eq!(found, (0..titles.len()).collect::<Vec<_>>());
            for prefix in split.prefixes() {
                prop_assert!(split.records(prefix).len() <= 100);
                prop_assert!(split.parts(prefix).len() <= 40);
            }
        }
    }
}
