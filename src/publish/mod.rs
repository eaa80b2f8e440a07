//! From pages to a published generation.
//!
//! Owns wholeness on disk. Two trees, hard links of each other: `--out` is live,
//! a standby tree stands under `--state`. To publish:
//!
//! 1. every page whose fingerprint changed is rendered and compressed;
//! 2. what differs from the standby's own generation is brought up to date in
//!    it: linked from the live tree, or written as a new file;
//! 3. volatile and the owner's files follow;
//! 4. the standby is sealed with its manifest and synced;
//! 5. the trees are exchanged in one step;
//! 6. what the owner wrote meanwhile is carried over.
//!
//! A file whose content did not change keeps its inode and time; one that did
//! gets a time later by a whole second, because web servers make validators from
//! it.
//!
//! What a process that was killed can leave, and what the next start makes of it:
//!
//! | killed | `--out` | standby | then |
//! |---|---|---|---|
//! | before the first publish | nothing, or the owner's | absent | made |
//! | in 2 or 3 | old | no manifest: half-done | made anew, by links |
//! | in 4, after the manifest | old | new, not exchanged | brought up to date as any other |
//! | in 5 | old or new | the other one | as after 5 |
//! | after 5, before it was recorded | new | old | `--out` says what it is |
//! | file by file ([`in_place`]) | of both | new, sealed | the journal is played to its end |
//! | never, but `--state` was removed | old or new | absent | made anew, by links |
//!
//! Anything that fails before step 5 leaves the live tree as it was. It must
//! not decide *whether* to publish a catalogue.

mod compress;
mod exchange;
mod generation;
mod in_place;
pub mod manifest;
mod owner;
mod render;
mod tree;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use tracing::warn;

use crate::clock::WallTime;
use crate::disk;
use crate::ledger::Ledger;
use crate::pages::Plan;
use crate::store::{OtherUpstream, Strange, UpstreamId, document};
pub use generation::{File, Generation};
pub use manifest::GenerationId;
use manifest::Manifest;
use owner::Published as Paths;
pub use owner::{NotOurs, check_out};

/// How old the data is, for pages and machines: replaced at every refresh.
pub const FRESHNESS: &str = "freshness.json";
/// How the site is doing, for people: replaced at every refresh.
pub const STATUS: &str = "status/index.html";
/// What is wrong with the templates, for their author.
pub const DEV: &str = "dev.json";

/// All files outside generations: replaced by rename, never held.
const VOLATILE: [&str; 3] = [FRESHNESS, STATUS, DEV];

/// Whether a path stands outside generations.
pub fn is_volatile(path: &str) -> bool {
    VOLATILE.contains(&path)
}

/// Volatile files by path.
pub type Volatile = BTreeMap<&'static str, Bytes>;

/// A generation that is not published yet.
#[derive(Debug)]
pub struct Rendered {
    generation: Generation,
    /// Pages that had to be rendered.
    pub pages: usize,
}

/// What a publish did.
#[derive(Debug, Clone)]
pub struct Published {
    /// The generation that is live now.
    pub generation: Arc<Generation>,
    /// Whether anything on disk changed.
    pub changed: bool,
}

/// The published tree and its standby.
#[derive(Debug)]
pub struct Publisher {
    out: PathBuf,
    standby: PathBuf,
    live: Option<Arc<Generation>>,
    /// The directory that we published: another one at the same path is not it.
    identity: Option<exchange::Identity>,
    /// The latest modification time that was ever given out, in seconds.
    stamp: u64,
    /// Whose data is published.
    upstream: UpstreamId,
    /// What the standby holds of ours, if this process made it.
    spare: Option<Arc<Generation>>,
    /// Whether `out` is ours but the list of what in it is ours was lost.
    unlisted: bool,
    /// Whether a tree of somebody else's is taken over.
    strange: Strange,
    /// Whether the live tree still names another upstream.
    moved: bool,
    /// Whether trees cannot be exchanged here.
    in_place: bool,
}

impl Publisher {
    /// Finds out what is published. The caller holds the locks and has checked
    /// that `out` may be written to.
    ///
    /// # Errors
    /// [`OtherUpstream`] if `out` shows another upstream's data; or if the trees
    /// cannot be read, or a newer program wrote them.
    pub fn open(
        out: &Path,
        state: &Path,
        upstream: &UpstreamId,
        strange: Strange,
    ) -> Result<Publisher> {
        let mut publisher = Publisher {
            out: out.to_owned(),
            standby: state.join("standby"),
            live: None,
            identity: None,
            stamp: 0,
            upstream: upstream.clone(),
            spare: None,
            unlisted: false,
            strange,
            moved: false,
            in_place: false,
        };
        in_place::complete(&publisher.out, &publisher.standby)?;
        publisher.look()?;
        Ok(publisher)
    }

    /// Takes what stands at `out` for what is live.
    fn look(&mut self) -> Result<()> {
        let manifest = Manifest::read(&self.out)?;
        self.moved = manifest.as_ref().is_some_and(|found| found.upstream != self.upstream);
        if let Some(found) = manifest.as_ref().map(|manifest| &manifest.upstream)
            && *found != self.upstream
            && self.strange == Strange::Refuse
        {
            return Err(OtherUpstream {
                directory: self.out.clone(),
                found: found.clone(),
                wanted: self.upstream.clone(),
            }
            .into());
        }
        self.unlisted =
            manifest.is_none() && (owner::is_ours(&self.out) || self.strange == Strange::Adopt);
        let found = match manifest {
            Some(manifest) => Some(Generation::read(&self.out, manifest)?),
            // Ours by what else is there: what the standby lists was most of it.
            None if self.unlisted => Manifest::read(&self.standby)?.map(Generation::unread),
            None => None,
        };
        self.live = found.map(Arc::new);
        self.identity = self.live.as_ref().and_then(|_| exchange::identity(&self.out));
        self.stamp = self.live.as_ref().map_or(0, |live| live.stamp).max(self.stamp);
        Ok(())
    }

    /// The generation that is published, if it is whole.
    pub fn live(&self) -> Option<&Arc<Generation>> {
        self.live.as_ref().filter(|live| live.lost.is_empty())
    }

    /// The ledger that was published with it, if it can still be read.
    pub fn ledger(&self) -> Option<Ledger> {
        document::peek(&self.out.join(manifest::OWN_DIRECTORY).join("ledger"), "ledger")
    }

    /// Renders what of a plan is not live already (step 1); `progress` is told how
    /// many of its pages are done.
    ///
    /// # Errors
    /// If a page cannot be rendered, or what stands at `out` now is not ours.
    pub fn render(
        &mut self,
        plan: &Plan<'_>,
        now: WallTime,
        progress: impl Fn(usize) + Sync,
    ) -> Result<Rendered> {
        if self.identity.is_none() || exchange::identity(&self.out) != self.identity {
            // Removed, restored, replaced: what stands there now is what counts.
            check_out(&self.out, self.strange)?;
            self.look()?;
        }
        let stamp = (self.stamp + 1).max(now.seconds());
        let (generation, pages) = render::pages(plan, self.live.as_deref(), stamp, progress)?;
        Ok(Rendered { generation, pages })
    }

    /// Publishes what was rendered (steps 2 to 6).
    ///
    /// # Errors
    /// If a file cannot be written. What was live still is.
    pub fn publish(
        &mut self,
        rendered: Rendered,
        ledger: &Ledger,
        volatile: impl Fn(&Generation) -> Volatile,
    ) -> Result<Published> {
        let generation = Arc::new(rendered.generation);
        let volatile = volatile(&generation);
        let changed =
            self.moved || !self.live.as_ref().is_some_and(|live| holds(live, &generation));
        if changed {
            self.write(&generation, ledger, &volatile)?;
            self.stamp = self.stamp.max(generation.stamp);
        } else if let Err(error) = self.write_volatile(&volatile) {
            warn!("{error:#}");
        }
        self.live = Some(generation.clone());
        Ok(Published { generation, changed })
    }

    /// A volatile file of the live tree.
    pub fn read_volatile(&self, path: &str) -> Option<Vec<u8>> {
        disk::read(&self.out.join(path)).ok().flatten()
    }

    /// Replaces volatile files in the live tree, if that is still there: one that was
    /// removed comes back with the next refresh, and whole.
    ///
    /// # Errors
    /// If one cannot be written.
    pub fn write_volatile(&self, volatile: &Volatile) -> Result<()> {
        if self.identity.is_none() || exchange::identity(&self.out) != self.identity {
            return Ok(());
        }
        volatile.iter().try_for_each(|(path, bytes)| {
            let path = self.out.join(path);
            let directory = disk::parent(&path);
            if directory != self.out {
                disk::create_directory_in(directory)?;
            }
            disk::replace_unsynced(&path, bytes)
        })
    }

    /// Steps 2 to 6.
    fn write(
        &mut self,
        generation: &Arc<Generation>,
        ledger: &Ledger,
        volatile: &Volatile,
    ) -> Result<()> {
        if !self.in_place && in_place::is_elsewhere(&self.out, &self.standby) {
            let (out, standby) = (self.out.display(), self.standby.display());
            warn!("{out} and {standby} are on different file systems; {FILE_BY_FILE}");
            self.in_place = true;
        }
        let (out, standby, live) = (&self.out, &self.standby, self.live.as_deref());
        let mut published = Paths::of(live);
        if self.unlisted {
            // What we are about to write was ours most likely.
            published = published.and(Paths::of(Some(generation)));
            if !owner::is_ours(out) {
                let kept = disk::parent(standby).join("adopted");
                owner::keep_replaced(out, generation, &kept)?;
            }
        }
        let spare = self.spare.take();
        let from = live.map(|live| (out.as_path(), live));
        tree::apply(standby, generation, from, spare.as_deref())?;
        if self.in_place {
            owner::make_sure_of_room(out, &published, generation)?;
        } else {
            owner::carry(out, &published, standby, generation)?;
            for (path, bytes) in volatile {
                disk::create_directory(disk::parent(&standby.join(path)))?;
                disk::replace_unsynced(&standby.join(path), bytes)?;
            }
        }
        tree::open_to_all(standby)?;
        let manifest = generation.manifest(&self.upstream);
        tree::seal(standby, &manifest, &document::bytes("ledger", ledger)?)?;
        self.spare = self.exchange(generation, &published)?;
        self.identity = exchange::identity(&self.out);
        if self.in_place {
            self.write_volatile(volatile)?;
        }
        self.unlisted = false;
        self.moved = false;
        Ok(())
    }

    /// Steps 5 and 6; or, where trees cannot be exchanged, file by file. Gives what the
    /// standby holds then.
    fn exchange(
        &mut self,
        generation: &Arc<Generation>,
        published: &Paths,
    ) -> Result<Option<Arc<Generation>>> {
        let (out, standby) = (&self.out, &self.standby);
        if !self.in_place {
            match exchange::exchange(standby, out) {
                Ok(()) => {
                    owner::carry_late(standby, published, out, generation)?;
                    return Ok(self.live.clone());
                }
                Err(error) if in_place::is_the_only_way(&error) => {
                    warn!("{error:#}; {FILE_BY_FILE}");
                }
                Err(error) => return Err(error),
            }
        }
        self.in_place = true;
        disk::create_directory(&self.out)?;
        in_place::publish(&self.out, &self.standby, self.live.as_deref(), generation)?;
        Ok(Some(generation.clone()))
    }
}

/// What is lost where trees cannot be exchanged.
const FILE_BY_FILE: &str = "publishing goes file by file: every file is whole, but a visitor may \
    meet two generations in one visit";

/// Whether what is live has the very files of `wanted`.
fn holds(live: &Generation, wanted: &Generation) -> bool {
    live.lost.is_empty()
        && live.files.len() == wanted.files.len()
        && live.files.iter().zip(&wanted.files).all(|((path, file), (other_path, other))| {
            path == other_path && file.entry.is_same_file(&other.entry)
        })
}
