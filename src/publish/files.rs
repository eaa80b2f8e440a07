//! Single files of a tree: written, linked, recognised.
//!
//! Owns two rules: a published file is never written in place, because the two trees are hard
//! links of each other; and size and time tell whether a file is as it was published.

#![expect(clippy::disallowed_methods, reason = "the edge that writes the published files")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow};

use super::manifest::ManifestEntry;

/// Number of threads that sync files.
const SYNCED_AT_ONCE: usize = 8;

/// An open file or directory with its path.
pub(super) type Opened = (PathBuf, fs::File);

/// Syncs files and directories, several at once: a disk needs about the time of one.
pub(super) fn sync_together(opened: &[Opened]) -> Result<()> {
    let sync = |(path, file): &Opened| {
        file.sync_all().with_context(|| format!("cannot sync {}", path.display()))
    };
    let share = opened.len().div_ceil(SYNCED_AT_ONCE).max(1);
    std::thread::scope(|scope| {
        let work = |share: &'_ [Opened]| share.iter().try_for_each(sync);
        let threads: Vec<_> =
            opened.chunks(share).map(|share| scope.spawn(move || work(share))).collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(anyhow!("syncing failed unexpectedly")))
        })
    })
}

/// Opens a directory or a file for syncing.
pub(super) fn open(path: &Path) -> Result<fs::File> {
    fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))
}

/// Writes a file that must not exist, with its time.
pub(super) fn write(path: &Path, bytes: &[u8], mtime: u64) -> Result<fs::File> {
    crate::disk::create(path)
        .and_then(|mut new| {
            new.write_all(bytes)?;
            new.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(mtime))?;
            Ok(new)
        })
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Whether all forms of a page are as they were published.
pub(super) fn is_as_listed(tree: &Path, path: &str, entry: &ManifestEntry) -> bool {
    entry
        .variants()
        .all(|(suffix, size)| is_untouched(tree, &format!("{path}{suffix}"), size, entry.mtime))
}

/// Whether a file is as it was published.
pub(super) fn is_untouched(tree: &Path, path: &str, size: u64, mtime: u64) -> bool {
    fs::symlink_metadata(tree.join(path)).is_ok_and(|found| is_of(&found, size, mtime))
}

/// Whether a file has this size and time.
pub(super) fn is_of(found: &fs::Metadata, size: u64, mtime: u64) -> bool {
    found.is_file() && found.len() == size && u64::try_from(found.mtime()) == Ok(mtime)
}

/// Returns the latest modification time, in whole seconds, of the forms of a page on disk. The
/// next file at the path must have a later time.
pub(super) fn newest_mtime(tree: &Path, path: &str, entry: &ManifestEntry) -> u64 {
    entry
        .variants()
        .filter_map(|(suffix, _)| fs::metadata(tree.join(format!("{path}{suffix}"))).ok())
        .filter_map(|found| u64::try_from(found.mtime()).ok())
        .max()
        .unwrap_or(0)
}

/// Removes the directories above a removed file, as long as they are empty and `may_go` permits.
pub(super) fn remove_empty_directories(tree: &Path, path: &str, may_go: impl Fn(&Path) -> bool) {
    let mut below = PathBuf::from(path);
    while below.pop() && below != Path::new("") && may_go(&below) {
        if fs::remove_dir(tree.join(&below)).is_err() {
            return;
        }
    }
}
