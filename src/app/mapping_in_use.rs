//! The mapping by which the last good answer was asked for and read.
//!
//! Owns the document `mapping` in `--state`. After an edit of the mapping, the same answer can look
//! implausible; the message about such an answer then names the edit. After an edit of `get`, the
//! stored answer is the answer to another request, so that neither its ETag nor its records count.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::document;
use crate::mapping::Mapping;

const NAME: &str = "mapping";

/// The mapping of the last good answer.
pub(super) struct MappingInUse {
    path: PathBuf,
    /// `None` if no answer was read yet, or if an earlier version of the program read the answer.
    last: Option<Hashes>,
}

/// Hashes of a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Hashes {
    rules: u64,
    requests: u64,
}

impl Hashes {
    fn of(mapping: &Mapping) -> Hashes {
        Hashes { rules: mapping.digest(), requests: mapping.requests() }
    }
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
        self.last.is_some_and(|last| last != Hashes::of(mapping))
    }

    /// Whether the last good answer was the answer to other requests.
    pub(super) fn asked_otherwise(&self, mapping: &Mapping) -> bool {
        self.last.is_some_and(|last| last.requests != mapping.requests())
    }

    /// Notes the mapping of a good answer. The next refresh asks for everything again if the
    /// document is lost, so a failure is logged and nothing else.
    pub(super) fn note(&mut self, mapping: &Mapping) {
        let now = Hashes::of(mapping);
        if self.last == Some(now) {
            return;
        }
        self.last = Some(now);
        if let Err(error) = document::write_unsynced(&self.path, NAME, &now) {
            warn!("cannot record the mapping in use: {error:#}");
        }
    }
}
