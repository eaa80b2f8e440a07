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

use super::base_list::{BaseList, ListName};
pub use super::listed_file::ManifestEntry;
use super::listed_file::{AsMap, LAST_MTIME, all_inside, sound_files};
pub use super::outside::OWN_DIRECTORY;
use crate::document;
use crate::upstream::UpstreamId;

/// Number of bytes that are hashed at once.
const AT_ONCE: usize = 64 << 10;

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

impl GenerationId {
    /// Makes the id of the generation that consists of these files, in the order of their paths.
    /// Retired assets are left out, because they depend on a clock and on earlier publishes.
    pub fn of<'a>(files: impl Iterator<Item = (&'a String, &'a ManifestEntry)>) -> GenerationId {
        let mut hasher = blake3::Hasher::new();
        // A large site has a million files, and to hash many bytes at once is faster.
        let mut bytes = Vec::new();
        for (path, entry) in files.filter(|(_, entry)| entry.retired.is_none()) {
            bytes.extend((path.len() as u64).to_le_bytes());
            bytes.extend(path.as_bytes());
            bytes.extend(entry.hash.as_bytes());
            if bytes.len() >= AT_ONCE {
                hasher.update(&bytes);
                bytes.clear();
            }
        }
        hasher.update(&bytes);
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
    /// The list on which the document of this manifest builds, if any. Until the list is read, `files`
    /// has only the files that differ from the list.
    #[serde(default, rename = "list", skip_serializing)]
    pub(super) base: Option<BaseList>,
}

/// As [`Manifest`], for a generation in memory without pages that are held back.
#[derive(Serialize)]
pub(super) struct ManifestView<'a> {
    pub(super) upstream: &'a UpstreamId,
    pub(super) generation: &'a GenerationId,
    pub(super) stamp: u64,
    pub(super) files: AsMap<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) list: Option<ListView<'a>>,
}

/// The list of a manifest, with the paths of the list that the generation lacks.
#[derive(Serialize)]
pub(super) struct ListView<'a> {
    pub(super) name: &'a ListName,
    pub(super) gone: Vec<&'a String>,
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

fn sound_mtime<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let time = u64::deserialize(from)?;
    let error = || serde::de::Error::custom(format!("{time} is not a time of a file"));
    (time <= LAST_MTIME).then_some(time).ok_or_else(error)
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

    /// Makes the manifest of these files, for tests.
    #[cfg(test)]
    pub fn of_files(files: BTreeMap<String, ManifestEntry>) -> Manifest {
        Manifest {
            upstream: UpstreamId("u".into()),
            generation: GenerationId("g".into()),
            stamp: 1,
            files,
            held_back: BTreeMap::new(),
            owners_directories: BTreeSet::new(),
            base: None,
        }
    }

    /// Reads the manifest of a tree. A damaged manifest is set aside and counts as absent.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or if a newer program wrote it.
    pub fn read(tree: &Path) -> Result<Option<Manifest>> {
        Manifest::read_at(tree, &path_in(tree))
    }

    /// As [`Manifest::read`], for a manifest at another path.
    pub(super) fn read_at(tree: &Path, path: &Path) -> Result<Option<Manifest>> {
        let Some(read) = document::read::<Manifest>(path, "manifest")? else { return Ok(None) };
        let whole = read.with_list_of(tree);
        if whole.is_none() {
            document::set_aside(path, "its list of files is lost")?;
        }
        Ok(whole)
    }

    /// Reads the manifest of a tree that another process may hold, without changes.
    pub fn peek(tree: &Path) -> Option<Manifest> {
        document::peek::<Manifest>(&path_in(tree), "manifest")?.with_list_of(tree)
    }

    /// Returns the manifest with the files of its list in `tree`; `None` if the list is lost.
    fn with_list_of(mut self, tree: &Path) -> Option<Manifest> {
        if let Some(list) = &mut self.base {
            let mut files = list.name.read(tree)?;
            files.retain(|path, _| !list.has(path));
            list.note(self.files.keys().cloned());
            files.append(&mut self.files);
            self.files = files;
        }
        Some(self)
    }

    /// Returns the bytes of the document, which has all files itself.
    ///
    /// # Errors
    /// Fails if there is no JSON form, which does not happen.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        document::bytes_of_version("manifest", WHOLE, self)
    }
}

/// Version of a manifest that has all files itself.
pub(super) const WHOLE: u32 = 1;

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
            let manifest = Manifest::of_files(BTreeMap::from([(path.to_owned(), entry)]));
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
