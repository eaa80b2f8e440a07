//! One file in the list of a published tree.
//!
//! Owns what a list says of each file, and the rule that a list names no path outside the tree: anybody
//! may have written a list, and its paths are written to and removed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::outside::OWN_DIRECTORY;
use crate::pages::{BROTLI, GZIP};

/// One file of a generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// Hash of the uncompressed content.
    #[serde(with = "hexadecimal")]
    pub hash: blake3::Hash,
    /// Size of the content in bytes.
    pub size: u64,
    /// Fingerprint of the page, in hexadecimal.
    pub fingerprint: String,
    /// Basis of the page, if the page has a basis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<u64>,
    /// Modification time in whole seconds since 1970.
    pub mtime: u64,
    /// Path of the page to which this former address redirects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<String>,
    /// Size in bytes of the `.gz` file, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gz: Option<u64>,
    /// Size in bytes of the `.br` file, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub br: Option<u64>,
    /// Time in whole seconds since 1970 since when no page refers to this asset; `None` if the
    /// file is part of the generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<u64>,
}

impl ManifestEntry {
    /// Returns the files on disk of this entry: suffix and size in bytes.
    pub fn variants(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let compressed = [self.gz.map(|size| (GZIP, size)), self.br.map(|size| (BROTLI, size))];
        std::iter::once(("", self.size)).chain(compressed.into_iter().flatten())
    }

    /// Returns the names of these files, for the page at `path`.
    pub fn names(&self, path: &str) -> impl Iterator<Item = String> {
        self.variants().map(move |(suffix, _)| format!("{path}{suffix}"))
    }

    /// Whether a file of `other` is the same file on disk. Changed content always gets a later
    /// time, so time and hash name one inode.
    pub fn is_same_file(&self, other: &ManifestEntry) -> bool {
        (self.hash, self.mtime, self.gz, self.br) == (other.hash, other.mtime, other.gz, other.br)
    }
}

/// Files with their paths, in the order of the paths.
pub(super) struct AsMap<'a>(pub(super) Vec<(&'a String, &'a ManifestEntry)>);

impl Serialize for AsMap<'_> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().copied())
    }
}

/// The end of the year 9999 in whole seconds since 1970; no file is later.
pub(super) const LAST_MTIME: u64 = 253_402_300_799;

/// Checks the files of a manifest, which anybody may have written. Their paths are written to
/// and removed, so no path may lead out of the tree.
pub(super) fn sound_files<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<BTreeMap<String, ManifestEntry>, D::Error> {
    let files = BTreeMap::<String, ManifestEntry>::deserialize(from)?;
    for (path, entry) in &files {
        let leads_out = [Some(path), entry.moved_to.as_ref()]
            .into_iter()
            .flatten()
            .find(|path| !is_inside(path) || entry.mtime > LAST_MTIME);
        if let Some(path) = leads_out {
            return Err(serde::de::Error::custom(format!("{path:?} is not a path of a page")));
        }
    }
    Ok(files)
}

/// Checks that no path leads out of the tree.
pub(super) fn all_inside<'a, E: serde::de::Error>(
    mut paths: impl Iterator<Item = &'a String>,
) -> Result<(), E> {
    match paths.find(|path| !is_inside(path)) {
        Some(path) => Err(E::custom(format!("{path:?} is not a path of a page"))),
        None => Ok(()),
    }
}

/// Whether a path, relative to a tree, stays in the tree and out of the own directory of the
/// program.
fn is_inside(path: &str) -> bool {
    let is_name = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\0', '\\']);
    path.split('/').all(is_name) && path.split('/').next() != Some(OWN_DIRECTORY)
}

/// Hashes in hexadecimal, as people and other programs write them.
mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(hash: &blake3::Hash, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hash.to_hex())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<blake3::Hash, D::Error> {
        blake3::Hash::from_hex(String::deserialize(from)?).map_err(D::Error::custom)
    }
}
