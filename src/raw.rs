//! Decodes raw JSON values one at a time.
//!
//! Owns the step from the bytes of one value to a text or a [`Value`]. A parser of whole records
//! fails at the first value that the parser cannot decode (half of a surrogate pair, or a number
//! beyond the range of floating-point numbers), and rounds integers beyond 64 bits. This module
//! leaves out only the value that cannot be decoded. The values come from a body that was parsed
//! before, so the syntax of the values is valid.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use crate::plain::{cleaned, clip};

/// Largest number of nested lists and objects that are kept.
const DEEPEST: usize = 32;

/// Returns the JSON type of a raw value, for a message.
pub(crate) fn kind(raw: &str) -> &'static str {
    match raw.bytes().next() {
        Some(b'n') => "null",
        Some(b't' | b'f') => "a boolean",
        Some(b'"') => "text",
        Some(b'[') => "a list",
        Some(b'{') => "an object",
        _ => "a number",
    }
}

/// Returns a scalar as cleaned text; `None` for null.
///
/// # Errors
/// Returns the reason if the value cannot be used as text.
pub(crate) fn text(raw: &str) -> Result<Option<String>, String> {
    match raw.bytes().next() {
        Some(b'n') => Ok(None),
        Some(b'"') => match serde_json::from_str::<Cow<'_, str>>(raw) {
            Ok(text) => Ok(Some(cleaned(&text).trim().to_owned())),
            Err(_) => Err("it has half of a surrogate pair".to_owned()),
        },
        Some(b't' | b'f') => Ok(Some(raw.to_owned())),
        Some(b'[' | b'{') => Err(format!("it is {}, not text", kind(raw))),
        _ if is_integer(raw) => Ok(Some(raw.to_owned())),
        _ => float(raw).map(|number| Some(number.to_string())),
    }
}

/// As [`text`], for a text that each record must have: half of a surrogate pair becomes U+FFFD,
/// and a number stays as the upstream wrote the number.
///
/// # Errors
/// Returns the reason if the value is a list or an object.
pub(crate) fn needed_text(raw: &str) -> Result<Option<String>, String> {
    match (text(raw), raw.bytes().next()) {
        (Err(_), Some(b'"')) => Ok(Some(cleaned(&lossy(raw)).trim().to_owned())),
        (Err(why), Some(b'[' | b'{')) => Err(why),
        (Err(_), _) => Ok(Some(raw.to_owned())),
        (text, _) => text,
    }
}

/// Returns the text of a JSON string, with U+FFFD for each half of a surrogate pair.
pub(crate) fn lossy(raw: &str) -> String {
    struct Bytes;
    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }
        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }
    // serde_json decodes half of a surrogate pair to three bytes, of which the first is 0xED.
    let mut reader = serde_json::Deserializer::from_str(raw);
    let bytes = reader.deserialize_bytes(Bytes).unwrap_or_default();
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if chunk.invalid().first() == Some(&0xed) {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text
}

/// Calls `each` with every item of a list.
pub(crate) fn each_item<'r>(raw: &'r str, each: impl FnMut(&'r str)) {
    struct ItemVisitor<F>(F);
    impl<'r, F: FnMut(&'r str)> Visitor<'r> for ItemVisitor<F> {
        type Value = ();
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }
        fn visit_seq<A: SeqAccess<'r>>(mut self, mut items: A) -> Result<(), A::Error> {
            while let Some(item) = items.next_element::<&'r RawValue>()? {
                self.0(item.get());
            }
            Ok(())
        }
    }
    // The syntax is valid, so the deserializer cannot fail.
    let _ = serde_json::Deserializer::from_str(raw).deserialize_seq(ItemVisitor(each));
}

/// Calls `each` with the raw name and the raw value of every field of an object.
///
/// # Errors
/// Fails if the value is not an object.
pub(crate) fn each_field<'r>(
    raw: &'r str,
    each: impl FnMut(&'r str, &'r str),
) -> Result<(), serde_json::Error> {
    struct FieldVisitor<F>(F);
    impl<'r, F: FnMut(&'r str, &'r str)> Visitor<'r> for FieldVisitor<F> {
        type Value = ();
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'r>>(mut self, mut fields: A) -> Result<(), A::Error> {
            while let Some((name, value)) = fields.next_entry::<&'r RawValue, &'r RawValue>()? {
                self.0(name.get(), value.get());
            }
            Ok(())
        }
    }
    if !raw.starts_with('{') {
        return Err(serde_json::Error::custom(format!("it is {}, not an object", kind(raw))));
    }
    serde_json::Deserializer::from_str(raw).deserialize_map(FieldVisitor(each))
}

/// Returns the cleaned name of a field.
///
/// # Errors
/// If the name has half of a surrogate pair, returns the name with U+FFFD instead of the half.
pub(crate) fn name(raw: &str) -> Result<String, String> {
    match serde_json::from_str::<Cow<'_, str>>(raw) {
        Ok(name) => Ok(cleaned(&name)),
        Err(_) => Err(cleaned(&lossy(raw))),
    }
}

/// The room for the fields of one record that the program does not know.
#[derive(Debug)]
pub(crate) struct RecordRoom {
    /// Units of memory that are left.
    pub(crate) left: usize,
    /// Number of values that cannot be used.
    pub(crate) unusable: usize,
    /// The reason for the first of these values.
    pub(crate) why: Option<String>,
}

impl RecordRoom {
    /// Returns the units of a field without the units of its value.
    fn of_field(name: &str) -> usize {
        2 + name.len() / UNIT
    }

    fn lacks(&mut self, units: usize) -> bool {
        match self.left.checked_sub(units) {
            Some(left) => {
                self.left = left;
                false
            }
            None => {
                self.drop_value("the record has too much data that the program does not know");
                true
            }
        }
    }

    fn drop_value(&mut self, why: &str) {
        self.unusable += 1;
        self.why.get_or_insert_with(|| why.to_owned());
    }
}

/// Bytes of a unit of [`RecordRoom`]: about the memory of a scalar.
pub(crate) const UNIT: usize = 64;
/// Units of an object without the units of its fields.
const UNITS_OF_AN_OBJECT: usize = 10;

/// Makes a value of an unknown field safe for pages: text is cleaned, and addresses that would run
/// as a script are dropped. Values that cannot be used are left out and counted in `room`. Integers
/// beyond 64 bits become text, so that no digit is lost.
fn value(raw: &str, room: &mut RecordRoom) -> Option<Value> {
    value_at(raw, room, 0)
}

/// As [`value`], for a field of the record itself.
pub(crate) fn field(name: &str, raw: &str, room: &mut RecordRoom) -> Option<Value> {
    if room.lacks(RecordRoom::of_field(name)) { None } else { value(raw, room) }
}

fn value_at(raw: &str, room: &mut RecordRoom, depth: usize) -> Option<Value> {
    match raw.bytes().next() {
        Some(b'[' | b'{') if depth >= DEEPEST => {
            room.drop_value("it is nested too deep");
            None
        }
        Some(b'[') if !room.lacks(1) => {
            let mut items = Vec::new();
            each_item(raw, |item| items.extend(value_at(item, room, depth + 1)));
            Some(Value::Array(items))
        }
        Some(b'{') if !room.lacks(UNITS_OF_AN_OBJECT) => object(raw, room, depth),
        Some(b'[' | b'{') => None,
        _ if room.lacks(1 + raw.len() / UNIT) => None,
        Some(b'n') => Some(Value::Null),
        Some(b't') => Some(Value::Bool(true)),
        Some(b'f') => Some(Value::Bool(false)),
        Some(b'"') => match serde_json::from_str::<Cow<'_, str>>(raw) {
            Ok(text) => harmless(&text).map(Value::String),
            Err(_) => {
                room.drop_value("it has half of a surrogate pair");
                None
            }
        },
        _ if is_integer(raw) => Some(match serde_json::from_str::<Number>(raw) {
            Ok(number) if number.to_string() == raw => Value::Number(number),
            _ => Value::String(raw.to_owned()),
        }),
        _ => match float(raw) {
            Ok(number) => Some(Value::Number(number)),
            Err(why) => {
                room.drop_value(&why);
                None
            }
        },
    }
}

fn object(raw: &str, room: &mut RecordRoom, depth: usize) -> Option<Value> {
    let mut fields = Map::new();
    let read = each_field(raw, |raw_name, raw_value| {
        if room.lacks(RecordRoom::of_field(raw_name)) {
            return;
        }
        let Ok(name) = name(raw_name) else {
            room.drop_value("its name has half of a surrogate pair");
            return;
        };
        if let Some(value) = value_at(raw_value, room, depth + 1) {
            fields.insert(name, value);
        }
    });
    read.ok()?;
    Some(Value::Object(fields))
}

/// Returns the cleaned text; `None` if the text is an address that would run as a script.
fn harmless(text: &str) -> Option<String> {
    let text = cleaned(text);
    let scheme: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && !c.is_control())
        .take(12)
        .collect::<String>()
        .to_ascii_lowercase();
    let runs = ["javascript:", "vbscript:", "data:"].iter().any(|bad| scheme.starts_with(bad));
    (!runs).then_some(text)
}

fn is_integer(raw: &str) -> bool {
    let digits = raw.strip_prefix('-').unwrap_or(raw);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

fn float(raw: &str) -> Result<Number, String> {
    serde_json::from_str::<Number>(raw)
        .map_err(|_| format!("{} does not fit in a floating-point number", clip(raw)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> RecordRoom {
        RecordRoom { left: 1000, unusable: 0, why: None }
    }

    #[test]
    fn half_of_a_surrogate_pair_is_not_text_and_can_be_replaced() {
        let half = r#""To\ud83dro \ud83c\udfac \\ud800""#;
        assert!(text(half).is_err());
        assert_eq!(lossy(half), "To\u{fffd}ro 🎬 \\ud800");
        assert_eq!(needed_text(r#""\udc00""#), Ok(Some("\u{fffd}".to_owned())));
        assert_eq!(name(r#""a\udc00""#), Err("a\u{fffd}".to_owned()));
    }

    #[test]
    fn integers_keep_every_digit_and_floats_have_to_be_numbers() {
        let long = "123456789012345678901234567890123456789012345678901234567890";
        assert_eq!(text(long), Ok(Some(long.to_owned())));
        assert_eq!(value(long, &mut room()), Some(Value::String(long.to_owned())));
        assert_eq!(value("18446744073709551615", &mut room()), Some(u64::MAX.into()));
        assert_eq!(value("95.5", &mut room()), Some(95.5.into()));
        assert!(text("1e999").is_err());
        assert_eq!(needed_text("1e999"), Ok(Some("1e999".to_owned())));
    }

    #[test]
    fn only_the_bad_value_is_left_out() {
        let mut room = room();
        let read = value(
            r#"{"a": ["x", "\ud800", 1e999, -12345678901234567890123], "b\ud800": 1, "c": {"d": "\udc00", "e": 1}}"#,
            &mut room,
        );
        let kept = serde_json::json!({"a": ["x", "-12345678901234567890123"], "c": {"e": 1}});
        assert_eq!(read, Some(kept));
        assert_eq!(room.unusable, 4);
    }

    #[test]
    fn a_value_that_is_nested_too_deep_is_left_out_without_a_stack_overflow() {
        let deep = format!("[{}1{},7]", "[".repeat(100_000), "]".repeat(100_000));
        let mut room = room();
        let read = value(&deep, &mut room).expect("a list").to_string();
        assert!(read.ends_with("],7]") && room.unusable == 1, "{read}");
    }

    #[test]
    fn the_room_of_a_record_is_bounded() {
        let mut room = room();
        let many = format!("[{}0]", "0,".repeat(100_000));
        let read = value(&many, &mut room).map_or(0, |list| list.as_array().map_or(0, Vec::len));
        assert!((500..=1000).contains(&read), "{read}");
        assert_eq!((room.left, room.why.is_some()), (0, true));
    }
}
