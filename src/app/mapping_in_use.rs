//! The mapping by which the last good answer was read.
//!
//! Owns the document `mapping` in `--state`. After an edit of the mapping, the same answer can look
//! implausible; the message about such an answer then names the edit.

use std::path::{Path, PathBuf};

use tracing::warn;

use crate::document;
use crate::mapping::Mapping;

const NAME: &str = "mapping";

/// The mapping of the last good answer.
pub(super) struct MappingInUse {
    path: PathBuf,
    /// `None` if no answer was read yet, or if an earlier version of the program read the answer.
    last: Option<u64>,
}

impl MappingInUse {
    /// Reads what is known about the last good answer.
    pub(super) fn read(state: &Path) -> MappingInUse {
        let path = state.join(NAME);
        let last = document::peek(&path, NAME);
        MappingInUse { path, last }
    }

    /// Whether the last good answer was read by another mapping.
    pub(super) fn differs_from(&self, mapping: &Mapping) -> bool {
        self.last.is_some_and(|last| last != mapping.digest())
    }

    /// Notes the mapping of a good answer. If the document is lost, the next message about
    /// an implausible answer does not name an edit, so a failure is logged and nothing else.
    pub(super) fn note(&mut self, mapping: &Mapping) {
        let now = mapping.digest();
        if self.last == Some(now) {
            return;
        }
        self.last = Some(now);
        if let Err(error) = document::write_unsynced(&self.path, NAME, &now) {
            warn!("cannot record the mapping in use: {error:#}");
        }
    }
}
