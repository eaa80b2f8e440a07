//! The history of refreshes, remembered from one process to the next.
//!
//! Owns the file of the history, and the outcome of the last refresh of this process. The
//! file may be lost: the history is for people to look at.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use tracing::warn;

use crate::clock::WallTime;
use crate::disk;
use crate::document;
use crate::history::History;
use crate::outcome::OutcomeKind;

const NAME: &str = "history";

/// The history and its file.
pub(super) struct Remembered {
    history: History,
    path: PathBuf,
    /// How the last refresh of this process ended.
    outcome: Option<OutcomeKind>,
}

impl Remembered {
    /// Reads the history in a state directory.
    ///
    /// # Errors
    /// If the file cannot be read, or was written by a newer program.
    pub(super) fn read(state: &Path) -> Result<Remembered> {
        let path = state.join(NAME);
        let history = document::read(&path, NAME)?.unwrap_or_default();
        Ok(Remembered { history, path, outcome: None })
    }

    /// How the last refresh of this process ended.
    pub(super) fn outcome(&self) -> Option<OutcomeKind> {
        self.outcome
    }

    /// The history as it is after a refresh that ends now.
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

    /// Notes the age of the live data.
    pub(super) fn saw(&mut self, now: WallTime, age: Duration) {
        self.history.saw(now, age);
    }

    /// Notes the end of a refresh, and writes the file.
    pub(super) fn ended(&mut self, now: WallTime, kind: OutcomeKind, took: Duration) {
        self.outcome = Some(kind);
        self.history.ended(now, kind, took);
        let bytes = document::bytes(NAME, &self.history);
        let written = bytes.and_then(|bytes| disk::replace_unsynced(&self.path, &bytes));
        if let Err(error) = written {
            warn!("the history of refreshes cannot be written: {error:#}");
        }
    }
}
