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

/// Returns the field of the records whose name is most similar to the first name in an expression.
fn nearest(expression: &str, records: &[&str]) -> Option<String> {
    let is_letter = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let wanted = expression.split(|c| !is_letter(c)).find(|name| !name.is_empty())?;
    let names = records.iter().flat_map(|record| fields(record)).map(|(name, _)| name);
    most_similar(wanted, names.filter(|name| name != wanted)).map(|name| clip(&name))
}
