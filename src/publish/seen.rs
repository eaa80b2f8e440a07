//! Directories that had only entries of ours.
//!
//! Owns the rule that such a directory need not be listed again while its status does not change. The
//! kernel changes the time of the status with each new, removed or renamed entry.

use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};

use crate::clock::WallTime;

/// A directory that changed within this number of seconds before it was listed may change again
/// without another time, because the clock of the file system is coarse.
const RECENT: i64 = 2;

/// Directories by device and inode, each with the time of its status.
#[derive(Debug, Default)]
pub(super) struct SeenDirectories(Mutex<SeenTimes>);

#[derive(Debug, Default)]
struct SeenTimes {
    now: i64,
    times: HashMap<(u64, u64), (i64, i64)>,
}

impl SeenDirectories {
    /// Sets the current time, from which the age of a directory counts.
    pub(super) fn set_now(&self, now: WallTime) {
        self.lock().now = i64::try_from(now.seconds()).unwrap_or(i64::MAX);
    }

    /// Whether the directory is as it was when it had only entries of ours.
    pub(super) fn is_unchanged(&self, found: &Metadata) -> bool {
        let time = (found.ctime(), found.ctime_nsec());
        self.lock().times.get(&(found.dev(), found.ino())) == Some(&time)
    }

    /// Notes a directory whose entries are all ours. `before` was read before its entries.
    pub(super) fn note(&self, before: &Metadata) {
        let mut seen = self.lock();
        if before.ctime() < seen.now.saturating_sub(RECENT) {
            let time = (before.ctime(), before.ctime_nsec());
            seen.times.insert((before.dev(), before.ino()), time);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, SeenTimes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
