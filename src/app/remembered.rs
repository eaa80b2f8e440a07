//! The history of refreshes in a file, which outlives the process.
//!
//! Owns the file of the history, and the outcome of the last refresh. The file may
//! be lost, because the history is only information for people.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use tracing::warn;

use crate::clock::WallTime;
use crate::document;
use crate::history::History;
use crate::outcome::OutcomeKind;

const NAME: &str = "history";

/// The history and its file.
pub(super) struct Remembered {
    history: History,
    path: PathBuf,
    /// The outcome of the last refresh.
    outcome: Option<OutcomeKind>,
}

impl Remembered {
    /// Reads the history in a state directory. `outcome` is the outcome of the last refresh of an
    /// earlier process.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or if a newer program wrote the file.
    pub(super) fn read(state: &Path, outcome: Option<OutcomeKind>) -> Result<Remembered> {
        let path = state.join(NAME);
        let history = document::read(&path, NAME)?.unwrap_or_default();
        Ok(Remembered { history, path, outcome })
    }

    /// Returns the outcome of the last refresh.
    pub(super) fn outcome(&self) -> Option<OutcomeKind> {
        self.outcome
    }

    /// Returns the history after a refresh that ends now.
    pub(super) fn with(
        &self,
        now: WallTime,
        ending: Option<(OutcomeKind, Duration)>,
    ) -> Cow<'_, History> {
        let mut history = Cow::Borrowed(&self.history);
        if let Some((kind, took)) = ending {
            history.to_mut().ended(now, kind, took);
        }
        history
    }

    /// Records the age of the live data.
    pub(super) fn saw(&mut self, now: WallTime, age: Duration) {
        self.history.saw(now, age);
    }

    /// Records the end of a refresh, and writes the file.
    pub(super) fn ended(&mut self, now: WallTime, kind: OutcomeKind, took: Duration) {
        self.outcome = Some(kind);
        self.history.ended(now, kind, took);
        if let Err(error) = document::write_unsynced(&self.path, NAME, &self.history) {
            warn!("the history of refreshes cannot be written: {error:#}");
        }
    }
}
