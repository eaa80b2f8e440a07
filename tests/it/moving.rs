//! The procedures of docs/operations.md: back up, restore, move to another host, remove.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::fixture::{Answer, Ended, Redis, Site, Upstream, contents, films};

/// The command of the document that makes a backup.
const BACK_UP: &str = "tar --create --file backup.tar --exclude standby --exclude lock .movies-gen";

/// Builds twice, so that there is a history of changes.
fn build_with_history(site: &Site, upstream: &Upstream) {
    for score in ["2", "3"] {
        let mut changed = films();
        changed[0]["rt_score"] = json!(score);
        upstream.set("/films", Answer::json(&changed));
        site.build_once().well();
    }
}

/// Files of the site, without the files that change with each refresh.
fn lasting(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = contents(out);
    files.retain(|path, _| !path.starts_with("status/") && !path.starts_with("freshness.json"));
    files
}

#[test]
fn a_backup_restores_the_site_and_its_history_on_another_host_without_a_request() {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md");
    assert!(fs::read_to_string(document).expect("the document").contains(BACK_UP));
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    build_with_history(&site, &upstream);
    let mut tar = Command::new("sh");
    Ended::of(tar.args(["-c", BACK_UP]).current_dir(&site)).well();

    let (asked, other) = (upstream.asked(), Site::of(&upstream));
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--file"]).arg(site.path("backup.tar")).current_dir(&other);
    Ended::of(&mut tar).well();
    let log = other.build_once().well();
    assert!(log.contains("shows the stored data"), "{log}");
    assert_eq!(upstream.asked(), asked, "the restored process asked the API");
    assert!(lasting(&other.out()) == lasting(&site.out()), "another site than before");
    assert!(other.page("changes/index.html").contains("movies/the-lamp-keeper/"));
}

#[test]
#[ignore = "needs redis-server"]
fn nothing_is_left_after_the_files_and_keys_of_the_document_are_removed() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let site = Site::of(&upstream).with(&["--redis", &redis.url()]);
    site.build_once().well();
    fs::remove_dir_all(site.path(".movies-gen")).expect("removed");
    fs::remove_dir_all(site.out()).expect("removed");
    fs::remove_file(site.path(".public.movies-gen.lock")).expect("removed");
    assert_eq!(fs::read_dir(&site).expect("a directory").count(), 0);
    let keys = redis.keys();
    assert!(keys.len() > 3, "{keys:?}");
    assert!(keys.iter().all(|key| key.starts_with("{movies-gen:")), "{keys:?}");
}
