//! The fields of a record that are ignored or cut.
//!
//! Owns the bound on the number of fields that messages name.

use crate::plain::{clip, start_of};

/// Longest title, name or other text of one line in characters. The longest titles of films have
/// about 200 characters.
pub(super) const LONGEST_LINE: usize = 500;
/// Largest number of fields of one record that messages name. The others are counted.
const MOST_NAMED: usize = 20;

/// The fields of a record that cannot be used unchanged.
#[derive(Debug, Default)]
pub(super) struct Ignored {
    /// The names and flaws of the first few fields.
    pub(super) named: Vec<(String, Flaw)>,
    /// Number of fields that are ignored.
    pub(super) count: usize,
    /// Number of fields that are cut.
    pub(super) cut: usize,
}

/// A flaw of a field.
#[derive(Debug, Clone)]
pub(super) enum Flaw {
    /// The field is ignored, for this reason.
    Unusable(String),
    /// The text is cut after this number of characters.
    Cut(usize),
}

impl Ignored {
    pub(super) fn is_empty(&self) -> bool {
        self.count + self.cut == 0
    }

    pub(super) fn push(&mut self, name: &str, why: String) {
        self.count += 1;
        self.name(name, Flaw::Unusable(why));
    }

    /// Adds the flaws of a part of the record.
    pub(super) fn add(&mut self, part: &Ignored) {
        self.count += part.count;
        self.cut += part.cut;
        for (name, flaw) in &part.named {
            self.name(name, flaw.clone());
        }
    }

    /// Returns the text, or the start of the text if the text has more than `most` characters.
    pub(super) fn cut(&mut self, name: &str, text: String, most: usize) -> String {
        let Some(start) = start_of(&text, most) else { return text };
        self.cut += 1;
        self.name(name, Flaw::Cut(most));
        start
    }

    fn name(&mut self, name: &str, flaw: Flaw) {
        if self.named.len() < MOST_NAMED {
            self.named.push((clip(name), flaw));
        }
    }
}
