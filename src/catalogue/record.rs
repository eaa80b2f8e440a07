//! Reads one record of the upstream leniently.
//!
//! Owns the rules of tolerance: a scalar of another type instead of text, text instead of a
//! number, a missing key, a value that means "not known", and a value that cannot be decoded. The
//! join receives clean values of the fields that the program knows, and the templates receive the
//! other fields too. This module must not judge the catalogue as a whole.

use std::collections::BTreeMap;

use serde_json::Value;
use url::Url;

use super::length::minutes;
use super::markup::without_markup;
use super::raw::{self, RecordRoom, kind};
use super::text::{cleaned, clip, is_known, is_visible, start_of};

/// Largest number of fields of one record that are kept in addition to the `used` fields.
const MOST_FIELDS: usize = 5_000;
/// Longest name of a field in bytes.
const LONGEST_FIELD_NAME: usize = 200;
/// Units of memory for the fields of one record that the program does not know.
const ROOM: usize = 10_000;
/// Longest title, name or other text of one line in characters. The longest titles of films have
/// about 200 characters.
const LONGEST_LINE: usize = 500;
/// Longest description in characters.
const LONGEST_PROSE: usize = 20_000;
/// Longest id in bytes. A longer id is not cut, because the result could be the id of another
/// record.
const LONGEST_ID: usize = 1_000;
/// Longest address in bytes. RFC 9110 §4.1 recommends support for at least 8,000 octets.
const LONGEST_ADDRESS: usize = 8_000;
/// Largest number of names in one field. The bound exists because each name gets a page that shows
/// the film.
const MOST_NAMES: usize = 20;
/// Largest number of fields of one record that messages name. The others are counted.
const MOST_NAMED: usize = 20;

/// One record, from which the fields are taken one by one.
pub(super) struct Record<'r> {
    /// The raw values of the fields that are not taken yet, by cleaned name.
    fields: BTreeMap<String, &'r str>,
    pub(super) ignored: Ignored,
}

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
#[derive(Debug)]
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

    fn push(&mut self, name: &str, why: String) {
        self.count += 1;
        self.name(name, Flaw::Unusable(why));
    }

    /// Returns the text, or the start of the text if the text has more than `most` characters.
    fn cut(&mut self, name: &str, text: String, most: usize) -> String {
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

impl<'r> Record<'r> {
    /// Reads a record. Fields in `used` are always kept, whatever the number of other fields is.
    ///
    /// # Errors
    /// Returns the reason if `raw` is not an object.
    pub(super) fn parse(raw: &'r str, used: &[&str]) -> Result<Record<'r>, String> {
        let mut record = Record { fields: BTreeMap::new(), ignored: Ignored::default() };
        let read = raw::each_field(raw, |name, value| record.put(name, value, used));
        match read {
            Ok(()) => Ok(record),
            Err(error) => Err(clip(&error.to_string())),
        }
    }

    fn put(&mut self, raw_name: &'r str, value: &'r str, used: &[&str]) {
        let name = match raw::name(raw_name) {
            Ok(name) => name,
            Err(name) => {
                return self
                    .ignored
                    .push(&name, "its name has half of a surrogate pair".to_owned());
            }
        };
        if used.contains(&name.as_str()) {
            // A name that had to be cleaned must not replace the same name without flaws.
            if raw_name.len() == name.len() + 2 || !self.fields.contains_key(&name) {
                self.fields.insert(name, value);
            }
        } else if name.len() > LONGEST_FIELD_NAME {
            self.ignored.push(&name, format!("its name is longer than {LONGEST_FIELD_NAME} bytes"));
        } else if self.fields.len() >= MOST_FIELDS && !self.fields.contains_key(&name) {
            self.ignored.push(&name, format!("the record has more than {MOST_FIELDS} fields"));
        } else {
            self.fields.insert(name, value);
        }
    }

    /// Takes the id.
    pub(super) fn id(&mut self) -> Result<String, String> {
        let id = self.required("id")?;
        if id.len() > LONGEST_ID {
            return Err(format!("its `id` is longer than {LONGEST_ID} bytes"));
        }
        Ok(id)
    }

    /// Takes the title or the name.
    pub(super) fn title(&mut self, name: &str) -> Result<String, String> {
        let title = self.required(name)?;
        Ok(self.ignored.cut(name, title, LONGEST_LINE))
    }

    /// Takes the text of a field that each record must have.
    fn required(&mut self, name: &str) -> Result<String, String> {
        match self.fields.remove(name) {
            None => Err(format!("it has no `{name}`")),
            Some(value) => match raw::needed_text(value) {
                Ok(None) => Err(format!("it has no `{name}`")),
                Ok(Some(text)) if !is_visible(&text) => Err(format!("its `{name}` is empty")),
                Ok(Some(text)) => Ok(text),
                Err(_) => Err(format!("its `{name}` is {}", kind(value))),
            },
        }
    }

    /// Takes one line of text, if the field has text.
    pub(super) fn line(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        Some(self.ignored.cut(name, text, LONGEST_LINE))
    }

    /// Takes text, if the field has text. Values such as "NA" count as absent.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        match raw::text(self.fields.remove(name)?) {
            Ok(text) => text.filter(|text| is_known(text)),
            Err(why) => {
                self.ignored.push(name, why);
                None
            }
        }
    }

    /// Takes a whole number between `low` and `high`. The value may be a number, or text such as
    /// `"95"` or `"95%"`.
    pub(super) fn number(&mut self, name: &str, low: u32, high: u32) -> Option<u32> {
        let text = self.text(name)?;
        let digits = text.trim_end_matches('%').trim_end();
        let number = digits.parse::<f64>().ok().filter(|number| number.is_finite());
        match number {
            Some(number) if (f64::from(low)..=f64::from(high)).contains(&number) => {
                Some(number.round() as u32)
            }
            _ => {
                self.ignored
                    .push(name, format!("{:?} is not a number from {low} to {high}", clip(&text)));
                None
            }
        }
    }

    /// Takes text that may contain markup, and returns plain text.
    pub(super) fn prose(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        // Markup is longer than its plain text. The factor 10 leaves room for tags and character
        // references, and bounds the work for a very long text.
        let (text, is_cut) = match text.char_indices().nth(10 * LONGEST_PROSE) {
            Some((end, _)) => (&text[..end], true),
            None => (&*text, false),
        };
        let mut plain = cleaned(&without_markup(text)).trim().to_owned();
        if is_cut {
            plain.push('…');
        }
        is_known(&plain).then(|| self.ignored.cut(name, plain, LONGEST_PROSE))
    }

    /// Takes names from a list of texts, or one name from a text.
    pub(super) fn names(&mut self, name: &str) -> Vec<String> {
        let Some(value) = self.fields.get(name).filter(|value| value.starts_with('[')) else {
            return self.line(name).into_iter().collect();
        };
        let mut names: Vec<String> = Vec::new();
        let ignored = &mut self.ignored;
        raw::each_item(value, |item| match raw::text(item) {
            Ok(text) => {
                let words = text.unwrap_or_default();
                let text = words.split_whitespace().collect::<Vec<_>>().join(" ");
                let text = ignored.cut(name, text, LONGEST_LINE);
                if !is_known(&text) || names.contains(&text) {
                    return;
                }
                if names.len() < MOST_NAMES {
                    names.push(text);
                } else {
                    ignored.push(name, format!("it has more than {MOST_NAMES} names"));
                }
            }
            Err(why) => ignored.push(name, why),
        });
        self.fields.remove(name);
        names
    }

    /// Takes a length in whole minutes between 1 and `most`.
    pub(super) fn minutes(&mut self, name: &str, most: u32) -> Option<u32> {
        let text = self.text(name)?;
        match minutes(&text) {
            Some(minutes) if (1.0..=f64::from(most)).contains(&minutes) => Some(minutes as u32),
            _ => {
                let why = format!("{:?} is not a length from 1 to {most} minutes", clip(&text));
                self.ignored.push(name, why);
                None
            }
        }
    }

    /// Takes an address that a page may link to. Only http and https addresses are safe.
    pub(super) fn address(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        match Url::parse(&text) {
            Ok(url)
                if matches!(url.scheme(), "http" | "https")
                    && url.has_host()
                    && url.as_str().len() <= LONGEST_ADDRESS =>
            {
                Some(url.into())
            }
            _ => {
                self.ignored.push(name, format!("{:?} is not an http(s) address", clip(&text)));
                None
            }
        }
    }

    /// Takes the raw references of a field. The targets can be found only after the ids of all
    /// records are known.
    pub(super) fn references(&mut self, name: &str) -> Option<&'r str> {
        let value = self.fields.remove(name)?;
        match value.bytes().next() {
            Some(b'[' | b'"') => Some(value),
            Some(b'n') => None,
            _ => {
                let why = format!("it is {}, not a list of references", kind(value));
                self.ignored.push(name, why);
                None
            }
        }
    }

    /// Takes all remaining fields. Returns the fields that the program does not know, for the
    /// templates; the fields that are ignored or cut; and the units of memory of the returned
    /// fields. The program sets the fields in `ours` itself, so these fields of the upstream are
    /// dropped.
    pub(super) fn rest(mut self, ours: &[&str]) -> (BTreeMap<String, Value>, Ignored, usize) {
        let mut rest = BTreeMap::new();
        let mut room = RecordRoom { left: ROOM, unusable: 0, why: None };
        for (name, value) in std::mem::take(&mut self.fields) {
            if ours.contains(&name.as_str()) {
                continue;
            }
            let value = raw::field(&name, value, &mut room);
            if let Some(why) = room.why.take() {
                self.ignored.push(&name, why);
            }
            if let Some(value) = value {
                rest.insert(name, value);
            }
        }
        (rest, self.ignored, ROOM - room.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(json: &str) -> Record<'_> {
        Record::parse(json, &["id", "title"]).expect("a record")
    }

    #[test]
    fn numbers_come_as_numbers_and_as_text() {
        let mut read = record(r#"{"a": 95, "b": "95", "c": "95%", "d": 95.0, "e": "x", "f": 101}"#);
        for name in ["a", "b", "c", "d"] {
            assert_eq!(read.number(name, 0, 100), Some(95), "{name}");
        }
        assert_eq!(read.number("e", 0, 100), None);
        assert_eq!(read.number("f", 0, 100), None);
        assert_eq!(read.ignored.count, 2);
    }

    #[test]
    fn a_value_that_means_not_known_counts_as_absent() {
        let mut read = record(r#"{"a": "NA", "b": "", "c": null, "d": "late teens", "e": " 7 "}"#);
        assert_eq!(read.text("a"), None);
        assert_eq!(read.text("b"), None);
        assert_eq!(read.text("c"), None);
        assert_eq!(read.text("d").as_deref(), Some("late teens"));
        assert_eq!(read.text("e").as_deref(), Some("7"));
        assert!(read.ignored.count == 0);
    }

    #[test]
    fn addresses_are_http_or_left_out() {
        let mut read = record(
            r#"{"a": "https://x.example/p.jpg", "b": "javascript:alert(1)", "c": "//x/y", "d": "p.jpg"}"#,
        );
        assert_eq!(read.address("a").as_deref(), Some("https://x.example/p.jpg"));
        for name in ["b", "c", "d"] {
            assert_eq!(read.address(name), None, "{name}");
        }
    }

    #[test]
    fn unknown_fields_are_kept_without_addresses_that_could_run_as_a_script() {
        let rest = record(
            r#"{"id": 1, "tagline": "a\u0008b", "link": " java\nscript:x", "deep": {"l": ["data:x", 1]}}"#,
        )
        .rest(&["id"])
        .0;
        assert_eq!(
            Value::Object(rest.into_iter().collect()),
            serde_json::json!({"tagline": "ab", "deep": {"l": [1]}})
        );
    }

    #[test]
    fn a_field_that_cannot_be_decoded_costs_the_field_not_the_record() {
        let mut read = record(
            r#"{"id": 1, "title": "To\ud83dro", "tagline": "\ud800", "n\udc00": 1, "budget": 1e999,
                "description": "\udfff", "gross": 123456789012345678901234567890}"#,
        );
        assert_eq!(read.required("title").as_deref(), Ok("To\u{fffd}ro"));
        assert_eq!(read.text("description"), None);
        let (rest, ignored, _) = read.rest(&["id"]);
        let names: Vec<_> = ignored.named.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["n\u{fffd}", "description", "budget", "tagline"]);
        let gross = Value::String("123456789012345678901234567890".to_owned());
        assert_eq!(rest, BTreeMap::from([("gross".to_owned(), gross)]));
    }

    #[test]
    fn the_last_value_of_a_repeated_name_counts_and_a_cleaned_name_replaces_no_plain_name() {
        let mut read =
            record(r#"{"title": "a", "title": "b", "ti\u0008tle": "c", "x": 1, "x": 2}"#);
        assert_eq!(read.required("title").as_deref(), Ok("b"));
        assert_eq!(read.rest(&[]).0["x"], 2);
    }

    #[test]
    fn the_used_fields_are_read_whatever_the_number_of_other_fields_is() {
        let many: String = (0..MOST_FIELDS + 10).map(|at| format!("\"x{at}\": 1, ")).collect();
        let text = format!("{{{many} \"{}\": 1, \"id\": 7}}", "k".repeat(1000));
        let mut read = record(&text);
        assert_eq!(read.required("id").as_deref(), Ok("7"));
        let (rest, ignored, _) = read.rest(&[]);
        assert!((1000..MOST_FIELDS).contains(&rest.len()), "{}", rest.len());
        assert!(ignored.named.len() == MOST_NAMED && ignored.count > 11, "{ignored:?}");
    }

    #[test]
    fn a_record_must_be_an_object() {
        assert!(Record::parse("[1]", &[]).err().is_some_and(|why| why.contains("a list")));
        let deep = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
        let (rest, ignored, _) = Record::parse(&deep, &[]).expect("a record").rest(&[]);
        assert!(rest.len() == 1 && ignored.count == 1, "deep nesting is left out, not overflowed");
    }
}
