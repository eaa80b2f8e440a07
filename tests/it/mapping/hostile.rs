//! Any mapping meets any record: nothing panics, nothing grows without bound, and a mapping that is
//! accepted reads every answer.
//!
//! `make fuzz` runs many more cases than `make test`.

use movies_gen::catalogue::{Bounds, Joined};
use movies_gen::clock::{BootId, BootTime, Stamp, WallTime};
use movies_gen::mapping::{Base, DraftSource, Format, Mapping, MappingFile, draft};
use movies_gen::payload::{Body, Fence, Payload};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Number of cases without `PROPTEST_CASES`.
const CASES: u32 = 256;

/// Names that mappings and records share, so that expressions find something.
const NAMES: [&str; 8] = ["id", "title", "a", "b", "People", "Name", "Type", "ü \"x\""];

fn name() -> impl Strategy<Value = String> {
    prop_oneof![8 => proptest::sample::select(&NAMES[..]).prop_map(str::to_owned), 1 => "\\PC{0,6}"]
}

/// A JSON value with names that expressions look for.
fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}|https?://h/[a-z]{0,3}|[0-9]{4}-0[1-9]-0[1-9]T00:00|javascript:x"
            .prop_map(Value::from),
    ];
    scalar.prop_recursive(5, 60, 8, |inside| {
        prop_oneof![
            proptest::collection::vec(inside.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(name(), inside, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A text that may be an expression.
fn expression() -> impl Strategy<Value = String> {
    let step = proptest::sample::select(
        &[
            "id",
            "title",
            "a",
            "b",
            "People",
            "Name",
            ".a",
            ".Name",
            "[0]",
            "[-1]",
            "[]",
            "[*]",
            "[::2]",
            ".*",
            " || ",
            " && ",
            " | ",
            "!",
            "@",
            "&a",
            "[?a]",
            "[?Type=='x']",
            "[?b > `3`]",
            "`7`",
            "'lit'",
            "\"ü \\\"x\\\"\"",
            "length(",
            "to_string(",
            "map(&a, ",
            "join('-', ",
            "sort_by(",
            "not_null(a, ",
            "keys(",
            "values(",
            "merge(",
            "max_by(",
            ")",
            ", ",
            "[a, b]",
            "{x: a, y: b}",
            "(",
            "[",
            "{",
            "}",
            "]",
        ][..],
    );
    prop_oneof![
        6 => proptest::collection::vec(step, 1..7).prop_map(|steps| steps.concat()),
        1 => "\\PC{0,30}",
    ]
}

/// The keys of a table of films: a key, and a value around an expression.
fn line() -> impl Strategy<Value = String> {
    const KEYS: [&str; 19] = [
        "title",
        "release_date",
        "running_time",
        "score",
        "description",
        "director",
        "producer",
        "image",
        "movie_banner",
        "people",
        "original_language",
        "credits.at",
        "credits.name",
        "credits.id",
        "credits.role",
        "credits.image",
        "records",
        "keep",
        "x",
    ];
    (proptest::sample::select(&KEYS[..]), expression(), 0..7_u8).prop_map(|(key, text, form)| {
        let text = toml_string(&text);
        match form {
            0 => format!("{key} = {{ at = {text}, unit = \"ticks\" }}"),
            1 => format!("{key} = {{ at = {text}, of = 10 }}"),
            2 => format!("{key} = {{ at = {text}, html = true }}"),
            3 => format!("{key} = {{ at = {text}, split = \", \" }}"),
            4 => format!("{key} = {{ text = {} }}", toml_string(&format!("{{api}}/{{{text}}}"))),
            5 => format!("{key} = [{text}]"),
            _ => format!("{key} = {text}"),
        }
    })
}

fn toml_string(text: &str) -> String {
    json!(text).to_string().replace('\u{7f}', "")
}

fn payload(films: &Value) -> Payload {
    let body = |bytes: String| Body::whole(bytes);
    let origin = Stamp { boot_id: BootId("b".into()), boot: BootTime(0), wall: WallTime(0) };
    Payload { fence: Fence(1), origin, films: body(films.to_string()), people: body("[]".into()) }
}

fn read(text: &str) -> Option<Mapping> {
    let file = MappingFile { name: "m.toml", text };
    match Mapping::read(Some(Base::File(file)), None) {
        Ok(mapping) => Some(mapping.with_api("http://h")),
        Err(fault) => {
            // The message has a place, and its size is bounded.
            let fault = fault.to_string();
            assert!(fault.starts_with("m.toml:") && fault.len() < 6_000, "{fault}");
            None
        }
    }
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn any_mapping_reads_any_records(
        lines in proptest::collection::btree_map(any::<u8>(), line(), 0..5),
        records in proptest::collection::vec(value(), 0..5),
    ) {
        let mut text = String::from("[films]\nget = \"/f\"\nid = \"id || a || title\"\n");
        let mut keys = std::collections::BTreeSet::new();
        for line in lines.values() {
            if keys.insert(line.split(" =").next().unwrap_or_default().to_owned()) {
                text.push_str(line);
                text.push('\n');
            }
        }
        if !keys.contains("title") {
            text.push_str("title = \"title || Name || id\"\n");
        }
        let Some(mapping) = read(&text) else { return Ok(()) };
        let films = json!(records);
        let bounds = Bounds::of(1 << 20);
        let first = Joined::default().next(&payload(&films), &mapping, bounds);
        // The same records again, and in another order, give the same catalogue.
        if let Ok(first) = first {
            let mut other = records.clone();
            other.rotate_left(usize::from(!records.is_empty()));
            let next = first.next(&payload(&json!(other)), &mapping, bounds);
            let cold = Joined::default().next(&payload(&json!(other)), &mapping, bounds);
            match (next, cold) {
                (Ok(next), Ok(cold)) => prop_assert_eq!(next.catalogue, cold.catalogue),
                (next, cold) => prop_assert_eq!(next.is_err(), cold.is_err()),
            }
        }
    }

    #[test]
    fn any_text_is_a_mapping_or_a_fault_with_a_place(text in "\\PC{0,200}|(\\[films\\]\n)?(\\PC{0,20}\n){0,8}") {
        let _ = read(&text);
    }

    #[test]
    fn any_answer_has_a_draft_that_is_a_mapping_or_no_list(
        answer in value(),
        format in proptest::sample::select(&[Format::Json, Format::JsonLines, Format::Csv][..]),
    ) {
        let source = DraftSource { upstream: "https://h".into(), get: "/f".into(), format };
        if let Ok(text) = draft((&source, &answer.to_string()), None) {
            let file = MappingFile { name: "draft.toml", text: &text };
            if let Err(fault) = Mapping::read(Some(Base::File(file)), None) {
                let fault = fault.to_string();
                // An answer without usual names leaves the required keys to the owner.
                prop_assert!(fault.contains("has no `id`") || fault.contains("has no `title`"), "{}\n{}", fault, text);
            }
        }
    }
}
