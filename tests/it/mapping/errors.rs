//! The errors of a mapping, line by line.

use serde_json::{Value, json};

use super::{by_title, mapped};
use crate::fixture::{Answer, Site, Upstream, wait_until};

const MAPPING: &str = "\
[films]
get = \"/films\"
records = \"results\"
id = \"id\"
title = \"title\"
release_date = \"year\"
score = \"rating\"
";

fn films(count: usize) -> Value {
    (0..count)
        .map(|at| json!({"id": at, "title": format!("T{at}"), "year": 1999, "rating": 50}))
        .collect()
}

fn upstream(answer: &Value) -> Upstream {
    let upstream = Upstream::start();
    upstream.set("/films", Answer::json(answer));
    upstream
}

/// Whether the status page counts one imperfection of this kind.
fn counts_one(site: &Site, kind: &str) -> bool {
    site.page("status/index.html").contains(&format!("<b>1</b> <code>{kind}</code>"))
}

#[test]
fn a_wrong_file_is_shown_with_its_place_and_nothing_is_asked() {
    let upstream = upstream(&json!([]));
    let site = mapped(&upstream, &MAPPING.replace("title = ", "titel = "));
    let log = site.build_once().with_code(2);
    for part in [
        "films.toml:5:1: unknown key `titel`",
        "did you mean `title`?",
        "titel = \"title\"",
        "^^^^^",
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
    assert!(upstream.requests().is_empty());
    let log = Site::of(&upstream).with(&["--mapping", "jelyfin"]).build_once();
    assert!(log.with_code(2).contains("did you mean jellyfin?"));
}

#[test]
fn an_answer_without_the_list_is_a_failure_that_names_the_list_that_is_there() {
    let upstream = upstream(&json!({"count": 3, "next": null, "results": films(3)}));
    let site = mapped(&upstream, MAPPING).with(&["--interval", "1s", "--max-age", "1s"]);
    let server = site.serve().ready();
    let other = format!(r#"{{"count": 3, "next": null, "items": {}}}"#, films(20));
    upstream.set("/films", Answer::new(200, other));
    let line = server.wait_for_line("the refresh failed");
    let wanted = "`results` is not in the answer of /films; there are count, next, items (20 objects). \
                  Did you mean `items`?";
    assert!(line.contains(wanted), "{line}");
    assert!(server.get("/movies.json").text().contains("T2"), "the last good site stays");
    wait_until("the outcome is told", || server.freshness()["upstream"]["failure"] == "malformed");
}

#[test]
fn a_required_field_that_no_record_has_is_a_failure() {
    let upstream =
        upstream(&json!({"results": [{"Id": 1, "title": "A"}, {"Id": 2, "title": "B"}]}));
    let log = mapped(&upstream, MAPPING).build_once().with_code(1);
    assert!(
        log.contains("`id` (`id`) is in none of the 2 records of /films; did you mean `Id`?"),
        "{log}"
    );
}

#[test]
fn a_required_field_that_some_records_lack_leaves_these_records_out() {
    let mut list = films(4);
    list[1].as_object_mut().expect("a film").remove("title");
    let upstream = upstream(&json!({"results": list}));
    let site = mapped(&upstream, MAPPING);
    let log = site.build_once().well();
    assert!(log.contains("record 2 of /films (\"1\") is left out: it has no `title`"), "{log}");
    assert_eq!(by_title(&site, "id").len(), 3);
    assert!(counts_one(&site, "left-out"));
}

#[test]
fn an_optional_field_that_no_record_has_is_one_warning() {
    let upstream = upstream(&json!({"results": films(3)}));
    let site = mapped(&upstream, &MAPPING.replace("\"rating\"", "\"ratng\""));
    let log = site.build_once().well();
    let said = "`score` (`ratng`) is in no record of /films; did you mean `rating`?";
    assert_eq!(log.matches(said).count(), 1, "{log}");
    assert!(counts_one(&site, "field-not-found"));
}

#[test]
fn an_optional_field_that_some_records_have_is_not_in_the_log() {
    let mut list = films(3);
    list[0].as_object_mut().expect("a film").remove("rating");
    list[1]["rating"] = json!(null);
    let upstream = upstream(&json!({"results": list}));
    let log = mapped(&upstream, MAPPING).build_once().well();
    assert!(!log.contains("rating"), "{log}");
}

#[test]
fn a_value_of_another_type_is_ignored_named_and_counted() {
    let mut list = films(3);
    list[0]["rating"] = json!([7]);
    let upstream = upstream(&json!({"results": list}));
    let site = mapped(&upstream, MAPPING);
    let log = site.build_once().well();
    assert!(log.contains("field `rating` of /films/0 is ignored: it is a list"), "{log}");
    assert!(counts_one(&site, "field-ignored"));
}

#[test]
fn an_answer_that_has_further_pages_is_a_warning() {
    let upstream =
        upstream(&json!({"count": 82, "next": "https://h/films?page=2", "results": films(3)}));
    let log = mapped(&upstream, MAPPING).build_once().well();
    assert!(log.contains("the answer of /films is probably only a part of the list"), "{log}");
}

#[test]
fn a_misspelt_part_of_a_path_is_named_with_the_part_that_is_meant() {
    let upstream = upstream(&json!({"results": [{"id": 1, "title": "A", "art": {"tall": "x"}}]}));
    let log = mapped(&upstream, &MAPPING.replace("\"rating\"", "\"art.tal\"")).build_once().well();
    assert!(log.contains("did you mean `art.tall`?"), "{log}");
}

#[test]
fn a_field_of_a_credit_a_further_field_or_a_part_of_a_text_that_nothing_has_is_a_warning() {
    let cast = json!([{"Name": "Ada", "Role": "Keeper"}]);
    let film = json!({"id": 1, "title": "A", "cast": cast, "genres": ["x"], "pic": "p.jpg"});
    let upstream = upstream(&json!({"results": [film]}));
    let (list, _) = MAPPING.split_once("release_date").expect("a field");
    let credits = "credits.at = \"cast\"\ncredits.name = \"Name\"\n";
    for (lines, said) in [
        (
            "credits.role = \"Rol\"\n",
            "`credits.role` (`Rol`) is in no record of /films; did you mean `Role`?",
        ),
        (
            "keep = [\"genre\"]\n",
            "`keep` (`genre`) is in no record of /films; did you mean `genres`?",
        ),
        (
            "image = { text = \"https://h/{id}/{pik}\" }\n",
            "`image` (`https://h/{id}/{pik}`) is in no record of /films; did you mean `pic`?",
        ),
    ] {
        let site = mapped(&upstream, &format!("{list}{credits}{lines}"));
        let log = site.build_once().well();
        assert!(log.contains(said), "{log}");
        assert!(counts_one(&site, "field-not-found"));
    }
    let log = mapped(&upstream, &format!("{list}{}", credits.replace("cast", "caste")));
    let log = log.build_once().well();
    let said = "`credits` (`caste`) is in no record of /films; did you mean `cast`?";
    assert!(log.contains(said) && !log.contains("credits.name"), "{log}");
    let filter = credits.replace("cast", "cast[?Nam=='Ada']");
    let log = mapped(&upstream, &format!("{list}{filter}")).build_once().well();
    assert!(log.contains("`credits` (`cast[?Nam=='Ada']`) is in no record of /films"), "{log}");
    let well = format!("{list}{credits}credits.role = \"Role\"\nkeep = [\"genres\"]\n");
    let log = mapped(&upstream, &well).build_once().well();
    assert!(!log.contains("is in no record"), "{log}");
}

#[test]
fn a_condition_that_no_record_meets_is_a_failure() {
    let upstream = upstream(&json!({"results": films(3)}));
    let mapping = MAPPING.replace("\"results\"", "\"results[?hasFile]\"");
    let log = mapped(&upstream, &mapping).build_once().with_code(1);
    assert!(log.contains("none of the 3 records of /films meets the condition `hasFile`"), "{log}");
}
