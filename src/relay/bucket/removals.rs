//! Files that the site no longer has, until they are deleted from the bucket.
//!
//! Owns the list in the state directory, with the time of each deletion.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::clock::{WallTime, micros};
use crate::document;

const KIND: &str = "removals";
/// Time from the removal of a file to its deletion. Lists in caches may still name the file.
const LATER: Duration = Duration::from_secs(3600);

#[derive(Debug, Default, Serialize, Deserialize)]
struct Due {
    /// The address of the bucket.
    bucket: String,
    /// Times of the deletions in microseconds since 1970.
    files: BTreeMap<String, u64>,
}

/// The list.
#[derive(Debug)]
pub(super) struct Removals {
    file: PathBuf,
    due: Due,
}

impl Removals {
    /// Reads the list of a bucket.
    ///
    /// # Errors
    /// Fails if the list cannot be read, or if a newer program wrote the list.
    pub(super) fn open(state: &Path, bucket: &str) -> Result<Removals> {
        let file = state.join("removals");
        let due = document::read::<Due>(&file, KIND)?.filter(|due| due.bucket == bucket);
        let new = || Due { bucket: bucket.to_owned(), files: BTreeMap::new() };
        Ok(Removals { file, due: due.unwrap_or_else(new) })
    }

    /// Notes which files the site has and which it no longer has.
    ///
    /// # Errors
    /// Fails if the list cannot be written.
    pub(super) fn note(
        &mut self,
        present: &[String],
        gone: &[String],
        now: WallTime,
    ) -> Result<()> {
        let at = now.0 + micros(LATER);
        let mut is_changed = false;
        for path in present {
            is_changed |= self.due.files.remove(path).is_some();
        }
        for path in gone {
            is_changed |= self.due.files.insert(path.clone(), at).is_none();
        }
        if is_changed { document::write(&self.file, KIND, &self.due) } else { Ok(()) }
    }

    /// Returns the files whose time has come. A clock that was set back delays a deletion.
    pub(super) fn due(&self, now: WallTime) -> Vec<String> {
        let due = self.due.files.iter().filter(|(_, at)| **at <= now.0);
        due.map(|(path, _)| path.clone()).collect()
    }

    /// Notes that files were deleted.
    ///
    /// # Errors
    /// Fails if the list cannot be written.
    pub(super) fn deleted(&mut self, paths: &[String]) -> Result<()> {
        if paths.is_empty() {
            return Ok(());
        }
        paths.iter().for_each(|path| {
            self.due.files.remove(path);
        });
        document::write(&self.file, KIND, &self.due)
    }

    /// Returns the time until the next deletion.
    pub(super) fn next(&self, now: WallTime) -> Option<Duration> {
        let at = self.due.files.values().min()?;
        Some(WallTime(*at).since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_file_is_due_after_an_hour_unless_it_comes_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let names =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut removals = Removals::open(directory.path(), "s3://a/").expect("open");
        let now = WallTime(1_000_000);
        removals.note(&[], &names(&["one", "two"]), now).expect("noted");
        removals.note(&names(&["two"]), &[], now).expect("noted");
        let mut removals = Removals::open(directory.path(), "s3://a/").expect("open");
        assert_eq!(removals.next(now), Some(LATER));
        let almost = WallTime(now.0 + micros(LATER) - 1);
        assert!(removals.due(almost).is_empty());
        let then = WallTime(almost.0 + 1);
        assert_eq!(removals.due(then), ["one"]);
        removals.deleted(&names(&["one"])).expect("noted");
        assert!(removals.due(then).is_empty() && removals.next(then).is_none());
        assert!(Removals::open(directory.path(), "s3://b/").expect("open").next(now).is_none());
    }
}
