//! The standby tree: the next generation, made ready beside the live one.
//!
//! Owns the tree under `--state` and what is known of it. Its own directory says
//! what it is:
//!
//! | `manifest` | `unsealed` | `coming` | the tree |
//! |---|---|---|---|
//! | there | – | – | is sealed: it holds what the manifest lists |
//! | – | there | there | is being changed: it held what `unsealed` lists, and files that `coming` names may be whole, in part or absent |
//! | – | – | there | is being made for the first time |
//! | – | – | – | is unknown: it is set aside, and another one is made |
//!
//! Files are removed by these lists alone, so nothing that somebody else put into
//! the tree is ever removed. A change that failed half-way costs the next one a
//! look at each listed file, and no file that is whole is made again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use serde::Deserialize;
use tracing::{info, warn};

use super::files::{self, Opened, is_as_listed, is_untouched};
use super::generation::{File, Generation};
use super::manifest::{self, Entry, Manifest, OWN_DIRECTORY};
use super::ours::Ours;
use crate::disk;
use crate::document;

/// New pages, and touched directories, up to which each is synced for itself; more
/// are synced with the file system as a whole.
const FEW: usize = 24;

/// Names of files that may stand in a tree which is being changed.
type Coming = BTreeSet<String>;

/// A list of such names, read from where anybody may have written.
#[derive(Deserialize)]
#[serde(transparent)]
struct ReadNames(#[serde(deserialize_with = "manifest::sound_names")] Coming);

/// The standby tree.
#[derive(Debug)]
pub(super) struct Standby {
    path: PathBuf,
    /// What the tree holds, if this process sealed it.
    known: Option<Arc<Generation>>,
}

/// What the tree says of itself.
struct Found {
    /// What was in it when it was sealed last.
    listed: BTreeMap<String, Entry>,
    /// Files that may be there in any state.
    coming: Coming,
    /// Whether each listed file has to be looked at before it is believed.
    is_known: bool,
}

impl Standby {
    pub(super) fn under(state: &Path) -> Standby {
        Standby { path: state.join("standby"), known: None }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its manifest; none while it is being changed.
    ///
    /// # Errors
    /// If the manifest cannot be read, or a newer program wrote it.
    pub(super) fn manifest(&self) -> Result<Option<Manifest>> {
        Manifest::read(&self.path)
    }

    fn own(&self, name: &str) -> PathBuf {
        self.path.join(OWN_DIRECTORY).join(name)
    }

    /// Reads what the tree is, without changing it.
    fn find(&self) -> Result<Option<Found>> {
        if let Some(known) = &self.known
            && manifest::path_in(&self.path).exists()
        {
            let listed = known.listed().map(|(path, entry)| (path.clone(), entry.clone()));
            let coming = Coming::new();
            return Ok(Some(Found { listed: listed.collect(), coming, is_known: true }));
        }
        let coming = document::read::<ReadNames>(&self.own("coming"), "coming")?;
        let coming = coming.map(|names| names.0);
        let listed = match self.manifest()? {
            Some(manifest) => Some(manifest.files),
            None => document::read::<Manifest>(&self.own("unsealed"), "manifest")?
                .map(|manifest| manifest.files),
        };
        let is_something = listed.is_some() || coming.is_some();
        Ok(is_something.then(|| Found {
            listed: listed.unwrap_or_default(),
            coming: coming.unwrap_or_default(),
            is_known: false,
        }))
    }

    /// What the tree holds as far as it says so.
    ///
    /// # Errors
    /// If the tree's lists cannot be read.
    pub(super) fn listed(&self) -> Result<BTreeMap<String, Entry>> {
        Ok(self.find()?.map(|found| found.listed).unwrap_or_default())
    }

    /// What of the tree is ours; none if that is not known.
    ///
    /// # Errors
    /// If the tree's lists cannot be read.
    pub(super) fn ours(&self) -> Result<Option<Ours>> {
        Ok(self.find()?.map(|found| {
            let mut ours = Ours::of(found.listed.iter());
            found.coming.iter().for_each(|path| ours.add(path));
            ours
        }))
    }

    /// Makes the tree hold `wanted`, and marks it as unsealed meanwhile. `live` is the
    /// published tree and what it holds: files that it has are linked from it. The root
    /// gets the owner, group and mode of `out` first, if that may be set, so that what
    /// is made below inherits them.
    ///
    /// # Errors
    /// If a file cannot be linked, written or removed. The tree stays usable.
    pub(super) fn apply(
        &mut self,
        wanted: &Generation,
        live: Option<(&Path, &Generation)>,
        out: &Path,
    ) -> Result<()> {
        let found = match self.find()? {
            Some(found) => found,
            None => {
                self.set_aside()?;
                Found { listed: BTreeMap::new(), coming: Coming::new(), is_known: true }
            }
        };
        self.known = None;
        let change = Change::of(&self.path, found, wanted);
        disk::create_directory(&self.path.join(OWN_DIRECTORY))?;
        // Not set: then the trees are not exchanged.
        let _ = super::exchange::look_alike(&self.path, out);
        self.unseal(&change)?;
        self.remove(&change)?;
        self.make(&change, live)
    }

    /// From here to the new manifest the tree is nothing that has a name.
    fn unseal(&self, change: &Change<'_>) -> Result<()> {
        document::write(&self.own("coming"), "coming", &change.doubtful)?;
        let manifest = manifest::path_in(&self.path);
        if manifest.exists() {
            disk::rename(&manifest, &self.own("unsealed"))?;
        }
        disk::sync_directory(&self.path.join(OWN_DIRECTORY))
    }

    fn remove(&self, change: &Change<'_>) -> Result<()> {
        for path in &change.gone {
            let place = self.path.join(path);
            if place.symlink_metadata().is_ok_and(|found| !found.is_dir()) {
                disk::remove_file(&place)?;
            }
            files::remove_empty_directories(&self.path, path, |_| true);
        }
        Ok(())
    }

    fn make(&self, change: &Change<'_>, live: Option<(&Path, &Generation)>) -> Result<()> {
        let mut news = Vec::new();
        for (path, file) in &change.made {
            let is_same = |own: &Arc<File>| own.entry.is_same_file(&file.entry);
            let published =
                live.filter(|(_, live)| live.files.get(path.as_str()).is_some_and(is_same));
            let linked = match published {
                Some((live, _)) => self.link(live, path, &file.entry)?,
                None => false,
            };
            if !linked {
                news.push((path.as_str(), file.as_ref()));
            }
        }
        let touched = change.touched_directories();
        let few = news.len() <= FEW && touched.len() <= FEW;
        let mut written = self.write(&news, few)?;
        if !few {
            return files::sync_all(&self.path);
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

    /// Writes new files; gives them, if they are `few`, to be synced.
    fn write(&self, news: &[(&str, &File)], few: bool) -> Result<Vec<Opened>> {
        let mut written = Vec::new();
        for (path, file) in news {
            for (suffix, _) in file.entry.variants() {
                let place = self.path.join(format!("{path}{suffix}"));
                let Some(bytes) = file.variant(suffix) else { continue };
                disk::create_directory(disk::parent(&place))?;
                disk::remove_file(&place)?;
                let new = files::write(&place, bytes, file.entry.mtime)?;
                if few {
                    written.push((place, new));
                }
            }
        }
        Ok(written)
    }

    /// Links all forms of a page from `live`; false if that cannot be.
    fn link(&self, live: &Path, path: &str, entry: &Entry) -> Result<bool> {
        for (suffix, size) in entry.variants() {
            let path = format!("{path}{suffix}");
            if !is_untouched(live, &path, size, entry.mtime) {
                return Ok(false);
            }
            let place = self.path.join(&path);
            disk::create_directory(disk::parent(&place))?;
            disk::remove_file(&place)?;
            // No links here (another file system, too many of them): a new file is
            // as good, but for its inode.
            if fs::hard_link(live.join(&path), &place).is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes what the tree says of itself: from here it has a name again.
    ///
    /// # Errors
    /// If that cannot be written.
    pub(super) fn seal(
        &mut self,
        manifest: &Manifest,
        ledger: &[u8],
        generation: &Arc<Generation>,
    ) -> Result<()> {
        disk::replace(&self.own("ledger"), ledger)?;
        disk::replace(&manifest::path_in(&self.path), &manifest.bytes()?)?;
        disk::remove_file(&self.own("unsealed"))?;
        disk::remove_file(&self.own("coming"))?;
        disk::sync_directory(&self.path)?;
        self.known = Some(generation.clone());
        Ok(())
    }

    /// After an exchange: what the tree holds now.
    pub(super) fn now_holds(&mut self, generation: Option<Arc<Generation>>) {
        self.known = generation;
    }

    /// Sets a tree aside of which nothing is known: it may hold what is not ours.
    fn set_aside(&self) -> Result<()> {
        // An `--out` that was empty, or a tree that was only just begun.
        let own = self.path.join(OWN_DIRECTORY);
        if disk::entries(&self.path)?.iter().all(|entry| *entry == own) {
            return disk::remove_directory(&self.path);
        }
        let aside = disk::unused(&self.path.with_file_name("standby.aside"));
        disk::rename(&self.path, &aside)?;
        let (path, aside) = (self.path.display(), aside.display());
        warn!("{path} does not say what is in it; it is kept as {aside} and can be removed");
        Ok(())
    }

    /// Brings what is not ours back to `out`: a process that cannot be seen from here
    /// worked in the tree after that was exchanged. An entry whose place is taken is
    /// kept beside the tree and named.
    ///
    /// # Errors
    /// If the tree's lists cannot be read.
    pub(super) fn give_back(&self, strangers: &[PathBuf], out: &Path) -> Result<()> {
        for below in strangers {
            let (from, to) = (self.path.join(below), out.join(below));
            if is_link_of(&from, &to) {
                // Earlier versions linked the owner's files into this tree.
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
                Ok(()) => info!("{} was not ours: it is {} now", from.display(), to.display()),
                Err(error) => warn!("{error:#}; the first is not ours: move it yourself"),
            }
        }
        Ok(())
    }
}

/// Whether two names lead to one file, or to links that say the same.
fn is_link_of(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(found), Ok(there)) = (one.symlink_metadata(), other.symlink_metadata()) else {
        return false;
    };
    let is_one = (found.dev(), found.ino()) == (there.dev(), there.ino()) && !found.is_dir();
    let says = |path: &Path| fs::read_link(path).ok();
    is_one || (found.is_symlink() && says(one) == says(other))
}

/// What has to be done to a tree.
struct Change<'w> {
    /// Names of files that are removed or replaced.
    gone: BTreeSet<String>,
    /// Names of files that are written or linked.
    coming: Coming,
    /// These, and those of a change that was cut off.
    doubtful: Coming,
    /// Pages that are made.
    made: BTreeMap<&'w String, &'w Arc<File>>,
}

impl<'w> Change<'w> {
    fn of(tree: &Path, found: Found, wanted: &'w Generation) -> Change<'w> {
        let Found { listed, coming, is_known } = found;
        let is_sure = |path: &str, entry: &Entry| {
            entry.names(path).all(|name| !coming.contains(&name))
                && (is_known || is_as_listed(tree, path, entry))
        };
        let is_kept = |path: &String, entry: &Entry| {
            wanted.files.get(path).is_some_and(|file| file.entry.is_same_file(entry))
                && is_sure(path, entry)
        };
        let (kept, gone): (BTreeMap<_, _>, BTreeMap<_, _>) =
            listed.into_iter().partition(|(path, entry)| is_kept(path, entry));
        let made: BTreeMap<_, _> =
            wanted.files.iter().filter(|(path, _)| !kept.contains_key(*path)).collect();
        let new: Coming = made.iter().flat_map(|(path, file)| file.entry.names(path)).collect();
        let doubtful = new.union(&coming).cloned().collect();
        let kept: BTreeSet<_> = kept.iter().flat_map(|(path, entry)| entry.names(path)).collect();
        let gone = gone.iter().flat_map(|(path, entry)| entry.names(path)).chain(coming);
        let gone = gone.filter(|name| !kept.contains(name)).collect();
        Change { gone, coming: new, doubtful, made }
    }

    /// Directories whose entries change.
    fn touched_directories(&self) -> BTreeSet<&Path> {
        let names = self.gone.iter().chain(&self.coming).map(Path::new);
        names.flat_map(|name| name.ancestors().skip(1)).collect()
    }
}
