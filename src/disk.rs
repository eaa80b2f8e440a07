//! File operations whose errors name the path.
//!
//! Owns the wording of file errors and the one way to replace a file: write a file beside it,
//! sync, rename. This module must not know what the files mean.

#![expect(clippy::disallowed_methods, reason = "the edge through which files are reached")]

use std::fs::{self, DirEntry, File};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

/// Mode of files: readable by all users, because a web server of another user must read the
/// published files; writable by the owner.
pub const FILE_MODE: u32 = 0o644;
/// Mode of directories, for the same reason.
pub const DIRECTORY_MODE: u32 = 0o755;

/// Returns the bytes of a file, or `None` if the file does not exist.
///
/// # Errors
/// Fails if the file exists and cannot be read.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Replaces a file. A reader finds the old or the new file, never a part. After a crash, one
/// of the two files is complete.
///
/// # Errors
/// Fails if the file cannot be written. The old file stays.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = beside(path);
    write_new(&beside, bytes)?;
    rename(&beside, path)?;
    sync_directory(parent(path))
}

/// Replaces a file whose loss in a crash does not matter: as [`replace`], without a sync.
///
/// # Errors
/// Fails if the file cannot be written. The old file stays.
pub fn replace_unsynced(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = beside(path);
    write_unsynced(&beside, bytes)?;
    rename(&beside, path)
}

/// Writes a new file, never in place, without a sync.
///
/// # Errors
/// Fails if the file cannot be written.
pub fn write_unsynced(path: &Path, bytes: &[u8]) -> Result<()> {
    remove_file(path)?;
    create(path)
        .and_then(|mut file| file.write_all(bytes))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a new file, never in place, and syncs the file.
///
/// # Errors
/// Fails if the file cannot be written.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    remove_file(path)?;
    create(path)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Opens a file to read.
///
/// # Errors
/// Fails if the file cannot be opened.
pub fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Opens a file to write at its end. The file is created if it is missing; only its owner and its group
/// may then read the file.
///
/// # Errors
/// Fails if the file cannot be opened.
pub fn open_to_append(path: &Path) -> Result<File> {
    let file = File::options().append(true).create(true).mode(0o640).open(path);
    file.with_context(|| format!("cannot open {}", path.display()))
}

/// Creates a file that must not exist, with [`FILE_MODE`] whatever the umask is.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let file = File::options().write(true).create_new(true).mode(FILE_MODE).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(FILE_MODE))?;
    Ok(file)
}

/// Creates a file without a name on the file system of a directory, to write and to read. The kernel
/// removes the file with its last user.
///
/// # Errors
/// Fails if the file cannot be created.
pub fn create_unnamed(directory: &Path) -> Result<File> {
    let path = directory.join("unnamed");
    remove_file(&path)?;
    let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&path);
    let file = file.with_context(|| format!("cannot create {}", path.display()))?;
    remove_file(&path)?;
    Ok(file)
}

/// Creates a directory and its missing parents, with [`DIRECTORY_MODE`] whatever the umask is.
/// Existing directories stay as they are.
///
/// # Errors
/// Fails if the directory cannot be created.
pub fn create_directory(path: &Path) -> Result<()> {
    if path.is_dir() || path.as_os_str().is_empty() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        create_directory(parent)?;
    }
    create_directory_in(path)
}

/// Creates a directory whose parent must exist, as [`create_directory`].
///
/// # Errors
/// Fails if the parent does not exist, or if the directory cannot be created.
pub fn create_directory_in(path: &Path) -> Result<()> {
    match fs::create_dir(path) {
        // A directory inherits its group from a parent with a set-group-ID bit: keep the bit.
        Ok(()) => fs::metadata(path).and_then(|made| {
            let mode = DIRECTORY_MODE | (made.permissions().mode() & 0o2000);
            fs::set_permissions(path, fs::Permissions::from_mode(mode))
        }),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
    .with_context(|| format!("cannot create the directory {}", path.display()))
}

/// Renames a file or directory. An existing file at `to` is replaced.
///
/// # Errors
/// Fails if the system call fails.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to)
        .with_context(|| format!("cannot rename {} to {}", from.display(), to.display()))
}

/// Renames a file to a path that must be free.
///
/// # Errors
/// Fails if the path is taken, or if the file cannot be renamed.
pub fn rename_new(from: &Path, to: &Path) -> Result<()> {
    let failed = || format!("cannot rename {} to {}", from.display(), to.display());
    let renamed = renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE);
    match renamed {
        // Some file systems lack this operation. A hard link replaces nothing either.
        Err(Errno::INVAL | Errno::NOSYS) => match fs::hard_link(from, to) {
            Ok(()) => remove_file(from),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(error).with_context(failed)
            }
            Err(_) => match to.symlink_metadata() {
                Ok(_) => Err(Errno::EXIST).with_context(failed),
                Err(_) => rename(from, to),
            },
        },
        renamed => renamed.with_context(failed),
    }
}

/// Removes a file. A file that does not exist counts as removed.
///
/// # Errors
/// Fails if the file exists and cannot be removed.
pub fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if !is_absent(&error) => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Removes a directory with its content. A directory that does not exist counts as removed.
///
/// # Errors
/// Fails if the directory exists and cannot be removed.
pub fn remove_directory(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if !is_absent(&error) => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Syncs a directory, so that renames and new names in the directory survive a crash.
///
/// # Errors
/// Fails if the directory cannot be synced.
pub fn sync_directory(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .with_context(|| format!("cannot sync the directory {}", path.display()))
}

/// Syncs the file system of a directory: all files that were written on the file system.
///
/// # Errors
/// Fails if the file system cannot be synced.
pub fn sync_file_system(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|directory| Ok(rustix::fs::syncfs(&directory)?))
        .with_context(|| format!("cannot sync the file system of {}", path.display()))
}

/// Returns the paths in a directory, sorted by name; none if the directory does not exist.
///
/// # Errors
/// Fails if the directory cannot be read.
pub fn entries(path: &Path) -> Result<Vec<PathBuf>> {
    let mut paths: Vec<_> = listing(path)?.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// Returns the entries of a directory, unsorted, with the file types that the directory has.
///
/// # Errors
/// Fails if the directory cannot be read.
pub fn listing(path: &Path) -> Result<Vec<DirEntry>> {
    let listed = match fs::read_dir(path) {
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => Err(error),
        Ok(entries) => entries.collect(),
    };
    listed.with_context(|| format!("cannot list {}", path.display()))
}

/// Returns the size of a file in bytes, or `None` if the size cannot be read.
pub fn size(path: &Path) -> Option<u64> {
    fs::symlink_metadata(path).map(|found| found.len()).ok()
}

/// Returns the time of the last write to a file, or `None` if the time cannot be read.
pub fn modified(path: &Path) -> Option<SystemTime> {
    fs::symlink_metadata(path).and_then(|found| found.modified()).ok()
}

/// Returns the directory of a path; the current directory for a bare name.
pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Returns the path itself if the path is free, else the first free path of `path.2`,
/// `path.3` and so on.
pub(crate) fn unused(path: &Path) -> PathBuf {
    let numbered = (2_u32..).map(|number| {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{number}"));
        path.with_file_name(name)
    });
    let mut candidates = std::iter::once(path.to_owned()).chain(numbered);
    // The numbers are greater than any possible number of files.
    candidates.find(|free| free.symlink_metadata().is_err()).unwrap_or_else(|| path.to_owned())
}

/// Returns the path at which a file is prepared before the file is renamed into place. The
/// name is always the same, so that a file that a killed process left is overwritten.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    path.with_file_name(name)
}

/// Returns the path for which a file with such a name was prepared.
pub(crate) fn besides(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    Some(path.with_file_name(name.strip_prefix('.')?.strip_suffix(".new")?))
}

/// Whether an error means that the file does not exist.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
