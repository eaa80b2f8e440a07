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

/// Names a form of a file: the hash of the plain content, the suffix and the bytes of the form. Two
/// files with the same content can be compressed in different ways.
type FormName = (blake3::Hash, &'static str, u64);

/// Content that was asked for lately.
#[derive(Debug)]
pub(super) struct HotBodies {
    /// Bytes that all content in memory may take.
    pub(super) most: u64,
    cache: Cache<FormName, Bytes, ByBytes>,
}

/// The weight of content in a cache: its number of bytes.
#[derive(Debug, Clone)]
pub struct ByBytes;

impl<K> Weighter<K, Bytes> for ByBytes {
    fn weight(&self, _: &K, bytes: &Bytes) -> u64 {
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
        let (_, size) = entry.variants().find(|(found, _)| *found == suffix)?;
        self.hot.cache.get(&(entry.hash, suffix, size))
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
        self.hot.cache.insert((entry.hash, suffix, size), bytes.clone());
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

#[cfg(test)]
mod tests {
    use super::super::files;
    use super::super::generation::{FileContent, PublishedFile};
    use super::*;
    use crate::disk;
    use crate::pages::BROTLI;

    /// A file with this content, in both forms below `tree`.
    fn published(tree: &Path, path: &str, content: &str, mtime: u64) -> ManifestEntry {
        let file = PublishedFile::new(path, String::new(), content.to_owned().into(), mtime);
        let FileContent::Memory(forms) = &file.content else {
            unreachable!("a new file is in memory")
        };
        for (suffix, _) in file.entry.variants() {
            let place = tree.join(format!("{path}{suffix}"));
            disk::create_directory(disk::parent(&place)).expect("made");
            disk::remove_file(&place).expect("removed");
            let bytes = forms.get(suffix).expect("a form");
            files::write(&place, bytes, mtime).expect("written");
        }
        file.entry
    }

    #[test]
    fn only_the_file_of_the_entry_is_read() {
        let (out, standby) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("two"));
        let hot = Arc::new(HotBodies::new(0));
        let old = published(out.path(), "a.html", &"old ".repeat(500), 1);
        let bodies = Bodies::open(&[out.path(), standby.path()], &hot);
        assert_eq!(bodies.read("a.html", &old, "").as_deref(), Some("old ".repeat(500).as_bytes()));
        let new = published(out.path(), "a.html", &"new ".repeat(500), 2);
        assert_eq!(bodies.read("a.html", &old, ""), None, "the file of another generation");
        assert_eq!(bodies.read("a.html", &old, BROTLI), None, "the file of another generation");
        assert!(bodies.read("a.html", &new, BROTLI).is_some());
        // The other tree may still have the file.
        published(standby.path(), "a.html", &"old ".repeat(500), 1);
        assert!(bodies.read("a.html", &old, "").is_some());
        published(out.path(), "a.html", &"odd ".repeat(500), 2);
        assert_eq!(
            bodies.read("a.html", &new, ""),
            None,
            "another content of the same size and time"
        );
    }

    #[test]
    fn the_same_content_in_another_compression_is_another_form() {
        let tree = tempfile::tempdir().expect("a directory");
        let hot = Arc::new(HotBodies::new(1 << 20));
        let content: String = (0..3_000).map(|n| format!("let name{n} = {};", n * n)).collect();
        let page = published(tree.path(), "static/a.js", &content, 1);
        let asset = published(tree.path(), "assets/a.js", &content, 1);
        assert_ne!(page.br, asset.br, "assets are compressed more");
        let bodies = Bodies::open(&[tree.path()], &hot);
        for (path, entry) in [("static/a.js", &page), ("assets/a.js", &asset)] {
            let read = bodies.read(path, entry, BROTLI).expect("read");
            assert_eq!(Some(read.len() as u64), entry.br);
            assert_eq!(bodies.at_hand(entry, BROTLI), Some(read));
        }
    }
}
