//! The one cell that everything downstream reads: what is live, and how old.
//!
//! Owns the current generation together with its origin time, so that no
//! answer ever pairs the content of one with the age of another. It exists so
//! that the server knows nothing of refreshes but what is coming. Generations come in
//! the order of their fences; an older one is not taken.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, watch};

use crate::clock::{BootTime, Now, WallTime};
use crate::hold::{Bound, Coming};
use crate::news::{Ring, Told};
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

/// What stands around every page: it changes with theme and configuration alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Path prefix of the site; starts and ends with `/`.
    pub base: String,
    /// The page for the time when there is no site.
    pub starting: Bytes,
    /// The page for data that is too old to be shown.
    pub too_old: Bytes,
    /// What is promised of a page's age.
    pub bound: Bound,
}

/// The store, as those who run the site want to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreState {
    /// There is no shared one.
    Alone,
    /// The shared one answers.
    Shared,
    /// The shared one does not answer.
    Away,
}

/// All that an answer is made from; never changes once it is taken.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// What is live; none before the first refresh.
    pub site: Option<Site>,
    /// What is known of newer data.
    pub coming: Coming,
    /// How long refreshes take from their claim until they are live.
    pub takes: Duration,
    /// The store behind it.
    pub store: StoreState,
    /// Files outside generations.
    pub volatile: Volatile,
    /// What stands around every page.
    pub frame: Frame,
}

/// The cell. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Live {
    cell: Arc<watch::Sender<Arc<Snapshot>>>,
    /// Beside it: who waits for news is not woken by each look at the store.
    news: Arc<watch::Sender<Arc<Ring>>>,
    wanted: Arc<Notify>,
}

impl Live {
    /// A cell without a site.
    pub fn new(frame: Frame, coming: Coming) -> Live {
        let (store, volatile) = (StoreState::Alone, Volatile::new());
        let takes = Duration::ZERO;
        let snapshot = Snapshot { site: None, coming, takes, store, volatile, frame };
        let cell = Arc::new(watch::Sender::new(Arc::new(snapshot)));
        Live { cell, news: Arc::default(), wanted: Arc::new(Notify::new()) }
    }

    /// What is live now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.cell.borrow().clone()
    }

    /// Sees every change from now on.
    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.cell.subscribe()
    }

    /// Says that somebody waits for newer data.
    pub fn want(&self) {
        self.wanted.notify_one();
    }

    /// Waits until somebody waits for newer data.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Sees every new generation from now on, and those before.
    pub fn news(&self) -> watch::Receiver<Arc<Ring>> {
        self.news.subscribe()
    }

    /// Makes a site live, with the volatile files that go with it; then whoever listens
    /// is told. False if a newer one is live already.
    pub fn put(&self, site: Site, volatile: Volatile, told: Told) -> bool {
        let generation = site.generation.clone();
        let is_live = self.cell.send_if_modified(|snapshot| {
            if snapshot.site.as_ref().is_some_and(|live| live.fence > site.fence) {
                return false;
            }
            let next = Snapshot { site: Some(site), volatile, ..Snapshot::clone(snapshot) };
            *snapshot = Arc::new(next);
            true
        });
        if is_live {
            self.news.send_if_modified(|ring| match ring.advanced(&generation, told) {
                Some(next) => {
                    *ring = Arc::new(next);
                    true
                }
                None => false,
            });
        }
        is_live
    }

    /// Replaces the volatile files alone.
    pub fn put_volatile(&self, volatile: Volatile) {
        self.cell.send_modify(|snapshot| {
            *snapshot = Arc::new(Snapshot { volatile, ..Snapshot::clone(snapshot) });
        });
    }

    /// Replaces what a changed theme or configuration gives.
    pub fn put_frame(&self, frame: Frame) {
        self.cell.send_modify(|snapshot| {
            *snapshot = Arc::new(Snapshot { frame, ..Snapshot::clone(snapshot) });
        });
    }

    /// Says how long refreshes take.
    pub fn put_takes(&self, takes: Duration) {
        self.cell.send_modify(|snapshot| {
            *snapshot = Arc::new(Snapshot { takes, ..Snapshot::clone(snapshot) });
        });
    }

    /// Says how the store is.
    pub fn put_store(&self, store: StoreState) {
        self.cell.send_if_modified(|snapshot| {
            if snapshot.store == store {
                return false;
            }
            *snapshot = Arc::new(Snapshot { store, ..Snapshot::clone(snapshot) });
            true
        });
    }

    /// Says what is known of newer data.
    pub fn put_coming(&self, coming: Coming) {
        self.cell.send_if_modified(|snapshot| {
            if snapshot.coming == coming {
                return false;
            }
            *snapshot = Arc::new(Snapshot { coming, ..Snapshot::clone(snapshot) });
            true
        });
    }
}
