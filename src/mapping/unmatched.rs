//! Fields of a mapping that no record has, with the field that is probably meant.

use super::found::{FieldBits, FoundFields};
use super::kept::OURS;
use super::list::{Credits, ListMapping};
use super::names::names_in;
use super::records::{fields, step};
use super::rule::Rule;
use crate::plain::clip;
use crate::raw;
use crate::similar::most_similar;

/// Levels of objects in which a field of the same name is looked up.
const DEEPEST: usize = 4;
/// Largest number of objects in which a field is looked up.
const MOST_OBJECTS: usize = 1_000;
/// Largest number of credits that are read to find the field that is meant.
const MOST_CREDITS_READ: usize = 200;

impl ListMapping {
    /// Returns the fields of the mapping that no record has. `found` has the fields that at least
    /// one record has. `records` are records in which the fields that are meant may be.
    pub(crate) fn unmatched(&self, found: FoundFields, records: &[&str]) -> Vec<Unmatched> {
        let bits = FieldBits::of(self);
        let is_required = |rule: &Rule| matches!(rule.key, "id" | "title" | "name");
        let rules = self.fields.rules.iter().enumerate().filter(|(at, _)| !found.has(*at));
        let rules = rules.filter(|(_, rule)| is_required(rule) || !rule.is_built_in);
        let mut unmatched: Vec<_> = rules
            .map(|(_, rule)| Unmatched {
                is_required: is_required(rule),
                ..Unmatched::of(rule.key.to_owned(), rule.place(), &rule.names(), records)
            })
            .collect();
        if let Some(credits) = &self.credits {
            if !found.has(bits.credits) {
                let at = credits.at.as_str();
                if !credits.is_built_in {
                    let names = names_in(at);
                    unmatched.push(Unmatched::of("credits".to_owned(), at, &names, records));
                }
            } else {
                unmatched.extend(unmatched_in(self, credits, found, records));
            }
        }
        let keep = self.fields.keep.iter().enumerate();
        let keep = keep.filter(|(at, _)| self.is_keep_own && !found.has(bits.keep + at));
        unmatched.extend(keep.map(|(_, field)| {
            let unmatched =
                Unmatched::of("keep".to_owned(), &field.place, &[field.names()], records);
            // A field of the site itself cannot be kept.
            let nearest = unmatched.nearest.filter(|name| !OURS.contains(&name.as_str()));
            Unmatched { nearest, ..unmatched }
        }));
        unmatched
    }
}

/// Returns the fields of a credit that no credit has. If the credits have no field of the
/// mapping at all, either there are no credits, or each film says what its credits lack.
fn unmatched_in(
    list: &ListMapping,
    credits: &Credits,
    found: FoundFields,
    records: &[&str],
) -> Vec<Unmatched> {
    let first = FieldBits::of(list).in_credits;
    let rules = || credits.fields.rules.iter().enumerate();
    if !rules().any(|(at, _)| found.has(first + at)) {
        return Vec::new();
    }
    let missing = |(at, rule): &(usize, &Rule)| !rule.is_built_in && !found.has(first + at);
    let missing: Vec<_> = rules().filter(missing).collect();
    let mut inside: Vec<String> = Vec::new();
    for record in records.iter().filter(|_| !missing.is_empty()) {
        let found = list.apply(record).ok().and_then(|mut record| record.take_credits());
        let Some(Ok(found)) = found else { continue };
        raw::each_item(&found, |credit| {
            if inside.len() < MOST_CREDITS_READ {
                inside.push(credit.to_owned());
            }
        });
    }
    let inside: Vec<&str> = inside.iter().map(String::as_str).collect();
    let unmatched = |(_, rule): (usize, &Rule)| {
        Unmatched::of(format!("credits.{}", rule.key), rule.place(), &rule.names(), &inside)
    };
    missing.into_iter().map(unmatched).collect()
}

/// A field of the mapping that no record has.
pub(crate) struct Unmatched {
    /// The key of the mapping.
    pub(crate) key: String,
    pub(crate) expression: String,
    pub(crate) is_required: bool,
    /// The field of the records whose name is most similar.
    pub(crate) nearest: Option<String>,
}

impl Unmatched {
    fn of(key: String, expression: &str, names: &[Vec<String>], records: &[&str]) -> Unmatched {
        let (expression, nearest) = (expression.to_owned(), nearest(names, records));
        Unmatched { key, expression, is_required: false, nearest }
    }
}

/// Returns the field of the records whose name is most similar to a name in one of the places: the
/// first name of the place that no record has.
fn nearest(places: &[Vec<String>], records: &[&str]) -> Option<String> {
    places.iter().find_map(|place| nearest_to(place, records))
}

fn nearest_to(place: &[String], records: &[&str]) -> Option<String> {
    let mut above = String::new();
    let mut inside: Vec<&str> = records.to_vec();
    for wanted in place {
        let all: Vec<(String, &str)> = inside.iter().flat_map(|value| fields(value)).collect();
        if all.iter().any(|(name, _)| name == wanted) {
            inside =
                all.iter().filter(|(name, _)| name == wanted).map(|(_, value)| *value).collect();
            above = format!("{above}{}.", step(wanted));
            continue;
        }
        // A name with a dot must be in quotes, or the name is read as a path.
        let dotted = place.join(".");
        if place.len() > 1 && above.is_empty() && all.iter().any(|(name, _)| *name == dotted) {
            return Some(step(&dotted));
        }
        let nearest = most_similar(wanted, all.iter().map(|(name, _)| name.clone()));
        let is_exact = nearest.as_ref().is_some_and(|name| is_same(name, wanted));
        let mut budget = MOST_OBJECTS;
        let mut below = || same_name_below(wanted, &all, DEEPEST, &mut budget);
        let below = if is_exact { None } else { below() };
        let path = below.or_else(|| nearest.map(|name| step(&name)));
        return path.map(|path| format!("{above}{}", clip(&path)));
    }
    None
}

/// Finds a field of this name in the objects in these fields. `budget` is the number of objects that
/// may still be looked at.
fn same_name_below(
    wanted: &str,
    all: &[(String, &str)],
    depth: usize,
    budget: &mut usize,
) -> Option<String> {
    for (name, value) in all.iter().filter(|(_, value)| value.starts_with('{')) {
        *budget = budget.checked_sub(1)?;
        let inside: Vec<(String, &str)> = fields(value);
        let found = inside.iter().find(|(name, _)| is_same(name, wanted));
        let found = found.map(|(name, _)| step(name));
        let mut below = || same_name_below(wanted, &inside, depth.checked_sub(1)?, budget);
        if let Some(path) = found.or_else(&mut below) {
            return Some(format!("{}.{path}", step(name)));
        }
    }
    None
}

/// Whether two names differ only in their case and in signs.
fn is_same(one: &str, other: &str) -> bool {
    let letters = |name: &str| name.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    letters(one).to_lowercase() == letters(other).to_lowercase()
}
