//! What is new from one generation to the next, as open pages are told.
//!
//! Owns the form of an event: which films and people came, changed and went, the
//! card of each film that came or changed, and the paths whose content is another.
//! It exists so that an open page gets the new and not the whole list. An event is
//! made once, whoever listens, and is named by the generation that it leads to: the
//! same content has the same name on every replica. It must not know who listens.

mod ring;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;

use crate::changes::{Change, Kind, What};
use crate::pages::{Plan, Record};
use crate::publish::{Generation, GenerationId};
pub use ring::{KEPT, Ring, Since};

/// Bytes of an event beyond which it names paths alone: pages fetch themselves then,
/// compressed, and only those that changed.
pub const LARGEST: usize = 64 << 10;
/// Changed records beyond which there is no need to write them down to know that they
/// are more than [`LARGEST`].
const MOST_RECORDS: usize = 500;
/// Digits of a fingerprint that tell whether a page is the expected one.
const DIGITS: usize = 16;

/// One step from a generation to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Where it starts.
    pub from: GenerationId,
    /// Where it leads to; its name.
    pub to: GenerationId,
    /// As it is sent, to all the same.
    pub bytes: Bytes,
}

/// What is told of a generation that goes live.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Names templates, assets and what else stands on every page; empty if a former
    /// process made them.
    pub theme: String,
    /// The step from the one that was live before; none if there was none.
    pub event: Option<Event>,
}

#[derive(Serialize)]
struct Document<'a> {
    from: &'a GenerationId,
    to: &'a GenerationId,
    theme: &'a str,
    /// None: more than an event holds, or not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    films: Option<Records>,
    #[serde(skip_serializing_if = "Option::is_none")]
    people: Option<Records>,
    /// Addresses whose content is another, with the start of its fingerprint; none
    /// where there is nothing any more. Without them any page may be another.
    #[serde(skip_serializing_if = "Option::is_none")]
    paths: Option<&'a BTreeMap<String, Option<&'a str>>>,
}

#[derive(Default, Serialize)]
struct Records {
    added: Vec<Record>,
    changed: Vec<Record>,
    removed: Vec<Record>,
}

/// The step from one generation to the next, whose pages are `plan`'s. Without
/// `changes` what changed in the catalogue is not known, and paths are told alone.
pub fn event(
    plan: &Plan<'_>,
    from: &Generation,
    to: &Generation,
    changes: Option<&[Change]>,
) -> Event {
    let paths = changed_paths(plan, from, to);
    let told = changes.filter(|changes| changes.len() <= MOST_RECORDS);
    let told = told.map(|changes| (of_kind(plan, changes, Kind::Film), changes));
    let told = told.map(|(films, changes)| (films, of_kind(plan, changes, Kind::Person)));
    let (films, people) = told.unzip();
    let theme = plan.theme_id();
    let mut document =
        Document { from: &from.id, to: &to.id, theme, films, people, paths: Some(&paths) };
    let mut bytes = framed(&document);
    if bytes.len() > LARGEST {
        (document.films, document.people) = (None, None);
        bytes = framed(&document);
    }
    if bytes.len() > LARGEST {
        document.paths = None;
        bytes = framed(&document);
    }
    Event { from: from.id.clone(), to: to.id.clone(), bytes }
}

/// An event in the form of a stream: JSON has no line break that could end it.
fn framed(document: &Document<'_>) -> Bytes {
    // Text, lists and maps with text for keys always have a JSON form.
    let json = serde_json::to_string(document).unwrap_or_default();
    format!("id: {}\nevent: generation\ndata: {json}\n\n", document.to).into()
}

fn of_kind(plan: &Plan<'_>, changes: &[Change], kind: Kind) -> Records {
    let mut records = Records::default();
    for change in changes.iter().filter(|change| change.kind == kind) {
        let record = plan.record_of(kind, &change.id, &change.title);
        match change.what {
            What::Added => records.added.push(record),
            What::Changed(_) => records.changed.push(record),
            What::Removed => records.removed.push(record),
        }
    }
    records
}

fn changed_paths<'a>(
    plan: &Plan<'_>,
    from: &Generation,
    to: &'a Generation,
) -> BTreeMap<String, Option<&'a str>> {
    let (before, after): (BTreeMap<_, _>, BTreeMap<_, _>) =
        (from.pages().collect(), to.pages().collect());
    let is_other =
        |path: &String, hash| before.get(path).is_none_or(|before| before.entry.hash != hash);
    let other = after.iter().filter(|(path, file)| is_other(path, file.entry.hash));
    let other = other.map(|(path, file)| (plan.link(path), file.entry.fingerprint.get(..DIGITS)));
    let gone = before.keys().filter(|path| !after.contains_key(*path));
    other.chain(gone.map(|path| (plan.link(path), None))).collect()
}

#[cfg(test)]
mod tests;
