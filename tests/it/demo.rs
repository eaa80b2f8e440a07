//! `--demo`: an upstream inside the program whose data changes all the time.

use std::fs;

use crate::fixture::{Running, Site, contents, pairs, wait_until};

fn served() -> Running {
    Site::new().with(&["--demo", "--interval", "1s"]).serve().ready()
}

#[test]
fn the_demo_serves_a_catalogue_and_pages_name_it_demo_data() {
    let server = served();
    let page = server.get("/");
    let shown = pairs(page.text());
    assert!(shown.len() >= 20, "{} films", shown.len());
    for path in ["/", "/people/"] {
        assert!(server.get(path).text().contains("Demo data"), "{path}");
    }
    let people = serde_json::from_slice::<serde_json::Value>(&server.get("/people.json").body);
    assert!(people.expect("JSON").as_array().expect("a list").len() >= 40);
}

#[test]
fn the_demo_changes_within_a_few_intervals() {
    let server = served();
    let first = server.get("/movies.json");
    wait_until("another generation", || {
        server.get("/").expect("x-generation") != first.expect("x-generation")
    });
    wait_until("other films", || server.get("/movies.json").body != first.body);
}

#[test]
fn the_demo_uses_its_own_directories() {
    let site = Site::new().with(&["--demo"]);
    site.build_once().well();
    assert!(site.path("public-demo/index.html").exists());
    assert!(site.path(".movies-gen-demo").is_dir());
    assert!(!site.path("public").exists() && !site.path(".movies-gen").exists());
}

#[test]
fn the_demo_and_real_data_do_not_mix() {
    let upstream = crate::fixture::Upstream::start();
    let site = Site::new();
    site.with(&["--upstream", &upstream.url()]).build_once().well();
    let before = contents(&site.out());
    let mixed = site.with(&["--demo", "--state", ".movies-gen", "--out", "public"]);
    let log = mixed.build_once().with_code(2);
    assert!(log.contains("the demo") && log.contains(&upstream.url()), "{log}");
    assert_eq!(contents(&site.out()), before);
    let both = site.with(&["--demo", "--upstream", &upstream.url()]);
    assert!(both.build_once().with_code(2).contains("--upstream"));
}

#[test]
fn made_up_data_is_the_same_for_the_same_seed_and_overwrites_nothing() {
    let site = Site::new();
    let write = |out: &str, seed: &str| {
        let numbers = ["--films", "40", "--people", "90", "--seed", seed];
        site.run(&[&["demo-data", "--out", out], &numbers[..]].concat())
    };
    let first = write("one", "7");
    assert!(first.out.contains("40 films and 90 people"), "{}", first.out);
    first.well();
    write("same", "7").with_code(0);
    write("other", "8").with_code(0);
    let data = |name: &str| contents(&site.path(name));
    assert_eq!(data("one"), data("same"));
    assert_ne!(data("one"), data("other"));
    let before = data("one");
    assert!(write("one", "8").with_code(2).contains("films.json exists"));
    assert_eq!(data("one"), before);
    let nowhere = site.variable("MOVIES_GEN_OUT", "public").run(&["demo-data"]);
    assert!(nowhere.with_code(2).contains("--out DIR"));
    assert!(!site.out().exists());
}

#[test]
fn a_directory_of_files_is_a_demo_and_an_edit_is_served_after_the_next_refresh() {
    let site = Site::new();
    site.run(&["demo-data", "--films", "260", "--people", "300", "--out", "archive"]).with_code(0);
    let server = site.with(&["--demo-from", "archive", "--interval", "1s"]).serve().ready();
    let films = || {
        let list = serde_json::from_slice::<serde_json::Value>(&server.get("/movies.json").body);
        list.expect("JSON").as_array().expect("a list").clone()
    };
    assert_eq!(films().len(), 260, "the usual --limit must not cut the list");
    assert!(server.get("/").text().contains("Demo data"));
    assert!(!server.log().contains("--limit"), "{}", server.log());
    let path = site.path("archive/films.json");
    let text = fs::read_to_string(&path).expect("the films");
    let title = films()[0]["title"].as_str().expect("a title").to_owned();
    let written = format!("\"title\":{}", serde_json::Value::from(title));
    let edited = text.replacen(&written, "\"title\":\"An edited title\"", 1);
    assert_ne!(edited, text);
    fs::write(&path, edited).expect("written");
    wait_until("the edited title", || {
        films().iter().any(|film| film["title"] == "An edited title")
    });
}

#[test]
fn a_directory_without_the_files_is_refused_with_the_way_out() {
    let site = Site::new();
    fs::create_dir(site.path("archive")).expect("made");
    let log = site.with(&["--demo-from", "archive"]).build_once().with_code(2);
    assert!(log.contains("films.json") && log.contains("movies-gen demo-data"), "{log}");
}

#[test]
fn long_work_shows_a_bar_on_a_terminal_and_a_line_for_each_stage() {
    let site = Site::new();
    site.run(&["demo-data", "--films", "700", "--people", "900", "--out", "archive"]).with_code(0);
    let made = site.with(&["--demo-from", "archive", "-v"]);
    let log = made.build_once().well();
    for stage in ["read 700 films and 900 people in ", "planned ", "rendered ", "wrote "] {
        assert_eq!(log.matches(&format!(" {stage}")).count(), 1, "{stage}: {log}");
    }
    assert!(log.contains("slowest templates, in CPU time: "), "{log}");
    assert!(log.contains("the data is new, from "), "{log}");
    assert!(
        !log.contains("left\r") && !log.contains("pages/s, "),
        "no bar without a terminal: {log}"
    );

    let program = env!("CARGO_BIN_EXE_movies-gen");
    let command =
        format!("{program} build once --demo-from archive --out other --state other-state");
    let ended = std::process::Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .current_dir(site.path(""))
        .output()
        .expect("script");
    let shown = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.success(), "{shown}");
    for stage in ["render ", "write "] {
        let is_bar = |part: &str| part.contains(stage) && part.contains("s left");
        assert!(shown.split('\r').any(is_bar), "no bar {stage:?}: {shown}");
    }
}
