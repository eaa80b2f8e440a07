//! One run of several processes that share a Redis, and the faults of the run.
//!
//! Owns the record of every fault that is made. As with one process, the processes keep their
//! files in memory.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::crowds::Watch;
use super::records::Records;
use crate::chaos::clients::{Clients, Pace, Target};
use crate::chaos::history::{Epoch, Kill, Lapse, Moment, Promised, Replica, Stop};
use crate::chaos::upstream::{Script, Scripted};
use crate::fixture::{Redis, Running, Site, found, wait_until};

/// The promises of these runs. The hold is longer than for one process, because two times do not
/// scale with the interval (100 ms before the bound, 100 ms for Redis). With a shorter hold, no
/// time would be left for the upstream while Redis is away.
pub(crate) const PROMISED: Promised =
    Promised { hold: Duration::from_millis(600), ..Promised::SCALED };
const SCALED: [&str; 6] = ["--interval", "1s", "--max-age", "1s", "--hold", "600ms"];

/// A run that has not ended.
#[must_use]
pub(crate) struct Cluster<R = Redis> {
    pub(crate) upstream: Scripted,
    pub(crate) redis: R,
    epoch: Epoch,
    sites: Vec<Site>,
    servers: Vec<Option<Running>>,
    targets: Vec<Target>,
    clients: Clients,
    kills: Vec<Kill>,
    stops: Vec<Stop>,
    lapses: Vec<Lapse>,
    complaints: Vec<Vec<Moment>>,
    watch: Watch,
}

impl Cluster {
    /// Starts all processes at the same time, with a Redis of their own.
    pub(crate) fn begin(script: Script, count: usize, movers: usize, pace: Pace) -> Cluster {
        let redis = Redis::start();
        let at = redis.url();
        Cluster::begin_at(redis, &at, script, count, movers, pace)
    }
}

impl<R> Cluster<R> {
    /// Starts all processes at the same time. `at` is the address for `--redis`.
    pub(crate) fn begin_at(
        redis: R,
        at: &str,
        script: Script,
        count: usize,
        movers: usize,
        pace: Pace,
    ) -> Cluster<R> {
        let epoch = Epoch::begin();
        let upstream = Scripted::start(script, epoch);
        let url = format!("http://{}", upstream.address());
        let site = |replica: usize| {
            let limit = Scripted::limit_of(replica).to_string();
            let arguments = ["--upstream", &url, "--redis", at, "--limit", &limit];
            Site::in_memory().with(&arguments).with(&SCALED)
        };
        let sites: Vec<_> = (0..count).map(site).collect();
        let servers: Vec<_> = std::thread::scope(|scope| {
            let starting: Vec<_> =
                sites.iter().map(|site| scope.spawn(move || site.serve().ready())).collect();
            starting.into_iter().map(|server| server.join().expect("a server")).collect()
        });
        // The first build takes longer than the hold, so loads would not wait for the next data until
        // some shorter refreshes have ended.
        let settled = upstream.rounds() + 4;
        wait_until("four more refreshes", || upstream.rounds() >= settled);
        let target = |server: &Running| Arc::new(Mutex::new(server.address));
        let targets: Vec<_> = servers.iter().map(target).collect();
        let clients = Clients::among(&targets, movers, epoch, pace);
        let servers = servers.into_iter().map(Some).collect();
        let (kills, stops, lapses) = (Vec::new(), Vec::new(), Vec::new());
        let complaints = vec![Vec::new(); count];
        Cluster {
            upstream,
            redis,
            epoch,
            sites,
            servers,
            targets,
            clients,
            kills,
            stops,
            lapses,
            complaints,
            watch: Watch::begin(epoch),
        }
    }

    /// Returns the number of pages that were loaded until now.
    pub(crate) fn pages(&self) -> usize {
        self.clients.pages()
    }

    /// Waits until a page was loaded.
    pub(crate) fn until_first_page(&self) {
        found("a first page", || (self.pages() > 0).then_some(()));
    }

    /// Waits for the next refresh. Returns its start and its process.
    pub(crate) fn until_next_round(&self) -> (Moment, Replica) {
        let count = self.upstream.rounds() + 1;
        wait_until(&format!("refresh {count}"), || self.upstream.rounds() >= count);
        self.upstream.last_round().expect("a round")
    }

    /// Waits until `span` after the start of the next refresh. Returns the process of the refresh.
    pub(crate) fn until_after_next_round(&self, span: Duration) -> Replica {
        let (round, by) = self.until_next_round();
        self.load_until(round + span);
        by
    }

    /// Returns another process than this one.
    pub(crate) fn other_than(&self, replica: Replica) -> Replica {
        (replica + 1) % self.servers.len()
    }

    /// Lets the clients load until this moment.
    fn load_until(&self, moment: Moment) {
        std::thread::sleep(moment.since(self.epoch.now()));
    }

    /// Lets the clients load for this time.
    pub(crate) fn load_for(&self, span: Duration) {
        self.load_until(self.epoch.now() + span);
    }

    /// Kills a process with SIGKILL.
    pub(crate) fn kill(&mut self, of: Replica) {
        self.kills.push(Kill { of, at: self.epoch.now(), back: None });
        let server = self.servers[of].take().expect("a running process");
        self.complaints[of].extend(complaints(&server, self.epoch));
        server.kill();
    }

    /// Starts a killed process again.
    pub(crate) fn start_again(&mut self, of: Replica) {
        let server = self.sites[of].serve();
        let back = Some(self.epoch.now());
        if let Some(kill) = self.kills.iter_mut().rev().find(|kill| kill.of == of) {
            kill.back = back;
        }
        *self.targets[of].lock().expect("an address") = server.address;
        self.servers[of] = Some(server);
    }

    /// Stops a process with SIGSTOP, and continues the process with SIGCONT after this time.
    pub(crate) fn stand_still(&mut self, of: Replica, span: Duration) {
        let server = self.servers[of].as_ref().expect("a running process");
        let from = self.epoch.now();
        server.halt();
        let settled = self.epoch.now();
        self.load_until(from + span);
        server.go_on();
        self.stops.push(Stop { of, from, settled, to: self.epoch.now() });
    }

    /// Makes a lapse of Redis of this length, with the actions `begin` and `end`.
    pub(crate) fn lapse(
        &mut self,
        span: Duration,
        begin: impl FnOnce(&mut R),
        end: impl FnOnce(&mut R),
    ) {
        let from = self.epoch.now();
        begin(&mut self.redis);
        self.load_until(from + span);
        end(&mut self.redis);
        self.lapses.push(Lapse { from, to: self.epoch.now() });
    }

    /// Ends the run, and returns the records.
    pub(crate) fn end(mut self) -> Records {
        let loads = self.clients.end();
        for (sum, server) in self.complaints.iter_mut().zip(&self.servers) {
            sum.extend(server.iter().flat_map(|server| complaints(server, self.epoch)));
        }
        drop(self.servers);
        let (asked, kills, stops) = (self.upstream.log(), self.kills, self.stops);
        let (lapses, complaints) = (self.lapses, self.complaints);
        Records {
            promised: PROMISED,
            asked,
            loads,
            kills,
            stops,
            lapses,
            complaints,
            crowds: self.watch.end(),
        }
    }
}

/// Returns the moments at which a process logged that Redis cannot be used.
fn complaints(server: &Running, epoch: Epoch) -> Vec<Moment> {
    let log = server.log();
    let said = log.lines().filter(|line| line.contains("Redis cannot be used"));
    let at = said.filter_map(|line| epoch.of_header(line.split_whitespace().next()?));
    at.collect()
}
