//! Making a tree of files hold one generation.
//!
//! Owns the standby tree: what differs from the wanted generation is unlinked,
//! linked from the live tree or written as a new file, never written in place,
//! since the two trees are hard links of each other. It must not touch the live
//! tree.

#![expect(clippy::disallowed_methods, reason = "the edge that writes the published files")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow};

use super::generation::{File, Generation};
use super::manifest::{self, Entry, Manifest, OWN_DIRECTORY};
use crate::disk;

/// New pages, and touched directories, up to which each is synced for itself; more
/// are synced with the file system as a whole.
const FEW: usize = 24;
/// Threads that wait for the disk.
const SYNCED_AT_ONCE: usize = 8;

/// Makes `tree` hold `wanted`. `live` is the published tree and what it holds:
/// files that it has are linked from it. `known` is what `tree` holds, if this process
/// made it; else only what is found there is believed.
///
/// # Errors
/// If a file cannot be linked, written or removed. The tree is then marked as
/// half-done: it has no manifest, and the next call makes it anew.
pub(super) fn apply(
    tree: &Path,
    wanted: &Generation,
    live: Option<(&Path, &Generation)>,
    known: Option<&Generation>,
) -> Result<()> {
    let own = tree.join(OWN_DIRECTORY);
    let known = known.filter(|_| manifest::path_in(tree).exists());
    let read = if known.is_some() { None } else { Manifest::read(tree)? };
    if known.is_none() && read.is_none() {
        disk::remove_directory(tree)?;
        disk::create_directory(&own)?;
    }
    let listed = known.into_iter().flat_map(Generation::listed);
    let before = listed.chain(read.iter().flat_map(|manifest| &manifest.files));
    // From here to the new manifest the tree is nothing that has a name.
    disk::remove_file(&manifest::path_in(tree))?;
    disk::sync_directory(&own)?;
    let is_kept = |path: &String, entry: &Entry| {
        wanted.files.get(path).is_some_and(|file| file.entry.is_same_file(entry))
            && (known.is_some() || is_as_listed(tree, path, entry))
    };

    let mut touched = Touched { tree, directories: BTreeSet::new() };
    let (kept, gone): (BTreeMap<_, _>, BTreeMap<_, _>) =
        before.partition(|(path, entry)| is_kept(path, entry));
    for (path, entry) in gone {
        remove(tree, path, entry)?;
        touched.touch(path);
    }
    let mut news = Vec::new();
    for (path, file) in wanted.files.iter().filter(|(path, _)| !kept.contains_key(*path)) {
        let published = live.filter(|(_, generation)| {
            generation.files.get(path).is_some_and(|own| own.entry.is_same_file(&file.entry))
        });
        let linked = match published {
            Some((live, _)) => link(live, tree, path, &file.entry)?,
            None => false,
        };
        touched.touch(path);
        if !linked {
            news.push((path, file));
        }
    }
    let few = news.len() <= FEW && touched.directories.len() <= FEW;
    let mut written = write(tree, &news, few)?;
    if !few {
        return sync_all(tree);
    }
    written.extend(touched.opened()?);
    sync_together(&written)
}

/// Something that is open, and where.
type Opened = (PathBuf, fs::File);

/// Directories whose entries changed.
struct Touched<'t> {
    tree: &'t Path,
    directories: BTreeSet<PathBuf>,
}

impl Touched<'_> {
    fn touch(&mut self, path: &str) {
        let path = self.tree.join(path);
        let above = path.ancestors().skip(1).take_while(|above| above.starts_with(self.tree));
        self.directories.extend(above.map(Path::to_owned));
    }

    /// Those that are there: synced, they make names outlive a crash.
    fn opened(&self) -> Result<Vec<Opened>> {
        let there = self.directories.iter().filter(|directory| directory.is_dir());
        let open = |directory: &PathBuf| {
            let opened = fs::File::open(directory)
                .with_context(|| format!("cannot open {}", directory.display()))?;
            Ok((directory.clone(), opened))
        };
        there.map(open).collect()
    }
}

/// Makes each of them outlive a crash, several at once: a disk does that in about the
/// time of one.
fn sync_together(opened: &[Opened]) -> Result<()> {
    let sync = |(path, file): &Opened| {
        file.sync_all().with_context(|| format!("cannot sync {}", path.display()))
    };
    let share = opened.len().div_ceil(SYNCED_AT_ONCE).max(1);
    std::thread::scope(|scope| {
        let work = |share: &'_ [Opened]| share.iter().try_for_each(sync);
        let threads: Vec<_> =
            opened.chunks(share).map(|share| scope.spawn(move || work(share))).collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(anyhow!("syncing failed unexpectedly")))
        })
    })
}

/// Makes all that was written outlive a crash.
pub(super) fn sync_all(tree: &Path) -> Result<()> {
    let root = fs::File::open(tree).with_context(|| format!("cannot open {}", tree.display()))?;
    rustix::fs::syncfs(&root)
        .with_context(|| format!("cannot sync the file system of {}", tree.display()))
}

/// Writes new files; gives them, if they are `few`, to be synced.
fn write(tree: &Path, news: &[(&String, &Arc<File>)], few: bool) -> Result<Vec<Opened>> {
    let mut written = Vec::new();
    for (path, file) in news {
        for (suffix, _) in file.entry.variants() {
            let path = tree.join(format!("{path}{suffix}"));
            let Some(bytes) = file.variant(suffix) else { continue };
            make_way(tree, &path)?;
            let new = write_file(&path, bytes, file.entry.mtime)?;
            if few {
                written.push((path, new));
            }
        }
    }
    Ok(written)
}

/// Writes a file that is not there, with its time.
fn write_file(path: &Path, bytes: &[u8], mtime: u64) -> Result<fs::File> {
    disk::create(path)
        .and_then(|mut new| {
            new.write_all(bytes)?;
            new.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(mtime))?;
            Ok(new)
        })
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a file beside its place in a tree that is being read, for a rename.
///
/// # Errors
/// If something of the owner's stands at its place, or it cannot be written.
pub(super) fn write_beside(place: &Path, bytes: &[u8], mtime: u64) -> Result<()> {
    if place.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        return Err(in_the_way(place));
    }
    // Fails if a file of the owner's stands where a directory has to be.
    disk::create_directory(disk::parent(place)).map_err(|_| in_the_way(disk::parent(place)))?;
    let beside = disk::beside(place);
    disk::remove_file(&beside)?;
    write_file(&beside, bytes, mtime).map(drop)
}

/// Writes what the tree says of itself: from here it has a name again.
///
/// # Errors
/// If it cannot be written.
pub(super) fn seal(tree: &Path, manifest: &Manifest, ledger: &[u8]) -> Result<()> {
    let own = tree.join(OWN_DIRECTORY);
    disk::create_directory(&own)?;
    disk::replace(&own.join("ledger"), ledger)?;
    disk::replace(&manifest::path_in(tree), &manifest.bytes()?)?;
    disk::sync_directory(tree)
}

/// Something of the owner's stands where a page has to go.
pub(super) fn in_the_way(path: &Path) -> anyhow::Error {
    anyhow!(
        "{} is not ours and stands where a page has to go: move it away, or remove it",
        path.display()
    )
}

/// Whether all forms of a file are still as they were published.
fn is_as_listed(tree: &Path, path: &str, entry: &Entry) -> bool {
    entry
        .variants()
        .all(|(suffix, size)| is_untouched(tree, &format!("{path}{suffix}"), size, entry.mtime))
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
    remove_empty_directories(tree, path);
    Ok(())
}

/// Removes the directories above a file that went, as far as they are empty.
pub(super) fn remove_empty_directories(tree: &Path, path: &str) {
    let mut directory = tree.join(path);
    while directory.pop() && directory != tree && fs::remove_dir(&directory).is_ok() {}
}

/// Gives a directory the mode of published ones.
///
/// # Errors
/// If it cannot be changed.
pub(super) fn open_to_all(tree: &Path) -> Result<()> {
    fs::set_permissions(tree, fs::Permissions::from_mode(disk::DIRECTORY_MODE))
        .with_context(|| format!("cannot set the mode of {}", tree.display()))
}
