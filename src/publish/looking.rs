//! The look at a large site before the next publish.
//!
//! Owns the thread that lists the directories that the last publish changed, while the program waits for
//! the upstream. Without this look, the next publish lists these directories, and visitors wait for
//! the new data meanwhile: the directory of the films has as many entries as the site has films. The
//! thread changes nothing, and the publish decides by its own look, which is short then.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tracing::debug;

use super::file_list::FileList;
use super::generation::Generation;
use super::ours::Ours;
use super::standby::Standby;
use super::strangers;
use crate::clock::WallTime;
use crate::workers;

/// Number of files from which a site is large. A publish of fewer files lists all directories quickly.
const LARGE: usize = 10_000;

/// The look after each publish.
#[derive(Debug, Default)]
pub(super) struct Looking {
    /// Whether a publish changed directories since the last look.
    is_due: bool,
    running: Option<JoinHandle<()>>,
}

impl Looking {
    /// Notes that a publish changed the trees.
    pub(super) fn published(&mut self) {
        self.is_due = true;
    }

    /// Starts a look at the tree at `out`, in which everything was ours, and at the standby, if a look is
    /// due.
    pub(super) fn begin(
        &mut self,
        out: &Path,
        standby: &Standby,
        live: &Arc<Generation>,
        now: WallTime,
    ) {
        if !self.is_due || self.running.is_some() || live.files.len() < LARGE {
            return;
        }
        self.is_due = false;
        standby.seen().set_now(now);
        let (out, standby, live) = (out.to_owned(), standby.clone(), live.clone());
        let look = move || {
            let ours = Ours::of(FileList::Of(live), standby.seen());
            let in_out = ours.strangers(&out, usize::MAX).len();
            let in_standby = strangers::of(&standby).map_or(0, |found| found.len());
            debug!(in_out, in_standby, "looked for entries of the owner before the next publish");
        };
        let thread = thread::Builder::new().name("look".to_owned());
        // Without the thread, the next publish takes longer.
        self.running = thread.spawn(|| workers::aside(look)).ok();
    }

    /// Waits for the end of a running look.
    pub(super) fn end(&mut self) {
        // A look that failed has no result to lose.
        let _ = self.running.take().map(JoinHandle::join);
    }
}
