//! Files outside generations.
//!
//! Owns which files are replaced at every refresh, and how: by a rename, unless
//! something of somebody else's stands at their places. No failure here is worth
//! failing a refresh.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use bytes::Bytes;

use super::manifest::OWN_DIRECTORY;
use super::obstacles::is_about_the_place;
use super::ours::is_free;
use super::outside::DEV;
use crate::disk;

/// Volatile files by path.
pub type Volatile = BTreeMap<&'static str, Bytes>;

/// Replaces the files in a tree that visitors may be reading.
///
/// # Errors
/// If one cannot be written.
pub(super) fn replace(out: &Path, volatile: &Volatile) -> Result<()> {
    volatile.iter().try_for_each(|(path, bytes)| replace_one(out, path, bytes))
}

fn replace_one(out: &Path, path: &str, bytes: &Bytes) -> Result<()> {
    let place = out.join(path);
    if !is_free(out, Path::new(path), |_, _| path != DEV || is_dev_file(&place)) {
        return Ok(());
    }
    let directory = disk::parent(&place);
    if directory != out {
        disk::create_directory_in(directory)?;
    }
    let ready = out.join(OWN_DIRECTORY).join("volatile");
    disk::write_unsynced(&ready, bytes)?;
    match disk::rename(&ready, &place) {
        // A mount in the way, for example.
        Err(error) if is_about_the_place(&error) => Ok(()),
        done => done,
    }
}

/// Writes the files into a tree that nobody reads yet.
///
/// # Errors
/// If one cannot be written.
pub(super) fn write(tree: &Path, volatile: &Volatile) -> Result<()> {
    volatile.iter().try_for_each(|(path, bytes)| {
        disk::create_directory(disk::parent(&tree.join(path)))?;
        disk::replace_unsynced(&tree.join(path), bytes)
    })
}

/// Whether a file says what ours says; somebody else may have one of that name.
fn is_dev_file(path: &Path) -> bool {
    let bytes = disk::read(path).ok().flatten().unwrap_or_default();
    let told: Option<BTreeMap<String, serde_json::Value>> = serde_json::from_slice(&bytes).ok();
    told.is_some_and(|told| told.keys().eq(["error", "generation"]))
}
