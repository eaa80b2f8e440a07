//! The one cell that everything downstream reads: what is live, and how old.
//!
//! Owns the current generation together with its origin time, so that no
//! answer ever pairs the content of one with the age of another. It exists so
//! that the server knows nothing of refreshes. Generations come in the order of
//! their fences; an older one is not taken.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use crate::clock::{BootTime, Now, WallTime};
use crate::payload::Fence;
use crate::publish::{Generation, Volatile};

/// When the live data was asked for, on this process's clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// For its age.
    pub boot: BootTime,
    /// For people and machines.
    pub wall: WallTime,
}

impl Origin {
    /// How old the data is.
    pub fn age(self, now: Now) -> Duration {
        now.boot.since(self.boot)
    }
}

/// A site with the age of its data.
#[derive(Debug, Clone)]
pub struct Site {
    /// The content.
    pub generation: Arc<Generation>,
    /// The claim under which its data was brought or confirmed.
    pub fence: Fence,
    /// When that was asked for.
    pub origin: Origin,
}

/// All that an answer is made from; never changes once it is taken.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// What is live; none before the first refresh.
    pub site: Option<Site>,
    /// Files outside generations.
    pub volatile: Volatile,
    /// The page for the time when there is no site.
    pub starting: Bytes,
    /// Path prefix of the site; starts and ends with `/`.
    pub base: String,
}

/// The cell. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Live {
    cell: Arc<watch::Sender<Arc<Snapshot>>>,
}

impl Live {
    /// A cell without a site.
    pub fn new(base: &str, starting: Bytes) -> Live {
        let snapshot = Snapshot { base: base.to_owned(), starting, ..Snapshot::default() };
        Live { cell: Arc::new(watch::Sender::new(Arc::new(snapshot))) }
    }

    /// What is live now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.cell.borrow().clone()
    }

    /// Makes a site live, with the volatile files that go with it. False if a
    /// newer one is live already.
    pub fn put(&self, site: Site, volatile: Volatile) -> bool {
        self.cell.send_if_modified(|snapshot| {
            if snapshot.site.as_ref().is_some_and(|live| live.fence > site.fence) {
                return false;
            }
            let next = Snapshot { site: Some(site), volatile, ..Snapshot::clone(snapshot) };
            *snapshot = Arc::new(next);
            true
        })
    }

    /// Replaces the volatile files alone.
    pub fn put_volatile(&self, volatile: Volatile) {
        self.cell.send_modify(|snapshot| {
            *snapshot = Arc::new(Snapshot { volatile, ..Snapshot::clone(snapshot) });
        });
    }

    /// Replaces what a changed theme or configuration gives: the page without a
    /// site, and the base path.
    pub fn put_frame(&self, base: &str, starting: Bytes) {
        self.cell.send_modify(|snapshot| {
            let base = base.to_owned();
            *snapshot = Arc::new(Snapshot { base, starting, ..Snapshot::clone(snapshot) });
        });
    }
}
