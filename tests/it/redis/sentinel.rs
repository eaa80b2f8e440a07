//! A Redis whose master is found through sentinels.

use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::fixture::{
    Process, Redis, RedisServer, Running, Site, Upstream, Watched, found, free_address, wait_until,
};

/// Longest time from the end of a master to the first save at the next master.
const LONGEST_FAILOVER: Duration = Duration::from_secs(5);

fn site(upstream: &Upstream, watched: &Watched) -> Site {
    Site::eager(upstream).with(&["--redis", &watched.url()])
}

/// Waits until the server has a save, and its replica has a copy.
fn wait_for_a_copy(watched: &Watched) {
    wait_until("a replica with a save", || watched.servers[1].fences()[1] > 0);
}

/// Asserts that the upstream was asked at most once in each interval.
fn assert_courteous(upstream: &Upstream) {
    let times: Vec<_> = upstream.asked_for("/films").iter().map(|asked| asked.at).collect();
    for pair in times.windows(2) {
        let gap = pair[1].duration_since(pair[0]);
        assert!(gap.as_millis() >= 900, "{gap:?} between two refreshes of {times:?}");
    }
}

/// Makes the first server fail, and asserts that the process uses the second server in time.
fn fails_over(fail: impl FnOnce(&mut Watched)) -> Running {
    let (upstream, mut watched) = (Upstream::start(), Watched::start());
    let server = site(&upstream, &watched).serve().ready();
    wait_for_a_copy(&watched);
    let before = watched.servers[0].fences();
    let failed = Instant::now();
    fail(&mut watched);
    watched.servers[1].wait_for_later(before);
    let took = failed.elapsed();
    assert!(took < LONGEST_FAILOVER, "{took:?}\n{}", server.log());
    server.wait_until_redis_is_back();
    assert_courteous(&upstream);
    server
}

#[test]
#[ignore = "needs redis-server"]
fn a_process_uses_the_new_master_within_five_seconds_after_the_master_was_killed() {
    let server = fails_over(|watched| watched.servers[0].kill());
    assert!(server.log().contains("Redis is back"), "{}", server.log());
}

#[test]
#[ignore = "needs redis-server"]
fn a_process_uses_the_new_master_within_five_seconds_after_the_master_hangs() {
    let _ = fails_over(|watched| watched.servers[0].halt());
}

#[test]
#[ignore = "needs redis-server"]
fn a_process_uses_the_new_master_if_the_first_sentinel_is_gone_too() {
    let _ = fails_over(|watched| {
        watched.sentinels[0].kill();
        watched.servers[0].kill();
    });
}

/// A sentinel ends the connections to an old master, but a part of the network may be cut off. Here
/// the sentinels change the master, and the old master is still a master for its clients.
#[test]
#[ignore = "needs redis-server"]
fn a_process_leaves_a_master_that_the_sentinels_no_longer_name() {
    let (upstream, watched) = (Upstream::start(), Watched::start());
    let server = site(&upstream, &watched).serve().ready();
    wait_for_a_copy(&watched);
    let before = watched.make_the_replica_a_master();
    watched.servers[1].wait_for_later(before);
    assert!(watched.servers[0].is_master(), "the old master works as before");
    assert!(!server.log().contains("Redis cannot be used"), "{}", server.log());
    assert_courteous(&upstream);
}

#[test]
#[ignore = "needs redis-server"]
fn a_write_that_an_old_master_refuses_goes_to_the_new_master_at_once() {
    let (upstream, watched) = (Upstream::start(), Watched::start());
    let server = site(&upstream, &watched).serve().ready();
    wait_for_a_copy(&watched);
    let before = watched.make_the_replica_a_master();
    let port = watched.servers[1].port.to_string();
    watched.servers[0].tell(&["REPLICAOF", "127.0.0.1", &port]);
    watched.servers[1].wait_for_later(before);
    assert!(!server.log().contains("Redis cannot be used"), "{}", server.log());
    assert_courteous(&upstream);
}

#[test]
#[ignore = "needs redis-server"]
fn the_last_known_master_is_used_while_no_sentinel_answers() {
    let (upstream, mut watched) = (Upstream::start(), Watched::start());
    let server = site(&upstream, &watched).serve().ready();
    wait_for_a_copy(&watched);
    watched.sentinels.iter_mut().for_each(RedisServer::kill);
    watched.servers[0].tell(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    let before = watched.servers[0].fences();
    watched.servers[0].wait_for_later(before);
    server.wait_until_redis_is_back();
    assert_courteous(&upstream);
}

#[test]
#[ignore = "needs redis-server"]
fn a_server_that_is_no_master_is_not_used_even_if_a_sentinel_names_the_server() {
    let (upstream, watched) = (Upstream::start(), Watched::start());
    // This sentinel believes that the replica is the master.
    let wrong = RedisServer::sentinel(watched.servers[1].port, None);
    let hosts = |sentinels: &[&RedisServer]| {
        let hosts: Vec<_> =
            sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port)).collect();
        format!("redis+sentinel://{}/films", hosts.join(","))
    };
    let site = |url: &str| Site::of(&upstream).with(&["--redis", url]);
    let log = site(&hosts(&[&wrong])).build_once().well();
    assert!(log.contains("but is a slave"), "{log}");
    assert_eq!(watched.servers[0].fences(), [0, 0]);
    let log = site(&hosts(&[&wrong, &watched.sentinels[0]])).build_once().well();
    assert!(!log.contains("Redis cannot be used"), "{log}");
    assert!(watched.servers[0].fences()[1] > 0, "{log}");
}

#[test]
#[ignore = "needs redis-server"]
fn servers_and_sentinels_have_passwords_that_no_log_shows() {
    let watched = Watched::with_passwords("0pen-sesame", "s3ntinel-word");
    let upstream = Upstream::start();
    let build = |url: &str| {
        let log = Site::of(&upstream).with(&["--redis", url, "-vv"]).build_once().well();
        assert!(!log.contains("0pen-sesame") && !log.contains("s3ntinel-word"), "{log}");
        log
    };
    let log = build(&watched.url_with(":0pen-sesame@", "/0?sentinel_password=s3ntinel-word"));
    assert!(!log.contains("Redis cannot be used"), "{log}");
    assert!(log.contains(&format!("using Redis at {}/0 ", watched.url())), "{log}");
    assert!(watched.servers[0].fences()[1] > 0, "{log}");
    let log = build(&watched.url_with(":0pen-sesame@", ""));
    assert!(log.contains("Redis cannot be used") && log.contains("NOAUTH"), "{log}");
    let log = build(&watched.url_with("", "?sentinel_password=s3ntinel-word"));
    assert!(log.contains("Redis cannot be used") && log.contains("NOAUTH"), "{log}");
}

/// The user has no right to ROLE.
#[test]
#[ignore = "needs redis-server and openssl"]
fn sentinels_and_redis_are_used_through_tls_and_without_the_right_to_role() {
    let (upstream, (redis, tls)) = (Upstream::start(), Redis::with_tls("films", "0pen-sesame"));
    let of_redis = tls.url.trim_end_matches('/').rsplit_once(':').expect("a port").1;
    let (port, directory) = (free_address().port(), tempfile::tempdir().expect("a directory"));
    let (pem, key) = (&tls.authority, tls.authority.replace("/pem", "/key"));
    let lines = format!(
        "port 0\ntls-port {port}\ntls-replication yes\ntls-auth-clients no\n\
         tls-cert-file {pem}\ntls-key-file {key}\ntls-ca-cert-file {pem}\n\
         sentinel resolve-hostnames yes\nsentinel announce-hostnames yes\n\
         sentinel monitor films localhost {of_redis} 1\n\
         sentinel auth-user films films\nsentinel auth-pass films 0pen-sesame\n"
    );
    let file = directory.path().join("sentinel");
    std::fs::write(&file, lines).expect("written");
    let mut command = Command::new("redis-server");
    let _sentinel = Process::start(command.arg(&file).arg("--sentinel"));
    wait_until("a sentinel", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let url = format!("rediss+sentinel://films:0pen-sesame@localhost:{port}/films");
    let site = Site::of(&upstream).with(&["--redis", &url]);
    let log = site.variable("SSL_CERT_FILE", pem).build_once().well();
    assert!(!log.contains("cannot be used") && !log.contains("sesame"), "{log}");
    assert!(redis.keys().len() >= 3);
}

#[test]
#[ignore = "needs redis-server"]
fn a_name_that_no_sentinel_knows_is_named_in_the_log() {
    let (upstream, watched) = (Upstream::start(), Watched::start());
    let url = watched.url().replace("/films", "/fils");
    let log = Site::of(&upstream).with(&["--redis", &url]).build_once().well();
    let line = found("the message", || log.lines().find(|line| line.contains("cannot be used")));
    assert!(line.contains("knows no master with the name fils"), "{line}");
}
