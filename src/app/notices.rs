//! What was logged about the data, so that the log does not repeat itself.
//!
//! Owns the oddities of the last catalogue, and trouble that lasts from one refresh to the
//! next. It must not decide anything.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing::{debug, info, warn};

use super::trouble::Trouble;
use crate::catalogue::{Warning, tally};

/// What was logged.
#[derive(Debug, Default)]
pub(super) struct Notices {
    oddities: BTreeSet<Warning>,
    /// Stored data that cannot be shown.
    stored: Trouble,
    /// An upstream whose answers are too old.
    aged: Trouble,
}

impl Notices {
    /// The oddities of the last catalogue.
    pub(super) fn oddities(&self) -> &BTreeSet<Warning> {
        &self.oddities
    }

    /// Logs the oddities of a catalogue as one warning, if their kinds are others than
    /// before. Records come and go: what changes within a kind is logged for debugging.
    pub(super) fn note(&mut self, warnings: Vec<Warning>) {
        let oddities: BTreeSet<_> = warnings.into_iter().collect();
        let kinds = |of: &BTreeSet<Warning>| tally(of).into_keys().collect::<BTreeSet<_>>();
        let (before, now) = (kinds(&self.oddities), kinds(&oddities));
        if now.is_empty() && !before.is_empty() {
            info!("the data is without oddities again");
        } else if now != before {
            let texts: Vec<_> = oddities.iter().map(ToString::to_string).collect();
            warn!(kinds = now.len(), "oddities in the data: {}", texts.join("; "));
        } else {
            for oddity in oddities.difference(&self.oddities) {
                debug!("{oddity}");
            }
        }
        self.oddities = oddities;
    }

    /// Notes whether stored data can be shown.
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

    /// Notes the age that the upstream declares (RFC 9111 §5.1). With an age of more than
    /// `max_age - interval`, pages get older than `max_age`, and nothing here can help.
    pub(super) fn note_declared_age(
        &mut self,
        declared: Duration,
        interval: Duration,
        max_age: Duration,
    ) {
        let oldest = interval + declared;
        if declared.is_zero() || oldest <= max_age {
            if self.aged.over().is_some() {
                info!("the answers of the upstream are young enough again");
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
}
