//! What stands outside generations: how old the data is, and how the site is
//! doing.
//!
//! Owns when those files are written, and what is remembered for them from one
//! process to the next. They follow every refresh, also one that failed or
//! changed no page; none of them is worth failing one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use tracing::warn;

use super::refresh::Refresher;
use crate::catalogue;
use crate::clock::WallTime;
use crate::disk;
use crate::history::History;
use crate::outcome::OutcomeKind;
use crate::pages::{Counts, Freshness, Status};
use crate::publish::{DEV, FRESHNESS, Generation, STATUS, Volatile};
use crate::store::document;

/// What is remembered in the state directory.
pub(super) fn remembered(state: &Path) -> Result<History> {
    Ok(document::read(&path_in(state), HISTORY)?.unwrap_or_default())
}

const HISTORY: &str = "history";

fn path_in(state: &Path) -> PathBuf {
    state.join(HISTORY)
}

/// The status page, and what kept the theme's own one from being shown.
#[derive(Clone)]
pub(super) struct StatusPage {
    pub(super) page: Option<Bytes>,
    pub(super) trouble: Option<String>,
}

impl Refresher {
    /// Notes how old the live data is, before something newer comes.
    pub(super) fn note_age(&mut self) {
        let now = self.clock.now();
        if let Some(site) = &self.live.snapshot().site {
            self.history.saw(now.wall, site.origin.age(now));
        }
    }

    /// Notes how a refresh ended. That it is lost in a crash does not matter.
    pub(super) fn note_end(&mut self, kind: OutcomeKind, took: Duration) {
        self.history.ended(self.clock.now().wall, kind, took);
        let bytes = document::bytes(HISTORY, &self.history);
        let written = bytes.and_then(|bytes| disk::replace_unsynced(&path_in(&self.state), &bytes));
        if let Err(error) = written {
            warn!("how refreshes went cannot be remembered: {error:#}");
        }
    }

    /// Writes the volatile files anew: after a refresh that changed no page.
    pub(super) fn show_volatile(&mut self) {
        let snapshot = self.live.snapshot();
        let Some(site) = &snapshot.site else { return };
        let as_of = site.origin.wall;
        let status = self.status_page(as_of, site.generation.pages().count());
        let volatile = self.volatile(as_of, &status)(&site.generation);
        self.note_trouble(status);
        if let Err(error) = self.publisher.write_volatile(&volatile) {
            warn!("{error:#}");
        }
        self.live.put_volatile(volatile);
    }

    /// How the site is doing, for people. If the theme cannot show it, the built-in page
    /// tells the same facts: an old page would tell old ones. [`Refresher::note_trouble`]
    /// takes what the theme failed with.
    pub(super) fn status_page(&self, as_of: WallTime, pages: usize) -> StatusPage {
        let status = self.status(as_of, pages);
        match status.page(&self.site, &self.theme) {
            Ok(page) => StatusPage { page: Some(page), trouble: None },
            Err(error) => StatusPage {
                page: status.built_in_page(&self.site, &self.theme).ok(),
                trouble: Some(error.to_string()),
            },
        }
    }

    /// Says once that the theme cannot show the status page, while that lasts.
    pub(super) fn note_trouble(&mut self, status: StatusPage) {
        let Some(error) = status.trouble else {
            self.unshown.over();
            return;
        };
        // The rest of the text names what the page is told, which changes.
        let place = error.lines().find(|line| line.contains("-->")).unwrap_or(&error);
        if self.unshown.met(place) {
            warn!("the theme's status.html fails, the built-in one is shown:\n{error}");
        }
    }

    fn status(&self, as_of: WallTime, pages: usize) -> Status<'_> {
        let now = self.clock.now();
        let counts = self.known.payload.as_ref().map(|_| Counts {
            films: self.known.catalogue.films.len(),
            people: self.known.catalogue.people.len(),
            changes: self.known.ledger.as_ref().map_or(0, |ledger| ledger.changes.len()),
        });
        Status {
            now: now.wall,
            as_of,
            counts,
            pages,
            next_attempt: now.wall + self.next_due().since(now.boot),
            interval: self.settings.interval,
            max_age: self.settings.max_age,
            is_shared: self.stores.is_shared(),
            warnings: catalogue::tally(&self.told),
            history: &self.history,
        }
    }

    /// The volatile files that go with data of `as_of`, once its generation is
    /// known.
    pub(super) fn volatile(
        &self,
        as_of: WallTime,
        status: &StatusPage,
    ) -> impl Fn(&Generation) -> Volatile + use<> {
        let now = self.clock.now();
        let next_attempt = now.wall + self.next_due().since(now.boot);
        let (outcome, settings) = (self.outcome, self.settings);
        let StatusPage { page, trouble } = status.clone();
        let set_aside = self.theme.set_aside().first().map(ToString::to_string);
        let dev = self.site.dev;
        let broken = self.broken.clone().or(set_aside).or(trouble);
        move |generation| {
            let freshness = Freshness {
                as_of,
                generation: &generation.id.0,
                published: WallTime(generation.stamp * 1_000_000),
                outcome,
                next_attempt,
                interval: settings.interval.as_secs_f64(),
                max_age: settings.max_age.as_secs_f64(),
            };
            let mut volatile = Volatile::from([(FRESHNESS, freshness.json())]);
            volatile.extend(page.clone().map(|page| (STATUS, page)));
            if dev {
                let told = serde_json::json!({"generation": generation.id.0, "error": broken});
                volatile.insert(DEV, format!("{told}\n").into());
            }
            volatile
        }
    }
}
