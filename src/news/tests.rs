//! Tests of the parts of an event, and of the parts that a large event leaves out.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::catalogue::{Catalogue, join};
use crate::changes::between;
use crate::clock::{BootId, BootTime, Stamp, WallTime};
use crate::ledger::Ledger;
use crate::mapping::Mapping;
use crate::pages::{Records, Site};
use crate::payload::{Body, Fence, Payload};
use crate::publish::PublishedFile;
use crate::theme::Theme;

fn catalogue(films: usize) -> Catalogue {
    let films: Vec<_> =
        (0..films).map(|n| json!({"id": format!("f{n}"), "title": format!("Film {n}")})).collect();
    let body = |value: Value| Body::whole(value.to_string());
    let payload = Payload {
        fence: Fence(1),
        origin: Stamp { boot_id: BootId("b".into()), boot: BootTime(0), wall: WallTime(0) },
        films: body(json!(films)),
        people: body(json!([])),
    };
    join(&payload, &Mapping::default_mapping()).expect("a catalogue").0
}

fn generation(plan: &Plan<'_>) -> Generation {
    let pages = plan.paths().map(|path| {
        let page = plan.prepare(path);
        let bytes = page.render().expect("a page");
        (
            path.to_owned(),
            Arc::new(PublishedFile::new(path, page.fingerprint().to_string(), bytes, 1)),
        )
    });
    Generation::new(1, pages.collect::<BTreeMap<_, _>>())
}

fn hash(file: &Arc<PublishedFile>) -> blake3::Hash {
    file.entry.hash
}

/// Makes the event from a catalogue of `from` films to a catalogue of `to` films. Returns the event
/// and its data.
fn step(from: usize, to: usize, known: bool) -> (GenerationEvent, Value) {
    let theme = Theme::load(None).expect("the theme");
    let site = Site::named("Films");
    let catalogues = [from, to].map(catalogue);
    let changes = between(&catalogues[0], &catalogues[1]);
    let ledger = Ledger::baseline(&catalogues[0], WallTime(1));
    let ledgers = [ledger.clone(), ledger.advanced(&changes, &catalogues[1], WallTime(2))];
    let records = [0, 1].map(|at| Records::of(&catalogues[at], &ledgers[at]));
    let plans = records.each_ref().map(|records| Plan::new(&site, records, &theme));
    let [from, to] = plans.each_ref().map(generation);
    let changes = known.then_some(&changes[..]);
    let made = |touched: Option<&[String]>| event(&plans[1], &from, &to, touched, changes);
    let event = made(None);
    // The same event is made from the paths that differ, among other paths.
    let differs = |path: &&String| from.page(path).map(hash) != to.page(path).map(hash);
    let all = from.files.keys().chain(to.files.keys());
    let touched: Vec<_> = all.filter(differs).chain(from.files.keys().next()).cloned().collect();
    assert_eq!(made(Some(&touched)), event);
    let text = std::str::from_utf8(&event.bytes).expect("text");
    let data = text.lines().find_map(|line| line.strip_prefix("data: ")).expect("data");
    let data = serde_json::from_str(data).expect("JSON");
    (event, data)
}

#[test]
fn an_event_has_three_lines_and_the_id_of_the_next_generation() {
    let (event, data) = step(2, 3, true);
    let text = std::str::from_utf8(&event.bytes).expect("text");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], format!("id: {}", event.to));
    assert_eq!(lines[1], "event: generation");
    assert_eq!((lines.len(), lines[3]), (4, ""));
    assert_eq!((&data["from"], &data["to"]), (&json!(event.from.0), &json!(event.to.0)));
    assert_eq!(data["films"]["added"][0]["id"], "f2");
}

#[test]
fn a_large_event_has_only_paths_and_a_very_large_event_has_no_paths() {
    let (event, data) = step(2, 150, true);
    assert!(event.bytes.len() <= LARGEST);
    assert!(data.get("films").is_none() && data["paths"]["/movies/film-50/"].is_string());
    let (event, data) = step(2, 900, true);
    assert!(event.bytes.len() <= LARGEST);
    assert!(data.get("films").is_none() && data.get("paths").is_none());
}

#[test]
fn an_event_names_a_retired_asset_as_removed_once() {
    let theme = Theme::load(None).expect("the theme");
    let site = Site::named("Films");
    let catalogue = catalogue(2);
    let ledger = Ledger::baseline(&catalogue, WallTime(1));
    let records = Records::of(&catalogue, &ledger);
    let plan = Plan::new(&site, &records, &theme);
    let with = |asset: Option<Option<u64>>| {
        let mut files = generation(&plan).files;
        if let Some(retired) = asset {
            let mut file = PublishedFile::new("assets/a.css", String::new(), "a".into(), 1);
            file.entry.retired = retired;
            files.insert("assets/a.css".to_owned(), Arc::new(file));
        }
        Generation::new(1, files)
    };
    let (used, retired, expired) = (with(Some(None)), with(Some(Some(1))), with(None));
    assert_eq!((&retired.id, retired.id == used.id), (&expired.id, false));
    let gone = changed_paths(&plan, &used, &retired, None);
    assert_eq!(gone, BTreeMap::from([("/assets/a.css".to_owned(), None)]));
    assert!(changed_paths(&plan, &retired, &expired, None).is_empty());
    assert_eq!(changed_paths(&plan, &retired, &used, None).len(), 1, "the asset is live again");
}

#[test]
fn an_event_without_known_changes_has_only_paths() {
    let (_, data) = step(2, 3, false);
    assert!(data.get("films").is_none() && data.get("people").is_none());
    assert!(data["paths"]["/movies/film-2/"].is_string());
}

#[test]
fn pages_open_lost_streams_again_in_a_time_that_grows_with_their_number() {
    assert_eq!(reopened_within(0), (2_000, 6_000));
    assert_eq!(reopened_within(10_000), (2_000, 6_000));
    assert_eq!(reopened_within(30_000), (2_000, 14_000));
}
