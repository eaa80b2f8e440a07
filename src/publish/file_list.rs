//! The files of a tree, by page.
//!
//! Owns how a name is found in such a list without a list of all names.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::generation::Generation;
use super::manifest::ManifestEntry;
use crate::pages::uncompressed;

/// The pages in a tree with their entries.
#[derive(Debug, Clone)]
pub(super) enum FileList {
    /// The files of a generation of this process, and its lost files.
    Of(Arc<Generation>),
    /// Files that a document lists.
    Read(BTreeMap<String, ManifestEntry>),
}

impl Default for FileList {
    fn default() -> FileList {
        FileList::Read(BTreeMap::new())
    }
}

impl FileList {
    /// Returns the entry of a page.
    pub(super) fn get(&self, path: &str) -> Option<&ManifestEntry> {
        match self {
            FileList::Of(generation) => {
                let file = generation.files.get(path).map(|file| &file.entry);
                file.or_else(|| generation.lost.get(path))
            }
            FileList::Read(files) => files.get(path),
        }
    }

    /// Returns all pages, in the order of their paths.
    pub(super) fn iter(&self) -> Box<dyn Iterator<Item = (&String, &ManifestEntry)> + '_> {
        match self {
            FileList::Of(generation) => Box::new(generation.listed()),
            FileList::Read(files) => Box::new(files.iter()),
        }
    }

    /// Whether a file of this name is a page, or a compressed form of a page.
    pub(super) fn has_name(&self, name: &str) -> bool {
        let is_form = |plain: &str| {
            let suffix = &name[plain.len()..];
            self.get(plain).is_some_and(|entry| entry.variants().any(|(form, _)| form == suffix))
        };
        self.get(name).is_some() || uncompressed(name).is_some_and(is_form)
    }

    /// Whether a page is below this directory.
    pub(super) fn has_directory(&self, directory: &str) -> bool {
        let start = format!("{directory}/");
        let is_below = |path: Option<&String>| path.is_some_and(|path| path.starts_with(&start));
        match self {
            FileList::Of(generation) => {
                is_below(generation.files.range(start.clone()..).next().map(|(path, _)| path))
                    || is_below(generation.lost.range(start.clone()..).next().map(|(path, _)| path))
            }
            FileList::Read(files) => {
                is_below(files.range(start.clone()..).next().map(|(path, _)| path))
            }
        }
    }

    /// Returns the directories of all pages, without the tree itself.
    pub(super) fn directories(&self) -> Vec<&str> {
        let mut directories = Vec::new();
        let mut last = "";
        for (path, _) in self.iter() {
            // In the order of paths, all files below a directory follow each other. So a directory
            // is new unless the last file is below it, too.
            let new = ancestors(path).take_while(|directory| !is_below(last, directory));
            directories.extend(new);
            last = path;
        }
        directories
    }
}

/// Returns the directories above a path, from the nearest on, without the tree itself.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let above = |below: &str| below.rfind('/').map(|end| &path[..end]);
    std::iter::successors(above(path), move |below| above(below))
}

fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}
