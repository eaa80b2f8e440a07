//! One run: a scripted upstream, the real program, and clients.
//!
//! Owns the faults of the process during the run, and the record of these faults. The program
//! keeps its files in memory, because the speed of the disk must not decide what the clients
//! see.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::clients::{Clients, Pace, Target};
use super::history::{Epoch, History, Kill, Moment, Promised, Stop};
use super::upstream::{Script, Scripted};
use crate::fixture::{Running, Site, found, wait_until};

/// A run that has not ended.
#[must_use]
pub(crate) struct Run {
    pub(crate) upstream: Scripted,
    pub(crate) site: Site,
    epoch: Epoch,
    server: Option<Running>,
    target: Target,
    clients: Clients,
    kills: Vec<Kill>,
    stops: Vec<Stop>,
}

/// The arguments of the program for [`Promised::SCALED`].
pub(crate) const SCALED: [&str; 6] = ["--interval", "1s", "--max-age", "1s", "--hold", "300ms"];

impl Run {
    pub(crate) fn begin(script: Script, pace: Pace, arguments: &[&str]) -> Run {
        let epoch = Epoch::begin();
        let upstream = Scripted::start(script, epoch);
        let url = format!("http://{}", upstream.address());
        let site = Site::in_memory().with(&["--upstream", &url]).with(arguments);
        let server = site.serve();
        let target: Target = Arc::new(Mutex::new(server.address));
        let clients = Clients::start(&target, epoch, pace);
        let server = Some(server);
        let (kills, stops) = (Vec::new(), Vec::new());
        Run { upstream, site, epoch, server, target, clients, kills, stops }
    }

    /// Returns the number of pages that were loaded until now.
    pub(crate) fn pages(&self) -> usize {
        self.clients.pages()
    }

    /// Waits until `count` refreshes have begun. Returns the start of the last refresh.
    pub(crate) fn until_round(&self, count: u32) -> Moment {
        wait_until(&format!("refresh {count}"), || self.upstream.rounds() >= count);
        self.upstream.last_round().expect("a round").0
    }

    /// Waits for the next refresh.
    pub(crate) fn until_next_round(&self) -> Moment {
        self.until_round(self.upstream.rounds() + 1)
    }

    /// Lets the clients load until this moment.
    pub(crate) fn load_until(&self, moment: Moment) {
        std::thread::sleep(moment.since(self.epoch.now()));
    }

    /// Lets the clients load for this time.
    pub(crate) fn load_for(&self, span: Duration) {
        self.load_until(self.epoch.now() + span);
    }

    /// Kills the process with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.kills.push(Kill { of: 0, at: self.epoch.now(), back: None });
        self.server.take().expect("a running process").kill();
    }

    /// Starts the process again.
    pub(crate) fn start_again(&mut self) {
        let server = self.site.serve();
        if let Some(kill) = self.kills.last_mut() {
            kill.back = Some(self.epoch.now());
        }
        *self.target.lock().expect("an address") = server.address;
        self.server = Some(server);
    }

    /// Stops the process with SIGSTOP, and continues the process with SIGCONT after this time.
    pub(crate) fn stand_still(&mut self, span: Duration) {
        let server = self.server.as_ref().expect("a running process");
        let from = self.epoch.now();
        server.halt();
        let settled = self.epoch.now();
        self.load_until(from + span);
        server.go_on();
        self.stops.push(Stop { of: 0, from, settled, to: self.epoch.now() });
    }

    /// Ends the run. Returns the records, which are judged by these promises.
    pub(crate) fn end(self, promised: Promised) -> History {
        let loads = self.clients.end().remove(0);
        drop(self.server);
        let asked = self.upstream.log();
        let (kills, stops, lapses) = (self.kills, self.stops, Vec::new());
        History { promised, of: 0, asked, loads, kills, stops, lapses }
    }

    /// Waits until a page was loaded.
    pub(crate) fn until_first_page(&self) {
        found("a first page", || (self.pages() > 0).then_some(()));
    }
}
