//! Locks that permit one process at a time for a state directory and for an `--out`.
//!
//! Owns the lock files, and the message that names the process that holds a lock. The kernel
//! holds the lock (flock) and releases the lock when the process ends in any way. The process
//! id in the file is for people.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::disk;

/// The word in a lock file that marks a short run (`build once`).
const SHORT: &str = "once";

/// A lock. Dropping the value releases the lock.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// The time for which a process keeps a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stay {
    /// For one refresh: others may wait for its end.
    Short,
    /// Until the process is stopped.
    Long,
}

/// Another process holds the lock.
#[derive(Debug, thiserror::Error)]
#[error(
    "{what} is in use by another movies-gen ({}): stop that process, or use another directory",
    pid.map_or_else(|| "its process id is unknown".to_owned(), |pid| format!("process {pid}"))
)]
pub struct Held {
    /// The name of the locked directory, for the message.
    pub what: String,
    /// Process id of the holder, if known.
    pub pid: Option<u32>,
    /// The time for which the holder keeps the lock.
    pub stay: Stay,
}

/// Takes the lock file at `path`. `what` describes the locked directory in messages.
///
/// # Errors
/// Fails with [`Held`] if another process holds the lock, or if the file cannot be created.
pub fn take(path: &Path, what: &str, stay: Stay) -> Result<Lock> {
    disk::create_directory(disk::parent(path))?;
    let failed = || format!("cannot lock {}", path.display());
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .with_context(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let text = said_by_holder(&mut file);
            let mut words = text.split_whitespace();
            let pid = words.next().and_then(|word| word.parse().ok());
            // A holder that has not written its line yet has just started: treat its lock as short.
            let is_short = pid.is_none() || words.next() == Some(SHORT);
            let stay = if is_short { Stay::Short } else { Stay::Long };
            return Err(Held { what: what.to_owned(), pid, stay }.into());
        }
        Err(TryLockError::Error(error)) => return Err(error).with_context(failed),
    }
    // Write the line with one call over the old content, so that a reader never reads a part of it.
    let word = if stay == Stay::Short { SHORT } else { "" };
    let line = format!("{:<10} {word:<8}\n", std::process::id());
    file.rewind().and_then(|()| file.write_all(line.as_bytes())).with_context(failed)?;
    Ok(Lock { _file: file })
}

/// Returns the id of the process that holds the lock at `path`, without touching the lock.
pub fn holder(path: &Path) -> Option<u32> {
    let inode = path.metadata().ok()?.ino();
    let locks = String::from_utf8(disk::read(Path::new("/proc/locks")).ok()??).ok()?;
    let held = locks.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let (pid, file) = (words.nth(4)?, words.next()?);
        (file.rsplit(':').next()? == inode.to_string()).then(|| pid.to_owned())
    })?;
    // The kernel reports 0 for a process of another namespace: use the number in the file.
    let said = || String::from_utf8(disk::read(path).ok()??).ok();
    let pid = held.parse().ok().filter(|pid| *pid != 0);
    pid.or_else(|| said()?.split_whitespace().next()?.parse().ok())
}

/// Reads what the holder wrote into the lock file. The file may still be empty.
fn said_by_holder(file: &mut File) -> String {
    let mut text = String::new();
    for _ in 0..50 {
        text.clear();
        // Only a message depends on the content.
        let _ = file.rewind().and_then(|()| file.read_to_string(&mut text).map(drop));
        if text.ends_with('\n') {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    text
}

/// Returns the path of the lock file of an `--out`. The file is beside the directory, because
/// an exchange would move a file inside.
pub fn beside(out: &Path) -> PathBuf {
    let real = out.canonicalize().unwrap_or_else(|_| out.to_owned());
    let mut name = std::ffi::OsString::from(".");
    name.push(real.file_name().unwrap_or_default());
    name.push(".movies-gen.lock");
    real.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_second_process_names_the_holder_of_the_lock() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("lock");
        for stay in [Stay::Short, Stay::Long] {
            let first = take(&path, "the state", stay).expect("free");
            let error = take(&path, "the state", Stay::Long).expect_err("held");
            let held = error.downcast_ref::<Held>().expect("held");
            assert_eq!((held.pid, held.stay), (Some(std::process::id()), stay));
            assert_eq!(holder(&path), Some(std::process::id()));
            drop(first);
            assert_eq!(holder(&path), None);
        }
        take(&path, "the state", Stay::Long).expect("free again");
    }
}
