//! Noticing that a theme was edited.
//!
//! Owns the watch on `--templates`, made anew after each change since the
//! directory may be another one by then. It only says *that* something changed; what
//! the theme is now, is read anew. Files that are no part of the theme are no change. It must not miss an editor that replaces the
//! file, or the whole directory, instead of writing in place.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use notify::{EventKind, RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use tracing::warn;

use super::files::is_passed_over;
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
    if real.is_dir() {
        debouncer
            .watch(&real, RecursiveMode::Recursive)
            .with_context(|| format!("cannot watch {}", directory.display()))?;
    }
    Ok(Watch { _debouncer: debouncer })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn what_lies_about_is_no_change_and_a_template_is() {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str| {
            disk::write_unsynced(&directory.path().join(name), b"x").expect("written");
        };
        let (sender, changes) = channel();
        let changed = move || {
            // Nobody may be waiting any more.
            let _ = sender.send(());
        };
        let _watch = watch(directory.path(), changed).expect("a watch");
        for name in ["#film.html#", "film.html~", "4913", "film.html.orig", "screenshot.png"] {
            write(name);
        }
        assert!(changes.recv_timeout(QUIET * 10).is_err(), "nothing that counts has changed");
        write("film.html");
        assert!(changes.recv_timeout(Duration::from_secs(10)).is_ok(), "a template has");
    }
}
