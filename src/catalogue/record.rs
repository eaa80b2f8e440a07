//! Reads the values of one record leniently.
//!
//! Owns the rules of tolerance: a scalar of another type instead of text, text instead of a
//! number, a missing field, a value that means "not known", and a value that cannot be decoded. The
//! mapping says where the values are; the join receives clean values. This module must not judge
//! the catalogue as a whole.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;
use url::Url;

use super::ignored::{Ignored, LONGEST_LINE};
use super::length::minutes;
use super::markup::without_markup;
use super::names::MakerNames;
use crate::mapping::{LengthUnit, Mapped, Rule};
use crate::plain::{cleaned, clip, is_known, is_visible};
use crate::raw::{self, RecordRoom, kind};

/// Units of memory for the further fields of one record.
const ROOM: usize = 10_000;
/// Longest description in characters.
const LONGEST_PROSE: usize = 20_000;
/// Longest id in bytes. A longer id is not cut, because the result could be the id of another
/// record.
const LONGEST_ID: usize = 1_000;
/// Longest address in bytes. RFC 9110 §4.1 recommends support for at least 8,000 octets.
const LONGEST_ADDRESS: usize = 8_000;
/// What the text of an address must be.
pub(super) const ADDRESS: &str =
    "an http(s) address; for a relative address, the mapping needs a `text` with the whole address";
/// Longest language tag in bytes.
const LONGEST_TAG: usize = 35;

/// One record, from which the fields are taken one by one.
pub(super) struct Record<'r, 'm> {
    mapped: Mapped<'r, 'm>,
    pub(super) ignored: Ignored,
}

impl<'r, 'm> Record<'r, 'm> {
    pub(super) fn of(mapped: Mapped<'r, 'm>) -> Record<'r, 'm> {
        Record { mapped, ignored: Ignored::default() }
    }

    /// Takes the value of a field, if the record has the field. A value that cannot be found is
    /// ignored.
    fn take(&mut self, key: &str) -> Option<(&'m Rule, Cow<'r, str>)> {
        let (rule, found) = self.mapped.take(key)?;
        match found {
            Ok(raw) => Some((rule, raw)),
            Err(why) => {
                self.ignored.push(&name_of(rule), why);
                None
            }
        }
    }

    /// Takes the id. An http(s) address counts by the last segment of its path.
    pub(super) fn id(&mut self) -> Result<String, String> {
        let id = id_in(self.required("id")?);
        if id.len() > LONGEST_ID {
            return Err(format!(
                "its `{}` is longer than {LONGEST_ID} bytes",
                label(&self.mapped, "id")
            ));
        }
        Ok(id)
    }

    /// Takes the title or the name.
    pub(super) fn title(&mut self, key: &str) -> Result<String, String> {
        let title = self.required(key)?;
        let label = label(&self.mapped, key);
        Ok(self.ignored.cut(&label, title, LONGEST_LINE))
    }

    /// Takes the text of a field that each record must have.
    fn required(&mut self, key: &str) -> Result<String, String> {
        let label = label(&self.mapped, key);
        let Some((rule, found)) = self.mapped.take(key) else {
            return Err(format!("it has no `{label}`"));
        };
        let value = found.map_err(|why| format!("its `{label}` cannot be found: {why}"))?;
        match raw::needed_text(&value) {
            Ok(None) => Err(format!("it has no `{label}`")),
            Ok(Some(text)) => {
                let text = if rule.is_html { in_one_line(&text) } else { text };
                if is_visible(&text) { Ok(text) } else { Err(format!("its `{label}` is empty")) }
            }
            Err(_) => Err(format!("its `{label}` is {}", kind(&value))),
        }
    }

    /// Takes one line of text, if the field has text.
    pub(super) fn line(&mut self, key: &str) -> Option<String> {
        let (rule, text) = self.text(key)?;
        let text = if rule.is_html { in_one_line(&text) } else { text };
        is_known(&text).then(|| self.ignored.cut(&name_of(rule), text, LONGEST_LINE))
    }

    /// Takes text, if the field has text. Values such as "NA" count as absent.
    fn text(&mut self, key: &str) -> Option<(&'m Rule, String)> {
        let (rule, value) = self.take(key)?;
        match raw::text(&value) {
            Ok(text) => Some((rule, text.filter(|text| is_known(text))?)),
            Err(why) => {
                self.ignored.push(&name_of(rule), why);
                None
            }
        }
    }

    /// Takes a score of 100. The value may be a number, or text such as `"95"` or `"95%"`.
    pub(super) fn score(&mut self, key: &str) -> Option<u32> {
        let (rule, text) = self.text(key)?;
        let digits = text.trim_end_matches('%').trim_end();
        let number = digits.parse::<f64>().ok().filter(|number| number.is_finite());
        match number {
            Some(number) if (0.0..=rule.of).contains(&number) => {
                Some((number / rule.of * 100.0).round() as u32)
            }
            _ => {
                let why = format!("{:?} is not a number from 0 to {}", clip(&text), rule.of);
                self.ignored.push(&name_of(rule), why);
                None
            }
        }
    }

    /// Takes text that may contain markup, and returns plain text.
    pub(super) fn prose(&mut self, key: &str) -> Option<String> {
        let (rule, text) = self.text(key)?;
        if !rule.is_html {
            return Some(self.ignored.cut(&name_of(rule), text, LONGEST_PROSE));
        }
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
        is_known(&plain).then(|| self.ignored.cut(&name_of(rule), plain, LONGEST_PROSE))
    }

    /// Takes names from a list of texts, or one name from a text.
    pub(super) fn names(&mut self, key: &str) -> Vec<String> {
        let Some((rule, value)) = self.take(key) else { return Vec::new() };
        let label = name_of(rule);
        let mut names = MakerNames::of(&label, rule.split.as_deref(), &mut self.ignored);
        if value.starts_with('[') {
            raw::each_item(&value, |item| match raw::text(item) {
                Ok(text) => names.add_all(&text.unwrap_or_default(), true),
                Err(why) => names.refuse(why),
            });
        } else {
            match raw::text(&value) {
                Ok(text) => names.add_all(&text.unwrap_or_default(), false),
                Err(why) => names.refuse(why),
            }
        }
        names.end()
    }

    /// Takes a length in whole minutes between 1 and `most`.
    pub(super) fn minutes(&mut self, key: &str, most: u32) -> Option<u32> {
        let (rule, text) = self.text(key)?;
        let found = match rule.unit {
            LengthUnit::Minutes => minutes(&text),
            unit => {
                let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
                number.map(|number| (number / unit.in_a_minute()).round())
            }
        };
        match found {
            Some(minutes) if (1.0..=f64::from(most)).contains(&minutes) => Some(minutes as u32),
            _ => {
                let why = format!("{:?} is not a length from 1 to {most} minutes", clip(&text));
                self.ignored.push(&name_of(rule), why);
                None
            }
        }
    }

    /// Takes a text in a form that `read` checks; `what` names the form.
    pub(super) fn checked(
        &mut self,
        key: &str,
        read: fn(&str) -> Option<String>,
        what: &str,
    ) -> Option<String> {
        let (rule, text) = self.text(key)?;
        let found = read(&text);
        if found.is_none() {
            let why = format!("{:?} is not {what}", clip(&text));
            self.ignored.push(&name_of(rule), why);
        }
        found
    }

    /// Takes the raw references of a field. The targets can be found only after the ids of all
    /// records are known.
    pub(super) fn references(&mut self, key: &str) -> Option<Cow<'r, str>> {
        let (rule, value) = self.take(key)?;
        match value.bytes().next() {
            Some(b'[' | b'"') => Some(value),
            Some(b'n') => None,
            _ => {
                let why = format!("it is {}, not a list of references", kind(&value));
                self.ignored.push(&name_of(rule), why);
                None
            }
        }
    }

    /// Takes the raw list of credits.
    pub(super) fn credits(&mut self) -> Option<Cow<'r, str>> {
        let why = match self.mapped.take_credits()? {
            Ok(list) if list.starts_with('[') => return Some(list),
            Ok(other) => format!("it is {}, not a list of people", kind(&other)),
            Err(why) => why,
        };
        self.ignored.push("credits", why);
        None
    }

    /// Takes the further fields that the mapping keeps, for templates and data files. Returns the
    /// fields; the fields that are ignored or cut; and the units of memory of the returned fields.
    pub(super) fn rest(mut self) -> (BTreeMap<String, Value>, Ignored, usize) {
        let mut rest = BTreeMap::new();
        let mut room = RecordRoom { left: ROOM, unusable: 0, why: None };
        for (name, value) in self.mapped.kept() {
            let value = raw::field(name, value, &mut room);
            if let Some(why) = room.why.take() {
                self.ignored.push(name, why);
            }
            if let Some(value) = value {
                rest.insert(name.to_owned(), value);
            }
        }
        (rest, self.ignored, ROOM - room.left)
    }
}

/// Returns the name of a field in messages.
fn label(mapped: &Mapped<'_, '_>, key: &str) -> String {
    mapped.rule(key).map_or_else(|| key.to_owned(), name_of)
}

/// Returns the name of a field in messages: the name in the record, or else the key of the mapping
/// with the expression.
fn name_of(rule: &Rule) -> String {
    let (label, place) = (rule.label(), rule.place());
    if label == place { label } else { format!("{label}` (`{place}") }
}

/// Returns the id that a text states. An http(s) address counts by the last segment of its path.
pub(super) fn id_in(text: String) -> String {
    let is_address = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
    if !is_address {
        return text;
    }
    let path = text.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let path = path.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
    let last = path.and_then(|(_, path)| path.rsplit('/').next()).unwrap_or_default();
    let decoded = percent_encoding::percent_decode_str(last).decode_utf8_lossy();
    let id = cleaned(&decoded).trim().to_owned();
    if id.is_empty() { text } else { id }
}

/// Returns an address that a page may link to. Only http and https addresses are safe.
pub fn web_address(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_safe = matches!(url.scheme(), "http" | "https") && url.has_host();
    (is_safe && url.as_str().len() <= LONGEST_ADDRESS).then(|| url.into())
}

/// Returns a language tag (BCP 47).
pub(super) fn language(text: &str) -> Option<String> {
    let is_tag = text.len() <= LONGEST_TAG && text.parse::<icu_locale_core::Locale>().is_ok();
    is_tag.then(|| text.to_owned())
}

/// Returns HTML as plain text in one line.
fn in_one_line(text: &str) -> String {
    let plain = cleaned(&without_markup(text));
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::{Base, ListMapping, Mapping, MappingFile};

    /// A mapping of films with further keys.
    fn films(keys: &str) -> ListMapping {
        let text = format!("[films]\nget = \"/f\"\nid = \"id\"\ntitle = \"title\"\n{keys}");
        let file = MappingFile { name: "m.toml", text: &text };
        Mapping::read(Some(Base::File(file)), None).expect("a mapping").films
    }

    fn record<'r, 'm>(raw: &'r str, list: &'m ListMapping) -> Record<'r, 'm> {
        Record::of(list.apply(raw).expect("a record"))
    }

    #[test]
    fn scores_come_as_numbers_and_as_text_and_in_several_scales() {
        for (value, of, score) in [
            ("95", "100", Some(95)),
            ("\"95\"", "100", Some(95)),
            ("\"95%\"", "100", Some(95)),
            ("95.0", "100", Some(95)),
            ("7.849", "10", Some(78)),
            ("4.5", "5", Some(90)),
            ("\"x\"", "100", None),
            ("101", "100", None),
            ("-1", "10", None),
            ("null", "10", None),
        ] {
            let films = films(&format!("score = {{ at = \"a.b\", of = {of} }}"));
            let raw = format!("{{\"a\": {{\"b\": {value}}}}}");
            let mut read = record(&raw, &films);
            assert_eq!(read.score("score"), score, "{value} of {of}");
            assert_eq!(read.ignored.count, usize::from(score.is_none() && value != "null"));
        }
    }

    #[test]
    fn a_value_that_means_not_known_counts_as_absent() {
        for (value, text) in [
            ("\"NA\"", None),
            ("\"\"", None),
            ("null", None),
            ("\"late teens\"", Some("late teens")),
            ("\" 7 \"", Some("7")),
        ] {
            let films = films("release_date = \"a\"");
            let raw = format!("{{\"a\": {value}}}");
            let mut read = record(&raw, &films);
            assert_eq!(read.line("release_date").as_deref(), text);
            assert!(read.ignored.count == 0);
        }
    }

    #[test]
    fn addresses_are_http_or_left_out() {
        let films = films("image = \"a\"");
        for (value, read_as) in [
            ("https://x.example/p.jpg", Some("https://x.example/p.jpg")),
            ("javascript:alert(1)", None),
            ("//x/y", None),
            ("p.jpg", None),
        ] {
            let raw = format!("{{\"a\": {value:?}}}");
            let mut read = record(&raw, &films);
            assert_eq!(read.checked("image", web_address, "an address").as_deref(), read_as);
        }
    }

    #[test]
    fn lengths_have_units() {
        for (unit, value, minutes) in [
            ("ticks", "51600000000", Some(86)),
            ("ms", "5160000", Some(86)),
            ("s", "\"5160\"", Some(86)),
            ("min", "\"1 h 26 min\"", Some(86)),
            ("ticks", "\"1 h\"", None),
            ("s", "1", None),
        ] {
            let films = films(&format!("running_time = {{ at = \"a\", unit = \"{unit}\" }}"));
            let raw = format!("{{\"a\": {value}}}");
            let mut read = record(&raw, &films);
            assert_eq!(read.minutes("running_time", 10_000), minutes, "{value} {unit}");
        }
    }

    #[test]
    fn names_come_as_a_list_or_as_one_text_that_is_split() {
        for (rule, value, names) in [
            ("\"a\"", "[\"A  B\", null, \"\", \"A B\", \"C\"]", &["A B", "C"][..]),
            ("\"a\"", "\"A, B\"", &["A, B"]),
            ("{ at = \"a\", split = \",\" }", "\"A, B,,C\"", &["A", "B", "C"]),
            ("{ at = \"a\", split = \", \" }", "\"\"", &[]),
            (
                "\"a[?t=='D'].n\"",
                "[{\"t\": \"D\", \"n\": \"A\"}, {\"t\": \"E\", \"n\": \"B\"}]",
                &["A"],
            ),
        ] {
            let films = films(&format!("director = {rule}"));
            let raw = format!("{{\"a\": {value}}}");
            let mut read = record(&raw, &films);
            assert_eq!(read.names("director"), names, "{rule} {value}");
        }
    }

    #[test]
    fn html_becomes_text_only_where_the_mapping_says_that_the_value_is_html() {
        let raw = r#"{"id": 1, "title": "Tom &amp; <b>Jerry</b>", "d": "<p>a</p><p>b</p>"}"#;
        let html = Mapping::read(
            Some(Base::File(MappingFile {
                name: "m.toml",
                text: "[films]\nget = \"/f\"\nid = \"id\"\ntitle = { at = \"title\", html = true }\n\
                       description = { at = \"d\", html = true }",
            })),
            None,
        )
        .expect("a mapping");
        let mut read = record(raw, &html.films);
        assert_eq!(read.title("title").as_deref(), Ok("Tom & Jerry"));
        assert_eq!(read.prose("description").as_deref(), Some("a\nb"));
        let plain = films("description = \"d\"");
        let mut read = record(raw, &plain);
        assert_eq!(read.title("title").as_deref(), Ok("Tom &amp; <b>Jerry</b>"));
        assert_eq!(read.prose("description").as_deref(), Some("<p>a</p><p>b</p>"));
    }

    #[test]
    fn only_the_named_fields_are_kept_without_addresses_that_could_run_as_a_script() {
        let films = films("keep = [\"tagline\", \"link\", \"deep\", \"absent\"]");
        let raw = r#"{"id": 1, "tagline": "a\u0008b", "link": " java\nscript:x",
            "deep": {"l": ["data:x", 1]}, "path": "/srv/films"}"#;
        let rest = record(raw, &films).rest().0;
        assert_eq!(
            Value::Object(rest.into_iter().collect()),
            serde_json::json!({"tagline": "ab", "deep": {"l": [1]}})
        );
    }

    #[test]
    fn a_field_that_cannot_be_decoded_costs_the_field_not_the_record() {
        let films = films(
            "description = \"d\"\nkeep = [\"tagline\", \"budget\", \"gross\"]\nimage = \"not_null(i)\"",
        );
        let raw = r#"{"id": 1, "title": "To\ud83dro", "tagline": "\ud800", "n\udc00": 1, "budget": 1e999,
                "d": "\udfff", "gross": 123456789012345678901234567890}"#;
        let mut read = record(raw, &films);
        assert_eq!(read.title("title").as_deref(), Ok("To\u{fffd}ro"));
        assert_eq!(read.prose("description"), None);
        assert_eq!(read.checked("image", web_address, "an address"), None);
        let (rest, ignored, _) = read.rest();
        let names: Vec<_> = ignored.named.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["d", "image` (`not_null(i)", "tagline", "budget"]);
        let gross = Value::String("123456789012345678901234567890".to_owned());
        assert_eq!(rest, BTreeMap::from([("gross".to_owned(), gross)]));
    }

    #[test]
    fn an_address_counts_as_an_id_by_its_last_segment() {
        for (text, id) in [
            ("https://swapi.dev/api/films/1/", "1"),
            ("http://h/films/a%2Fb?x=/y", "a/b"),
            ("https://", "https://"),
            ("https://host/", "https://host/"),
            ("films/1", "films/1"),
        ] {
            assert_eq!(id_in(text.to_owned()), id);
        }
    }

    #[test]
    fn a_record_must_be_an_object() {
        let films = films("keep = [\"a\"]");
        assert!(films.apply("[1]").err().is_some_and(|why| why.contains("a list")));
        let deep = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
        let (rest, ignored, _) = record(&deep, &films).rest();
        assert!(rest.len() == 1 && ignored.count == 1, "deep nesting is left out, not overflowed");
    }
}
