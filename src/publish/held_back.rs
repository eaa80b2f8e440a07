//! Pages of a publish file by file that are held back, because entries that are not ours are at
//! their paths.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::warn;

use super::file_list::FileList;
use super::files::is_of;
use super::generation::Generation;
use super::manifest::{HeldBack, Manifest, ManifestEntry};
use super::ours::{Ours, is_free};

/// Number of names in one log line.
const MOST_NAMED: usize = 10;

/// What differs in `--out` from the generation.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Present {
    /// Pages that are held back.
    pub(super) held_back: BTreeMap<String, HeldBack>,
    /// Directories of the owner that contain pages.
    pub(super) owners_directories: BTreeSet<PathBuf>,
}

impl Present {
    /// Returns the entries of `out` that are listed as ours.
    pub(super) fn without_held_back(&self, live: Option<&Arc<Generation>>) -> FileList {
        let Some(live) = live else { return FileList::default() };
        if self.held_back.is_empty() {
            return FileList::Of(live.clone());
        }
        let listed = live.listed().filter(|(path, _)| !self.held_back.contains_key(*path));
        FileList::Read(listed.map(|(path, entry)| (path.clone(), entry.clone())).collect())
    }

    pub(super) fn of(manifest: &Manifest) -> Present {
        let Manifest { held_back, owners_directories, .. } = manifest.clone();
        Present { held_back, owners_directories }
    }

    /// Whether the path of a held-back page is free now.
    pub(super) fn has_room_again(&self, out: &Path) -> bool {
        self.held_back.iter().any(|(path, held)| {
            let is_ours = |_: &Path, found: &Metadata| is_left_of(held, found);
            has_room(out, path, &held.wanted, is_ours)
        })
    }
}

/// Whether all forms of a page can be put at their paths.
fn has_room(
    out: &Path,
    path: &str,
    entry: &ManifestEntry,
    is_ours: impl Fn(&Path, &Metadata) -> bool,
) -> bool {
    entry.names(path).all(|name| is_free(out, Path::new(&name), &is_ours))
}

/// Whether the entry at the path of a page is the file of ours from before the page was held
/// back.
fn is_left_of(held: &HeldBack, found: &Metadata) -> bool {
    let of =
        |entry: &ManifestEntry| entry.variants().any(|(_, size)| is_of(found, size, entry.mtime));
    of(&held.wanted) || held.before.as_ref().is_some_and(of)
}

/// Finds the pages of `wanted` whose paths in `out` are taken, and the directories that are not
/// ours. `ours` lists our entries in `out`.
pub(super) fn look(
    out: &Path,
    ours: &Ours,
    before: &FileList,
    present: &Present,
    wanted: &Arc<Generation>,
) -> Present {
    let mut held_back = BTreeMap::new();
    for (path, file) in &wanted.files {
        let is_ours = is_ours(ours, present, path, &file.entry);
        if !has_room(out, path, &file.entry, is_ours) {
            let known = present.held_back.get(path).and_then(|held| held.before.clone());
            let before = before.get(path).cloned().or(known);
            held_back.insert(path.clone(), HeldBack { wanted: file.entry.clone(), before });
        }
    }
    let needed = Ours::of(FileList::Of(wanted.clone()), &Arc::default());
    let is_theirs = |below: &Path| {
        (present.owners_directories.contains(below) || !ours.has_directory(below))
            && out.join(below).symlink_metadata().is_ok_and(|found| found.is_dir())
    };
    let owners_directories = needed
        .directories()
        .into_iter()
        .map(Path::new)
        .filter(|below| is_theirs(below))
        .map(Path::to_owned)
        .collect();
    Present { held_back, owners_directories }
}

/// Returns a check whether the entry at a path of this page is ours.
pub(super) fn is_ours<'a>(
    ours: &'a Ours,
    present: &'a Present,
    path: &'a str,
    entry: &'a ManifestEntry,
) -> impl Fn(&Path, &Metadata) -> bool + use<'a> {
    move |below, found| {
        let was_held = || present.held_back.get(path).is_some_and(|held| is_left_of(held, found));
        ours.has_file(below) || is_of_forms(below, path, entry, found) || was_held()
    }
}

/// Whether the entry at `below` is a form of the wanted page at `path`, put there by an
/// interrupted publish.
fn is_of_forms(below: &Path, path: &str, entry: &ManifestEntry, found: &Metadata) -> bool {
    entry.variants().any(|(suffix, size)| {
        Path::new(&format!("{path}{suffix}")) == below && is_of(found, size, entry.mtime)
    })
}

/// Logs the pages that are held back now and were not before.
pub(super) fn tell(out: &Path, before: &Present, now: &Present) {
    let new = now.held_back.keys().filter(|path| !before.held_back.contains_key(*path));
    let names: Vec<_> = new.map(|path| out.join(path).display().to_string()).collect();
    if names.is_empty() {
        return;
    }
    let named = in_one_line(&names, MOST_NAMED);
    warn!(
        pages = names.len(),
        "{named}: a file or directory that movies-gen did not make is at the path of a page, so \
         the page is held back; move it away, and the page is published there"
    );
}

/// Finds pages whose paths were taken since a publish was cut off. A file at the path of a page
/// is ours if it has the time of the page before or after.
pub(super) fn room_of(
    out: &Path,
    before: Option<&Manifest>,
    wanted: &Manifest,
    known: &Present,
) -> Present {
    let mut held_back = known.held_back.clone();
    for (path, entry) in &wanted.files {
        let old = before.and_then(|before| before.files.get(path));
        let is_ours = |_: &Path, found: &Metadata| {
            let time = |entry: &ManifestEntry| u64::try_from(found.mtime()) == Ok(entry.mtime);
            time(entry) || old.is_some_and(time)
        };
        if !has_room(out, path, entry, is_ours) && !held_back.contains_key(path) {
            let held = HeldBack { wanted: entry.clone(), before: old.cloned() };
            held_back.insert(path.clone(), held);
        }
    }
    Present { held_back, ..known.clone() }
}

/// Joins the first `most` names for a log line, with the number of further names.
pub(super) fn in_one_line(names: &[String], most: usize) -> String {
    let more = names.len().saturating_sub(most);
    let named = names[..names.len() - more].join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}
