//! Real answers of the API from two years.

use std::path::Path;

use crate::fixture::{Answer, Redis, Site, Upstream, contents, pairs};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data");

/// Starts an upstream that answers with the files of one directory.
fn upstream(directory: &str) -> Upstream {
    let upstream = Upstream::start();
    for endpoint in ["films", "people"] {
        let path = Path::new(DATA).join(directory).join(endpoint).with_extension("json");
        let body = std::fs::read(&path).expect("a file of the shared data");
        upstream.set(&format!("/{endpoint}"), Answer::new(200, body));
    }
    upstream
}

/// Returns the number of films and of pairs, which must be equal in the list and in `movies.json`.
fn counted(site: &Site) -> (usize, usize) {
    let shown = pairs(&site.page("index.html"));
    let of_list: usize = shown.values().map(Vec::len).sum();
    let films = site.json("movies.json");
    let films = films.as_array().expect("a list");
    let of_json: usize =
        films.iter().map(|film| film["people"].as_array().expect("a list").len()).sum();
    assert_eq!((shown.len(), of_list), (films.len(), of_json));
    (films.len(), of_json)
}

#[test]
fn the_real_catalogue_gives_22_films_and_59_pairs() {
    let upstream = upstream("ghibli");
    let site = Site::of(&upstream);
    site.build_once().well();
    assert_eq!(counted(&site), (22, 59));
    assert_eq!(site.json("people.json").as_array().map(Vec::len), Some(57));
}

#[test]
#[ignore = "needs redis-server"]
fn the_real_catalogue_gives_the_same_site_through_redis() {
    let upstream = upstream("ghibli");
    let redis = Redis::start();
    let site = Site::of(&upstream).with(&["--redis", &redis.url()]);
    let log = site.build_once().well();
    assert_eq!(counted(&site), (22, 59));
    assert!(!log.contains("Redis cannot be used"), "{log}");

    // A machine that has only the address of this Redis shows the same site.
    let other = Site::of(&upstream).with(&["--redis", &redis.url()]);
    other.build_once().well();
    assert_eq!(contents(&other.out()), contents(&site.out()));
    assert_eq!(upstream.asked(), (1, 1));
}

#[test]
fn the_catalogue_of_2017_with_other_types_works() {
    let upstream = upstream("ghibli-2017-03");
    let site = Site::of(&upstream);
    site.build_once().well();
    let (films, _) = counted(&site);
    assert_eq!(films, 20);
    let films = site.json("movies.json");
    let dated = films.as_array().expect("a list").iter().all(|film| film["year"].is_u64());
    assert!(
        dated && films.as_array().expect("a list").iter().all(|film| film["rt_score"].is_u64())
    );
}

#[test]
fn the_real_catalogue_gives_the_same_bytes_again() {
    let upstream = upstream("ghibli");
    let (one, other) = (Site::of(&upstream), Site::of(&upstream));
    one.build_once().well();
    other.build_once().well();
    assert_eq!(contents(&one.out()), contents(&other.out()));
}
