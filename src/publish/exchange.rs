//! Putting a prepared tree in the place of the live one.
//!
//! Owns the one step at which a generation becomes visible. It is atomic: a
//! reader, and a crash, see the old tree or the new one.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::{CWD, RenameFlags, listxattr, renameat_with};

use crate::disk;

/// Names one directory on one file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity(u64, u64);

/// The directory that stands at a path; none if there is none.
pub(super) fn identity(path: &Path) -> Option<Identity> {
    let found = fs::metadata(path).ok().filter(fs::Metadata::is_dir)?;
    Some(Identity(found.dev(), found.ino()))
}

/// Gives `standby` the owner, the group and the mode of `out`, set-group-ID bit
/// included, so that an exchange changes none of them. Where there is no `out`
/// yet, the mode is that of published directories.
///
/// # Errors
/// If this process may not set them.
pub(super) fn look_alike(standby: &Path, out: &Path) -> Result<()> {
    let failed = || format!("cannot give {} what {} has", standby.display(), out.display());
    let (own, wanted) = (fs::metadata(standby).with_context(failed)?, fs::metadata(out).ok());
    let ids = wanted.as_ref().map(|wanted| (wanted.uid(), wanted.gid()));
    if let Some((uid, gid)) = ids.filter(|&ids| ids != (own.uid(), own.gid())) {
        let other = |wanted, own| (wanted != own).then_some(wanted);
        chown(standby, other(uid, own.uid()), other(gid, own.gid())).with_context(failed)?;
    }
    let mode = wanted.map_or(disk::DIRECTORY_MODE, |wanted| wanted.mode() & 0o7777);
    // A change of the owner may have cleared bits.
    fs::set_permissions(standby, Permissions::from_mode(mode)).with_context(failed)
}

/// Whether a directory carries attributes that an exchange would lose: access
/// lists and the like. What the system's security policy sets does not count.
pub(super) fn has_attributes(directory: &Path) -> bool {
    let mut names = Vec::with_capacity(64 << 10);
    if listxattr(directory, rustix::buffer::spare_capacity(&mut names)).is_err() {
        // No such attributes on this file system.
        return false;
    }
    names.split(|&byte| byte == 0).any(|name| !name.is_empty() && !name.starts_with(b"security."))
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
