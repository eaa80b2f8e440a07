//! Long lists in parts, by a key that a record keeps.
//!
//! Owns how a list that has grown beyond a bound is cut: by the first letters of
//! its records' keys, deeper where many begin alike. It exists so that no file
//! grows without bound, and that a new record changes the part it stands in and
//! not all that follow, as pages by number would. Keys tell all records apart, so
//! there is always a next letter to cut by.

use std::collections::BTreeMap;

use crate::letters::folded;

/// Records on one page or in one file of data.
pub(super) const MOST: usize = 1000;
/// Letters of a text that a list is cut by, before it is cut by ids.
const LETTERS: usize = 6;

/// One list: what stands under each prefix of the keys, the whole under none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Split<T>(BTreeMap<String, Node<T>>);

/// What stands under a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node<T> {
    /// Few enough records: here they are, in their own order.
    Whole(Vec<T>),
    /// Longer prefixes, each with the number of records under it.
    Parts(Vec<(String, usize)>),
}

impl<T: Ord> Split<T> {
    /// The list as it is if it has at most [`MOST`] records, else in parts of at
    /// most `most`.
    pub(super) fn of(records: Vec<T>, most: usize, key: impl Fn(&T) -> String) -> Split<T> {
        let mut nodes = BTreeMap::new();
        if records.len() <= MOST {
            nodes.insert(String::new(), Node::Whole(records));
        } else {
            let mut keyed: Vec<_> =
                records.into_iter().map(|record| (key(&record), record)).collect();
            keyed.sort_unstable();
            cut(String::new(), keyed, most, &mut nodes);
        }
        Split(nodes)
    }

    /// The prefixes that have records or parts under them; the first is empty.
    pub(super) fn prefixes(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// What stands under a prefix.
    pub(super) fn node(&self, prefix: &str) -> Option<&Node<T>> {
        self.0.get(prefix)
    }

    /// The records under a prefix that has no parts.
    pub(super) fn records(&self, prefix: &str) -> &[T] {
        match self.0.get(prefix) {
            Some(Node::Whole(records)) => records,
            _ => &[],
        }
    }

    /// The parts under a prefix that is not whole.
    pub(super) fn parts(&self, prefix: &str) -> &[(String, usize)] {
        match self.0.get(prefix) {
            Some(Node::Parts(parts)) => parts,
            _ => &[],
        }
    }
}

/// Puts records, sorted by their keys, under `prefix`, or under longer ones.
fn cut<T: Ord>(
    prefix: String,
    keyed: Vec<(String, T)>,
    most: usize,
    nodes: &mut BTreeMap<String, Node<T>>,
) {
    let has_next = keyed.iter().all(|(key, _)| key.len() > prefix.len());
    // The whole was found too long already; a key that ends here is one of many
    // that are the same, which cannot be told apart.
    if (keyed.len() <= most && !prefix.is_empty()) || !has_next {
        let mut records: Vec<T> = keyed.into_iter().map(|(_, record)| record).collect();
        records.sort_unstable();
        nodes.insert(prefix, Node::Whole(records));
        return;
    }
    let mut parts: BTreeMap<String, Vec<(String, T)>> = BTreeMap::new();
    for (key, record) in keyed {
        let longer = key[..=prefix.len()].to_owned();
        parts.entry(longer).or_default().push((key, record));
    }
    let counts = parts.iter().map(|(longer, under)| (longer.clone(), under.len())).collect();
    nodes.insert(prefix, Node::Parts(counts));
    for (longer, under) in parts {
        cut(longer, under, most, nodes);
    }
}

/// A key by the letters of a text, article left out: plain letters and digits as
/// they are, others by their number, then what tells equal texts apart.
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

/// A key that spreads evenly.
pub(super) fn key_of_id(id: &str) -> String {
    blake3::hash(id.as_bytes()).to_hex()[..16].to_owned()
}

/// How a prefix of a text's key is written for readers.
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
        let key = |&at: &usize| key_of_text(&titles[at], &at.to_string());
        Split::of((0..titles.len()).collect(), most, key)
    }

    /// Every record that is reached from the whole, part by part.
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
    fn prefixes_have_names() {
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
