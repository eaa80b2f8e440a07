//! Exchanges the prepared tree and the live tree.
//!
//! Owns the one step in which a generation becomes visible. The step is atomic: every reader,
//! and every crash, sees the old tree or the new tree.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::{CWD, RenameFlags, listxattr, renameat_with};

use crate::disk;

/// Identifies a directory by file system and inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity(u64, u64);

/// Returns the identity of the directory at a path, if there is a directory.
pub(super) fn identity(path: &Path) -> Option<Identity> {
    let found = fs::metadata(path).ok().filter(fs::Metadata::is_dir)?;
    Some(Identity(found.dev(), found.ino()))
}

/// Gives `standby` the owner, group and mode of `out`, including the set-group-ID bit, so that an
/// exchange does not change them. If `out` does not exist, the mode is the mode of published
/// directories.
///
/// # Errors
/// Fails if this process may not set them.
pub(super) fn look_alike(standby: &Path, out: &Path) -> Result<()> {
    let failed =
        || format!("cannot give {} the owner and mode of {}", standby.display(), out.display());
    let (own, wanted) = (fs::metadata(standby).with_context(failed)?, fs::metadata(out).ok());
    let ids = wanted.as_ref().map(|wanted| (wanted.uid(), wanted.gid()));
    if let Some((uid, gid)) = ids.filter(|&ids| ids != (own.uid(), own.gid())) {
        let other = |wanted, own| (wanted != own).then_some(wanted);
        chown(standby, other(uid, own.uid()), other(gid, own.gid())).with_context(failed)?;
    }
    let mode = wanted.map_or(disk::DIRECTORY_MODE, |wanted| wanted.mode() & 0o7777);
    // A change of the owner may have cleared mode bits.
    fs::set_permissions(standby, Permissions::from_mode(mode)).with_context(failed)
}

/// Whether a directory has extended attributes that an exchange would lose, such as access
/// control lists. Attributes of the security policy of the system do not count.
pub(super) fn has_attributes(directory: &Path) -> bool {
    let mut names = Vec::with_capacity(64 << 10);
    if listxattr(directory, rustix::buffer::spare_capacity(&mut names)).is_err() {
        // This file system has no such attributes.
        return false;
    }
    names.split(|&byte| byte == 0).any(|name| !name.is_empty() && !name.starts_with(b"security."))
}

/// Exchanges `standby` and `out`. Afterwards, the old tree is at `standby`. If `out` does not
/// exist, `standby` is moved to `out`.
///
/// # Errors
/// Fails if the file system cannot exchange directories. Then nothing has changed.
pub(super) fn exchange(standby: &Path, out: &Path) -> Result<()> {
    if fs::symlink_metadata(out).is_ok() {
        // `--out` may be a symbolic link to a directory. Exchange the directory, not the link.
        let out =
            fs::canonicalize(out).with_context(|| format!("cannot find {}", out.display()))?;
        renameat_with(CWD, standby, CWD, &out, RenameFlags::EXCHANGE).with_context(|| {
            format!(
                "cannot exchange {} with {}: both must be on one file system, and neither may be a \
                 mount point; use --in-place",
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
