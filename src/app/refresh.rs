//! One run of the pipeline: claim, fetch, check, join, save and announce,
//! render, publish.
//!
//! Owns the story: [`Refresher::refresh`]. A cold start, a save of
//! another replica and a changed theme enter the same path further down, at
//! [`Refresher::load`] and [`Refresher::show`]. Whatever fails before the
//! exchange leaves what is live as it was, and is a value: an outcome that is
//! stored, shown by its kind, and logged.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::Mutex;
use tracing::{debug, info, warn};

use super::trouble::Trouble;
use crate::catalogue::{self, Catalogue, Warning};
use crate::changes;
use crate::clock::{BootTime, Clock, Stamp, WallTime};
use crate::ledger::Ledger;
use crate::live::{self, Live};
use crate::outcome::{Failure, FailureKind, Outcome, OutcomeKind, Refused};
use crate::pages::{Freshness, NotRendered, Plan, Site};
use crate::payload::{Fence, Payload};
use crate::plausibility::{Guard, Ids};
use crate::publish::{FRESHNESS, Generation, Publisher, Volatile};
use crate::schedule::{self, Next};
use crate::source::{Answer, Source};
use crate::store::{Ask, Claim, Denied, Granted, Saved, Store, Stores, Written};
use crate::theme::Theme;

/// A process that was held up for longer than this between its claim and its
/// request claims the moment anew: interval / 20, at most this.
const LONGEST_LEASE: Duration = Duration::from_millis(250);
/// Renewals of a claim for one request: the second is for a slow disk, whose
/// slowness is known by then.
const MOST_RENEWALS: usize = 4;
/// Pages above which rendering shows how far it is.
const MANY_PAGES: usize = 2_000;

/// What of the configuration a refresh needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) limit: u32,
    pub(super) interval: Duration,
    pub(super) max_age: Duration,
    pub(super) guard: Guard,
}

/// The last payload and what was made of it.
#[derive(Default)]
pub(super) struct Known {
    pub(super) payload: Option<Payload>,
    catalogue: Catalogue,
    ledger: Option<Ledger>,
}

impl Known {
    /// The ids that a next catalogue is compared with.
    pub(super) fn ids(&self) -> Option<Ids<'_>> {
        match (&self.payload, &self.ledger) {
            (Some(_), _) => Some(Ids::of(&self.catalogue)),
            (None, Some(ledger)) => Some(Ids::known_to(ledger)),
            (None, None) => None,
        }
    }
}

/// All that a refresh works with. One loop owns it.
pub(super) struct Refresher {
    pub(super) settings: Settings,
    pub(super) source: Source,
    pub(super) stores: Arc<Stores>,
    pub(super) clock: Clock,
    /// The state directory, for what is kept beside the stores.
    pub(super) state: PathBuf,
    pub(super) theme: Theme,
    pub(super) site: Site,
    pub(super) publisher: Publisher,
    pub(super) live: Live,
    pub(super) known: Known,
    /// Warnings that were logged; they are not repeated while they last.
    pub(super) told: BTreeSet<Warning>,
    /// What keeps the last save of another process from being shown.
    pub(super) taking_up: Trouble,
    /// How the last refresh ended.
    pub(super) outcome: Option<OutcomeKind>,
}

/// What became of one call of [`Refresher::refresh`].
#[derive(Debug)]
pub(super) enum Refreshed {
    /// The data was brought or confirmed, and is published.
    Good(OutcomeKind),
    /// It failed; what was live is live.
    Failed(Failure),
    /// It is not due, or another process's.
    Denied(Denied),
}

/// How far a refresh is once it was allowed to start.
pub(super) enum Begun {
    /// The upstream is being asked; the answer goes to [`Refresher::finish`].
    Asking(Asking),
    /// Nothing was asked.
    Denied(Denied),
}

/// A request under way. It borrows nothing, so that a theme can change meanwhile.
pub(super) type Asking = Pin<Box<dyn Future<Output = Fetched>>>;

/// What the upstream answered, and under which claim.
pub(super) struct Fetched {
    fence: Fence,
    /// When the first request was sent.
    origin: Stamp,
    /// What was not believed the last times.
    refused: Option<Refused>,
    answer: Result<Answer, Failure>,
}

impl Refresher {
    /// The whole story, in two acts.
    ///
    /// 1. *Claim*: at most one refresh in an interval, recorded before a request
    ///    is sent. Whoever wins first takes up what was saved last, if it lacks
    ///    that, and *fetches* on condition that it changed.
    /// 2. *Check and join*, *save and announce* payload and ledger, *render and
    ///    publish*; the outcome is recorded, good or bad.
    ///
    /// # Errors
    /// If the state directory cannot be used: then nothing was asked.
    pub(super) async fn refresh(&mut self) -> Result<Refreshed> {
        match self.begin().await? {
            Begun::Asking(asking) => Ok(match self.finish(asking.await).await {
                Ok(kind) => Refreshed::Good(kind),
                Err(failure) => Refreshed::Failed(failure),
            }),
            Begun::Denied(denied) => Ok(Refreshed::Denied(denied)),
        }
    }

    /// The first act.
    ///
    /// # Errors
    /// If the state directory cannot be used: then nothing was asked.
    pub(super) async fn begin(&mut self) -> Result<Begun> {
        match self.claim().await? {
            Claim::Granted(granted) => {
                self.take_up(granted.saved).await;
                Ok(Begun::Asking(self.fetch(granted)))
            }
            Claim::Denied(denied) => {
                self.take_up(denied.standing.saved).await;
                Ok(Begun::Denied(denied))
            }
        }
    }

    /// The second act.
    ///
    /// # Errors
    /// How it failed; what was live is live.
    pub(super) async fn finish(&mut self, fetched: Fetched) -> Result<OutcomeKind, Failure> {
        let refreshed = match fetched.answer {
            Ok(answer) => {
                let Fetched { fence, origin, refused, .. } = fetched;
                self.take_in(answer, fence, origin, refused.as_ref()).await
            }
            Err(failure) => Err(failure),
        };
        let outcome = match &refreshed {
            Ok(kind) => Outcome::of(*kind),
            Err(failure) => Outcome::from(failure),
        };
        self.outcome = Some(outcome.kind);
        if let Err(error) = self.stores.record(fetched.fence, &outcome).await {
            warn!("how the refresh ended cannot be recorded: {error:#}");
        }
        self.show_volatile();
        refreshed
    }

    async fn take_in(
        &mut self,
        answer: Answer,
        fence: Fence,
        origin: Stamp,
        refused: Option<&Refused>,
    ) -> Result<OutcomeKind, Failure> {
        let payload = Payload {
            fence,
            origin: origin.earlier(answer.declared_age),
            films: answer.films,
            people: answer.people,
        };
        let same = self.known.payload.as_ref().is_some_and(|known| {
            known.films.bytes == payload.films.bytes && known.people.bytes == payload.people.bytes
        });
        if !same {
            let (catalogue, warnings) = catalogue::join(&payload, self.settings.limit)
                .map_err(|fault| Failure::new(FailureKind::Malformed, fault.to_string()))?;
            self.believe(&payload, &catalogue, refused).await?;
            self.tell(warnings);
            self.enter(catalogue, payload.origin.wall);
        }
        self.save(payload).await?;
        self.show().map_err(|error| {
            let is_ours = error.is::<NotRendered>();
            let kind = if is_ours { FailureKind::Render } else { FailureKind::Publish };
            Failure::because(kind, &error)
        })?;
        Ok(if same { OutcomeKind::Unchanged } else { OutcomeKind::Changed })
    }

    async fn claim(&self) -> Result<Claim> {
        let now = self.clock.now();
        let ask = Ask {
            nonce: format!("{}-{}-{}", self.clock.boot_id().0, std::process::id(), now.boot.0),
            highest: self.fence(),
            age: None,
            left_alone: None,
            interval: self.settings.interval,
        };
        self.stores.claim(&ask).await
    }

    /// Asks the upstream, if the claim is still fresh when the request leaves;
    /// one that was held up is renewed, so that no minute is lost.
    fn fetch(&self, granted: Granted) -> Asking {
        let lease = (self.settings.interval / 20).min(LONGEST_LEASE);
        let (source, stores, clock) =
            (self.source.clone(), self.stores.clone(), self.clock.clone());
        let known = self.known.payload.clone();
        Box::pin(async move {
            let (fence, refused) = (granted.fence, granted.refused.clone());
            let claim = Mutex::new(granted);
            let sent = OnceCell::new();
            let may_send = async || {
                let mut claim = claim.lock().await;
                for _ in 0..MOST_RENEWALS {
                    let now = clock.now();
                    if claim.at.age(now, clock.boot_id()) <= lease {
                        // A claim can be dated a moment ahead; data cannot.
                        sent.get_or_init(|| claim.at.anchored(now, clock.boot_id()));
                        return Ok(());
                    }
                    let renewed = stores.renew(fence).await;
                    let renewed =
                        renewed.map_err(|error| Failure::because(FailureKind::Store, &error))?;
                    *claim = renewed.ok_or_else(|| {
                        let text = "this process was held up and another one took its turn";
                        Failure::new(FailureKind::Interrupted, text)
                    })?;
                }
                let what = format!(
                    "recording an attempt takes longer than {lease:?}, so the request would leave \
                     too late"
                );
                Err(Failure::new(FailureKind::Store, what)
                    .advised("is the disk of --state, or Redis, overloaded?"))
            };
            let answer = source.fetch(known.as_ref(), may_send).await;
            let origin = sent.into_inner().unwrap_or_else(|| clock.stamp());
            Fetched { fence, origin, refused, answer }
        })
    }

    /// Enters what a new catalogue changes into the ledger.
    fn enter(&mut self, catalogue: Catalogue, origin: WallTime) {
        let ledger = match (&self.known.ledger, &self.known.payload) {
            (Some(ledger), Some(_)) => {
                let changes = changes::between(&self.known.catalogue, &catalogue);
                info!("{}", summary(&changes));
                ledger.advanced(&changes, &catalogue, origin)
            }
            // What changed since cannot be told; addresses and times still stand.
            (Some(ledger), None) => ledger.advanced(&[], &catalogue, origin),
            (None, _) => Ledger::baseline(&catalogue, origin),
        };
        self.known.catalogue = catalogue;
        self.known.ledger = Some(ledger);
    }

    async fn save(&mut self, payload: Payload) -> Result<(), Failure> {
        let ledger = self.known.ledger.clone().unwrap_or_default();
        let saved = Saved { payload, ledger };
        let written = self.stores.save(&saved).await;
        self.known.payload = Some(saved.payload);
        match written {
            Ok(Written::Done) => Ok(()),
            Ok(Written::Older) => {
                let text = "newer data was saved by another process meanwhile";
                Err(Failure::new(FailureKind::Interrupted, text))
            }
            Err(error) => Err(Failure::because(FailureKind::Store, &error)),
        }
    }

    /// Takes up what another process saved, if that is newer than what we have.
    /// If that fails, what is live stays, and the next refresh asks for all.
    pub(super) async fn take_up(&mut self, saved: Fence) {
        if saved <= self.fence() {
            return;
        }
        match self.load().await {
            Ok(()) => drop(self.taking_up.over()),
            Err(error) => {
                let text = format!("what was saved last cannot be shown: {error:#}");
                if self.taking_up.met(&text) {
                    warn!("{text}");
                }
            }
        }
    }

    /// Loads what was saved last and shows it.
    ///
    /// # Errors
    /// If the state directory cannot be read, or what was saved cannot be shown.
    pub(super) async fn load(&mut self) -> Result<()> {
        let loaded = self.stores.load().await?;
        if self.known.ledger.is_none() {
            self.known.ledger = loaded.ledger.clone().or_else(|| self.publisher.ledger());
        }
        let Some(payload) = loaded.payload else { return Ok(()) };
        if payload.fence < self.fence() {
            return Ok(());
        }
        let (catalogue, warnings) = catalogue::join(&payload, self.settings.limit)
            .context("the payload in the store is no catalogue")?;
        self.tell(warnings);
        let ledger = loaded.ledger.or_else(|| self.known.ledger.take());
        let ledger = match ledger {
            Some(ledger) => ledger.advanced(&[], &catalogue, payload.origin.wall),
            None => Ledger::baseline(&catalogue, payload.origin.wall),
        };
        debug!(fence = %payload.fence, as_of = %payload.origin.wall, "took up a stored payload");
        self.known = Known { payload: Some(payload), catalogue, ledger: Some(ledger) };
        self.show()
    }

    /// Renders what is known, publishes it and makes it live.
    ///
    /// # Errors
    /// If a template fails or the disk does; what was live is live.
    pub(super) fn show(&mut self) -> Result<()> {
        let (Some(payload), Some(ledger)) = (&self.known.payload, &self.known.ledger) else {
            return Ok(());
        };
        let plan = Plan::new(&self.site, &self.known.catalogue, ledger, &self.theme);
        let bar = progress(plan.len());
        let now = self.clock.now().wall;
        let started = self.clock.now().boot;
        let origin = live::Origin { boot: payload.origin.boot, wall: payload.origin.wall };
        let volatile = self.volatile(origin.wall);
        let published = self.publisher.publish(&plan, ledger, &volatile, now, |done| {
            bar.set_position(done as u64);
        })?;
        bar.finish_and_clear();
        let volatile = volatile(&published.generation);
        if published.changed {
            info!(
                generation = %published.generation.id,
                pages = plan.len(),
                rendered = published.rendered,
                milliseconds = self.clock.now().boot.since(started).as_millis() as u64,
                "published"
            );
        }
        let generation = published.generation;
        if !self.live.put(live::Site { generation, fence: payload.fence, origin }, volatile) {
            debug!("something newer is live already");
        }
        Ok(())
    }

    /// Shows what is published, for want of a payload: with the age that it told
    /// of itself.
    pub(super) fn show_published(&mut self) {
        let Some(generation) = self.publisher.live().cloned() else { return };
        let told = self.publisher.read_volatile(FRESHNESS);
        let Some(wall) = told.as_deref().and_then(Freshness::as_of) else { return };
        let now = self.clock.now();
        let wall = wall.min(now.wall);
        let origin = live::Origin { boot: now.boot - now.wall.since(wall), wall };
        info!(as_of = %wall, "showing the site that is published until there is newer data");
        let volatile = self.volatile(wall)(&generation);
        self.live.put(live::Site { generation, fence: Fence(0), origin }, volatile);
    }

    /// Writes the volatile files anew: after a refresh that changed no page.
    fn show_volatile(&mut self) {
        let snapshot = self.live.snapshot();
        let Some(site) = &snapshot.site else { return };
        let volatile = self.volatile(site.origin.wall)(&site.generation);
        if let Err(error) = self.publisher.write_volatile(&volatile) {
            warn!("{error:#}");
        }
        self.live.put_volatile(volatile);
    }

    /// The volatile files that go with data of `as_of`, once its generation is
    /// known.
    fn volatile(&self, as_of: WallTime) -> impl Fn(&Generation) -> Volatile + use<> {
        let now = self.clock.now();
        let next_attempt = now.wall + self.next_due().since(now.boot);
        let (outcome, settings) = (self.outcome, self.settings);
        move |generation| {
            let freshness = Freshness {
                as_of,
                generation: &generation.id.0,
                outcome,
                next_attempt,
                interval: settings.interval.as_secs_f64(),
                max_age: settings.max_age.as_secs_f64(),
            };
            Volatile::from([(FRESHNESS, freshness.json())])
        }
    }

    /// When the next refresh may start, as far as this process knows.
    pub(super) fn next_due(&self) -> BootTime {
        let now = self.clock.now().boot;
        let last = self.stores.file().last_attempt().unwrap_or_else(|error| {
            warn!("{error:#}");
            Default::default()
        });
        match schedule::next(last, self.settings.interval) {
            Next::Fetch => now,
            Next::Wait(wait) => now + wait.remaining,
        }
    }

    fn fence(&self) -> Fence {
        self.known.payload.as_ref().map_or(Fence(0), |payload| payload.fence)
    }

    /// Logs warnings that are new; those that are over may come again.
    fn tell(&mut self, warnings: Vec<Warning>) {
        let now: BTreeSet<_> = warnings.into_iter().collect();
        for warning in now.difference(&self.told) {
            warn!("{warning}");
        }
        self.told = now;
    }
}

/// One line on what changed.
fn summary(changes: &[changes::Change]) -> String {
    use changes::What;
    let count = |of: fn(&What) -> bool| changes.iter().filter(|change| of(&change.what)).count();
    format!(
        "new data: {} added, {} changed, {} removed",
        count(|what| matches!(what, What::Added)),
        count(|what| matches!(what, What::Changed(_))),
        count(|what| matches!(what, What::Removed)),
    )
}

/// A progress bar, if there is much to do and somebody to see it.
fn progress(pages: usize) -> ProgressBar {
    if pages < MANY_PAGES || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(pages as u64);
    match ProgressStyle::with_template("{bar:40} {pos}/{len} pages, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
