//! The watch on single files that are being edited.
//!
//! Owns the rule for a change: a file changed if its size, its time, its inode or its target
//! changed. The directories of the files are watched, because editors replace a file in place of
//! writing the file. A change elsewhere in these directories is not reported.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use notify::{EventKind, RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use tracing::warn;

use crate::disk;

/// Time without a change after which a change is reported. Editors write a file in several steps,
/// and these steps are one change.
const QUIET: Duration = Duration::from_millis(40);

/// A watch on files. The watch ends when this value is dropped.
pub struct FileWatch {
    _debouncer: Debouncer<RecommendedWatcher, RecommendedCache>,
}

/// What shows that a file changed: its inode, its size, and its time of change in nanoseconds.
type FileLook = Option<(u64, u64, i64, i64)>;

/// Calls `changed` after each change of one of the files.
///
/// # Errors
/// Fails if the system cannot watch a directory of the files.
pub fn watch_files(files: &[PathBuf], changed: impl Fn() + Send + 'static) -> Result<FileWatch> {
    let looks = Mutex::new(looks(files));
    let watched = files.to_vec();
    let mut debouncer =
        new_debouncer(QUIET, None, move |result: DebounceEventResult| match result {
            Ok(events) => {
                let edited = |kind: &EventKind| !matches!(kind, EventKind::Access(_));
                if !events.iter().any(|event| edited(&event.kind)) {
                    return;
                }
                let now = self::looks(&watched);
                let mut before = looks.lock().unwrap_or_else(PoisonError::into_inner);
                if *before != now {
                    *before = now;
                    changed();
                }
            }
            Err(errors) => {
                // Events may have been lost, so the files count as changed.
                for error in errors {
                    warn!("the watch on local files failed, so the files are read again: {error}");
                }
                changed();
            }
        })
        .context("cannot watch files on this system")?;
    let mut directories: Vec<PathBuf> = Vec::new();
    for file in files {
        // A symbolic link can be changed, and so can the file to which the link leads.
        let real = file.canonicalize().unwrap_or_else(|_| file.clone());
        for path in [file.as_path(), &real] {
            let directory = disk::parent(path).to_owned();
            if !directories.contains(&directory) {
                directories.push(directory);
            }
        }
    }
    for directory in directories {
        debouncer
            .watch(&directory, RecursiveMode::NonRecursive)
            .with_context(|| format!("cannot watch {}", directory.display()))?;
    }
    Ok(FileWatch { _debouncer: debouncer })
}

fn looks(files: &[PathBuf]) -> Vec<FileLook> {
    files.iter().map(|file| look(file)).collect()
}

fn look(file: &Path) -> FileLook {
    use std::os::unix::fs::MetadataExt;
    let found = file.metadata().ok()?;
    Some((found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_file_that_is_written_replaced_or_linked_elsewhere_is_reported_and_no_other_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        for name in ["one.csv", "other.csv", "real.csv"] {
            disk::write_unsynced(&at(name), b"1").expect("a file");
        }
        std::os::unix::fs::symlink("real.csv", at("link.csv")).expect("a link");
        let (sender, changes) = channel();
        let files = [at("one.csv"), at("link.csv")];
        let changed = move || sender.send(()).unwrap_or_default();
        let _watch = watch_files(&files, changed).expect("a watch");
        let is_seen = || changes.recv_timeout(Duration::from_secs(10)).is_ok();
        disk::write_unsynced(&at("other.csv"), b"22").expect("a file");
        assert!(changes.recv_timeout(QUIET * 10).is_err(), "another file");
        disk::write_unsynced(&at("one.csv"), b"22").expect("a file");
        assert!(is_seen(), "written in place");
        disk::write_unsynced(&at("new"), b"22").expect("a file");
        disk::rename(&at("new"), &at("one.csv")).expect("a rename");
        assert!(is_seen(), "replaced");
        std::os::unix::fs::symlink("other.csv", at("next")).expect("a link");
        disk::rename(&at("next"), &at("link.csv")).expect("a rename");
        assert!(is_seen(), "linked elsewhere");
        disk::remove_file(&at("one.csv")).expect("removed");
        assert!(is_seen(), "removed");
    }
}
