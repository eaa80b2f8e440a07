//! The fields that the records of an answer have, and the field that is probably meant by a name.

use std::collections::BTreeMap;

use super::super::records::fields;
use super::usual::{AROUND, INSIDE};

/// Levels of objects whose fields are collected.
const DEEPEST: usize = 8;
/// Largest number of fields that are collected.
const MOST_FIELDS: usize = 2_000;

/// A field of the records.
#[derive(Default)]
pub(super) struct SeenField<'a> {
    pub(super) count: usize,
    /// The first value that is not null.
    pub(super) example: &'a str,
    pub(super) values: Vec<&'a str>,
}

impl SeenField<'_> {
    /// Whether the field has other fields.
    pub(super) fn is_object(&self) -> bool {
        self.example.starts_with('{')
    }
}

/// The fields of records, and the fields of objects in these fields, by their paths.
pub(super) type SeenFields<'a> = BTreeMap<String, SeenField<'a>>;

/// Collects the fields of records.
pub(super) fn seen<'a>(records: &[&'a str]) -> SeenFields<'a> {
    let mut seen = SeenFields::new();
    for record in records {
        note_all(&mut seen, "", record, DEEPEST);
    }
    seen
}

fn note_all<'a>(seen: &mut SeenFields<'a>, above: &str, object: &'a str, depth: usize) {
    for (name, value) in fields(object) {
        let path = format!("{above}{}", step(&name));
        if value.starts_with('{') && depth > 1 {
            note_all(seen, &format!("{path}."), value, depth - 1);
        }
        note(seen, path, value);
    }
}

fn note<'a>(seen: &mut SeenFields<'a>, path: String, value: &'a str) {
    let is_full = seen.len() >= MOST_FIELDS && !seen.contains_key(&path);
    if is_full || matches!(value, "null" | "\"\"" | "[]" | "{}") {
        return;
    }
    let field = seen.entry(path).or_default();
    if field.count == 0 {
        field.example = value;
    }
    field.count += 1;
    field.values.push(value);
}

/// Returns a name as a step of an expression.
pub(super) fn step(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain { name.to_owned() } else { serde_json::Value::from(name).to_string() }
}

/// Returns the field whose name is the best of these names. Of several fields with this name, the
/// field that has most steps in common with `near` counts, then the field with fewest steps.
pub(super) fn best<'s, 'a>(
    seen: &'s SeenFields<'a>,
    names: &[&str],
    used: &[String],
    near: &str,
) -> Option<(&'s String, &'s SeenField<'a>)> {
    let in_common = |path: &str| {
        let steps = path.split('.').zip(near.split('.'));
        steps.take_while(|(one, other)| one == other).count()
    };
    names.iter().find_map(|name| {
        let is_free =
            |(path, field): &(&String, &SeenField<'_>)| !field.is_object() && !used.contains(path);
        let rank = |(path, _): &(&String, &SeenField<'_>)| {
            (in_common(path), std::cmp::Reverse(path.matches('.').count()))
        };
        let named = |(path, _): &(&String, &SeenField<'_>)| plain(path) == *name;
        let inside = |(path, _): &(&String, &SeenField<'_>)| is_inside(path, name);
        let free = || seen.iter().filter(is_free);
        let first = free().filter(named).rev().max_by_key(rank);
        first.or_else(|| free().filter(inside).rev().max_by_key(rank))
    })
}

/// Whether the value of a field is in an object of this name: `title.rendered`, or
/// `poster.data.attributes.url`.
fn is_inside(path: &str, name: &str) -> bool {
    let steps: Vec<String> = path.split('.').map(plain).collect();
    let Some((last, above)) = steps.split_last() else { return false };
    let mut above = above.iter().rev().skip_while(|step| AROUND.contains(&step.as_str()));
    INSIDE.contains(&last.as_str()) && above.next().is_some_and(|step| step == name)
}

/// Returns the last name of a path in lower case, with letters and digits only.
pub(super) fn plain(path: &str) -> String {
    let last = path.rsplit('.').next().unwrap_or(path);
    last.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
