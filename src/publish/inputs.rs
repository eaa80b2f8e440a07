//! What a generation is made from, as a hash that lies beside the manifest.
//!
//! Owns the rule that a published site is not made again if it was made from the same data, ledger,
//! theme and settings. A process that starts with such a site needs no plan.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tracing::debug;

use super::manifest::{GenerationId, OWN_DIRECTORY};
use crate::document;
use crate::ledger::Ledger;

/// The document beside the manifest.
#[derive(Debug, Serialize, Deserialize)]
struct MadeFrom {
    /// The generation. If the manifest names another generation, the document is old.
    generation: GenerationId,
    inputs: String,
}

/// Returns the name of the inputs of the generation in a tree, if the name is known.
pub(super) fn read(tree: &Path, generation: &GenerationId) -> Option<String> {
    let found: MadeFrom = document::peek(&path_in(tree), "inputs")?;
    (found.generation == *generation).then_some(found.inputs)
}

/// Writes the name of the inputs of the generation in a tree. Without the name, the next start makes
/// the plan, so a fault here fails no publish.
pub(super) fn write(tree: &Path, generation: &GenerationId, inputs: &str) {
    let made = MadeFrom { generation: generation.clone(), inputs: inputs.to_owned() };
    if let Err(error) = document::write_unsynced(&path_in(tree), "inputs", &made) {
        debug!("{error:#}");
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
    pub(super) name: String,
}

impl SiteInputs {
    /// Describes a site that is made from these bodies and this ledger. `look` names everything else
    /// from which pages are made.
    ///
    /// # Errors
    /// Fails if the ledger has no JSON form, which does not happen.
    pub fn of(look: &blake3::Hash, bodies: [&[u8]; 2], ledger: &Ledger) -> Result<SiteInputs> {
        let ledger = document::bytes("ledger", ledger)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(look.as_bytes());
        for part in bodies.into_iter().chain([&*ledger]) {
            hasher.update(blake3::hash(part).as_bytes());
        }
        Ok(SiteInputs { ledger, name: hasher.finalize().to_hex()[..32].to_owned() })
    }
}
