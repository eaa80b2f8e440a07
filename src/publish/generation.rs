//! One published whole site, in memory.
//!
//! Owns the content that is live: what the server answers from, and what the
//! next publish compares with. Bodies are shared, so two generations hold what
//! they have in common once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use tracing::{info, warn};

use super::compress;
use super::files;
use super::manifest::{Entry, GenerationId, Manifest};
use crate::disk;
use crate::pages::{BROTLI, GZIP};
use crate::upstream::UpstreamId;

/// A file of a generation with its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// What the manifest says of it.
    pub entry: Entry,
    /// The content.
    pub bytes: Bytes,
    /// Its gzip form, if one is published.
    pub gz: Option<Bytes>,
    /// Its brotli form, if one is published.
    pub br: Option<Bytes>,
}

impl File {
    /// A new file: compressed where that is worth it.
    pub(crate) fn new(path: &str, fingerprint: String, bytes: Bytes, mtime: u64) -> File {
        let compress = compress::is_compressible(path) && bytes.len() >= compress::SMALLEST;
        let smaller = |form: Vec<u8>| (form.len() < bytes.len()).then(|| Bytes::from(form));
        let gz = compress.then(|| compress::gzip(&bytes)).and_then(smaller);
        let br = compress.then(|| compress::brotli(path, &bytes)).and_then(smaller);
        let size = |form: &Option<Bytes>| form.as_ref().map(|form| form.len() as u64);
        let entry = Entry {
            hash: blake3::hash(&bytes),
            size: bytes.len() as u64,
            fingerprint,
            mtime,
            moved_to: None,
            gz: size(&gz),
            br: size(&br),
            retired: None,
        };
        File { entry, bytes, gz, br }
    }

    /// The content in the form that a file with this suffix has.
    pub(super) fn variant(&self, suffix: &str) -> Option<&Bytes> {
        match suffix {
            GZIP => self.gz.as_ref(),
            BROTLI => self.br.as_ref(),
            _ => Some(&self.bytes),
        }
    }
}

/// One published whole site.
#[derive(Debug, Clone)]
pub struct Generation {
    /// Its name.
    pub id: GenerationId,
    /// Modification time of its newest files.
    pub stamp: u64,
    /// Its files by path. Retired assets are among them: they are published as the
    /// others are, and its name does not depend on them.
    pub files: BTreeMap<String, Arc<File>>,
    /// Files that its manifest lists and that were edited or lost on disk. What
    /// is left of them is ours, and is made again.
    pub(super) lost: BTreeMap<String, Entry>,
}

impl Generation {
    /// The generation that consists of these files.
    pub(crate) fn new(stamp: u64, files: BTreeMap<String, Arc<File>>) -> Generation {
        let id = GenerationId::of(files.iter().map(|(path, file)| (path, &file.entry)));
        Generation { id, stamp, files, lost: BTreeMap::new() }
    }

    /// The files that it consists of, without retired assets.
    pub fn pages(&self) -> impl Iterator<Item = (&String, &Arc<File>)> {
        self.files.iter().filter(|(_, file)| file.entry.retired.is_none())
    }

    /// Whether all that it consists of is there.
    pub(super) fn is_whole(&self) -> bool {
        self.lost.values().all(|entry| entry.retired.is_some())
    }

    /// Its manifest.
    pub(super) fn manifest(&self, upstream: &UpstreamId) -> Manifest {
        let entries = self.files.iter().map(|(path, file)| (path.clone(), file.entry.clone()));
        Manifest {
            upstream: upstream.clone(),
            generation: self.id.clone(),
            stamp: self.stamp,
            files: entries.collect(),
            held_back: BTreeMap::new(),
            owners_directories: BTreeSet::new(),
        }
    }

    /// Every path that its manifest lists, with what it lists there.
    pub(super) fn listed(&self) -> impl Iterator<Item = (&String, &Entry)> {
        let there = self.files.iter().map(|(path, file)| (path, &file.entry));
        there.chain(&self.lost)
    }

    /// What a manifest lists, with nothing of it in hand: for a tree whose own
    /// manifest is damaged.
    pub(super) fn unread(manifest: Manifest) -> Generation {
        Generation {
            id: manifest.generation,
            stamp: manifest.stamp,
            files: BTreeMap::new(),
            lost: manifest.files,
        }
    }

    /// Reads what a tree holds; a page that was held back is read from the standby
    /// tree, if that holds the same generation. A file that was lost or edited since it was
    /// published is not part of what is read: it will be made again, with a
    /// time later than the edit's.
    ///
    /// # Errors
    /// If the standby's manifest cannot be read.
    pub(super) fn read(tree: &Path, manifest: Manifest, standby: &Path) -> Result<Generation> {
        let mut stamp = manifest.stamp;
        let mut files = BTreeMap::new();
        let mut lost = BTreeMap::new();
        for (path, entry) in manifest.files {
            stamp = stamp.max(files::newest_mtime(tree, &path, &entry));
            match read_file(tree, &path, &entry) {
                Some(file) => drop(files.insert(path, Arc::new(file))),
                None => drop(lost.insert(path, entry)),
            }
        }
        for (path, held) in manifest.held_back {
            let file = read_file(standby, &path, &held.wanted);
            files.extend(file.map(|file| (path, Arc::new(file))));
        }
        // A retired asset that was lost is not made again.
        let pages: Vec<_> = lost.iter().filter(|(_, entry)| entry.retired.is_none()).collect();
        if let Some((first, _)) = pages.first() {
            warn!(
                files = pages.len(),
                "{} of the published files in {} were edited or lost (first: {first}); they are \
                 made again",
                pages.len(),
                tree.display()
            );
        }
        info!(generation = %manifest.generation, files = files.len(), "found a published site");
        Ok(Generation { id: manifest.generation, stamp, files, lost })
    }
}

/// A file with all its forms, if they can be read and are still what the manifest says.
fn read_file(tree: &Path, path: &str, entry: &Entry) -> Option<File> {
    let mut forms = BTreeMap::new();
    for (suffix, size) in entry.variants() {
        if !files::is_untouched(tree, &format!("{path}{suffix}"), size, entry.mtime) {
            return None;
        }
        let bytes = disk::read(&tree.join(format!("{path}{suffix}"))).ok().flatten()?;
        forms.insert(suffix, Bytes::from(bytes));
    }
    let bytes = forms.remove("").unwrap_or_default();
    if blake3::hash(&bytes) != entry.hash {
        return None;
    }
    let (gz, br) = (forms.remove(GZIP), forms.remove(BROTLI));
    Some(File { entry: entry.clone(), bytes, gz, br })
}
