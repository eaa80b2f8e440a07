//! `--demo`: an upstream inside the program whose data changes all the time.

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
