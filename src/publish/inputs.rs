//! What a generation is made from, as a hash that the manifest keeps.
//!
//! Owns the rule that a published site is not made again if it was made from the same data, ledger,
//! theme and settings. A process that starts with such a site needs no plan.

use anyhow::Result;

use crate::document;
use crate::ledger::Ledger;

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
