//! Tests of each kind of fault of the processes and of the Redis that they share.
//!
//! Owns the list of kinds. As with one process, `CHAOS_LOADS` sets the minimum number of loads
//! for each kind, and `CHAOS_KIND` selects a single kind.

#![allow(clippy::print_stdout, reason = "a person reads the table")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use super::records::Records;
use super::run::Cluster;
use super::verdict;
use crate::chaos::calm::{Patience, in_a_calm_moment};
use crate::chaos::clients::Pace;
use crate::chaos::faults::{patience, wanted};
use crate::chaos::upstream::{Act, Script};
use crate::fixture::Redis;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// One kind of fault.
struct Kind {
    name: &'static str,
    script: Script,
    /// Makes the faults of one turn. Turns are repeated until there are enough loads.
    turn: fn(&mut Cluster),
}

/// Time in which all promises apply again, with some further rounds.
const SETTLED: Duration = ms(4000);
/// Length of a lapse in which each process refreshes on its own.
const LONG: Duration = ms(3500);
/// Time after the start of a round at which the round is in flight.
const MIDDLE: Duration = ms(10);
/// Time after the start of a round that is between two rounds.
const BETWEEN: Duration = ms(500);
/// Time after the start of a round at which the next round is due.
const DUE: Duration = ms(985);

fn nothing(cluster: &mut Cluster) {
    cluster.load_for(SETTLED);
}

/// Does `what` between two rounds, during a round, and when a round is due, with a pause after
/// each.
fn at_each_time(cluster: &mut Cluster, what: impl Fn(&mut Redis)) {
    for time in [BETWEEN, MIDDLE, DUE] {
        cluster.until_after_next_round(time);
        what(&mut cluster.redis);
        cluster.load_for(ms(1200));
    }
}

/// Makes a short lapse that begins during a round, and a long lapse that begins between two rounds.
fn for_a_while(cluster: &mut Cluster, begin: fn(&mut Redis), end: fn(&mut Redis)) {
    cluster.until_after_next_round(MIDDLE);
    cluster.lapse(ms(400), begin, end);
    cluster.load_for(SETTLED);
    cluster.until_after_next_round(BETWEEN);
    cluster.lapse(LONG, begin, end);
    cluster.load_for(SETTLED);
}

fn redis_killed(cluster: &mut Cluster) {
    for_a_while(cluster, Redis::kill, Redis::revive);
}

fn redis_paused(cluster: &mut Cluster) {
    for_a_while(cluster, |redis| redis.halt(), |redis| redis.go_on());
}

fn redis_flushed(cluster: &mut Cluster) {
    at_each_time(cluster, |redis| redis.wipe());
}

fn redis_restarted(cluster: &mut Cluster) {
    for time in [BETWEEN, MIDDLE, DUE] {
        cluster.until_after_next_round(time);
        cluster.lapse(Duration::ZERO, Redis::kill, Redis::revive);
        cluster.load_for(SETTLED);
    }
}

fn redis_read_only(cluster: &mut Cluster) {
    let refuse = |redis: &mut Redis| redis.set("min-replicas-to-write", "1");
    for_a_while(cluster, refuse, |redis| redis.set("min-replicas-to-write", "0"));
    cluster.until_after_next_round(BETWEEN);
    cluster.lapse(LONG, |redis| redis.follow(true), |redis| redis.follow(false));
    cluster.load_for(SETTLED);
}

fn redis_full(cluster: &mut Cluster) {
    let fill = |redis: &mut Redis| redis.set("maxmemory", "1");
    for_a_while(cluster, fill, |redis| redis.set("maxmemory", "0"));
}

fn redis_evicted(cluster: &mut Cluster) {
    for end in ["claim", "last-good", "fresh"] {
        for time in [BETWEEN, MIDDLE] {
            cluster.until_after_next_round(time);
            cluster.redis.evict(end);
            cluster.load_for(ms(1200));
        }
    }
}

fn redis_failed_over(cluster: &mut Cluster) {
    for time in [BETWEEN, MIDDLE, DUE] {
        cluster.until_after_next_round(BETWEEN);
        let copy = cluster.redis.copy();
        cluster.until_next_round();
        cluster.until_after_next_round(time);
        cluster.redis.fail_over(&copy);
        cluster.load_for(ms(1200));
    }
}

fn killed(cluster: &mut Cluster) {
    let winner = cluster.until_after_next_round(MIDDLE);
    cluster.kill(winner);
    cluster.start_again(winner);
    cluster.load_for(SETTLED);
    let winner = cluster.until_after_next_round(BETWEEN);
    let loser = cluster.other_than(winner);
    cluster.kill(winner);
    cluster.kill(loser);
    cluster.load_for(ms(800));
    cluster.start_again(winner);
    cluster.start_again(loser);
    cluster.load_for(ms(1500));
    let winner = cluster.until_after_next_round(DUE);
    cluster.kill(winner);
    cluster.start_again(winner);
    cluster.load_for(SETTLED);
}

fn stopped(cluster: &mut Cluster) {
    let winner = cluster.until_after_next_round(MIDDLE);
    cluster.stand_still(winner, ms(600));
    cluster.load_for(SETTLED);
    let winner = cluster.until_after_next_round(BETWEEN);
    cluster.stand_still(cluster.other_than(winner), ms(1500));
    cluster.load_for(ms(1500));
    let winner = cluster.until_after_next_round(DUE);
    cluster.stand_still(winner, ms(1500));
    cluster.load_for(SETTLED);
}

/// Begins a run with few loads, because each process has its own clients, and all of them share two
/// processors.
fn begin(kind: &Kind, count: usize) -> Cluster {
    let think = match (wanted() > 0, count) {
        (true, ..=3) => ms(12),
        (false, ..=3) => ms(20),
        (true, _) => ms(30),
        (false, _) => ms(60),
    };
    Cluster::begin(kind.script.clone(), count, 2, Pace { clients: 1, think })
}

/// Runs one kind until the run has enough loads.
fn recorded(kind: &Kind, count: usize) -> Records {
    let mut cluster = begin(kind, count);
    cluster.until_first_page();
    loop {
        (kind.turn)(&mut cluster);
        if cluster.pages() >= wanted() {
            return cluster.end();
        }
    }
}

/// Runs kinds, and prints the table.
fn table(of: &str, count: usize, beside: usize, patience: Patience, kinds: &[Kind]) {
    let judge = if patience == Patience::Counted { verdict::judge_a_crowd } else { verdict::judge };
    let only = std::env::var("CHAOS_KIND").unwrap_or_default();
    let kinds: Vec<_> = kinds.iter().filter(|kind| kind.name.contains(&only)).collect();
    let next = Mutex::new(kinds.iter().enumerate());
    let done = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..beside.min(kinds.len()) {
            scope.spawn(|| {
                while let Some((place, kind)) = { next.lock().expect("kinds").next() } {
                    let judged = in_a_calm_moment(patience, || recorded(kind, count), judge);
                    done.lock().expect("records").insert(place, judged);
                }
            });
        }
    });
    let mut text = format!("\n{of}; ages and times in milliseconds\n{}\n", verdict::head());
    let mut broken = String::new();
    for (kind, (records, judgement)) in
        kinds.iter().zip(done.into_inner().expect("records").values())
    {
        let _ = writeln!(text, "{}", verdict::row(records, judgement, kind.name));
        let idle = verdict::idle(judgement);
        if !judgement.violated().is_empty() || !idle.is_empty() {
            let _ = writeln!(broken, "{} (idle: {idle:?}):\n{}", kind.name, judgement.said());
        }
    }
    println!("{text}");
    assert!(broken.is_empty(), "{text}\n{broken}");
}

/// Makes a kind with a slow upstream, so that faults can happen during a round.
fn kind(name: &'static str, turn: fn(&mut Cluster)) -> Kind {
    Kind { name, script: vec![Act::Slow(ms(30))], turn }
}

/// Returns each kind of fault on its own.
fn kinds() -> Vec<Kind> {
    let (keep, films) = (Act::Keep, Act::ChangeFilms);
    let confirmed = vec![Act::Change, keep, films, keep];
    vec![
        Kind { name: "healthy, changes", script: vec![Act::Change], turn: nothing },
        Kind { name: "healthy, 304 and changes", script: confirmed, turn: nothing },
        kind("Redis killed", redis_killed),
        kind("Redis paused", redis_paused),
        kind("Redis flushed", redis_flushed),
        kind("Redis restarted empty", redis_restarted),
        kind("Redis read-only", redis_read_only),
        kind("Redis full", redis_full),
        kind("Redis evicts", redis_evicted),
        kind("Redis failed over to old copy", redis_failed_over),
        kind("replicas killed", killed),
        kind("replicas stopped", stopped),
    ]
}

/// Returns a few kinds that combine the faults in a short form.
fn in_short() -> Vec<Kind> {
    let away = |cluster: &mut Cluster| {
        cluster.until_after_next_round(MIDDLE);
        cluster.lapse(LONG, Redis::kill, Redis::revive);
        cluster.load_for(SETTLED);
        cluster.until_after_next_round(BETWEEN);
        cluster.lapse(ms(1500), |redis| redis.halt(), |redis| redis.go_on());
        cluster.load_for(SETTLED);
    };
    let refusing = |cluster: &mut Cluster| {
        cluster.until_after_next_round(MIDDLE);
        cluster.lapse(LONG, |redis| redis.follow(true), |redis| redis.follow(false));
        cluster.load_for(SETTLED);
        let fill = |redis: &mut Redis| redis.set("maxmemory", "1");
        cluster.lapse(ms(1500), fill, |redis| redis.set("maxmemory", "0"));
        cluster.load_for(SETTLED);
    };
    let forgetful = |cluster: &mut Cluster| {
        at_each_time(cluster, |redis| redis.wipe());
        redis_failed_over(cluster);
    };
    let disturbed = |cluster: &mut Cluster| {
        let winner = cluster.until_after_next_round(MIDDLE);
        cluster.kill(winner);
        cluster.start_again(winner);
        cluster.load_for(SETTLED);
        let winner = cluster.until_after_next_round(BETWEEN);
        cluster.stand_still(cluster.other_than(winner), ms(1500));
        cluster.load_for(SETTLED);
    };
    vec![
        kind("Redis killed and paused", away),
        kind("Redis read-only and full", refusing),
        kind("Redis flushed and failed over", forgetful),
        kind("replicas killed and stopped", disturbed),
    ]
}

/// One kind runs at a time: six processes are too late on a machine with two processors.
#[test]
#[ignore = "needs redis-server"]
fn three_replicas_keep_every_promise_during_faults_of_redis_and_of_replicas() {
    let kinds = if wanted() == 0 { in_short() } else { kinds() };
    table("Three replicas", 3, 1, patience(), &kinds);
}

/// Ten processes keep a machine with few processors busy. Therefore only one kind runs at a time,
/// and lateness in a crowd is counted and not a breach.
#[test]
#[ignore = "needs redis-server"]
fn ten_replicas_that_start_at_the_same_time_keep_every_promise() {
    let in_short = |cluster: &mut Cluster| {
        cluster.until_after_next_round(BETWEEN);
        cluster.lapse(ms(1500), Redis::kill, Redis::revive);
        cluster.load_for(SETTLED);
        let winner = cluster.until_after_next_round(MIDDLE);
        cluster.kill(winner);
        cluster.start_again(winner);
        cluster.redis.wipe();
        cluster.load_for(SETTLED);
    };
    let kinds =
        if wanted() == 0 { vec![kind("Redis and a replica killed", in_short)] } else { kinds() };
    table("Ten replicas", 10, 1, Patience::Counted, &kinds);
}
