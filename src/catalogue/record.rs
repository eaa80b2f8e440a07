//! One record of the upstream, read leniently.
//!
//! Owns the tolerance: scalars of any type where text is meant, text where
//! numbers are meant, keys that are missing, values that mean "not known". It
//! exists so that the join sees clean values and the templates see everything
//! else. It must not judge the catalogue as a whole.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use url::Url;

use crate::payload::Endpoint;

/// The fields of one record that have not been taken yet.
pub(super) struct Record {
    fields: Map<String, Value>,
    /// Fields that were there but could not be used, with the reason.
    pub(super) ignored: Vec<(String, String)>,
}

impl Record {
    /// Reads a record, or says why it is none.
    pub(super) fn parse(raw: &str) -> Result<Record, String> {
        match serde_json::from_str(raw) {
            Ok(Value::Object(fields)) => {
                // Before any name is looked up: two must not become one later.
                let mut clean = Map::new();
                for (name, value) in fields {
                    clean.entry(cleaned(&name)).or_insert(value);
                }
                Ok(Record { fields: clean, ignored: Vec::new() })
            }
            Ok(other) => Err(format!("it is {}, not an object", kind(&other))),
            Err(error) => Err(clip(&error.to_string())),
        }
    }

    /// A field without which the record is of no use.
    pub(super) fn required(&mut self, name: &str) -> Result<String, String> {
        match self.fields.remove(name) {
            None | Some(Value::Null) => Err(format!("it has no `{name}`")),
            Some(value) => match scalar(&value) {
                Some(text) if text.is_empty() => Err(format!("its `{name}` is empty")),
                Some(text) => Ok(text),
                None => Err(format!("its `{name}` is {}", kind(&value))),
            },
        }
    }

    /// Text, if there is any. "NA" and the like are no text.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let value = self.fields.remove(name)?;
        match scalar(&value) {
            Some(text) => is_known(&text).then_some(text),
            None => {
                if value != Value::Null {
                    self.ignore(name, format!("it is {}, not text", kind(&value)));
                }
                None
            }
        }
    }

    /// A whole number between `low` and `high`, from a number or from text
    /// such as `"95"` or `"95%"`.
    pub(super) fn number(&mut self, name: &str, low: u32, high: u32) -> Option<u32> {
        let text = self.text(name)?;
        let digits = text.trim_end_matches('%').trim_end();
        let number = digits.parse::<f64>().ok().filter(|number| number.is_finite());
        match number {
            Some(number) if (f64::from(low)..=f64::from(high)).contains(&number) => {
                Some(number.round() as u32)
            }
            _ => {
                self.ignore(name, format!("{:?} is no number from {low} to {high}", clip(&text)));
                None
            }
        }
    }

    /// An address that a browser may be sent to: http or https, nothing else.
    pub(super) fn address(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        match Url::parse(&text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                Some(url.into())
            }
            _ => {
                self.ignore(name, format!("{:?} is no http(s) address", clip(&text)));
                None
            }
        }
    }

    /// The ids that the field refers to, and how many of its references name
    /// none.
    pub(super) fn references(&mut self, name: &str, to: Endpoint) -> (Vec<String>, usize) {
        let values = match self.fields.remove(name) {
            None | Some(Value::Null) => return (Vec::new(), 0),
            Some(Value::Array(values)) => values,
            Some(Value::String(one)) => vec![Value::String(one)],
            Some(other) => {
                self.ignore(name, format!("it is {}, not a list of references", kind(&other)));
                return (Vec::new(), 0);
            }
        };
        let total = values.len();
        let ids: Vec<_> =
            values.iter().filter_map(scalar).filter_map(|text| referred_id(&text, to)).collect();
        let broken = total - ids.len();
        (ids, broken)
    }

    /// What the program gives no meaning to, for the templates. `ours` are
    /// names that the program sets itself.
    pub(super) fn rest(mut self, ours: &[&str]) -> BTreeMap<String, Value> {
        for name in ours {
            self.fields.remove(*name);
        }
        self.fields.into_iter().filter_map(|(name, value)| Some((name, harmless(value)?))).collect()
    }

    fn ignore(&mut self, name: &str, why: String) {
        self.ignored.push((name.to_owned(), why));
    }
}

/// Drops what no escaping can carry into a page, a feed or a picture: control
/// characters but for the white space among them, and code points that are none
/// (XML 1.0 §2.2; HTML §13.1.4 forbids more than that: U+0085 and its like).
pub fn cleaned(text: &str) -> String {
    text.chars().filter(|&c| matches!(c, '\t' | '\n' | '\r') || is_character(c)).collect()
}

fn is_character(c: char) -> bool {
    let is_none = matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe;
    !c.is_control() && !is_none
}

/// The id that a reference names. Hosts and prefixes have changed over the
/// years, ids have not: only what follows the endpoint's segment counts.
fn referred_id(reference: &str, to: Endpoint) -> Option<String> {
    let path = reference.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let last = path.rsplit('/').next().unwrap_or_default();
    if last.is_empty() || last == to.segment() {
        return None;
    }
    let id = percent_encoding::percent_decode_str(last).decode_utf8().ok()?;
    Some(cleaned(id.trim())).filter(|id| !id.is_empty())
}

/// A scalar as trimmed, cleaned text.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(cleaned(text).trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn is_known(text: &str) -> bool {
    !text.is_empty()
        && !["na", "n/a", "none", "null", "unknown", "tbd", "-"]
            .contains(&&*text.to_ascii_lowercase())
}

/// A value of a field that the program does not know, made safe to show:
/// cleaned text, and no address that would run as a script.
fn harmless(value: Value) -> Option<Value> {
    Some(match value {
        Value::String(text) => {
            let text = cleaned(&text);
            let scheme: String = text
                .chars()
                .filter(|c| !c.is_whitespace() && !c.is_control())
                .take(12)
                .collect::<String>()
                .to_ascii_lowercase();
            if ["javascript:", "vbscript:", "data:"].iter().any(|bad| scheme.starts_with(bad)) {
                return None;
            }
            Value::String(text)
        }
        Value::Array(values) => Value::Array(values.into_iter().filter_map(harmless).collect()),
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .filter_map(|(name, value)| Some((cleaned(&name), harmless(value)?)))
                .collect(),
        ),
        other => other,
    })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The start of a text, for a message.
pub(super) fn clip(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(json: &str) -> Record {
        Record::parse(json).expect("a record")
    }

    #[test]
    fn what_html_and_xml_forbid_is_dropped() {
        assert_eq!(cleaned("a\0\u{8}\u{b}\u{7f}\u{85}\u{fdd0}\u{ffff}\u{1fffe}b"), "ab");
        let kept = "\t\n\r\u{a0}\u{2028}\u{202e}\u{fffd}\u{feff}🎬é";
        assert_eq!(cleaned(kept), kept);
    }

    #[test]
    fn numbers_come_as_numbers_and_as_text() {
        let mut read = record(r#"{"a": 95, "b": "95", "c": "95%", "d": 95.0, "e": "x", "f": 101}"#);
        for name in ["a", "b", "c", "d"] {
            assert_eq!(read.number(name, 0, 100), Some(95), "{name}");
        }
        assert_eq!(read.number("e", 0, 100), None);
        assert_eq!(read.number("f", 0, 100), None);
        assert_eq!(read.ignored.len(), 2);
    }

    #[test]
    fn what_means_not_known_is_absent() {
        let mut read = record(r#"{"a": "NA", "b": "", "c": null, "d": "late teens", "e": " 7 "}"#);
        assert_eq!(read.text("a"), None);
        assert_eq!(read.text("b"), None);
        assert_eq!(read.text("c"), None);
        assert_eq!(read.text("d").as_deref(), Some("late teens"));
        assert_eq!(read.text("e").as_deref(), Some("7"));
        assert!(read.ignored.is_empty());
    }

    #[test]
    fn references_are_ids_whatever_their_host() {
        let mut read = record(
            r#"{"films": ["https://old.example/films/a", "http://new.example/api/films/b/?x=1",
                "c", "https://old.example/films/", "films", "", 7, null, {"id": "x"}]}"#,
        );
        let (ids, broken) = read.references("films", Endpoint::Films);
        assert_eq!(ids, ["a", "b", "c", "7"]);
        assert_eq!(broken, 5);
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
    fn unknown_fields_are_kept_without_what_could_run() {
        let rest = record(
            r#"{"id": 1, "tagline": "a\u0008b", "link": " java\nscript:x", "deep": {"l": ["data:x", 1]}}"#,
        )
        .rest(&["id"]);
        assert_eq!(
            Value::Object(rest.into_iter().collect()),
            serde_json::json!({"tagline": "ab", "deep": {"l": [1]}})
        );
    }

    #[test]
    fn what_is_no_object_is_no_record() {
        assert!(Record::parse("[1]").err().is_some_and(|why| why.contains("a list")));
        let deep = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
        assert!(Record::parse(&deep).is_err(), "deep nesting is refused, not overflowed");
    }
}
