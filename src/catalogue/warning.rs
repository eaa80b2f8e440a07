//! What is wrong with the data, said once and never fatal.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use super::text::clip;
use crate::payload::Endpoint;

/// One imperfection of the upstream's data. The catalogue is whole without it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Warning {
    /// A record could not be used and is left out.
    LeftOut {
        /// In which list.
        endpoint: Endpoint,
        /// Its place in the list, from 1.
        position: usize,
        /// Its id or title, if it says one.
        name: Option<String>,
        /// Why.
        why: String,
    },
    /// A field could not be used; the record is kept without it.
    FieldIgnored {
        /// In which list.
        endpoint: Endpoint,
        /// Of which record.
        id: String,
        /// Which field.
        field: String,
        /// Why.
        why: String,
    },
    /// A text is longer than any page should show, and is cut.
    FieldCut {
        /// In which list.
        endpoint: Endpoint,
        /// Of which record.
        id: String,
        /// Which field.
        field: String,
        /// After so many characters.
        after: usize,
    },
    /// How many records and fields could not be used, if more than one: only the
    /// first few are named one by one.
    Counted {
        /// In which list.
        endpoint: Endpoint,
        /// Records that are left out.
        left_out: usize,
        /// Fields that are ignored.
        ignored: usize,
        /// Fields that are cut.
        cut: usize,
    },
    /// Records repeat an id; the first counts.
    Duplicates {
        /// In which list.
        endpoint: Endpoint,
        /// The first ids, in order.
        ids: Vec<String>,
        /// How many ids there are.
        count: usize,
    },
    /// References that name no id.
    BrokenReferences {
        /// In which list they stand.
        endpoint: Endpoint,
        /// How many.
        count: usize,
    },
    /// References to records that are not there.
    Dangling {
        /// In which list the references stand.
        endpoint: Endpoint,
        /// The first ids that they name, in order.
        ids: Vec<String>,
        /// How many ids they name.
        count: usize,
    },
    /// Pairs that only one of the two directions states.
    OneWay {
        /// Pairs that only people state.
        only_people: usize,
        /// Pairs that only films state.
        only_films: usize,
    },
    /// As many records came as were asked for.
    ProbablyCut {
        /// Which list.
        endpoint: Endpoint,
        /// The `--limit`.
        limit: u32,
    },
}

/// Different names: the first few in order, and how many there are.
#[derive(Debug, Default)]
pub(super) struct Names {
    first: BTreeSet<String>,
    /// Hashes, which take less memory than names.
    seen: HashSet<u64>,
}

impl Names {
    /// Names that are kept.
    const KEPT: usize = 20;

    pub(super) fn push(&mut self, name: &str) {
        let hash = blake3::hash(name.as_bytes());
        let start = hash.as_bytes().first_chunk().copied().unwrap_or_default();
        if self.seen.insert(u64::from_le_bytes(start)) {
            self.first.insert(clip(name));
            if self.first.len() > Names::KEPT {
                self.first.pop_last();
            }
        }
    }

    /// The first names and the number of all, if there are any.
    pub(super) fn told(self) -> Option<(Vec<String>, usize)> {
        (!self.seen.is_empty()).then(|| (self.first.into_iter().collect(), self.seen.len()))
    }
}

/// How many imperfections there are of each kind, which is all that public files
/// tell of them.
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
            // Those that are named are among those that are counted.
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
            Warning::ProbablyCut { .. } => add("probably-cut", 1),
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
                     ignored"
                )?;
                if *cut > 0 { write!(f, ", and {cut} fields cut") } else { Ok(()) }
            }
            Warning::Duplicates { endpoint, ids, count } => {
                let ids = list(ids, *count, "id");
                write!(f, "{endpoint} repeats {ids}; the first record of each counts")
            }
            Warning::BrokenReferences { endpoint, count } => {
                write!(f, "{count} references in {endpoint} name no id and are ignored")
            }
            Warning::Dangling { endpoint, ids, count } => {
                write!(f, "{endpoint} refers to {} that is not there", list(ids, *count, "id"))
            }
            Warning::OneWay { only_people, only_films } => write!(
                f,
                "films and people disagree: {only_people} pairs are stated by people only, \
                 {only_films} by films only; all are shown"
            ),
            Warning::ProbablyCut { endpoint, limit } => write!(
                f,
                "{endpoint} answered {limit} records, as many as --limit asks for: the list is \
                 probably cut; raise --limit"
            ),
        }
    }
}

/// The first few of `count` items.
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
    fn what_is_named_is_not_counted_twice() {
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
