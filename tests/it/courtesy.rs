//! Promise 1: the program asks the upstream at most once in an interval, whatever happens to
//! the program.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::fixture::{Answer, Site, Upstream};

/// Time by which two requests may be closer than an interval of 1 s: the lease, and the delay
/// between claim and request on a busy machine.
const SLACK: Duration = Duration::from_millis(150);

/// Returns the shortest time between two requests for the films.
fn least_gap(upstream: &Upstream) -> Duration {
    let films = upstream.asked_for("/films");
    let gaps = films.windows(2).map(|pair| pair[1].at.duration_since(pair[0].at));
    gaps.min().expect("two requests")
}

#[test]
fn builds_and_restarts_within_one_interval_ask_once_in_any_order() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    // Each step follows each step once: `b` is a build, `t` is a server that gets SIGTERM, `k` is a
    // server that gets SIGKILL.
    for step in "bbtbkttkkb".chars() {
        match step {
            'b' => assert_eq!(site.build_once().code, Some(0)),
            't' => assert_eq!(site.serve().ready().terminate().0, Some(0)),
            _ => site.serve().ready().kill(),
        }
    }
    assert_eq!(upstream.asked(), (1, 1));
}

#[test]
fn each_refresh_asks_each_endpoint_once_and_nothing_else() {
    let upstream = Upstream::start();
    let server = Site::eager(&upstream).serve().ready();
    upstream.wait_until_asked(3);
    drop(server);
    let requests = upstream.requests();
    assert!(requests.iter().all(|request| request.query == "limit=250"), "{requests:?}");
    let (films, people) = upstream.asked();
    assert_eq!((films, people), (requests.len() / 2, requests.len() / 2), "{requests:?}");
}

#[test]
fn requests_for_known_data_are_conditional() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    let log = site.build_once().well();
    let films = upstream.asked_for("/films");
    assert_eq!(films[0].headers.get("if-none-match"), None);
    assert!(films[1].headers["if-none-match"].starts_with("W/\""), "{films:?}");
    // With `Cache-Control: no-cache`, the API would always answer 200.
    assert_eq!(films[1].headers.get("cache-control"), None);
    assert!(log.contains("the data is the same"), "{log}");
}

#[test]
fn a_build_within_the_interval_shows_the_stored_data_and_succeeds() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    std::fs::remove_dir_all(site.out()).expect("removed");
    let log = site.build_once().well();
    assert!(log.contains("stored data") && log.contains("may be asked in"), "{log}");
    assert!(site.page("index.html").contains("Salt Road"));
    assert_eq!(upstream.asked(), (1, 1));
}

#[test]
fn a_build_within_the_interval_without_stored_data_fails_with_the_reason() {
    let upstream = Upstream::start();
    upstream.set_both(&Answer::new(500, "{}"));
    let site = Site::of(&upstream);
    site.build_once().with_code(1);
    let log = site.build_once().with_code(1);
    assert!(log.contains("no data is stored yet") && log.contains("may be asked in"), "{log}");
    assert!(upstream.asked().0 <= 1 && upstream.asked().1 <= 1, "a failed attempt counts");
}

#[test]
fn a_build_waits_if_the_next_attempt_is_due_within_the_hold() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream).with(&["--hold", "2s"]);
    for _ in 0..3 {
        let log = site.build_once().well();
        assert!(log.contains("is up to date"), "{log}");
    }
    assert_eq!(upstream.asked(), (3, 3), "each build must ask");
    assert!(least_gap(&upstream) > Duration::from_secs(1) - SLACK, "{:?}", least_gap(&upstream));
}

#[test]
fn two_requests_of_a_server_are_at_least_an_interval_apart() {
    let upstream = Upstream::start();
    let server = Site::eager(&upstream).serve().ready();
    upstream.wait_until_asked(4);
    drop(server);
    assert!(least_gap(&upstream) > Duration::from_secs(1) - SLACK, "{:?}", least_gap(&upstream));
}

#[test]
fn a_slow_answer_does_not_shorten_the_gap_to_the_next_request() {
    let upstream = Upstream::start();
    let films = Answer::json(&crate::fixture::films()).late(Duration::from_millis(800));
    upstream.set("/films", films);
    let server = Site::eager(&upstream).serve();
    upstream.wait_until_asked(3);
    drop(server);
    assert!(least_gap(&upstream) > Duration::from_secs(1) - SLACK, "{:?}", least_gap(&upstream));
}

#[test]
fn retry_after_may_delay_the_next_request_longer_than_the_interval() {
    let upstream = Upstream::start();
    upstream.set_both(&Answer::new(503, "{}").with("Retry-After", "3"));
    let server = Site::eager(&upstream).serve();
    upstream.wait_until_asked(1);
    upstream.recover();
    let server = server.ready();
    drop(server);
    // On a busy machine, there are refreshes after the second one, with no Retry-After before them.
    let films = upstream.asked_for("/films");
    let gap = films[1].at.duration_since(films[0].at);
    assert!(gap > Duration::from_secs(3) - SLACK, "{gap:?}");
}

#[test]
fn retry_after_is_obeyed_after_a_restart() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream).with(&["--hold", "1500ms"]);
    site.build_once().well();
    upstream.set_both(&Answer::new(429, "{}").with("Retry-After", "120"));
    site.build_once().with_code(1);
    let asked = upstream.asked();
    let log = site.build_once().well();
    assert!(log.contains("Retry-After"), "{log}");
    assert_eq!(upstream.asked(), asked);
}

#[test]
fn a_process_that_is_killed_after_its_request_has_spent_the_interval() {
    let upstream = Upstream::start();
    upstream.set_both(&Answer::new(200, "[]").never());
    let site = Site::of(&upstream);
    let build = site.start_build();
    upstream.wait_until_asked(1);
    build.signal(Signal::KILL);
    assert_eq!(build.ended().0.code(), None);
    upstream.recover();
    let started = Instant::now();
    let log = site.build_once().with_code(1);
    assert!(log.contains("no data is stored yet"), "{log}");
    assert_eq!(upstream.asked(), (1, 1));
    // The free lock shows that no process works. The build waits at most for the hold, after which
    // a claim without an outcome counts as failed.
    assert!(started.elapsed() < Duration::from_secs(5), "waited {:?}", started.elapsed());
}

#[test]
fn a_server_that_is_killed_during_a_refresh_shows_its_old_site_and_waits_for_the_interval() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    let server = site.serve().ready();
    upstream.set_both(&Answer::new(200, "[]").never());
    upstream.wait_until_asked_again();
    server.kill();
    upstream.recover();
    let before = upstream.asked().0;
    let server = site.serve().ready();
    upstream.wait_until_asked(before + 1);
    drop(server);
    assert!(least_gap(&upstream) > Duration::from_secs(1) - SLACK, "{:?}", least_gap(&upstream));
}

#[test]
fn two_builds_at_the_same_time_make_one_fetch_and_both_succeed() {
    // In each round, the two builds meet at another step.
    for _ in 0..6 {
        let upstream = Upstream::start();
        let films = Answer::json(&crate::fixture::films()).late(Duration::from_millis(150));
        upstream.set("/films", films);
        let site = Site::of(&upstream);
        let builds = [site.start_build(), site.start_build()];
        for build in builds {
            let (status, log) = build.ended();
            assert_eq!(status.code(), Some(0), "{log}");
        }
        assert_eq!(upstream.asked(), (1, 1));
        assert!(site.page("index.html").contains("Salt Road"));
    }
}

#[test]
fn a_dozen_builds_at_the_same_time_all_succeed() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    // Of many builds, some look while the first build starts, some while it works, and some while
    // it ends.
    let builds: Vec<_> = (0..12).map(|_| site.start_build()).collect();
    for build in builds {
        let (status, log) = build.ended();
        assert_eq!(status.code(), Some(0), "{log}");
    }
    assert_eq!(upstream.asked(), (1, 1));
}

#[test]
fn a_disk_that_is_slower_than_the_lease_does_not_block_a_refresh_for_ever() {
    let upstream = Upstream::start();
    // The lease is 50 µs, and the record of a claim syncs a file, which takes longer.
    let (status, log) = Site::of(&upstream).with(&["--interval", "1ms"]).start_build().ended();
    assert!(status.code().is_some(), "{log}");
    assert!(upstream.asked().0 <= 1, "{log}");
}

/// Reading a ledger of so many people takes much longer than the lease. Therefore no ledger may be
/// read between the claim and the request.
#[test]
fn a_state_of_many_megabytes_does_not_delay_a_request_beyond_the_lease() {
    let upstream = Upstream::start();
    let people: Vec<_> = (0..150_000)
        .map(|n| serde_json::json!({"id": format!("person-{n}"), "name": format!("P {n}")}))
        .collect();
    // The ledger keeps these people after they are gone.
    let site = Site::of(&upstream).with(&["--interval", "200ms", "--max-age", "60s"]);
    site.build_once().well();
    let entries: serde_json::Map<_, _> = people
        .iter()
        .map(|person| {
            let id = person["id"].as_str().expect("text").to_owned();
            let entry = serde_json::json!({"slug": id, "first_seen": 1_700_000_000_000_000_u64});
            (id, entry)
        })
        .collect();
    let path = site.path(".movies-gen/saved");
    let mut saved: serde_json::Value =
        movies_gen::document::read(&path, "saved").expect("read").expect("there");
    saved["ledger"] = serde_json::json!({"films": {}, "people": entries, "changes": []});
    movies_gen::document::write(&path, "saved", &saved).expect("written");
    // An earlier version kept the ledger in this document. The next save writes a separate ledger.
    for refreshes in 2..5 {
        let mut changed = crate::fixture::films();
        changed[0]["rt_score"] = serde_json::json!(refreshes);
        upstream.set("/films", crate::fixture::Answer::json(&changed));
        site.build_once().well();
        assert_eq!(upstream.asked().0, refreshes);
    }
    let small = path.metadata().expect("there").len();
    assert!(small < 4_096, "{small} bytes are read at each claim");
}
