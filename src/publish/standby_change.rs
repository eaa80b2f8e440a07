//! The changes that a standby tree needs.
//!
//! Owns the comparison of the files in the tree with the files of a generation.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use itertools::{EitherOrBoth, Itertools};

use super::file_list::FileList;
use super::files::is_as_listed;
use super::generation::{Generation, PublishedFile};
use super::manifest::ManifestEntry;
use crate::pages::uncompressed;

/// Names of files that may be in a tree that is being changed.
pub(super) type ComingPaths = BTreeSet<String>;

/// What the documents of the tree say.
pub(super) struct StandbyFound {
    /// The files in the tree when it was sealed last.
    pub(super) listed: FileList,
    /// Files that may be there in any state.
    pub(super) coming: ComingPaths,
    /// Whether the listed files need no check.
    pub(super) is_known: bool,
}

/// The changes that a tree needs.
pub(super) struct StandbyChange<'w> {
    /// Names of files that are removed or replaced.
    pub(super) gone: BTreeSet<String>,
    /// Names of files that are written or linked.
    coming: ComingPaths,
    /// Both of these, and the files of a change that was cut off.
    pub(super) doubtful: ComingPaths,
    /// Pages whose files are made.
    pub(super) made: BTreeMap<&'w String, &'w Arc<PublishedFile>>,
}

impl<'w> StandbyChange<'w> {
    pub(super) fn of(
        tree: &Path,
        found: StandbyFound,
        wanted: &'w Generation,
    ) -> StandbyChange<'w> {
        let StandbyFound { listed, coming, is_known } = found;
        let is_sure = |path: &str, entry: &ManifestEntry| {
            (coming.is_empty() || entry.names(path).all(|name| !coming.contains(&name)))
                && (is_known || is_as_listed(tree, path, entry))
        };
        let (mut gone, mut made) = (BTreeSet::new(), BTreeMap::new());
        let both = listed.iter().merge_join_by(&wanted.files, |(one, _), (two, _)| one.cmp(two));
        for page in both {
            match page {
                EitherOrBoth::Left((path, entry)) => gone.extend(entry.names(path)),
                EitherOrBoth::Right((path, file)) => drop(made.insert(path, file)),
                EitherOrBoth::Both((_, entry), (path, file)) => {
                    if !file.entry.is_same_file(entry) || !is_sure(path, entry) {
                        gone.extend(entry.names(path));
                        made.insert(path, file);
                    }
                }
            }
        }
        let new: ComingPaths =
            made.iter().flat_map(|(path, file)| file.entry.names(path)).collect();
        let doubtful = new.union(&coming).cloned().collect();
        gone.extend(coming);
        // A file of a change that was cut off may be a file of a page that is kept.
        let is_kept = |page: &String| wanted.files.contains_key(page) && !made.contains_key(page);
        let is_of = |page: &str, name: &str| {
            let entry = listed.get(page).filter(|_| is_kept(&page.to_owned()));
            entry.is_some_and(|entry| entry.names(page).any(|form| form == name))
        };
        gone.retain(|name| {
            !is_of(name, name) && !uncompressed(name).is_some_and(|page| is_of(page, name))
        });
        StandbyChange { gone, coming: new, doubtful, made }
    }

    /// Returns the directories whose entries change, with all directories above.
    pub(super) fn touched_directories(&self) -> BTreeSet<&Path> {
        let names = self.gone.iter().chain(&self.coming).map(Path::new);
        names.flat_map(|name| name.ancestors().skip(1)).collect()
    }
}
