//! Tests of failovers of a real Redis under load: with sentinels, and in a cluster.
//!
//! Owns the bound on the time from the end of the master to the first save at the next master. As
//! with other faults, `CHAOS_LOADS` sets the minimum number of loads.

#![allow(clippy::print_stdout, reason = "a person reads the table")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::records::Records;
use super::run::Cluster;
use super::verdict;
use crate::chaos::calm::in_a_calm_moment;
use crate::chaos::clients::Pace;
use crate::chaos::faults::{patience, wanted};
use crate::chaos::upstream::Act;
use crate::fixture::{RedisServer, Sharded, Watched, found};

/// Longest time from the end of a master to the first save at the next master.
const LONGEST: Duration = Duration::from_secs(5);
/// Time in which all promises apply again, with some further rounds.
const SETTLED: Duration = Duration::from_millis(4000);

/// A Redis with more than one server.
trait FailsOver: Sized {
    fn begin() -> Self;
    /// Returns the address for `--redis`.
    fn address(&self) -> String;
    fn servers(&mut self) -> &mut [RedisServer];
    /// Gives the master a replica.
    fn prepare(&mut self) {}
    /// Returns the master that all others accept, if there is one.
    fn accepted(&self) -> Option<usize>;
    /// Makes a killed master a replica of the next master.
    fn restored(&mut self, dead: usize);
}

impl FailsOver for Watched {
    fn begin() -> Watched {
        Watched::start()
    }

    fn address(&self) -> String {
        self.url()
    }

    fn servers(&mut self) -> &mut [RedisServer] {
        &mut self.servers
    }

    fn accepted(&self) -> Option<usize> {
        self.master()
    }

    fn restored(&mut self, dead: usize) {
        self.restore(dead);
    }
}

/// The processes know the address of one node, which may or may not be the node with the keys.
impl FailsOver for Sharded {
    fn begin() -> Sharded {
        Sharded::start()
    }

    fn address(&self) -> String {
        self.url_of(1)
    }

    fn servers(&mut self) -> &mut [RedisServer] {
        &mut self.nodes
    }

    fn prepare(&mut self) {
        self.replicate(self.owner());
    }

    fn accepted(&self) -> Option<usize> {
        self.accepted_owner()
    }

    fn restored(&mut self, dead: usize) {
        self.restore(dead);
    }
}

/// Times after the start of a round at which the master is killed: during the round, and between two
/// rounds.
const TIMES: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(500)];

/// Kills the master at this time, until there are enough loads. Returns the records, and the duration of
/// the longest failover.
fn recorded<R: FailsOver>(time: Duration) -> (Records, Duration) {
    let redis = R::begin();
    let address = redis.address();
    let pace = Pace { clients: 1, think: Duration::from_millis(20) };
    let slow = vec![Act::Slow(Duration::from_millis(30))];
    let mut cluster = Cluster::begin_at(redis, &address, slow, 3, 2, pace);
    cluster.until_first_page();
    cluster.redis.prepare();
    let mut longest = Duration::ZERO;
    loop {
        cluster.until_after_next_round(time);
        longest = longest.max(fails_over(&mut cluster));
        if cluster.pages() >= wanted() {
            return (cluster.end(), longest);
        }
    }
}

/// Kills the master. Returns the time until the first claim and the first save at the next master.
fn fails_over<R: FailsOver>(cluster: &mut Cluster<R>) -> Duration {
    let old = cluster.redis.accepted().expect("a master");
    let before = cluster.redis.servers()[old].fences();
    let (began, mut new) = (Instant::now(), old);
    cluster.lapse(
        Duration::ZERO,
        |redis| redis.servers()[old].kill(),
        |redis| new = found("another master", || redis.accepted().filter(|&now| now != old)),
    );
    cluster.redis.servers()[new].wait_for_later(before);
    let took = began.elapsed();
    cluster.load_for(SETTLED);
    cluster.redis.restored(old);
    took
}

fn every_promise_is_kept<R: FailsOver>(name: &str) {
    let mut longest = Duration::ZERO;
    let (mut text, mut broken) = (verdict::head(), String::new());
    for time in TIMES {
        let judge = |(records, _): &(Records, Duration)| verdict::judge(records);
        let ((records, took), judgement) =
            in_a_calm_moment(patience(), || recorded::<R>(time), judge);
        longest = longest.max(took);
        let name = format!("{name} after {time:?}");
        let _ = write!(text, "\n{}", verdict::row(&records, &judgement, &name));
        let idle = verdict::idle(&judgement);
        if !judgement.violated().is_empty() || !idle.is_empty() {
            let _ = writeln!(broken, "{name} (idle: {idle:?}):\n{}", judgement.said());
        }
    }
    println!("\n{text}\nlongest failover {longest:?}");
    assert!(broken.is_empty(), "{text}\n{broken}");
    assert!(longest < LONGEST, "a failover took {longest:?}");
}

#[test]
#[ignore = "needs redis-server"]
fn three_replicas_keep_every_promise_while_sentinels_replace_the_master() {
    every_promise_is_kept::<Watched>("Sentinel, killed");
}

#[test]
#[ignore = "needs redis-server"]
fn three_replicas_keep_every_promise_while_a_cluster_replaces_the_node_with_the_keys() {
    every_promise_is_kept::<Sharded>("Cluster, killed");
}
