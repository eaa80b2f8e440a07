//! The notices about data and options that were logged, so that the log does not repeat them.
//!
//! Owns the warnings of the last catalogue, the file of what was logged, and trouble that lasts from
//! one refresh to the next.
//! This module must not decide anything.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::{Level, debug, info, warn};

use super::trouble::Trouble;
use crate::catalogue::{Warning, tally};
use crate::document;

const NAME: &str = "notices";

/// What the last process logged: the content of the file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Logged {
    /// The kinds of warnings about the data.
    kinds: BTreeSet<String>,
    /// The warnings about the options.
    options: BTreeSet<String>,
}

/// The notices that were logged.
#[derive(Debug)]
pub(super) struct Notices {
    warnings: BTreeSet<Warning>,
    logged: Logged,
    path: PathBuf,
    /// The trouble of stored data that cannot be shown.
    stored: Trouble,
    /// The trouble of stored data that belongs to other requests.
    foreign: Trouble,
    /// The trouble of an upstream whose answers are too old.
    aged: Trouble,
}

impl Notices {
    /// Begins without notices. A process that runs for long starts a new log, so the process logs
    /// each problem again.
    pub(super) fn new(state: &Path) -> Notices {
        Notices {
            warnings: BTreeSet::new(),
            logged: Logged::default(),
            path: state.join(NAME),
            stored: Trouble::default(),
            foreign: Trouble::default(),
            aged: Trouble::default(),
        }
    }

    /// Continues with the notices of the process before, for a process that makes one refresh:
    /// otherwise a job that runs each minute would repeat the same warnings each minute.
    pub(super) fn read(state: &Path) -> Notices {
        let logged = document::peek(&state.join(NAME), NAME).unwrap_or_default();
        Notices { logged, ..Notices::new(state) }
    }

    /// Logs what the owner should know about the options, each warning once.
    pub(super) fn note_options(&mut self, warnings: BTreeSet<String>) {
        if warnings == self.logged.options {
            return;
        }
        for warning in warnings.difference(&self.logged.options) {
            warn!("{warning}");
        }
        self.logged.options = warnings;
        self.remember();
    }

    /// Writes the file, unless `-q` or `-qq` hides warnings: a warning that nobody saw must come
    /// again. Only a later `build once` reads the file: a failure repeats a warning there.
    fn remember(&self) {
        if !tracing::enabled!(Level::WARN) {
            return;
        }
        if let Err(error) = document::write_unsynced(&self.path, NAME, &self.logged) {
            debug!("cannot remember the warnings that were logged: {error:#}");
        }
    }

    /// Returns the warnings of the last catalogue.
    pub(super) fn warnings(&self) -> &BTreeSet<Warning> {
        &self.warnings
    }

    /// Logs the warnings of a catalogue in one line, if their kinds differ from the kinds before. A
    /// change within a kind is only logged for debugging, because records come and go.
    pub(super) fn note(&mut self, warnings: Vec<Warning>) {
        let warnings: BTreeSet<_> = warnings.into_iter().collect();
        let kinds: BTreeSet<_> = tally(&warnings).into_keys().map(str::to_owned).collect();
        if kinds == self.logged.kinds {
            for warning in warnings.difference(&self.warnings) {
                debug!("{warning}");
            }
        } else {
            if kinds.is_empty() {
                info!("the data has no more problems");
            } else {
                let texts: Vec<_> = warnings.iter().map(ToString::to_string).collect();
                warn!(kinds = kinds.len(), "problems in the data: {}", texts.join("; "));
            }
            self.logged.kinds = kinds;
            self.remember();
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

    /// Records whether the stored answer belongs to the requests of the mapping. In a shared store,
    /// the answer may be the answer of a replica with another mapping.
    pub(super) fn note_requests(&mut self, are_own: bool, is_shared: bool) {
        if are_own {
            let _ = self.foreign.over();
            return;
        }
        let text = "the stored answer belongs to other requests than the mapping names, so this \
                    process does not use the stored answer";
        if !self.foreign.met(text) {
            return;
        }
        if is_shared {
            warn!(
                "{text}; replicas with different mappings overwrite each other's answers and share \
                 one refresh per interval: give all replicas the same mapping"
            );
        } else {
            info!("{text}");
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
