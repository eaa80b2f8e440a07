//! The notices about the data that were logged, so that the log does not repeat them.
//!
//! Owns the warnings of the last catalogue, and trouble that lasts from one refresh to the next.
//! This module must not decide anything.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing::{debug, info, warn};

use super::trouble::Trouble;
use crate::catalogue::{Warning, tally};

/// The notices that were logged.
#[derive(Debug, Default)]
pub(super) struct Notices {
    warnings: BTreeSet<Warning>,
    /// The trouble of stored data that cannot be shown.
    stored: Trouble,
    /// The trouble of an upstream whose answers are too old.
    aged: Trouble,
}

impl Notices {
    /// Returns the warnings of the last catalogue.
    pub(super) fn warnings(&self) -> &BTreeSet<Warning> {
        &self.warnings
    }

    /// Logs the warnings of a catalogue in one line, if their kinds differ from the kinds before. A
    /// change within a kind is only logged for debugging, because records come and go.
    pub(super) fn note(&mut self, warnings: Vec<Warning>) {
        let warnings: BTreeSet<_> = warnings.into_iter().collect();
        let kinds = |of: &BTreeSet<Warning>| tally(of).into_keys().collect::<BTreeSet<_>>();
        let (before, now) = (kinds(&self.warnings), kinds(&warnings));
        if now.is_empty() && !before.is_empty() {
            info!("the data has no more problems");
        } else if now != before {
            let texts: Vec<_> = warnings.iter().map(ToString::to_string).collect();
            warn!(kinds = now.len(), "problems in the data: {}", texts.join("; "));
        } else {
            for warning in warnings.difference(&self.warnings) {
                debug!("{warning}");
            }
        }
        self.warnings = warnings;
    }

    /// Records whether stored data can be shown.
    pub(super) fn note_stored(&mut self, shown: &anyhow::Result<()>) {
        match shown {
            Ok(()) => drop(self.stored.over()),
            Err(error) => {
                let text = format!("the stored data cannot be shown: {error:#}");
                if self.stored.met(&text) {
                    warn!("{text}");
                }
            }
        }
    }

    /// Records the age that the upstream declares (RFC 9111 §5.1). If the age is more than
    /// `max_age - interval`, pages become older than `max_age`, and this program cannot prevent it.
    pub(super) fn note_declared_age(
        &mut self,
        declared: Duration,
        interval: Duration,
        max_age: Duration,
    ) {
        let oldest = interval + declared;
        if declared.is_zero() || oldest <= max_age {
            if self.aged.over().is_some() {
                info!("the answers of the API are young enough for --max-age again");
            }
        } else if self.aged.met("aged") {
            warn!(
                declared_age = declared.as_secs(),
                "the API answers from a cache (Age: {} s), so pages become up to {} old, which is \
                 more than --max-age {}; increase --max-age, or ask the operator of the API for a \
                 shorter cache time",
                declared.as_secs(),
                humantime::format_duration(oldest),
                humantime::format_duration(max_age)
            );
        }
    }
}
