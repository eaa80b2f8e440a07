//! Making a tree of files hold one generation.
//!
//! Owns the standby tree: what differs from the wanted generation is unlinked,
//! linked from the live tree or written as a new file, never written in place,
//! since the two trees are hard links of each other. It must not touch the live
//! tree.

#![expect(clippy::disallowed_methods, reason = "the edge that writes the published files")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

use super::generation::Generation;
use super::manifest::{self, Entry, Manifest, OWN_DIRECTORY};
use crate::disk;

/// New files up to which each is synced; more are synced with the file system.
const FEW: usize = 64;

/// Makes `tree` hold `wanted`. `live` is the published tree and what it holds:
/// files that it has are linked from it.
///
/// # Errors
/// If a file cannot be linked, written or removed. The tree is then marked as
/// half-done: it has no manifest, and the next call makes it anew.
pub(super) fn apply(
    tree: &Path,
    wanted: &Generation,
    live: Option<(&Path, &Generation)>,
) -> Result<()> {
    let before = match Manifest::read(tree)? {
        Some(before) => before,
        None => {
            disk::remove_directory(tree)?;
            disk::create_directory(&tree.join(OWN_DIRECTORY))?;
            Manifest::new(0, Default::default())
        }
    };
    // From here to the new manifest the tree is nothing that has a name.
    disk::remove_file(&manifest::path_in(tree))?;

    for (path, entry) in &before.files {
        let kept = wanted.files.get(path).is_some_and(|file| file.entry.is_same_file(entry));
        if !kept {
            remove(tree, path, entry)?;
        }
    }
    let mut written = Written { tree, files: 0, directories: BTreeSet::new() };
    for (path, file) in &wanted.files {
        if before.files.get(path).is_some_and(|entry| entry.is_same_file(&file.entry)) {
            continue;
        }
        let linked = match live {
            Some((live, generation)) => {
                let same = generation
                    .files
                    .get(path)
                    .is_some_and(|own| own.entry.is_same_file(&file.entry));
                same && link(live, tree, path, &file.entry)?
            }
            None => false,
        };
        if linked {
            continue;
        }
        for (suffix, _) in file.entry.variants() {
            if let Some(bytes) = file.variant(suffix) {
                written.write(&format!("{path}{suffix}"), bytes, file.entry.mtime)?;
            }
        }
    }
    written.sync()
}

/// Writes what the tree says of itself: from here it has a name again.
///
/// # Errors
/// If it cannot be written.
pub(super) fn seal(tree: &Path, wanted: &Generation, ledger: &[u8]) -> Result<()> {
    let own = tree.join(OWN_DIRECTORY);
    disk::create_directory(&own)?;
    disk::replace(&own.join("ledger"), ledger)?;
    disk::replace(&manifest::path_in(tree), &wanted.manifest().bytes()?)?;
    disk::sync_directory(tree)
}

/// Whether a file is still as it was published.
pub(super) fn is_untouched(tree: &Path, path: &str, size: u64, mtime: u64) -> bool {
    fs::symlink_metadata(tree.join(path)).is_ok_and(|found| {
        found.is_file() && found.len() == size && u64::try_from(found.mtime()) == Ok(mtime)
    })
}

/// The latest modification time, in whole seconds, among the forms of a file
/// as they stand: what is made next must be later.
pub(super) fn newest_mtime(tree: &Path, path: &str, entry: &Entry) -> u64 {
    entry
        .variants()
        .filter_map(|(suffix, _)| fs::metadata(tree.join(format!("{path}{suffix}"))).ok())
        .filter_map(|found| u64::try_from(found.mtime()).ok())
        .max()
        .unwrap_or(0)
}

struct Written<'t> {
    tree: &'t Path,
    files: usize,
    directories: BTreeSet<std::path::PathBuf>,
}

impl Written<'_> {
    fn write(&mut self, path: &str, bytes: &[u8], mtime: u64) -> Result<()> {
        let path = self.tree.join(path);
        make_way(self.tree, &path)?;
        self.files += 1;
        self.directories.extend(
            path.ancestors().skip(1).take_while(|p| p.starts_with(self.tree)).map(Path::to_owned),
        );
        disk::create(&path)
            .and_then(|mut file| {
                file.write_all(bytes)?;
                file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(mtime))?;
                if self.files <= FEW { file.sync_all() } else { Ok(()) }
            })
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Makes what was written outlive a crash, before anything points to it.
    fn sync(self) -> Result<()> {
        if self.files > FEW {
            let tree = fs::File::open(self.tree)
                .with_context(|| format!("cannot open {}", self.tree.display()))?;
            return rustix::fs::syncfs(&tree).with_context(|| {
                format!("cannot sync the file system of {}", self.tree.display())
            });
        }
        self.directories.iter().try_for_each(|directory| disk::sync_directory(directory))
    }
}

/// Links all forms of a file from `live`; false if the file system cannot.
fn link(live: &Path, tree: &Path, path: &str, entry: &Entry) -> Result<bool> {
    for (suffix, size) in entry.variants() {
        let path = format!("{path}{suffix}");
        if !is_untouched(live, &path, size, entry.mtime) {
            return Ok(false);
        }
        let (from, to) = (live.join(&path), tree.join(&path));
        make_way(tree, &to)?;
        match fs::hard_link(&from, &to) {
            Ok(()) => {}
            // No links here (another file system, too many of them): a copy is
            // as good, but for its inode.
            Err(_) => return Ok(false),
        }
    }
    Ok(true)
}

/// Makes room for a file: its directories, and nothing at its own place.
fn make_way(tree: &Path, path: &Path) -> Result<()> {
    let parent = disk::parent(path);
    if !parent.is_dir() {
        // A file of the owner's, or of an older generation, in the way.
        for ancestor in parent.ancestors().take_while(|ancestor| ancestor.starts_with(tree)) {
            if ancestor.symlink_metadata().is_ok_and(|found| !found.is_dir()) {
                disk::remove_file(ancestor)?;
            }
        }
        disk::create_directory(parent)?;
    }
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => disk::remove_directory(path),
        Ok(_) => disk::remove_file(path),
        Err(_) => Ok(()),
    }
}

/// Removes all forms of a file and the directories that become empty.
fn remove(tree: &Path, path: &str, entry: &Entry) -> Result<()> {
    for (suffix, _) in entry.variants() {
        disk::remove_file(&tree.join(format!("{path}{suffix}")))?;
    }
    let mut directory = tree.join(path);
    while directory.pop() && directory != tree && fs::remove_dir(&directory).is_ok() {}
    Ok(())
}

/// Gives a directory the mode of published ones.
///
/// # Errors
/// If it cannot be changed.
pub(super) fn open_to_all(tree: &Path) -> Result<()> {
    fs::set_permissions(tree, fs::Permissions::from_mode(disk::DIRECTORY_MODE))
        .with_context(|| format!("cannot set the mode of {}", tree.display()))
}
