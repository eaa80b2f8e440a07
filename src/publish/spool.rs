//! Rendered content on disk until it is published.
//!
//! Owns one temporary file without a name, which the kernel removes with its last user. The first
//! build of a large site would otherwise need memory for the whole site.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use bytes::Bytes;

use super::forms::Forms;
use super::manifest::ManifestEntry;
use crate::disk;

/// The content of the files that one publish renders: in memory up to a bound, then in a file.
#[derive(Debug)]
pub(super) struct Spool {
    directory: PathBuf,
    /// Bytes that may still stay in memory.
    room: AtomicU64,
    file: Mutex<Option<Arc<File>>>,
    end: AtomicU64,
}

/// Content in the temporary file: the forms of one file, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Spooled {
    file: Arc<File>,
    start: u64,
}

impl Spool {
    /// Makes a spool that keeps `room` bytes in memory and writes the rest below `directory`.
    pub(super) fn new(directory: &Path, room: u64) -> Spool {
        let (file, end) = (Mutex::new(None), AtomicU64::new(0));
        Spool { directory: directory.to_owned(), room: AtomicU64::new(room), file, end }
    }

    /// Takes content that has no room in memory; `None` if the content may stay in memory.
    ///
    /// # Errors
    /// Fails if the temporary file cannot be written.
    pub(super) fn take(&self, forms: &Forms, entry: &ManifestEntry) -> Result<Option<Spooled>> {
        let size: u64 = entry.variants().map(|(_, size)| size).sum();
        let taken = self
            .room
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(size));
        if taken.is_ok() {
            return Ok(None);
        }
        let file = self.file()?;
        let start = self.end.fetch_add(size, Ordering::Relaxed);
        let mut at = start;
        for (suffix, size) in entry.variants() {
            let Some(bytes) = forms.get(suffix) else { continue };
            file.write_all_at(bytes, at)
                .with_context(|| format!("cannot write below {}", self.directory.display()))?;
            at += size;
        }
        Ok(Some(Spooled { file, start }))
    }

    fn file(&self) -> Result<Arc<File>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &*file {
            return Ok(file.clone());
        }
        let made = disk::create_unnamed(&self.directory)?;
        Ok(file.insert(Arc::new(made)).clone())
    }
}

impl Spooled {
    /// Reads the form with this suffix of the file with this entry.
    ///
    /// # Errors
    /// Fails if the temporary file cannot be read.
    pub(super) fn read(&self, entry: &ManifestEntry, suffix: &str) -> Result<Bytes> {
        let mut at = self.start;
        for (found, size) in entry.variants() {
            if found == suffix {
                let mut bytes = vec![0; usize::try_from(size)?];
                self.file.read_exact_at(&mut bytes, at).context("cannot read a rendered page")?;
                return Ok(bytes.into());
            }
            at += size;
        }
        anyhow::bail!("a page without the form {suffix:?} was asked for this form")
    }
}

#[cfg(test)]
mod tests {
    use super::super::generation::PublishedFile;
    use super::*;
    use crate::pages::{BROTLI, GZIP};

    #[test]
    fn content_beyond_the_room_is_read_back_from_a_file_without_a_name() {
        let directory = tempfile::tempdir().expect("a directory");
        let spool = Spool::new(directory.path(), 3_000);
        let page = |letter: &str| Bytes::from(letter.repeat(2_000));
        let forms: Vec<_> = ["a", "b", "c"].map(|letter| Forms::of("a.html", page(letter))).into();
        let entries = ["a", "b", "c"]
            .map(|letter| PublishedFile::new("a.html", String::new(), page(letter), 1).entry);
        let taken: Vec<_> = forms
            .iter()
            .zip(&entries)
            .map(|(forms, entry)| spool.take(forms, entry).expect("written"))
            .collect();
        assert!(taken[0].is_none() && taken[1].is_some() && taken[2].is_some());
        assert_eq!(disk::entries(directory.path()).expect("a listing"), Vec::<PathBuf>::new());
        for at in [2, 1] {
            let spooled = taken[at].as_ref().expect("in the file");
            for suffix in ["", GZIP, BROTLI] {
                let read = spooled.read(&entries[at], suffix).expect("read");
                assert_eq!(Some(&read), forms[at].get(suffix));
            }
        }
    }
}
