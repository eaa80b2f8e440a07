//! The rules for one kind of record, prepared for the walk over the bytes of a record.
//!
//! Owns the table of the names in a record that the rules need. The values of all plain rules are
//! found in one pass. A field that no rule names is neither decoded nor kept.

use std::borrow::Cow;

use super::expression::{ChainStep, ParsedRecord, first, walk};
use super::kept::KeptField;
use super::rule::Rule;
use crate::raw;

/// The value of a rule in a record: raw JSON.
pub(crate) type FoundValue<'r> = Result<Cow<'r, str>, String>;

/// Rules, and names of further fields.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RuleSet {
    pub(super) rules: Vec<Rule>,
    /// Further fields for templates and data files.
    pub(super) keep: Vec<KeptField>,
    /// The names in a record that are needed, each with the slot of its value.
    wanted: Vec<(String, usize)>,
    /// The first slot of each rule; `None` for a rule that is not plain. The slots of further
    /// fields are after the slots of all rules.
    slots: Vec<Option<usize>>,
    /// The number of slots of rules.
    of_rules: usize,
}

/// The values that rules find in one record.
pub(super) struct RecordValues<'r> {
    /// In the order of the rules.
    pub(super) of_rules: Vec<Option<FoundValue<'r>>>,
    /// In the order of the further fields.
    pub(super) kept: Vec<Option<&'r str>>,
    pub(super) parsed: ParsedRecord<'r>,
}

impl RuleSet {
    pub(super) fn of(rules: Vec<Rule>, keep: Vec<KeptField>) -> RuleSet {
        let (mut wanted, mut slots, mut next) = (Vec::new(), Vec::new(), 0);
        for rule in &rules {
            let names: Option<Vec<&String>> = rule.chains().and_then(|chains| {
                let names = chains.iter().map(|chain| match chain.first() {
                    Some(ChainStep::Name(name)) => Some(name),
                    _ => None,
                });
                names.collect()
            });
            slots.push(names.as_ref().map(|_| next));
            for name in names.into_iter().flatten() {
                wanted.push((name.clone(), next));
                next += 1;
            }
        }
        let of_keep = keep.iter().enumerate();
        let of_keep = of_keep.map(|(at, field)| (field.first_name().to_owned(), next + at));
        wanted.extend(of_keep);
        RuleSet { rules, keep, wanted, slots, of_rules: next }
    }

    /// Finds the values in a record.
    ///
    /// # Errors
    /// Returns the reason if `raw` is not an object.
    pub(super) fn values<'r>(&self, raw: &'r str) -> Result<RecordValues<'r>, String> {
        let mut found: Vec<Option<&'r str>> = vec![None; self.of_rules + self.keep.len()];
        let each = |raw_name: &'r str, value| {
            let inside = &raw_name[1..raw_name.len() - 1];
            // A name that had to be cleaned must not replace the same name without flaws.
            let cleaned = if is_plain(inside) { None } else { raw::name(raw_name).ok() };
            for (name, slot) in &self.wanted {
                let place = &mut found[*slot];
                let is_named = match &cleaned {
                    None => name.as_str() == inside,
                    Some(cleaned) if inside == cleaned.as_str() => name == cleaned,
                    Some(cleaned) => name == cleaned && place.is_none(),
                };
                if is_named {
                    *place = Some(value);
                }
            }
        };
        raw::each_field(raw, each).map_err(|error| error.to_string())?;
        let mut parsed = ParsedRecord::of(raw);
        let mut of_rules = Vec::with_capacity(self.rules.len());
        for (rule, slot) in self.rules.iter().zip(&self.slots) {
            of_rules.push(match (slot, rule.chains()) {
                (Some(slot), Some(chains)) => {
                    let starts = &found[*slot..*slot + chains.len()];
                    let values = chains.iter().zip(starts);
                    let values = values.map(|(chain, start)| walk((*start)?, &chain[1..]));
                    first(values).map(|raw| Ok(Cow::Borrowed(raw)))
                }
                _ => rule.find(&mut parsed).transpose(),
            });
        }
        let starts = found.split_off(self.of_rules);
        let kept = self.keep.iter().zip(starts);
        let kept = kept.map(|(field, start)| match field.steps.get(1..) {
            Some([]) | None => start,
            Some(steps) => walk(start?, steps),
        });
        let kept = kept.collect();
        Ok(RecordValues { of_rules, kept, parsed })
    }
}

/// Whether a name in quotes is the name itself.
fn is_plain(inside: &str) -> bool {
    inside.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::super::node::{NodeValue, parsed};
    use super::super::rule::{FieldKind, rules};
    use super::super::section::MappingTable;
    use super::*;

    fn set(file: &str, keep: &[&str]) -> RuleSet {
        let node = parsed("m.toml", file, false).expect("a file");
        let NodeValue::Table(entries) = &node.value else { panic!("{file}") };
        let mut section = MappingTable::of("", entries);
        let keys = [("id", FieldKind::Plain), ("title", FieldKind::Text)];
        let rules = rules(&mut section, &keys).expect("rules");
        let keep = format!("keep = {keep:?}");
        let node = parsed("m.toml", &keep, false).expect("a file");
        let NodeValue::Table(entries) = &node.value else { panic!("{keep}") };
        let keep = KeptField::read_all(&entries["keep"].1).expect("further fields");
        RuleSet::of(rules, keep)
    }

    fn found(set: &RuleSet, raw: &str) -> Vec<Option<String>> {
        let values = set.values(raw).expect("values");
        let of_rules = values.of_rules.into_iter();
        let of_rules = of_rules.map(|value| value.map(|raw| raw.expect("a value").into_owned()));
        of_rules.chain(values.kept.into_iter().map(|raw| raw.map(str::to_owned))).collect()
    }

    #[test]
    fn the_values_of_all_rules_are_found_in_one_pass() {
        let set = set("id = \"a.b || c\"\ntitle = \"x[?y].z | [0]\"", &["k"]);
        let value = |text: &str| Some(text.to_owned());
        assert_eq!(
            found(
                &set,
                r#"{"a": {"b": 0, "b": 1}, "c": 2, "x": [{"y": 1, "z": "t"}], "k": [7], "u": 1}"#
            ),
            [value("1"), value("\"t\""), value("[7]")]
        );
        assert_eq!(found(&set, r#"{"a": {"b": ""}, "c": 2}"#), [value("2"), None, None]);
        assert_eq!(found(&set, r#"{"a": 7, "c": null, "k": null}"#), [None, None, value("null")]);
        assert!(set.values("[1]").is_err());
    }

    #[test]
    fn the_last_value_of_a_repeated_name_counts_and_a_cleaned_name_replaces_no_plain_name() {
        let set = set("id = \"id\"\ntitle = \"title\"", &["naïve"]);
        let raw = r#"{"title": "a", "title": "b", "ti\u0008tle": "c", "\u0069d": 1, "naïve": 2}"#;
        let value = |text: &str| Some(text.to_owned());
        assert_eq!(found(&set, raw), [value("1"), value("\"b\""), value("2")]);
    }
}
