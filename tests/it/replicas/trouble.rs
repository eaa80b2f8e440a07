//! A Redis that is slow, strict or replaced, and replicas that lack a right or a disk.

use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use super::{
    COURTEOUS, least_gap, replica, scored, shows, slow_replica, wait_until_all_show, with_score,
};
use crate::fixture::{
    Answer, Link, RIGHT_TO_HEAR, RIGHTS, Redis, Running, Site, Upstream, films, wait_until,
};

#[test]
#[ignore = "needs redis-server"]
fn a_redis_that_answers_claims_later_than_the_lease_counts_as_lost() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let link = Link::to(&redis);
    let times = ["--interval", "5s", "--max-age", "5s", "--hold", "4500ms"];
    let api = ["--upstream", &upstream.url()];
    // A slow disk would take from the time of the lease.
    let site = Site::in_memory().with(&api).with(&times).with(&["--redis", &link.url()]);
    let server = site.serve().ready();
    // The delay is longer than the lease, and shorter than the longest wait for an answer.
    link.takes(Duration::from_millis(400));
    server.wait_for_line("a request to the API must be sent within 250ms");
    for score in ["3", "4"] {
        upstream.set("/films", with_score(score));
        wait_until("newer data", || shows(&server, score));
    }
    let log = server.log();
    // A machine that stops for a second may have lost Redis before.
    let since = log.split_once("a request to the API must be sent within 250ms").expect("above").1;
    assert!(!since.contains("Redis cannot be used"), "{log}");
    assert!(!since.contains("Redis is back"), "{log}");
    assert!(!log.contains("the refresh failed"), "no refresh may fail: {log}");
    link.takes(Duration::ZERO);
    server.wait_until_redis_is_back();
    wait_until("the data", || redis.body("films").contains("\"4\""));
}

#[test]
#[ignore = "needs redis-server"]
fn a_replica_whose_connection_breaks_still_uses_redis() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let servers = [(); 2].map(|()| slow_replica(&upstream, &redis, "3s", "1s").serve().ready());
    let as_of = |server: &Running| server.get("/").expect("x-data-as-of").to_owned();
    let mut before = String::new();
    for _ in 0..4 {
        // Only between two refreshes, because a call is made again once.
        wait_until("a refresh that both replicas show", || {
            let [one, other] = servers.each_ref().map(as_of);
            redis.outcome().is_some() && one == other && one != before
        });
        before = as_of(&servers[0]);
        assert!(redis.break_connections() >= 2, "each replica has a connection");
    }
    upstream.wait_until_asked_again();
    for server in &servers {
        let log = server.log();
        assert!(!log.contains("Redis cannot be used"), "{log}");
    }
    assert!(least_gap(&upstream) > Duration::from_millis(2_700));
}

#[test]
#[ignore = "needs redis-server"]
fn a_replica_that_learns_late_that_a_refresh_ended_holds_loads_until_it_has_the_data() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let link = Link::to(&redis);
    let replica = |url: &str| {
        let times = ["--interval", "4s", "--max-age", "4s", "--hold", "3s"];
        Site::of(&upstream).with(&times).with(&["--redis", url]).serve().ready()
    };
    let _near = replica(&redis.url());
    // The far replica hears no announcements, and asks for the refresh when the near replica has
    // ended it.
    let user = redis.url_of_a_user(RIGHTS);
    let user = user.split_once('?').expect("a user").1;
    let far = replica(&format!("{}?{user}", link.url()));
    link.takes(Duration::from_millis(150));
    while far.log().matches("took over the data of another replica").count() < 3 {
        let answer = far.get("/movies.json");
        let status = answer.expect("cache-status");
        assert!(!status.contains("detail="), "{status}\n{}", far.log());
    }
}

#[test]
#[ignore = "needs redis-server"]
fn a_redis_user_needs_only_the_documented_rights() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let url = redis.url_of_a_user(&format!("{RIGHTS} {RIGHT_TO_HEAR}"));
    let servers = [(); 2].map(|()| Site::eager(&upstream).with(&["--redis", &url]).serve().ready());
    upstream.set("/films", with_score("3"));
    for server in &servers {
        wait_until("the change", || shows(server, "3"));
        let log = server.log();
        assert!(!refuses(&log) && !log.contains("let this user subscribe"), "{log}");
    }
    assert!(least_gap(&upstream) > COURTEOUS);
}

#[test]
#[ignore = "needs redis-server"]
fn replicas_without_announcements_poll_redis() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let url = redis.url_of_a_user(RIGHTS);
    let times = ["--interval", "6s", "--max-age", "6s", "--hold", "5500ms"];
    let replica = || Site::of(&upstream).with(&["--redis", &url]).with(&times);
    let servers = [replica().serve().ready(), replica().serve().ready()];
    for server in &servers {
        server.wait_for_line("does not let this user subscribe");
    }
    upstream.set("/films", with_score("3").late(Duration::from_millis(600)));
    upstream.wait_until_asked_again();
    std::thread::scope(|scope| {
        for server in &servers {
            scope.spawn(move || {
                // A load of an old page waits for newer data.
                wait_until("the change", || {
                    let answer = server.get("/movies.json");
                    let status = answer.expect("cache-status");
                    assert!(!status.contains("detail="), "{status}\n{}", server.log());
                    shows(server, "3")
                });
                let log = server.log();
                assert!(!refuses(&log), "{log}");
                assert_eq!(log.matches("does not let this user subscribe").count(), 1, "{log}");
            });
        }
    });
    assert!(least_gap(&upstream) > Duration::from_millis(5700));
}

#[test]
#[ignore = "needs redis-server"]
fn a_name_that_points_to_another_redis_is_followed_while_the_old_redis_runs() {
    let (upstream, old, new) = (Upstream::start(), Redis::start(), Redis::start());
    let names = tempfile::tempdir().expect("a directory");
    let name = names.path().join("primary");
    symlink(old.socket(), &name).expect("a name");
    let url = format!("unix://{}", name.display());
    let server = Site::eager(&upstream).with(&["--redis", &url]).serve().ready();
    old.follow(true);
    server.wait_until_redis_is_lost();
    std::fs::remove_file(&name).expect("a name");
    symlink(new.socket(), &name).expect("a name");
    server.wait_until_redis_is_back();
    wait_until("claim and payload", || new.keys().len() >= 3);
}

#[test]
#[ignore = "needs redis-server"]
fn a_clock_of_redis_that_is_set_back_makes_no_data_younger() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let site = Site::of(&upstream).with(&["--redis", &redis.url()]);
    let server = site.serve().ready();
    wait_until("an outcome", || redis.outcome().is_some());
    let origin = server.get("/").expect("x-data-as-of").to_owned();
    let _ = server.terminate();
    // The origin time of a Redis whose clock was set back lies in the future.
    let later = |field: &str| redis.fields("last-good")[field].parse::<u64>().expect("a time");
    redis.put("last-good", "origin", &(later("origin") + 3_600_000_000).to_string());
    let server = site.serve().ready();
    let log = server.log();
    assert!(!refuses(&log), "{log}");
    assert_eq!(server.get("/").expect("x-data-as-of"), origin);
    assert_eq!(upstream.asked(), (1, 1));
}

#[test]
#[ignore = "needs redis-server"]
fn losers_know_that_the_refresh_of_the_winner_failed() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let replica = || slow_replica(&upstream, &redis, "6s", "5s");
    let servers = [replica().serve().ready(), replica().serve().ready()];
    let asked = upstream.asked().0;
    upstream.set_both(&Answer::new(503, ""));
    // On a busy machine, the time to ask may be over before the first request.
    // A refresh that fails at the list of films may never ask for the list of people.
    wait_until("a request", || upstream.asked().0 > asked);
    for server in &servers {
        // The page is old, and no request waits, because no newer data is coming.
        wait_until("the failure", || {
            server.get("/").expect("cache-status").contains("detail=failed")
        });
    }
    assert_eq!(upstream.asked().0, asked + 1, "only one replica may ask");
}

#[test]
#[ignore = "needs redis-server"]
fn an_unknown_outcome_of_a_newer_program_counts_as_a_failure() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let times = ["--interval", "20s", "--max-age", "20s", "--hold", "15s"];
    let replica = || Site::of(&upstream).with(&["--redis", &redis.url()]).with(&times);
    let server = replica().serve().ready();
    wait_until("an outcome", || redis.outcome().is_some());
    let _ = server.terminate();
    // The page is old, and the attempt is recent.
    let origin: u64 = redis.fields("last-good")["origin"].parse().expect("a time");
    redis.put("last-good", "origin", &(origin - 60_000_000).to_string());
    let (seconds, micros): (u64, u64) = redis.ask(&::redis::cmd("TIME"));
    redis.put("claim", "at", &(seconds * 1_000_000 + micros).to_string());
    redis.put("claim", "outcome", r#"{"kind":"postponed"}"#);
    let server = replica().serve().ready();
    let started = Instant::now();
    let status = server.get("/").expect("cache-status").to_owned();
    assert!(status.contains("detail=failed"), "{status}");
    assert!(started.elapsed() < Duration::from_secs(8), "the load waited for the attempt");
}

#[test]
#[ignore = "needs redis-server"]
fn a_replica_that_cannot_write_its_state_still_shares_its_data() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let (site, well) = (replica(&upstream, &redis), replica(&upstream, &redis));
    let server = site.serve().ready();
    // A file cannot replace a directory that is not empty.
    for name in [".attempt.new", ".saved.new"] {
        let directory = site.path(&format!(".movies-gen/{name}/in/the/way"));
        // The program may be writing a file with this name.
        wait_until("a directory", || std::fs::create_dir_all(&directory).is_ok());
    }
    server.wait_for_line("cannot write to --state, so");
    upstream.set("/films", with_score("3"));
    // Only this replica asks, and shares the data.
    wait_until("the data", || redis.body("films").contains("\"3\""));
    let other = well.serve().ready();
    upstream.set("/films", with_score("4"));
    wait_until_all_show([&server, &other], "4");
    let log = server.log();
    // The message is logged once for attempts, and once for payloads.
    assert_eq!(log.matches("cannot write to --state, so").count(), 2, "{log}");
    assert!(least_gap(&upstream) > COURTEOUS);
}

#[test]
#[ignore = "needs redis-server"]
fn a_build_that_waits_for_redis_shows_the_stored_data() {
    let (upstream, mut redis) = (Upstream::start(), Redis::start());
    let waits =
        || Site::eager(&upstream).with(&["--redis", &redis.url(), "--when-redis-lost", "wait"]);
    let (site, empty) = (waits(), waits());
    site.build_once().well();
    redis.kill();
    let log = site.build_once().well();
    assert!(
        log.contains("without Redis no process asks the API (--when-redis-lost wait)"),
        "{log}"
    );
    let log = empty.build_once().with_code(1);
    assert!(log.contains("no data is stored yet"), "{log}");
    assert_eq!(upstream.asked(), (1, 1));
}

#[test]
#[ignore = "needs redis-server"]
fn a_mark_is_used_once_on_all_replicas() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let replica = || Site::eager(&upstream).with(&["--redis", &redis.url()]);
    let (one, other) = (replica(), replica());
    one.build_once().well();
    other.build_once().well();
    let few = Answer::json(&serde_json::json!([films()[0]]));
    upstream.set("/films", few.clone());
    let log = one.build_once().with_code(1);
    let sets = log.split("movies-gen accept ").nth(1).expect("how to accept it");
    let sets: String = sets.chars().take_while(char::is_ascii_alphanumeric).collect();
    let _ = one.run(&["accept", &sets]).well();
    other.build_once().well();
    upstream.set("/films", Answer::json(&scored("3")));
    one.build_once().well();
    upstream.set("/films", few);
    let log = one.build_once().with_code(1);
    assert!(log.contains("movies-gen accept "), "{log}");
}

/// Whether Redis counted as lost for another cause than a machine that stopped for a second.
fn refuses(log: &str) -> bool {
    let mut losses = log.lines().filter(|line| line.contains("Redis cannot be used"));
    losses.any(|line| !line.contains("no answer within"))
}
