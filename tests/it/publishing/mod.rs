//! Promise 4 on disk: one whole site, and unchanged files stay the same files.

mod again;
mod owner;
mod processes;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::fixture::{
    Answer, Site, Upstream, contents, decoded, films, identities, people, wait_until,
};

/// Returns the films with a change of one field of one film.
fn with_change(film: usize, field: &str, value: &str) -> Value {
    let mut films = films();
    films[film][field] = json!(value);
    films
}

/// Returns the pages (without compressed forms) whose bytes differ from `before`.
fn changed_since(
    site: &Site,
    before: &std::collections::BTreeMap<String, Vec<u8>>,
) -> BTreeSet<String> {
    let after = contents(&site.out());
    let paths: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changed = paths.into_iter().filter(|path| before.get(*path) != after.get(*path));
    changed.filter(|path| !path.ends_with(".gz") && !path.ends_with(".br")).cloned().collect()
}

#[test]
fn an_unchanged_refresh_changes_no_page() {
    let upstream = Upstream::start();
    let server = Site::eager(&upstream).serve().ready();
    let as_of = |server: &crate::fixture::Running| server.freshness()["as_of"].clone();
    let (first, before) = (as_of(&server), identities(&server.site.out()));
    let etag = server.get("/").expect("etag").to_owned();
    assert!(before.len() > 20, "{before:?}");
    upstream.wait_until_asked(2);
    wait_until("a confirmed site", || as_of(&server) != first);
    assert_eq!(identities(&server.site.out()), before);
    assert_eq!(server.get("/").expect("etag"), etag);
}

#[test]
fn the_same_data_in_other_bytes_changes_no_page() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    let before = identities(&site.out());
    // The bytes and the entity tag differ, but the data is the same.
    upstream.set("/films", Answer::new(200, films().to_string()));
    let log = site.build_once().well();
    assert!(log.contains("the data is new"), "{log}");
    assert_eq!(identities(&site.out()), before);
}

#[test]
fn a_changed_film_changes_only_the_pages_that_show_it() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    let (before, known) = (contents(&site.out()), identities(&site.out()));

    upstream.set("/films", Answer::json(&with_change(1, "rt_score", "94")));
    site.build_once().well();
    let changed = changed_since(&site, &before);
    let lists = ["index.html", "movies/index.html", "movies.json", "sitemap.xml"];
    let news = ["changes/index.html", "feed.json", "feed.xml"];
    let own = ["movies/salt-road", "directors/ida-brandt", "producers/tom-vale", "years/1991"]
        .map(|page| format!("{page}/index.html"));
    let expected: BTreeSet<_> =
        lists.into_iter().chain(news).map(str::to_owned).chain(own).collect();
    assert_eq!(changed, expected);

    for (path, identity) in identities(&site.out()) {
        let page = path.trim_end_matches(".gz").trim_end_matches(".br");
        let same = known.get(&path) == Some(&identity);
        assert_eq!(same, !expected.contains(page), "{path} is the same file: {same}");
    }
}

#[test]
fn a_changed_person_changes_only_the_pages_that_show_them() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    let before = contents(&site.out());
    let mut people = people();
    people[1]["hair_color"] = json!("White");
    upstream.set("/people", Answer::json(&people));
    site.build_once().well();
    let expected = [
        "changes/index.html",
        "movies/the-lamp-keeper/index.html",
        "people.json",
        "people/gull/index.html",
        "people/index.html",
        "sitemap.xml",
    ];
    assert_eq!(changed_since(&site, &before), expected.map(str::to_owned).into());
}

#[test]
fn a_changed_file_has_a_time_that_is_later_by_a_whole_second() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--interval", "400ms"]);
    site.build_once().well();
    let mut before = identities(&site.out())["movies.json"].mtime.0;
    for score in ["1", "2", "3"] {
        upstream.set("/films", Answer::json(&with_change(0, "rt_score", score)));
        site.build_once().well();
        let after = identities(&site.out())["movies.json"].mtime.0;
        assert!(after > before, "{after} is not later than {before}");
        before = after;
    }
}

#[test]
fn the_page_of_a_removed_film_is_removed() {
    let upstream = Upstream::start();
    let server = Site::eager(&upstream).serve().ready();
    assert_eq!(server.get("/movies/nobody-home/").status, 200);
    let mut fewer = films();
    fewer.as_array_mut().expect("a list").pop();
    upstream.set("/films", Answer::json(&fewer));
    wait_until("a page less", || server.get("/movies/nobody-home/").status == 404);
    let left = contents(&server.site.out());
    assert!(left.keys().all(|path| !path.contains("nobody-home")), "{:?}", left.keys());
}

#[test]
fn a_renamed_film_keeps_its_address() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    upstream.set("/films", Answer::json(&with_change(1, "title", "The Salt Road")));
    site.build_once().well();
    let page = site.page("movies/salt-road/index.html");
    assert!(page.contains("The Salt Road"), "{page}");
}

#[test]
fn compressed_files_decode_to_their_page() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    let files = contents(&site.out());
    for (suffix, coding) in [(".gz", "gzip"), (".br", "br")] {
        let mut compressed = 0;
        for (path, bytes) in &files {
            let Some(page) = path.strip_suffix(suffix) else { continue };
            assert_eq!(decoded(bytes, coding), files[page], "{path}");
            assert!(bytes.len() < files[page].len(), "{path}");
            compressed += 1;
        }
        assert!(compressed > 10, "{compressed} files with {suffix}");
    }
    for (path, bytes) in files.iter().filter(|(path, _)| path.ends_with(".html")) {
        let both = [".gz", ".br"].map(|suffix| files.contains_key(&format!("{path}{suffix}")));
        assert_eq!(both, [bytes.len() > 512; 2], "{path} of {} bytes", bytes.len());
    }
}

#[test]
fn published_files_are_readable_for_all_users_with_any_umask() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    let output = site.command_under_umask("077", &["build", "once"]).output().expect("a shell");
    assert!(output.status.success(), "{output:?}");
    let mut left = vec![site.out()];
    let mut seen = 0;
    while let Some(path) = left.pop() {
        let found = path.metadata().expect("a file");
        let mode = found.permissions().mode() & 0o777;
        assert_eq!(mode, if found.is_dir() { 0o755 } else { 0o644 }, "{}", path.display());
        seen += 1;
        if found.is_dir() {
            let entries = std::fs::read_dir(&path).expect("a directory");
            left.extend(entries.map(|entry| entry.expect("an entry").path()));
        }
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn an_edited_or_lost_page_is_published_again_at_the_next_start() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    let before = contents(&site.out());
    std::fs::remove_file(site.out().join("movies.json.gz")).expect("removed");
    site.write("public/people/gull/index.html", "edited");
    site.build_once().well();
    assert_eq!(contents(&site.out()), before);
    assert_eq!(upstream.asked(), (1, 1));
}

#[test]
fn an_out_that_is_a_link_stays_a_link() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    std::fs::create_dir(site.path("real")).expect("a directory");
    std::os::unix::fs::symlink("real", site.out()).expect("a link");
    site.build_once().well();
    assert!(site.out().is_symlink());
    assert!(site.path("real/index.html").exists());
}
