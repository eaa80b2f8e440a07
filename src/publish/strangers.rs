//! Entries in the standby tree that are not ours: they go back to `--out`.
//!
//! Such entries come from a process that wrote into the directory of `--out` while the trees were
//! exchanged.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::exchange;
use super::file_list::FileList;
use super::manifest::Manifest;
use super::ours::Ours;
use super::standby::Standby;
use super::standby_change::StandbyChange;

/// Moves entries that an earlier process moved into the standby back to `out`. Returns whether `out`
/// is another tree now.
///
/// # Errors
/// Fails if the trees cannot be read or exchanged.
pub(super) fn settle(standby: &Standby, out: &Path) -> Result<bool> {
    let strangers = of(standby)?;
    if strangers.is_empty() {
        return Ok(false);
    }
    let is_whole = standby.manifest()?.is_some();
    let is_untouched = Manifest::peek(out)
        .is_some_and(|manifest| ours_of(manifest, standby).strangers(out, 1).is_empty());
    if is_whole && is_untouched {
        // The earlier process was killed between the exchange and the second check.
        exchange::exchange(standby.path(), out).map(|()| true)
    } else {
        standby.give_back(&strangers, out).map(|()| false)
    }
}

/// Moves entries in the standby that are not ours to `out`, if they are where the tree changes.
/// Other such entries come to `out` with the exchange. Returns an entry that cannot be moved, if
/// any.
///
/// # Errors
/// Fails if the documents of the standby cannot be read.
pub(super) fn give_back(
    standby: &Standby,
    out: &Path,
    change: &StandbyChange<'_>,
) -> Result<Option<PathBuf>> {
    let touched: Vec<_> =
        change.touched_directories().into_iter().filter_map(Path::to_str).collect();
    let strangers = || -> Result<Vec<PathBuf>> {
        let ours = standby.ours()?;
        let found = ours.map(|ours| ours.strangers_among(&touched, standby.path(), usize::MAX));
        Ok(found.unwrap_or_default())
    };
    let found = strangers()?;
    if found.is_empty() {
        return Ok(None);
    }
    standby.give_back(&found, out)?;
    Ok(strangers()?.first().map(|below| standby.path().join(below)))
}

/// Returns the entries of the standby that are not ours.
///
/// # Errors
/// Fails if the documents of the standby cannot be read.
pub(super) fn of(standby: &Standby) -> Result<Vec<PathBuf>> {
    let ours = standby.ours()?;
    Ok(ours.map_or_else(Vec::new, |ours| ours.strangers(standby.path(), usize::MAX)))
}

/// Returns the entries that a manifest makes ours.
fn ours_of(manifest: Manifest, standby: &Standby) -> Ours {
    let Manifest { files, owners_directories, .. } = manifest;
    Ours::of(FileList::Read(files), standby.seen()).without(&owners_directories)
}
