//! The list of a large manifest, in a document of its own.
//!
//! Owns the document `files-NAME` beside the manifest: the files of an earlier generation. The manifest
//! names the document and lists only the files that differ, so the cost of a small publish does not
//! grow with the site. After enough differences, a new document is written. The name is the hash of
//! the document, so a manifest never gets another list than its own. Both trees have the document,
//! as a hard link if possible.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::listed_file::{AsMap, ManifestEntry, sound_files};
use super::outside::OWN_DIRECTORY;
use crate::disk;
use crate::document;

/// Number of files from which a manifest has a list in a document of its own.
const LEAST_FILES: usize = 1_000;
/// A list of `n` files is written again after about the square root of this number times `n`
/// differences. Then the lists and the differences cost about the same, if a publish has 20
/// differences.
const BALANCE: usize = 40;
/// Start of the names of these documents.
const PREFIX: &str = "files-";

/// The name of a list: the first 32 hexadecimal digits of the hash of its document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ListName(String);

impl TryFrom<String> for ListName {
    type Error = String;

    fn try_from(name: String) -> Result<ListName, String> {
        let is_digit = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        let is_sound = name.len() == 32 && name.bytes().all(is_digit);
        if is_sound { Ok(ListName(name)) } else { Err(format!("{name:?} is not a name of a list")) }
    }
}

impl From<ListName> for String {
    fn from(name: ListName) -> String {
        name.0
    }
}

#[derive(Deserialize)]
#[serde(transparent)]
struct ReadFiles(#[serde(deserialize_with = "sound_files")] BTreeMap<String, ManifestEntry>);

impl ListName {
    fn of(document: &[u8]) -> ListName {
        ListName(blake3::hash(document).to_hex()[..32].to_owned())
    }

    fn path_in(&self, tree: &Path) -> PathBuf {
        tree.join(OWN_DIRECTORY).join(format!("{PREFIX}{}", self.0))
    }

    /// Reads the files of the list; `None` if the document is lost or damaged.
    pub(super) fn read(&self, tree: &Path) -> Option<BTreeMap<String, ManifestEntry>> {
        let bytes = disk::read(&self.path_in(tree)).ok()??;
        if ListName::of(&bytes) != *self {
            return None;
        }
        document::parsed::<ReadFiles>(&bytes, "files").map(|files| files.0)
    }
}

/// The list on which the manifests of the site build.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct BaseList {
    pub(super) name: ListName,
    /// Paths whose entries differ from the list. The document of a manifest has only those that the
    /// generation lacks, because the others are its files.
    #[serde(rename = "gone")]
    changed: BTreeSet<String>,
}

impl BaseList {
    /// Whether the entry of this path differs.
    pub(super) fn has(&self, path: &str) -> bool {
        self.changed.contains(path)
    }

    /// Notes paths whose entries changed.
    pub(super) fn note(&mut self, changed: impl IntoIterator<Item = String>) {
        self.changed.extend(changed);
    }

    /// Returns the list for a manifest of `count` files in `tree`: the list of the manifests before,
    /// which `other` may have, or a new list. Returns `None` if the manifest has all files itself.
    ///
    /// # Errors
    /// Fails if the document cannot be written.
    pub(super) fn for_manifest<'e>(
        before: Option<BaseList>,
        (count, files): (usize, impl Iterator<Item = (&'e String, &'e ManifestEntry)>),
        (tree, other): (&Path, &Path),
    ) -> Result<Option<BaseList>> {
        if count < LEAST_FILES {
            return Ok(None);
        }
        let is_worth = |list: &BaseList| list.changed.len().pow(2) <= BALANCE * count;
        if let Some(list) = before.filter(is_worth)
            && list.bring(tree, other)?
        {
            return Ok(Some(list));
        }
        let document = document::bytes("files", &AsMap(files.collect()))?;
        let name = ListName::of(&document);
        disk::replace(&name.path_in(tree), &document)?;
        Ok(Some(BaseList { name, changed: BTreeSet::new() }))
    }

    /// Brings the document from the tree `other`, if `tree` does not have the document. Returns whether
    /// the document is there.
    fn bring(&self, tree: &Path, other: &Path) -> Result<bool> {
        let (from, to) = (self.name.path_in(other), self.name.path_in(tree));
        if to.is_file() {
            return Ok(true);
        }
        if fs::hard_link(&from, &to).is_ok() {
            disk::sync_directory(disk::parent(&to))?;
            return Ok(true);
        }
        // The trees are on two file systems.
        let Some(bytes) = disk::read(&from)?.filter(|bytes| ListName::of(bytes) == self.name)
        else {
            return Ok(false);
        };
        disk::replace(&to, &bytes).map(|()| true)
    }

    /// Returns the paths whose entries differ, in their order.
    pub(super) fn changed(&self) -> impl Iterator<Item = &String> {
        self.changed.iter()
    }
}

/// Removes the lists of a tree that its manifest no longer names.
///
/// # Errors
/// Fails if a document cannot be removed.
pub(super) fn remove_others(tree: &Path, kept: Option<&BaseList>) -> Result<()> {
    let kept = kept.map(|list| list.name.path_in(tree));
    for path in disk::entries(&tree.join(OWN_DIRECTORY))? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(PREFIX) && Some(&path) != kept.as_ref() {
            disk::remove_file(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
