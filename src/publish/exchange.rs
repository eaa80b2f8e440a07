//! Putting a prepared tree in the place of the live one.
//!
//! Owns the one step at which a generation becomes visible. It is atomic: a
//! reader, and a crash, see the old tree or the new one.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::disk;

/// Names one directory on one file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity(u64, u64);

/// The directory that stands at a path; none if there is none.
pub(super) fn identity(path: &Path) -> Option<Identity> {
    let found = fs::metadata(path).ok().filter(fs::Metadata::is_dir)?;
    Some(Identity(found.dev(), found.ino()))
}

/// Exchanges `standby` and `out`; afterwards the old tree stands at `standby`.
/// Where there is no `out` yet, `standby` moves there.
///
/// # Errors
/// If the file system cannot do it; nothing has changed then.
pub(super) fn exchange(standby: &Path, out: &Path) -> Result<()> {
    if fs::symlink_metadata(out).is_ok() {
        // `--out` may be a symbolic link to a directory: what it points to is
        // exchanged, not the link.
        let out =
            fs::canonicalize(out).with_context(|| format!("cannot find {}", out.display()))?;
        renameat_with(CWD, standby, CWD, &out, RenameFlags::EXCHANGE).with_context(|| {
            format!(
                "cannot exchange {} with {}: both must be on one file system, and neither a mount \
                 point",
                out.display(),
                standby.display()
            )
        })?;
        disk::sync_directory(disk::parent(&out))?;
    } else {
        disk::create_directory(disk::parent(out))?;
        disk::rename(standby, out)?;
        disk::sync_directory(disk::parent(out))?;
    }
    disk::sync_directory(disk::parent(standby))
}
