//! One published whole site, in memory.
//!
//! Owns the live content, from which the server answers and with which the next publish is
//! compared. Bodies are shared, so two generations hold a common file once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use tracing::{info, warn};

use super::compress;
use super::files;
use super::manifest::{GenerationId, Manifest, ManifestEntry};
use crate::disk;
use crate::pages::{BROTLI, GZIP};
use crate::upstream::UpstreamId;

/// A file of a generation with its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedFile {
    /// The entry in the manifest.
    pub entry: ManifestEntry,
    /// The content.
    pub bytes: Bytes,
    /// The gzip form, if one is published.
    pub gz: Option<Bytes>,
    /// The brotli form, if one is published.
    pub br: Option<Bytes>,
}

impl PublishedFile {
    /// Makes a new file, with compressed forms if they are worth their time.
    pub(crate) fn new(path: &str, fingerprint: String, bytes: Bytes, mtime: u64) -> PublishedFile {
        let compress = compress::is_compressible(path) && bytes.len() >= compress::SMALLEST;
        let smaller = |form: Vec<u8>| (form.len() < bytes.len()).then(|| Bytes::from(form));
        let gz = compress.then(|| compress::gzip(&bytes)).and_then(smaller);
        let br = compress.then(|| compress::brotli(path, &bytes)).and_then(smaller);
        let size = |form: &Option<Bytes>| form.as_ref().map(|form| form.len() as u64);
        let entry = ManifestEntry {
            hash: blake3::hash(&bytes),
            size: bytes.len() as u64,
            fingerprint,
            basis: None,
            mtime,
            moved_to: None,
            gz: size(&gz),
            br: size(&br),
            retired: None,
        };
        PublishedFile { entry, bytes, gz, br }
    }

    /// Returns the form of the content with this suffix.
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
    /// The id.
    pub id: GenerationId,
    /// Modification time of the newest files, in whole seconds since 1970.
    pub stamp: u64,
    /// The files by path, including retired assets. The id does not depend on retired assets.
    pub files: BTreeMap<String, Arc<PublishedFile>>,
    /// Files of the manifest that were edited or lost on disk. The remains are ours and are
    /// replaced.
    pub(super) lost: BTreeMap<String, ManifestEntry>,
}

impl Generation {
    /// Makes the generation that consists of these files.
    pub(crate) fn new(stamp: u64, files: BTreeMap<String, Arc<PublishedFile>>) -> Generation {
        let id = GenerationId::of(files.iter().map(|(path, file)| (path, &file.entry)));
        Generation { id, stamp, files, lost: BTreeMap::new() }
    }

    /// Returns the files of the generation, without retired assets.
    pub fn pages(&self) -> impl Iterator<Item = (&String, &Arc<PublishedFile>)> {
        self.files.iter().filter(|(_, file)| file.entry.retired.is_none())
    }

    /// Whether no file is lost.
    pub(super) fn is_whole(&self) -> bool {
        self.lost.values().all(|entry| entry.retired.is_some())
    }

    /// Returns the manifest.
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

    /// Returns all entries of the manifest by path.
    pub(super) fn listed(&self) -> impl Iterator<Item = (&String, &ManifestEntry)> {
        let there = self.files.iter().map(|(path, file)| (path, &file.entry));
        there.chain(&self.lost)
    }

    /// Makes a generation whose files all count as lost, for a tree with a damaged manifest.
    pub(super) fn unread(manifest: Manifest) -> Generation {
        Generation {
            id: manifest.generation,
            stamp: manifest.stamp,
            files: BTreeMap::new(),
            lost: manifest.files,
        }
    }

    /// Reads the files of a tree. A page that is held back is read from the standby, if the standby
    /// holds the same generation. A file that was lost or edited since the publish counts as lost.
    /// The next publish makes the file again, with a time later than the edit.
    ///
    /// # Errors
    /// Fails if the manifest of the standby cannot be read.
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
        // A lost retired asset is not made again.
        let pages: Vec<_> = lost.iter().filter(|(_, entry)| entry.retired.is_none()).collect();
        if let Some((first, _)) = pages.first() {
            warn!(
                files = pages.len(),
                "{} of the published files in {} were edited or lost (first: {first}); the next \
                 publish replaces them",
                pages.len(),
                tree.display()
            );
        }
        info!(generation = %manifest.generation, files = files.len(), "found a published site");
        Ok(Generation { id: manifest.generation, stamp, files, lost })
    }
}

/// Reads a file in all its forms, if all are as the manifest says.
fn read_file(tree: &Path, path: &str, entry: &ManifestEntry) -> Option<PublishedFile> {
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
    Some(PublishedFile { entry: entry.clone(), bytes, gz, br })
}
