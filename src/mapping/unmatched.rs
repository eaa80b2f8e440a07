//! Rules that match in no record, with the field that is probably meant.

use super::list::ListMapping;
use super::records::fields;
use super::rule::Rule;
use crate::plain::clip;
use crate::similar::most_similar;

impl ListMapping {
    /// Returns the rules that match in no record. `found` has one bit for each rule that matches in
    /// at least one record. `records` are records in which the fields that are meant may be.
    pub(crate) fn unmatched(&self, found: u32, records: &[&str]) -> Vec<Unmatched> {
        let rules = self.fields.rules.iter().enumerate();
        let missing = rules.filter(|(at, _)| found & (1 << at) == 0);
        let is_required = |rule: &Rule| matches!(rule.key, "id" | "title" | "name");
        let missing = missing.filter(|(_, rule)| is_required(rule) || !rule.is_built_in);
        missing
            .map(|(_, rule)| Unmatched {
                key: rule.key,
                expression: rule.place().to_owned(),
                is_required: is_required(rule),
                nearest: nearest(rule.place(), records),
            })
            .collect()
    }
}

/// A rule that matches in no record.
pub(crate) struct Unmatched {
    /// The key of the mapping.
    pub(crate) key: &'static str,
    pub(crate) expression: String,
    pub(crate) is_required: bool,
    /// The field of the records whose name is most similar.
    pub(crate) nearest: Option<String>,
}

/// Returns the field of the records whose name is most similar to a name in an expression: the first
/// name that no record has.
fn nearest(expression: &str, records: &[&str]) -> Option<String> {
    let is_letter = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let mut above = String::new();
    let mut inside: Vec<&str> = records.to_vec();
    for wanted in expression.split(|c| !is_letter(c)).filter(|name| !name.is_empty()) {
        let all: Vec<(String, &str)> = inside.iter().flat_map(|value| fields(value)).collect();
        if all.iter().any(|(name, _)| name == wanted) {
            inside =
                all.iter().filter(|(name, _)| name == wanted).map(|(_, value)| *value).collect();
            above = format!("{above}{wanted}.");
            continue;
        }
        let names = all.into_iter().map(|(name, _)| name);
        return most_similar(wanted, names).map(|name| format!("{above}{}", clip(&name)));
    }
    None
}
