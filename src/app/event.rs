//! The events of the running program.
//!
//! Owns the one closed set of events and their sources. An event carries no input and is
//! idempotent: an event says *that* something may have changed, and the loop reads what is
//! true now.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tracing::{error, warn};

use crate::clock::{BootTime, Clock};
use crate::config::{Config, Upstream};
use crate::live::Live;
use crate::server::GRACE;
use crate::store::Stores;
use crate::theme;
use crate::watch::{FileWatch, watch_files};

/// An event of the loop. The order is the order in which events are handled that wait together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// The next refresh may be due.
    RefreshDue,
    /// A local file of the upstream was edited.
    FilesChanged,
    /// The configuration, the mapping and the templates must be read again (SIGHUP, or an edit of
    /// the mapping).
    Reload,
    /// A file of the theme was edited.
    TemplatesChanged,
    /// Another replica may have claimed a refresh, ended one or saved a payload.
    PayloadStored,
}

/// Longest sleep. Timers stand still while the machine is suspended, so the loop reads the
/// boot clock this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// Ends the program even if the loop is stuck in a template or on a disk. This is safe, because
/// the files on disk are complete at every instant.
fn end_in_time() {
    std::thread::sleep(GRACE + Duration::from_secs(1));
    error!("the program did not stop in time; exiting now");
    std::process::exit(1);
}

/// The sources of events.
pub(super) struct Events {
    receiver: mpsc::UnboundedReceiver<Event>,
    sender: mpsc::UnboundedSender<Event>,
    watch: Option<theme::Watch>,
    upstream_watch: WatchedFiles,
    mapping_watch: WatchedFiles,
    clock: Clock,
    /// Whether a due refresh let another event go first.
    gave_way: bool,
    /// Events that have happened and are not handled yet.
    waiting: BTreeSet<Event>,
    /// Whether the program must end (SIGTERM, SIGINT).
    stop: watch::Receiver<bool>,
}

/// Returns the local files of the upstream, and the file of the mapping.
fn files_of(config: &Config) -> [Vec<PathBuf>; 2] {
    let of_upstream = match &config.upstream {
        Upstream::Files(directory) => config.mapping.files_in(directory),
        _ => [None, None],
    };
    [of_upstream.into_iter().flatten().collect(), config.mapping_files.clone()]
}

/// Files with the watch on the files.
#[derive(Default)]
struct WatchedFiles {
    files: Vec<PathBuf>,
    watch: Option<FileWatch>,
}

impl WatchedFiles {
    /// Watches the files from now on, and sends an event after each change.
    fn renew(&mut self, sender: &mpsc::UnboundedSender<Event>, event: Event) {
        self.watch = None;
        if self.files.is_empty() {
            return;
        }
        let sender = sender.clone();
        // The loop may have ended; then the event has no receiver.
        let changed = move || sender.send(event).unwrap_or_default();
        match watch_files(&self.files, changed) {
            Ok(watch) => self.watch = Some(watch),
            Err(error) => {
                let names: Vec<_> =
                    self.files.iter().map(|file| file.display().to_string()).collect();
                let names = names.join(", ");
                warn!(
                    "{error:#}; edits of {names} are not noticed at once: send SIGHUP after an edit"
                );
            }
        }
    }
}

impl Events {
    /// Starts to listen for signals.
    pub(super) fn new(clock: Clock) -> Result<Events> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let (stops, stop) = watch::channel(false);
        for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
            let mut signals = signal(kind).context("cannot listen for signals")?;
            let stops = stops.clone();
            tokio::spawn(async move {
                while signals.recv().await.is_some() && stops.send(true).is_ok() {
                    std::thread::spawn(end_in_time);
                }
            });
        }
        let mut signals = signal(SignalKind::hangup()).context("cannot listen for signals")?;
        let reload = sender.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() && reload.send(Event::Reload).is_ok() {}
        });
        let waiting = BTreeSet::new();
        let (upstream_watch, mapping_watch) = (WatchedFiles::default(), WatchedFiles::default());
        Ok(Events {
            receiver,
            sender,
            watch: None,
            upstream_watch,
            mapping_watch,
            clock,
            gave_way: false,
            waiting,
            stop,
        })
    }

    /// Returns a future that ends when the program must end.
    pub(super) fn stopped(&self) -> impl Future<Output = ()> + use<> {
        let mut stop = self.stop.clone();
        async move {
            // Without a sender, no signal is received any more.
            let _ = stop.wait_for(|is_stopped| *is_stopped).await;
        }
    }

    /// Watches this directory of templates from now on, or no directory.
    pub(super) fn watch_templates(&mut self, directory: Option<&Path>) {
        self.watch = None;
        let Some(directory) = directory else { return };
        let sender = self.sender.clone();
        let changed = move || {
            // The loop may have ended; then the event has no receiver.
            let _ = sender.send(Event::TemplatesChanged);
        };
        match theme::watch(directory, changed) {
            Ok(watch) => self.watch = Some(watch),
            Err(error) => {
                warn!("{error:#}; edits of templates are not noticed: send SIGHUP after an edit")
            }
        }
    }

    /// Watches the local files of the upstream and the files of the mapping, if the configuration
    /// names other files than before.
    pub(super) fn watch_files(&mut self, config: &Config) {
        let [of_upstream, of_mapping] = files_of(config);
        if self.upstream_watch.files != of_upstream {
            self.upstream_watch.files = of_upstream;
            self.renew_upstream_watch();
        }
        if self.mapping_watch.files != of_mapping {
            self.mapping_watch.files = of_mapping;
            self.renew_mapping_watch();
        }
    }

    /// Watches the local files of the upstream again, because other files may be at their paths.
    pub(super) fn renew_upstream_watch(&mut self) {
        self.upstream_watch.renew(&self.sender, Event::FilesChanged);
    }

    /// As [`Events::renew_upstream_watch`], for the files of the mapping.
    pub(super) fn renew_mapping_watch(&mut self) {
        self.mapping_watch.renew(&self.sender, Event::Reload);
    }

    /// Listens to the announcements of other replicas from now on.
    pub(super) fn hear_replicas(&self, stores: &Arc<Stores>) {
        let (stores, sender) = (stores.clone(), self.sender.clone());
        tokio::spawn(async move {
            let Some(redis) = stores.redis() else { return };
            // The loop may have ended; then the event has no receiver.
            let heard = || {
                let _ = sender.send(Event::PayloadStored);
            };
            redis.hear(heard).await;
        });
    }

    /// Returns the next event, at `due` at the latest if `due` is given. Every `poll`, the loop
    /// reads what other replicas did, because announcements may be lost.
    ///
    /// Wakes the requests that wait at `live`, so that they check their deadlines again after a
    /// suspend of the machine.
    pub(super) async fn next(
        &mut self,
        due: Option<BootTime>,
        poll: Option<Duration>,
        live: &Live,
    ) -> Event {
        let polled = self.clock.now().boot;
        loop {
            self.take_in();
            let now = self.clock.now().boot;
            if due.is_some_and(|due| due <= now) {
                // Events that have happened come first. A stream of events must not keep a due
                // refresh from its turn.
                self.gave_way = !self.gave_way;
                let first = if self.gave_way { self.waiting.pop_first() } else { None };
                return first.unwrap_or(Event::RefreshDue);
            }
            if let Some(event) = self.waiting.pop_first() {
                return event;
            }
            if let Some(poll) = poll
                && polled + poll <= now
            {
                return Event::PayloadStored;
            }
            let naps = [due.map(|due| due.since(now)), poll.map(|poll| (polled + poll).since(now))];
            let nap = naps.into_iter().flatten().min().unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP);
            tokio::select! {
                event = self.receiver.recv() => self.waiting.extend(event),
                () = live.wanted() => {}
                () = tokio::time::sleep(nap) => {}
            }
        }
    }

    /// Keeps the events that happen for later, until `poll` is over.
    pub(super) async fn keep(&mut self, poll: Option<Duration>) {
        let polled = self.clock.now().boot;
        loop {
            let passed = self.clock.now().boot.since(polled);
            if poll.is_some_and(|poll| poll <= passed) {
                return;
            }
            let nap = poll.map_or(LONGEST_SLEEP, |poll| (poll - passed).min(LONGEST_SLEEP));
            tokio::select! {
                event = self.receiver.recv() => self.waiting.extend(event),
                () = tokio::time::sleep(nap) => {}
            }
        }
    }

    /// Takes the events that have happened. Equal events (edits or announcements) become one event.
    fn take_in(&mut self) {
        while let Ok(event) = self.receiver.try_recv() {
            self.waiting.insert(event);
        }
    }
}
