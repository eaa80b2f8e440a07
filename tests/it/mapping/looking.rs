//! `check` shows what a mapping finds, and `mapping draft` and `mapping show` help to write one.

use serde_json::{Value, json};

use super::{mapped, path_of};
use crate::fixture::{Answer, Site, Upstream};

const MAPPING: &str = "\
[films]
get = \"/films\"
records = \"items\"
id = \"id\"
title = \"name\"
running_time = { at = \"length.seconds\", unit = \"s\" }
score = \"votes\"
credits.at = \"cast\"
credits.name = \"who\"
keep = [\"genre\"]
";

fn answer() -> Value {
    json!({"items": [
        {"id": 1, "name": "A", "length": {"seconds": 5160}, "cast": [{"who": "P"}], "genre": "x"},
        {"id": 2, "name": "B", "votes": [7], "path": "/srv/b.mkv", "owner": null},
    ]})
}

#[test]
fn check_shows_each_field_with_its_example_and_what_nothing_reads() {
    let upstream = Upstream::start();
    upstream.set("/films", Answer::new(200, answer().to_string()));
    let site = mapped(&upstream, MAPPING);
    site.build_once().well();
    let asked = upstream.requests().len();
    let table = site.run(&["check"]);
    assert_eq!(table.code, Some(0), "{}", table.log);
    let lines: Vec<Vec<&str>> =
        table.out.lines().map(|line| line.split_whitespace().collect()).collect();
    for row in [
        "What the mapping finds in films (2 records):",
        "field expression found example on the site",
        "title name 2 of 2 \"A\" A",
        "running_time length.seconds 1 of 2 5160 86 min",
        "score votes 1 of 2 [7] ignored",
        "credits cast 1 of 2 [{\"who\":\"P\"}] 1 people",
        "credits.name who 1 of 1 \"P\" P",
        "keep genre 1 of 2 \"x\" \"x\"",
        "Nothing reads: path",
    ] {
        let row: Vec<&str> = row.split_whitespace().collect();
        assert!(lines.contains(&row), "{row:?}\n{}", table.out);
    }
    let told: Value = serde_json::from_str(&site.run(&["check", "--json"]).out).expect("JSON");
    let length = told["lists"][0]["fields"].as_array().expect("fields");
    let length = length.iter().find(|field| field["field"] == "running_time");
    let wanted = json!({"field": "running_time", "expression": "length.seconds", "found": 1, "of": 2,
                        "example": "5160", "shown": "86 min"});
    assert_eq!(length, Some(&wanted));
    assert_eq!(told["lists"][0]["unread"], json!({"path": 1}));
    assert_eq!(upstream.requests().len(), asked, "check sends no request");
}

#[test]
fn a_draft_from_an_api_and_from_files_makes_a_site() {
    let upstream = Upstream::start();
    upstream.set("/v1/films", Answer::json(&answer()));
    upstream.set("/v1/people", Answer::json(&json!([{"id": 7, "name": "P", "films": [1]}])));
    let site = Site::new();
    let urls = ["films?all=1", "people"].map(|list| format!("{}/v1/{list}", upstream.url()));
    let drafted = site.run(&["mapping", "draft", &urls[0], "--people", &urls[1]]);
    assert_eq!(drafted.code, Some(0), "{}", drafted.log);
    assert!(upstream.requests().iter().all(|request| path_of(&request.path).starts_with("/v1/")));
    assert_eq!(upstream.requests().len(), 2);
    upstream.set("/v1/secret", Answer::new(401, ""));
    let ended = site.run(&["mapping", "draft", &format!("{}/v1/secret", upstream.url())]);
    let advice = "if the API needs a secret, save an answer";
    assert!(ended.code == Some(1) && ended.log.contains(advice), "{}", ended.log);
    site.write("films.toml", &drafted.out);
    let log = site.with(&["--mapping", "films.toml"]).build_once().well();
    let film = &site.json("movies.json")[0];
    assert_eq!((&film["title"], &film["people"][0]["name"]), (&json!("A"), &json!("P")), "{log}");

    let local = Site::new();
    local.write("list/films.csv", "nr,titel,jahr\n1,Eins,1999\n");
    let drafted = local.run(&["mapping", "draft", "list/films.csv"]);
    local.write("films.toml", &drafted.out);
    local.with(&["--mapping", "films.toml"]).build_once().well();
    assert_eq!(local.json("movies.json")[0]["title"], "Eins");
    for (place, part) in [("list/gone.csv", "neither a URL nor a file"), ("list", "must end in")] {
        let ended = local.run(&["mapping", "draft", place]);
        assert!(ended.code == Some(1) && ended.log.contains(part), "{}", ended.log);
    }
}

#[test]
fn a_built_in_mapping_is_printed_as_a_file_that_can_be_used() {
    let site = Site::new();
    let names = site.run(&["mapping", "list"]).out;
    assert_eq!(names.lines().next(), Some("ghibli"));
    for name in names.lines() {
        let shown = site.run(&["mapping", "show", name]).out;
        let file = movies_gen::mapping::MappingFile { name, text: &shown };
        let read =
            movies_gen::mapping::Mapping::read(Some(movies_gen::mapping::Base::File(file)), None);
        assert!(read.is_ok(), "{name}");
    }
    let unknown = site.run(&["mapping", "show", "gibli"]);
    assert!(
        unknown.code == Some(2) && unknown.log.contains("did you mean ghibli?"),
        "{}",
        unknown.log
    );
}

/// Returns the first two blocks of code of a section in the document of mappings.
fn blocks_of_section(heading: &str) -> [String; 2] {
    let document = include_str!("../../../docs/mappings.md");
    let (_, section) = document.split_once(heading).expect("the section");
    let mut blocks = section.split("\n```").map(|block| block.split_once('\n'));
    let mut next = || blocks.nth(1).flatten().expect("a block").1.to_owned();
    [next(), next()]
}

#[test]
fn the_example_of_nested_records_in_the_document_makes_a_site_without_a_warning() {
    let [answer, mapping] = blocks_of_section("### An answer with objects in the records");
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let upstream = Upstream::start();
    upstream.set("/productions", Answer::json(&answer));
    let site = mapped(&upstream, &mapping);
    let log = site.build_once().well();
    assert!(!log.contains("problems in the data"), "{log}");
    let film = &site.json("movies.json")[0];
    for (field, value) in [
        ("title", json!("Harbour Lights")),
        ("running_time", json!(90)),
        ("rt_score", json!(84)),
        ("director", json!("Ida Brandt")),
        ("image", json!("https://media.example/uploads/7.jpg")),
        ("genres", json!(["drama"])),
    ] {
        assert_eq!(film[field], value, "{film}");
    }
    assert_eq!(film["people"][0]["role"], "The keeper");
    let page = site.page("index.html");
    assert!(page.contains("<title>Productions</title>") && page.contains("actors"), "{page}");
    assert!(!site.page("movies.json").contains("not for the site"));
}

#[test]
fn check_shows_nothing_of_an_answer_of_another_upstream_or_to_another_request() {
    let (upstream, other) = (Upstream::start(), Upstream::start());
    upstream.set("/films", Answer::json(&answer()));
    let site = mapped(&upstream, MAPPING);
    site.build_once().well();
    let checked = |site: &Site| site.run(&["check"]).out;
    assert!(checked(&site).contains("What the mapping finds"), "{}", checked(&site));
    let state = site.path(".movies-gen");
    let strange = mapped(&other, MAPPING).with(&["--state", state.to_str().expect("a path")]);
    assert!(checked(&strange).contains("came from"), "{}", checked(&strange));
    site.write("films.toml", MAPPING.replace("/films", "/movies"));
    assert!(checked(&site).contains("belongs to other requests"), "{}", checked(&site));
}
