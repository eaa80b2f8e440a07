//! Noticing that a theme was edited.
//!
//! Owns the watch on `--templates`, made anew after each change since the
//! directory may be another one by then. The watch only says *that* something changed;
//! the theme is then read again. Changes of files that do not belong to the theme are ignored.
//! The watch must not miss an editor that replaces the file, or the whole directory,
//! instead of writing in place.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use notify::{EventKind, RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use tracing::warn;

use super::files::{directories, is_passed_over};
use crate::disk;

/// How long a theme must be quiet: editors write a file in several steps.
const QUIET: Duration = Duration::from_millis(40);

/// The watch lasts as long as this lives.
pub struct Watch {
    _debouncer: Debouncer<RecommendedWatcher, RecommendedCache>,
}

/// Calls `changed` after each burst of changes below `directory`.
///
/// # Errors
/// If the system cannot watch it.
pub fn watch(directory: &Path, changed: impl Fn() + Send + 'static) -> Result<Watch> {
    // The name, and what it leads to: a link can be turned to another theme.
    let real = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    let watched = [directory.to_owned(), real.clone()];
    let mut debouncer =
        new_debouncer(QUIET, None, move |result: DebounceEventResult| match result {
            // Reading the theme must not look like a change of it.
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
                // Events may have been lost: what is there now, is read anew.
                for error in errors {
                    warn!("watching the templates: {error}");
                }
                changed();
            }
        })
        .context("cannot watch templates on this system")?;
    // A directory that is replaced as a whole is seen by its parent only.
    for parent in [disk::parent(directory), disk::parent(&real)] {
        debouncer
            .watch(parent, RecursiveMode::NonRecursive)
            .with_context(|| format!("cannot watch {}", parent.display()))?;
    }
    // Each directory of the theme alone: a package directory beside it may hold thousands.
    // A new directory counts as a change, and each change renews the watch.
    for directory in directories(&real) {
        match debouncer.watch(&directory, RecursiveMode::NonRecursive) {
            // Gone by now, which the directory above saw.
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
            // Nobody may be waiting any more.
            let _ = sender.send(());
        };
        (watch(theme, changed).expect("a watch"), changes)
    }

    fn is_seen(changes: &Receiver<()>) -> bool {
        changes.recv_timeout(Duration::from_secs(10)).is_ok()
    }

    #[test]
    fn what_lies_about_is_no_change_and_a_template_is() {
        let theme = tempfile::tempdir().expect("a directory");
        let write = |name: &str| {
            disk::write_unsynced(&theme.path().join(name), b"x").expect("written");
        };
        let packages = theme.path().join("node_modules/package");
        disk::create_directory(&packages).expect("made");
        let (_watch, changes) = watching(theme.path());
        for name in ["#film.html#", "film.html~", "4913", "film.html.orig", "screenshot.png"] {
            write(name);
        }
        write("node_modules/package/index.html");
        assert!(changes.recv_timeout(QUIET * 10).is_err(), "nothing that counts has changed");
        write("film.html");
        assert!(is_seen(&changes), "a template has");
    }

    #[test]
    fn each_directory_of_the_theme_is_watched_and_no_other() {
        let theme = tempfile::tempdir().expect("a directory");
        let elsewhere = tempfile::tempdir().expect("a directory");
        for below in ["parts/deep", "node_modules/package", ".git/objects"] {
            disk::create_directory(&theme.path().join(below)).expect("made");
        }
        std::os::unix::fs::symlink(elsewhere.path(), theme.path().join("linked")).expect("linked");
        std::os::unix::fs::symlink("..", theme.path().join("parts/round")).expect("linked");
        let mut found = directories(theme.path());
        found.sort();
        let wanted = ["", "linked", "parts", "parts/deep"].map(|below| theme.path().join(below));
        assert_eq!(found, wanted);
        for below in ["parts/deep/card.html", "linked/card.html"] {
            let (_watch, changes) = watching(theme.path());
            disk::write_unsynced(&theme.path().join(below), b"x").expect("written");
            assert!(is_seen(&changes), "{below}");
        }
        let (_watch, changes) = watching(theme.path());
        disk::create_directory(&theme.path().join("new")).expect("made");
        assert!(is_seen(&changes), "a new directory, which is watched after that");
    }
}
