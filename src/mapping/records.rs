//! Finds the list of records in an answer.
//!
//! Owns the message about an answer without the list: the message names the fields that the answer
//! has, and the field that is probably meant.

use super::expression::{Expression, ParsedRecord, is_false, walk};
use super::fault::MappingFault;
use super::node::MappingNode;
use super::rule::expression;
use crate::plain::clip;
use crate::raw::{self, kind};
use crate::similar::most_similar;

/// Largest number of fields that a message names.
const MOST_NAMED: usize = 12;

/// Where the records are in an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct RecordsPlace {
    /// The path to the list; `None` if the answer is the list.
    path: Option<Expression>,
    /// A condition that each record meets. Other records of the answer are not films or people.
    condition: Option<Expression>,
}

impl RecordsPlace {
    /// Reads a plain path, and a condition that each record meets.
    pub(super) fn read(node: &MappingNode) -> Result<RecordsPlace, MappingFault> {
        let whole = expression(node)?;
        if whole.steps().is_some() {
            return Ok(RecordsPlace { path: Some(whole), condition: None });
        }
        let parts = whole.as_str().split_once("[?");
        let parts = parts.and_then(|(path, rest)| Some((path, rest.strip_suffix(']')?)));
        let compiled = parts.and_then(|(path, condition)| {
            let path = match path {
                "" => None,
                path => Some(Expression::compile(path).ok().filter(|path| path.steps().is_some())?),
            };
            let condition = Some(Expression::compile(condition).ok()?);
            Some(RecordsPlace { path, condition })
        });
        compiled.ok_or_else(|| {
            node.spot.fault(format!(
                "`records` must be a plain path such as `data.items`, or a path with a condition \
                 such as `items[?hasFile]`, not `{}`",
                whole.as_str()
            ))
        })
    }

    /// Returns the text of the list of records in the text of an answer. `of` is the name of the
    /// list for messages.
    ///
    /// # Errors
    /// Returns a message about an answer in which the list is not found.
    pub(crate) fn list_in<'t>(&self, answer: &'t str, of: &str) -> Result<&'t str, String> {
        let Some(records) = &self.path else {
            if !answer.starts_with('{') {
                return Ok(answer);
            }
            return Err(format!(
                "/{of} answered a JSON object instead of a JSON array of records; {}",
                there_is(answer, of)
            ));
        };
        let name = records.as_str();
        let found = records.steps().and_then(|steps| walk(answer, steps));
        match found {
            Some(list) if list.starts_with('[') => Ok(list),
            Some(other) => Err(format!("`{name}` is {}, not a list of records", kind(other))),
            None => {
                let there = there_is(answer, name);
                Err(format!("`{name}` is not in the answer of /{of}; {there}"))
            }
        }
    }

    /// Whether a record of the answer meets the condition of the mapping.
    ///
    /// # Errors
    /// Fails if the condition cannot be evaluated on this record.
    pub(crate) fn takes(&self, record: &str) -> Result<bool, String> {
        let Some(condition) = &self.condition else { return Ok(true) };
        let found = condition.find(&mut ParsedRecord::of(record))?;
        Ok(found.is_some_and(|raw| !is_false(&raw)))
    }

    /// Returns the condition that each record meets.
    pub(crate) fn condition(&self) -> Option<&str> {
        self.condition.as_ref().map(Expression::as_str)
    }

    /// Returns where the records are, if the answer is not the list itself.
    pub(crate) fn path(&self) -> Option<&str> {
        self.path.as_ref().map(super::expression::Expression::as_str)
    }
}

/// Says why an answer with `count` records is only a part of the list, if the answer says so.
pub(crate) fn further_records(answer: &str, count: usize) -> Option<String> {
    let number = |value: &str| value.trim_matches('"').parse::<u64>().ok();
    fields(answer).into_iter().find_map(|(name, value)| {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        match plain.to_ascii_lowercase().as_str() {
            "next" | "nextpage" | "nextcursor"
                if value.len() > 2 && !matches!(value, "null" | "false") =>
            {
                Some(format!("`{name}` names a next page"))
            }
            "totalpages" if number(value)? > 1 => Some(format!("`{name}` is {value}")),
            "count" | "total" | "totalrecordcount" | "totalitems" | "totalresults"
                if number(value)? > count as u64 =>
            {
                Some(format!("`{name}` is {value}, and the answer has {count} records"))
            }
            _ => None,
        }
    })
}

/// Says what an answer has instead, and which field is probably meant.
pub(super) fn there_is(answer: &str, wanted: &str) -> String {
    let fields = fields(answer);
    if !answer.starts_with('{') {
        return format!("the answer is {}", described(answer));
    }
    if fields.is_empty() {
        return "the answer has no fields".to_owned();
    }
    let named: Vec<String> = fields
        .iter()
        .take(MOST_NAMED)
        .map(|(name, value)| match value.as_bytes().first() {
            Some(b'[') => format!("{} ({})", clip(name), described(value)),
            _ => clip(name),
        })
        .collect();
    let more = fields.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    // A list of objects is more probably the list of records than a field of a similar name.
    let is_list = |value: &str| value.starts_with('[') && objects(value) > 0;
    let lists: Vec<_> = fields.iter().filter(|(_, value)| is_list(value)).collect();
    let meant = match lists[..] {
        [(name, _)] => Some(name.clone()),
        [] => None,
        _ => most_similar(wanted, lists.iter().map(|(name, _)| name.clone())),
    };
    let meant = meant.map_or_else(String::new, |name| format!(". Did you mean `{}`?", clip(&name)));
    format!("there are {}{more}{meant}", named.join(", "))
}

/// Returns the names and the raw values of the fields of an object.
pub(crate) fn fields(object: &str) -> Vec<(String, &str)> {
    let mut fields = Vec::new();
    let each = |name, value| {
        if let Ok(name) = raw::name(name) {
            fields.push((name, value));
        }
    };
    // A value that is not an object has no fields.
    let _ = raw::each_field(object, each);
    fields
}

/// Returns a name as a step of an expression.
pub(super) fn step(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain { name.to_owned() } else { serde_json::Value::from(name).to_string() }
}

/// Describes a value: the number of its objects, or its type.
fn described(value: &str) -> String {
    if !value.starts_with('[') {
        return kind(value).to_owned();
    }
    match objects(value) {
        0 => "a list without objects".to_owned(),
        1 => "1 object".to_owned(),
        count => format!("{count} objects"),
    }
}

fn objects(list: &str) -> usize {
    let mut count = 0;
    raw::each_item(list, |item| count += usize::from(item.starts_with('{')));
    count
}
