//! The status of the directories of a tree.
//!
//! Owns how the status of many directories is read quickly: relative to the directory above, which
//! is opened once for neighbours. A large site has hundreds of thousands of directories, and each
//! publish looks at all of them.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};

/// What the kernel says of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DirectoryStatus {
    /// Device and inode.
    pub(super) identity: (u64, u64),
    /// Time of the last new, removed or renamed entry, or of another change: seconds and
    /// nanoseconds.
    pub(super) changed: (i64, i64),
    owner: u32,
    mode: u32,
}

impl DirectoryStatus {
    /// Whether this process may do in the directory what it could do when it made the directory.
    pub(super) fn is_plain(&self) -> bool {
        let me = rustix::process::geteuid();
        (me.is_root() || self.owner == me.as_raw()) && self.mode & 0o700 == 0o700
    }
}

/// Reads the status of directories of one tree. Directories that are neighbours should be read one
/// after the other.
pub(super) struct StatusReader<'t> {
    tree: &'t Path,
    /// The directory above the last directory, opened.
    above: Option<(String, OwnedFd)>,
}

impl<'t> StatusReader<'t> {
    pub(super) fn of(tree: &'t Path) -> StatusReader<'t> {
        StatusReader { tree, above: None }
    }

    /// Returns the status of the entry at `below`; `None` if the entry is no directory. Does not
    /// follow a symbolic link at `below`.
    ///
    /// # Errors
    /// Fails if the entry is absent, or if its status cannot be read.
    pub(super) fn read(&mut self, below: &str) -> io::Result<Option<DirectoryStatus>> {
        let (above, name) = below.rsplit_once('/').unwrap_or(("", below));
        // The tree itself is its own entry.
        let name = if name.is_empty() { "." } else { name };
        let is_open = self.above.as_ref().is_some_and(|(open, _)| open == above);
        if !is_open {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let opened = rustix::fs::open(self.tree.join(above), flags, Mode::empty());
            self.above = Some((above.to_owned(), opened?));
        }
        let Some((_, above)) = &self.above else { return Ok(None) };
        let found = rustix::fs::statat(above, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::Directory {
            return Ok(None);
        }
        let number = |number| i64::try_from(number).unwrap_or_default();
        Ok(Some(DirectoryStatus {
            identity: (found.st_dev, found.st_ino),
            changed: (found.st_ctime, number(found.st_ctime_nsec)),
            owner: found.st_uid,
            mode: found.st_mode,
        }))
    }
}

impl From<&fs::Metadata> for DirectoryStatus {
    fn from(found: &fs::Metadata) -> DirectoryStatus {
        use std::os::unix::fs::MetadataExt;
        DirectoryStatus {
            identity: (found.dev(), found.ino()),
            changed: (found.ctime(), found.ctime_nsec()),
            owner: found.uid(),
            mode: found.mode(),
        }
    }
}
