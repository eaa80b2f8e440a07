//! The files outside generations, which report the age of the data and the state of the site.
//!
//! Owns the facts in these files. The files are written with each generation and after each failed
//! refresh. A fault of these files never fails a refresh.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;

use super::known::Known;
use super::notices::Notices;
use super::settings::Settings;
use crate::catalogue::{self, Warning};
use crate::clock::{BootTime, Clock, Now, WallTime};
use crate::history::History;
use crate::outcome::OutcomeKind;
use crate::pages::{Counts, Freshness, Site, Status};
use crate::publish::{DEV, FRESHNESS, Generation, STATUS, Volatile};
use crate::store::Stores;
use crate::theme::Theme;

/// Facts about the refreshes, for the volatile files.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) now: Now,
    /// Time at which the next refresh may start.
    pub(super) next: BootTime,
    /// If the files are written at the end of a refresh: the outcome of the refresh, and its
    /// duration until now. Otherwise `None`.
    pub(super) ending: Option<(OutcomeKind, Duration)>,
    pub(super) interval: Duration,
    pub(super) max_age: Duration,
    pub(super) is_shared: bool,
    pub(super) warnings: &'a BTreeSet<Warning>,
}

impl<'a> Facts<'a> {
    /// Collects the facts.
    pub(super) fn of(
        settings: &Settings,
        notices: &'a Notices,
        stores: &Stores,
        clock: &Clock,
        next: BootTime,
        ending: Option<(OutcomeKind, Duration)>,
    ) -> Facts<'a> {
        Facts {
            now: clock.now(),
            next,
            ending,
            interval: settings.interval,
            max_age: settings.max_age,
            is_shared: stores.is_shared(),
            warnings: notices.warnings(),
        }
    }
}

impl Facts<'_> {
    fn next_attempt(&self) -> WallTime {
        self.now.wall + self.next.since(self.now.boot)
    }

    /// Returns the facts of the status page.
    pub(super) fn status<'b>(
        &self,
        known: &Known,
        as_of: WallTime,
        pages: usize,
        history: &'b History,
    ) -> Status<'b> {
        let counts = known.contents().map(|contents| Counts {
            films: contents.catalogue.films().len(),
            people: contents.catalogue.people().len(),
            changes: contents.ledger.changes.len(),
        });
        Status {
            now: self.now.wall,
            as_of,
            counts,
            pages,
            next_attempt: self.next_attempt(),
            interval: self.interval,
            max_age: self.max_age,
            is_shared: self.is_shared,
            warnings: catalogue::tally(self.warnings),
            history,
        }
    }
}

/// The status page, and the fault of the page of the theme, if any.
#[derive(Debug, Clone)]
pub(super) struct StatusPage {
    pub(super) page: Option<Bytes>,
    pub(super) trouble: Option<String>,
}

/// Renders the status page for people. If the page of the theme fails, the built-in page shows the
/// same facts, because the previous page would show old facts.
pub(super) fn status_page(status: &Status<'_>, site: &Site, theme: &Theme) -> StatusPage {
    match status.page(site, theme) {
        Ok(page) => StatusPage { page: Some(page), trouble: None },
        Err(error) => StatusPage {
            page: status.built_in_page(site, theme).ok(),
            trouble: Some(error.to_string()),
        },
    }
}

/// Makes the volatile files of a generation whose data has the origin time `as_of`. `dev` says
/// whether the site is shown to an author of a theme, and has the fault of the theme.
pub(super) fn files(
    facts: &Facts<'_>,
    as_of: WallTime,
    outcome: Option<OutcomeKind>,
    status: Option<Bytes>,
    dev: Option<Option<String>>,
) -> impl Fn(&Generation) -> Volatile + use<> {
    let next_attempt = facts.next_attempt();
    let (interval, max_age) = (facts.interval.as_secs_f64(), facts.max_age.as_secs_f64());
    move |generation| {
        let freshness = Freshness {
            as_of,
            generation: &generation.id.0,
            published: WallTime(generation.stamp * 1_000_000),
            outcome,
            next_attempt,
            interval,
            max_age,
        };
        let mut volatile = Volatile::from([(FRESHNESS, freshness.json())]);
        volatile.extend(status.clone().map(|page| (STATUS, page)));
        if let Some(broken) = &dev {
            let told = serde_json::json!({"generation": generation.id.0, "error": broken});
            volatile.insert(DEV, format!("{told}\n").into());
        }
        volatile
    }
}
