//! Whether a generation fits on the disk.
//!
//! Owns the look at the free space before anything is touched.

use std::path::Path;

use anyhow::{Context, Result};

use super::generation::Generation;
use super::manifest::Entry;

/// Bytes that a tree needs for `wanted`: what is neither there nor can be linked.
pub(super) fn missing<'w>(
    wanted: &'w Generation,
    there: impl Fn(&str) -> Option<&'w Entry>,
) -> u64 {
    let new = wanted.files.iter().filter(|(path, file)| {
        !there(path.as_str()).is_some_and(|own| own.is_same_file(&file.entry))
    });
    new.flat_map(|(_, file)| file.entry.variants()).map(|(_, size)| size).sum()
}

/// Makes sure that the file system of `directory` takes so many bytes more.
///
/// # Errors
/// If it does not: nothing was touched then.
pub(super) fn make_sure_of(directory: &Path, bytes: u64) -> Result<()> {
    let there = directory.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new("."));
    let Ok(found) = rustix::fs::statvfs(there) else { return Ok(()) };
    let block = found.f_frsize.max(1);
    // Sizes are rounded up by the file system; lists and the like come on top.
    let free = if rustix::process::geteuid().is_root() { found.f_bfree } else { found.f_bavail };
    let free = free.saturating_mul(block);
    if found.f_blocks > 0 && bytes > free {
        let size = |bytes| bytesize::ByteSize(bytes);
        return Err(std::io::Error::from(std::io::ErrorKind::StorageFull)).with_context(|| {
            format!(
                "No space left for the next generation: {} has {} free, {} are needed; free some, \
                 the site that is published stays",
                directory.display(),
                size(free),
                size(bytes)
            )
        });
    }
    Ok(())
}
