//! From pages to a published generation.
//!
//! Owns the completeness of the site on disk. There are two trees, which are hard links of each
//! other: `--out` is live, and the standby tree is under `--state`. The steps of a publish:
//!
//! 1. render and compress each page whose fingerprint changed;
//! 2. decide how to publish: exchange the trees only if everything in `--out` is ours and no
//!    process uses the directory itself; otherwise publish file by file ([`in_place`]). Hold
//!    back pages whose path is taken, and check the free space;
//! 3. bring the standby up to date ([`standby`]): link each file from the live tree, or write a
//!    new file;
//! 4. seal the standby with its manifest, and sync;
//! 5. exchange the trees in one step, or publish file by file;
//! 6. after an exchange, repeat both checks of step 2. If a process or a file came in between,
//!    exchange the trees back and publish file by file.
//!
//! Assets to which the new generation does not refer stay for one day ([`retired`]).
//!
//! An entry that is not ours is never copied, linked, moved away or deleted, and never stops a
//! publish.
//!
//! A file whose content did not change keeps its inode and time. A file whose content changed
//! gets a time that is later by a whole second, because web servers make validators from it.
//!
//! What a killed process can leave, and what the next start does:
//!
//! | killed | `--out` | standby | next start |
//! |---|---|---|---|
//! | before the first publish | empty, or the owner's | absent | makes the standby |
//! | in 3 | old | lists files that may be incomplete | brings the standby up to date |
//! | in 4, after the manifest | old | new, not exchanged | brings the standby up to date |
//! | in 5, exchanging | old or new | the other tree | old: as in 4; new: as in 6 |
//! | in 5, file by file | files of both | new, sealed | completes the journal |
//! | in 6 | new | old, with entries of the owner | exchanges the trees back |
//! | after 6, before the outcome is recorded | new | old | reads the manifest of `--out` |
//! | making the first standby after 6 | new | as in 3 | as in 3 |
//! | never, but `--state` was removed | old or new | absent | makes the standby from links |
//!
//! A failure before step 5 leaves the live tree as it was. This module must not decide
//! *whether* to publish a catalogue.

mod adopt;
mod bodies;
mod compress;
mod directory_status;
mod exchange;
mod file_list;
mod files;
mod forms;
mod found;
mod generation;
mod held_back;
mod in_place;
mod inputs;
pub mod manifest;
mod obstacles;
mod ours;
mod outside;
mod places;
mod published;
mod render;
mod residents;
mod retired;
mod seen;
mod space;
mod spool;
mod standby;
mod standby_change;
mod step;
mod strangers;
mod volatile;
mod why;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use tracing::{info, warn};

use crate::clock::WallTime;
use crate::disk;
use crate::document;
use crate::ledger::Ledger;
use crate::pages::Plan;
use crate::upstream::{Strange, UpstreamId};
pub use adopt::{NotOurs, check_out};
use bodies::HotBodies;
use file_list::FileList;
use found::Found;
use generation::LostFile;
pub use generation::{Generation, PublishedFile};
use held_back::Present;
pub use inputs::{LastStep, MadeFrom, SiteInputs};
pub use manifest::GenerationId;
use manifest::{Manifest, OWN_DIRECTORY};
use ours::Ours;
use outside::VOLATILE;
pub use outside::{DEV, FRESHNESS, STATUS, is_volatile};
pub use published::{Exchange, PublishCounts, Published, Rendered};
pub use render::TooLarge;
use spool::Spool;
use standby::Standby;
pub use step::PublishStep;
pub use volatile::Volatile;
use why::Why;

/// The published tree and its standby.
#[derive(Debug)]
pub struct Publisher {
    out: PathBuf,
    standby: Standby,
    live: Option<Arc<Generation>>,
    /// Identity of the directory that we published. Another directory may be at the path now.
    identity: Option<exchange::Identity>,
    /// Pages that `out` lacks, and directories in `out` that are not ours.
    present: Present,
    /// The latest modification time of any published file, in seconds since 1970.
    stamp: u64,
    /// The upstream whose data is published.
    upstream: UpstreamId,
    /// Whether `out` is ours but its list of files was lost.
    unlisted: bool,
    /// Whether a tree of another program or upstream is taken over.
    strange: Strange,
    /// Whether the manifest of the live tree still names another upstream.
    moved: bool,
    /// The reason that forbids an exchange for the whole run, if any.
    never: Option<Why>,
    /// Content that was asked for lately, and how much content may be in memory.
    hot: Arc<HotBodies>,
    /// What the live tree is made from, if this is known.
    made: Option<MadeFrom>,
    /// The last logged reason for publishing file by file, so that it is logged once.
    told: Option<Why>,
}

impl Publisher {
    /// Reads what is published. The caller holds the locks and has checked that `out` may be
    /// written to.
    ///
    /// # Errors
    /// Fails with [`OtherUpstream`](crate::upstream::OtherUpstream) if `out` shows the data of
    /// another upstream. Also fails if the trees cannot be read, or if a newer program wrote them.
    pub fn open(
        out: &Path,
        state: &Path,
        upstream: &UpstreamId,
        strange: Strange,
        exchange: Exchange,
        cache_bytes: u64,
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
            hot: Arc::new(HotBodies::new(cache_bytes)),
            made: None,
            told: None,
        };
        in_place::complete(&publisher.out, publisher.standby.path())?;
        let manifest = Manifest::read(&publisher.out)?;
        let is_large = manifest.as_ref().is_some_and(|manifest| {
            manifest.held_back.is_empty() && manifest.bytes_of_files() > cache_bytes
        });
        if !is_large && strangers::settle(&publisher.standby, &publisher.out)? {
            publisher.look()?;
        } else {
            publisher.take(manifest, !is_large)?;
        }
        Ok(publisher)
    }

    /// Whether the live tree is not yet checked, because the site is large.
    pub fn is_unchecked(&self) -> bool {
        self.live.as_ref().is_some_and(|live| !live.is_checked)
    }

    /// Checks a live tree of a large site. Until then, the site is served from its manifest.
    ///
    /// # Errors
    /// Fails if the trees cannot be read or exchanged.
    pub fn check(&mut self, now: WallTime) -> Result<()> {
        if !self.is_unchecked() {
            return Ok(());
        }
        self.standby.seen().set_now(now);
        if strangers::settle(&self.standby, &self.out)? {
            return self.look();
        }
        if let Some(live) = &mut self.live {
            let live = Arc::make_mut(live);
            found::check(live, &self.out);
            self.stamp = self.stamp.max(live.stamp);
        }
        Ok(())
    }

    /// Takes the tree at `out` as live.
    fn look(&mut self) -> Result<()> {
        let manifest = Manifest::read(&self.out)?;
        self.take(manifest, true)
    }

    /// Takes the tree at `out`, which has this manifest, as live. `reads` says whether the files are
    /// read or checked now.
    fn take(&mut self, manifest: Option<Manifest>, reads: bool) -> Result<()> {
        let of = (&self.upstream, self.strange);
        let found = Found::in_tree(&self.out, manifest, &self.standby, of, &self.hot, reads)?;
        (self.moved, self.unlisted) = (found.moved, found.unlisted);
        (self.present, self.made) = (found.present, found.made);
        self.live = found.live.map(Arc::new);
        self.identity = self.live.as_ref().and_then(|_| exchange::identity(&self.out));
        self.stamp = self.live.as_ref().map_or(0, |live| live.stamp).max(self.stamp);
        Ok(())
    }

    /// Returns the published generation, if all its files are there.
    pub fn live(&self) -> Option<&Arc<Generation>> {
        self.live.as_ref().filter(|live| live.is_whole())
    }

    /// Returns the ledger that was published with the generation, if it can be read.
    pub fn ledger(&self) -> Option<Ledger> {
        document::peek(&self.out.join(OWN_DIRECTORY).join("ledger"), "ledger")
    }

    /// Renders the pages of a plan that are not live already (step 1), and tells `progress`.
    ///
    /// # Errors
    /// Fails if a page cannot be rendered, or if the tree at `out` is no longer ours.
    pub fn render(
        &mut self,
        plan: &Plan<'_>,
        now: WallTime,
        progress: impl Fn(PublishStep<'_>) + Sync,
    ) -> Result<Rendered> {
        if self.identity.is_none() || exchange::identity(&self.out) != self.identity {
            // Somebody may have removed, restored or replaced `out`: check the tree that is there
            // now.
            check_out(&self.out, self.strange)?;
            self.look()?;
        }
        self.standby.seen().set_now(now);
        if let Some(live) = self.live.as_mut().filter(|live| !live.missing().is_empty()) {
            let missing = live.missing();
            let live = Arc::make_mut(live);
            missing.iter().for_each(|path| live.lose(path));
        }
        let stamp = (self.stamp + 1).max(now.seconds());
        let live = self.live.as_deref();
        let spool = Spool::new(disk::parent(self.standby.path()), self.hot.most);
        let (mut generation, pages) = render::pages(plan, live, stamp, &spool, progress)?;
        if let Some(live) = live {
            retired::carry_over(live, &mut generation.files, now);
        }
        Ok(Rendered { generation, pages })
    }

    /// Publishes a rendered generation (steps 2 to 6).
    ///
    /// # Errors
    /// Fails if a file cannot be written. The live generation stays.
    pub fn publish(
        &mut self,
        rendered: Rendered,
        inputs: SiteInputs,
        volatile: impl Fn(&Generation) -> Volatile,
        progress: impl Fn(PublishStep<'_>) + Sync,
    ) -> Result<Published> {
        let mut generation = Arc::new(rendered.generation);
        let volatile = volatile(&generation);
        let changed = self.moved
            || !self.live.as_ref().is_some_and(|live| live.has_files_of(&generation))
            || self.present.has_room_again(&self.out);
        if changed {
            if let Err(error) = self.write(&generation, &inputs, &volatile, &progress) {
                return Err(self.explained(error));
            }
            self.stamp = self.stamp.max(generation.stamp);
        } else if let Err(error) = self.write_volatile(&volatile) {
            warn!("{error:#}");
        }
        // The published tree has the content now, and this is the last generation that needs room.
        let is_in_standby = self.standby.holds(&generation);
        Arc::make_mut(&mut generation).published(&[&self.out, self.standby.path()], &self.hot);
        if is_in_standby {
            self.standby.now_holds(Some(generation.clone()));
        }
        let before = self.live.replace(generation.clone());
        if changed || !self.made.as_ref().is_some_and(|made| made.is_of(&inputs)) {
            let made = MadeFrom::of(&generation.id, inputs, self.made.as_ref());
            made.write(&self.out);
            self.made = Some(made);
        }
        let counts = changed.then(|| PublishCounts::of(before.as_deref(), &generation));
        Ok(Published { generation, changed, counts: counts.unwrap_or_default() })
    }

    /// Prepares the standby for the next publish, if there is no standby yet.
    ///
    /// # Errors
    /// Fails if a file cannot be linked or written. The next publish prepares the standby then.
    pub fn prepare(&mut self) -> Result<()> {
        let is_plain = self.never.is_none() && self.present == Present::default();
        match self.live.clone().filter(|_| is_plain) {
            Some(live) if exchange::identity(&self.out) == self.identity => {
                self.standby.prepare(&live, &self.out, &self.upstream)
            }
            _ => Ok(()),
        }
    }

    /// Returns the live generation, if it is made from these inputs and the tree is untouched.
    pub fn made_from(&self, inputs: &SiteInputs, now: WallTime) -> Option<&Arc<Generation>> {
        let is_same = self.made.as_ref().is_some_and(|made| made.is_of(inputs));
        self.live.as_ref().filter(|_| is_same && self.is_settled(now))
    }

    /// Whether a publish of the same pages would change nothing in `out`, as far as this process
    /// knows.
    pub fn is_settled(&self, now: WallTime) -> bool {
        let is_settled = |live: &Arc<Generation>| {
            let is_whole = live.lost.is_empty() && live.missing().is_empty();
            is_whole && !retired::is_one_due(live, now)
        };
        self.live.as_ref().is_some_and(is_settled)
            && !self.moved
            && !self.is_unchecked()
            && self.identity.is_some()
            && exchange::identity(&self.out) == self.identity
            && !self.present.has_room_again(&self.out)
    }

    /// Notes a file that was lost from the tree, so that the next publish makes the file again.
    fn explained(&mut self, error: anyhow::Error) -> anyhow::Error {
        let Some(LostFile(path)) = error.downcast_ref() else { return error };
        if let Some(live) = &mut self.live {
            Arc::make_mut(live).lose(path);
        }
        error.context("the next refresh makes the file again")
    }

    /// Returns a volatile file of the live tree.
    pub fn read_volatile(&self, path: &str) -> Option<Vec<u8>> {
        disk::read(&self.out.join(path)).ok().flatten()
    }

    /// Replaces volatile files in the live tree. Does nothing if the tree was removed: the next
    /// refresh publishes the tree again.
    ///
    /// # Errors
    /// Fails if a file cannot be written.
    pub fn write_volatile(&self, volatile: &Volatile) -> Result<()> {
        if self.identity.is_none() || exchange::identity(&self.out) != self.identity {
            return Ok(());
        }
        volatile::replace(&self.out, volatile)
    }

    /// Runs steps 2 to 6.
    fn write(
        &mut self,
        generation: &Arc<Generation>,
        inputs: &SiteInputs,
        volatile: &Volatile,
        progress: &(dyn Fn(PublishStep<'_>) + Sync),
    ) -> Result<()> {
        let before = self.present.without_held_back(self.live.as_ref());
        let theirs = &self.present.owners_directories;
        let mut ours = Ours::of(before.clone(), self.standby.seen()).without(theirs);
        if self.unlisted {
            self.take_over(&mut ours, generation)?;
        }
        let change = self.standby.change_to(generation)?;
        let in_standby = strangers::give_back(&self.standby, &self.out, &change)?;
        let why = self.why_in_place(&ours, in_standby);
        space::check((&self.out, self.standby.path()), &change, generation, &before)?;
        let live = self.live.clone();
        let from = live.as_deref().map(|live| (self.out.as_path(), live));
        self.standby.apply(&change, from, &self.out, progress)?;
        self.standby.seal(&self.upstream, &inputs.ledger, generation)?;
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
        (self.unlisted, self.moved) = (false, false);
        Ok(())
    }

    /// Runs step 5 file by file.
    fn put_in_place(
        &mut self,
        generation: &Arc<Generation>,
        ours: &Ours,
        before: &FileList,
    ) -> Result<()> {
        let (out, was) = (&self.out, &self.present);
        let present = held_back::look(out, ours, before, was, generation);
        held_back::tell(out, was, &present);
        let standby = self.standby.path();
        self.present = in_place::publish(out, standby, ours, before, was, present, generation)?;
        Ok(())
    }

    /// Adds files to `ours` that may be replaced although no list names them.
    fn take_over(&self, ours: &mut Ours, generation: &Generation) -> Result<()> {
        if ours::is_ours(&self.out) {
            // A file at the path of a page was probably ours.
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

    /// Returns the reason that forbids an exchange, if any.
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

    /// Logs once why the site is published file by file.
    fn tell(&mut self, why: Why) {
        if !self.told.as_ref().is_some_and(|told| told.is_like(&why)) {
            info!("{} is published {FILE_BY_FILE}: {why}", self.out.display());
        }
        self.told = Some(why);
    }

    /// Runs steps 5 and 6 with an exchange. Returns the reason if the trees may not be exchanged.
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

/// The other way of publishing and its effect, for the log.
const FILE_BY_FILE: &str = "file by file (every file is complete, but a visitor may get pages of two \
    generations in one visit)";
