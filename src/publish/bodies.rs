//! The content of published files that are not in memory.
//!
//! Owns the cache of content that was asked for lately, and how other content is read: relative to
//! handles of the two trees, and only if the file is the file of the manifest. A path that is
//! opened after later publishes therefore never gives the bytes of another generation.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use rustix::fs::{CWD, Mode, OFlags, openat};

use super::files::is_of;
use super::manifest::ManifestEntry;

/// Average size of a form in bytes, to size the table of the cache.
const USUAL: u64 = 8 << 10;

/// Names a form of a file: the hash of the plain content, and the suffix of the form.
type FormName = (blake3::Hash, &'static str);

/// Content that was asked for lately.
#[derive(Debug)]
pub(super) struct HotBodies {
    /// Bytes that all content in memory may take.
    pub(super) most: u64,
    cache: Cache<FormName, Bytes, ByBytes>,
}

#[derive(Debug, Clone)]
struct ByBytes;

impl Weighter<FormName, Bytes> for ByBytes {
    fn weight(&self, _: &FormName, bytes: &Bytes) -> u64 {
        bytes.len().max(1) as u64
    }
}

impl HotBodies {
    /// Makes an empty cache of at most `most` bytes.
    pub(super) fn new(most: u64) -> HotBodies {
        let count = usize::try_from(most / USUAL).unwrap_or(usize::MAX);
        HotBodies { most, cache: Cache::with_weighter(count, most, ByBytes) }
    }
}

/// The content of one generation.
#[derive(Debug, Clone)]
pub(super) struct Bodies {
    /// The trees that may have the files: `--out` and the standby.
    trees: Arc<[OwnedFd]>,
    hot: Arc<HotBodies>,
    /// Paths of files that were asked for and that no tree has.
    missing: Arc<Mutex<BTreeSet<String>>>,
}

impl Bodies {
    /// Opens the trees that exist.
    pub(super) fn open(trees: &[&Path], hot: &Arc<HotBodies>) -> Bodies {
        let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC;
        let open = |tree: &&Path| openat(CWD, *tree, flags, Mode::empty()).ok();
        let (trees, hot) = (trees.iter().filter_map(open).collect(), hot.clone());
        Bodies { trees, hot, missing: Arc::default() }
    }

    /// Returns the paths of files that were asked for and that no tree has.
    pub(super) fn missing(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns content that is in memory.
    pub(super) fn at_hand(&self, entry: &ManifestEntry, suffix: &'static str) -> Option<Bytes> {
        self.hot.cache.get(&(entry.hash, suffix))
    }

    /// Reads content from the disk. Returns `None` if no tree has the file of the entry.
    pub(super) fn read(
        &self,
        path: &str,
        entry: &ManifestEntry,
        suffix: &'static str,
    ) -> Option<Bytes> {
        let (_, size) = entry.variants().find(|(found, _)| *found == suffix)?;
        let name = format!("{path}{suffix}");
        let bytes = self.trees.iter().find_map(|tree| read(tree, &name, size, entry))?;
        if suffix.is_empty() && blake3::hash(&bytes) != entry.hash {
            return None;
        }
        let bytes = Bytes::from(bytes);
        self.hot.cache.insert((entry.hash, suffix), bytes.clone());
        Some(bytes)
    }
}

/// Reads a file of a tree, if the file has the size and the time of the entry.
fn read(tree: &OwnedFd, name: &str, size: u64, entry: &ManifestEntry) -> Option<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let mut file = std::fs::File::from(openat(tree, name, flags, Mode::empty()).ok()?);
    if !is_of(&file.metadata().ok()?, size, entry.mtime) {
        return None;
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).ok()?);
    file.by_ref().take(size).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 == size).then_some(bytes)
}
