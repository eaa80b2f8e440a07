//! The bucket of `--publish-to`: what is uploaded, in which order, and what a failure leaves.

use std::collections::BTreeSet;
use std::path::Path;

use rustix::process::Signal;

use super::object_store::ObjectStore;
use super::then::pages;
use super::{edit, hasty, upstream, without};
use crate::fixture::{Answer, Site, links, wait_until};

/// Asserts that the bucket has each file of the site with its content.
fn assert_same(store: &ObjectStore, site: &Site, prefix: &str) {
    for (path, bytes) in pages(&site.out()) {
        let object = store.object(&format!("{prefix}{path}"));
        assert_eq!(object.status, 200, "{path}");
        assert!(object.decoded() == bytes, "{path} differs");
    }
}

/// Asserts that each page in the bucket finds its assets and pictures there.
fn assert_no_gaps(store: &ObjectStore, prefix: &str, after: usize) {
    let names: BTreeSet<String> = store.names(prefix).into_iter().collect();
    for name in names.iter().filter(|name| name.ends_with(".html")) {
        let page = store.object(name).decoded();
        let page = String::from_utf8(page).expect("text");
        let wanted = links(&page).into_iter().filter_map(|link| {
            let path = link.strip_prefix('/')?.split(['?', '#']).next()?.to_owned();
            let is_file = Path::new(&path).extension().is_some_and(|end| end != "html");
            (is_file && !path.ends_with(".json") && !path.ends_with(".xml")).then_some(path)
        });
        for path in wanted {
            let is_there = names.contains(&format!("{prefix}{path}"));
            assert!(is_there, "after {after} uploads, {name} lacks {path}");
        }
    }
}

#[test]
#[ignore = "needs moto_server"]
fn the_bucket_gets_all_files_in_order_with_their_fields() {
    let Some(store) = ObjectStore::start() else { return };
    let upstream = upstream();
    let site = store.of(&hasty(&upstream), "site");
    site.build_once().well();
    let uploads = store.uploads();
    assert_same(&store, &site, "site/");
    let stage = |name: &String| {
        let path = name.strip_prefix("site/").expect("the prefix");
        match path {
            "freshness.json" => 5,
            "status/index.html" => 4,
            "manifest.webmanifest" => 0,
            path if path.starts_with("assets/") || path.starts_with("static/") => 0,
            path if [".svg", ".png", ".ico"].iter().any(|end| path.ends_with(end)) => 1,
            path if path.matches('/').count() > 1 && path.ends_with("/index.html") => 2,
            _ => 3,
        }
    };
    assert!(uploads.is_sorted_by_key(stage), "{uploads:#?}");
    assert_eq!(uploads.last().map(String::as_str), Some("site/freshness.json"));
    assert_eq!(uploads.len(), uploads.iter().collect::<BTreeSet<_>>().len(), "no file twice");

    let page = store.object("site/movies/salt-road/index.html");
    assert_eq!(page.expect("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.expect("content-encoding"), "gzip");
    assert_eq!(page.expect("cache-control"), "no-cache");
    let asset = uploads.iter().find(|name| name.ends_with(".css")).expect("a style sheet");
    let asset = store.object(asset);
    assert_eq!(asset.expect("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(asset.expect("content-type"), "text/css; charset=utf-8");
    assert_eq!(store.object("site/manifest.webmanifest").status, 200);
}

#[test]
#[ignore = "needs moto_server"]
fn a_change_costs_its_files_and_at_most_three_requests() {
    let Some(store) = ObjectStore::start() else { return };
    let upstream = upstream();
    let site = store.of(&hasty(&upstream), "");
    site.build_once().well();
    let before = pages(&site.out());
    let _ = store.requests();
    site.build_once().well();
    let requests = store.requests();
    assert!(requests.len() <= 3, "an unchanged site costs {requests:?}");
    edit(&upstream, "Another text.");
    site.build_once().well();
    let after = pages(&site.out());
    let changed = after.iter().filter(|(path, bytes)| before.get(*path) != Some(bytes)).count();
    let requests = store.requests();
    assert!(requests.len() <= changed + 3, "{changed} files changed: {requests:?}");
    assert_same(&store, &site, "");
}

#[test]
#[ignore = "needs moto_server"]
fn a_failure_at_any_upload_leaves_no_page_without_its_assets() {
    let Some(store) = ObjectStore::start() else { return };
    let upstream = upstream();
    let site = hasty(&upstream);
    site.build_once().well();
    let count = pages(&site.out()).len();
    for after in 0..count {
        store.fail_after(Some(after));
        let prefix = format!("at-{after}");
        let site = store.of(&site, &prefix);
        let log = site.build_once().with_code(1);
        assert!(log.contains("cannot upload ") && !log.contains("secret"), "{log}");
        assert_no_gaps(&store, &format!("{prefix}/"), after);
        if after % 20 == 7 {
            store.fail_after(None);
            let _ = store.requests();
            site.build_once().well();
            let uploads = store.uploads();
            // Requests that were in flight at the failure may be repeated.
            assert!(uploads.len() <= count + 2 - after + 16, "{after}: {}", uploads.len());
            assert_same(&store, &site, &format!("{prefix}/"));
        }
    }
}

#[test]
#[ignore = "needs moto_server"]
fn a_killed_upload_is_completed_by_the_next_start() {
    let Some(store) = ObjectStore::start() else { return };
    let upstream = upstream();
    let site = store.of(&hasty(&upstream), "site");
    let process = site.start_build();
    wait_until("some uploads", || store.names("site/").len() > 20);
    process.signal(Signal::KILL);
    let _ = process.ended();
    assert_no_gaps(&store, "site/", 20);
    site.build_once().well();
    assert_same(&store, &site, "site/");
}

#[test]
#[ignore = "needs moto_server"]
fn a_removed_page_is_deleted_after_an_hour_and_not_before() {
    let Some(store) = ObjectStore::start() else { return };
    let upstream = upstream();
    let site = store.of(&hasty(&upstream), "");
    site.build_once().well();
    // A film that comes back within the hour keeps its page.
    for removed in ["Winter Inventory", "Salt Road"] {
        upstream.set("/films", Answer::json(&without(removed)));
        site.build_once().well();
    }
    let name = "movies/salt-road/index.html";
    assert_eq!(store.object(name).status, 200, "lists in caches may name the page");
    let _ = store.requests();
    // As if the hour were over.
    let path = site.path(".movies-gen/removals");
    let document = std::fs::read_to_string(&path).expect("a document");
    let (head, body) = document.split_once('\n').expect("a first line");
    let mut value: serde_json::Value = serde_json::from_str(body).expect("JSON");
    let files = value["files"].as_object_mut().expect("files");
    assert!(files.contains_key(name), "{files:?}");
    files.values_mut().for_each(|at| *at = (at.as_u64().expect("a time") - 3_600_000_000).into());
    let body = value.to_string();
    let (words, _) = head.rsplit_once(' ').expect("a checksum");
    let sum = blake3::hash(body.as_bytes()).to_hex();
    std::fs::write(&path, format!("{words} {sum}\n{body}")).expect("written");
    site.build_once().well();
    assert_eq!(store.object(name).status, 404);
    assert_same(&store, &site, "");
}

#[test]
#[ignore = "needs moto_server"]
fn serve_uploads_each_change_and_survives_a_store_that_is_away() {
    let Some(store) = ObjectStore::start() else { return };
    let upstream = upstream();
    let site = store.of(&Site::eager(&upstream), "");
    store.fail_after(Some(0));
    let server = site.serve().ready();
    server.wait_for_line("the same paths are delivered again until this works");
    assert_eq!(server.get("/").status, 200);
    store.fail_after(None);
    wait_until("the site in the bucket", || store.object("freshness.json").status == 200);
    server.wait_for_line("s3://films/ works again");
    // The first upload was of all files. This time the store is away for one change.
    store.fail_after(Some(0));
    edit(&upstream, "Newest text.");
    let troubles = || server.log().matches("are delivered again until this works").count();
    wait_until("the second trouble", || troubles() == 2);
    store.fail_after(None);
    let name = "movies/salt-road/index.html";
    wait_until("the new text in the bucket", || {
        String::from_utf8_lossy(&store.object(name).decoded()).contains("Newest text.")
    });
    // Open pages learn from this file that there is something new.
    let live =
        |text: &str| text.contains(server.freshness()["generation"].as_str().expect("an id"));
    wait_until("the new generation in freshness.json", || {
        live(&String::from_utf8_lossy(&store.object("freshness.json").decoded()))
    });
}

#[test]
#[ignore = "needs moto_server"]
fn credentials_may_be_in_a_file_and_are_never_shown() {
    let Some(store) = ObjectStore::start() else { return };
    let upstream = upstream();
    let site = store.of(&hasty(&upstream), "");
    let site = site.variable("AWS_ACCESS_KEY_ID", "").variable("AWS_SECRET_ACCESS_KEY", "");
    let site = site.with(&["--publish-credentials", "keys", "-vv"]);
    let log = site.build_once().with_code(1);
    assert!(log.contains("--publish-credentials keys: the file does not exist"), "{log}");
    site.write("keys", "[default]\naws_access_key_id = id\naws_secret_access_key = s3cret\n");
    let log = site.build_once().well();
    assert!(!log.contains("s3cret"), "{log}");
    assert_same(&store, &site, "");
}
