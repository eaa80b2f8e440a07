//! Several processes that share one Redis: one refresh in each interval, the same pages
//! everywhere, and what remains of this while Redis fails.

mod trouble;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::fixture::{
    Answer, Redis, Running, Site, Upstream, contents, films, first_of_free_addresses, get,
    wait_until,
};

/// Makes a replica with an interval of one second.
fn replica(upstream: &Upstream, redis: &Redis) -> Site {
    Site::eager(upstream).with(&["--redis", &redis.url(), "--hold", "300ms"])
}

/// Makes a replica with this interval and this hold.
fn slow_replica(upstream: &Upstream, redis: &Redis, interval: &str, hold: &str) -> Site {
    let arguments = ["--interval", interval, "--max-age", interval, "--hold", hold];
    Site::of(upstream).with(&["--redis", &redis.url()]).with(&arguments)
}

/// Returns the shortest time between two refreshes, as the upstream saw them.
fn least_gap(upstream: &Upstream) -> Duration {
    let films = upstream.asked_for("/films");
    let gaps = films.windows(2).map(|pair| pair[1].at.duration_since(pair[0].at));
    gaps.min().expect("two refreshes")
}

/// Least time between two refreshes: the interval, minus the lease and the time of connecting.
const COURTEOUS: Duration = Duration::from_millis(900);

fn with_score(score: &str) -> Answer {
    Answer::json(&scored(score))
}

fn scored(score: &str) -> Value {
    let mut films = films();
    films[0]["rt_score"] = score.into();
    films
}

fn shows(server: &Running, score: &str) -> bool {
    let score: u64 = score.parse().expect("a number");
    let list: Value = serde_json::from_slice(&server.get("/movies.json").body).expect("JSON");
    list.as_array().expect("a list").iter().any(|film| film["rt_score"] == score)
}

fn wait_until_all_show<'a>(servers: impl IntoIterator<Item = &'a Running>, score: &str) {
    for server in servers {
        wait_until("the change", || shows(server, score));
    }
}

#[test]
#[ignore = "needs redis-server"]
fn ten_replicas_that_start_at_the_same_time_make_one_fetch() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let sites: Vec<_> =
        (0..10).map(|_| Site::of(&upstream).with(&["--redis", &redis.url()])).collect();
    let servers: Vec<_> = std::thread::scope(|scope| {
        let starting: Vec<_> =
            sites.iter().map(|site| scope.spawn(move || site.serve().ready())).collect();
        starting.into_iter().map(|server| server.join().expect("a server")).collect()
    });
    assert_eq!(upstream.asked(), (1, 1));
    let first = contents(&sites[0].out());
    for (site, server) in sites.iter().zip(&servers) {
        assert_eq!(contents(&site.out()), first);
        assert_eq!(
            server.get("/").expect("x-generation"),
            servers[0].get("/").expect("x-generation")
        );
    }
}

#[test]
#[ignore = "needs redis-server"]
fn a_load_at_a_loser_is_held_for_the_data_of_the_winner() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let replica = || slow_replica(&upstream, &redis, "4s", "3500ms");
    let servers = [replica().serve().ready(), replica().serve().ready()];
    let deadline = Instant::now() + Duration::from_secs(13);
    let visit = |server: &Running| {
        let mut held = 0;
        while Instant::now() < deadline {
            let answer = server.get("/");
            let status = answer.expect("cache-status");
            held += u32::from(status.contains("fwd=stale"));
            assert!(!status.contains("detail="), "old data was answered: {status}");
        }
        held
    };
    // Only one of the two replicas is the winner of each claim.
    let held = std::thread::scope(|scope| {
        let visits = servers.each_ref().map(|server| scope.spawn(move || visit(server)));
        visits.map(|visit| visit.join().expect("a visitor who saw no old data"))
    });
    assert!(held.iter().all(|&held| held >= 2), "{held:?} loads were held");
    let logs: String = servers.iter().map(Running::log).collect();
    assert!(logs.contains("took over the data of another replica"), "{logs}");
    assert!(least_gap(&upstream) > COURTEOUS);
}

#[test]
#[ignore = "needs redis-server"]
fn a_load_is_held_even_if_redis_fails_over_to_a_time_before_the_refresh_in_flight() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let replica = || slow_replica(&upstream, &redis, "8s", "7s");
    let servers = [replica().serve().ready(), replica().serve().ready()];
    wait_until("how the first refresh ended", || redis.outcome().is_some());
    let copy = redis.copy();
    redis.record_commands();
    upstream.set("/films", with_score("3").late(Duration::from_secs(1)));
    upstream.wait_until_asked_again();
    // A replica that knows no claim may ask, because the copy has no claim.
    redis.wait_until_others_hear_of_the_claim();
    redis.fail_over(&copy);
    std::thread::scope(|scope| {
        for server in &servers {
            scope.spawn(move || {
                let answer = server.get("/movies.json");
                let (status, log) = (answer.expect("cache-status"), server.log());
                assert!(!status.contains("detail="), "old data was answered: {status}\n{log}");
                assert!(shows(server, "3"));
            });
        }
    });
    assert!(least_gap(&upstream) > Duration::from_millis(7700));
}

#[test]
#[ignore = "needs redis-server"]
fn a_load_is_held_for_a_refresh_that_redis_lost_before_other_replicas_knew_it() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let replica = || slow_replica(&upstream, &redis, "8s", "7s");
    let (site, winner) = (replica(), replica().serve().ready());
    let _ = site.serve().ready().terminate();
    wait_until("how the first refresh ended", || redis.outcome().is_some());
    upstream.set("/films", with_score("3").late(Duration::from_millis(1500)));
    upstream.wait_until_asked_again();
    redis.wipe();
    wait_until("what was lost", || redis.fields("claim").contains_key("lost"));
    let newcomer = site.serve();
    let answer = newcomer.get("/movies.json");
    let (status, log) = (answer.expect("cache-status"), newcomer.log());
    assert!(!status.contains("detail="), "old data was answered: {status}\n{log}");
    assert!(shows(&newcomer, "3"));
    wait_until("it at the winner", || shows(&winner, "3"));
    assert!(least_gap(&upstream) > Duration::from_millis(7700));
}

#[test]
#[ignore = "needs redis-server"]
fn a_replica_whose_save_is_too_late_shows_the_newer_data_at_once() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let server = replica(&upstream, &redis).serve().ready();
    upstream.set("/films", Answer::json(&films()).late(Duration::from_millis(200)));
    upstream.wait_until_asked_again();
    redis.put_newer("films", scored("3").to_string().as_bytes());
    wait_until("the refusal", || server.log().contains("newer data was saved by another"));
    assert!(shows(&server, "3"));
}

#[test]
#[ignore = "needs redis-server"]
fn a_wiped_redis_gets_back_claim_payload_and_history() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let sites = [replica(&upstream, &redis), replica(&upstream, &redis)];
    let servers = sites.each_ref().map(|site| site.serve().ready());
    upstream.set("/films", with_score("3"));
    wait_until_all_show(&servers, "3");
    let as_of = || servers.each_ref().map(|server| server.freshness()["as_of"].to_string());
    for _ in 0..4 {
        // A refresh that Redis loses before both replicas know the refresh may be repeated early.
        let [before, _] = as_of();
        wait_until("a refresh that both replicas know", || {
            let [one, other] = as_of();
            one == other && one != before
        });
        let _: () = redis.ask(::redis::cmd("FLUSHALL").arg("SYNC"));
        wait_until("the claim and the payload", || {
            let keys = redis.keys();
            ["claim", "last-good"].iter().all(|end| keys.iter().any(|key| key.ends_with(end)))
        });
    }
    // A new replica gets the history from the others.
    let anew = replica(&upstream, &redis);
    let server = anew.serve().ready();
    wait_until("one site", || {
        server.get("/").expect("x-generation") == servers[0].get("/").expect("x-generation")
    });
    assert!(least_gap(&upstream) > COURTEOUS, "{:?}", least_gap(&upstream));
    let history = |site: &Site| site.page(".movies-gen/ledger");
    assert!(history(&anew).contains("rt_score"), "{}", history(&anew));
}

#[test]
#[ignore = "needs redis-server"]
fn replicas_that_kept_their_own_interval_share_one_interval_again() {
    let (upstream, mut redis) = (Upstream::start(), Redis::start());
    let sites = [replica(&upstream, &redis), replica(&upstream, &redis)];
    let servers = sites.each_ref().map(|site| site.serve().ready());
    redis.kill();
    for server in &servers {
        server.wait_until_redis_is_lost();
    }
    // Each replica sees this change in its own interval, and therefore at a different time.
    upstream.set("/films", with_score("3"));
    wait_until_all_show(&servers, "3");
    redis.revive();
    for server in &servers {
        server.wait_until_redis_is_back();
    }
    upstream.set("/films", with_score("4"));
    wait_until_all_show(&servers, "4");
    wait_until("one history", || contents(&sites[0].out()) == contents(&sites[1].out()));
}

#[test]
#[ignore = "needs redis-server"]
fn a_redis_that_refuses_writes_counts_as_lost_and_this_is_logged_once() {
    a_redis_takes_nothing("min-replicas-to-write");
}

#[test]
#[ignore = "needs redis-server"]
fn a_full_redis_counts_as_lost_and_this_is_logged_once() {
    a_redis_takes_nothing("maxmemory");
}

/// Tests a Redis that refuses writes while `setting` is 1.
fn a_redis_takes_nothing(setting: &str) {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let site = Site::of(&upstream).with(&["--redis", &redis.url()]);
    // The interval is longer than the time after which a lost Redis is asked again. Reads are then
    // answered.
    let server = site.with(&["--interval", "2s", "--max-age", "2s"]).serve().ready();
    redis.set(setting, "1");
    server.wait_until_redis_is_lost();
    let before = server.log().len();
    upstream.wait_until_asked(upstream.asked().0 + 3);
    let log = server.log().split_off(before);
    assert!(!log.contains("Redis cannot be used") && !log.contains("Redis is back"), "{log}");
    redis.set(setting, "0");
    server.wait_until_redis_is_back();
}

#[test]
#[ignore = "needs redis-server"]
fn the_attempt_of_a_separated_replica_is_known_to_redis_at_its_return() {
    let (upstream, mut redis) = (Upstream::start(), Redis::start());
    let long = ["--interval", "4s", "--max-age", "4s", "--redis", &redis.url()];
    let server = Site::of(&upstream).with(&long).serve().ready();
    redis.kill();
    let asked = upstream.asked().0;
    upstream.wait_until_asked(asked + 1);
    let alone = Instant::now();
    redis.revive();
    server.wait_until_redis_is_back();
    assert!(alone.elapsed() < Duration::from_secs(3), "Redis got the attempt too late");
    // A new replica would ask at once, and must be prevented.
    let anew = Site::of(&upstream).with(&long).serve().ready();
    upstream.wait_until_asked(asked + 2);
    assert!(least_gap(&upstream) > Duration::from_millis(3600), "{:?}", least_gap(&upstream));
    drop(anew);
}

#[test]
#[ignore = "needs redis-server"]
fn with_when_redis_lost_wait_no_replica_asks_the_upstream_without_redis() {
    let (upstream, mut redis) = (Upstream::start(), Redis::start());
    let site = replica(&upstream, &redis).with(&["--when-redis-lost", "wait"]);
    let server = site.serve().ready();
    redis.kill();
    server.wait_for_line("no process asks the API (--when-redis-lost wait)");
    let asked = upstream.asked().0;
    let answer = || server.get("/");
    wait_until("old pages", || answer().expect("age").parse::<u64>().expect("seconds") >= 3);
    assert!(answer().expect("cache-status").contains("detail=failed"), "no request may wait");
    assert_eq!(upstream.asked().0, asked);
    let status = site.run(&["status"]).out;
    assert!(status.contains("cannot be used"), "{status}");
    redis.revive();
    upstream.wait_until_asked(asked + 1);
    wait_until("young pages", || answer().expect("age").parse::<u64>().expect("seconds") < 2);
}

#[test]
#[ignore = "needs redis-server"]
fn a_payload_of_a_newer_version_stays_unchanged_and_this_is_logged_once() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let server = replica(&upstream, &redis).serve().ready();
    wait_until("an outcome", || redis.outcome().is_some());
    redis.put_version(9);
    server.wait_for_line("has version 9, which is newer than version 2 of this program");
    let before = server.log().len();
    let left = ["claim", "last-good"].map(|end| redis.fields(end));
    let asked = upstream.asked().0;
    upstream.set("/films", with_score("41"));
    wait_until("newer data", || shows(&server, "41"));
    let newcomer = replica(&upstream, &redis).serve().ready();
    upstream.wait_until_asked(asked + 6);
    assert!(shows(&newcomer, "41"), "the newcomer must have its own interval");
    assert_eq!(["claim", "last-good"].map(|end| redis.fields(end)), left, "the keys must stay");
    let log = server.log().split_off(before) + &newcomer.log();
    assert!(log.matches("Redis cannot be used").count() <= 1, "{log}");
    assert!(!log.contains("Redis is back"), "{log}");
    newcomer.wait_until_redis_is_lost();
    redis.put_version(2);
    server.wait_until_redis_is_back();
    newcomer.wait_until_redis_is_back();
}

#[test]
#[ignore = "needs redis-server"]
fn a_redis_that_may_evict_keys_causes_a_warning() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let _: () = redis.ask(::redis::cmd("CONFIG").arg(&["SET", "maxmemory-policy", "allkeys-lru"]));
    let server = replica(&upstream, &redis).serve().ready();
    let line = server.wait_for_line("maxmemory-policy allkeys-lru");
    assert!(line.contains("set maxmemory-policy to noeviction"), "{line}");
}

#[test]
#[ignore = "needs redis-server"]
fn a_winner_that_dies_is_replaced_after_the_interval() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let sites = [replica(&upstream, &redis), replica(&upstream, &redis)];
    let [one, other] = sites.each_ref().map(|site| site.serve().ready());
    upstream.set_both(&Answer::new(200, "[]").never());
    upstream.wait_until_asked_again();
    // The winner waits for an answer that never comes. This replica is killed.
    let winner_is_one = {
        let log = |server: &Running| server.log().matches("refreshed").count();
        log(&one) > log(&other)
    };
    let (dying, left) = if winner_is_one { (one, other) } else { (other, one) };
    dying.kill();
    upstream.recover();
    let before = left.get("/").expect("x-data-as-of").to_owned();
    wait_until("newer data", || left.get("/").expect("x-data-as-of") != before);
    assert!(least_gap(&upstream) > COURTEOUS);
}

#[test]
#[ignore = "needs redis-server and nginx"]
fn the_deployed_cluster_answers_while_a_replica_and_redis_are_killed() {
    let port = first_of_free_addresses(4).port();
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/cluster"));
    command.arg(env!("CARGO_BIN_EXE_movies-gen")).stdout(Stdio::piped());
    command.env("PORT", port.to_string()).env("SECONDS_ALIVE", "60").stderr(Stdio::null());
    let mut cluster = command.spawn().expect("the cluster");
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let mut lines = BufReader::new(cluster.stdout.take().expect("piped")).lines();
    let said: Vec<String> =
        lines.by_ref().map_while(Result::ok).take_while(|line| !line.contains("Ctrl-C")).collect();
    let directory = said.iter().find_map(|line| {
        let (_, rest) = line.split_once("$(cat ")?;
        rest.split_once("/replica-1.pid").map(|(directory, _)| directory.to_owned())
    });
    let directory = directory.expect("what to kill");
    let kill = |name: &str| {
        let pid = std::fs::read_to_string(format!("{directory}/{name}.pid")).expect("a process");
        let pid = Pid::from_raw(pid.trim().parse().expect("a process id")).expect("a process id");
        kill_process(pid, Signal::KILL).expect("killed");
    };
    for name in ["replica-1", "redis", "replica-2"] {
        kill(name);
        // This is longer than nginx leaves out a server that did not answer.
        let until = Instant::now() + Duration::from_secs(4);
        while Instant::now() < until {
            assert_eq!(get(address, "/").status, 200, "{name} was killed");
        }
        wait_until("it to come back", || {
            std::fs::read_to_string(format!("{directory}/{name}.log")).is_ok_and(|log| {
                log.matches(if name == "redis" { "ready to accept" } else { "serving" }).count()
                    >= 2
            })
        });
    }
    let pid = Pid::from_raw(cluster.id() as i32).expect("a process id");
    kill_process(pid, Signal::TERM).expect("told to end");
    cluster.wait().expect("an end");
    assert!(!std::path::Path::new(&directory).exists(), "the cluster left files behind");
}

#[test]
#[ignore = "needs redis-server"]
fn replicas_with_two_themes_share_a_payload_without_publishing_repeatedly() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let plain = replica(&upstream, &redis);
    let themed = replica(&upstream, &redis).with(&["--templates", "theme"]);
    themed.write("theme/404.html", "themed");
    let servers = [plain.serve().ready(), themed.serve().ready()];
    upstream.set("/films", with_score("3"));
    wait_until_all_show(&servers, "3");
    let asked = upstream.asked().0;
    upstream.wait_until_asked(asked + 3);
    assert!(least_gap(&upstream) > COURTEOUS);
    let changes = |server: &Running| server.log().matches("outcome=changed").count();
    assert!(changes(&servers[0]) + changes(&servers[1]) <= 3, "the replicas published repeatedly");
    assert_eq!(servers[1].get("/nowhere").text(), "themed");
}
