//! Single changes in `--out` of a publish file by file: put a file at its path, remove a file, and
//! keep the times of directories that are not ours.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use rustix::io::Errno;
use tracing::warn;

use super::files;
use super::ours::is_free;
use crate::disk;

/// Puts a file at its path. An entry that took the path since the check stays.
pub(super) fn place_one(out: &Path, ready: &Path, name: &str, is_new: bool) -> Result<()> {
    let place = out.join(name);
    disk::create_directory(disk::parent(&place))?;
    if !is_new {
        return disk::rename(ready, &place);
    }
    if !is_free(out, Path::new(name), |_, _| false) {
        return Err(Errno::EXIST)
            .with_context(|| format!("{} was not made by movies-gen", place.display()));
    }
    disk::rename_new(ready, &place)
}

pub(super) fn stands_in_the_way(name: &str, places: &BTreeSet<&str>) -> bool {
    let is_above = Path::new(name)
        .ancestors()
        .skip(1)
        .any(|above| above.to_str().is_some_and(|above| places.contains(above)));
    let below = format!("{name}/");
    let first_below = places.range(below.as_str()..).next();
    is_above || first_below.is_some_and(|place| place.starts_with(&below))
}

/// Removes a file of ours, and directories of ours that become empty. A file that cannot be
/// removed stays and does not stop the publish.
pub(super) fn remove(out: &Path, name: &str, owners_directories: &BTreeSet<PathBuf>) {
    let place = out.join(name);
    if !place.symlink_metadata().is_ok_and(|found| found.is_file()) {
        return;
    }
    if let Err(error) = disk::remove_file(&place) {
        warn!("{error:#}; the file is no longer part of the site: remove the file yourself");
    }
    files::remove_empty_directories(out, name, |below| !owners_directories.contains(below));
}

/// Reads the times of directories of the owner, which are restored after the publish.
pub(super) fn times_of(out: &Path, directories: &BTreeSet<PathBuf>) -> Vec<(PathBuf, Timestamps)> {
    let time = |seconds, nanoseconds| Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let found = directories.iter().filter_map(|below| {
        let found = out.join(below).symlink_metadata().ok()?;
        let times = Timestamps {
            last_access: time(found.atime(), found.atime_nsec()),
            last_modification: time(found.mtime(), found.mtime_nsec()),
        };
        Some((below.clone(), times))
    });
    found.collect()
}

pub(super) fn set_times(out: &Path, times: &[(PathBuf, Timestamps)]) {
    for (below, times) in times {
        // Not permitted for a directory of another user. Then the time changes.
        let _ = utimensat(CWD, out.join(below), times, AtFlags::SYMLINK_NOFOLLOW);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_becomes_a_directory_is_removed_first_and_the_reverse() {
        let places = BTreeSet::from(["a/b/index.html", "c"]);
        assert!(stands_in_the_way("a/b", &places) && stands_in_the_way("c/d", &places));
        assert!(!stands_in_the_way("a/c", &places) && !stands_in_the_way("a/b.html", &places));
    }
}
