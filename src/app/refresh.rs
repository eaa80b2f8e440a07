//! One run of the pipeline: claim, fetch, check, join, save and announce, render, publish.
//!
//! Owns the order of these steps in [`Refresher::refresh`]. A cold start, a save of another replica
//! and a changed theme enter the pipeline at later steps: [`Refresher::load`] and
//! [`Refresher::show`]. A refresh that fails before the exchange does not change the live site. The
//! failure is a value: an outcome that is stored, shown by its kind, and logged. [`Known`] has the
//! known data, and [`Front`] makes the data visible.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tracing::{debug, info, warn};

use super::asking::{self, Asking, Fetched};
use super::front::{Front, Look};
use super::guard::{self, Before, Keep};
use super::known::Known;
use super::mapping_in_use::MappingInUse;
use super::notices::Notices;
use super::progress;
use super::report::{ChangeCounts, Done};
use super::settings::Settings;
use super::volatile::Facts;
use crate::catalogue::{Bounds, Joined};
use crate::clock::{BootTime, Clock, Stamp};
use crate::coming::{self, SeenAttempt};
use crate::hold::Coming;
use crate::outcome::{Failure, FailureKind, Outcome, OutcomeKind};
use crate::pages::NotRendered;
use crate::payload::{Fault, Payload};
use crate::publish::TooLarge;
use crate::schedule::{self, LastAttempt, WaitReason};
use crate::source::Source;
use crate::store::{Claim, Denied, Edition, Granted, Kept, Standing, Store, Stores};
use crate::telemetry::Stage;
use crate::workers;

/// The parts that make a refresh. The event loop owns this value.
pub(super) struct Refresher {
    pub(super) settings: Settings,
    pub(super) source: Source,
    pub(super) stores: Arc<Stores>,
    pub(super) clock: Clock,
    pub(super) known: Known,
    pub(super) mapping_in_use: MappingInUse,
    pub(super) front: Front,
    pub(super) notices: Notices,
}

/// The end of [`Refresher::refresh`].
#[derive(Debug)]
pub(super) enum Refreshed {
    /// The data is new or confirmed, and is published.
    Good(Done),
    /// The refresh failed. The live site stays.
    Failed(Failure),
    /// The refresh is not due, or another process makes the refresh.
    Denied(Denied),
}

/// The end of a refresh that asked the upstream.
pub(super) struct Finished {
    pub(super) result: Result<Done, Failure>,
    /// Time at which the next refresh may start.
    pub(super) next: BootTime,
}

/// The advice for an answer whose site would be too large.
const RAISE: &str = "raise --max-bytes if the catalogue is really that large";

/// Makes the failure of an answer that is not a catalogue, or that is too large.
fn unusable(fault: Fault) -> Failure {
    if fault.is_too_large() {
        return Failure::new(FailureKind::TooLarge, fault.to_string()).advised(RAISE);
    }
    Failure::new(FailureKind::Malformed, fault.to_string())
}

/// Makes the failure of known data that cannot be shown.
fn unshown(error: &anyhow::Error) -> Failure {
    if error.is::<TooLarge>() {
        return Failure::because(FailureKind::TooLarge, error).advised(RAISE);
    }
    let is_theme = error.is::<NotRendered>();
    let kind = if is_theme { FailureKind::Render } else { FailureKind::Publish };
    Failure::because(kind, error)
}

impl Refresher {
    /// Makes one refresh, in two acts.
    ///
    /// 1. *Claim*: at most one refresh starts in an interval, and the attempt is recorded before a
    ///    request is sent. The process that wins the claim takes up the last save, if the process
    ///    does not have it, and *fetches* with conditional requests.
    /// 2. *Check and join*, *save and announce* payload and ledger, *render and publish*. The
    ///    outcome is recorded, good or bad.
    ///
    /// # Errors
    /// Fails if the state directory cannot be used. Then no request was sent.
    pub(super) async fn refresh(&mut self) -> Result<Refreshed> {
        match self.claim().await? {
            Claim::Granted(granted) => {
                self.take_up(granted.saved).await;
                let fetched = self.ask(granted).await;
                Ok(match self.finish(fetched).await.result {
                    Ok(done) => Refreshed::Good(done),
                    Err(failure) => Refreshed::Failed(failure),
                })
            }
            Claim::Denied(denied) => {
                self.wait_for(&denied).await;
                Ok(Refreshed::Denied(denied))
            }
        }
    }

    /// Asks for the right to the next refresh.
    ///
    /// # Errors
    /// Fails if the state directory cannot be used. Then no request may be sent.
    pub(super) async fn claim(&mut self) -> Result<Claim> {
        let (now, interval) = (self.clock.now().boot, self.settings.between);
        let claim = asking::claim(&self.stores, now, self.known.fence(), interval).await;
        match &claim {
            Ok(Claim::Granted(granted)) => {
                self.front.live.put_coming(Coming::InFlight(granted.at.boot));
            }
            Ok(Claim::Denied(_)) => {}
            Err(_) => self.front.live.put_coming(Coming::Failed),
        }
        claim
    }

    /// Takes up what another process saved, after a claim that was denied.
    pub(super) async fn wait_for(&mut self, denied: &Denied) {
        let due = self.clock.now().boot + denied.wait.remaining;
        // Requests wait until the data of an attempt that has ended is shown here.
        self.take_up(denied.standing.saved).await;
        self.front.live.put_coming(match denied.wait.because {
            // No newer data is coming while Redis is lost.
            WaitReason::RedisLost => Coming::Failed,
            _ => self.coming(&denied.standing, due),
        });
    }

    /// Sends the requests of a claim. The answer goes to [`Refresher::finish`].
    pub(super) fn ask(&mut self, granted: Granted) -> Asking {
        self.front.publisher.begin_look(self.clock.now().wall);
        let (source, stores) = (self.source.clone(), self.stores.clone());
        let (clock, known) = (self.clock.clone(), self.known.payload().cloned());
        asking::fetch(source, stores, clock, known, granted, self.settings.interval)
    }

    /// Runs the second act.
    pub(super) async fn finish(&mut self, fetched: Fetched) -> Finished {
        let Fetched { fence, origin, refused, saved, answer, took } = fetched;
        let saved = saved.max(self.known.fence());
        let has_new_mapping = self.mapping_in_use.differs_from(&self.settings.mapping);
        let before = Before { refused, saved, has_new_mapping };
        self.front.metrics.took(Stage::Fetch, took);
        let started = self.clock.now();
        self.front.note_age(started);
        if let Err(error) = self.front.publisher.note_check() {
            warn!("the published files cannot be checked: {error:#}");
        }
        let last = self.last_attempt();
        let due = schedule::due(last, self.settings.interval, started.boot);
        let refreshed = match answer {
            Ok(answer) => {
                let payload = Payload {
                    fence,
                    origin: origin.earlier(answer.declared_age),
                    films: answer.films,
                    people: answer.people,
                };
                self.note_declared_age(answer.declared_age);
                self.take_in(payload, &before, due, took).await
            }
            Err(failure) => Err(failure),
        };
        let ended = self.clock.now();
        let build = ended.boot.since(started.boot);
        let outcome = match &refreshed {
            Ok((kind, _)) => Outcome::of(*kind),
            Err(failure) => Outcome::from(failure),
        };
        let is_good = outcome.kind.is_good();
        if is_good {
            // A change takes longer than a confirmation, so the slowest of the last refreshes
            // counts.
            let takes = self.front.live.snapshot().takes * 3 / 4;
            self.front.live.put_takes((took + build).max(takes));
        }
        self.front.metrics.refreshed(outcome.kind);
        if let Err(error) = self.stores.record(fence, &outcome).await {
            warn!("the end of the refresh cannot be recorded: {error:#}");
        }
        if is_good && before.refused.is_some() {
            self.keep().forget_mark().await;
        }
        if is_good {
            self.mapping_in_use.note(&self.settings.mapping);
        }
        let last = LastAttempt { age: None, left_alone: outcome.retry_after };
        let next = due.max(schedule::due(last, self.settings.interval, ended.boot));
        self.front.live.put_coming(if is_good { Coming::Due(next) } else { Coming::Failed });
        // Replicas and held requests know the outcome now. Only then write the files for people.
        self.front.history.ended(ended.wall, outcome.kind, took + build);
        if !is_good {
            self.write_volatile(next);
        }
        if let Err(error) = self.front.publisher.prepare() {
            warn!("the next publish takes longer: {error:#}");
        }
        let result = refreshed.map(|(kind, counts)| {
            let next = next.since(self.clock.now().boot);
            Done { kind, counts, fetch: took, build, next }
        });
        Finished { result, next }
    }

    /// Checks, joins, saves and shows a payload. `took` is the duration of the refresh until now.
    async fn take_in(
        &mut self,
        payload: Payload,
        before: &Before,
        due: BootTime,
        took: Duration,
    ) -> Result<(OutcomeKind, ChangeCounts), Failure> {
        if !payload.may_answer(self.settings.mapping.requests()) {
            let text = "the mapping names other requests since the requests were sent";
            return Err(Failure::new(FailureKind::Interrupted, text));
        }
        let started = self.clock.now().boot;
        let mut is_shown = false;
        let is_read = !self.mapping_in_use.differs_from(&self.settings.mapping);
        let (kind, counts) = if is_read && self.known.has_answers_of(&payload) {
            // A request that is held for this confirmation must not wait for the disk.
            is_shown = self.front.confirm(self.known.fence(), &payload);
            self.known.count_unchanged(&self.settings.overrides);
            (OutcomeKind::Unchanged, ChangeCounts::default())
        } else {
            let joined = self.join(&payload).map_err(unusable)?;
            let took = self.clock.now().boot.since(started);
            self.front.metrics.took(Stage::Decode, took);
            let (films, people) = (joined.catalogue.films().len(), joined.catalogue.people().len());
            let [films, people] = [films, people].map(progress::count);
            progress::ended(took, &format!("read {films} films and {people} people"), "");
            // An answer with the ids of the last good answer is always plausible.
            if self.known.payload().is_none() || !joined.keeps_ids {
                let known = guard::comparable(&self.known, &self.settings.mapping);
                let keep = self.keep();
                let guard = &self.settings.guard;
                guard::believe(&payload, &joined.catalogue, known, before, guard, &keep).await?;
            }
            self.notices.note(joined.warnings.clone());
            (OutcomeKind::Changed, self.enter(joined, &payload.origin))
        };
        self.save(payload).await?;
        let took = took + self.clock.now().boot.since(started);
        let ending = Some((kind, took));
        let are_told = self.known.contents().is_some_and(|contents| contents.are_told());
        if is_shown && are_told && self.front.publisher.is_settled(self.clock.now().wall) {
            // Pages, plan and published files would be the same.
            self.write_volatile_ending(due, ending);
        } else {
            self.show_ending(due, ending).map_err(|error| unshown(&error))?;
        }
        Ok((kind, counts))
    }

    fn join(&self, payload: &Payload) -> Result<Joined, Fault> {
        let bounds = Bounds::of(self.settings.max_bytes);
        workers::run(|| self.known.joined().next(payload, &self.settings.mapping, bounds))
    }

    fn enter(&mut self, joined: Joined, origin: &Stamp) -> ChangeCounts {
        let (known, overrides) = (&mut self.known, &self.settings.overrides);
        let entered = workers::run(|| known.enter(joined, origin.wall, overrides));
        for field in entered.volatile {
            info!(
                field,
                "{field} changes in most refreshes, so its changes are no longer reported; to report \
                 them, use --steady-fields"
            );
        }
        entered.counts
    }

    async fn save(&mut self, payload: Payload) -> Result<(), Failure> {
        let mut saved = self.known.to_save(payload);
        let kept = self.stores.save(&mut saved).await;
        let edition = match kept {
            Ok(Kept::As(edition)) => edition,
            _ => saved.edition(),
        };
        self.known.saved(saved, edition);
        match kept {
            Ok(Kept::As(_)) => Ok(()),
            Ok(Kept::Older | Kept::Overtaken) => {
                // The other process has announced its save already, and does not repeat this.
                self.catch_up().await;
                let text = "newer data was saved by another process meanwhile";
                Err(Failure::new(FailureKind::Interrupted, text))
            }
            Err(error) => Err(Failure::because(FailureKind::Store, &error)),
        }
    }

    /// Takes up the save of another process, if the save is newer than the known data. Saves the
    /// known data again, if a shared store lost it. If this fails, the live site stays, and the
    /// next refresh fetches all data.
    pub(super) async fn take_up(&mut self, saved: Edition) {
        if self.differs_from(saved) {
            self.catch_up().await;
        }
    }

    /// Whether the store has newer data than this process, or lost the data of this process.
    pub(super) fn differs_from(&self, saved: Edition) -> bool {
        let is_giver = self.stores.is_shared() && !self.stores.is_stuck();
        saved.differs_from(self.known.edition(), is_giver)
    }

    /// Takes up the last save.
    async fn catch_up(&mut self) {
        self.front.note_age(self.clock.now());
        let before = self.known.fence();
        let loaded = self.load().await;
        self.notices.note_stored(&loaded);
        let fence = self.known.fence();
        if let (true, Some(site)) = (fence > before, &self.front.live.snapshot().site) {
            info!(
                as_of = %site.origin.wall,
                generation = %site.generation.id,
                "took over the data of another replica"
            );
        }
    }

    /// Loads the last save and shows its data.
    ///
    /// # Errors
    /// Fails if the state directory cannot be read, or if the data cannot be shown.
    pub(super) async fn load(&mut self) -> Result<()> {
        let loaded = self.stores.load().await?;
        let requests = self.settings.mapping.requests();
        let are_own = loaded.payload.as_ref().is_none_or(|payload| payload.may_answer(requests));
        self.notices.note_requests(are_own, self.stores.is_shared());
        let (publisher, shared) = (&self.front.publisher, loaded.ledger.clone());
        // With the records of another mapping, the guard would refuse the answers to this mapping.
        let shared = shared.filter(|_| are_own);
        self.known.remember(|| shared.or_else(|| publisher.ledger().map(Arc::new)));
        let Some(payload) = loaded.payload.filter(|_| are_own) else { return Ok(()) };
        if payload.fence < self.known.fence() {
            return Ok(());
        }
        let joined = self.join(&payload).context("the payload in the store is not a catalogue")?;
        if self.mapping_in_use.differs_from(&self.settings.mapping) {
            let ids = guard::comparable(&self.known, &self.settings.mapping);
            guard::hold_new_mapping(&joined.catalogue, ids, &self.settings.guard)?;
        }
        self.notices.note(joined.warnings.clone());
        debug!(fence = %payload.fence, as_of = %payload.origin.wall, "took up a stored payload");
        let (known, overrides) = (&mut self.known, &self.settings.overrides);
        let (ledger, edition) = (loaded.ledger, loaded.edition);
        workers::run(|| known.take_up(payload, ledger, edition, joined, overrides));
        self.show()
    }

    /// Renders the known data, publishes the pages and makes the pages live.
    ///
    /// # Errors
    /// Fails if a template or the disk fails. The live site stays.
    pub(super) fn show(&mut self) -> Result<()> {
        self.show_ending(self.next_due(), None)
    }

    fn show_ending(
        &mut self,
        next: BootTime,
        ending: Option<(OutcomeKind, Duration)>,
    ) -> Result<()> {
        let facts =
            Facts::of(&self.settings, &self.notices, &self.stores, &self.clock, next, ending);
        self.front.show(&mut self.known, &facts, &self.clock)
    }

    /// Shows the known data in another look and with other settings.
    ///
    /// # Errors
    /// Fails if the known data cannot be rendered or published in the new look. The old look then
    /// stays in use.
    pub(super) fn show_in(&mut self, look: Look, settings: Settings) -> Result<()> {
        let next = self.next_due();
        let source = self.source.asked_by(&settings.mapping)?;
        let mut old = None;
        let is_its_answer = |payload: &Payload| payload.may_answer(settings.mapping.requests());
        if self.known.payload().is_some_and(is_its_answer)
            && settings.mapping != self.settings.mapping
        {
            let Settings { mapping, max_bytes, guard, overrides, .. } = &settings;
            if let Some(read) = guard::read_again(&self.known, mapping, *max_bytes, guard)? {
                let (payload, joined) = read;
                self.notices.note(joined.warnings.clone());
                old = Some(self.known.clone());
                // The data did not change, so the ledger reports no changes.
                let (edition, known) = (self.known.edition(), &mut self.known);
                workers::run(|| known.take_up(payload, None, edition, joined, overrides));
            }
        }
        let before = std::mem::replace(&mut self.settings, settings);
        let facts = Facts::of(&self.settings, &self.notices, &self.stores, &self.clock, next, None);
        let shown = self.front.show_in(look, &mut self.known, &facts, &self.clock);
        match &shown {
            Ok(()) => {
                self.source = source;
                if old.is_some() {
                    self.mapping_in_use.note(&self.settings.mapping);
                }
            }
            Err(_) => {
                self.settings = before;
                self.known = old.unwrap_or_else(|| std::mem::take(&mut self.known));
            }
        }
        shown
    }

    /// Shows the published site, if there is no payload.
    pub(super) fn show_published(&mut self) {
        let next = self.next_due();
        let facts = Facts::of(&self.settings, &self.notices, &self.stores, &self.clock, next, None);
        self.front.show_published(&self.known, &facts);
    }

    /// Writes the volatile files again.
    pub(super) fn write_volatile(&mut self, next: BootTime) {
        self.write_volatile_ending(next, None);
    }

    fn write_volatile_ending(&mut self, next: BootTime, ending: Option<(OutcomeKind, Duration)>) {
        let facts =
            Facts::of(&self.settings, &self.notices, &self.stores, &self.clock, next, ending);
        self.front.write_volatile(&self.known, &facts);
    }

    /// Returns what the last attempt says about newer data, until the next attempt is due.
    pub(super) fn coming(&self, standing: &Standing, due: BootTime) -> Coming {
        let now = self.clock.now().boot;
        let attempt = SeenAttempt {
            claimed: now - standing.age,
            ended_well: standing.outcome.as_ref().map(|outcome| outcome.kind.is_good()),
            is_lost: standing.is_lost,
            due,
        };
        let known = coming::Circumstances {
            before: self.front.live.snapshot().coming,
            origin: self.known.payload().map(|payload| payload.origin.boot),
            has_company: self.stores.is_shared() && !self.stores.is_away(),
            has_unended_attempt: standing.is_lost && self.stores.file().has_unended_attempt(),
        };
        coming::of(&attempt, &known, self.settings.interval, now)
    }

    /// Returns the time at which the next refresh may start, as far as this process knows.
    pub(super) fn next_due(&self) -> BootTime {
        schedule::due(self.last_attempt(), self.settings.interval, self.clock.now().boot)
    }

    fn last_attempt(&self) -> LastAttempt {
        self.stores.file().last_attempt().unwrap_or_else(|error| {
            warn!("{error:#}");
            LastAttempt::default()
        })
    }

    fn note_declared_age(&mut self, declared: Duration) {
        let Settings { interval, max_age, .. } = self.settings;
        self.notices.note_declared_age(declared, interval, max_age);
    }

    fn keep(&self) -> Keep<'_> {
        Keep { stores: &self.stores, state: &self.settings.state }
    }
}
