//! The meaning of system errors and devices for a path in `--out`.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::io::Errno;

use crate::disk;

fn errno_of(error: &anyhow::Error) -> Option<Errno> {
    error.chain().find_map(|cause| {
        let own = cause.downcast_ref::<Errno>().copied();
        own.or_else(|| cause.downcast_ref::<std::io::Error>().and_then(Errno::from_io_error))
    })
}

/// Whether a file could not be put at its path because of the path, and not because of the disk.
pub(super) fn is_about_the_place(error: &anyhow::Error) -> bool {
    let of_the_place = [
        Errno::ACCESS,
        Errno::BUSY,
        Errno::EXIST,
        Errno::ISDIR,
        Errno::LOOP,
        Errno::NOTDIR,
        Errno::NOTEMPTY,
        Errno::PERM,
        Errno::ROFS,
        Errno::XDEV,
    ];
    errno_of(error).is_some_and(|errno| of_the_place.contains(&errno))
}

/// Whether an exchange failed because exchanges are not possible here.
pub(super) fn is_the_only_way(error: &anyhow::Error) -> bool {
    let cannot = [Errno::BUSY, Errno::XDEV, Errno::ACCESS, Errno::PERM, Errno::INVAL, Errno::NOSYS];
    errno_of(error).is_some_and(|errno| cannot.contains(&errno))
}

/// Whether `out` and `standby` are on different file systems. Then neither hard links nor
/// exchanges are possible.
pub(super) fn is_elsewhere(out: &Path, standby: &Path) -> bool {
    let device = |path: &Path| path.metadata().ok().map(|found| found.dev());
    let (out, standby) = (device(out), device(disk::parent(standby)));
    out.is_some() && standby.is_some() && out != standby
}
