//! Which entries of a tree are ours.
//!
//! Owns the rule that an entry is ours only if a list of ours names it. With this rule, a publish
//! can tell before the first change whether a tree contains an entry that is not ours. This
//! module must not look into a directory that no list of ours implies, and must not change
//! anything.

use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirEntry, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::manifest::{ManifestEntry, OWN_DIRECTORY, path_in};
use super::{VOLATILE, is_volatile};
use crate::disk;

/// Whether a tree is one of ours, even if its manifest is damaged.
pub(super) fn is_ours(tree: &Path) -> bool {
    let own = tree.join(OWN_DIRECTORY);
    path_in(tree).exists() || own.join("manifest.damaged").exists() || own.join("ledger").exists()
}

/// The paths in a tree that are ours. Paths are compared as bytes: a comparison by components
/// takes too long for each file of a site.
#[derive(Debug, Default)]
pub(super) struct Ours {
    files: HashSet<OsString>,
    directories: HashSet<OsString>,
}

impl Ours {
    /// Makes the set from a list of pages, with all forms of each page.
    pub(super) fn of<'a>(listed: impl Iterator<Item = (&'a String, &'a ManifestEntry)>) -> Ours {
        let mut ours = Ours::default();
        for (path, entry) in listed {
            entry.names(path).for_each(|name| ours.add(&name));
        }
        ours.add_directories(&VOLATILE.map(Path::new));
        ours
    }

    /// Adds a file whose directories are not ours.
    pub(super) fn add_file(&mut self, path: &str) {
        self.files.insert(path.into());
    }

    /// Adds a file and its directories.
    pub(super) fn add(&mut self, path: &str) {
        self.files.insert(path.into());
        self.add_directories(&[Path::new(path)]);
    }

    fn add_directories(&mut self, paths: &[&Path]) {
        for path in paths {
            // The parents of a known directory are known.
            let above = path.ancestors().skip(1).map(Path::as_os_str);
            let new = above.take_while(|above| !self.directories.contains(*above));
            let new: Vec<_> = new.map(OsStr::to_owned).collect();
            self.directories.extend(new);
        }
    }

    /// Removes these directories of the owner from the set.
    pub(super) fn without(mut self, directories: &BTreeSet<PathBuf>) -> Ours {
        self.directories.retain(|directory| !directories.contains(Path::new(directory)));
        self
    }

    /// Whether the file at this path is ours.
    pub(super) fn has_file(&self, below: &Path) -> bool {
        self.files.contains(below.as_os_str())
    }

    /// Whether the directory at this path is ours.
    pub(super) fn has_directory(&self, below: &Path) -> bool {
        self.directories.contains(below.as_os_str())
    }

    /// Returns the directories, unsorted.
    pub(super) fn directories(&self) -> impl Iterator<Item = &Path> {
        self.directories.iter().map(Path::new)
    }

    /// Returns up to `most` topmost entries of `tree` that are not ours, or are no longer as we
    /// made them. A directory of ours that is not readable or not writable is such an entry.
    pub(super) fn strangers(&self, tree: &Path, most: usize) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut left = vec![PathBuf::new()];
        while let Some(directory) = left.pop() {
            let Ok(entries) = disk::listing(&tree.join(&directory)) else {
                found.push(directory);
                continue;
            };
            for entry in entries {
                let below = directory.join(entry.file_name());
                match self.judge(&entry, &below) {
                    Ownership::Ours => {}
                    Ownership::OurDirectory => left.push(below),
                    Ownership::Stranger => found.push(below),
                }
                if found.len() >= most {
                    return found;
                }
            }
        }
        found
    }

    fn judge(&self, entry: &DirEntry, below: &Path) -> Ownership {
        let Ok(kind) = entry.file_type() else { return Ownership::Stranger };
        if below == Path::new(OWN_DIRECTORY) {
            // This is the own directory of the program. All its entries are ours.
            return if kind.is_dir() { Ownership::Ours } else { Ownership::Stranger };
        }
        if kind.is_dir() {
            let is_plain =
                self.has_directory(below) && entry.metadata().is_ok_and(|is| is_plain(&is));
            return if is_plain { Ownership::OurDirectory } else { Ownership::Stranger };
        }
        let is_made = |path: &Path| self.has_file(path) || path.to_str().is_some_and(is_volatile);
        // Earlier versions prepared files beside their paths.
        let is_left = || disk::besides(below).is_some_and(|path| is_made(&path));
        if kind.is_file() && (is_made(below) || is_left()) {
            Ownership::Ours
        } else {
            Ownership::Stranger
        }
    }
}

/// To whom an entry of a tree belongs.
enum Ownership {
    Ours,
    OurDirectory,
    Stranger,
}

/// Whether this process may do in a directory what it could do when it made the directory.
fn is_plain(found: &Metadata) -> bool {
    let me = rustix::process::geteuid();
    (me.is_root() || found.uid() == me.as_raw()) && found.mode() & 0o700 == 0o700
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
        let mut ours = Ours::default();
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
