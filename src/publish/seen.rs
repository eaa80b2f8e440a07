//! Directories that had only entries of ours.
//!
//! Owns the rule that such a directory need not be listed again while its status does not change. The
//! kernel changes the time of the status with each new, removed or renamed entry.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use super::directory_status::DirectoryStatus;
use crate::clock::WallTime;

/// A directory that changed within this number of seconds before it was listed may change again
/// without another time, because the clock of the file system is coarse.
const RECENT: i64 = 2;

/// Directories by device and inode, each with the time of its status.
#[derive(Debug, Default)]
pub(super) struct SeenDirectories(RwLock<SeenTimes>);

#[derive(Debug, Default)]
struct SeenTimes {
    now: i64,
    times: HashMap<(u64, u64), (i64, i64)>,
}

impl SeenDirectories {
    /// Sets the current time, from which the age of a directory counts.
    pub(super) fn set_now(&self, now: WallTime) {
        self.write().now = i64::try_from(now.seconds()).unwrap_or(i64::MAX);
    }

    /// Whether the directory is as it was when it had only entries of ours.
    pub(super) fn is_unchanged(&self, found: &DirectoryStatus) -> bool {
        let seen = self.0.read().unwrap_or_else(PoisonError::into_inner);
        seen.times.get(&found.identity) == Some(&found.changed)
    }

    /// Notes a directory whose entries are all ours. `before` was read before its entries.
    pub(super) fn note(&self, before: &DirectoryStatus) {
        let mut seen = self.write();
        if before.changed.0 < seen.now.saturating_sub(RECENT) {
            seen.times.insert(before.identity, before.changed);
        }
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, SeenTimes> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
