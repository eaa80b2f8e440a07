//! The fields that the records of an answer have, and the field that is probably meant by a name.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::super::records::{fields, step};
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

/// Returns the field that most probably has one of these names. Of several fields, the field that has
/// the first step in common with `near` counts, then the field that is in the fewest objects, then
/// the field whose name is first among the names.
pub(super) fn best<'s, 'a>(
    seen: &'s SeenFields<'a>,
    names: &[&str],
    used: &[String],
    near: &str,
) -> Option<(&'s String, &'s SeenField<'a>)> {
    let is_near = |path: &str| path.split('.').next() == near.split('.').next();
    let rank = |path: &str| {
        let place = names.iter().position(|name| plain(path) == *name);
        let inside = || names.iter().position(|name| is_inside(path, name));
        let place = place.map(|place| (0, place)).or_else(|| Some((1, inside()?)))?;
        Some((Reverse(is_near(path)), objects_around(path), place))
    };
    let free = seen.iter().filter(|(path, field)| !field.is_object() && !used.contains(path));
    let ranked = free.filter_map(|(path, field)| Some((rank(path)?, (path, field))));
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, found)| found)
}

/// Returns the number of objects around a field that tell something about the field.
fn objects_around(path: &str) -> usize {
    let mut steps: Vec<String> = path.split('.').map(plain).collect();
    let last = steps.pop().unwrap_or_default();
    let around = steps.iter().filter(|step| !AROUND.contains(&step.as_str())).count();
    // In `title.rendered`, the object is the field.
    if INSIDE.contains(&last.as_str()) { around.saturating_sub(1) } else { around }
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
