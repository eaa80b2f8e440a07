//! The events of the running program.
//!
//! Owns the one closed set of events and their sources. An event carries no input and is
//! idempotent: an event says *that* something may have changed, and the loop reads what is
//! true now.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing::{error, warn};

use crate::clock::{BootTime, Clock};
use crate::live::Live;
use crate::server::GRACE;
use crate::store::Stores;
use crate::theme;

/// An event of the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// The next refresh may be due.
    RefreshDue,
    /// Another replica may have claimed a refresh, ended one or saved a payload.
    PayloadStored,
    /// A file of the theme was edited.
    TemplatesChanged,
    /// The configuration and the templates must be read again (SIGHUP).
    Reload,
    /// The program must end (SIGTERM, SIGINT).
    Stop,
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
    clock: Clock,
    /// Whether a due refresh let another event go first.
    gave_way: bool,
    /// The event that ended a burst of equal events.
    put_back: Option<Event>,
}

impl Events {
    /// Starts to listen for signals.
    pub(super) fn new(clock: Clock) -> Result<Events> {
        let (sender, receiver) = mpsc::unbounded_channel();
        for (kind, event) in [
            (SignalKind::terminate(), Event::Stop),
            (SignalKind::interrupt(), Event::Stop),
            (SignalKind::hangup(), Event::Reload),
        ] {
            let mut signals = signal(kind).context("cannot listen for signals")?;
            let sender = sender.clone();
            tokio::spawn(async move {
                while signals.recv().await.is_some() && sender.send(event).is_ok() {
                    if event == Event::Stop {
                        std::thread::spawn(end_in_time);
                    }
                }
            });
        }
        Ok(Events { receiver, sender, watch: None, clock, gave_way: false, put_back: None })
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
            let now = self.clock.now().boot;
            if due.is_some_and(|due| due <= now) {
                // Events that have happened come first, above all a stop. A stream of events must
                // not keep a due refresh from its turn.
                self.gave_way = !self.gave_way;
                let first = if self.gave_way { self.happened() } else { None };
                return first.map_or(Event::RefreshDue, |event| self.latest(event));
            }
            if let Some(event) = self.put_back.take() {
                return self.latest(event);
            }
            if let Some(poll) = poll
                && polled + poll <= now
            {
                return Event::PayloadStored;
            }
            let naps = [due.map(|due| due.since(now)), poll.map(|poll| (polled + poll).since(now))];
            let nap = naps.into_iter().flatten().min().unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP);
            tokio::select! {
                event = self.receiver.recv() => return self.latest(event.unwrap_or(Event::Stop)),
                () = live.wanted() => {}
                () = tokio::time::sleep(nap) => {}
            }
        }
    }

    /// Returns an event that has happened already, if any.
    fn happened(&mut self) -> Option<Event> {
        self.put_back.take().or_else(|| self.receiver.try_recv().ok())
    }

    /// Merges a burst of equal events (edits or announcements) into one event.
    fn latest(&mut self, event: Event) -> Event {
        if matches!(event, Event::TemplatesChanged | Event::PayloadStored) {
            let mut next = self.happened();
            while next == Some(event) {
                next = self.happened();
            }
            self.put_back = next;
        }
        event
    }
}
