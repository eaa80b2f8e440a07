//! The files from which a theme is made, by their content.

use std::collections::BTreeMap;

use bytes::Bytes;

/// The files of a theme, the embedded files included, without the files that are published
/// unchanged.
#[derive(Debug, Clone)]
pub struct Sources {
    /// Hash of all files. Two themes with the same hash render the same pages.
    pub hash: blake3::Hash,
    /// Hash of each file by its name, in hexadecimal.
    pub files: BTreeMap<String, String>,
}

impl Sources {
    /// Hashes files by name. The first part of a value is the origin of the file.
    pub(super) fn of(files: &BTreeMap<String, (&str, Bytes)>) -> Sources {
        let mut hasher = blake3::Hasher::new();
        let mut hashes = BTreeMap::new();
        for (name, (_, bytes)) in files {
            let hash = blake3::hash(bytes);
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
            hasher.update(hash.as_bytes());
            hashes.insert(name.clone(), hash.to_hex()[..16].to_owned());
        }
        Sources { hash: hasher.finalize(), files: hashes }
    }
}
