//! One process at a time for a state directory and for an `--out`.
//!
//! Owns the lock files and the message that names who holds one. The lock is
//! the kernel's and goes with the process, however it ends; the number in the
//! file is for people.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::disk;

/// How a lock file says that it will not last.
const SHORT: &str = "once";

/// A lock that is held while this lives.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// What a process holds a lock for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stay {
    /// One refresh: it is worth waiting for the end of it.
    Short,
    /// Until it is stopped.
    Long,
}

/// Somebody else holds the lock.
#[derive(Debug, thiserror::Error)]
#[error(
    "{what} is in use by another movies-gen ({}): stop that one, or use another directory",
    pid.map_or_else(|| "its process id is unknown".to_owned(), |pid| format!("process {pid}"))
)]
pub struct Held {
    /// What was to be locked, in words.
    pub what: String,
    /// Who holds it.
    pub pid: Option<u32>,
    /// For how long.
    pub stay: Stay,
}

/// Takes the lock file at `path`; `what` names what it stands for.
///
/// # Errors
/// [`Held`], or if the file cannot be made.
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
            // One that has said nothing yet has only just started.
            let is_short = pid.is_none() || words.next() == Some(SHORT);
            let stay = if is_short { Stay::Short } else { Stay::Long };
            return Err(Held { what: what.to_owned(), pid, stay }.into());
        }
        Err(TryLockError::Error(error)) => return Err(error).with_context(failed),
    }
    // In one write over what stands there, so that a reader never finds a part.
    let word = if stay == Stay::Short { SHORT } else { "" };
    let line = format!("{:<10} {word:<8}\n", std::process::id());
    file.rewind().and_then(|()| file.write_all(line.as_bytes())).with_context(failed)?;
    Ok(Lock { _file: file })
}

/// Who holds the lock at `path`, without touching it; none if nobody does.
pub fn holder(path: &Path) -> Option<u32> {
    let inode = path.metadata().ok()?.ino();
    let locks = String::from_utf8(disk::read(Path::new("/proc/locks")).ok()??).ok()?;
    let held = locks.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let (pid, file) = (words.nth(4)?, words.next()?);
        (file.rsplit(':').next()? == inode.to_string()).then(|| pid.to_owned())
    })?;
    // In another process namespace the kernel says 0: what the file says then.
    let said = || String::from_utf8(disk::read(path).ok()??).ok();
    let pid = held.parse().ok().filter(|pid| *pid != 0);
    pid.or_else(|| said()?.split_whitespace().next()?.parse().ok())
}

/// What the holder wrote into the lock file; it may just be about to.
fn said_by_holder(file: &mut File) -> String {
    let mut text = String::new();
    for _ in 0..50 {
        text.clear();
        // Only a message depends on it.
        let _ = file.rewind().and_then(|()| file.read_to_string(&mut text).map(drop));
        if text.ends_with('\n') {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    text
}

/// The lock file of an `--out`. It stands beside the directory: one inside would
/// be exchanged away with it.
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
    fn a_second_taker_is_told_which_process_holds_the_lock() {
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
