//! The last act of a refresh: what is known becomes what is live.
//!
//! Owns the three ways to it: data that was just brought, data that was stored
//! by another process or an earlier one, and a site that is published already.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use tracing::{debug, info, warn};

use super::refresh::{Known, Refresher};
use crate::catalogue::{self, Bounds};
use crate::changes::compared;
use crate::ledger::Ledger;
use crate::live;
use crate::news::{self, Told};
use crate::pages::{Freshness, Plan};
use crate::payload::{Fence, Payload};
use crate::publish::FRESHNESS;
use crate::store::{Edition, Store};
use crate::telemetry::Stage;

/// Pages above which rendering shows how far it is.
const MANY_PAGES: usize = 2_000;

impl Refresher {
    /// Takes up what another process saved, if that is newer than what we have;
    /// saves again what a shared store lost. If that fails, what is live stays,
    /// and the next refresh asks for all.
    pub(super) async fn take_up(&mut self, saved: Edition) {
        let is_lost =
            saved.fence < self.fence() && self.stores.is_shared() && !self.stores.is_stuck();
        if saved <= self.known.edition && !is_lost {
            return;
        }
        self.catch_up().await;
    }

    /// Takes up what was saved last. That it cannot be is said once.
    pub(super) async fn catch_up(&mut self) {
        self.note_age();
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
        let bounds = Bounds::of(self.settings.max_bytes);
        let joined = catalogue::join_within(&payload, self.settings.limit, bounds);
        let (catalogue, warnings) = joined.context("the payload in the store is no catalogue")?;
        self.tell(warnings);
        let ledger = loaded.ledger.or_else(|| self.known.ledger.take());
        let ledger = match ledger {
            Some(ledger) => ledger.advanced(&[], &catalogue, payload.origin.wall),
            None => Ledger::baseline(&catalogue, payload.origin.wall),
        };
        debug!(fence = %payload.fence, as_of = %payload.origin.wall, "took up a stored payload");
        let edition = loaded.edition;
        let is_ignored = |kind, field: &str| ledger.is_volatile(kind, field, &self.overrides);
        let changes = self
            .known
            .payload
            .as_ref()
            .map(|_| compared(&self.known.catalogue, &catalogue, &is_ignored).changes);
        self.note(changes);
        self.known = Known { payload: Some(payload), edition, catalogue, ledger: Some(ledger) };
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
        let plan = Plan::new(&self.site, &self.known.catalogue, ledger, &self.theme)
            .within(self.settings.max_bytes.max(LEAST).saturating_mul(LARGEST_SITE));
        let bar = progress(plan.len());
        let started = self.clock.now();
        let origin = live::Origin { boot: payload.origin.boot, wall: payload.origin.wall };
        let status = self.status_page(origin.wall, plan.len());
        let volatile = self.volatile(origin.wall, &status);
        let rendered = self.publisher.render(&plan, started.wall, |done| {
            bar.set_position(done as u64);
        })?;
        bar.finish_and_clear();
        let pages = rendered.pages;
        let between = self.clock.now().boot;
        self.metrics.took(Stage::Render, between.since(started.boot));
        let published = self.publisher.publish(rendered, ledger, &volatile)?;
        let ended = self.clock.now().boot;
        self.metrics.took(Stage::Publish, ended.since(between));
        let volatile = volatile(&published.generation);
        if published.changed {
            debug!(
                generation = %published.generation.id,
                pages = plan.len(),
                rendered = pages,
                milliseconds = ended.since(started.boot).as_millis() as u64,
                "published"
            );
        }
        let generation = published.generation;
        let before = self.live.snapshot().site.as_ref().map(|site| site.generation.clone());
        let event = before
            .filter(|before| before.id != generation.id)
            .map(|before| news::event(&plan, &before, &generation, self.untold.as_deref()));
        let told = Told { theme: plan.theme_id().to_owned(), event };
        if !self.live.put(live::Site { generation, fence: payload.fence, origin }, volatile, told) {
            debug!("something newer is live already");
        }
        self.untold = Some(Vec::new());
        self.note_trouble(status);
        Ok(())
    }

    /// Makes what is live younger: `payload` confirms its data.
    pub(super) fn confirm(&self, payload: &Payload) {
        let snapshot = self.live.snapshot();
        let Some(site) = snapshot.site.as_ref().filter(|site| site.fence == self.fence()) else {
            return;
        };
        let origin = live::Origin { boot: payload.origin.boot, wall: payload.origin.wall };
        let site = live::Site { fence: payload.fence, origin, ..site.clone() };
        // The volatile files follow once the refresh is written down.
        self.live.put(site, snapshot.volatile.clone(), Told::default());
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
        let status = self.status_page(wall, generation.pages().count());
        let volatile = self.volatile(wall, &status)(&generation);
        self.note_trouble(status);
        let site = live::Site { generation, fence: Fence(0), origin };
        self.live.put(site, volatile, Told::default());
    }
}

/// Bytes of all published files together, compressed forms included, for each byte that a
/// body may have. What the built-in theme makes is estimated before an answer is taken
/// (`catalogue::weight`, 32); this holds for what another theme makes.
const LARGEST_SITE: u64 = 40;

/// A small bound still has room for a small site.
const LEAST: u64 = 512 << 10;

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
