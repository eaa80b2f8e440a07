//! What a generation is made from, in a document that lies beside the manifest.
//!
//! Owns the rule that a published site is not made again if it was made from the same data, ledger,
//! theme and settings. A process that starts with such a site needs no plan. The document also has
//! what led to the generation, for `movies-gen explain`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tracing::debug;

use super::manifest::{GenerationId, OWN_DIRECTORY};
use crate::changes::Change;
use crate::document;
use crate::ledger::Ledger;
use crate::pages::PageLook;
use crate::workers;

/// Largest number of changes in the document.
const MOST_CHANGES: usize = 500;

/// The document beside the manifest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MadeFrom {
    /// The generation. If the manifest names another generation, the document is old.
    generation: GenerationId,
    /// Names all inputs.
    inputs: String,
    /// Hash of each part of the look of the site, by a name for people.
    #[serde(default)]
    parts: BTreeMap<String, String>,
    /// What led to the generation.
    #[serde(default)]
    pub step: LastStep,
}

/// What the last publish was made for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct LastStep {
    /// Parts of the look that differ from those of the publish before; `None` if those are not
    /// known.
    pub look: Option<Vec<String>>,
    /// The first changes of records since the publish before; `None` if they are not known.
    pub changes: Option<Vec<Change>>,
    /// Number of further changes.
    pub more: usize,
}

impl MadeFrom {
    /// Reads the document in a tree; `None` if the document is not of this generation.
    pub fn read(tree: &Path, generation: &GenerationId) -> Option<MadeFrom> {
        let found: MadeFrom = document::peek(&path_in(tree), "inputs")?;
        (found.generation == *generation).then_some(found)
    }

    /// Describes a generation that follows the generation `before`.
    pub(super) fn of(
        generation: &GenerationId,
        inputs: SiteInputs,
        before: Option<&MadeFrom>,
    ) -> MadeFrom {
        let SiteInputs { name, parts, changes, more, .. } = inputs;
        let known = before.filter(|before| !before.parts.is_empty());
        let look = known.map(|before| {
            let names =
                parts.keys().chain(before.parts.keys().filter(|name| !parts.contains_key(*name)));
            names.filter(|name| parts.get(*name) != before.parts.get(*name)).cloned().collect()
        });
        let step = LastStep { look, changes, more };
        MadeFrom { generation: generation.clone(), inputs: name, parts, step }
    }

    /// Whether a generation with these inputs would be the same.
    pub(super) fn is_of(&self, inputs: &SiteInputs) -> bool {
        self.inputs == inputs.name
    }

    /// Writes the document into a tree. Without the document, the next start makes the plan, so a
    /// fault here fails no publish.
    pub(super) fn write(&self, tree: &Path) {
        if let Err(error) = document::write_unsynced(&path_in(tree), "inputs", self) {
            debug!("{error:#}");
        }
    }
}

fn path_in(tree: &Path) -> PathBuf {
    tree.join(OWN_DIRECTORY).join("inputs")
}

/// The inputs of a generation.
#[derive(Debug, Clone)]
pub struct SiteInputs {
    /// The ledger as a document.
    pub(super) ledger: Vec<u8>,
    /// Names all inputs.
    name: String,
    parts: BTreeMap<String, String>,
    changes: Option<Vec<Change>>,
    more: usize,
}

impl SiteInputs {
    /// Describes a site that is made from these bodies and this ledger. `look` has everything else
    /// from which pages are made, and `changes` are the changes since the last publish, if they are
    /// known.
    ///
    /// # Errors
    /// Fails if the ledger has no JSON form, which does not happen.
    pub fn of(
        look: &PageLook,
        bodies: [&[u8]; 2],
        ledger: &Ledger,
        changes: Option<&[Change]>,
    ) -> Result<SiteInputs> {
        let (ledger, bodies) = workers::run(|| {
            rayon::join(|| document::bytes("ledger", ledger), || bodies.map(blake3::hash))
        });
        let ledger = ledger?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(look.hash.as_bytes());
        for hash in bodies.into_iter().chain([blake3::hash(&ledger)]) {
            hasher.update(hash.as_bytes());
        }
        let name = hasher.finalize().to_hex()[..32].to_owned();
        let first = changes.map(|all| all.iter().take(MOST_CHANGES).cloned().collect());
        let more = changes.map_or(0, |all| all.len().saturating_sub(MOST_CHANGES));
        Ok(SiteInputs { ledger, name, parts: look.parts.clone(), changes: first, more })
    }
}
