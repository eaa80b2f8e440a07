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
//! it. Anything that fails before step 5 leaves the live tree as it was. It must
//! not decide *whether* to publish a catalogue.

mod compress;
mod exchange;
mod generation;
pub mod manifest;
mod owner;
mod tree;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;

use crate::clock::WallTime;
use crate::disk;
use crate::ledger::Ledger;
use crate::pages::Plan;
use crate::store::document;
pub use generation::{File, Generation};
pub use manifest::GenerationId;
pub use owner::{NotOurs, check_out};

/// How old the data is, for pages and machines: replaced at every refresh.
pub const FRESHNESS: &str = "freshness.json";

/// Whether a path stands outside generations: replaced by rename, never held.
pub fn is_volatile(path: &str) -> bool {
    path == FRESHNESS
}

/// Volatile files by path.
pub type Volatile = BTreeMap<&'static str, Bytes>;

/// What a publish did.
#[derive(Debug, Clone)]
pub struct Published {
    /// The generation that is live now.
    pub generation: Arc<Generation>,
    /// Pages that had to be rendered.
    pub rendered: usize,
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
}

impl Publisher {
    /// Finds out what is published. The caller holds the locks and has checked
    /// that `out` may be written to.
    ///
    /// # Errors
    /// If the trees cannot be read, or a newer program wrote them.
    pub fn open(out: &Path, state: &Path) -> Result<Publisher> {
        let (out, standby) = (out.to_owned(), state.join("standby"));
        let mut publisher = Publisher { out, standby, live: None, identity: None, stamp: 0 };
        publisher.look()?;
        Ok(publisher)
    }

    /// Takes what stands at `out` for what is live.
    fn look(&mut self) -> Result<()> {
        self.live = Generation::read(&self.out)?.map(Arc::new);
        self.identity = self.live.as_ref().and_then(|_| exchange::identity(&self.out));
        self.stamp = self.live.as_ref().map_or(0, |live| live.stamp).max(self.stamp);
        Ok(())
    }

    /// The generation that is published.
    pub fn live(&self) -> Option<&Arc<Generation>> {
        self.live.as_ref()
    }

    /// The ledger that was published with it, if it can still be read.
    pub fn ledger(&self) -> Option<Ledger> {
        document::peek(&self.out.join(manifest::OWN_DIRECTORY).join("ledger"), "ledger")
    }

    /// Publishes a plan; `progress` is told how many of its pages are done.
    ///
    /// # Errors
    /// If a page cannot be rendered or a file cannot be written. What was live
    /// still is.
    pub fn publish(
        &mut self,
        plan: &Plan<'_>,
        ledger: &Ledger,
        volatile: impl Fn(&Generation) -> Volatile,
        now: WallTime,
        progress: impl Fn(usize),
    ) -> Result<Published> {
        if self.identity.is_none() || exchange::identity(&self.out) != self.identity {
            // Removed, restored, replaced: what stands there now is what counts.
            check_out(&self.out)?;
            self.look()?;
        }
        let (generation, rendered) = self.render(plan, now, progress)?;
        let volatile = volatile(&generation);
        let changed = !self.live.as_ref().is_some_and(|live| holds(live, &generation));
        if changed {
            self.write(&generation, ledger, &volatile)?;
            self.identity = exchange::identity(&self.out);
            self.stamp = self.stamp.max(generation.stamp);
        } else {
            self.write_volatile(&volatile)?;
        }
        let generation = Arc::new(generation);
        self.live = Some(generation.clone());
        Ok(Published { generation, rendered, changed })
    }

    /// A volatile file of the live tree.
    pub fn read_volatile(&self, path: &str) -> Option<Vec<u8>> {
        disk::read(&self.out.join(path)).ok().flatten()
    }

    /// Replaces volatile files in the live tree.
    ///
    /// # Errors
    /// If one cannot be written.
    pub fn write_volatile(&self, volatile: &Volatile) -> Result<()> {
        volatile.iter().try_for_each(|(path, bytes)| {
            let path = self.out.join(path);
            disk::create_directory(disk::parent(&path))?;
            disk::replace_unsynced(&path, bytes)
        })
    }

    /// Step 1. A file whose content is that of the live one stays that file.
    fn render(
        &self,
        plan: &Plan<'_>,
        now: WallTime,
        progress: impl Fn(usize),
    ) -> Result<(Generation, usize)> {
        let before = self.live.as_deref();
        let stamp = (self.stamp + 1).max(now.seconds());
        let mut files = BTreeMap::new();
        let mut rendered = 0;
        let mut news = false;
        for (done, (path, page)) in plan.pages().enumerate() {
            progress(done);
            let fingerprint = page.fingerprint.to_string();
            let known = before.and_then(|live| live.files.get(path));
            let file = match known {
                Some(known) if known.entry.fingerprint == fingerprint => known.clone(),
                _ => {
                    rendered += 1;
                    let bytes = page.render()?;
                    match known {
                        Some(known) if known.bytes == bytes => {
                            let mut same = File::clone(known);
                            same.entry.fingerprint = fingerprint;
                            Arc::new(same)
                        }
                        _ => {
                            news = true;
                            Arc::new(File::new(path, fingerprint, bytes, stamp))
                        }
                    }
                }
            };
            files.insert(path.to_owned(), file);
        }
        let stamp = if news { stamp } else { before.map_or(stamp, |live| live.stamp) };
        Ok((Generation::new(stamp, files), rendered))
    }

    /// Steps 2 to 6.
    fn write(&self, generation: &Generation, ledger: &Ledger, volatile: &Volatile) -> Result<()> {
        let (out, standby, live) = (&self.out, &self.standby, self.live.as_deref());
        tree::apply(standby, generation, live.map(|live| (out.as_path(), live)))?;
        owner::carry(out, live, standby, generation)?;
        for (path, bytes) in volatile {
            disk::create_directory(disk::parent(&standby.join(path)))?;
            disk::replace_unsynced(&standby.join(path), bytes)?;
        }
        tree::open_to_all(standby)?;
        tree::seal(standby, generation, &document::bytes("ledger", ledger)?)?;
        exchange::exchange(standby, out)?;
        match live {
            Some(before) => owner::carry_late(standby, before, out, generation),
            None => Ok(()),
        }
    }
}

/// Whether what is live has the very files of `wanted`.
fn holds(live: &Generation, wanted: &Generation) -> bool {
    live.files.len() == wanted.files.len()
        && live.files.iter().zip(&wanted.files).all(|((path, file), (other_path, other))| {
            path == other_path && file.entry.is_same_file(&other.entry)
        })
}
