//! Documents in the state directory, in the published tree and in Redis with content that the
//! program never writes: the program writes nothing elsewhere, and the site stays.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::fixture::{Answer, Redis, Site, Upstream, files_below, films};

/// Replaces a text in all documents below a directory, with valid checksums. Returns the number of
/// documents that had the text.
fn rewrite(directory: &Path, text: &str, with: &str) -> usize {
    let mut count = 0;
    // Parts of bodies and of the ledger have names made from their content. Lists of parts and
    // documents contain these names.
    let is_body = |path: &PathBuf| path.parent().is_some_and(|above| above.ends_with("bodies"));
    for path in files_below(directory).into_iter().filter(is_body) {
        let Ok(body) = fs::read_to_string(&path) else { continue };
        if body.contains(text) {
            let body = body.replace(text, with);
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
            let renamed = blake3::hash(body.as_bytes()).to_hex()[..name.len()].to_owned();
            fs::write(path.with_file_name(&renamed), body).expect("written");
            count += rewrite(directory, &name, &renamed);
        }
    }
    for path in files_below(directory) {
        let Ok(document) = fs::read_to_string(&path) else { continue };
        let Some((head, body)) = document.split_once('\n') else { continue };
        if !head.starts_with("movies-gen ") || !body.contains(text) {
            continue;
        }
        let body = body.replace(text, with);
        let (words, _) = head.rsplit_once(' ').expect("a checksum");
        let checksum = blake3::hash(body.as_bytes()).to_hex();
        fs::write(&path, format!("{words} {checksum}\n{body}")).expect("written");
        count += 1;
    }
    count
}

/// Whether a file named `escaped` is anywhere in the directory of the site.
fn escaped(site: &Site) -> bool {
    let is_it = |path: &PathBuf| path.to_string_lossy().contains("escaped");
    files_below(site.as_ref()).iter().any(is_it)
}

fn scored(score: &str) -> Value {
    let mut films = films();
    films[0]["rt_score"] = json!(score);
    films
}

#[test]
fn a_slug_in_a_state_file_is_never_used_as_a_path() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    assert!(site.out().join("movies/salt-road/index.html").exists());
    for slug in ["../../../escaped", "/tmp/escaped", "escaped/x", "Escaped escaped", ""] {
        let (from, to) = ("\"slug\":\"salt-road\"", format!("\"slug\":{}", json!(slug)));
        assert!(rewrite(site.as_ref(), from, &to) > 0, "{slug}");
        upstream.set("/films", Answer::json(&scored("1")));
        let log = site.build_once().well();
        assert!(log.contains("the stored ledger has 1 damaged entries"), "{log}");
        assert!(!escaped(&site), "{slug}");
        assert!(site.out().join("movies/salt-road/index.html").exists(), "{slug}");
        upstream.recover();
        site.build_once().well();
    }
}

#[test]
fn a_slug_in_the_published_ledger_is_never_used_as_a_path() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    let (from, to) = ("\"slug\":\"salt-road\"", "\"slug\":\"../../../escaped\"");
    fs::remove_dir_all(site.path(".movies-gen")).expect("removed");
    assert_eq!(rewrite(&site.out(), from, to), 1);
    site.build_once().well();
    assert!(!escaped(&site));
    assert!(site.out().join("movies/salt-road/index.html").exists());
}

#[test]
#[ignore = "needs redis-server"]
fn a_slug_in_redis_is_never_used_as_a_path() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let site = || Site::eager(&upstream).with(&["--redis", &redis.url()]);
    site().build_once().well();
    let ledger = redis.body("ledger");
    let damaged = ledger.replace("\"slug\":\"salt-road\"", "\"slug\":\"../../../escaped\"");
    assert_ne!(damaged, ledger);
    redis.put_body("ledger", damaged.as_bytes());
    let other = site();
    other.build_once().well();
    assert!(!escaped(&other));
    assert!(other.out().join("movies/salt-road/index.html").exists());
}

#[test]
fn the_hash_of_a_body_is_never_used_as_a_path() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    let names = fs::read_dir(site.path(".movies-gen/bodies")).expect("bodies");
    for name in names.flatten().map(|entry| entry.file_name().into_string().expect("a name")) {
        rewrite(&site.path(".movies-gen"), &name, "../../escaped");
    }
    site.write("escaped", "kept");
    site.build_once().well();
    assert_eq!(fs::read_to_string(site.path("escaped")).expect("not ours"), "kept");
    assert!(site.out().join("movies/salt-road/index.html").exists());
}

#[test]
fn a_path_in_a_manifest_never_leads_outside_the_tree() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    site.write("escaped", "kept");
    let (from, to) = ("\"movies/salt-road/index.html\"", "\"../escaped\"");
    assert!(rewrite(&site.out(), from, to) > 0);
    upstream.set("/films", Answer::json(&scored("1")));
    for _ in 0..3 {
        let _ = site.build_once();
        assert_eq!(fs::read_to_string(site.path("escaped")).expect("not ours"), "kept");
    }
    assert!(site.out().join("movies/salt-road/index.html").exists());
}

#[test]
fn the_name_of_a_refusal_is_never_used_as_a_path() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    upstream.set("/films", Answer::json(&json!([])));
    let log = site.build_once().with_code(1);
    let sets = log.split("movies-gen accept ").nth(1).expect("how to accept it");
    let sets = sets.split_whitespace().next().expect("a name").to_owned();
    site.write("escaped", "kept");
    rewrite(&site.path(".movies-gen"), &sets, "../../escaped");
    let _ = site.run(&["accept"]);
    for _ in 0..3 {
        let _ = site.build_once();
    }
    upstream.recover();
    site.build_once().well();
    assert_eq!(fs::read_to_string(site.path("escaped")).expect("not ours"), "kept");
}
