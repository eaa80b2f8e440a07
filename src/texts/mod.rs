//! The texts of a theme in the language of the site.
//!
//! Owns how a text is found, which plural form it takes, and how numbers, dates and lengths of
//! time are written in a language. It exists so that no template, no script and no other module
//! holds a text of its own: a page that says `lang="de"` must not be in English (WCAG 3.1.1).
//! It must not read files: tables come as text, from the theme.
//!
//! 1. A [`Table`] is read: the texts of one language by their keys.
//! 2. The [`nearest`] tables for a language are laid over each other, English lowest.
//! 3. [`Texts`] are what comes of that, with the formats of the language.

mod format;
mod language;
mod pattern;
mod script;
mod table;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use icu_locale_core::Locale;

use format::Formats;
pub use language::{is_tag, nearest};
pub use pattern::Pattern;
pub use script::{is_right_to_left, language_of};
pub use table::{Table, TableFault, Text};

/// The language of the table that has every text, and of the site where no table fits.
pub const ENGLISH: &str = "en";

/// Tables by their language tags in lower case.
pub type Tables = BTreeMap<String, Table>;

/// The texts of one language, ready to be said.
pub struct Texts {
    lang: String,
    table: Table,
    formats: Formats,
}

/// Why a text cannot be said.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsaid {
    /// There is no text of that key.
    #[error("there is no text `{key}`{}", hint(nearest.as_deref()))]
    NoText {
        /// The key.
        key: String,
        /// The key that is most like it.
        nearest: Option<String>,
    },
    /// The text has a placeholder without a value.
    #[error("the text `{key}` has the placeholder {{{name}}}, which is not given")]
    NoValue {
        /// The key.
        key: String,
        /// The placeholder.
        name: String,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |key| format!("; did you mean `{key}`?"))
}

impl Texts {
    /// The texts in `lang`, or in the nearest language that has a table, or else in English.
    pub fn of(tables: &Tables, lang: &str) -> Texts {
        let near = nearest(lang, tables);
        let spoken = near.first().copied().unwrap_or(ENGLISH);
        let mut table = tables.get(ENGLISH).cloned().unwrap_or_default();
        for tag in near.iter().rev() {
            if let Some(over) = tables.get(*tag) {
                table.extend(over.clone());
            }
        }
        // A tag that is no locale would be wrong in a page too, and scripts give it to `Intl`.
        let lang = match lang.parse::<Locale>() {
            Ok(_) if !near.is_empty() => lang,
            _ => spoken,
        };
        Texts { lang: lang.to_owned(), table, formats: Formats::of(lang) }
    }

    /// The language that pages say they are in (BCP 47).
    pub fn lang(&self) -> &str {
        &self.lang
    }

    /// The language of a text of the data, where its letters tell it and it is not the page's.
    pub fn other_language(&self, text: &str) -> Option<&'static str> {
        let own = self.lang.split('-').next().unwrap_or_default();
        language_of(text).filter(|lang| !lang.eq_ignore_ascii_case(own))
    }

    /// Whether there is a text of that key.
    pub fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    /// The text of a key, with values for its placeholders. `count` decides the plural form, and
    /// is written as the language writes numbers.
    ///
    /// # Errors
    /// If there is no such text, or a placeholder has no value.
    pub fn filled(
        &self,
        key: &str,
        count: Option<u64>,
        value: impl Fn(&str) -> Option<String>,
    ) -> Result<String, Unsaid> {
        let Some(text) = self.table.get(key) else { return Err(self.unknown(key)) };
        let pattern = text.form(count.map(|count| self.formats.category(count)));
        let number = |name: &str| count.filter(|_| name == "count").map(|count| self.number(count));
        let filled = pattern.filled(|name| value(name).or_else(|| number(name)));
        filled.map_err(|name| Unsaid::NoValue { key: key.to_owned(), name: name.to_owned() })
    }

    /// The text of a key that the built-in table has.
    pub fn say(&self, key: &str, values: &[(&str, &dyn Display)]) -> String {
        self.said(key, None, values)
    }

    /// The same, in the form for so many.
    pub fn count(&self, key: &str, count: usize, values: &[(&str, &dyn Display)]) -> String {
        self.said(key, Some(count as u64), values)
    }

    fn said(&self, key: &str, count: Option<u64>, values: &[(&str, &dyn Display)]) -> String {
        let value = |name: &str| {
            let found = values.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| isolated(value.to_string()))
        };
        // A test shows that the built-in table has the texts that the program says itself.
        self.filled(key, count, value).unwrap_or_else(|_| key.to_owned())
    }

    /// The forms of a text by their CLDR category; the form for all others is the last.
    ///
    /// # Errors
    /// If there is no such text.
    pub fn forms(&self, key: &str) -> Result<Vec<(&'static str, String)>, Unsaid> {
        let text = self.table.get(key).ok_or_else(|| self.unknown(key))?;
        Ok(text.forms().map(|(category, pattern)| (category, pattern.to_string())).collect())
    }

    fn unknown(&self, key: &str) -> Unsaid {
        let near = |other: &&str| strsim::jaro_winkler(key, other);
        let alike = self.table.keys().filter(|other| near(other) > 0.8);
        let nearest = alike.max_by(|one, other| near(one).total_cmp(&near(other)));
        Unsaid::NoText { key: key.to_owned(), nearest: nearest.map(str::to_owned) }
    }

    /// A whole number as the language writes it: `1,234`.
    pub fn number(&self, number: u64) -> String {
        self.formats.number(number)
    }

    /// A day in words: `November 24, 2026`.
    pub fn day(&self, year: i32, month: u8, day: u8) -> Option<String> {
        self.formats.day(year, month, day)
    }

    /// The length of a film: `1 h 26 min`.
    pub fn minutes(&self, minutes: u64) -> String {
        match (minutes / 60, minutes % 60) {
            (0, minutes) => self.count("unit.minute", minutes as usize, &[]),
            (hours, 0) => self.count("unit.hour", hours as usize, &[]),
            (hours, minutes) => {
                self.say("unit.hour_minute", &[("hours", &hours), ("minutes", &minutes)])
            }
        }
    }

    /// A length of time in the unit that suits it: `320 ms`, `1.4 s`, `60 s`, `2 h`.
    pub fn time(&self, time: Duration) -> String {
        let (seconds, milliseconds) = (time.as_secs(), time.subsec_millis());
        let unit = |unit: &str, count: u64| self.count(unit, count as usize, &[]);
        match seconds {
            0 => unit("unit.millisecond", milliseconds.into()),
            1..10 if milliseconds >= 100 => {
                let tenths = seconds * 10 + u64::from(milliseconds / 100);
                self.say("unit.second", &[("count", &self.formats.tenths(tenths))])
            }
            1..120 => unit("unit.second", seconds),
            120..7_200 => unit("unit.minute", seconds / 60),
            7_200..172_800 => unit("unit.hour", seconds / 3_600),
            _ => unit("unit.day", seconds / 86_400),
        }
    }
}

/// A value that is written from right to left, set apart from the text around it (UAX 9): the
/// punctuation after a Hebrew title would else stand before it.
pub fn isolated(value: String) -> String {
    if value.chars().any(is_right_to_left) { format!("\u{2068}{value}\u{2069}") } else { value }
}

/// The text with its first letter in upper case. Tera's `capitalize` makes all others small,
/// which German nouns are not.
pub fn upper_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests;
