//! The values of a mapping file, each with its place.
//!
//! Owns the step from TOML to values whose faults can be shown at their places, and the rule by
//! which one file lies over another.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{MappingFault, MappingText, Spot};

/// Tables whose keys are laid over the keys of the same table below. Every other value replaces
/// the value below as a whole.
const LAID_OVER: &[&str] = &["words", "api", "headers", "films", "people", "credits"];

/// A value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MappingNode {
    pub(super) spot: Spot,
    pub(super) value: NodeValue,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NodeValue {
    Text(String),
    Number(String),
    Switch(bool),
    List(Vec<MappingNode>),
    Table(Entries),
}

/// The values of a table by their keys, each with the place of the key.
pub(super) type Entries = BTreeMap<String, (Spot, MappingNode)>;

impl NodeValue {
    /// Names the type of the value for a message.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            NodeValue::Text(_) => "a string",
            NodeValue::Number(_) => "a number",
            NodeValue::Switch(_) => "a boolean",
            NodeValue::List(_) => "a list",
            NodeValue::Table(_) => "a table",
        }
    }
}

/// Parses a file.
///
/// # Errors
/// Fails if the text is not TOML.
pub(super) fn parsed(
    name: &str,
    text: &str,
    is_built_in: bool,
) -> Result<MappingNode, MappingFault> {
    let (name, text_of) = (name.to_owned(), text.to_owned());
    let file = Arc::new(MappingText { name, text: text_of, is_built_in });
    let table = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        let file = file.clone();
        Spot { file, span }.fault(error.message().to_owned())
    })?;
    let span = table.span();
    let value = NodeValue::Table(entries(&file, table.into_inner())?);
    Ok(MappingNode { spot: Spot { file, span }, value })
}

fn entries(file: &Arc<MappingText>, table: DeTable<'_>) -> Result<Entries, MappingFault> {
    let mut entries = Entries::new();
    for (key, value) in table {
        let spot = Spot { file: file.clone(), span: key.span() };
        entries.insert(key.into_inner().into_owned(), (spot, node(file, value)?));
    }
    Ok(entries)
}

fn node(file: &Arc<MappingText>, value: Spanned<DeValue<'_>>) -> Result<MappingNode, MappingFault> {
    let spot = Spot { file: file.clone(), span: value.span() };
    let value = match value.into_inner() {
        DeValue::String(text) => NodeValue::Text(text.into_owned()),
        DeValue::Integer(number) => NodeValue::Number(number.as_str().to_owned()),
        DeValue::Float(number) => NodeValue::Number(number.as_str().to_owned()),
        DeValue::Boolean(is_on) => NodeValue::Switch(is_on),
        DeValue::Datetime(_) => return Err(spot.fault("a date has no meaning in a mapping")),
        DeValue::Array(items) => {
            let items: Result<_, _> = items.into_iter().map(|item| node(file, item)).collect();
            NodeValue::List(items?)
        }
        DeValue::Table(table) => NodeValue::Table(entries(file, table)?),
    };
    Ok(MappingNode { spot, value })
}

/// Keys of which a table has at most one: the upper key replaces the other key below.
const EITHER: [[&str; 2]; 2] = [["secret-file", "secret-env"], ["secret-env", "secret-file"]];

/// Lays the entries of one file over the entries of another file.
pub(super) fn laid_over(mut below: Entries, over: Entries) -> Entries {
    for [upper, lower] in EITHER {
        if over.contains_key(upper) {
            below.remove(lower);
        }
    }
    for (key, (spot, node)) in over {
        let lower = below.remove(&key);
        let joined = match (lower, node.value) {
            (
                Some((_, MappingNode { value: NodeValue::Table(lower), .. })),
                NodeValue::Table(upper),
            ) if LAID_OVER.contains(&key.as_str()) => NodeValue::Table(laid_over(lower, upper)),
            (_, value) => value,
        };
        below.insert(key, (spot, MappingNode { spot: node.spot, value: joined }));
    }
    below
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, text: &str) -> Entries {
        match parsed(name, text, false).expect("a file").value {
            NodeValue::Table(entries) => entries,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_file_replaces_single_keys_of_the_file_below() {
        let below = table("a", "[films]\ntitle = \"t\"\nscore = { at = \"s\", of = 10 }");
        let over = table("b", "[films]\nscore = { at = \"x\" }\ncredits.at = \"p\"");
        let both = laid_over(below, over);
        let NodeValue::Table(films) = &both["films"].1.value else { panic!("{both:?}") };
        assert_eq!(films["title"].1.spot.file.name, "a");
        let NodeValue::Table(score) = &films["score"].1.value else { panic!("{films:?}") };
        assert_eq!(score.keys().collect::<Vec<_>>(), ["at"]);
        assert!(films.contains_key("credits"));
    }

    #[test]
    fn text_that_is_not_toml_is_shown_with_its_place() {
        let fault =
            parsed("m.toml", "[films]\ntitle = \n", false).expect_err("a fault").to_string();
        assert!(fault.starts_with("m.toml:2:9: ") && fault.contains("2 | title = "), "{fault}");
    }
}
