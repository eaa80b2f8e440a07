//! Values that a parser cannot decode, and ids with characters that have a meaning in an address.
//! Only the bad value is left out.

use serde_json::json;

use crate::fixture::{Answer, Ended, Site, Upstream, pairs};

/// Builds a site from these bodies. Returns the site and the log.
fn built(films: &str, people: &str) -> (Site, String) {
    let upstream = Upstream::start();
    upstream.set("/films", Answer::new(200, films));
    upstream.set("/people", Answer::new(200, people));
    let site = Site::of(&upstream);
    site.write("movies-gen.toml", "films.keep = [\"notes\", \"budget\", \"more\", \"views\"]");
    let ended: Ended = site.build_once();
    (site, ended.well())
}

#[test]
fn a_field_that_cannot_be_decoded_is_named_and_counted_and_the_record_stays() {
    let (site, log) = built(
        r#"[{"id": "a", "title": "Alpha", "notes": "half \ud83d a pair", "people": ["p"]},
            {"id": "b", "title": "Beta", "budget": 1e999, "description": "\udc00",
             "more": {"good": 1, "bad": ["\ud800", "kept"]}, "na\ud800me": 1},
            {"id": "c", "title": "Ga\ud800mma"}]"#,
        r#"[{"id": "p", "name": "Per", "age": -1e999, "films": ["x\ud800", 1e999, {}, "b"]}]"#,
    );
    let films = site.json("movies.json");
    let titles: Vec<_> =
        films.as_array().expect("films").iter().map(|film| &film["title"]).collect();
    assert_eq!(titles, ["Alpha", "Beta", "Ga\u{fffd}mma"]);
    assert_eq!(films[1]["more"], json!({"good": 1, "bad": ["kept"]}));
    let pairs = pairs(&site.page("index.html"));
    assert_eq!((&pairs["a"], &pairs["b"]), (&vec!["p".into()], &vec!["p".into()]));
    for said in [
        "field `notes` of /films/a is ignored: it has half of a surrogate pair",
        "field `budget` of /films/b is ignored: 1e999 does not fit in a floating-point number",
        "field `description` of /films/b is ignored",
        "field `more` of /films/b is ignored",
        "in all, 0 records of /films are left out and 4 fields are ignored",
        "field `age` of /people/p is ignored",
        "1 references in /people contain no id",
    ] {
        assert!(log.contains(said), "{said}:\n{log}");
    }
}

#[test]
fn integers_keep_all_their_digits_in_ids_references_and_fields() {
    let long = "123456789012345678901234567890123456789";
    let other = "123456789012345678901234567890123456780";
    let (site, _) = built(
        &format!(
            r#"[{{"id": {long}, "title": "One", "views": {long}}}, {{"id": {other}, "title": "Two"}}]"#
        ),
        &format!(r#"[{{"id": 1, "name": "P", "films": [{long}, "x/films/{other}/"]}}]"#),
    );
    let films = site.json("movies.json");
    assert_eq!((&films[0]["id"], &films[1]["id"]), (&json!(long), &json!(other)));
    assert_eq!(films[0]["views"], long);
    assert_eq!(pairs(&site.page("index.html")).values().filter(|of| !of.is_empty()).count(), 2);
}

#[test]
fn ids_with_characters_that_have_a_meaning_in_an_address_keep_their_pairs() {
    let ids = ["100%", "a%2Fb", "what?", "c#", "d/e", "f/", "g%", "https://h.example/films/9/"];
    let films = ids.map(|id| json!({"id": id, "title": format!("Film {id}")}));
    let encoded = |id: &str| id.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let people = [
        json!({"id": "plain", "name": "A", "films": ids}),
        json!({"id": "address", "name": "B", "films": ids.map(|id| format!("https://x/v1/films/{id}"))}),
        json!({"id": "encoded", "name": "C",
               "films": ids.map(|id| format!("https://x/v1/films/{}/?full=1#top", encoded(id)))}),
    ];
    let (site, log) = built(&json!(films).to_string(), &json!(people).to_string());
    let pairs = pairs(&site.page("index.html"));
    for id in ids {
        // An address counts as an id by its last segment.
        let id = if id.starts_with("https:") { "9" } else { id };
        assert_eq!(pairs[id], ["plain", "address", "encoded"], "{id}");
    }
    assert!(!log.contains("does not exist") && !log.contains("contain no id"), "{log}");
}
