//! One run of the pipeline: claim, fetch, check, join, save and announce,
//! render, publish.
//!
//! Owns the story: [`Refresher::refresh`]. A cold start, a save of
//! another replica and a changed theme enter the same path further down, at
//! [`Refresher::load`] and [`Refresher::show`]. Whatever fails before the
//! exchange leaves what is live as it was, and is a value: an outcome that is
//! stored, shown by its kind, and logged.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tracing::{info, warn};

use super::asking::{Asking, Fetched};
use super::guard::Before;
use super::report::{Counts, Done};
use super::trouble::Trouble;
use crate::catalogue::{self, Bounds, Catalogue, Warning};
use crate::changes::{self, Change};
use crate::clock::{BootTime, Clock, Stamp, WallTime};
use crate::history::History;
use crate::hold::Coming;
use crate::ledger::{Ledger, Overrides};
use crate::live::Live;
use crate::outcome::{Failure, FailureKind, Outcome, OutcomeKind};
use crate::pages::{NotRendered, Site};
use crate::payload::{Fault, Fence, Payload};
use crate::plausibility::{Guard, Ids};
use crate::publish::{Publisher, TooLarge};
use crate::schedule::{self, Because, Next};
use crate::source::{Answer, Source};
use crate::store::{Claim, Denied, Edition, Kept, Saved, Standing, Store, Stores};
use crate::telemetry::{Metrics, Stage};
use crate::theme::Theme;

/// What of the configuration a refresh needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) limit: u32,
    pub(super) max_bytes: u64,
    pub(super) interval: Duration,
    pub(super) max_age: Duration,
    pub(super) guard: Guard,
}

/// The last payload and what was made of it.
#[derive(Default)]
pub(super) struct Known {
    pub(super) payload: Option<Payload>,
    /// What it is called in the store.
    pub(super) edition: Edition,
    pub(super) catalogue: Catalogue,
    pub(super) ledger: Option<Ledger>,
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
    /// Fields of which the owner knows whether they are volatile.
    pub(super) overrides: Overrides,
    pub(super) clock: Clock,
    /// The state directory, for what is kept beside the stores.
    pub(super) state: PathBuf,
    pub(super) theme: Theme,
    pub(super) site: Site,
    pub(super) publisher: Publisher,
    pub(super) live: Live,
    pub(super) metrics: Metrics,
    pub(super) known: Known,
    /// What changed since what is live was made; none if that is not known.
    pub(super) untold: Option<Vec<Change>>,
    /// Warnings that were logged; they are not repeated while they last.
    pub(super) told: BTreeSet<Warning>,
    /// What keeps the last save of another process from being shown.
    pub(super) taking_up: Trouble,
    /// What is wrong with the templates as they are now.
    pub(super) broken: Option<String>,
    /// An upstream that answers from a cache, too old for the bound.
    pub(super) aged: Trouble,
    /// How the last refresh ended.
    pub(super) outcome: Option<OutcomeKind>,
    /// How those of the last day did.
    pub(super) history: History,
    /// What keeps that from being shown.
    pub(super) unshown: Trouble,
}

/// What became of one call of [`Refresher::refresh`].
#[derive(Debug)]
pub(super) enum Refreshed {
    /// The data was brought or confirmed, and is published.
    Good(Done),
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

/// What to do about an answer of which the site would be too large.
const RAISE: &str = "raise --max-bytes if the catalogue is really that large";

/// An answer that is no catalogue, or too large a one.
fn unusable(fault: Fault) -> Failure {
    if fault.is_too_large() {
        return Failure::new(FailureKind::TooLarge, fault.to_string()).advised(RAISE);
    }
    Failure::new(FailureKind::Malformed, fault.to_string())
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
                Ok(done) => Refreshed::Good(done),
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
        match self.claim().await {
            Ok(Claim::Granted(granted)) => {
                self.live.put_coming(Coming::InFlight(granted.at.boot));
                self.take_up(granted.saved).await;
                Ok(Begun::Asking(self.fetch(granted)))
            }
            Ok(Claim::Denied(denied)) => {
                let due = self.clock.now().boot + denied.wait.remaining;
                self.live.put_coming(match denied.wait.because {
                    // Nothing is on its way as long as that lasts.
                    Because::RedisLost => Coming::Failed,
                    _ => self.coming(&denied.standing, due),
                });
                self.take_up(denied.standing.saved).await;
                Ok(Begun::Denied(denied))
            }
            Err(error) => {
                self.live.put_coming(Coming::Failed);
                Err(error)
            }
        }
    }

    /// The second act.
    ///
    /// # Errors
    /// How it failed; what was live is live.
    pub(super) async fn finish(&mut self, fetched: Fetched) -> Result<Done, Failure> {
        let Fetched { fence, origin, refused, saved, answer, took } = fetched;
        let before = Before { refused, saved: saved.max(self.fence()) };
        self.metrics.took(Stage::Fetch, took);
        self.note_age();
        let started = self.clock.now().boot;
        let refreshed = match answer {
            Ok(answer) => self.take_in(answer, fence, origin, &before).await,
            Err(failure) => Err(failure),
        };
        let build = self.clock.now().boot.since(started);
        let outcome = match &refreshed {
            Ok((kind, _)) => Outcome::of(*kind),
            Err(failure) => Outcome::from(failure),
        };
        if outcome.kind.is_good() {
            // A change takes longer than none: one of the last few is what counts.
            self.live.put_takes((took + build).max(self.live.snapshot().takes * 3 / 4));
        }
        self.outcome = Some(outcome.kind);
        self.metrics.refreshed(outcome.kind);
        if let Err(error) = self.stores.record(fence, &outcome).await {
            warn!("how the refresh ended cannot be recorded: {error:#}");
        }
        if outcome.kind.is_good() && before.refused.is_some() {
            self.forget_mark().await;
        }
        let next = self.next_due();
        let coming = if outcome.kind.is_good() { Coming::Due(next) } else { Coming::Failed };
        self.live.put_coming(coming);
        // Replicas and held loads know by now: what is for people to look at may follow.
        self.note_end(outcome.kind, took + build);
        self.show_volatile();
        refreshed.map(|(kind, counts)| {
            let next = next.since(self.clock.now().boot);
            Done { kind, counts, fetch: took, build, next }
        })
    }

    async fn take_in(
        &mut self,
        answer: Answer,
        fence: Fence,
        origin: Stamp,
        before: &Before,
    ) -> Result<(OutcomeKind, Counts), Failure> {
        self.judge_age(answer.declared_age);
        let payload = Payload {
            fence,
            origin: origin.earlier(answer.declared_age),
            films: answer.films,
            people: answer.people,
        };
        let same = self.known.payload.as_ref().is_some_and(|known| {
            known.films.bytes == payload.films.bytes && known.people.bytes == payload.people.bytes
        });
        let mut counts = Counts::default();
        if same {
            // Whoever is held for it need not wait for a disk.
            self.confirm(&payload);
            if let Some(ledger) = &mut self.known.ledger {
                ledger.count(&changes::Fields::new(), &self.overrides);
            }
        } else {
            let started = self.clock.now().boot;
            let bounds = Bounds::of(self.settings.max_bytes);
            let (catalogue, warnings) =
                catalogue::join_within(&payload, self.settings.limit, bounds).map_err(unusable)?;
            self.metrics.took(Stage::Decode, self.clock.now().boot.since(started));
            self.believe(&payload, &catalogue, before).await?;
            self.tell(warnings);
            counts = self.enter(catalogue, payload.origin.wall);
        }
        self.save(payload).await?;
        self.show().map_err(|error| {
            if error.is::<TooLarge>() {
                return Failure::because(FailureKind::TooLarge, &error).advised(RAISE);
            }
            let is_ours = error.is::<NotRendered>();
            let kind = if is_ours { FailureKind::Render } else { FailureKind::Publish };
            Failure::because(kind, &error)
        })?;
        Ok((if same { OutcomeKind::Unchanged } else { OutcomeKind::Changed }, counts))
    }

    /// What an attempt that stands, until the next is due, says of newer data.
    pub(super) fn coming(&self, standing: &Standing, due: BootTime) -> Coming {
        match &standing.outcome {
            Some(outcome) if outcome.kind.is_good() => Coming::Due(due),
            Some(_) => Coming::Failed,
            None if standing.is_lost => self.coming_still(standing, due),
            // Nobody else holds the state directory: whoever made it died.
            None if !self.stores.is_shared() || self.stores.is_away() => Coming::Failed,
            None => Coming::InFlight(self.clock.now().boot - standing.age),
        }
    }

    /// The same where the attempt was lost with the store: what was under way still is,
    /// until its data is here or the next is due; and so is, for all that is known, one of
    /// which nothing was heard before.
    fn coming_still(&self, standing: &Standing, due: BootTime) -> Coming {
        let (now, interval) = (self.clock.now().boot, self.settings.interval);
        let claimed = now - standing.age;
        let here = self.known.payload.as_ref().map(|known| known.origin.boot);
        // Seen from here, times of the store are off by what asking it took.
        let runs = |at| {
            now.since(at) < interval - interval / 20
                && here.is_none_or(|here| here + interval / 2 < at)
        };
        match self.live.snapshot().coming {
            Coming::InFlight(at) if runs(at) => Coming::InFlight(at),
            // That it failed is not forgotten either, nor that it died with this process.
            Coming::Failed if due > now + interval / 20 => Coming::Failed,
            _ if due > now + interval / 20 && self.has_unended_attempt() => Coming::Failed,
            _ if runs(claimed) => Coming::InFlight(claimed),
            _ => Coming::Due(due),
        }
    }

    /// Whether the last attempt of this state directory was never ended; none is under
    /// way when this is asked.
    fn has_unended_attempt(&self) -> bool {
        let attempt = self.stores.file().attempt().ok().flatten();
        attempt.is_some_and(|attempt| attempt.ended.is_none())
    }

    /// Says so if the upstream answers from a cache that is too old for the
    /// bound: then nothing here can keep it.
    fn judge_age(&mut self, declared: Duration) {
        let Settings { interval, max_age, .. } = self.settings;
        let oldest = interval + declared;
        if declared.is_zero() || oldest <= max_age {
            if self.aged.over().is_some() {
                info!("the upstream's answers are young enough again");
            }
        } else if self.aged.met("aged") {
            warn!(
                declared_age = declared.as_secs(),
                "the upstream answers from a cache (Age: {} s), so pages get up to {} old: more \
                 than --max-age {}, and nothing here can help that",
                declared.as_secs(),
                humantime::format_duration(oldest),
                humantime::format_duration(max_age)
            );
        }
    }

    /// Enters what a new catalogue changes into the ledger.
    fn enter(&mut self, catalogue: Catalogue, origin: WallTime) -> Counts {
        let mut counts = Counts::default();
        let mut changed = None;
        let ledger = match (&self.known.ledger, &self.known.payload) {
            (Some(ledger), Some(_)) => {
                let is_ignored =
                    |kind, field: &str| ledger.is_volatile(kind, field, &self.overrides);
                let found = changes::compared(&self.known.catalogue, &catalogue, &is_ignored);
                counts = Counts::of(&found.changes);
                let mut ledger = ledger.advanced(&found.changes, &catalogue, origin);
                for field in ledger.count(&found.fields, &self.overrides) {
                    info!(
                        field,
                        "{field} changes in most refreshes: changes of it are not told any more \
                         (--steady-fields tells them)"
                    );
                }
                changed = Some(found.changes);
                ledger
            }
            // What changed since cannot be told; addresses and times still stand.
            (Some(ledger), None) => ledger.advanced(&[], &catalogue, origin),
            (None, _) => Ledger::baseline(&catalogue, origin),
        };
        self.note(changed);
        self.known.catalogue = catalogue;
        self.known.ledger = Some(ledger);
        counts
    }

    /// Notes what changed in what is known, for when it is shown.
    pub(super) fn note(&mut self, changes: Option<Vec<Change>>) {
        let untold = self.untold.take().zip(changes);
        self.untold = untold.map(|(before, then)| changes::joined(before, then));
    }

    async fn save(&mut self, payload: Payload) -> Result<(), Failure> {
        let ledger = self.known.ledger.clone().unwrap_or_default();
        let revision = self.known.edition.revision;
        let mut saved = Saved { payload, ledger, revision };
        let kept = self.stores.save(&mut saved).await;
        self.known.edition = saved.edition();
        self.known.ledger = Some(saved.ledger);
        self.known.payload = Some(saved.payload);
        match kept {
            Ok(Kept::As(edition)) => {
                self.known.edition = edition;
                Ok(())
            }
            Ok(Kept::Older | Kept::Overtaken) => {
                // Nobody announces it again.
                self.catch_up().await;
                let text = "newer data was saved by another process meanwhile";
                Err(Failure::new(FailureKind::Interrupted, text))
            }
            Err(error) => Err(Failure::because(FailureKind::Store, &error)),
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

    pub(super) fn fence(&self) -> Fence {
        self.known.payload.as_ref().map_or(Fence(0), |payload| payload.fence)
    }

    /// Logs warnings that are new; those that are over may come again.
    pub(super) fn tell(&mut self, warnings: Vec<Warning>) {
        let now: BTreeSet<_> = warnings.into_iter().collect();
        for warning in now.difference(&self.told) {
            warn!("{warning}");
        }
        self.told = now;
    }
}
