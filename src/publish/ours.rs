//! Which entries of a tree are ours.
//!
//! Owns the rule that an entry is ours only if a list of ours names it. With this rule, a publish
//! can tell before the first change whether a tree contains an entry that is not ours. This
//! module must not look into a directory that no list of ours implies, and must not change
//! anything.

use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirEntry, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::directory_status::{DirectoryStatus, StatusReader};
use super::file_list::FileList;
use super::manifest::{OWN_DIRECTORY, path_in};
use super::seen::SeenDirectories;
use super::{VOLATILE, is_volatile};
use crate::disk;
use crate::workers;

/// Number of directories that a thread takes at once.
const NEIGHBOURS: usize = 1000;

/// Whether a tree is one of ours, even if its manifest is damaged.
pub(super) fn is_ours(tree: &Path) -> bool {
    let own = tree.join(OWN_DIRECTORY);
    path_in(tree).exists() || own.join("manifest.damaged").exists() || own.join("ledger").exists()
}

/// The paths in a tree that are ours.
#[derive(Debug, Default)]
pub(super) struct Ours {
    list: FileList,
    /// Further files of ours.
    files: HashSet<OsString>,
    /// The directories of these files.
    directories: HashSet<OsString>,
    /// Directories of the owner that have files of ours.
    theirs: BTreeSet<PathBuf>,
    seen: Arc<SeenDirectories>,
}

impl Ours {
    /// Makes the set from a list of pages, with all forms of each page. `seen` are directories that
    /// had only entries of ours.
    pub(super) fn of(list: FileList, seen: &Arc<SeenDirectories>) -> Ours {
        let mut ours = Ours { list, seen: seen.clone(), ..Ours::default() };
        VOLATILE.iter().for_each(|path| ours.add_directories(path));
        ours
    }

    /// Adds a file whose directories are not ours.
    pub(super) fn add_file(&mut self, path: &str) {
        self.files.insert(path.into());
    }

    /// Adds a file and its directories.
    pub(super) fn add(&mut self, path: &str) {
        self.files.insert(path.into());
        self.add_directories(path);
    }

    fn add_directories(&mut self, path: &str) {
        // The parents of a known directory are known.
        let above = Path::new(path).ancestors().skip(1).map(Path::as_os_str);
        let new = above.take_while(|above| !self.directories.contains(*above));
        let new: Vec<_> = new.map(OsStr::to_owned).collect();
        self.directories.extend(new);
    }

    /// Removes these directories of the owner from the set.
    pub(super) fn without(self, directories: &BTreeSet<PathBuf>) -> Ours {
        Ours { theirs: directories.clone(), ..self }
    }

    /// Whether the file at this path is ours.
    pub(super) fn has_file(&self, below: &Path) -> bool {
        self.files.contains(below.as_os_str())
            || below.to_str().is_some_and(|name| self.list.has_name(name))
    }

    /// Whether the directory at this path is ours.
    pub(super) fn has_directory(&self, below: &Path) -> bool {
        let is_listed = || below.to_str().is_some_and(|name| self.list.has_directory(name));
        (self.directories.contains(below.as_os_str()) || is_listed())
            && (self.theirs.is_empty() || !self.theirs.contains(below))
    }

    /// Returns the directories, without the tree itself. A directory may come twice.
    pub(super) fn directories(&self) -> Vec<&str> {
        let further = self.directories.iter().filter_map(|below| below.to_str());
        let all = self.list.directories().into_iter().chain(further);
        let all = all.filter(|below| !below.is_empty());
        all.filter(|below| self.theirs.is_empty() || !self.theirs.contains(Path::new(below)))
            .collect()
    }

    /// Returns up to `most` topmost entries of `tree` that are not ours, or are no longer as we
    /// made them. A directory of ours that is not readable or not writable is such an entry. A
    /// directory that was seen with only entries of ours and did not change is not listed again.
    pub(super) fn strangers(&self, tree: &Path, most: usize) -> Vec<PathBuf> {
        let mut directories = self.directories();
        directories.push("");
        self.strangers_among(&directories, tree, most)
    }

    /// As [`Ours::strangers`], but looks only into these directories of `tree`.
    pub(super) fn strangers_among(
        &self,
        directories: &[&str],
        tree: &Path,
        most: usize,
    ) -> Vec<PathBuf> {
        let of_some = |some: &[&str]| {
            let mut reader = StatusReader::of(tree);
            let found = some.iter().flat_map(|below| self.strangers_in(&mut reader, tree, below));
            found.collect::<Vec<_>>()
        };
        let mut found: Vec<_> =
            workers::run(|| directories.par_chunks(NEIGHBOURS).flat_map_iter(of_some).collect());
        let all: HashSet<PathBuf> = found.iter().cloned().collect();
        found.retain(|below| !below.ancestors().skip(1).any(|above| all.contains(above)));
        found.sort();
        found.dedup();
        found.truncate(most);
        found
    }

    /// Returns the entries of one directory that are not ours.
    fn strangers_in(
        &self,
        reader: &mut StatusReader<'_>,
        tree: &Path,
        directory: &str,
    ) -> Vec<PathBuf> {
        let before = match reader.read(directory) {
            Ok(Some(before)) => before,
            // The directory above says what is at this path.
            Ok(None) => return Vec::new(),
            Err(error) if disk::is_absent(&error) => return Vec::new(),
            Err(_) => return vec![directory.into()],
        };
        if !directory.is_empty() && !before.is_plain() {
            return vec![directory.into()];
        }
        if self.seen.is_unchanged(&before) {
            return Vec::new();
        }
        let directory = Path::new(directory);
        let Ok(entries) = disk::listing(&tree.join(directory)) else {
            return vec![directory.to_owned()];
        };
        let entries = entries.iter().map(|entry| (entry, directory.join(entry.file_name())));
        let found = entries.filter(|(entry, below)| !self.is_ours(entry, below));
        let found: Vec<_> = found.map(|(_, below)| below).collect();
        if found.is_empty() {
            self.seen.note(&before);
        }
        found
    }

    fn is_ours(&self, entry: &DirEntry, below: &Path) -> bool {
        let Ok(kind) = entry.file_type() else { return false };
        if below == Path::new(OWN_DIRECTORY) {
            // This is the own directory of the program. All its entries are ours.
            return kind.is_dir();
        }
        if kind.is_dir() {
            let is_plain = |found: &Metadata| DirectoryStatus::from(found).is_plain();
            return self.has_directory(below) && entry.metadata().is_ok_and(|is| is_plain(&is));
        }
        let is_made = |path: &Path| self.has_file(path) || path.to_str().is_some_and(is_volatile);
        // Earlier versions prepared files beside their paths.
        let is_left = || disk::besides(below).is_some_and(|path| is_made(&path));
        kind.is_file() && (is_made(below) || is_left())
    }
}

/// Whether a file of ours can be put at `place` in `tree`: neither the path nor its parents are
/// taken by an entry that is not ours. No symbolic link is followed.
pub(super) fn is_free(
    tree: &Path,
    place: &Path,
    is_ours: impl Fn(&Path, &Metadata) -> bool,
) -> bool {
    let above: Vec<_> = place.ancestors().collect();
    // From the top down, without the tree itself.
    for below in above.into_iter().rev().filter(|below| *below != Path::new("")) {
        match fs::symlink_metadata(tree.join(below)) {
            Err(error) => return disk::is_absent(&error),
            Ok(found) if found.is_dir() && below != place => {}
            Ok(found) => return found.is_file() && is_ours(below, &found),
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> (tempfile::TempDir, Ours) {
        let tree = tempfile::tempdir().expect("a directory");
        let mut ours = Ours::of(FileList::default(), &Arc::default());
        for path in files {
            let file = tree.path().join(path);
            disk::create_directory(disk::parent(&file)).expect("made");
            disk::write_new(&file, b"ours").expect("written");
            ours.add(path);
        }
        (tree, ours)
    }

    #[test]
    fn only_entries_that_a_list_names_are_ours() {
        let (tree, ours) = tree(&["index.html", "movies/one/index.html"]);
        let root = tree.path();
        assert_eq!(ours.strangers(root, 9), Vec::<PathBuf>::new());
        for path in ["freshness.json", ".movies-gen/anything", "movies/.one.new/x"] {
            disk::create_directory(disk::parent(&root.join(path))).expect("made");
            disk::write_new(&root.join(path), b"").expect("written");
        }
        assert_eq!(ours.strangers(root, 9), [Path::new("movies/.one.new")]);
        disk::remove_directory(&root.join("movies/.one.new")).expect("removed");
        fs::create_dir(root.join("empty")).expect("made");
        std::os::unix::fs::symlink("one", root.join("movies/link")).expect("linked");
        let mut found = ours.strangers(root, 9);
        found.sort();
        assert_eq!(found, [Path::new("empty"), Path::new("movies/link")]);
        assert_eq!(ours.strangers(root, 1).len(), 1);
        let theirs = BTreeSet::from([PathBuf::from("movies")]);
        assert!(ours.without(&theirs).strangers(root, 9).contains(&PathBuf::from("movies")));
    }

    #[test]
    fn an_entry_whose_type_changed_is_no_longer_ours() {
        let (tree, ours) = tree(&["index.html", "movies/one/index.html"]);
        let root = tree.path();
        disk::remove_file(&root.join("index.html")).expect("removed");
        fs::create_dir(root.join("index.html")).expect("made");
        disk::rename(&root.join("movies"), &root.join("moved")).expect("renamed");
        std::os::unix::fs::symlink("moved", root.join("movies")).expect("linked");
        let mut found = ours.strangers(root, 9);
        found.sort();
        assert_eq!(found, ["index.html", "moved", "movies"].map(Path::new));
        let all_ours = |_: &Path, _: &Metadata| true;
        assert!(!is_free(root, Path::new("index.html"), all_ours), "a directory");
        assert!(!is_free(root, Path::new("movies/one/index.html"), all_ours), "through a link");
        assert!(is_free(root, Path::new("moved/one/index.html"), all_ours));
        assert!(is_free(root, Path::new("new/page"), |_, _| false));
    }
}
