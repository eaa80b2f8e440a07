//! The texts of a theme in the language of the site.
//!
//! Owns how a text is found by its key, the choice of its plural form, and how a language writes
//! numbers, dates and durations. This module exists so that no template, no script and no other
//! module contains a text of its own: a page with `lang="de"` must not contain English text (WCAG
//! 3.1.1). This module must not read files: the theme passes the tables as text.
//!
//! 1. [`Table::parse`] reads the texts of one language.
//! 2. [`nearest`] finds the tables for the language of the site. [`Texts::of`] lays these tables
//!    over the English table; the nearest table has precedence. Then the [`Words`] of the owner take
//!    the places of the nouns of the table.
//! 3. [`Texts`] returns the texts of the result, and formats numbers, dates and durations.

mod format;
mod language;
mod pattern;
mod script;
mod table;
mod words;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use icu_locale_core::Locale;

use format::Formats;
pub use language::{is_tag, nearest};
pub use pattern::Pattern;
pub use script::{is_right_to_left, language_of};
pub use table::{HTML, NOUN, OWN_WORDS, SCORE_NAME, Table, TableFault, Text};
pub use words::Words;

/// Language of the table that has every text. A site whose language has no table is in English.
pub const ENGLISH: &str = "en";

/// Tables by language tag, in lower case.
pub type Tables = BTreeMap<String, Table>;

/// The texts of one language, with the formats of the language.
pub struct Texts {
    lang: String,
    table: Table,
    formats: Formats,
}

/// The reason why a text cannot be returned.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsaid {
    /// No text has this key.
    #[error("there is no text `{key}`{}", hint(nearest.as_deref()))]
    NoText {
        /// The key.
        key: String,
        /// The most similar key; `None` if no key is similar.
        nearest: Option<String>,
    },
    /// A placeholder of the text has no value.
    #[error("the text `{key}` needs a value for the placeholder {{{name}}}")]
    NoValue {
        /// The key.
        key: String,
        /// Name of the placeholder.
        name: String,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |key| format!("; did you mean `{key}`?"))
}

impl Texts {
    /// Returns the texts in `lang`, or in the nearest language with a table, or in English if there
    /// is none. A text that the tables of the language lack is in English. `words` take the places
    /// of the nouns for films and people, and of the word for the score.
    pub fn of(tables: &Tables, lang: &str, words: &Words) -> Texts {
        let near = nearest(lang, tables);
        let spoken = near.first().copied().unwrap_or(ENGLISH);
        let mut table = tables.get(ENGLISH).cloned().unwrap_or_default();
        for tag in near.iter().rev() {
            if let Some(over) = tables.get(*tag) {
                table.extend(over.clone());
            }
        }
        // Pages contain the tag, and scripts pass the tag to `Intl`. Both need a valid locale, so
        // the tag of the table replaces a tag that is not a locale.
        let lang = match lang.parse::<Locale>() {
            Ok(_) if !near.is_empty() => lang,
            _ => spoken,
        };
        Texts { lang: lang.to_owned(), table: table.worded(words), formats: Formats::of(lang) }
    }

    /// Returns the language tag that pages have in `lang` (BCP 47).
    pub fn lang(&self) -> &str {
        &self.lang
    }

    /// Returns the language of a text of the data. Returns `None` if the letters do not determine
    /// the language, or if the page has the same language.
    pub fn other_language(&self, text: &str) -> Option<&'static str> {
        language_of(text).and_then(|lang| self.other_than_page(lang))
    }

    /// Returns a language tag, unless the page has the same language.
    pub fn other_than_page<'l>(&self, tag: &'l str) -> Option<&'l str> {
        let [own, other] = [&self.lang, tag].map(|tag| tag.split('-').next().unwrap_or_default());
        (!own.eq_ignore_ascii_case(other)).then_some(tag)
    }

    /// Returns whether a text has this key.
    pub fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    /// Returns the text of a key. `value` returns the value of each placeholder. `count` selects
    /// the plural form, and is the value of the placeholder `{count}` if `value` returns none. Then
    /// the number is written as the language writes numbers.
    ///
    /// # Errors
    /// Fails if no text has this key, or if a placeholder has no value.
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

    /// Returns the text of a key of the built-in table.
    pub fn say(&self, key: &str, values: &[(&str, &dyn Display)]) -> String {
        self.said(key, None, values)
    }

    /// Returns the text of a key of the built-in table, in the plural form for `count`.
    pub fn count(&self, key: &str, count: usize, values: &[(&str, &dyn Display)]) -> String {
        self.said(key, Some(count as u64), values)
    }

    fn said(&self, key: &str, count: Option<u64>, values: &[(&str, &dyn Display)]) -> String {
        let value = |name: &str| {
            let found = values.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| isolated(value.to_string()))
        };
        // A test checks that the built-in table has every text that the program itself uses.
        self.filled(key, count, value).unwrap_or_else(|_| key.to_owned())
    }

    /// Returns the plural forms of a text, each with its CLDR category. `other` is the last.
    ///
    /// # Errors
    /// Fails if no text has this key.
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

    /// Returns a whole number as the language writes numbers: `1,234`.
    pub fn number(&self, number: u64) -> String {
        self.formats.number(number)
    }

    /// Returns a day in words: `November 24, 2026`. Returns `None` if there is no such day.
    pub fn day(&self, year: i32, month: u8, day: u8) -> Option<String> {
        self.formats.day(year, month, day)
    }

    /// Returns the length of a film: `1 h 26 min`.
    pub fn minutes(&self, minutes: u64) -> String {
        match (minutes / 60, minutes % 60) {
            (0, minutes) => self.count("unit.minute", minutes as usize, &[]),
            (hours, 0) => self.count("unit.hour", hours as usize, &[]),
            (hours, minutes) => {
                self.say("unit.hour_minute", &[("hours", &hours), ("minutes", &minutes)])
            }
        }
    }

    /// Returns a duration in a suitable unit, rounded down: `320 ms`, `1.4 s`, `60 s`, `2 h`.
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

/// Returns the value, isolated from the text around it if it has letters that are written from
/// right to left (UAX 9). Otherwise the punctuation after a Hebrew title would appear before the
/// title.
pub fn isolated(value: String) -> String {
    if value.chars().any(is_right_to_left) { format!("\u{2068}{value}\u{2069}") } else { value }
}

/// Returns the text with its first letter in upper case. Tera's `capitalize` also changes all other
/// letters to lower case, which is wrong for German nouns.
pub fn upper_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests;
