//! What is published at the start, or after another process changed `--out`.
//!
//! Owns how the live generation is made from a tree that this process did not publish. A site that
//! has room in memory is read. A larger site is taken from its manifest at once, and its files are
//! checked before the next publish.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use rayon::prelude::*;
use tracing::{info, warn};

use super::base_list::BaseList;
use super::bodies::{Bodies, HotBodies};
use super::files;
use super::forms::Forms;
use super::generation::{FileContent, Generation, PublishedFile};
use super::held_back::Present;
use super::inputs::MadeFrom;
use super::manifest::{Manifest, ManifestEntry};
use super::ours;
use super::standby::Standby;
use crate::disk;
use crate::pages::{BROTLI, GZIP};
use crate::upstream::{OtherUpstream, Strange, UpstreamId};
use crate::workers;

/// What was found at `--out`.
pub(super) struct Found {
    pub(super) live: Option<Generation>,
    pub(super) present: Present,
    pub(super) made: Option<MadeFrom>,
    /// The list on which the manifest builds, if any.
    pub(super) list: Option<BaseList>,
    /// Whether the manifest names another upstream.
    pub(super) moved: bool,
    /// Whether the tree is ours but its list of files was lost.
    pub(super) unlisted: bool,
}

impl Found {
    /// Takes what is in `out`, which has this manifest. `reads` says whether the files are read or
    /// checked now.
    ///
    /// # Errors
    /// Fails with [`OtherUpstream`] if `out` shows the data of another upstream. Also fails if the
    /// manifest of the standby cannot be read.
    pub(super) fn in_tree(
        out: &Path,
        manifest: Option<Manifest>,
        standby: &Standby,
        (upstream, strange): (&UpstreamId, Strange),
        hot: &Arc<HotBodies>,
        reads: bool,
    ) -> Result<Found> {
        let other = manifest.as_ref().map(|manifest| &manifest.upstream);
        let other = other.filter(|found| *found != upstream);
        if let Some(found) = other.filter(|_| strange == Strange::Refuse) {
            let (directory, found, wanted) = (out.to_owned(), found.clone(), upstream.clone());
            return Err(OtherUpstream { directory, found, wanted }.into());
        }
        let moved = other.is_some();
        let unlisted = manifest.is_none() && (ours::is_ours(out) || strange == Strange::Adopt);
        let present = manifest.as_ref().map(Present::of).unwrap_or_default();
        let made = manifest.as_ref().and_then(|found| MadeFrom::read(out, &found.generation));
        let list = manifest.as_ref().and_then(|found| found.base.clone());
        let live = match manifest {
            Some(manifest) if reads => Some(read(out, manifest, standby.path(), hot)?),
            Some(manifest) => Some(listed_in(manifest, &[out, standby.path()], hot)),
            // There is no manifest, but another document of the program in `out`, or `--adopt`,
            // says that the tree is ours. The manifest of the standby lists most files of `out`.
            None if unlisted => standby.manifest()?.map(unread),
            None => None,
        };
        Ok(Found { live, present, made, list, moved, unlisted })
    }
}

/// Makes a generation whose files all count as lost, for a tree with a damaged manifest.
fn unread(manifest: Manifest) -> Generation {
    Generation {
        id: manifest.generation,
        stamp: manifest.stamp,
        files: BTreeMap::new(),
        lost: manifest.files,
        bodies: None,
    }
}

/// Takes the files of a tree from its manifest, without a look at the files. The server checks
/// each file that it reads. A check follows before the next publish.
fn listed_in(manifest: Manifest, trees: &[&Path], hot: &Arc<HotBodies>) -> Generation {
    let file = |entry| Arc::new(PublishedFile { entry, content: FileContent::Tree });
    let files = manifest.files.into_iter().map(|(path, entry)| (path, file(entry))).collect();
    let bodies = Some(Bodies::open(trees, hot));
    let (id, stamp, lost) = (manifest.generation, manifest.stamp, BTreeMap::new());
    info!(generation = %id, "found a published site");
    Generation { id, stamp, files, lost, bodies }
}

/// A file that was lost or edited since the publish, with the newest time of its forms on the disk.
pub(super) type Lost = (String, u64);

/// Looks for files of a tree that were lost or edited since the publish.
pub(super) fn lost(generation: &Generation, tree: &Path) -> Vec<Lost> {
    workers::run(|| {
        let files = generation.files.par_iter();
        let is_lost = |(path, file): &(&String, &Arc<PublishedFile>)| {
            !files::is_as_listed(tree, path, &file.entry)
        };
        let lost = files.filter(is_lost);
        let edited = |(path, file): (&String, &Arc<PublishedFile>)| {
            (path.clone(), files::newest_mtime(tree, path, &file.entry))
        };
        lost.map(edited).collect()
    })
}

/// Returns the generation in the sealed standby, if the standby has all its files as they were made.
/// Entries that `live` has too are shared.
///
/// # Errors
/// Fails if the manifest of the standby cannot be read.
pub(super) fn in_standby(standby: &Standby, live: &Generation) -> Result<Option<Generation>> {
    let Some(manifest) = standby.manifest()? else { return Ok(None) };
    let shared = |(path, entry): (String, ManifestEntry)| {
        let same = live.files.get(&path).filter(|file| file.entry == entry).cloned();
        let new = || Arc::new(PublishedFile { entry, content: FileContent::Tree });
        (path, same.unwrap_or_else(new))
    };
    let files = manifest.files.into_iter().map(shared).collect();
    let (id, stamp, lost) = (manifest.generation, manifest.stamp, BTreeMap::new());
    let found = Generation { id, stamp, files, lost, bodies: None };
    let is_whole = self::lost(&found, standby.path()).is_empty();
    Ok(is_whole.then_some(found))
}

/// Takes these files as lost. The next publish makes them again, with a time later than the edit.
pub(super) fn lose(generation: &mut Generation, lost: &[Lost], tree: &Path) {
    for (path, edited) in lost {
        generation.stamp = generation.stamp.max(*edited);
        generation.lose(path);
    }
    tell_lost(generation, tree);
}

/// Logs how many files were lost. A lost retired asset is not made again.
fn tell_lost(generation: &Generation, tree: &Path) {
    let pages = || generation.lost.iter().filter(|(_, entry)| entry.retired.is_none());
    if let Some((first, _)) = pages().next() {
        let count = pages().count();
        warn!(
            files = count,
            "{count} of the published files in {} were edited or lost (first: {first}); the \
             next publish replaces them",
            tree.display()
        );
    }
}

/// Reads the files of a tree into memory. A page that is held back is read from the standby, if
/// the standby holds the same generation. A file that was lost or edited since the publish
/// counts as lost. The next publish makes the file again, with a time later than the edit.
///
/// # Errors
/// Fails if the manifest of the standby cannot be read.
fn read(
    tree: &Path,
    manifest: Manifest,
    standby: &Path,
    hot: &Arc<HotBodies>,
) -> Result<Generation> {
    let has_room = manifest.bytes_of_files() <= hot.most;
    let read = |tree: &Path, path: &str, entry: &ManifestEntry| {
        let content = if has_room {
            FileContent::Memory(read_forms(tree, path, entry)?)
        } else {
            files::is_as_listed(tree, path, entry).then_some(FileContent::Tree)?
        };
        Some(Arc::new(PublishedFile { entry: entry.clone(), content }))
    };
    let found: Vec<_> = workers::run(|| {
        let each = manifest.files.into_par_iter().map(|(path, entry)| {
            let file = read(tree, &path, &entry);
            // The next file at the path must have a later time.
            let edited = file.is_none().then(|| files::newest_mtime(tree, &path, &entry));
            (path, entry, file, edited)
        });
        each.collect()
    });
    let mut stamp = manifest.stamp;
    let (mut files, mut lost) = (BTreeMap::new(), BTreeMap::new());
    for (path, entry, file, edited) in found {
        stamp = stamp.max(edited.unwrap_or(0));
        match file {
            Some(file) => drop(files.insert(path, file)),
            None => drop(lost.insert(path, entry)),
        }
    }
    for (path, held) in manifest.held_back {
        let file = read(standby, &path, &held.wanted);
        files.extend(file.map(|file| (path, file)));
    }
    info!(generation = %manifest.generation, files = files.len(), "found a published site");
    let bodies = Some(Bodies::open(&[tree, standby], hot));
    let id = manifest.generation;
    let read = Generation { id, stamp, files, lost, bodies };
    tell_lost(&read, tree);
    Ok(read)
}

/// Reads a file in all its forms, if all are as the manifest says.
fn read_forms(tree: &Path, path: &str, entry: &ManifestEntry) -> Option<Forms> {
    let mut forms = BTreeMap::new();
    for (suffix, size) in entry.variants() {
        if !files::is_untouched(tree, &format!("{path}{suffix}"), size, entry.mtime) {
            return None;
        }
        let bytes = disk::read(&tree.join(format!("{path}{suffix}"))).ok().flatten()?;
        forms.insert(suffix, Bytes::from(bytes));
    }
    let bytes = forms.remove("").unwrap_or_default();
    if blake3::hash(&bytes) != entry.hash {
        return None;
    }
    Some(Forms { bytes, gz: forms.remove(GZIP), br: forms.remove(BROTLI) })
}
