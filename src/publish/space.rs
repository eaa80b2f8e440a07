//! Whether a generation fits on the disk.
//!
//! Owns the check of the free space before a publish changes anything.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};

use super::file_list::FileList;
use super::generation::{Generation, PublishedFile};
use super::manifest::ManifestEntry;
use super::obstacles;
use super::standby_change::StandbyChange;

/// Checks that the changes of the standby fit on the disk, and the generation too if `out` is on
/// another file system. `before` lists the files in `out`.
///
/// # Errors
/// Fails if the space is not enough.
pub(super) fn check(
    (out, standby): (&Path, &Path),
    change: &StandbyChange<'_>,
    generation: &Generation,
    before: &FileList,
) -> Result<()> {
    let is_elsewhere = obstacles::is_elsewhere(out, standby);
    let is_linked = |path: &str| before.get(path).filter(|_| !is_elsewhere);
    let made = change.made.iter().map(|(path, file)| (*path, *file));
    make_sure_of(standby, missing(made, is_linked))?;
    let new = || missing(&generation.files, |path| before.get(path));
    if is_elsewhere { make_sure_of(out, new()) } else { Ok(()) }
}

/// Returns the bytes that files need in a tree, if they can be neither kept nor linked. `there`
/// returns a file that can be kept or linked.
fn missing<'w>(
    wanted: impl IntoIterator<Item = (&'w String, &'w Arc<PublishedFile>)>,
    there: impl Fn(&str) -> Option<&'w ManifestEntry>,
) -> u64 {
    let new = wanted.into_iter().filter(|(path, file)| {
        !there(path.as_str()).is_some_and(|own| own.is_same_file(&file.entry))
    });
    new.flat_map(|(_, file)| file.entry.variants()).map(|(_, size)| size).sum()
}

/// Checks that the file system of `directory` has this number of free bytes.
///
/// # Errors
/// Fails if the space is not enough.
fn make_sure_of(directory: &Path, bytes: u64) -> Result<()> {
    let there = directory.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new("."));
    let Ok(found) = rustix::fs::statvfs(there) else { return Ok(()) };
    let block = found.f_frsize.max(1);
    // The file system rounds sizes up, and the lists of the program come on top.
    let free = if rustix::process::geteuid().is_root() { found.f_bfree } else { found.f_bavail };
    let free = free.saturating_mul(block);
    if found.f_blocks > 0 && bytes > free {
        let size = |bytes| bytesize::ByteSize(bytes);
        return Err(std::io::Error::from(std::io::ErrorKind::StorageFull)).with_context(|| {
            format!(
                "no space left for the next generation: {} has {} free, but {} are needed; free \
                 some space; the published site stays",
                directory.display(),
                size(free),
                size(bytes)
            )
        });
    }
    Ok(())
}
