//! The standby tree: the next generation, prepared beside the live tree.
//!
//! Owns the tree under `--state` and the documents in its own directory, which say what the
//! tree is:
//!
//! | `manifest` | `unsealed` | `coming` | the tree |
//! |---|---|---|---|
//! | there | – | – | is sealed: it holds the files of the manifest |
//! | – | there | there | is being changed: it held the files of `unsealed`, and files of `coming`
//! may be complete, partial or absent |
//! | – | – | there | is being made for the first time |
//! | – | – | – | is unknown: it is set aside, and a new tree is made |
//!
//! Files are removed only by these lists, so an entry that is not ours is never removed. After a
//! change that failed, the next change looks at each listed file, and makes no complete file
//! again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use rayon::prelude::*;
use serde::Deserialize;
use tracing::{info, warn};

use super::base_list::{self, BaseList};
use super::file_list::FileList;
use super::files::{self, Opened, is_untouched};
use super::generation::{FileContent, Generation, LostFile, PublishedFile};
use super::manifest::{self, Manifest, ManifestEntry, OWN_DIRECTORY};
use super::ours::Ours;
use super::seen::SeenDirectories;
use super::standby_change::{ComingPaths, StandbyChange, StandbyFound};
use super::step::PublishStep;
use crate::disk;
use crate::document;
use crate::upstream::UpstreamId;
use crate::workers;

/// Up to this number of new pages and touched directories, each is synced separately. More are
/// synced with the whole file system.
const FEW: usize = 24;

/// A list of such names, which anybody may have written.
#[derive(Deserialize)]
#[serde(transparent)]
struct ReadNames(#[serde(deserialize_with = "manifest::sound_names")] ComingPaths);

/// The standby tree.
#[derive(Debug, Clone)]
pub(super) struct Standby {
    path: PathBuf,
    /// The generation in the tree, if this process sealed the tree.
    known: Option<Arc<Generation>>,
    /// Directories of both trees that had only entries of ours.
    seen: Arc<SeenDirectories>,
}

impl Standby {
    pub(super) fn under(state: &Path) -> Standby {
        Standby { path: state.join("standby"), known: None, seen: Arc::default() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the directories of both trees that had only entries of ours.
    pub(super) fn seen(&self) -> &Arc<SeenDirectories> {
        &self.seen
    }

    /// Returns the manifest; `None` while the tree is being changed.
    ///
    /// # Errors
    /// Fails if the manifest cannot be read, or if a newer program wrote it.
    pub(super) fn manifest(&self) -> Result<Option<Manifest>> {
        Manifest::read(&self.path)
    }

    fn own(&self, name: &str) -> PathBuf {
        self.path.join(OWN_DIRECTORY).join(name)
    }

    /// Reads the documents of the tree, without changes.
    fn find(&self) -> Result<Option<StandbyFound>> {
        if let Some(known) = &self.known
            && manifest::path_in(&self.path).exists()
        {
            let (listed, coming) = (FileList::Of(known.clone()), ComingPaths::new());
            return Ok(Some(StandbyFound { listed, coming, is_known: true }));
        }
        let coming = document::read::<ReadNames>(&self.own("coming"), "coming")?;
        let coming = coming.map(|names| names.0);
        let listed = match self.manifest()? {
            Some(manifest) => Some(manifest.files),
            None => {
                Manifest::read_at(&self.path, &self.own("unsealed"))?.map(|manifest| manifest.files)
            }
        };
        let is_something = listed.is_some() || coming.is_some();
        Ok(is_something.then(|| StandbyFound {
            listed: listed.map(FileList::Read).unwrap_or_default(),
            coming: coming.unwrap_or_default(),
            is_known: false,
        }))
    }

    /// Returns the entries of the tree that are ours; `None` if they are not known.
    ///
    /// # Errors
    /// Fails if the documents cannot be read.
    pub(super) fn ours(&self) -> Result<Option<Ours>> {
        Ok(self.find()?.map(|found| {
            let mut ours = Ours::of(found.listed, &self.seen);
            found.coming.iter().for_each(|path| ours.add(path));
            ours
        }))
    }

    /// Returns the changes after which the tree holds `wanted`. Sets an unknown tree aside.
    ///
    /// # Errors
    /// Fails if the documents of the tree cannot be read, or if the tree cannot be set aside.
    pub(super) fn change_to<'w>(&self, wanted: &'w Generation) -> Result<StandbyChange<'w>> {
        let found = match self.find()? {
            Some(found) => found,
            None => {
                self.set_aside()?;
                let (listed, coming) = (FileList::default(), ComingPaths::new());
                StandbyFound { listed, coming, is_known: true }
            }
        };
        Ok(StandbyChange::of(&self.path, found, wanted))
    }

    /// Changes the tree, and marks the tree as unsealed meanwhile. `live` is the published tree with
    /// its generation; files in it are linked. First the root gets the owner, group and mode of
    /// `out`, if permitted, so that new entries inherit them.
    ///
    /// # Errors
    /// Fails if a file cannot be linked, written or removed. The tree stays usable.
    pub(super) fn apply(
        &mut self,
        change: &StandbyChange<'_>,
        live: Option<(&Path, &Generation)>,
        out: &Path,
        progress: &(dyn Fn(PublishStep<'_>) + Sync),
    ) -> Result<()> {
        self.known = None;
        disk::create_directory(&self.path.join(OWN_DIRECTORY))?;
        // If this is not permitted, the trees are not exchanged.
        let _ = super::exchange::look_alike(&self.path, out);
        self.unseal(change)?;
        self.remove(change)?;
        self.make(change, live, progress)
    }

    /// Makes the tree from links to the live tree in `out`, if there is no tree yet: the first publish
    /// moves the tree to `out`, and the next publish would have to link the whole site.
    ///
    /// # Errors
    /// Fails if a file cannot be linked or written.
    pub(super) fn prepare(
        &mut self,
        live: &Arc<Generation>,
        (list, out): (Option<BaseList>, &Path),
        upstream: &UpstreamId,
    ) -> Result<()> {
        // Each refresh asks, so the documents of the tree, which grow with the site, are not read.
        let is_there = |name: &&str| self.own(name).exists();
        if ["manifest", "unsealed", "coming"].iter().any(is_there) {
            return Ok(());
        }
        let ledger = out.join(OWN_DIRECTORY).join("ledger");
        let Some(ledger) = disk::read(&ledger)? else { return Ok(()) };
        self.apply(&self.change_to(live)?, Some((out, live)), out, &|_| ())?;
        // The next publish makes the same list, if the tree at `out` has no list.
        self.seal(upstream, &ledger, live, (list, out)).map(drop)
    }

    /// Marks the tree as unsealed. Until the new manifest, the tree is no generation.
    fn unseal(&self, change: &StandbyChange<'_>) -> Result<()> {
        document::write(&self.own("coming"), "coming", &change.doubtful)?;
        let manifest = manifest::path_in(&self.path);
        if manifest.exists() {
            disk::rename(&manifest, &self.own("unsealed"))?;
        }
        disk::sync_directory(&self.path.join(OWN_DIRECTORY))
    }

    fn remove(&self, change: &StandbyChange<'_>) -> Result<()> {
        for path in &change.gone {
            let place = self.path.join(path);
            if place.symlink_metadata().is_ok_and(|found| !found.is_dir()) {
                disk::remove_file(&place)?;
            }
            files::remove_empty_directories(&self.path, path, |_| true);
        }
        Ok(())
    }

    fn make(
        &self,
        change: &StandbyChange<'_>,
        live: Option<(&Path, &Generation)>,
        progress: &(dyn Fn(PublishStep<'_>) + Sync),
    ) -> Result<()> {
        let made: Vec<_> = change.made.iter().collect();
        let step = || progress(PublishStep::Made(change.made.len()));
        let link = |(path, file): &(&&String, &&Arc<PublishedFile>)| -> Result<bool> {
            let is_same = |own: &Arc<PublishedFile>| own.entry.is_same_file(&file.entry);
            let published =
                live.filter(|(_, live)| live.files.get(path.as_str()).is_some_and(is_same));
            let is_linked =
                published.map_or(Ok(false), |(live, _)| self.link(live, path, &file.entry))?;
            is_linked.then(step);
            Ok(is_linked)
        };
        let linked: Result<Vec<bool>> = workers::run(|| made.par_iter().map(link).collect());
        let news = made.into_iter().zip(linked?).filter(|(_, is_linked)| !is_linked);
        let news: Vec<_> = news.map(|((path, file), _)| (path.as_str(), file.as_ref())).collect();
        let touched = change.touched_directories();
        let few = news.len() <= FEW && touched.len() <= FEW;
        let mut written = self.write(&news, live.map(|(_, live)| live), few, step)?;
        if !few {
            return disk::sync_file_system(&self.path);
        }
        for below in touched {
            let directory = self.path.join(below);
            if directory.is_dir() {
                let opened = files::open(&directory)?;
                written.push((directory, opened));
            }
        }
        files::sync_together(&written)
    }

    /// Writes new files. If they are `few`, returns them for syncing.
    fn write(
        &self,
        news: &[(&str, &PublishedFile)],
        live: Option<&Generation>,
        few: bool,
        step: impl Fn() + Sync,
    ) -> Result<Vec<Opened>> {
        let write = |(path, file): &(&str, &PublishedFile)| -> Result<Vec<Opened>> {
            disk::create_directory(disk::parent(&self.path.join(path)))?;
            let mut written = Vec::new();
            for (suffix, _) in file.entry.variants() {
                let place = self.path.join(format!("{path}{suffix}"));
                let bytes = match &file.content {
                    FileContent::Memory(forms) => forms.get(suffix).cloned(),
                    FileContent::Spool(spooled) => Some(spooled.read(&file.entry, suffix)?),
                    FileContent::Tree => live.and_then(|live| live.content(path, suffix)),
                };
                let bytes = bytes.ok_or_else(|| LostFile((*path).to_owned()))?;
                disk::remove_file(&place)?;
                let new = files::write(&place, &bytes, file.entry.mtime)?;
                if few {
                    written.push((place, new));
                }
            }
            step();
            Ok(written)
        };
        let written: Result<Vec<_>> = workers::run(|| news.par_iter().map(write).collect());
        Ok(written?.into_iter().flatten().collect())
    }

    /// Links all forms of a page from `live`. Returns `false` if a form is not there.
    fn link(&self, live: &Path, path: &str, entry: &ManifestEntry) -> Result<bool> {
        disk::create_directory(disk::parent(&self.path.join(path)))?;
        for (suffix, size) in entry.variants() {
            let path = format!("{path}{suffix}");
            if !is_untouched(live, &path, size, entry.mtime) {
                return Ok(false);
            }
            let place = self.path.join(&path);
            disk::remove_file(&place)?;
            // Hard links are not possible (another file system, or too many links): the caller
            // writes a new file, which has another inode.
            if fs::hard_link(live.join(&path), &place).is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes the manifest. From here on the tree is a generation again. The manifest builds on
    /// `list`, which the tree at `out` may have, or on a new list, which is returned.
    ///
    /// # Errors
    /// Fails if the documents cannot be written.
    pub(super) fn seal(
        &mut self,
        upstream: &UpstreamId,
        ledger: &[u8],
        generation: &Arc<Generation>,
        (list, out): (Option<BaseList>, &Path),
    ) -> Result<Option<BaseList>> {
        disk::replace(&self.own("ledger"), ledger)?;
        let files = (generation.files.len(), generation.entries());
        let list = BaseList::for_manifest(list, files, (&self.path, out))?;
        let manifest = generation.manifest(upstream, list.as_ref())?;
        disk::replace(&manifest::path_in(&self.path), &manifest)?;
        disk::remove_file(&self.own("unsealed"))?;
        disk::remove_file(&self.own("coming"))?;
        base_list::remove_others(&self.path, list.as_ref())?;
        disk::sync_directory(&self.path)?;
        self.known = Some(generation.clone());
        Ok(list)
    }

    /// Whether the tree holds this generation.
    pub(super) fn holds(&self, generation: &Arc<Generation>) -> bool {
        self.known.as_ref().is_some_and(|known| Arc::ptr_eq(known, generation))
    }

    /// Notes the generation in the tree after an exchange.
    pub(super) fn now_holds(&mut self, generation: Option<Arc<Generation>>) {
        self.known = generation;
    }

    /// Sets an unknown tree aside, because the tree may hold entries that are not ours.
    fn set_aside(&self) -> Result<()> {
        // The tree was an empty `--out`, or was only just started.
        let own = self.path.join(OWN_DIRECTORY);
        if disk::entries(&self.path)?.iter().all(|entry| *entry == own) {
            return disk::remove_directory(&self.path);
        }
        let aside = disk::unused(&self.path.with_file_name("standby.aside"));
        disk::rename(&self.path, &aside)?;
        let (path, aside) = (self.path.display(), aside.display());
        warn!("{path} has no list of its files; the tree is kept as {aside} and can be removed");
        Ok(())
    }

    /// Moves entries that are not ours back to `out`. Such entries come from another process, which
    /// this process cannot see and which wrote into the tree after an exchange. If the path in
    /// `out` is taken, the entry is kept beside the tree and the log names the entry.
    ///
    /// # Errors
    /// Fails if the documents of the tree cannot be read.
    pub(super) fn give_back(&self, strangers: &[PathBuf], out: &Path) -> Result<()> {
        for below in strangers {
            let (from, to) = (self.path.join(below), out.join(below));
            if is_link_of(&from, &to) {
                // Earlier versions linked files of the owner into this tree.
                disk::remove_file(&from)?;
                continue;
            }
            let is_taken = to.symlink_metadata().is_ok();
            let to = if is_taken {
                disk::unused(&disk::parent(&self.path).join("found").join(below))
            } else {
                to
            };
            disk::create_directory(disk::parent(&to))?;
            match disk::rename(&from, &to) {
                Ok(()) => {
                    info!(
                        "moved {} to {}: movies-gen did not make it",
                        from.display(),
                        to.display()
                    )
                }
                Err(error) => {
                    warn!("{error:#}; movies-gen did not make {}: move it yourself", from.display())
                }
            }
        }
        Ok(())
    }
}

/// Whether two names lead to one file, or to symbolic links with the same target.
fn is_link_of(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(found), Ok(there)) = (one.symlink_metadata(), other.symlink_metadata()) else {
        return false;
    };
    let is_one = (found.dev(), found.ino()) == (there.dev(), there.ino()) && !found.is_dir();
    let says = |path: &Path| fs::read_link(path).ok();
    is_one || (found.is_symlink() && says(one) == says(other))
}
