//! Makes the known data visible: the data becomes a generation, and the generation becomes live.
//!
//! Owns theme, publisher, live cell, metrics and the history of refreshes. There are three sources
//! of a live site: data from the upstream, data that another process or an earlier process stored,
//! and a site that is published already. This module must not decide what the data is, or when the
//! upstream is asked.

use std::sync::Arc;

use anyhow::Result;
use tracing::{debug, info, warn};

use super::known::Known;
use super::progress::{self, PublishProgress, count};
use super::remembered::Remembered;
use super::trouble::Trouble;
use super::volatile::{Facts, StatusPage, files, status_page};
use crate::clock::{Clock, Now};
use crate::live::{self, Live};
use crate::news::{self, Told};
use crate::pages::{self, Freshness, LastPages, Plan, Records, Shapes, Site};
use crate::payload::{Fence, Payload};
use crate::publish::{
    FRESHNESS, Generation, GenerationId, PublishStep, Publisher, SiteInputs, TouchedFiles, Volatile,
};
use crate::relay::Relays;
use crate::telemetry::{Metrics, Stage};
use crate::theme::Theme;
use crate::workers;

/// Everything that visitors see, with the theme and the facts from which pages are made.
pub(super) struct Front {
    pub(super) theme: Theme,
    pub(super) site: Site,
    pub(super) publisher: Publisher,
    pub(super) live: Live,
    /// What hears of a publish.
    pub(super) relays: Relays,
    pub(super) metrics: Metrics,
    pub(super) history: Remembered,
    /// Facts about the records of the last plan, from which the next plan begins.
    pub(super) shapes: Arc<Shapes>,
    /// The pages of the last plan, from which the next plan begins.
    pub(super) planned: LastPages,
    /// Largest size of all published files in bytes.
    pub(super) largest_site: u64,
    /// The fault of the current templates, if any.
    pub(super) broken: Option<String>,
    /// The trouble of a status page of the theme that cannot be rendered.
    pub(super) unshown: Trouble,
}

/// The parts of [`Front`] that a changed theme or configuration replaces.
pub(super) struct Look {
    pub(super) theme: Theme,
    pub(super) site: Site,
}

impl Front {
    /// Renders the known data, publishes the pages and makes the pages live. `facts` are the facts
    /// in the volatile files.
    ///
    /// # Errors
    /// Fails if a template or the disk fails. The live site stays.
    pub(super) fn show(
        &mut self,
        known: &mut Known,
        facts: &Facts<'_>,
        clock: &Clock,
    ) -> Result<()> {
        let Some(contents) = known.contents() else { return Ok(()) };
        self.publisher.note_check()?;
        let look = pages::look(&self.site, &self.theme);
        let Payload { films, people, .. } = contents.payload;
        let bodies: [&[u8]; 2] = [films.bytes(), people.bytes()];
        let inputs = SiteInputs::of(&look, bodies, contents.ledger, contents.untold)?;
        if let Some(generation) = self.publisher.made_from(&inputs, facts.now.wall).cloned() {
            let origin = live::Origin::from(&contents.payload.origin);
            let site = live::LiveSite { generation, fence: contents.payload.fence, origin };
            let told = Told { theme: look.theme_id, event: None };
            debug!("the published site is made from this data already");
            self.show_again(site, known, facts, told);
            known.told();
            return Ok(());
        }
        let begun = clock.now().boot;
        let (site, theme) = (&self.site, &self.theme);
        let (shapes, planned) = (&mut self.shapes, &mut self.planned);
        let records = workers::run(|| Records::with(contents.catalogue, contents.ledger, shapes));
        let plan =
            workers::run(|| Plan::after(planned, site, &records, theme)).within(self.largest_site);
        let planned = clock.now().boot;
        let in_plan = plan.paths().len();
        progress::ended(planned.since(begun), &format!("planned {} pages", count(in_plan)), "");
        let progress = PublishProgress::of(in_plan, clock);
        let payload = contents.payload;
        let origin = live::Origin::from(&payload.origin);
        let status = self.status_page(known, facts, origin, in_plan);
        let volatile = self.volatile(facts, origin, &status);
        let started = clock.now();
        let rendered = self.publisher.render(&plan, started.wall, |step| progress.step(step))?;
        let pages = rendered.pages;
        let between = clock.now().boot;
        let took = between.since(started.boot);
        self.metrics.took(Stage::Render, took);
        progress.rendered(pages, in_plan, took);
        let step = |step: PublishStep<'_>| progress.step(step);
        let shown = self.live.snapshot().site.as_ref().map(|site| site.generation.id.clone());
        let relays = self.relays.clone();
        let tell =
            |paths: &[&String], next: &GenerationId| relays.note(paths, next, shown.as_ref());
        let published = self.publisher.publish(rendered, inputs, &volatile, tell, step)?;
        let ended = clock.now().boot;
        if published.changed {
            progress.wrote(published.counts, ended.since(between));
        }
        self.metrics.took(Stage::Publish, ended.since(between));
        let volatile = volatile(&published.generation);
        if published.changed {
            debug!(
                generation = %published.generation.id,
                pages = in_plan,
                rendered = pages,
                milliseconds = ended.since(started.boot).as_millis() as u64,
                "published"
            );
        }
        let generation = published.generation;
        let before = self.live.snapshot().site.as_ref().map(|site| site.generation.clone());
        let touched = published.touched;
        let event = before.filter(|before| before.id != generation.id).map(|before| {
            let touched = touched.as_ref().filter(|touched| touched.since == before.id);
            let touched = touched.map(|touched| &touched.paths[..]);
            news::event(&plan, &before, &generation, touched, contents.untold)
        });
        let told = Told { theme: plan.theme_id().to_owned(), event };
        let site = live::LiveSite { generation: generation.clone(), fence: payload.fence, origin };
        if !self.live.put(site, volatile, told) {
            debug!("a newer generation is live already");
        }
        known.told();
        self.note_trouble(status);
        self.check_old_tree(&generation, touched)
    }

    /// Checks the tree that a publish replaced. Visitors, open pages and `--then` have the new
    /// generation already, because the check grows with the site.
    fn check_old_tree(
        &mut self,
        generation: &Generation,
        touched: Option<TouchedFiles>,
    ) -> Result<()> {
        let tell = || {
            let all = || generation.pages().map(|(path, _)| path).collect();
            let touched = touched.as_ref().map(|touched| touched.paths.iter().collect());
            let paths: Vec<&String> = touched.unwrap_or_else(all);
            self.relays.note(&paths, &generation.id, Some(&generation.id))
        };
        if self.publisher.check_old_tree(tell)? {
            // Receivers that read a file while the trees were exchanged back must read it again.
            self.live.put_volatile(self.live.snapshot().volatile.clone());
        }
        Ok(())
    }

    /// Shows the known data in another look.
    ///
    /// # Errors
    /// Fails if the known data cannot be rendered or published in the new look. The old look then
    /// stays in use.
    pub(super) fn show_in(
        &mut self,
        look: Look,
        known: &mut Known,
        facts: &Facts<'_>,
        clock: &Clock,
    ) -> Result<()> {
        let theme = std::mem::replace(&mut self.theme, look.theme);
        let site = std::mem::replace(&mut self.site, look.site);
        self.show(known, facts, clock).inspect_err(|_| {
            self.theme = theme;
            self.site = site;
        })
    }

    /// Gives the live data the origin time of `payload`, which confirms the data, if the live data
    /// has the fence `before`. Returns whether the live data is confirmed.
    pub(super) fn confirm(&self, before: Fence, payload: &Payload) -> bool {
        let snapshot = self.live.snapshot();
        let Some(site) = snapshot.site.as_ref().filter(|site| site.fence == before) else {
            return false;
        };
        let origin = live::Origin::from(&payload.origin);
        let site = live::LiveSite { fence: payload.fence, origin, ..site.clone() };
        // The volatile files are written after the outcome is recorded.
        self.live.put(site, snapshot.volatile.clone(), Told::default())
    }

    /// Shows the published site, if there is no payload. The published site has its own origin
    /// time.
    pub(super) fn show_published(&mut self, known: &Known, facts: &Facts<'_>) {
        let Some(generation) = self.publisher.live().cloned() else { return };
        let told = self.publisher.read_volatile(FRESHNESS);
        let Some(wall) = told.as_deref().and_then(Freshness::as_of) else { return };
        let Now { boot, wall: now } = facts.now;
        let wall = wall.min(now);
        let origin = live::Origin { boot: boot - now.since(wall), wall };
        info!(as_of = %wall, "showing the published site until newer data is there");
        let volatile = self.volatile_of(&generation, origin, known, facts);
        let site = live::LiveSite { generation, fence: Fence(0), origin };
        self.live.put(site, volatile, Told::default());
    }

    /// Shows the published site, which is made from the known data already.
    fn show_again(&mut self, site: live::LiveSite, known: &Known, facts: &Facts<'_>, told: Told) {
        let volatile = self.volatile_of(&site.generation, site.origin, known, facts);
        if let Err(error) = self.publisher.write_volatile(&volatile) {
            warn!("{error:#}");
        }
        if !self.live.put(site, volatile, told) {
            debug!("a newer generation is live already");
        }
    }

    /// Writes the volatile files of the live site again, after a failed refresh or after the
    /// theme was edited.
    pub(super) fn write_volatile(&mut self, known: &Known, facts: &Facts<'_>) {
        let snapshot = self.live.snapshot();
        let Some(site) = &snapshot.site else { return };
        let volatile = self.volatile_of(&site.generation, site.origin, known, facts);
        if let Err(error) = self.publisher.write_volatile(&volatile) {
            warn!("{error:#}");
        }
        self.live.put_volatile(volatile);
    }

    /// Records the age of the live data, before newer data comes.
    pub(super) fn note_age(&mut self, now: Now) {
        if let Some(site) = &self.live.snapshot().site {
            self.history.saw(now.wall, site.origin.age(now));
        }
    }

    fn status_page(
        &self,
        known: &Known,
        facts: &Facts<'_>,
        origin: live::Origin,
        pages: usize,
    ) -> StatusPage {
        let history = self.history.with(facts.now.wall, facts.ending);
        status_page(&facts.status(known, origin.wall, pages, &history), &self.site, &self.theme)
    }

    /// Makes the volatile files of a published generation, and logs a fault of the status page.
    fn volatile_of(
        &mut self,
        generation: &Generation,
        origin: live::Origin,
        known: &Known,
        facts: &Facts<'_>,
    ) -> Volatile {
        let status = self.status_page(known, facts, origin, generation.pages().count());
        let volatile = self.volatile(facts, origin, &status)(generation);
        self.note_trouble(status);
        volatile
    }

    /// Makes the volatile files of a generation whose data has the origin time `origin`.
    fn volatile(
        &self,
        facts: &Facts<'_>,
        origin: live::Origin,
        status: &StatusPage,
    ) -> impl Fn(&Generation) -> Volatile + use<> {
        let outcome = facts.ending.map(|(kind, _)| kind).or(self.history.outcome());
        let set_aside = self.theme.set_aside().first().map(ToString::to_string);
        let broken = self.broken.clone().or(set_aside).or_else(|| status.trouble.clone());
        let dev = self.site.dev.then_some(broken);
        files(facts, origin.wall, outcome, status.page.clone(), dev)
    }

    /// Logs once that the status page of the theme cannot be rendered, as long as the fault lasts.
    fn note_trouble(&mut self, status: StatusPage) {
        let Some(error) = status.trouble else {
            self.unshown.over();
            return;
        };
        // The rest of the text contains values of the page, which change in each refresh.
        let place = error.lines().find(|line| line.contains("-->")).unwrap_or(&error);
        if self.unshown.met(place) {
            warn!("the theme's status.html fails, so the built-in one is shown:\n{error}");
        }
    }
}
