//! Steps between generations, as open pages receive them.
//!
//! Owns the form of an event: the films and people that were added, changed and removed, the card
//! of each film that was added or changed, and the paths whose content changed. With an event, an
//! open page updates itself without fetching the whole list. An event is made once for all
//! streams. Its id is the id of the generation to which it leads, so the same content has the
//! same event id on every replica. This module must not know the streams.

mod ring;

use std::collections::BTreeMap;

use bytes::Bytes;
use itertools::Itertools;
use serde::Serialize;

use crate::changes::{Change, Kind, What};
use crate::pages::{EventRecord, Plan};
use crate::publish::{Generation, GenerationId};
pub use ring::{KEPT, Ring, Since};

/// Largest size of a complete event in bytes. A larger event lists paths only, and pages whose
/// paths changed fetch themselves, compressed.
pub const LARGEST: usize = 64 << 10;
/// Number of changed records above which an event certainly exceeds [`LARGEST`], so that the event
/// need not be made first.
const MOST_RECORDS: usize = 500;
/// Number of hexadecimal digits of a fingerprint in an event.
const DIGITS: usize = 16;

/// Most streams of one replica that are opened again in a second, after the replica ended all its
/// streams. A replica with two cores opens about 20,000 connections in a second
/// (`benches/RESULTS.md`), and answers page loads meanwhile.
const REOPENED_IN_A_SECOND: u64 = 2_500;
/// Range in milliseconds of the time after which a page opens its stream again, while few streams
/// are open.
const REOPENED_AFTER: (u64, u64) = (2_000, 6_000);

/// Returns the range in milliseconds of the time after which a page opens a lost stream again. The
/// time is random, so that not all pages come in one instant after a restart; the range grows with
/// the number of streams that the replica has.
pub fn reopened_within(streams: u64) -> (u64, u64) {
    let (from, to) = REOPENED_AFTER;
    (from, to.max(from + 1_000 * streams / REOPENED_IN_A_SECOND))
}

/// The step from one generation to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerationEvent {
    /// Id of the generation before.
    pub from: GenerationId,
    /// Id of the generation after, which is also the id of the event.
    pub to: GenerationId,
    /// The event in the form of a stream, equal for all streams.
    pub bytes: Bytes,
}

/// What open pages are told about a generation that goes live.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Identifies the templates, the assets and the facts that are on every page; empty if an
    /// earlier process made the generation.
    pub theme: String,
    /// The step from the generation that was live before, if there was one.
    pub event: Option<GenerationEvent>,
}

#[derive(Serialize)]
struct EventDocument<'a> {
    from: &'a GenerationId,
    to: &'a GenerationId,
    theme: &'a str,
    /// `None`: the changes are too many for an event, or are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    films: Option<EventRecords>,
    #[serde(skip_serializing_if = "Option::is_none")]
    people: Option<EventRecords>,
    /// Paths whose content changed, with the start of the new fingerprint; `None` for a removed
    /// path. Without `paths`, any page may have changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    paths: Option<&'a BTreeMap<String, Option<&'a str>>>,
}

#[derive(Default, Serialize)]
struct EventRecords {
    added: Vec<EventRecord>,
    changed: Vec<EventRecord>,
    removed: Vec<EventRecord>,
}

/// Makes the step from one generation to the next, whose plan is `plan`. Only the paths `touched` can
/// differ, or all paths (`None`). If the changes of the catalogue are not known (`None`), the event has
/// paths only.
pub fn event(
    plan: &Plan<'_>,
    from: &Generation,
    to: &Generation,
    touched: Option<&[String]>,
    changes: Option<&[Change]>,
) -> GenerationEvent {
    let paths = changed_paths(plan, from, to, touched);
    let told = changes.filter(|changes| changes.len() <= MOST_RECORDS);
    let told = told.map(|changes| (of_kind(plan, changes, Kind::Film), changes));
    let told = told.map(|(films, changes)| (films, of_kind(plan, changes, Kind::Person)));
    let (films, people) = told.unzip();
    let theme = plan.theme_id();
    let mut document =
        EventDocument { from: &from.id, to: &to.id, theme, films, people, paths: Some(&paths) };
    let mut bytes = framed(&document);
    if bytes.len() > LARGEST {
        (document.films, document.people) = (None, None);
        bytes = framed(&document);
    }
    if bytes.len() > LARGEST {
        document.paths = None;
        bytes = framed(&document);
    }
    GenerationEvent { from: from.id.clone(), to: to.id.clone(), bytes }
}

/// Formats an event for a stream. JSON has no line break that could end the event.
fn framed(document: &EventDocument<'_>) -> Bytes {
    // Text, lists and maps with text keys always have a JSON form.
    let json = serde_json::to_string(document).unwrap_or_default();
    format!("id: {}\nevent: generation\ndata: {json}\n\n", document.to).into()
}

fn of_kind(plan: &Plan<'_>, changes: &[Change], kind: Kind) -> EventRecords {
    let mut records = EventRecords::default();
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

/// Compares the pages at these paths, or at all paths. A comparison of all paths takes longer the
/// larger the site is.
fn changed_paths<'a>(
    plan: &Plan<'_>,
    from: &Generation,
    to: &'a Generation,
    touched: Option<&[String]>,
) -> BTreeMap<String, Option<&'a str>> {
    let of_one = |path: &String| {
        let (before, after) = (from.page(path), to.page(path));
        if before.map(|file| file.entry.hash) == after.map(|file| file.entry.hash) {
            return None;
        }
        let fingerprint = after.and_then(|file| file.entry.fingerprint.get(..DIGITS));
        Some((plan.link(path), fingerprint))
    };
    match touched {
        Some(paths) => paths.iter().filter_map(of_one).collect(),
        None => from.files.keys().merge(to.files.keys()).dedup().filter_map(of_one).collect(),
    }
}

#[cfg(test)]
mod tests;
