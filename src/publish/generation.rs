//! One published whole site.
//!
//! Owns the list of live files, from which the server answers and with which the next publish is
//! compared, and where the content of each file is: in memory, or in the published tree. Content
//! is shared, so two generations hold a common file once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use itertools::Itertools;

use super::base_list::BaseList;
use super::bodies::{Bodies, HotBodies};
use super::forms::Forms;
use super::listed_file::AsMap;
use super::manifest::{GenerationId, ListView, ManifestEntry, ManifestView, WHOLE};
use super::spool::Spooled;
use crate::document;
use crate::upstream::UpstreamId;

/// A file of a generation.
#[derive(Debug, Clone)]
pub struct PublishedFile {
    /// The entry in the manifest.
    pub entry: ManifestEntry,
    pub(super) content: FileContent,
}

/// Where the content of a file is.
#[derive(Debug, Clone)]
pub(super) enum FileContent {
    Memory(Forms),
    /// In a temporary file, until the file is published.
    Spool(Spooled),
    /// In the published tree.
    Tree,
}

/// A file that was lost from the published tree.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0} was edited or lost in --out")]
pub(super) struct LostFile(pub(super) String);

impl PublishedFile {
    /// Makes a new file, with compressed forms if they are worth their time.
    pub(crate) fn new(path: &str, fingerprint: String, bytes: Bytes, mtime: u64) -> PublishedFile {
        let forms = Forms::of(path, bytes);
        let size = |form: &Option<Bytes>| form.as_ref().map(|form| form.len() as u64);
        let entry = ManifestEntry {
            hash: blake3::hash(&forms.bytes),
            size: forms.bytes.len() as u64,
            fingerprint,
            basis: None,
            mtime,
            moved_to: None,
            gz: size(&forms.gz),
            br: size(&forms.br),
            retired: None,
        };
        PublishedFile { entry, content: FileContent::Memory(forms) }
    }

    /// Returns the bytes of all forms.
    pub(super) fn size(&self) -> u64 {
        self.entry.variants().map(|(_, size)| size).sum()
    }
}

/// One published whole site.
#[derive(Debug, Clone)]
pub struct Generation {
    /// The id.
    pub id: GenerationId,
    /// Modification time of the newest files, in whole seconds since 1970.
    pub stamp: u64,
    /// The files by path, including retired assets. The id does not depend on retired assets.
    pub files: BTreeMap<String, Arc<PublishedFile>>,
    /// Files of the manifest that were edited or lost on disk. The remains are ours and are
    /// replaced.
    pub(super) lost: BTreeMap<String, ManifestEntry>,
    /// The content that is not in memory; `None` before the generation is published.
    pub(super) bodies: Option<Bodies>,
}

impl Generation {
    /// Makes the generation that consists of these files.
    pub(crate) fn new(stamp: u64, files: BTreeMap<String, Arc<PublishedFile>>) -> Generation {
        let id = GenerationId::of(files.iter().map(|(path, file)| (path, &file.entry)));
        Generation { id, stamp, files, lost: BTreeMap::new(), bodies: None }
    }

    /// Returns the files of the generation, without retired assets.
    pub fn pages(&self) -> impl Iterator<Item = (&String, &Arc<PublishedFile>)> {
        self.files.iter().filter(|(_, file)| file.entry.retired.is_none())
    }

    /// Returns the file at this path, unless the file is a retired asset.
    pub fn page(&self, path: &str) -> Option<&Arc<PublishedFile>> {
        self.files.get(path).filter(|file| file.entry.retired.is_none())
    }

    /// Whether no file is lost.
    pub(super) fn is_whole(&self) -> bool {
        self.lost.values().all(|entry| entry.retired.is_some())
    }

    /// Returns the entries of the files.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&String, &ManifestEntry)> {
        self.files.iter().map(|(path, file)| (path, &file.entry))
    }

    /// Returns the manifest as a document, which builds on `list` if there is a list.
    ///
    /// # Errors
    /// Fails if there is no JSON form, which does not happen.
    pub(super) fn manifest(
        &self,
        upstream: &UpstreamId,
        list: Option<&BaseList>,
    ) -> Result<Vec<u8>> {
        let (generation, stamp) = (&self.id, self.stamp);
        let view = |files, list| {
            let files = AsMap(files);
            ManifestView { upstream, generation, stamp, files, list }
        };
        let Some(list) = list else {
            let whole = view(self.entries().collect(), None);
            return document::bytes_of_version("manifest", WHOLE, &whole);
        };
        let (mut files, mut gone) = (Vec::new(), Vec::new());
        for path in list.changed() {
            match self.files.get_key_value(path) {
                Some((path, file)) => files.push((path, &file.entry)),
                None => gone.push(path),
            }
        }
        let list = ListView { name: &list.name, gone };
        document::bytes("manifest", &view(files, Some(list)))
    }

    /// Returns content that is in memory.
    pub fn at_hand(&self, file: &PublishedFile, suffix: &'static str) -> Option<Bytes> {
        match &file.content {
            FileContent::Memory(forms) => forms.get(suffix).cloned(),
            _ => self.bodies.as_ref()?.at_hand(&file.entry, suffix),
        }
    }

    /// Returns the content of a file, from the disk if the content is not in memory. Returns `None`
    /// if the file is no longer published.
    pub fn content(&self, path: &str, suffix: &'static str) -> Option<Bytes> {
        let file = self.files.get(path)?;
        match &file.content {
            FileContent::Memory(forms) => forms.get(suffix).cloned(),
            FileContent::Spool(spooled) => spooled.read(&file.entry, suffix).ok(),
            FileContent::Tree => self.bodies.as_ref()?.read(path, &file.entry, suffix),
        }
    }

    /// Notes a file that cannot be read although the generation is live. The next refresh makes the
    /// file again.
    pub fn miss(&self, path: &str) {
        if let Some(bodies) = &self.bodies {
            bodies.missing().insert(path.to_owned());
        }
    }

    /// Returns the files that could not be read.
    pub(super) fn missing(&self) -> Vec<String> {
        self.bodies.iter().flat_map(|bodies| bodies.missing().clone()).collect()
    }

    /// Returns the files whose content is needed only until the generation is published: the content
    /// is in a spool, or all content needs more than `most` bytes of memory.
    pub(super) fn only_until_published(&self, most: u64) -> Vec<String> {
        let is_large = self.files.values().map(|file| file.size()).sum::<u64>() > most;
        let is_one = |file: &PublishedFile| match file.content {
            FileContent::Spool(_) => true,
            FileContent::Memory(_) => is_large,
            FileContent::Tree => false,
        };
        let found = self.files.iter().filter(|(_, file)| is_one(file));
        found.map(|(path, _)| path.clone()).collect()
    }

    /// Takes the generation as published in one of `trees`. The content of the files `on_disk` is
    /// read from there from now on. Does not look at other files: visitors wait for this.
    pub(super) fn published(&mut self, trees: &[&Path], hot: &Arc<HotBodies>, on_disk: &[String]) {
        self.bodies = Some(Bodies::open(trees, hot));
        for path in on_disk {
            if let Some(file) = self.files.get_mut(path) {
                let entry = file.entry.clone();
                *file = Arc::new(PublishedFile { entry, content: FileContent::Tree });
            }
        }
    }

    /// Records that a file was lost from the tree.
    pub(super) fn lose(&mut self, path: &str) {
        if let Some((path, file)) = self.files.remove_entry(path) {
            self.lost.insert(path, file.entry.clone());
        }
    }

    /// Returns all entries of the manifest, in the order of their paths.
    pub(super) fn listed(&self) -> impl Iterator<Item = (&String, &ManifestEntry)> {
        self.entries().merge_by(&self.lost, |(one, _), (other, _)| one <= other)
    }
}
