//! The tree at `--out`, and how a sealed standby becomes live in its place.
//!
//! Owns the decision between an exchange of both trees and a publish file by file (steps 2, 5 and 6 of a
//! [publish](super)), and what this process knows about the directory at the path.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use tracing::info;

use super::adopt;
use super::exchange;
use super::file_list::FileList;
use super::generation::Generation;
use super::held_back::{self, Present};
use super::in_place;
use super::looking::Looking;
use super::obstacles;
use super::ours::{self, Ours};
use super::standby::Standby;
use super::volatile::{self, Volatile};
use super::why::{self, Why};
use crate::clock::WallTime;

/// The tree at `--out`.
#[derive(Debug)]
pub(super) struct OutTree {
    path: PathBuf,
    /// Identity of the directory that we published. Another directory may be at the path now.
    identity: Option<exchange::Identity>,
    /// Pages that the tree lacks, and directories in the tree that are not ours.
    pub(super) present: Present,
    /// Whether the tree is ours but its list of files was lost.
    pub(super) unlisted: bool,
    /// The reason that forbids an exchange for the whole run, if any.
    never: Option<Why>,
    /// The last logged reason for publishing file by file, so that it is logged once.
    told: Option<Why>,
    /// The last exchange, until the old tree is checked.
    exchanged: Option<Exchanged>,
    /// The look before the next publish.
    looking: Looking,
}

/// What an exchange replaced.
#[derive(Debug)]
struct Exchanged {
    /// The entries of the old tree that are ours.
    ours: Ours,
    before: FileList,
    was: Present,
    /// The volatile files that the new tree got.
    volatile: Volatile,
}

impl OutTree {
    /// Makes the tree at a path. `never` is the reason that forbids an exchange, if any.
    pub(super) fn at(path: &Path, never: Option<Why>) -> OutTree {
        let (path, present) = (path.to_owned(), Present::default());
        let (identity, unlisted, told, exchanged) = (None, false, None, None);
        let looking = Looking::default();
        OutTree { path, identity, present, unlisted, never, told, exchanged, looking }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Notes whether the directory at the path now is a tree that we published.
    pub(super) fn identify(&mut self, is_ours: bool) {
        self.identity = if is_ours { exchange::identity(&self.path) } else { None };
    }

    /// Whether the directory that we published is still at the path.
    pub(super) fn is_there(&self) -> bool {
        self.identity.is_some() && exchange::identity(&self.path) == self.identity
    }

    /// Whether the tree has all pages and nothing of the owner, and may be exchanged.
    pub(super) fn is_plain(&self) -> bool {
        self.never.is_none() && self.present == Present::default()
    }

    /// Whether the path of a held-back page is free now.
    pub(super) fn has_room_again(&self) -> bool {
        self.present.has_room_again(&self.path)
    }

    /// Starts to list the directories that the last publish changed, if the site is large.
    pub(super) fn begin_look(&mut self, standby: &Standby, live: &Arc<Generation>, now: WallTime) {
        if self.is_plain() && self.is_there() {
            self.looking.begin(&self.path, standby, live, now);
        }
    }

    /// Waits for the end of the look.
    pub(super) fn end_look(&mut self) {
        self.looking.end();
    }

    /// Makes the sealed standby live. `why` is the reason against an exchange that is known before,
    /// `before` are the files of `live`, the generation in the tree, that are ours.
    ///
    /// # Errors
    /// Fails if a file cannot be written, or if the trees cannot be exchanged.
    pub(super) fn become_live(
        &mut self,
        standby: &mut Standby,
        (generation, live): (&Arc<Generation>, Option<&Arc<Generation>>),
        (ours, before): (Ours, FileList),
        why: Option<Why>,
        volatile: &Volatile,
    ) -> Result<()> {
        let why = match why {
            None => self.exchange(standby, live, volatile)?,
            Some(why) => Some(why),
        };
        self.exchanged = match why {
            Some(why) => {
                self.put_in_place(standby, generation, (&ours, &before), why, volatile)?;
                None
            }
            None => {
                let has_old = standby.path().symlink_metadata().is_ok();
                let (was, volatile) = (std::mem::take(&mut self.present), volatile.clone());
                has_old.then_some(Exchanged { ours, before, was, volatile })
            }
        };
        self.identify(true);
        self.unlisted = false;
        self.looking.published();
        Ok(())
    }

    /// Checks the tree that the last exchange replaced (step 6). If a process or a file of the owner
    /// came into this tree, exchanges the trees back and publishes `generation` file by file. Returns
    /// whether this happened. Before the first and after the last file changes, calls `tell`.
    ///
    /// # Errors
    /// Fails if the trees cannot be exchanged, if a file cannot be written, or if `tell` fails. Then
    /// the tree at the path is not the tree of `generation`.
    pub(super) fn check_old_tree(
        &mut self,
        standby: &mut Standby,
        generation: &Arc<Generation>,
        tell: impl Fn() -> Result<()>,
    ) -> Result<bool> {
        let Some(Exchanged { ours, before, was, volatile }) = self.exchanged.take() else {
            return Ok(false);
        };
        let Some(why) = why::who_uses(standby.path(), &self.path, &ours) else { return Ok(false) };
        let told = tell();
        exchange::exchange(standby.path(), &self.path)?;
        standby.now_holds(Some(generation.clone()));
        self.present = was;
        self.put_in_place(standby, generation, (&ours, &before), why, &volatile)?;
        self.identify(true);
        told.and_then(|()| tell()).map(|()| true)
    }

    /// Runs step 5 file by file, because of `why`.
    fn put_in_place(
        &mut self,
        standby: &Standby,
        generation: &Arc<Generation>,
        (ours, before): (&Ours, &FileList),
        why: Why,
        volatile: &Volatile,
    ) -> Result<()> {
        self.tell(why);
        let (out, was) = (&self.path, &self.present);
        let present = held_back::look(out, ours, before, was, generation);
        held_back::tell(out, was, &present);
        self.present =
            in_place::publish(out, standby.path(), ours, before, was, present, generation)?;
        volatile::replace(&self.path, volatile)
    }

    /// Adds files to `ours` that may be replaced although no list names them.
    ///
    /// # Errors
    /// Fails if a file that would be replaced cannot be kept in `state`.
    pub(super) fn take_over(
        &self,
        ours: &mut Ours,
        generation: &Generation,
        state: &Path,
    ) -> Result<()> {
        if ours::is_ours(&self.path) {
            // A file at the path of a page was probably ours.
            for (path, file) in &generation.files {
                file.entry.names(path).for_each(|name| ours.add(&name));
            }
            return Ok(());
        }
        let kept = adopt::keep_replaced(&self.path, generation, state)?;
        kept.iter().for_each(|name| ours.add_file(name));
        Ok(())
    }

    /// Returns the reason that forbids an exchange, if any.
    /// `in_standby` is an entry of the standby that is not ours.
    pub(super) fn why_in_place(
        &self,
        ours: &Ours,
        standby: &Standby,
        in_standby: Option<PathBuf>,
    ) -> Option<Why> {
        if let Some(why) = &self.never {
            return Some(why.clone());
        }
        if obstacles::is_elsewhere(&self.path, standby.path()) {
            return Some(Why::Elsewhere);
        }
        if self.path.symlink_metadata().is_err() {
            return None;
        }
        if self.unlisted {
            return Some(Why::NotKnown);
        }
        if let Some(path) = self.present.held_back.keys().next() {
            return Some(Why::Stranger(self.path.join(path)));
        }
        if exchange::has_attributes(&self.path) {
            return Some(Why::Attributes);
        }
        let in_standby = in_standby.map(Why::StandbyUsed);
        in_standby.or_else(|| why::who_uses(&self.path, &self.path, ours))
    }

    /// Logs once why the site is published file by file.
    fn tell(&mut self, why: Why) {
        if !self.told.as_ref().is_some_and(|told| told.is_like(&why)) {
            info!("{} is published {FILE_BY_FILE}: {why}", self.path.display());
        }
        self.told = Some(why);
    }

    /// Runs step 5 with an exchange. Returns the reason if the trees may not be exchanged.
    fn exchange(
        &mut self,
        standby: &mut Standby,
        live: Option<&Arc<Generation>>,
        volatile: &Volatile,
    ) -> Result<Option<Why>> {
        if exchange::look_alike(standby.path(), &self.path).is_err() {
            return Ok(Some(Why::Attributes));
        }
        volatile::write(standby.path(), volatile)?;
        match exchange::exchange(standby.path(), &self.path) {
            Ok(()) => {}
            Err(error) if obstacles::is_the_only_way(&error) => {
                let why = Why::NotPossible(format!("{error:#}"));
                self.never = Some(why.clone());
                return Ok(Some(why));
            }
            Err(error) => return Err(error),
        }
        standby.now_holds(live.cloned());
        Ok(None)
    }
}

/// The other way of publishing and its effect, for the log.
const FILE_BY_FILE: &str = "file by file (every file is complete, but a visitor may get pages of two \
    generations in one visit)";
