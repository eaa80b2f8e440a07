//! Sites that are larger than `--cache-bytes`: their content comes from the disk.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

use super::PATHS;
use crate::fixture::{Answer, Response, Site, Upstream, films, links, wait_until};

/// Asserts that the body belongs to the entity tag of the response, whose tag is a hash of the
/// plain content.
fn assert_is_whole(path: &str, response: &Response) {
    let etag = response.expect("etag").trim_matches('"');
    let hash = etag.split('-').next().expect("a hash");
    let content = if response.header("content-encoding").is_some() {
        response.decoded()
    } else {
        response.body.clone()
    };
    assert_eq!(&blake3::hash(&content).to_hex()[..32], hash, "{path}");
}

/// Returns films whose first film has another score.
fn changed(score: u32) -> Value {
    let mut films = films();
    films[0]["rt_score"] = json!(score);
    films
}

#[test]
fn a_site_on_the_disk_has_the_same_responses_as_a_site_in_memory() {
    let upstream = Upstream::start();
    let in_memory = Site::of(&upstream).serve().ready();
    for cache in ["0", "20kB"] {
        let site = Site::of(&upstream).with(&["--cache-bytes", cache]);
        // The second process finds the published site.
        for _ in 0..2 {
            let server = site.serve().ready();
            let from_links = links(server.get("/").text()).into_iter();
            let paths = from_links
                .filter(|link| link.starts_with('/') && !link.contains('#') && link != "/status/");
            let steady = PATHS.into_iter().filter(|path| *path != "/freshness.json");
            let paths = paths.chain(steady.chain(["/nowhere"]).map(str::to_owned));
            for path in paths.chain(["/movies/salt-road".to_owned()]) {
                for coding in ["identity", "gzip", "br"] {
                    for method in ["GET", "HEAD"] {
                        let fields = [("Accept-Encoding", coding)];
                        let (expected, found) = (
                            in_memory.ask(method, &path, &fields),
                            server.ask(method, &path, &fields),
                        );
                        assert_eq!(expected.status, found.status, "{method} {path}");
                        assert!(expected.body == found.body, "{method} {path} as {coding}");
                        for name in ["etag", "content-encoding", "content-length", "vary"] {
                            assert_eq!(expected.header(name), found.header(name), "{path} {name}");
                        }
                    }
                }
            }
            let part = server.get_with("/movies.json", "Range", "bytes=10-19");
            assert_eq!((part.status, part.expect("content-length")), (206, "10"));
            assert_eq!(part.body, in_memory.get("/movies.json").body[10..20]);
            let known = server.get("/people/").expect("etag").to_owned();
            assert_eq!(server.get_with("/people/", "If-None-Match", &known).status, 304);
            assert_eq!(server.terminate().0, Some(0));
        }
    }
}

/// Reads pages while the site changes many times. Every body must belong to its entity tag.
fn every_body_is_whole_while_the_site_changes(arguments: &[&str]) {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream).with(&["--cache-bytes", "0"]).with(arguments);
    let server = site.serve().ready();
    let (ends, read) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for coding in ["identity", "br"] {
            let (server, ends, read) = (&server, &ends, &read);
            scope.spawn(move || {
                while !ends.load(Ordering::Relaxed) {
                    for path in ["/", "/movies/salt-road/", "/movies.json", "/people/"] {
                        let response = server.get_with(path, "Accept-Encoding", coding);
                        assert_eq!(response.status, 200, "{path}");
                        assert_is_whole(path, &response);
                        read.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        for score in 1..=12 {
            upstream.set("/films", Answer::json(&changed(score)));
            let shown = format!("\"rt_score\":{score},");
            wait_until("the new score is live", || {
                server.get("/movies.json").text().contains(&shown)
            });
        }
        ends.store(true, Ordering::Relaxed);
    });
    assert!(read.into_inner() > 50, "the readers read while the site changed");
}

#[test]
fn every_body_from_the_disk_is_whole_while_trees_are_exchanged() {
    every_body_is_whole_while_the_site_changes(&[]);
}

#[test]
fn every_body_from_the_disk_is_whole_while_files_are_replaced_one_by_one() {
    every_body_is_whole_while_the_site_changes(&["--in-place"]);
}

#[test]
fn a_page_that_somebody_removed_from_out_is_made_again() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream).with(&["--cache-bytes", "0"]);
    let server = site.serve().ready();
    let page = "movies/salt-road/index.html";
    let before = server.get("/movies/salt-road/");
    for suffix in ["", ".gz", ".br"] {
        std::fs::remove_file(site.out().join(format!("{page}{suffix}"))).expect("removed");
    }
    wait_until("the page is there again", || server.get("/movies/salt-road/").status == 200);
    assert_eq!(server.get("/movies/salt-road/").body, before.body);
    assert_eq!(site.page(page).into_bytes(), before.body);
}

#[test]
fn a_first_build_without_room_in_memory_writes_the_same_files() {
    let upstream = Upstream::start();
    let [in_memory, on_disk] = ["256MiB", "0"].map(|cache| {
        let site = Site::of(&upstream).with(&["--cache-bytes", cache]);
        site.build_once().well();
        let mut files = crate::fixture::contents(&site.out());
        files.retain(|path, _| {
            !path.starts_with(".movies-gen") && !crate::fixture::tells_of_changes(path)
        });
        files
    });
    assert!(in_memory.len() > 20);
    assert!(in_memory == on_disk);
}

#[test]
fn a_page_that_somebody_edited_while_the_program_was_stopped_is_made_again() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream).with(&["--cache-bytes", "0"]);
    site.build_once().well();
    let page = "movies/salt-road/index.html";
    let before = site.page(page);
    std::fs::remove_file(site.out().join(page)).expect("removed");
    site.write(&format!("public/{page}"), "edited");
    site.write("public/movies/owner.html", "kept");
    let server = site.serve();
    wait_until("the page is there again", || {
        let answer = server.get("/movies/salt-road/");
        assert!(!answer.text().contains("edited"), "{answer:?}");
        answer.status == 200 && answer.text() == before
    });
    server.wait_for_line("1 of the published files");
    wait_until("the file is there again", || site.page(page) == before);
    assert_eq!(site.page("movies/owner.html"), "kept");
}
