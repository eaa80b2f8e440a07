//! From pages to a published generation.
//!
//! Owns wholeness on disk. Two trees, hard links of each other: `--out` is live,
//! a standby tree stands under `--state`. To publish:
//!
//! 1. every page whose fingerprint changed is rendered and compressed;
//! 2. it is decided how to publish: the trees are exchanged only while everything in
//!    `--out` is ours and nobody uses the directory itself, else the files are put in
//!    place one by one ([`in_place`]); pages whose place is taken are held back, and
//!    the space on the disk is checked;
//! 3. what differs from the standby's own generation is brought up to date in
//!    the standby ([`standby`]): linked from the live tree, or written as a new file;
//! 4. the standby is sealed with its manifest and synced;
//! 5. the trees are exchanged in one step, or the files are put in place;
//! 6. after an exchange, both checks of step 2 are made again: if somebody came in
//!    between, the trees are exchanged back and the files are put in place.
//!
//! Assets that the new generation does not refer to stay for a day ([`retired`]).
//!
//! Nothing that is not ours is ever copied, linked, moved away or deleted, and nothing
//! that is not ours stops a publish.
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
//! | in 3 | old | says what may be in it | brought up to date |
//! | in 4, after the manifest | old | new, not exchanged | brought up to date as any other |
//! | in 5, exchanging | old or new | the other one | as after 5 |
//! | in 5, file by file | of both | new, sealed | the journal is played to its end |
//! | in 6 | new | old, with what the owner put there | exchanged back |
//! | after 6, before it was recorded | new | old | `--out` says what it is |
//! | never, but `--state` was removed | old or new | absent | made anew, by links |
//!
//! Anything that fails before step 5 leaves the live tree as it was. It must
//! not decide *whether* to publish a catalogue.

mod adopt;
mod compress;
mod exchange;
mod files;
mod generation;
mod in_place;
pub mod manifest;
mod obstacles;
mod ours;
mod outside;
mod render;
mod residents;
mod retired;
mod space;
mod standby;
mod volatile;
mod why;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use tracing::{info, warn};

use crate::clock::WallTime;
use crate::disk;
use crate::document;
use crate::ledger::Ledger;
use crate::pages::Plan;
use crate::upstream::{OtherUpstream, Strange, UpstreamId};
pub use adopt::{NotOurs, check_out};
pub use generation::{File, Generation};
use in_place::Present;
pub use manifest::GenerationId;
use manifest::{Entry, Manifest, OWN_DIRECTORY};
use ours::Ours;
use outside::VOLATILE;
pub use outside::{DEV, FRESHNESS, STATUS, is_volatile};
pub use render::TooLarge;
use standby::Standby;
pub use volatile::Volatile;
use why::Why;

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

/// Whether the trees may be exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchange {
    /// While nothing speaks against it.
    IfPossible,
    /// Never: the files are put in place one by one.
    Never,
}

/// The published tree and its standby.
#[derive(Debug)]
pub struct Publisher {
    out: PathBuf,
    standby: Standby,
    live: Option<Arc<Generation>>,
    /// The directory that we published: another one at the same path is not it.
    identity: Option<exchange::Identity>,
    /// What `out` lacks of that, and holds beside it.
    present: Present,
    /// The latest modification time that was ever given out, in seconds.
    stamp: u64,
    /// Whose data is published.
    upstream: UpstreamId,
    /// Whether `out` is ours but the list of what in it is ours was lost.
    unlisted: bool,
    /// Whether a tree of somebody else's is taken over.
    strange: Strange,
    /// Whether the live tree still names another upstream.
    moved: bool,
    /// What forbids an exchange for good.
    never: Option<Why>,
    /// Why files were put in place one by one the last time: to be told once.
    told: Option<Why>,
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
        exchange: Exchange,
    ) -> Result<Publisher> {
        let mut publisher = Publisher {
            out: out.to_owned(),
            standby: Standby::under(state),
            live: None,
            identity: None,
            present: Present::default(),
            stamp: 0,
            upstream: upstream.clone(),
            unlisted: false,
            strange,
            moved: false,
            never: (exchange == Exchange::Never).then_some(Why::Asked),
            told: None,
        };
        in_place::complete(&publisher.out, publisher.standby.path())?;
        publisher.settle()?;
        publisher.look()?;
        Ok(publisher)
    }

    /// Brings back to `out` what an earlier process has moved into the standby tree.
    fn settle(&self) -> Result<()> {
        let strangers = self.strangers_in_standby()?;
        if strangers.is_empty() {
            return Ok(());
        }
        let is_whole = self.standby.manifest()?.is_some();
        let is_untouched = Manifest::peek(&self.out)
            .is_some_and(|manifest| ours_of(&manifest).strangers(&self.out, 1).is_empty());
        if is_whole && is_untouched {
            // It was killed between the exchange and its second look.
            exchange::exchange(self.standby.path(), &self.out)
        } else {
            self.standby.give_back(&strangers, &self.out)
        }
    }

    /// Gives back what in the standby tree is not ours; what stays there all the same, if
    /// anything does.
    fn give_back(&self) -> Result<Option<PathBuf>> {
        let strangers = self.strangers_in_standby()?;
        if strangers.is_empty() {
            return Ok(None);
        }
        self.standby.give_back(&strangers, &self.out)?;
        let left = self.strangers_in_standby()?;
        Ok(left.first().map(|below| self.standby.path().join(below)))
    }

    fn strangers_in_standby(&self) -> Result<Vec<PathBuf>> {
        let ours = self.standby.ours()?;
        Ok(ours.map_or_else(Vec::new, |ours| ours.strangers(self.standby.path(), usize::MAX)))
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
            manifest.is_none() && (ours::is_ours(&self.out) || self.strange == Strange::Adopt);
        self.present = manifest.as_ref().map(Present::of).unwrap_or_default();
        let found = match manifest {
            Some(manifest) => Some(Generation::read(&self.out, manifest, self.standby.path())?),
            // Ours by what else is there: what the standby lists was most of it.
            None if self.unlisted => self.standby.manifest()?.map(Generation::unread),
            None => None,
        };
        self.live = found.map(Arc::new);
        self.identity = self.live.as_ref().and_then(|_| exchange::identity(&self.out));
        self.stamp = self.live.as_ref().map_or(0, |live| live.stamp).max(self.stamp);
        Ok(())
    }

    /// The generation that is published, if it is whole.
    pub fn live(&self) -> Option<&Arc<Generation>> {
        self.live.as_ref().filter(|live| live.is_whole())
    }

    /// The ledger that was published with it, if it can still be read.
    pub fn ledger(&self) -> Option<Ledger> {
        document::peek(&self.out.join(OWN_DIRECTORY).join("ledger"), "ledger")
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
        let live = self.live.as_deref();
        let (mut generation, pages) = render::pages(plan, live, stamp, progress)?;
        if let Some(live) = live {
            retired::carry_over(live, &mut generation.files, now);
        }
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
        let changed = self.moved
            || !self.live.as_ref().is_some_and(|live| holds(live, &generation))
            || self.present.has_room_again(&self.out);
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
        volatile::replace(&self.out, volatile)
    }

    /// Steps 2 to 6.
    fn write(
        &mut self,
        generation: &Arc<Generation>,
        ledger: &Ledger,
        volatile: &Volatile,
    ) -> Result<()> {
        let before = self.listed();
        let mut ours = Ours::of(before.iter()).without(&self.present.owners_directories);
        if self.unlisted {
            self.take_over(&mut ours, generation)?;
        }
        let in_standby = self.give_back()?;
        let why = self.why_in_place(&ours, in_standby);
        self.make_sure_of_space(generation, &before)?;
        let live = self.live.clone();
        let from = live.as_deref().map(|live| (self.out.as_path(), live));
        self.standby.apply(generation, from, &self.out)?;
        let manifest = generation.manifest(&self.upstream);
        self.standby.seal(&manifest, &document::bytes("ledger", ledger)?, generation)?;
        let why = match why {
            None => self.exchange(&ours, volatile)?,
            Some(why) => Some(why),
        };
        if let Some(why) = why {
            self.tell(why);
            self.put_in_place(generation, &ours, &before)?;
            volatile::replace(&self.out, volatile)?;
        }
        self.identity = exchange::identity(&self.out);
        self.unlisted = false;
        self.moved = false;
        Ok(())
    }

    /// Step 5 where the trees are not exchanged.
    fn put_in_place(
        &mut self,
        generation: &Generation,
        ours: &Ours,
        before: &BTreeMap<String, Entry>,
    ) -> Result<()> {
        let (out, was) = (&self.out, &self.present);
        let present = in_place::look(out, ours, before, was, generation);
        in_place::tell(out, was, &present);
        let standby = self.standby.path();
        self.present = in_place::publish(out, standby, ours, before, was, present, generation)?;
        Ok(())
    }

    /// What is listed as ours in `out`.
    fn listed(&self) -> BTreeMap<String, Entry> {
        let listed = self.live.iter().flat_map(|live| live.listed());
        let listed = listed.filter(|(path, _)| !self.present.held_back.contains_key(*path));
        listed.map(|(path, entry)| (path.clone(), entry.clone())).collect()
    }

    /// Adds to what is ours what may be replaced although no list names it.
    fn take_over(&self, ours: &mut Ours, generation: &Generation) -> Result<()> {
        if ours::is_ours(&self.out) {
            // What we are about to write was ours most likely.
            for (path, file) in &generation.files {
                file.entry.names(path).for_each(|name| ours.add(&name));
            }
            return Ok(());
        }
        let state = disk::parent(self.standby.path());
        let kept = adopt::keep_replaced(&self.out, generation, state)?;
        kept.iter().for_each(|name| ours.add_file(name));
        Ok(())
    }

    /// What forbids to exchange the trees, if anything does.
    fn why_in_place(&self, ours: &Ours, in_standby: Option<PathBuf>) -> Option<Why> {
        if let Some(why) = &self.never {
            return Some(why.clone());
        }
        if obstacles::is_elsewhere(&self.out, self.standby.path()) {
            return Some(Why::Elsewhere);
        }
        if self.out.symlink_metadata().is_err() {
            return None;
        }
        if self.unlisted {
            return Some(Why::NotKnown);
        }
        if let Some(path) = self.present.held_back.keys().next() {
            return Some(Why::Stranger(self.out.join(path)));
        }
        if exchange::has_attributes(&self.out) {
            return Some(Why::Attributes);
        }
        let in_standby = in_standby.map(Why::StandbyUsed);
        in_standby.or_else(|| why::who_uses(&self.out, &self.out, ours))
    }

    /// # Errors
    /// If the new files do not fit on the disk.
    fn make_sure_of_space(
        &self,
        generation: &Generation,
        before: &BTreeMap<String, Entry>,
    ) -> Result<()> {
        let is_elsewhere = obstacles::is_elsewhere(&self.out, self.standby.path());
        let new = space::missing(generation, |path| before.get(path));
        let spare = self.standby.listed()?;
        let needed = space::missing(generation, |path| {
            let linked = before.get(path).filter(|_| !is_elsewhere);
            linked.or_else(|| spare.get(path))
        });
        space::make_sure_of(self.standby.path(), needed)?;
        if is_elsewhere { space::make_sure_of(&self.out, new) } else { Ok(()) }
    }

    /// Says once why the files are put in place one by one.
    fn tell(&mut self, why: Why) {
        if !self.told.as_ref().is_some_and(|told| told.is_like(&why)) {
            info!("{} is published {FILE_BY_FILE}: {why}", self.out.display());
        }
        self.told = Some(why);
    }

    /// Steps 5 and 6 where the trees may be exchanged; or why they may not after all.
    fn exchange(&mut self, ours: &Ours, volatile: &Volatile) -> Result<Option<Why>> {
        if exchange::look_alike(self.standby.path(), &self.out).is_err() {
            return Ok(Some(Why::Attributes));
        }
        volatile::write(self.standby.path(), volatile)?;
        match exchange::exchange(self.standby.path(), &self.out) {
            Ok(()) => {}
            Err(error) if obstacles::is_the_only_way(&error) => {
                let why = Why::NotPossible(format!("{error:#}"));
                self.never = Some(why.clone());
                return Ok(Some(why));
            }
            Err(error) => return Err(error),
        }
        if self.standby.path().symlink_metadata().is_ok()
            && let Some(why) = why::who_uses(self.standby.path(), &self.out, ours)
        {
            exchange::exchange(self.standby.path(), &self.out)?;
            return Ok(Some(why));
        }
        self.standby.now_holds(self.live.clone());
        self.present = Present::default();
        Ok(None)
    }
}

/// How the pages go live, and what is lost by that.
const FILE_BY_FILE: &str = "file by file (every file is whole, but a visitor may meet two \
    generations in one visit)";

/// The first few of these names for a line of the log, and how many more there are.
fn in_one_line(names: &[String], most: usize) -> String {
    let more = names.len().saturating_sub(most);
    let named = names[..names.len() - more].join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

/// What of a tree that this manifest describes is ours.
fn ours_of(manifest: &Manifest) -> Ours {
    Ours::of(manifest.files.iter()).without(&manifest.owners_directories)
}

/// Whether what is live has the very files of `wanted`, and the same ones are retired.
fn holds(live: &Generation, wanted: &Generation) -> bool {
    live.lost.is_empty()
        && live.files.len() == wanted.files.len()
        && live.files.iter().zip(&wanted.files).all(|((path, file), (other_path, other))| {
            path == other_path
                && file.entry.is_same_file(&other.entry)
                && file.entry.retired == other.entry.retired
        })
}
