//! A text that is made from parts of a record, such as the address of a picture.
//!
//! Owns the placeholders: `{api}` is the base address of the upstream, and every other placeholder
//! is an expression. If a part is absent, the whole text is absent.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::expression::{Expression, LARGEST_RESULT, ParsedRecord};
use super::fault::MappingFault;
use super::node::{MappingNode, NodeValue};
use crate::raw;

/// Characters of a value that are percent-encoded in an address (RFC 3986 §2.3). A slash stays,
/// because a value may be a path.
const IN_AN_ADDRESS: AsciiSet =
    NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Longest text in the mapping in bytes.
const LONGEST: usize = 2_000;
/// Largest number of placeholders.
const MOST_PLACES: usize = 32;

/// A text with placeholders.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TextParts {
    text: String,
    parts: Vec<TextPart>,
    is_address: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum TextPart {
    Plain(String),
    /// The base address of the upstream.
    Api(String),
    Value(Expression),
}

impl TextParts {
    /// Reads a text with placeholders.
    pub(super) fn read(node: &MappingNode, is_address: bool) -> Result<TextParts, MappingFault> {
        let NodeValue::Text(text) = &node.value else {
            let kind = node.value.kind();
            return Err(node.spot.fault(format!("`text` must be a string, not {kind}")));
        };
        if text.len() > LONGEST || text.matches('{').count() > MOST_PLACES {
            return Err(node.spot.fault(format!(
                "`text` has more than {LONGEST} bytes or more than {MOST_PLACES} placeholders"
            )));
        }
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        while let Some(open) = rest.find('{') {
            let offset = text.len() - rest.len() + open + 1;
            let spot = node.spot.from(offset);
            if open > 0 {
                parts.push(TextPart::Plain(rest[..open].to_owned()));
            }
            let inside = &rest[open + 1..];
            let close = closing(inside).ok_or_else(|| {
                spot.fault("the brace is never closed; write a placeholder such as `{id}`")
            })?;
            parts.push(match inside[..close].trim() {
                "api" => TextPart::Api(String::new()),
                expression => TextPart::Value(Expression::compile(expression).map_err(|bad| {
                    let spot = node.spot.from(offset + 1 + bad.offset);
                    spot.fault(format!("`{expression}` is not a valid expression: {}", bad.why))
                })?),
            });
            rest = &inside[close + 1..];
        }
        if !rest.is_empty() {
            parts.push(TextPart::Plain(rest.to_owned()));
        }
        Ok(TextParts { text: text.clone(), parts, is_address })
    }

    /// Whether the text begins with the address of the upstream or has it elsewhere.
    pub(super) fn needs_api(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, TextPart::Api(_)))
    }

    /// Puts the base address of the upstream into the text.
    pub(super) fn put_api(&mut self, base: &str) {
        for part in &mut self.parts {
            if let TextPart::Api(api) = part {
                base.trim_end_matches('/').clone_into(api);
            }
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the expressions of the placeholders.
    pub(super) fn places(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            TextPart::Value(expression) => Some(expression.as_str()),
            TextPart::Plain(_) | TextPart::Api(_) => None,
        })
    }

    /// Returns the text as a JSON string; `None` if a part is absent.
    pub(super) fn find(&self, record: &mut ParsedRecord<'_>) -> Result<Option<String>, String> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                TextPart::Plain(part) | TextPart::Api(part) => text.push_str(part),
                TextPart::Value(expression) => {
                    let Some(found) = expression.find(record)? else { return Ok(None) };
                    let value = raw::text(&found)
                        .map_err(|why| format!("`{}`: {why}", expression.as_str()))?;
                    let Some(value) = value.filter(|value| !value.is_empty()) else {
                        return Ok(None);
                    };
                    // A value at the beginning of the text may be a whole address.
                    if self.is_address && !text.is_empty() {
                        text.extend(utf8_percent_encode(&value, &IN_AN_ADDRESS));
                    } else {
                        text.push_str(&value);
                    }
                    if text.len() > LARGEST_RESULT {
                        return Err(format!("its value has more than {LARGEST_RESULT} bytes"));
                    }
                }
            }
        }
        Ok(Some(serde_json::Value::String(text).to_string()))
    }
}

/// Returns the offset of the brace that closes a placeholder. An expression may have braces and
/// quoted names of its own.
fn closing(inside: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, byte) in inside.bytes().enumerate() {
        match (quote, byte) {
            (None, b'{') => depth += 1,
            (None, b'}') if depth == 0 => return Some(at),
            (None, b'}') => depth -= 1,
            (None, b'"' | b'\'' | b'`') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::node::parsed;
    use super::*;

    fn parts(text: &str) -> Result<TextParts, MappingFault> {
        let file = format!("image = '''{text}'''");
        let NodeValue::Table(entries) = parsed("m.toml", &file, false).expect("a file").value
        else {
            panic!("{file}");
        };
        let mut parts = TextParts::read(&entries["image"].1, true)?;
        parts.put_api("https://h/api/");
        Ok(parts)
    }

    fn found(text: &str, record: &str) -> Option<String> {
        let parts = parts(text).expect("a text");
        let found = parts.find(&mut ParsedRecord::of(record)).expect("a result");
        found.map(|text| serde_json::from_str(&text).expect("a text"))
    }

    #[test]
    fn an_address_is_made_from_its_parts() {
        let record = r#"{"Id": "a b/ü", "ImageTags": {"Primary": 7}, "none": null, "empty": ""}"#;
        let text = "{api}/Items/{Id}/Images?tag={ImageTags.Primary}&x={ Id || 'y' }";
        assert_eq!(
            found(text, record).as_deref(),
            Some("https://h/api/Items/a%20b/%C3%BC/Images?tag=7&x=a%20b/%C3%BC")
        );
        for absent in ["{none}", "{api}/{Id}/{empty}", "{Id}{gone.deep}"] {
            assert_eq!(found(absent, record), None, "{absent}");
        }
        assert_eq!(found("{to_string({x: Id}.x)}", record).as_deref(), Some("a b/ü"));
    }

    #[test]
    fn a_placeholder_that_is_wrong_is_shown_at_its_place() {
        for (text, part) in [("a {id", "never closed"), ("a {id[}", "not a valid expression")] {
            let fault = parts(text).expect_err("a fault").to_string();
            assert!(fault.starts_with("m.toml:1:1") && fault.contains(part), "{fault}");
        }
    }
}
