//! The check of a large published site after a start.
//!
//! Owns the thread that looks at the files and directories of both trees. To look at a million files
//! takes a minute on a slow disk, and meanwhile refreshes start and find that nothing changed. The
//! thread changes nothing: its result is used before the next publish.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow};
use tracing::debug;

use super::file_list::FileList;
use super::found::{self, Lost};
use super::generation::Generation;
use super::ours::Ours;
use super::standby::Standby;
use super::strangers;
use crate::workers;

/// A running check.
#[derive(Debug)]
pub(super) struct Checking(JoinHandle<Result<Checked>>);

/// The result of a check.
#[derive(Debug)]
pub(super) struct Checked {
    /// Whether the standby has entries that are not ours.
    pub(super) has_strangers: bool,
    pub(super) lost: Vec<Lost>,
    /// The generation in the standby, if the standby has all its files.
    pub(super) in_standby: Option<Arc<Generation>>,
}

impl Checking {
    /// Starts to check the tree at `out`, with these directories of the owner, and the standby.
    ///
    /// # Errors
    /// Fails if the thread cannot be started.
    pub(super) fn start(
        (out, theirs): (&Path, &BTreeSet<PathBuf>),
        mut standby: Standby,
        live: Arc<Generation>,
    ) -> Result<Checking> {
        let (out, theirs) = (out.to_owned(), theirs.clone());
        let look = move || {
            let lost = found::lost(&live, &out);
            // The next publish lists only directories that changed since this look.
            let ours = Ours::of(FileList::Of(live.clone()), standby.seen()).without(&theirs);
            let in_out = ours.strangers(&out, usize::MAX).len();
            let in_standby = found::in_standby(&standby, &live)?.map(Arc::new);
            // The manifest of the standby is read once.
            standby.now_holds(in_standby.clone());
            let has_strangers = !strangers::of(&standby)?.is_empty();
            let is_whole = in_standby.is_some();
            let lost_files = lost.len();
            debug!(lost_files, in_out, has_strangers, is_whole, "checked the published files");
            Ok(Checked { has_strangers, lost, in_standby })
        };
        let thread = thread::Builder::new().name("check".to_owned()).spawn(|| workers::aside(look));
        thread.map(Checking).context("cannot start a thread for the check of --out")
    }

    pub(super) fn has_ended(&self) -> bool {
        self.0.is_finished()
    }

    /// Waits for the result.
    ///
    /// # Errors
    /// Fails if the documents of the standby cannot be read.
    pub(super) fn ended(self) -> Result<Checked> {
        self.0.join().map_err(|_| anyhow!("the check of --out ended without a result"))?
    }
}
