//! Several processes on one site, one after the other or at once.

use crate::fixture::{Answer, Site, Upstream, contents, identities, wait_until};

#[test]
fn a_second_process_names_the_holder_of_the_state_and_does_not_ask_the_upstream() {
    let upstream = Upstream::start();
    let server = Site::of(&upstream).serve().ready();
    let pid = server.id().to_string();
    let second = Site::clone(&server.site);
    for command in [&["build", "once"][..], &["serve"], &["build", "loop"]] {
        let log = second.run(command).with_code(1);
        assert!(log.contains(&pid), "{command:?} names {pid}: {log}");
    }
    assert_eq!(upstream.asked(), (1, 1));
    assert_eq!(server.get("/").status, 200);
}

#[test]
fn two_states_cannot_share_an_out() {
    let upstream = Upstream::start();
    let server = Site::of(&upstream).serve().ready();
    let pid = server.id().to_string();
    let log = server.site.with(&["--state", "other"]).run(&["build"]).with_code(1);
    assert!(log.contains(&pid) && log.contains("--out"), "{log}");
}

#[test]
fn a_server_that_was_killed_between_refreshes_starts_with_the_same_generation() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    let server = site.serve().ready();
    let (before, first) = (identities(&site.out()), server.get("/"));
    server.kill();
    drop(upstream);
    let server = site.serve().ready();
    let again = server.get("/");
    for name in ["x-generation", "x-data-as-of", "etag", "last-modified"] {
        assert_eq!(first.expect(name), again.expect(name), "{name}");
    }
    assert_eq!(first.body, again.body);
    assert_eq!(identities(&site.out()), before);
}

#[test]
fn a_published_site_without_its_state_is_served_until_there_is_newer_data() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    let as_of = site.json("freshness.json")["as_of"].clone();
    std::fs::remove_dir_all(site.path(".movies-gen")).expect("removed");
    upstream.set_both(&Answer::new(500, "oops"));
    let server = site.serve().ready();
    assert_eq!(server.get("/").expect("x-data-as-of"), as_of);
    assert_eq!(server.get("/movies/salt-road/").status, 200);
}

#[test]
fn the_state_of_another_upstream_is_refused_and_named() {
    let (one, other) = (Upstream::start(), Upstream::start());
    let site = Site::new();
    site.with(&["--upstream", &one.url()]).build_once().well();
    let before = contents(&site.out());
    let log = site.with(&["--upstream", &other.url()]).build_once().with_code(2);
    assert!(log.contains(&one.url()) && log.contains(&other.url()), "{log}");
    assert_eq!(other.asked(), (0, 0));
    assert_eq!(contents(&site.out()), before);
}

#[test]
fn a_damaged_payload_is_named_set_aside_and_fetched_again() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    let before = contents(&site.out());
    site.write(".movies-gen/saved", "half a docu");
    let log = site.build_once().well();
    assert!(log.contains(".movies-gen/saved") && log.contains("damaged"), "{log}");
    assert!(site.path(".movies-gen/saved.damaged").exists());
    let second = &upstream.asked_for("/films")[1];
    assert_eq!(second.headers.get("if-none-match"), None, "there is no payload to confirm");
    assert_eq!(contents(&site.out()), before);
}

#[test]
fn a_state_that_a_newer_program_wrote_stays_unchanged() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    let path = site.path(".movies-gen/saved");
    let saved = std::fs::read_to_string(&path).expect("a document");
    let newer = saved.replacen("movies-gen saved 2 ", "movies-gen saved 9 ", 1);
    site.write(".movies-gen/saved", &newer);
    let log = site.build_once().with_code(2);
    assert!(log.contains(".movies-gen/saved") && log.contains("version 9"), "{log}");
    assert_eq!(std::fs::read_to_string(&path).expect("a document"), newer);
}

#[test]
fn a_loop_keeps_the_files_fresh_without_a_server() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    let process = crate::fixture::Process::start(&mut site.command(&["build", "loop"]));
    upstream.wait_until_asked(1);
    let mut fewer = crate::fixture::films();
    fewer.as_array_mut().expect("a list").pop();
    upstream.set("/films", Answer::json(&fewer));
    let page = site.out().join("index.html");
    wait_until("the change on disk", || {
        std::fs::read_to_string(&page).is_ok_and(|page| !page.contains("Nobody Home"))
    });
    process.signal(rustix::process::Signal::TERM);
    let (status, log) = process.ended();
    assert_eq!(status.code(), Some(0), "{log}");
}
