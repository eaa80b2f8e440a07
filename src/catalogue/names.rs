//! The names in one field: directors or producers.
//!
//! Owns the rules for names: each name counts once, white space in a name of a list is not
//! significant, and the number of names is bounded.

use super::ignored::{Ignored, LONGEST_LINE};
use crate::plain::is_known;

/// Largest number of names in one field. The bound exists because each name gets a page that shows
/// the film.
const MOST_NAMES: usize = 20;

/// The names in one field.
pub(super) struct MakerNames<'i> {
    names: Vec<String>,
    label: &'i str,
    /// What separates the names in one text.
    split: Option<&'i str>,
    ignored: &'i mut Ignored,
}

impl<'i> MakerNames<'i> {
    pub(super) fn of(
        label: &'i str,
        split: Option<&'i str>,
        ignored: &'i mut Ignored,
    ) -> MakerNames<'i> {
        MakerNames { names: Vec::new(), label, split, ignored }
    }

    /// Adds the names in one text. `is_item` says whether the text is an item of a list.
    pub(super) fn add_all(&mut self, text: &str, is_item: bool) {
        match self.split {
            Some(split) => text.split(split).for_each(|name| self.add(name, true)),
            None => self.add(text, is_item),
        }
    }

    fn add(&mut self, name: &str, is_item: bool) {
        let words = || name.split_whitespace().collect::<Vec<_>>().join(" ");
        let name = if is_item { words() } else { name.to_owned() };
        let name = self.ignored.cut(self.label, name, LONGEST_LINE);
        if !is_known(&name) || self.names.contains(&name) {
            return;
        }
        if self.names.len() < MOST_NAMES {
            self.names.push(name);
        } else {
            self.ignored.push(self.label, format!("it has more than {MOST_NAMES} names"));
        }
    }

    /// Notes a value that cannot be used.
    pub(super) fn refuse(&mut self, why: String) {
        self.ignored.push(self.label, why);
    }

    pub(super) fn end(self) -> Vec<String> {
        self.names
    }
}
