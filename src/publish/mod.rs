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
//! 6. after an exchange, and after visitors have the new generation, repeat both checks of step 2. If
//!    a process or a file came in between, exchange the trees back and publish file by file.
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
mod base_list;
mod bodies;
mod checking;
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
mod listed_file;
mod looking;
pub mod manifest;
mod media;
mod obstacles;
mod ours;
mod out_tree;
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

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use tracing::warn;

use crate::clock::WallTime;
use crate::disk;
use crate::document;
use crate::ledger::Ledger;
use crate::pages::Plan;
use crate::upstream::{Strange, UpstreamId};
pub use adopt::{NotOurs, check_out};
use base_list::BaseList;
pub use bodies::ByBytes;
use bodies::HotBodies;
use checking::Checking;
use found::Found;
use generation::LostFile;
pub use generation::{Generation, PublishedFile};
pub use inputs::{LastStep, MadeFrom, SiteInputs};
pub use manifest::GenerationId;
use manifest::{Manifest, OWN_DIRECTORY};
pub use media::{cache_control, content_type};
use ours::Ours;
use out_tree::OutTree;
use outside::VOLATILE;
pub use outside::{DEV, FRESHNESS, STATUS, is_volatile};
use published::Differences;
pub use published::{Exchange, PublishCounts, Published, Rendered, TouchedFiles};
pub use render::TooLarge;
use spool::Spool;
use standby::Standby;
pub use step::PublishStep;
pub use volatile::Volatile;
use why::Why;

/// The published tree and its standby.
#[derive(Debug)]
pub struct Publisher {
    out: OutTree,
    standby: Standby,
    live: Option<Arc<Generation>>,
    /// Whether nobody has looked at the files of the live tree yet, because the site is large.
    is_unchecked: bool,
    /// The check of these files, as long as the check lasts.
    checking: Option<Checking>,
    /// The latest modification time of any published file, in seconds since 1970.
    stamp: u64,
    /// The upstream whose data is published.
    upstream: UpstreamId,
    /// Whether a tree of another program or upstream is taken over.
    strange: Strange,
    /// Whether the manifest of the live tree still names another upstream.
    moved: bool,
    /// Content that was asked for lately, and how much content may be in memory.
    hot: Arc<HotBodies>,
    /// What the live tree is made from, if this is known.
    made: Option<MadeFrom>,
    /// The list on which the manifests build, if the site is large.
    list: Option<BaseList>,
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
            out: OutTree::at(out, (exchange == Exchange::Never).then_some(Why::Asked)),
            standby: Standby::under(state),
            live: None,
            is_unchecked: false,
            checking: None,
            stamp: 0,
            upstream: upstream.clone(),
            strange,
            moved: false,
            hot: Arc::new(HotBodies::new(cache_bytes)),
            made: None,
            list: None,
        };
        in_place::complete(out, publisher.standby.path())?;
        let manifest = Manifest::read(out)?;
        let is_large = manifest.as_ref().is_some_and(|manifest| {
            manifest.held_back.is_empty() && manifest.bytes_of_files() > cache_bytes
        });
        if !is_large && strangers::settle(&publisher.standby, out)? {
            publisher.look()?;
        } else {
            publisher.take(manifest, !is_large)?;
        }
        Ok(publisher)
    }

    /// Whether the live tree is not yet checked, because the site is large.
    pub fn is_unchecked(&self) -> bool {
        self.is_unchecked
    }

    /// Starts to check the files of a large site, on a thread of its own. Until the check ends, the
    /// site is served from its manifest, and no publish starts.
    ///
    /// # Errors
    /// Fails if the thread cannot be started.
    pub fn begin_check(&mut self, now: WallTime) -> Result<()> {
        let Some(live) = self.live.as_ref().filter(|_| self.is_unchecked) else { return Ok(()) };
        if self.checking.is_none() {
            self.standby.seen().set_now(now);
            let of = (self.out.path(), &self.out.present.owners_directories);
            self.checking = Some(Checking::start(of, self.standby.clone(), live.clone())?);
        }
        Ok(())
    }

    /// Starts to look for entries of the owner, on a thread of its own, so that the next publish does
    /// not have to list all directories that the last publish changed.
    pub fn begin_look(&mut self, now: WallTime) {
        if let Some(live) = self.live.as_ref().filter(|_| !self.is_unchecked) {
            self.out.begin_look(&self.standby, live, now);
        }
    }

    /// Takes the result of the check, if the check has ended.
    ///
    /// # Errors
    /// Fails if the trees cannot be read or exchanged.
    pub fn note_check(&mut self) -> Result<()> {
        let has_ended = self.checking.as_ref().is_some_and(Checking::has_ended);
        if has_ended { self.end_check() } else { Ok(()) }
    }

    /// Waits for the end of the check, if the live tree is not yet checked.
    ///
    /// # Errors
    /// Fails if the trees cannot be read or exchanged.
    pub fn check(&mut self, now: WallTime) -> Result<()> {
        self.begin_check(now)?;
        if self.is_unchecked() { self.end_check() } else { Ok(()) }
    }

    fn end_check(&mut self) -> Result<()> {
        let checked = self.checking.take().map(Checking::ended).transpose()?;
        let Some(checked) = checked.filter(|_| self.is_unchecked) else { return Ok(()) };
        if checked.has_strangers && strangers::settle(&self.standby, self.out.path())? {
            return self.look();
        }
        self.is_unchecked = false;
        if checked.in_standby.is_some() {
            self.standby.now_holds(checked.in_standby);
        }
        // The server has the same value, so a change makes a copy of the whole list.
        if let Some(live) = self.live.as_mut().filter(|_| !checked.lost.is_empty()) {
            found::lose(Arc::make_mut(live), &checked.lost, self.out.path());
            self.stamp = self.stamp.max(live.stamp);
        }
        Ok(())
    }

    /// Takes the tree at `out` as live.
    fn look(&mut self) -> Result<()> {
        let manifest = Manifest::read(self.out.path())?;
        self.take(manifest, true)
    }

    /// Takes the tree at `out`, which has this manifest, as live. `reads` says whether the files are
    /// read or checked now.
    fn take(&mut self, manifest: Option<Manifest>, reads: bool) -> Result<()> {
        let of = (&self.upstream, self.strange);
        let out = self.out.path();
        let found = Found::in_tree(out, manifest, &self.standby, of, &self.hot, reads)?;
        (self.moved, self.out.unlisted) = (found.moved, found.unlisted);
        (self.out.present, self.made, self.list) = (found.present, found.made, found.list);
        self.live = found.live.map(Arc::new);
        self.is_unchecked = !reads && self.live.is_some();
        self.out.identify(self.live.is_some());
        self.stamp = self.live.as_ref().map_or(0, |live| live.stamp).max(self.stamp);
        Ok(())
    }

    /// Returns the published generation, if all its files are there.
    pub fn live(&self) -> Option<&Arc<Generation>> {
        self.live.as_ref().filter(|live| live.is_whole())
    }

    /// Returns the ledger that was published with the generation, if it can be read.
    pub fn ledger(&self) -> Option<Ledger> {
        document::peek(&self.out.path().join(OWN_DIRECTORY).join("ledger"), "ledger")
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
        self.check(now)?;
        if !self.out.is_there() {
            // Somebody may have removed, restored or replaced `out`: check the tree that is there
            // now.
            check_out(self.out.path(), self.strange)?;
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

    /// Publishes a rendered generation (steps 2 to 5). Before a file changes, `tell` gets the paths of
    /// all files that change. [`Publisher::check_old_tree`] must follow.
    ///
    /// # Errors
    /// Fails if `tell` fails, or if a file cannot be written. The live generation stays.
    pub fn publish(
        &mut self,
        rendered: Rendered,
        inputs: SiteInputs,
        volatile: impl Fn(&Generation) -> Volatile,
        tell: impl FnOnce(&[&String], &GenerationId) -> Result<()>,
        progress: impl Fn(PublishStep<'_>) + Sync,
    ) -> Result<Published> {
        let mut generation = Arc::new(rendered.generation);
        let volatile = volatile(&generation);
        let Differences { in_files, paths, files, counts } =
            Differences::between(self.live.as_deref(), &generation);
        tell(&files, &generation.id)?;
        let touched = self.live.as_deref().map(|before| TouchedFiles {
            since: before.id.clone(),
            paths: paths.iter().map(|path| (*path).clone()).collect(),
        });
        let changed = self.moved || in_files || self.out.has_room_again();
        if let Some(list) = &mut self.list {
            list.note(paths.into_iter().cloned());
        }
        let on_disk = generation.only_until_published(self.hot.most);
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
        Arc::make_mut(&mut generation).published(
            &[self.out.path(), self.standby.path()],
            &self.hot,
            &on_disk,
        );
        if is_in_standby {
            self.standby.now_holds(Some(generation.clone()));
        }
        self.live = Some(generation.clone());
        if changed || !self.made.as_ref().is_some_and(|made| made.is_of(&inputs)) {
            let made = MadeFrom::of(&generation.id, inputs, self.made.as_ref());
            made.write(self.out.path());
            self.made = Some(made);
        }
        Ok(Published { generation, changed, counts, touched })
    }

    /// Checks the tree that the last publish replaced (step 6). The check reads the status of all
    /// directories, so visitors get the new generation before. If a process or a file of the owner
    /// came into the old tree, publishes the generation again, file by file, and returns `true`.
    /// `tell` is called before the first and after the last file changes.
    ///
    /// # Errors
    /// Fails if the generation cannot be published again. The next publish does so.
    pub fn check_old_tree(&mut self, tell: impl Fn() -> Result<()>) -> Result<bool> {
        let Some(live) = self.live.clone() else { return Ok(false) };
        let checked = self.out.check_old_tree(&mut self.standby, &live, tell);
        match &checked {
            Ok(false) => {}
            Ok(true) => self.made.iter().for_each(|made| made.write(self.out.path())),
            // The next publish takes what is at the path then as live.
            Err(_) => self.out.identify(false),
        }
        checked
    }

    /// Prepares the standby for the next publish, if there is no standby yet.
    ///
    /// # Errors
    /// Fails if a file cannot be linked or written. The next publish prepares the standby then.
    pub fn prepare(&mut self) -> Result<()> {
        match self.live.clone().filter(|_| !self.is_unchecked && self.out.is_plain()) {
            Some(live) if self.out.is_there() => {
                let list = (self.list.clone(), self.out.path());
                self.standby.prepare(&live, list, &self.upstream)
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
            && self.out.is_there()
            && !self.out.has_room_again()
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
        disk::read(&self.out.path().join(path)).ok().flatten()
    }

    /// Replaces volatile files in the live tree. Does nothing if the tree was removed: the next
    /// refresh publishes the tree again.
    ///
    /// # Errors
    /// Fails if a file cannot be written.
    pub fn write_volatile(&self, volatile: &Volatile) -> Result<()> {
        if !self.out.is_there() {
            return Ok(());
        }
        volatile::replace(self.out.path(), volatile)
    }

    /// Runs steps 2 to 5.
    fn write(
        &mut self,
        generation: &Arc<Generation>,
        inputs: &SiteInputs,
        volatile: &Volatile,
        progress: &(dyn Fn(PublishStep<'_>) + Sync),
    ) -> Result<()> {
        self.out.end_look();
        let before = self.out.present.without_held_back(self.live.as_ref());
        let theirs = &self.out.present.owners_directories;
        let mut ours = Ours::of(before.clone(), self.standby.seen()).without(theirs);
        if self.out.unlisted {
            self.out.take_over(&mut ours, generation, disk::parent(self.standby.path()))?;
        }
        let out = self.out.path().to_owned();
        let change = self.standby.change_to(generation)?;
        let in_standby = strangers::give_back(&self.standby, &out, &change)?;
        let why = self.out.why_in_place(&ours, &self.standby, in_standby);
        space::check((&out, self.standby.path()), &change, generation, &before)?;
        let live = self.live.clone();
        let from = live.as_deref().map(|live| (out.as_path(), live));
        self.standby.apply(&change, from, &out, progress)?;
        let list = (self.list.clone(), out.as_path());
        self.list = self.standby.seal(&self.upstream, &inputs.ledger, generation, list)?;
        let of = (generation, live.as_ref());
        self.out.become_live(&mut self.standby, of, (ours, before), why, volatile)?;
        self.moved = false;
        Ok(())
    }
}
