//! The files outside generations.
//!
//! Owns how these files are replaced: by a rename, unless an entry that is not ours has their
//! path. A failure here does not fail the refresh.

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

/// Replaces the files in the live tree.
///
/// # Errors
/// Fails if a file cannot be written.
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
        // For example, a mount at the path.
        Err(error) if is_about_the_place(&error) => Ok(()),
        done => done,
    }
}

/// Writes the files into a tree that is not live.
///
/// # Errors
/// Fails if a file cannot be written.
pub(super) fn write(tree: &Path, volatile: &Volatile) -> Result<()> {
    volatile.iter().try_for_each(|(path, bytes)| {
        disk::create_directory(disk::parent(&tree.join(path)))?;
        disk::replace_unsynced(&tree.join(path), bytes)
    })
}

/// Whether a file has the content of our `dev.json`. The owner may have a file of this name.
fn is_dev_file(path: &Path) -> bool {
    let bytes = disk::read(path).ok().flatten().unwrap_or_default();
    let told: Option<BTreeMap<String, serde_json::Value>> = serde_json::from_slice(&bytes).ok();
    told.is_some_and(|told| told.keys().eq(["error", "generation"]))
}
