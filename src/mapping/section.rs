//! A table of a mapping whose keys are taken one by one.
//!
//! Owns the rule that a key which nobody takes is a mistake, and the most similar key that the
//! message suggests.

use std::collections::BTreeSet;

use super::fault::MappingFault;
use super::node::{Entries, MappingNode, NodeValue};
use crate::similar::most_similar;

/// A table whose keys are taken.
pub(super) struct MappingTable<'n> {
    /// The name of the table for messages.
    name: &'n str,
    entries: &'n Entries,
    /// The keys that the table may have.
    known: BTreeSet<&'static str>,
    /// Keys that the table may not have yet. No message suggests these keys.
    refused: BTreeSet<&'static str>,
}

impl<'n> MappingTable<'n> {
    pub(super) fn of(name: &'n str, entries: &'n Entries) -> MappingTable<'n> {
        MappingTable { name, entries, known: BTreeSet::new(), refused: BTreeSet::new() }
    }

    /// Takes the value of a key.
    pub(super) fn take(&mut self, key: &'static str) -> Option<&'n MappingNode> {
        self.known.insert(key);
        self.entries.get(key).map(|(_, node)| node)
    }

    /// Takes the value of a key that the caller refuses.
    pub(super) fn refused(&mut self, key: &'static str) -> Option<&'n MappingNode> {
        self.refused.insert(key);
        self.entries.get(key).map(|(_, node)| node)
    }

    /// Takes a text.
    pub(super) fn text(
        &mut self,
        key: &'static str,
    ) -> Result<Option<(&'n MappingNode, &'n str)>, MappingFault> {
        let Some(node) = self.take(key) else { return Ok(None) };
        match &node.value {
            NodeValue::Text(text) => Ok(Some((node, text))),
            other => {
                Err(node.spot.fault(format!("`{key}` must be a string, not {}", other.kind())))
            }
        }
    }

    /// Ends the reading of the table.
    ///
    /// # Errors
    /// Fails if the table has a key that was not taken.
    pub(super) fn end(self) -> Result<(), MappingFault> {
        let (known, refused) = (self.known, self.refused);
        let is_known = |key: &str| known.contains(key) || refused.contains(key);
        let unknown = self.entries.iter().filter(|(key, _)| !is_known(key));
        let first = unknown.min_by_key(|(_, (spot, _))| spot.span.start);
        let Some((key, (spot, _))) = first else { return Ok(()) };
        let nearest = most_similar(key, known.iter().map(|key| (*key).to_owned()));
        let nearest =
            nearest.map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"));
        let within =
            if self.name.is_empty() { String::new() } else { format!(" in `{}`", self.name) };
        Err(spot.fault(format!("unknown key `{key}`{within}{nearest}")))
    }
}
