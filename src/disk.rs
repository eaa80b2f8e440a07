//! File operations whose errors name their path.
//!
//! Owns the wording of file errors and the one way to replace a file: written
//! beside it, synced, renamed over it. It exists so that every edge says *which*
//! file and what for. It must not know what the files mean.

#![expect(clippy::disallowed_methods, reason = "the edge through which files are reached")]

use std::fs::{self, DirEntry, File};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

/// Readable by all, writable by the owner: a web server of another user must be
/// able to read what is published.
pub const FILE_MODE: u32 = 0o644;
/// Likewise for directories.
pub const DIRECTORY_MODE: u32 = 0o755;

/// The file's bytes, or none if there is no such file.
///
/// # Errors
/// If it is there and cannot be read.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Replaces a file: a reader finds the old or the new one, never a part, and
/// after a crash one of them is whole.
///
/// # Errors
/// If it cannot be written; the old file is still there.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = beside(path);
    write_new(&beside, bytes)?;
    rename(&beside, path)?;
    sync_directory(parent(path))
}

/// Replaces a file whose loss in a crash does not matter: not synced.
///
/// # Errors
/// If it cannot be written; the old file is still there.
pub fn replace_unsynced(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = beside(path);
    write_unsynced(&beside, bytes)?;
    rename(&beside, path)
}

/// Writes a file as a new one, never in place, without syncing it.
///
/// # Errors
/// If it cannot be written.
pub fn write_unsynced(path: &Path, bytes: &[u8]) -> Result<()> {
    remove_file(path)?;
    create(path)
        .and_then(|mut file| file.write_all(bytes))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a file as a new one, never in place, and syncs it.
///
/// # Errors
/// If it cannot be written.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    remove_file(path)?;
    create(path)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Creates a file that must not be there yet, with [`FILE_MODE`] whatever the
/// umask.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let file = File::options().write(true).create_new(true).mode(FILE_MODE).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(FILE_MODE))?;
    Ok(file)
}

/// Creates a directory and what is missing above it, with [`DIRECTORY_MODE`]
/// whatever the umask. Directories that are there stay as they are.
///
/// # Errors
/// If it cannot be created.
pub fn create_directory(path: &Path) -> Result<()> {
    if path.is_dir() || path.as_os_str().is_empty() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        create_directory(parent)?;
    }
    create_directory_in(path)
}

/// The same where what it is in has to be there.
///
/// # Errors
/// If that is not there, or the directory cannot be created.
pub fn create_directory_in(path: &Path) -> Result<()> {
    match fs::create_dir(path) {
        // The group that a directory inherits goes with its set-group-ID bit.
        Ok(()) => fs::metadata(path).and_then(|made| {
            let mode = DIRECTORY_MODE | (made.permissions().mode() & 0o2000);
            fs::set_permissions(path, fs::Permissions::from_mode(mode))
        }),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
    .with_context(|| format!("cannot create the directory {}", path.display()))
}

/// Renames; what stood at `to` is replaced.
///
/// # Errors
/// If it cannot be renamed.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to)
        .with_context(|| format!("cannot rename {} to {}", from.display(), to.display()))
}

/// Renames a file to a place where nothing stands.
///
/// # Errors
/// If something stands there, or the file cannot be renamed.
pub fn rename_new(from: &Path, to: &Path) -> Result<()> {
    let failed = || format!("cannot rename {} to {}", from.display(), to.display());
    let renamed = renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE);
    match renamed {
        // Some file systems cannot. A link replaces nothing either, where there are links.
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

/// Removes a file; one that is not there is removed already.
///
/// # Errors
/// If it is there and cannot be removed.
pub fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if !is_absent(&error) => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Removes a directory and all that is in it; one that is not there is removed
/// already.
///
/// # Errors
/// If it is there and cannot be removed.
pub fn remove_directory(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if !is_absent(&error) => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Makes renames and new names in a directory outlive a crash.
///
/// # Errors
/// If it cannot be synced.
pub fn sync_directory(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .with_context(|| format!("cannot sync the directory {}", path.display()))
}

/// The entries of a directory, by name; none if it is not there.
///
/// # Errors
/// If it cannot be read.
pub fn entries(path: &Path) -> Result<Vec<PathBuf>> {
    let mut paths: Vec<_> = listing(path)?.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// The same in any order, with what the directory itself says of each.
///
/// # Errors
/// If it cannot be read.
pub fn listing(path: &Path) -> Result<Vec<DirEntry>> {
    let listed = match fs::read_dir(path) {
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => Err(error),
        Ok(entries) => entries.collect(),
    };
    listed.with_context(|| format!("cannot list {}", path.display()))
}

/// How many bytes a file has; none if that cannot be told.
pub fn size(path: &Path) -> Option<u64> {
    fs::symlink_metadata(path).map(|found| found.len()).ok()
}

/// When a file was written last; none if that cannot be told.
pub fn modified(path: &Path) -> Option<SystemTime> {
    fs::symlink_metadata(path).and_then(|found| found.modified()).ok()
}

/// The directory that holds a path; the current one for a bare name.
pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The path itself if nothing stands there, else the first `path.2`, `path.3` … that
/// is free.
pub(crate) fn unused(path: &Path) -> PathBuf {
    let numbered = (2_u32..).map(|number| {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{number}"));
        path.with_file_name(name)
    });
    let mut candidates = std::iter::once(path.to_owned()).chain(numbered);
    // Numbers do not run out before files do.
    candidates.find(|free| free.symlink_metadata().is_err()).unwrap_or_else(|| path.to_owned())
}

/// The name under which a file is prepared before it is renamed into place:
/// always the same, so that what a killed process left is overwritten.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    path.with_file_name(name)
}

/// The path that a file of such a name is prepared for.
pub(crate) fn besides(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    Some(path.with_file_name(name.strip_prefix('.')?.strip_suffix(".new")?))
}

/// Whether an error says that there is no such file.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
