//! The mapping by which the last good answer was read.
//!
//! Owns the document `mapping` in `--state`. After an edit of the mapping, the same answer can look
//! implausible. The message about such an answer then names the edit.

use std::path::{Path, PathBuf};

use tracing::warn;

use crate::document;
use crate::mapping::Mapping;

const NAME: &str = "mapping";

/// The mapping by which the last good answer was read.
pub(super) struct MappingInUse {
    path: PathBuf,
    /// `None` if no answer was read yet.
    digest: Option<u64>,
}

impl MappingInUse {
    /// Reads what is known about the last good answer.
    pub(super) fn read(state: &Path) -> MappingInUse {
        let path = state.join(NAME);
        let digest = document::peek(&path, NAME);
        MappingInUse { path, digest }
    }

    /// Whether the last good answer was read by another mapping.
    pub(super) fn differs_from(&self, mapping: &Mapping) -> bool {
        self.digest.is_some_and(|digest| digest != mapping.digest())
    }

    /// Notes the mapping of a good answer. The document is only information for messages, so a
    /// failure is logged and nothing else.
    pub(super) fn note(&mut self, mapping: &Mapping) {
        let digest = mapping.digest();
        if self.digest == Some(digest) {
            return;
        }
        self.digest = Some(digest);
        if let Err(error) = document::write_unsynced(&self.path, NAME, &digest) {
            warn!("cannot record the mapping in use: {error:#}");
        }
    }
}
