//! Warnings about imperfect data.
//!
//! Owns the texts about imperfect data. A warning is logged once and never ends a refresh.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use crate::payload::Endpoint;
use crate::plain::clip;

/// One imperfection of the data. The catalogue is complete apart from it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Warning {
    /// A record cannot be used and is left out.
    LeftOut {
        /// The list.
        endpoint: Endpoint,
        /// Position of the record in the list, from 1.
        position: usize,
        /// Id or title of the record, if it has one.
        name: Option<String>,
        /// The reason.
        why: String,
    },
    /// A field cannot be used; the record is kept without the field.
    FieldIgnored {
        /// The list.
        endpoint: Endpoint,
        /// Id of the record.
        id: String,
        /// Name of the field.
        field: String,
        /// The reason.
        why: String,
    },
    /// A text is too long for a page, and is cut.
    FieldCut {
        /// The list.
        endpoint: Endpoint,
        /// Id of the record.
        id: String,
        /// Name of the field.
        field: String,
        /// Number of characters that are kept.
        after: usize,
    },
    /// Numbers of records and fields that cannot be used, if more than one. Only the first few
    /// have a warning of their own.
    Counted {
        /// The list.
        endpoint: Endpoint,
        /// Number of records that are left out.
        left_out: usize,
        /// Number of fields that are ignored.
        ignored: usize,
        /// Number of fields that are cut.
        cut: usize,
    },
    /// Several records have the same id; the first record is used.
    Duplicates {
        /// The list.
        endpoint: Endpoint,
        /// The first of these ids, in order.
        ids: Vec<String>,
        /// Number of these ids.
        count: usize,
    },
    /// References that contain no id.
    BrokenReferences {
        /// The list that has the references.
        endpoint: Endpoint,
        /// Number of references.
        count: usize,
    },
    /// References to records that do not exist.
    Dangling {
        /// The list that has the references.
        endpoint: Endpoint,
        /// The first ids of such records, in order.
        ids: Vec<String>,
        /// Number of such ids.
        count: usize,
    },
    /// Pairs of film and person that only one of the two lists states.
    OneWay {
        /// Number of pairs that only people state.
        only_people: usize,
        /// Number of pairs that only films state.
        only_films: usize,
    },
    /// A field of the mapping is in no record of a list.
    NothingFound {
        /// The list.
        endpoint: Endpoint,
        /// The key of the mapping.
        key: String,
        /// Where the mapping looks for the value.
        expression: String,
        /// The field of the records that is probably meant.
        nearest: Option<String>,
    },
    /// The answer says that the upstream has more records than the answer.
    OnlyAPart {
        /// The list.
        endpoint: Endpoint,
        /// What the answer says.
        why: String,
    },
    /// A list has exactly as many records as `--limit` asked for.
    ProbablyCut {
        /// The list.
        endpoint: Endpoint,
        /// The value of `--limit`.
        limit: u32,
    },
}

/// A set of names: the first few in order, and the number of all.
#[derive(Debug, Default)]
pub(super) struct IdSample {
    first: BTreeSet<String>,
    /// Hashes of the names, which take less memory than the names.
    seen: HashSet<u64>,
}

impl IdSample {
    /// Number of names that are kept.
    const KEPT: usize = 20;

    pub(super) fn push(&mut self, name: &str) {
        let hash = blake3::hash(name.as_bytes());
        let start = hash.as_bytes().first_chunk().copied().unwrap_or_default();
        if self.seen.insert(u64::from_le_bytes(start)) {
            self.first.insert(clip(name));
            if self.first.len() > IdSample::KEPT {
                self.first.pop_last();
            }
        }
    }

    /// Returns the first names and the number of all names, if there are any.
    pub(super) fn told(self) -> Option<(Vec<String>, usize)> {
        (!self.seen.is_empty()).then(|| (self.first.into_iter().collect(), self.seen.len()))
    }
}

/// Counts the imperfections of each kind. Public files have these numbers and nothing else.
pub fn tally(warnings: &BTreeSet<Warning>) -> BTreeMap<&'static str, usize> {
    let is_counted = |of: &Endpoint| {
        let counted = |warning: &Warning| matches!(warning, Warning::Counted { endpoint, .. } if endpoint == of);
        warnings.iter().any(counted)
    };
    let mut tally = BTreeMap::new();
    let mut add = |kind, count: usize| {
        if count > 0 {
            *tally.entry(kind).or_default() += count;
        }
    };
    for warning in warnings {
        match warning {
            // The records and fields with a warning of their own are included in `Counted`.
            Warning::LeftOut { endpoint, .. }
            | Warning::FieldIgnored { endpoint, .. }
            | Warning::FieldCut { endpoint, .. }
                if is_counted(endpoint) => {}
            Warning::LeftOut { .. } => add("left-out", 1),
            Warning::FieldIgnored { .. } => add("field-ignored", 1),
            Warning::FieldCut { .. } => add("field-cut", 1),
            Warning::Counted { left_out, ignored, cut, .. } => {
                add("field-cut", *cut);
                add("left-out", *left_out);
                add("field-ignored", *ignored);
            }
            Warning::Duplicates { count, .. } => add("repeated-id", *count),
            Warning::BrokenReferences { count, .. } => add("broken-reference", *count),
            Warning::Dangling { count, .. } => add("dangling-reference", *count),
            Warning::OneWay { only_people, only_films } => {
                add("one-way-pair", only_people + only_films);
            }
            Warning::ProbablyCut { .. } | Warning::OnlyAPart { .. } => add("probably-cut", 1),
            Warning::NothingFound { .. } => add("field-not-found", 1),
        }
    }
    tally
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::LeftOut { endpoint, position, name: Some(name), why } => {
                write!(f, "record {position} of {endpoint} ({name:?}) is left out: {why}")
            }
            Warning::LeftOut { endpoint, position, name: None, why } => {
                write!(f, "record {position} of {endpoint} is left out: {why}")
            }
            Warning::FieldIgnored { endpoint, id, field, why } => {
                write!(
                    f,
                    "field `{field}` of {endpoint}/{} is ignored: {why}",
                    clip(id).escape_debug()
                )
            }
            Warning::FieldCut { endpoint, id, field, after } => write!(
                f,
                "field `{field}` of {endpoint}/{} is cut after {after} characters",
                clip(id).escape_debug()
            ),
            Warning::Counted { endpoint, left_out, ignored, cut } => {
                write!(
                    f,
                    "in all, {left_out} records of {endpoint} are left out and {ignored} fields \
                     are ignored"
                )?;
                if *cut > 0 { write!(f, ", and {cut} fields are cut") } else { Ok(()) }
            }
            Warning::Duplicates { endpoint, ids, count } => {
                let ids = list(ids, *count, "id");
                write!(f, "{endpoint} repeats {ids}; the first record of each id is used")
            }
            Warning::BrokenReferences { endpoint, count } => {
                write!(f, "{count} references in {endpoint} contain no id and are ignored")
            }
            Warning::Dangling { endpoint, ids, count } => {
                write!(f, "{endpoint} refers to {} without a record", list(ids, *count, "id"))
            }
            Warning::OneWay { only_people, only_films } => write!(
                f,
                "films and people disagree: {only_people} pairs are stated by people only, \
                 {only_films} by films only; all pairs are shown"
            ),
            Warning::NothingFound { endpoint, key, expression, nearest } => {
                write!(f, "`{key}` (`{expression}`) is in no record of {endpoint}")?;
                match nearest {
                    Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
                    None => Ok(()),
                }
            }
            Warning::OnlyAPart { endpoint, why } => write!(
                f,
                "the answer of {endpoint} is probably only a part of the list: {why}; ask for the \
                 whole list in `get`"
            ),
            Warning::ProbablyCut { endpoint, limit } => write!(
                f,
                "{endpoint} has {limit} records, as many as --limit asks for: the list is probably \
                 cut; raise --limit"
            ),
        }
    }
}

/// Formats the first few of `count` items.
fn list(items: &[String], count: usize, noun: &str) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<_> = items.iter().take(SHOWN).map(|item| format!("{:?}", clip(item))).collect();
    let more = count.saturating_sub(SHOWN.min(items.len()));
    let plural = if count == 1 { "" } else { "s" };
    let tail = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{count} {noun}{plural} ({}{tail})", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_with_its_own_warning_is_not_counted_twice() {
        let left_out = |endpoint, position| {
            let (name, why) = (Some("secret".to_owned()), "why".to_owned());
            Warning::LeftOut { endpoint, position, name, why }
        };
        let (films, people) = (Endpoint::Films, Endpoint::People);
        let warnings = BTreeSet::from([
            left_out(films, 1),
            left_out(films, 2),
            Warning::Counted { endpoint: films, left_out: 40, ignored: 0, cut: 0 },
            left_out(people, 1),
            Warning::OneWay { only_people: 2, only_films: 1 },
        ]);
        assert_eq!(tally(&warnings), BTreeMap::from([("left-out", 41), ("one-way-pair", 3)]));
    }
}
