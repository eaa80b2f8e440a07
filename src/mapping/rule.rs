//! What a mapping says about one field: where its value is, and what the value is.
//!
//! Owns the forms of a rule: an expression, or a table with `at` or `text` and the keys that say
//! what the value is.

use std::borrow::Cow;

use super::expression::{ChainStep, Expression, ParsedRecord};
use super::fault::MappingFault;
use super::names::names_in;
use super::node::{Entries, MappingNode, NodeValue};
use super::section::MappingTable;
use super::text_parts::TextParts;
use crate::plain::cleaned;

/// Longest name of a score in characters.
const LONGEST_SCORE_NAME: usize = 60;

/// A rule for one field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rule {
    /// The key of the field in the mapping, such as `title`.
    pub(crate) key: &'static str,
    pub(super) found: Whence,
    /// The unit of a length.
    pub(crate) unit: LengthUnit,
    /// The largest score of the scale.
    pub(crate) of: f64,
    /// The name of a score.
    pub(super) name: Option<String>,
    /// Whether the text is HTML.
    pub(crate) is_html: bool,
    /// What separates the names in one text.
    pub(crate) split: Option<String>,
    /// Whether the rule stems from a built-in mapping. No record needs to have the field.
    pub(crate) is_built_in: bool,
}

/// Where a value is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Whence {
    At(Expression),
    Text(TextParts),
}

/// The unit of a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LengthUnit {
    /// 100 nanoseconds.
    Ticks,
    Milliseconds,
    Seconds,
    /// A text may state other units, such as `1 h 26 min`.
    Minutes,
}

/// What the value of a field is. The kind says which keys the table of the field may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldKind {
    /// A text.
    Text,
    /// An address of a picture.
    Picture,
    /// A length of time.
    Length,
    /// A score.
    Score,
    /// Names.
    Names,
    /// Anything else.
    Plain,
}

const UNITS: [(&str, LengthUnit); 4] = [
    ("ticks", LengthUnit::Ticks),
    ("ms", LengthUnit::Milliseconds),
    ("s", LengthUnit::Seconds),
    ("min", LengthUnit::Minutes),
];

impl LengthUnit {
    /// Returns the number of units in a minute.
    pub(crate) fn in_a_minute(self) -> f64 {
        match self {
            LengthUnit::Ticks => 600_000_000.0,
            LengthUnit::Milliseconds => 60_000.0,
            LengthUnit::Seconds => 60.0,
            LengthUnit::Minutes => 1.0,
        }
    }
}

impl Rule {
    /// Reads a rule.
    pub(super) fn read(
        key: &'static str,
        kind: FieldKind,
        node: &MappingNode,
    ) -> Result<Rule, MappingFault> {
        let plain = |found| Rule {
            key,
            found,
            unit: LengthUnit::Minutes,
            of: 100.0,
            name: None,
            is_html: false,
            split: None,
            is_built_in: node.spot.file.is_built_in,
        };
        match &node.value {
            NodeValue::Text(_) => Ok(plain(Whence::At(expression(node)?))),
            NodeValue::Table(entries) => {
                let mut section = MappingTable::of(key, entries);
                let at = section.take("at").map(expression).transpose()?.map(Whence::At);
                let text = match kind {
                    FieldKind::Text | FieldKind::Picture => section.take("text"),
                    _ => None,
                };
                let text = text.map(|node| {
                    TextParts::read(node, kind == FieldKind::Picture).map(Whence::Text)
                });
                let found = match (at, text.transpose()?) {
                    (Some(found), None) | (None, Some(found)) => found,
                    (Some(_), Some(_)) => {
                        return Err(node.spot.fault(format!(
                            "`{key}` has both `at` and `text`; write one of them"
                        )));
                    }
                    (None, None) => {
                        return Err(node.spot.fault(format!(
                            "`{key}` has no `at`; write the place of the value, such as \
                             `{key} = {{ at = \"…\" }}`"
                        )));
                    }
                };
                let mut rule = plain(found);
                rule.take_options(kind, &mut section)?;
                section.end()?;
                Ok(rule)
            }
            other => Err(node.spot.fault(format!(
                "`{key}` must be an expression in quotes or a table, not {}",
                other.kind()
            ))),
        }
    }

    fn take_options(
        &mut self,
        kind: FieldKind,
        section: &mut MappingTable<'_>,
    ) -> Result<(), MappingFault> {
        if kind == FieldKind::Length
            && let Some((node, unit)) = section.text("unit")?
        {
            let known = UNITS.iter().find(|(name, _)| *name == unit);
            let names = UNITS.map(|(name, _)| name).join(", ");
            let (_, unit) = known.ok_or_else(|| {
                node.spot.fault(format!("`{unit}` is not a unit; write one of {names}"))
            })?;
            self.unit = *unit;
        }
        if kind == FieldKind::Score {
            self.name = score_name(section)?;
        }
        if kind == FieldKind::Score
            && let Some(node) = section.take("of")
        {
            let number = match &node.value {
                NodeValue::Number(number) => number.replace('_', "").parse().ok(),
                _ => None,
            };
            let number = number.filter(|of: &f64| of.is_finite() && *of > 0.0);
            self.of = number.ok_or_else(|| {
                node.spot.fault("`of` must be the largest score, such as 10 or 100")
            })?;
        }
        if kind == FieldKind::Text
            && let Some(node) = section.take("html")
        {
            let NodeValue::Switch(is_html) = node.value else {
                return Err(node.spot.fault("`html` must be true or false"));
            };
            self.is_html = is_html;
        }
        if kind == FieldKind::Names
            && let Some((node, split)) = section.text("split")?
        {
            if split.is_empty() {
                return Err(node.spot.fault("`split` is empty; write what separates the names"));
            }
            self.split = Some(split.to_owned());
        }
        Ok(())
    }

    /// Returns the raw value of the field in a record.
    ///
    /// # Errors
    /// Fails if the expression cannot be evaluated on this record.
    pub(crate) fn find<'r>(
        &self,
        record: &mut ParsedRecord<'r>,
    ) -> Result<Option<Cow<'r, str>>, String> {
        match &self.found {
            Whence::At(expression) => expression.find(record),
            Whence::Text(parts) => Ok(parts.find(record)?.map(Cow::Owned)),
        }
    }

    /// Returns the chains of the expression, if the expression has no other parts.
    pub(super) fn chains(&self) -> Option<&[Vec<ChainStep>]> {
        match &self.found {
            Whence::At(expression) => expression.chains(),
            Whence::Text(_) => None,
        }
    }

    /// Returns where the value is, as the owner wrote the place.
    pub(crate) fn place(&self) -> &str {
        match &self.found {
            Whence::At(expression) => expression.as_str(),
            Whence::Text(parts) => parts.as_str(),
        }
    }

    /// Returns the names of the fields that the rule reads, for each place in which the value may
    /// be.
    pub(super) fn names(&self) -> Vec<Vec<String>> {
        match &self.found {
            Whence::At(expression) => names_in(expression.as_str()),
            Whence::Text(parts) => parts.places().flat_map(names_in).collect(),
        }
    }

    /// Returns the name of the field for messages: the name in the record, if the value is a field
    /// of the record.
    pub(crate) fn label(&self) -> String {
        match &self.found {
            Whence::At(expression) if expression.steps().is_some() => {
                expression.as_str().to_owned()
            }
            _ => self.key.to_owned(),
        }
    }
}

/// Reads the name of a score.
fn score_name(section: &mut MappingTable<'_>) -> Result<Option<String>, MappingFault> {
    let Some((node, text)) = section.text("name")? else { return Ok(None) };
    let name = cleaned(text).trim().to_owned();
    if name.is_empty() || name.chars().count() > LONGEST_SCORE_NAME {
        let why = format!("`name` must have 1 to {LONGEST_SCORE_NAME} characters");
        return Err(node.spot.fault(why));
    }
    Ok(Some(name))
}

/// Compiles the expression in a value.
pub(super) fn expression(node: &MappingNode) -> Result<Expression, MappingFault> {
    let NodeValue::Text(text) = &node.value else {
        let kind = node.value.kind();
        return Err(node.spot.fault(format!("an expression in quotes is expected, not {kind}")));
    };
    Expression::compile(text).map_err(|bad| {
        // The text of a simple string begins after its quotation mark.
        let is_simple = node.spot.text().get(1..).is_some_and(|rest| rest.starts_with(text));
        let spot = if is_simple { node.spot.from(bad.offset + 1) } else { node.spot.clone() };
        spot.fault(format!("`{text}` is not a valid expression: {}", bad.why))
    })
}

/// Reads the rules of a table for these keys.
pub(super) fn rules(
    section: &mut MappingTable<'_>,
    keys: &[(&'static str, FieldKind)],
) -> Result<Vec<Rule>, MappingFault> {
    let mut rules = Vec::new();
    for (key, kind) in keys {
        if let Some(node) = section.take(key) {
            rules.push(Rule::read(key, *kind, node)?);
        }
    }
    Ok(rules)
}

/// Returns the entries of a table.
pub(super) fn table<'n>(node: &'n MappingNode, what: &str) -> Result<&'n Entries, MappingFault> {
    match &node.value {
        NodeValue::Table(entries) => Ok(entries),
        other => Err(node.spot.fault(format!("`{what}` must be a table, not {}", other.kind()))),
    }
}
