//! The list of the files in a published tree.
//!
//! Owns the list of the files of a generation and the id of the generation. Each tree has its
//! own manifest, so that each tree says after a crash what it is, and so that our files can be
//! told from files of the owner. The manifest must not have content of files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::document;
use crate::pages::{BROTLI, GZIP};
use crate::upstream::UpstreamId;

/// The own directory of the program in a tree.
pub const OWN_DIRECTORY: &str = ".movies-gen";

/// The id of a generation: a hash of its paths and their contents. The same content has the same
/// id on every replica and after every restart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GenerationId(pub String);

impl fmt::Display for GenerationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

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

impl GenerationId {
    /// Makes the id of the generation that consists of these files, in the order of their paths.
    /// Retired assets are left out, because they depend on a clock and on earlier publishes.
    pub fn of<'a>(files: impl Iterator<Item = (&'a String, &'a ManifestEntry)>) -> GenerationId {
        let mut hasher = blake3::Hasher::new();
        for (path, entry) in files.filter(|(_, entry)| entry.retired.is_none()) {
            hasher.update(&(path.len() as u64).to_le_bytes());
            hasher.update(path.as_bytes());
            hasher.update(entry.hash.as_bytes());
        }
        GenerationId(hasher.finalize().to_hex()[..32].to_owned())
    }
}

/// The files of a generation by path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The upstream whose data the pages show.
    pub upstream: UpstreamId,
    /// The id of the generation.
    pub generation: GenerationId,
    /// Modification time of the newest files, in whole seconds. The next generation has a time
    /// that is later by at least one second.
    #[serde(deserialize_with = "sound_mtime")]
    pub stamp: u64,
    /// Files by path with slashes, relative to the tree.
    #[serde(deserialize_with = "sound_files")]
    pub files: BTreeMap<String, ManifestEntry>,
    /// Pages that are held back, because an entry that is not ours has their path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[serde(deserialize_with = "sound_keys")]
    pub held_back: BTreeMap<String, HeldBack>,
    /// Directories of the owner that contain pages.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[serde(deserialize_with = "sound_directories")]
    pub owners_directories: BTreeSet<PathBuf>,
}

/// As [`Manifest`], for a generation in memory without pages that are held back.
#[derive(Serialize)]
pub(super) struct ManifestView<'a> {
    pub(super) upstream: &'a UpstreamId,
    pub(super) generation: &'a GenerationId,
    pub(super) stamp: u64,
    /// In the order of the paths.
    #[serde(serialize_with = "as_map")]
    pub(super) files: Vec<(&'a String, &'a ManifestEntry)>,
}

fn as_map<S: serde::Serializer>(
    files: &[(&String, &ManifestEntry)],
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_map(files.iter().copied())
}

/// A page that is held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// The file that belongs at the path.
    pub wanted: ManifestEntry,
    /// The file of ours that may still be at the path (for example under a mount).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<ManifestEntry>,
}

/// The end of the year 9999 in whole seconds since 1970; no file is later.
const LAST_MTIME: u64 = 253_402_300_799;

/// Checks the files of a manifest, which anybody may have written. Their paths are written to
/// and removed, so no path may lead out of the tree.
fn sound_files<'de, D: serde::Deserializer<'de>>(
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

/// Checks the paths of held-back pages.
pub(super) fn sound_keys<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<BTreeMap<String, HeldBack>, D::Error> {
    let held_back = BTreeMap::<String, HeldBack>::deserialize(from)?;
    all_inside(held_back.keys()).map(|()| held_back)
}

/// Checks names of files.
pub(super) fn sound_names<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<BTreeSet<String>, D::Error> {
    let names = BTreeSet::<String>::deserialize(from)?;
    all_inside(names.iter()).map(|()| names)
}

/// Checks paths of directories.
pub(super) fn sound_directories<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<BTreeSet<PathBuf>, D::Error> {
    let names = sound_names(from)?;
    Ok(names.into_iter().map(PathBuf::from).collect())
}

fn all_inside<'a, E: serde::de::Error>(
    mut paths: impl Iterator<Item = &'a String>,
) -> Result<(), E> {
    match paths.find(|path| !is_inside(path)) {
        Some(path) => Err(E::custom(format!("{path:?} is not a path of a page"))),
        None => Ok(()),
    }
}

fn sound_mtime<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let time = u64::deserialize(from)?;
    let error = || serde::de::Error::custom(format!("{time} is not a time of a file"));
    (time <= LAST_MTIME).then_some(time).ok_or_else(error)
}

/// Whether a path, relative to a tree, stays in the tree and out of the own directory of the
/// program.
fn is_inside(path: &str) -> bool {
    let is_name = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\0', '\\']);
    path.split('/').all(is_name) && path.split('/').next() != Some(OWN_DIRECTORY)
}

impl Manifest {
    /// Returns the number of files of the generation, without retired assets.
    pub fn pages(&self) -> usize {
        self.files.values().filter(|entry| entry.retired.is_none()).count()
    }

    /// Returns the bytes of all files.
    pub(super) fn bytes_of_files(&self) -> u64 {
        let sizes = self.files.values().flat_map(ManifestEntry::variants);
        sizes.map(|(_, size)| size).sum()
    }

    /// Reads the manifest of a tree. A damaged manifest is set aside and counts as absent.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or if a newer program wrote it.
    pub fn read(tree: &Path) -> Result<Option<Manifest>> {
        document::read(&path_in(tree), "manifest")
    }

    /// Reads the manifest of a tree that another process may hold, without changes.
    pub fn peek(tree: &Path) -> Option<Manifest> {
        document::peek(&path_in(tree), "manifest")
    }

    /// Returns the bytes of the document.
    ///
    /// # Errors
    /// Fails if there is no JSON form, which does not happen.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        document::bytes("manifest", self)
    }
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

/// Returns the path of the manifest of a tree.
pub fn path_in(tree: &Path) -> PathBuf {
    tree.join(OWN_DIRECTORY).join("manifest")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(content: &str, mtime: u64) -> ManifestEntry {
        let hash = blake3::hash(content.as_bytes());
        ManifestEntry {
            hash,
            size: content.len() as u64,
            fingerprint: "f".into(),
            basis: None,
            moved_to: None,
            mtime,
            gz: None,
            br: None,
            retired: None,
        }
    }

    fn named(files: &[(&str, &str)], mtime: u64) -> GenerationId {
        let files: BTreeMap<String, _> =
            files.iter().map(|(path, content)| ((*path).into(), entry(content, mtime))).collect();
        GenerationId::of(files.iter())
    }

    #[test]
    fn a_manifest_with_a_path_outside_the_tree_counts_as_damaged() {
        let read = |path: &str, moved_to: Option<&str>| {
            let entry = ManifestEntry { moved_to: moved_to.map(str::to_owned), ..entry("c", 1) };
            let manifest = Manifest {
                upstream: UpstreamId("u".into()),
                generation: GenerationId("g".into()),
                stamp: 1,
                files: BTreeMap::from([(path.to_owned(), entry)]),
                held_back: BTreeMap::new(),
                owners_directories: BTreeSet::new(),
            };
            serde_json::from_value::<Manifest>(serde_json::to_value(manifest).expect("JSON"))
        };
        assert!(read("movies/a/index.html", Some("movies/b/index.html")).is_ok());
        for path in ["../x", "/etc/x", "a/../../x", "a//x", "", "./x", "a\0", ".movies-gen/lock"] {
            assert!(read(path, None).is_err(), "{path:?}");
            assert!(read("a", Some(path)).is_err(), "{path:?}");
        }
    }

    #[test]
    fn the_same_content_has_the_same_id_at_any_time() {
        let one = named(&[("a", "1"), ("b", "2")], 10);
        assert_eq!(one, named(&[("b", "2"), ("a", "1")], 99));
        assert_ne!(one, named(&[("a", "2"), ("b", "1")], 10));
        assert_ne!(one, named(&[("a", "1")], 10));
        let retired = ManifestEntry { retired: Some(7), ..entry("2", 10) };
        let (a, b) = ((String::from("a"), entry("1", 10)), (String::from("b"), retired));
        let with = GenerationId::of([(&a.0, &a.1), (&b.0, &b.1)].into_iter());
        assert_eq!(with, named(&[("a", "1")], 10), "a retired asset is no part of it");
    }
}
