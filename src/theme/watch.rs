//! The watch on a theme that is being edited.
//!
//! Owns the watch on `--templates`. After each change the caller makes a new watch, because another
//! directory may then be at this path. The watch reports only *that* something changed; the caller
//! then reads the theme again. Changes of files that do not belong to the theme are ignored. The
//! watch must not miss an editor that replaces a file, or the whole directory, instead of writing
//! in place.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use notify::{EventKind, RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use tracing::warn;

use super::files::{directories, is_passed_over};
use crate::disk;

/// Time without a change after which a change is reported. Editors write a file in several steps,
/// and these steps are one change.
const QUIET: Duration = Duration::from_millis(40);

/// A watch on a theme. The watch ends when this value is dropped.
pub struct Watch {
    _debouncer: Debouncer<RecommendedWatcher, RecommendedCache>,
}

/// Calls `changed` after each burst of changes below `directory`.
///
/// # Errors
/// Fails if the system cannot watch the directory.
pub fn watch(directory: &Path, changed: impl Fn() + Send + 'static) -> Result<Watch> {
    // Both the path and the directory that the path leads to are watched: a symbolic link can be
    // changed to lead to another theme.
    let real = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    let watched = [directory.to_owned(), real.clone()];
    let mut debouncer =
        new_debouncer(QUIET, None, move |result: DebounceEventResult| match result {
            // An access is not a change: the program itself reads the theme after each change.
            Ok(events) => {
                let touched = |path: &PathBuf| {
                    let mut below =
                        watched.iter().filter_map(|above| path.strip_prefix(above).ok());
                    below.any(|below| !is_passed_over(below, path.is_dir()))
                };
                let edited = |kind: &EventKind| !matches!(kind, EventKind::Access(_));
                if events.iter().any(|event| edited(&event.kind) && event.paths.iter().any(touched))
                {
                    changed();
                }
            }
            Err(errors) => {
                // Events may have been lost, so the theme counts as changed.
                for error in errors {
                    warn!("the watch on --templates failed, so the theme is read again: {error}");
                }
                changed();
            }
        })
        .context("cannot watch templates on this system")?;
    // Only a watch on the parent reports that the whole directory was replaced.
    for parent in [disk::parent(directory), disk::parent(&real)] {
        debouncer
            .watch(parent, RecursiveMode::NonRecursive)
            .with_context(|| format!("cannot watch {}", parent.display()))?;
    }
    // Only the directories of the theme are watched, one by one: a folder of packages in the theme
    // may have thousands of directories. A new directory counts as a change, and each change renews
    // the watch.
    for directory in directories(&real) {
        match debouncer.watch(&directory, RecursiveMode::NonRecursive) {
            // The directory was removed meanwhile. The watch on its parent reports the removal.
            Err(_) if !directory.is_dir() => {}
            watched => {
                watched.with_context(|| format!("cannot watch {}", directory.display()))?;
            }
        }
    }
    Ok(Watch { _debouncer: debouncer })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    fn watching(theme: &Path) -> (Watch, Receiver<()>) {
        let (sender, changes) = channel();
        let changed = move || {
            // Fails if the test has ended and no longer receives.
            let _ = sender.send(());
        };
        (watch(theme, changed).expect("a watch"), changes)
    }

    fn is_seen(changes: &Receiver<()>) -> bool {
        changes.recv_timeout(Duration::from_secs(10)).is_ok()
    }

    #[test]
    fn only_a_change_of_a_file_of_the_theme_is_reported() {
        let theme = tempfile::tempdir().expect("a directory");
        let write = |name: &str| {
            disk::write_unsynced(&theme.path().join(name), b"x").expect("the file is written");
        };
        let packages = theme.path().join("node_modules/package");
        disk::create_directory(&packages).expect("the directory is made");
        let (_watch, changes) = watching(theme.path());
        for name in ["#film.html#", "film.html~", "4913", "film.html.orig", "screenshot.png"] {
            write(name);
        }
        write("node_modules/package/index.html");
        assert!(changes.recv_timeout(QUIET * 10).is_err(), "no file of the theme has changed");
        write("film.html");
        assert!(is_seen(&changes), "a template has changed");
    }

    #[test]
    fn each_directory_of_the_theme_is_watched_and_no_other() {
        let theme = tempfile::tempdir().expect("a directory");
        let elsewhere = tempfile::tempdir().expect("a directory");
        for below in ["parts/deep", "node_modules/package", ".git/objects"] {
            disk::create_directory(&theme.path().join(below)).expect("the directory is made");
        }
        std::os::unix::fs::symlink(elsewhere.path(), theme.path().join("linked"))
            .expect("the link is made");
        std::os::unix::fs::symlink("..", theme.path().join("parts/round"))
            .expect("the link is made");
        let mut found = directories(theme.path());
        found.sort();
        let wanted = ["", "linked", "parts", "parts/deep"].map(|below| theme.path().join(below));
        assert_eq!(found, wanted);
        for below in ["parts/deep/card.html", "linked/card.html"] {
            let (_watch, changes) = watching(theme.path());
            disk::write_unsynced(&theme.path().join(below), b"x").expect("the file is written");
            assert!(is_seen(&changes), "{below}");
        }
        let (_watch, changes) = watching(theme.path());
        disk::create_directory(&theme.path().join("new")).expect("the directory is made");
        assert!(is_seen(&changes), "a new directory counts as a change");
    }
}
