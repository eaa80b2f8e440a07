//! Parts under `--state`, each named by its content.
//!
//! Owns the directory of parts. A file whose content does not match its name counts as absent. The
//! directory also has the whole bodies that earlier versions of the program wrote.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::Result;
use bytes::Bytes;

use super::parts::PartName;
use crate::disk;
use crate::document;

/// Largest number of new parts that are synced one by one. To write more parts, one sync of the
/// file system is faster.
const SYNCED_ONE_BY_ONE: usize = 16;

/// The directory of parts.
#[derive(Debug)]
pub(super) struct PartFiles {
    directory: PathBuf,
    /// Whether another process may hold the directory. Then nothing is written.
    only_looks: bool,
}

impl PartFiles {
    pub(super) fn under(state: &Path, only_looks: bool) -> PartFiles {
        PartFiles { directory: state.join("bodies"), only_looks }
    }

    /// Returns the names of the files.
    ///
    /// # Errors
    /// Fails if the directory cannot be read.
    pub(super) fn names(&self) -> Result<HashSet<PartName>> {
        let listed = disk::listing(&self.directory)?;
        let name = |entry: &std::fs::DirEntry| PartName::parse(entry.file_name().to_str()?);
        Ok(listed.iter().filter_map(name).collect())
    }

    /// Keeps parts. Parts that are kept already cost nothing. When the function returns, the disk
    /// has all parts.
    ///
    /// # Errors
    /// Fails if a part cannot be written.
    pub(super) fn keep<'a>(&self, parts: impl Iterator<Item = (PartName, &'a [u8])>) -> Result<()> {
        let mut kept = self.names()?;
        let new: Vec<_> = parts.filter(|(name, _)| kept.insert(*name)).collect();
        let path = |name: &PartName| self.directory.join(name.as_str());
        if new.len() <= SYNCED_ONE_BY_ONE {
            return new.iter().try_for_each(|(name, bytes)| disk::replace(&path(name), bytes));
        }
        for (name, bytes) in &new {
            disk::replace_unsynced(&path(name), bytes)?;
        }
        disk::sync_file_system(&self.directory)
    }

    /// Returns a part, or `None` if the part was lost or damaged.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub(super) fn read(&self, name: &PartName) -> Result<Option<Bytes>> {
        self.read_if(name.as_str(), |bytes| PartName::of(bytes) == *name)
    }

    /// Returns a whole body that an earlier version of the program wrote, or `None` if the body was
    /// lost or damaged.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub(super) fn read_whole(&self, hash: &str) -> Result<Option<Bytes>> {
        // A text that is not a hash must not become a path.
        match blake3::Hash::from_hex(hash) {
            Ok(expected) => self.read_if(hash, |bytes| blake3::hash(bytes) == expected),
            Err(_) => Ok(None),
        }
    }

    fn read_if(&self, name: &str, is_as_named: impl Fn(&[u8]) -> bool) -> Result<Option<Bytes>> {
        let path = self.directory.join(name);
        let Some(bytes) = disk::read(&path)? else { return Ok(None) };
        if !is_as_named(&bytes) {
            if !self.only_looks {
                document::set_aside(&path, "its content does not match its name")?;
            }
            return Ok(None);
        }
        Ok(Some(Bytes::from(bytes)))
    }

    /// Removes all files except those with these names, and files that were set aside.
    ///
    /// # Errors
    /// Fails if a file cannot be removed.
    pub(super) fn forget_all_but(&self, kept: &HashSet<String>) -> Result<()> {
        for entry in disk::listing(&self.directory)? {
            let name = entry.file_name().into_string().unwrap_or_default();
            if !kept.contains(&name) && !name.ends_with(".damaged") {
                disk::remove_file(&entry.path())?;
            }
        }
        Ok(())
    }
}
