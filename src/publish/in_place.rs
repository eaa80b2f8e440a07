//! Publishing file by file, if the trees are not exchanged.
//!
//! Owns the second way to publish, for an `--out` that contains an entry that is not ours, is a
//! working directory, is a mount point, or is on another file system than `--state`. After the
//! standby is sealed, the steps are:
//!
//! 1. write the new files into the own directory of the program in `--out`;
//! 2. write a journal. From here on the publish is completed, by the next start if this process
//!    ends;
//! 3. rename the files to their paths: first assets, static files and posters; then pages; last the
//!    lists and the files at the root;
//! 4. remove files that are gone, and write the new manifest.
//!
//! Every file is complete at every instant, but a visitor may get pages of two generations in one
//! visit.
//! Entries that are not ours are not touched: a page whose path is taken is *held back*, the
//! log names the page, and the page follows when the path is free.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::base_list;
use super::file_list::FileList;
use super::files::{self, is_as_listed, is_untouched};
use super::generation::Generation;
use super::held_back::{Present, is_ours, room_of, tell};
use super::manifest::{
    GenerationId, HeldBack, Manifest, ManifestEntry, OWN_DIRECTORY, path_in, sound_directories,
    sound_keys, sound_names,
};
use super::obstacles::is_about_the_place;
use super::ours::Ours;
use super::places::{place_one, remove, set_times, stands_in_the_way, times_of};
use crate::disk;
use crate::document;
use crate::pages::{turn, uncompressed};

/// The journal: the generation of the standby is being published into `--out`.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Journal {
    generation: Option<GenerationId>,
    /// Files of the previous generation that must be removed.
    #[serde(deserialize_with = "sound_names")]
    gone: BTreeSet<String>,
    /// Files that may be in `--out` already although no manifest in `--out` lists them.
    #[serde(default, deserialize_with = "sound_names")]
    new: BTreeSet<String>,
    /// Files of ours, or adopted files, whose paths get other files.
    #[serde(default, deserialize_with = "sound_names")]
    replaced: BTreeSet<String>,
    /// Pages that are held back.
    #[serde(default, deserialize_with = "sound_keys")]
    held_back: BTreeMap<String, HeldBack>,
    /// Directories of the owner that contain pages.
    #[serde(default, deserialize_with = "sound_directories")]
    owners_directories: BTreeSet<PathBuf>,
}

fn journal_path(state: &Path) -> PathBuf {
    state.join("journal")
}

/// Brings the sealed standby, which holds `wanted`, into `out`, which has the files of `before`
/// and the state `was`. Returns the new state of `out`.
///
/// # Errors
/// Fails if a file cannot be written. Every file in `out` is complete then.
pub(super) fn publish(
    out: &Path,
    standby: &Path,
    ours: &Ours,
    before: &FileList,
    was: &Present,
    present: Present,
    wanted: &Generation,
) -> Result<Present> {
    let state = disk::parent(standby);
    // Files of an earlier publish that failed must be removed too.
    let left = document::read::<Journal>(&journal_path(state), "journal")?.unwrap_or_default().new;
    // Our old files at the path of a held-back page must be removed too, if the new generation does
    // not have this page.
    let left_under = was.held_back.iter().filter_map(|(path, held)| {
        let is_left = |entry: &&ManifestEntry| is_as_listed(out, path, entry);
        let left = held.before.as_ref().filter(is_left)?;
        (!wanted.files.contains_key(path)).then(|| left.names(path))
    });
    let left = left.into_iter().chain(left_under.flatten());
    let old: BTreeSet<_> =
        before.iter().flat_map(|(path, entry)| entry.names(path)).chain(left).collect();
    let put = wanted.files.iter().filter(|(path, _)| !present.held_back.contains_key(*path));
    let new: BTreeSet<_> = put.flat_map(|(path, file)| file.entry.names(path)).collect();
    let mut journal = Journal {
        generation: Some(wanted.id.clone()),
        // Files of ours under a held-back page stay.
        gone: old
            .difference(&new)
            .filter(|name| !present.held_back.contains_key(page_of(name)))
            .cloned()
            .collect(),
        new: new.difference(&old).cloned().collect(),
        replaced: BTreeSet::new(),
        held_back: present.held_back,
        owners_directories: present.owners_directories,
    };
    let manifest = Manifest::read(standby)?.context("the standby tree has no manifest")?;
    let prepared = PreparedFiles::make(out, standby, &manifest, &journal)?;
    let is_replaced = |name: &&String| {
        let page = page_of(name);
        let found = out.join(name).symlink_metadata();
        wanted.files.get(page).zip(found.ok()).is_some_and(|(file, found)| {
            is_ours(ours, was, page, &file.entry)(Path::new(name.as_str()), &found)
        })
    };
    journal.replaced =
        prepared.files.iter().map(|(_, name)| name).filter(is_replaced).cloned().collect();
    document::write(&journal_path(state), "journal", &journal)?;
    play(out, standby, manifest, journal, prepared)
}

/// Returns the page to which a file belongs.
fn page_of(name: &str) -> &str {
    uncompressed(name).unwrap_or(name)
}

/// Completes a publish that a killed process left unfinished.
///
/// # Errors
/// Fails if the journal cannot be read or completed.
pub(super) fn complete(out: &Path, standby: &Path) -> Result<()> {
    let path = journal_path(disk::parent(standby));
    let Some(mut journal) = document::read::<Journal>(&path, "journal")? else { return Ok(()) };
    let manifest = Manifest::read(standby)?;
    match manifest.filter(|found| Some(&found.generation) == journal.generation.as_ref()) {
        Some(manifest) => {
            info!("completing a publish that was cut off");
            let before = Manifest::peek(out);
            let known = Present { held_back: journal.held_back.clone(), ..Present::default() };
            let now = room_of(out, before.as_ref(), &manifest, &known);
            tell(out, &known, &now);
            journal.held_back = now.held_back;
            let prepared = PreparedFiles::make(out, standby, &manifest, &journal)?;
            play(out, standby, manifest, journal, prepared).map(drop)
        }
        None => {
            warn!(
                "a publish into {} was interrupted, and the new files in --state are lost; the next \
                 publish repairs the site",
                out.display()
            );
            disk::remove_file(&path)
        }
    }
}

/// Files that are ready in the own directory of the program, each with its path.
struct PreparedFiles {
    directory: PathBuf,
    files: Vec<(PathBuf, String)>,
}

impl PreparedFiles {
    /// Runs step 1. If a file cannot be made (a full disk), removes all prepared files; nothing
    /// has been replaced yet.
    fn make(
        out: &Path,
        standby: &Path,
        manifest: &Manifest,
        journal: &Journal,
    ) -> Result<PreparedFiles> {
        let directory = out.join(OWN_DIRECTORY).join("incoming");
        disk::remove_directory(&directory)?;
        disk::create_directory(out)?;
        let mut prepared = PreparedFiles { directory, files: Vec::new() };
        let made = prepared.fill(out, standby, manifest, journal);
        if made.is_err() {
            // Report the first error, not an error of the cleanup.
            let _ = disk::remove_directory(&prepared.directory);
        }
        made.map(|()| prepared)
    }

    fn fill(
        &mut self,
        out: &Path,
        standby: &Path,
        manifest: &Manifest,
        journal: &Journal,
    ) -> Result<()> {
        disk::create_directory(&self.directory)?;
        let mut pages: Vec<_> = manifest.files.iter().collect();
        pages.retain(|(path, _)| !journal.held_back.contains_key(*path));
        pages.sort_by_key(|(path, _)| (turn(path), path.as_str()));
        for (path, entry) in pages {
            for (suffix, size) in entry.variants() {
                let name = format!("{path}{suffix}");
                if is_untouched(out, &name, size, entry.mtime) {
                    continue;
                }
                let ready = self.directory.join(self.files.len().to_string());
                put(&standby.join(&name), &ready, entry.mtime)?;
                self.files.push((ready, name));
            }
        }
        Ok(())
    }
}

/// Puts the file `from` at `to`: as a hard link if possible, else as a copy.
fn put(from: &Path, to: &Path, mtime: u64) -> Result<()> {
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    let bytes = disk::read(from)?
        .with_context(|| format!("{} was lost from the standby tree", from.display()))?;
    files::write(to, &bytes, mtime).map(drop)
}

/// Runs steps 3 and 4. A step that is done already is only checked.
fn play(
    out: &Path,
    standby: &Path,
    mut manifest: Manifest,
    journal: Journal,
    prepared: PreparedFiles,
) -> Result<Present> {
    let Journal { gone, replaced, mut held_back, owners_directories, .. } = journal;
    let own = out.join(OWN_DIRECTORY);
    // The ledger marks the tree as ours before the first page is there.
    if let Some(ledger) = disk::read(&standby.join(OWN_DIRECTORY).join("ledger"))? {
        disk::replace(&own.join("ledger"), &ledger)?;
    }
    let times = times_of(out, &owners_directories);
    let places: BTreeSet<&str> = prepared.files.iter().map(|(_, name)| name.as_str()).collect();
    // If a file becomes a directory or the reverse, the old entry must go first.
    let (first, last): (Vec<_>, Vec<_>) =
        gone.iter().partition(|name| stands_in_the_way(name, &places));
    first.into_iter().for_each(|name| remove(out, name, &owners_directories));
    let mut placed: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (ready, name) in &prepared.files {
        let page = page_of(name);
        if held_back.contains_key(page) {
            continue;
        }
        let is_new = !replaced.contains(name);
        match place_one(out, ready, name, is_new) {
            Err(error) if is_about_the_place(&error) => {
                let Some(wanted) = manifest.files.get(page).cloned() else { continue };
                warn!("{error:#}; the page is held back until its path is free");
                held_back.insert(page.to_owned(), HeldBack { wanted, before: None });
                // A page is there in all its forms or in none.
                let forms = placed.remove(page).unwrap_or_default();
                forms.into_iter().for_each(|name| remove(out, name, &owners_directories));
            }
            result => {
                result?;
                if is_new {
                    placed.entry(page).or_default().push(name);
                }
            }
        }
    }
    last.into_iter().for_each(|name| remove(out, name, &owners_directories));
    set_times(out, &times);
    disk::remove_directory(&prepared.directory)?;
    disk::sync_file_system(out)?;
    for path in held_back.keys() {
        manifest.files.remove(path);
    }
    manifest.held_back = held_back;
    manifest.owners_directories = owners_directories;
    disk::replace(&path_in(out), &manifest.bytes()?)?;
    base_list::remove_others(out, None)?;
    disk::remove_file(&journal_path(disk::parent(standby)))?;
    Ok(Present::of(&manifest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_with_paths_outside_the_tree_counts_as_damaged() {
        let read = |journal: serde_json::Value| serde_json::from_value::<Journal>(journal);
        let journal = |name: &str| serde_json::json!({"generation": "g", "gone": [name]});
        assert!(read(journal("movies/a/index.html")).is_ok());
        for name in ["../../etc/passwd", "/etc/passwd", "a/../../b", ".movies-gen/lock"] {
            assert!(read(journal(name)).is_err(), "{name}");
            let new = serde_json::json!({"generation": "g", "gone": [], "new": [name]});
            assert!(read(new).is_err(), "{name}");
            let owners = serde_json::json!({"gone": [], "owners_directories": [name]});
            assert!(read(owners).is_err(), "{name}");
        }
    }
}
