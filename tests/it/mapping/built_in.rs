//! Each built-in mapping reads an example of the answers of its API, and nothing else of these
//! answers reaches anybody.

use std::path::Path;

use movies_gen::mapping::built_in_names;
use serde_json::{Value, json};

use super::{by_title, upstream_of};
use crate::fixture::{Answer, Site, Upstream, contents, get, pairs, wait_until};

/// Text in every value of the examples that must not be seen.
const CANARY: &str = "CANARY";
/// The variables in which the built-in mappings look for a secret.
const SECRETS: [&str; 4] =
    ["JELLYFIN_API_KEY", "RADARR_API_KEY", "DIRECTUS_TOKEN", "POCKETBASE_TOKEN"];

/// Reads an example; empty if the API has no such list.
fn example(name: &str, list: &str) -> String {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mapping/examples");
    std::fs::read_to_string(examples.join(name).join(list)).unwrap_or_default()
}

/// Makes a site of the example of a mapping.
fn site_of(name: &str) -> (Site, Upstream) {
    let (films, people) = (example(name, "films.json"), example(name, "people.json"));
    let upstream = upstream_of(name, &films, &people);
    let site = Site::eager(&upstream).with(&["--mapping", name]);
    let site = SECRETS.iter().fold(site, |site, name| site.variable(name, "s3cret-token"));
    (site, upstream)
}

/// Panics if a published file, the state for people or the log has a marked text.
fn hides_marked_texts(site: &Site, log: &str) {
    for (path, bytes) in contents(&site.out()) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(CANARY), "{path}: {text}");
        assert!(!text.contains("s3cret"), "{path}");
    }
    assert!(!log.contains(CANARY) && !log.contains("s3cret"), "{log}");
}

#[test]
fn every_built_in_mapping_reads_its_example_and_hides_the_rest() {
    for name in built_in_names() {
        let (site, upstream) = site_of(name);
        let log = site.build_once().well();
        let films = site.json("movies.json");
        assert!(films.as_array().expect("films").len() >= 4, "{name}: {films}");
        assert!(!log.contains("is in no record") && !log.contains("only a part"), "{name}: {log}");
        hides_marked_texts(&site, &log);
        for request in upstream.requests() {
            assert!(!request.path.contains("s3cret"), "{name}: {}", request.path);
        }
    }
}

#[test]
fn jellyfin_films_have_people_with_roles_pictures_and_a_length() {
    let (site, upstream) = site_of("jellyfin");
    site.build_once().well();
    let films = site.json("movies.json");
    let lamp =
        films.as_array().expect("films").iter().find(|film| film["title"] == "The Lamp Keeper");
    let lamp = lamp.expect("the film");
    assert_eq!((&lamp["running_time"], &lamp["rt_score"]), (&json!(86), &json!(79)));
    assert_eq!(lamp["release_date"], "1988-04-16");
    let picture = lamp["image"].as_str().expect("a picture");
    assert!(picture.starts_with(&format!("{}/Items/", upstream.url())), "{picture}");
    let names: Vec<_> =
        lamp["people"].as_array().expect("people").iter().map(|person| &person["name"]).collect();
    assert_eq!(names[..2], ["Ida Frost", "Tomas Reyes"], "in the order of the credits");
}

#[test]
fn radarr_hides_films_whose_file_is_not_there() {
    let (site, _upstream) = site_of("radarr");
    site.build_once().well();
    let listed: Value = serde_json::from_str(&example("radarr", "films.json")).expect("JSON");
    let listed = listed.as_array().expect("films");
    let there = listed.iter().filter(|film| film["hasFile"] == true).count();
    assert!(there < listed.len());
    assert_eq!(by_title(&site, "id").len(), there);
}

/// Adds marked fields to every object of a value, at all depths.
fn mark(value: &mut Value, count: &mut usize) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(|value| mark(value, count));
            for name in ["zz_path", "Url2", "note"] {
                *count += 1;
                let text = format!("{CANARY}-{count}");
                fields.insert(name.to_owned(), json!({"deep": [{"text": text}], "text": text}));
                fields.insert(format!("{name}-{text}"), json!(text));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mark(item, count)),
        _ => {}
    }
}

#[test]
fn fields_that_no_rule_names_are_nowhere() {
    let mut count = 0;
    for name in built_in_names() {
        let (site, upstream) = site_of(name);
        let mapping = movies_gen::mapping::Mapping::read(
            Some(movies_gen::mapping::Base::BuiltIn(name)),
            None,
        )
        .expect("a mapping");
        let lists =
            [("films.json", Some(&mapping.films)), ("people.json", mapping.people.as_ref())];
        let mut step = |edit: &mut dyn FnMut(&mut Value)| {
            for (file, list) in lists {
                let Some(list) = list else { continue };
                let mut answer: Value = serde_json::from_str(&example(name, file)).expect("JSON");
                mark(&mut answer, &mut count);
                edit(&mut answer);
                upstream.set(super::path_of(list.get.as_str()), Answer::json(&answer));
            }
        };
        step(&mut |_| ());
        let server = site.with(&["--admin-listen", "127.0.0.1:0"]).serve().ready();
        let feed = server.get("/feed.json").text().to_owned();
        // A record whose marked fields alone change is no change.
        step(&mut |_| ());
        let asked = upstream.requests().len();
        wait_until("two more refreshes", || upstream.requests().len() >= asked + 4);
        for path in ["/", "/feed.xml", "/feed.json", "/status/", "/freshness.json", "/changes/"] {
            let text = server.get(path);
            assert!(!text.text().contains(CANARY), "{name} {path}");
        }
        assert_eq!(server.get("/feed.json").text(), feed, "{name}: no change is reported");
        let metrics = get(server.admin(), "/metrics");
        assert!(!metrics.text().contains(CANARY), "{name}");
        let (code, log) = server.terminate();
        assert_eq!(code, Some(0), "{log}");
        hides_marked_texts(&site, &log);
    }
    assert!(count > 100, "{count} marked fields");
}

#[cfg(have_shared_data)]
#[test]
fn swapi_gives_its_films_people_and_pairs() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/swapi");
    let read = |name: &str| std::fs::read_to_string(shared.join(name)).expect("data");
    let upstream = upstream_of("swapi", &read("films.json"), &read("people.json"));
    let site = Site::of(&upstream).with(&["--mapping", "swapi"]);
    let log = site.build_once().well();
    let films = site.json("movies.json");
    let films = films.as_array().expect("films");
    let people = site.json("people.json").as_array().expect("people").len();
    let in_data: usize =
        films.iter().map(|film| film["people"].as_array().map_or(0, Vec::len)).sum();
    let in_html: usize = pairs(&site.page("index.html")).values().map(Vec::len).sum();
    assert_eq!((films.len(), people, in_data, in_html), (6, 82, 162, 162), "{log}");
}
