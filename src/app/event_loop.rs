//! The loop over the events of a running program.
//!
//! Owns what follows from each event. The loop does nothing that grows with the site: each act of the
//! pipeline runs in the [`Workshop`], and events that happen meanwhile wait for the end of the act.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tracing::{debug, error, info, warn};

use super::asking::{Asking, Fetched};
use super::edits::Edits;
use super::event::{Event, Events};
use super::refresh::Finished;
use super::report::{self, Done};
use super::settings_in_force;
use super::trouble::Trouble;
use super::wiring::Wired;
use super::workshop::Workshop;
use crate::cli::Cli;
use crate::clock::{BootTime, Clock};
use crate::coming;
use crate::config::{self, Config, Upstream};
use crate::hold::Coming;
use crate::live::{Live, StoreState};
use crate::outcome::{Failure, FailureKind};
use crate::service::ServiceManager;
use crate::store::{Claim, Edition, Granted, Store, Stores};

/// Time until the next try to record an attempt, after a failure to record.
const RETRY: Duration = Duration::from_secs(10);

/// The end of an act of the pipeline.
enum ActEnd {
    /// The site shows what is known now.
    Shown,
    /// The process has the data of this claim, so that the requests may be sent.
    MayAsk(Granted),
    /// A refresh ended.
    Refreshed(Finished),
    /// The configuration was read again. The next refresh may start at this time.
    Reloaded(Box<Config>, BootTime),
}

/// The requests of the refresh that is being made.
enum RefreshRequests {
    /// No refresh is being made.
    None,
    /// The upstream has not answered yet.
    InFlight(Asking),
    /// The answer waits for the end of an act.
    Answered(Box<Fetched>),
}

impl RefreshRequests {
    /// Waits for the answer of the upstream. Does not end if no request is in flight.
    async fn answered(&mut self) -> Fetched {
        match self {
            RefreshRequests::InFlight(asking) => asking.await,
            _ => std::future::pending().await,
        }
    }

    fn take_answer(&mut self) -> Option<Fetched> {
        match std::mem::replace(self, RefreshRequests::None) {
            RefreshRequests::Answered(answer) => Some(*answer),
            other => {
                *self = other;
                None
            }
        }
    }
}

/// The loop, with everything that lasts from one event to the next.
pub(super) struct EventLoop {
    workshop: Workshop<ActEnd>,
    stores: Arc<Stores>,
    live: Live,
    events: Events,
    clock: Clock,
    config: Config,
    cli: Cli,
    /// Time at which the next refresh may start.
    due: BootTime,
    requests: RefreshRequests,
    edits: Edits,
    trouble: Trouble,
    manager: ServiceManager,
}

impl EventLoop {
    /// Makes the loop of a wired site.
    pub(super) fn of(
        wired: Wired,
        config: Config,
        cli: &Cli,
        clock: &Clock,
        events: Events,
    ) -> EventLoop {
        EventLoop {
            stores: wired.refresher.stores.clone(),
            live: wired.live.clone(),
            workshop: Workshop::AtHand(Box::new(wired)),
            events,
            clock: clock.clone(),
            config,
            cli: cli.clone(),
            due: clock.now().boot,
            requests: RefreshRequests::None,
            edits: Edits::default(),
            trouble: Trouble::default(),
            manager: ServiceManager::find(),
        }
    }

    /// Runs until the program is told to stop.
    ///
    /// # Errors
    /// Fails if the pipeline cannot run.
    pub(super) async fn run(mut self) -> Result<()> {
        self.workshop.start(async |wired| {
            if wired.refresher.front.publisher.is_unchecked() {
                // To load the data of a large site takes seconds.
                wired.refresher.show_published();
            }
            wired.show_what_is_there().await;
            ActEnd::Shown
        })?;
        self.events.hear_replicas(&self.stores);
        let mut stopped = pin!(self.events.stopped());
        loop {
            self.live.put_store(match (self.stores.is_shared(), self.stores.is_away()) {
                (false, _) => StoreState::Alone,
                (true, false) => StoreState::Shared,
                (true, true) => StoreState::Away,
            });
            let live = &self.live;
            self.manager
                .note_shown(|| Some(live.snapshot().site.as_ref()?.origin.wall.to_string()));
            let (poll, is_idle) = (self.poll(), self.workshop.is_at_hand());
            let due = (!self.is_refreshing()).then_some(self.due);
            tokio::select! {
                biased;
                // No refresh has to be finished: the attempt is recorded, and the live generation is
                // complete.
                () = &mut stopped => break,
                ended = self.workshop.ended() => self.after(ended?)?,
                fetched = self.requests.answered() => {
                    self.requests = RefreshRequests::Answered(Box::new(fetched));
                    self.finish()?;
                }
                () = self.manager.next_sign() => {}
                event = next(&mut self.events, is_idle, due, poll, &self.live) => match event {
                    Some(event) => self.on(event).await?,
                    None => self.restore().await,
                },
            }
        }
        info!("stopping");
        self.manager.stopping();
        // Release the visitors that wait for data, because no data will come.
        self.live.put_coming(Coming::Failed);
        Ok(())
    }

    /// Whether requests are in flight or answered, so that no other refresh may start.
    fn is_refreshing(&self) -> bool {
        !matches!(self.requests, RefreshRequests::None)
    }

    /// Returns the time until the next read of what other replicas did, if there can be others.
    fn poll(&self) -> Option<Duration> {
        let is_asking = matches!(self.requests, RefreshRequests::InFlight(_));
        let (coming, now) = (self.live.snapshot().coming, self.clock.now().boot);
        let again = self.stores.asked_again_in();
        let is_shared = self.stores.is_shared();
        is_shared.then(|| coming::look_again_in(coming, is_asking, again, self.config.hold, now))
    }

    /// Goes on after an act.
    fn after(&mut self, ended: ActEnd) -> Result<()> {
        match ended {
            ActEnd::Shown => {}
            ActEnd::MayAsk(granted) => {
                if let Some(wired) = self.workshop.at_hand() {
                    self.requests = RefreshRequests::InFlight(wired.refresher.ask(granted));
                }
            }
            ActEnd::Refreshed(finished) => {
                self.due = self.due_after(&finished);
                tell(finished.result, &self.live, &mut self.trouble);
            }
            ActEnd::Reloaded(config, due) => {
                (self.config, self.due) = (*config, due);
                self.events.watch_templates(self.config.templates.as_deref());
                self.events.watch_files(&self.config);
                self.manager.reloaded();
            }
        }
        self.finish()
    }

    /// Takes in the answer of the upstream, if there is one and no act works.
    fn finish(&mut self) -> Result<()> {
        if !self.workshop.is_at_hand() {
            return Ok(());
        }
        let Some(answer) = self.requests.take_answer() else { return Ok(()) };
        self.workshop
            .start(async move |wired| ActEnd::Refreshed(wired.refresher.finish(answer).await))
    }

    /// Handles an event. No act works meanwhile.
    async fn on(&mut self, event: Event) -> Result<()> {
        match event {
            Event::RefreshDue => self.begin().await,
            Event::FilesChanged => {
                // Watch again before the files are read: an edit in between is not missed.
                self.events.renew_upstream_watch();
                self.edits.is_new = true;
                if self.is_refreshing() { Ok(()) } else { self.begin().await }
            }
            Event::PayloadStored => self.look().await,
            Event::TemplatesChanged => {
                // Watch again before the templates are read: an edit in between is not missed.
                self.events.watch_templates(self.config.templates.as_deref());
                let config = self.config.clone();
                self.workshop.start(async move |wired| {
                    show_again(wired, &config, "the templates");
                    ActEnd::Shown
                })
            }
            Event::Reload => {
                self.manager.reloading();
                self.events.renew_mapping_watch();
                let (old, cli) = (self.config.clone(), self.cli.clone());
                self.workshop.start(async move |wired| {
                    let config = reload(wired, old, &cli);
                    ActEnd::Reloaded(Box::new(config), wired.refresher.next_due())
                })
            }
        }
    }

    /// Returns the time of the next refresh after a refresh that ended. Local files that were edited
    /// meanwhile are read again at once, and local files that could not be read are read again soon.
    fn due_after(&mut self, finished: &Finished) -> BootTime {
        let has_files = matches!(self.config.upstream, Upstream::Files(_));
        // A whole file that is not plausible stays so until somebody edits the file.
        let is_unread = |failure: &Failure| failure.kind != FailureKind::Implausible;
        let is_unread = has_files && finished.result.as_ref().err().is_some_and(is_unread);
        if is_unread {
            // The directory of the files may be another directory.
            self.events.renew_upstream_watch();
        }
        let wait = self.edits.wait_after(is_unread);
        wait.map_or(finished.next, |wait| finished.next.min(self.clock.now().boot + wait))
    }

    /// Starts a refresh that is due. Nothing is loaded, rendered or published between the claim and
    /// the requests, except if another process saved newer data in the moment of the claim.
    async fn begin(&mut self) -> Result<()> {
        let Some(wired) = self.workshop.at_hand() else { return Ok(()) };
        self.edits.is_new = false;
        match wired.refresher.claim().await {
            Ok(Claim::Granted(granted)) if wired.refresher.differs_from(granted.saved) => {
                self.workshop.start(async move |wired| {
                    wired.refresher.take_up(granted.saved).await;
                    ActEnd::MayAsk(granted)
                })?;
            }
            Ok(Claim::Granted(granted)) => {
                self.requests = RefreshRequests::InFlight(wired.refresher.ask(granted));
            }
            Ok(Claim::Denied(denied)) => {
                self.due = self.clock.now().boot + denied.wait.remaining;
                if !wired.refresher.differs_from(denied.standing.saved) {
                    wired.refresher.wait_for(&denied).await;
                    return Ok(());
                }
                self.workshop.start(async move |wired| {
                    wired.refresher.wait_for(&denied).await;
                    ActEnd::Shown
                })?;
            }
            Err(error) => {
                let text = format!("{error:#}");
                if self.trouble.met(&text) {
                    let meanwhile = report::meanwhile(&self.live);
                    warn!("no refresh can start; {meanwhile}: {text}");
                }
                self.due = self.clock.now().boot + self.config.interval.min(RETRY);
            }
        }
        Ok(())
    }

    /// Takes over what another replica saved, and what is known of the attempt of that replica.
    /// During a refresh, only restores what Redis lost; the rest follows after the refresh.
    async fn look(&mut self) -> Result<()> {
        let standing = match self.stores.standing().await {
            Ok(standing) => standing,
            Err(error) => {
                warn!("cannot read the last attempt: {error:#}");
                return Ok(());
            }
        };
        let is_refreshing = self.is_refreshing();
        let wired = self.workshop.at_hand().filter(|_| !is_refreshing);
        let Some(wired) = wired else { return Ok(()) };
        // If Redis is empty, give back what this process knows.
        let saved = standing.as_ref().map_or(Edition::default(), |standing| standing.saved);
        let is_shown = !wired.refresher.differs_from(saved);
        let due = self.due;
        let put_coming = move |wired: &Wired| {
            let coming = standing.map(|standing| wired.refresher.coming(&standing, due));
            coming.into_iter().for_each(|coming| wired.live.put_coming(coming));
        };
        if is_shown {
            put_coming(wired);
            return Ok(());
        }
        self.workshop.start(async move |wired| {
            wired.refresher.take_up(saved).await;
            put_coming(wired);
            ActEnd::Shown
        })
    }

    /// Restores a claim that Redis lost while an act works with the site.
    async fn restore(&self) {
        if let Err(error) = self.stores.standing().await {
            debug!("cannot read the last attempt: {error:#}");
        }
    }
}

/// Returns the next event. If an act works with the site, keeps the events for later and returns
/// `None` after `poll`.
async fn next(
    events: &mut Events,
    is_idle: bool,
    due: Option<BootTime>,
    poll: Option<Duration>,
    live: &Live,
) -> Option<Event> {
    if is_idle {
        return Some(events.next(due, poll, live).await);
    }
    events.keep(poll).await;
    None
}

/// Logs how a refresh ended. A failure that lasts is logged once.
fn tell(refreshed: Result<Done, Failure>, live: &Live, trouble: &mut Trouble) {
    match refreshed {
        Ok(done) => {
            if let Some(times) = trouble.over() {
                info!(times, "refreshes work again after {times} failed refreshes");
            }
            done.tell(live);
        }
        Err(failure) => {
            let sets = failure.refused.as_ref().map(|refused| &refused.sets);
            if trouble.met(&format!("{} {sets:?}", failure.kind)) {
                report::tell_failure(&failure, live);
            } else {
                debug!(kind = %failure.kind, "the refresh failed again: {failure}");
            }
        }
    }
}

/// Renders the known data in the theme as it is now. `read` is what was read again. A broken theme
/// changes nothing.
fn show_again(wired: &mut Wired, config: &Config, read: &str) {
    match wired.reframe(config) {
        Ok(()) => {
            wired.refresher.front.broken = None;
            info!("read {read} again");
        }
        Err(error) => {
            wired.refresher.front.broken = Some(format!("{error:#}"));
            error!(
                "the site cannot be shown with {read} as they are now; the last good site stays:\n{error:#}"
            );
        }
    }
    let next = wired.refresher.next_due();
    wired.refresher.write_volatile(next);
}

/// Reads the configuration and the templates again. An option that needs a restart keeps its
/// value, and a warning names the option.
fn reload(wired: &mut Wired, old: Config, cli: &Cli) -> Config {
    let new = match Config::load(cli) {
        Ok(new) => new,
        Err(error) => {
            error!("the new configuration is not valid; the old configuration stays: {error:#}");
            return old;
        }
    };
    let (config, need_restart) = config::reloaded(old, new);
    if !need_restart.is_empty() {
        let options = need_restart.join(", ");
        warn!("a change of {options} needs a restart; until then the old value stays");
    }
    settings_in_force::record(&config);
    show_again(wired, &config, "the configuration and the templates");
    config
}
