//! Publishing where trees cannot be exchanged.
//!
//! Owns the second-best way: `--out` is a mount point, lies on another file
//! system than `--state`, or its parent may not be written to. The standby is
//! made whole as always; then its files are put beside their places in `--out`, and
//! when all are there, renamed one by one, what others refer to first and lists
//! last. Every file is whole at every instant, but a visitor may meet two
//! generations in one visit.
//!
//! A journal says that this is under way and what has to go. A process that is
//! killed in the middle leaves it, and the next start goes on from the sealed
//! standby to the end: always forward, however often.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::generation::Generation;
use super::manifest::{Entry, GenerationId, Manifest, OWN_DIRECTORY, path_in};
use super::tree;
use crate::disk;
use crate::store::document;

/// What is under way: the standby's generation is being brought into `--out`.
#[derive(Debug, Serialize, Deserialize)]
struct Journal {
    generation: GenerationId,
    /// Files of the generation before that have to go.
    gone: BTreeSet<String>,
}

fn journal_path(state: &Path) -> PathBuf {
    state.join("journal")
}

/// Brings the sealed standby, which holds `wanted`, into `out`, which holds what
/// `before` lists.
///
/// # Errors
/// If a file cannot be written. The journal stays; what is there is whole.
pub(super) fn publish(
    out: &Path,
    standby: &Path,
    before: Option<&Generation>,
    wanted: &Generation,
) -> Result<()> {
    let files = |generation: &Generation| -> BTreeSet<String> {
        let listed = generation.listed();
        listed
            .flat_map(|(path, entry)| {
                entry.variants().map(move |(form, _)| format!("{path}{form}"))
            })
            .collect()
    };
    let old = before.map(files).unwrap_or_default();
    let gone = old.difference(&files(wanted)).cloned().collect();
    let journal = Journal { generation: wanted.id.clone(), gone };
    let state = disk::parent(standby);
    document::write(&journal_path(state), "journal", &journal)?;
    play(out, standby, &journal)
}

/// Completes what a killed process left in the middle.
///
/// # Errors
/// If the journal cannot be read or completed.
pub(super) fn complete(out: &Path, standby: &Path) -> Result<()> {
    let path = journal_path(disk::parent(standby));
    let Some(journal) = document::read::<Journal>(&path, "journal")? else { return Ok(()) };
    match Manifest::read(standby)? {
        Some(manifest) if manifest.generation == journal.generation => {
            info!("completing a publish that was cut off");
            make_sure_of_room(out, Manifest::peek(out).as_ref(), &manifest)?;
            play(out, standby, &journal)
        }
        _ => {
            warn!(
                "a publish into {} was cut off and its tree is gone; what differs is made again",
                out.display()
            );
            disk::remove_file(&path)
        }
    }
}

/// Plays the journal to its end; what is done already costs a look.
fn play(out: &Path, standby: &Path, journal: &Journal) -> Result<()> {
    let Some(manifest) = Manifest::read(standby)? else { return Ok(()) };
    // From the first file on the tree has to be known as ours.
    let own = out.join(OWN_DIRECTORY);
    disk::create_directory(&own)?;
    if let Some(ledger) = disk::read(&standby.join(OWN_DIRECTORY).join("ledger"))? {
        disk::replace(&own.join("ledger"), &ledger)?;
    }
    let mut files: Vec<_> = manifest.files.iter().collect();
    files.sort_by_key(|(path, _)| (rank(path), path.as_str()));
    let mut prepared = Vec::new();
    for (path, entry) in files {
        if let Err(error) = prepare(out, standby, path, entry, &mut prepared) {
            // A full disk, most likely: nothing was replaced yet, so nothing is.
            prepared.iter().for_each(|place| drop(disk::remove_file(&disk::beside(place))));
            return Err(error);
        }
    }
    for place in &prepared {
        disk::rename(&disk::beside(place), place)?;
    }
    for path in &journal.gone {
        disk::remove_file(&out.join(path))?;
        tree::remove_empty_directories(out, path);
    }
    tree::sync_all(out)?;
    if let Some(bytes) = disk::read(&path_in(standby))? {
        disk::replace(&path_in(out), &bytes)?;
    }
    disk::remove_file(&journal_path(disk::parent(standby)))
}

/// Makes sure that what the owner did since stands nowhere in the way. A file at
/// the place of ours is ours if it has the time of one: theirs are of another.
fn make_sure_of_room(out: &Path, before: Option<&Manifest>, wanted: &Manifest) -> Result<()> {
    for (path, entry) in &wanted.files {
        let old = before.and_then(|before| before.files.get(path)).map(|old| old.mtime);
        for (suffix, _) in entry.variants() {
            let place = out.join(format!("{path}{suffix}"));
            let Ok(found) = place.symlink_metadata() else { continue };
            let is_of = |mtime: u64| u64::try_from(found.mtime()) == Ok(mtime);
            if !found.is_file() || !(is_of(entry.mtime) || old.is_some_and(is_of)) {
                return Err(tree::in_the_way(&place));
            }
        }
    }
    Ok(())
}

/// What pages refer to comes before them, lists come last.
fn rank(path: &str) -> u8 {
    let is_list = ["index.html", "movies/index.html", "people/index.html"].contains(&path);
    match path.split('/').next().unwrap_or_default() {
        "assets" | "static" | "posters" => 0,
        _ if is_list || !path.contains('/') => 2,
        _ => 1,
    }
}

/// Puts all forms of a file beside their places, unless they are there already.
fn prepare(
    out: &Path,
    standby: &Path,
    path: &str,
    entry: &Entry,
    prepared: &mut Vec<PathBuf>,
) -> Result<()> {
    for (suffix, size) in entry.variants() {
        let path = format!("{path}{suffix}");
        if tree::is_untouched(out, &path, size, entry.mtime) {
            continue;
        }
        let from = standby.join(&path);
        let bytes = disk::read(&from)?
            .with_context(|| format!("{} was lost from the standby tree", from.display()))?;
        let place = out.join(&path);
        prepared.push(place.clone());
        tree::write_beside(&place, &bytes, entry.mtime)?;
    }
    Ok(())
}

/// Whether an exchange failed because it cannot be done here at all.
pub(super) fn is_the_only_way(error: &anyhow::Error) -> bool {
    use rustix::io::Errno;
    let cannot = [Errno::BUSY, Errno::XDEV, Errno::ACCESS, Errno::PERM, Errno::INVAL, Errno::NOSYS];
    let is_cannot = |errno: Errno| cannot.contains(&errno);
    error.chain().any(|cause| {
        cause.downcast_ref::<Errno>().copied().is_some_and(is_cannot)
            || cause
                .downcast_ref::<std::io::Error>()
                .and_then(Errno::from_io_error)
                .is_some_and(is_cannot)
    })
}

/// Whether `out` and `standby` are on different file systems: links and
/// exchanges need not even be tried.
pub(super) fn is_elsewhere(out: &Path, standby: &Path) -> bool {
    let device = |path: &Path| path.metadata().ok().map(|found| found.dev());
    let (out, standby) = (device(out), device(disk::parent(standby)));
    out.is_some() && standby.is_some() && out != standby
}
