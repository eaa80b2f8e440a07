//! The one cell from which the server reads the live generation and its age.
//!
//! Owns the live generation together with its origin time, so that no answer combines the content
//! of one generation with the age of another. The server knows nothing about refreshes except
//! what the cell says about newer data. Generations enter in the order of their fences; an older
//! fence is refused.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, watch};

use crate::clock::{BootTime, Now, Stamp, WallTime};
use crate::hold::{Bound, Coming};
use crate::news::{Ring, Told};
use crate::payload::Fence;
use crate::publish::{Generation, Volatile};

/// Origin time of the live data, on the clocks of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The origin time on the boot clock, for the age.
    pub boot: BootTime,
    /// The origin time on the wall clock, for people and other programs.
    pub wall: WallTime,
}

impl From<&Stamp> for Origin {
    fn from(asked: &Stamp) -> Origin {
        Origin { boot: asked.boot, wall: asked.wall }
    }
}

impl Origin {
    /// Returns the age of the data.
    pub fn age(self, now: Now) -> Duration {
        now.boot.since(self.boot)
    }
}

/// A generation with the origin time of its data.
#[derive(Debug, Clone)]
pub struct LiveSite {
    /// The generation.
    pub generation: Arc<Generation>,
    /// Fence of the refresh that brought or last confirmed the data.
    pub fence: Fence,
    /// Origin time of the data.
    pub origin: Origin,
}

/// The parts of a site that depend only on the theme and the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Path prefix of the site; starts and ends with `/`.
    pub base: String,
    /// The page while there is no site.
    pub starting: Bytes,
    /// The page while there is no site and the last refresh failed.
    pub failing: Bytes,
    /// The page for data that is too old to be shown.
    pub too_old: Bytes,
    /// The promised bounds on the age of a page.
    pub bound: Bound,
}

/// The state of the store, for operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreState {
    /// There is no shared store.
    Alone,
    /// Redis can be used.
    Shared,
    /// Redis cannot be used.
    Away,
}

/// Everything from which an answer is made. A snapshot never changes.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The live site; `None` before the first refresh.
    pub site: Option<LiveSite>,
    /// What is known about newer data.
    pub coming: Coming,
    /// Expected duration of a refresh, from its claim to the live generation.
    pub takes: Duration,
    /// The state of the store.
    pub store: StoreState,
    /// Files outside generations.
    pub volatile: Volatile,
    /// The parts that depend only on the theme and the configuration.
    pub frame: Frame,
}

/// The cell. A clone is cheap and shares the value.
#[derive(Debug, Clone)]
pub struct Live {
    cell: Arc<watch::Sender<Arc<Snapshot>>>,
    /// A separate channel, so that open streams do not wake at each poll of the store.
    news: Arc<watch::Sender<Arc<Ring>>>,
    wanted: Arc<Notify>,
}

impl Live {
    /// Makes a cell without a site.
    pub fn new(frame: Frame, coming: Coming) -> Live {
        let (store, volatile) = (StoreState::Alone, Volatile::new());
        let takes = Duration::ZERO;
        let snapshot = Snapshot { site: None, coming, takes, store, volatile, frame };
        let cell = Arc::new(watch::Sender::new(Arc::new(snapshot)));
        Live { cell, news: Arc::default(), wanted: Arc::new(Notify::new()) }
    }

    /// Returns what is live now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.cell.borrow().clone()
    }

    /// Returns a receiver of every change from now on.
    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.cell.subscribe()
    }

    /// Wakes the event loop, because a request waits for newer data.
    pub fn want(&self) {
        self.wanted.notify_one();
    }

    /// Waits until a request waits for newer data.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Returns a receiver of the ring: past generations, and each new generation from now on.
    pub fn news(&self) -> watch::Receiver<Arc<Ring>> {
        self.news.subscribe()
    }

    /// Makes a site live with its volatile files, then announces the site to open streams. Returns
    /// `false` if a newer site is live already.
    pub fn put(&self, site: LiveSite, volatile: Volatile, told: Told) -> bool {
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

    /// Replaces the volatile files only.
    pub fn put_volatile(&self, volatile: Volatile) {
        self.cell.send_modify(|snapshot| {
            *snapshot = Arc::new(Snapshot { volatile, ..Snapshot::clone(snapshot) });
        });
    }

    /// Replaces the parts that depend on the theme and the configuration.
    pub fn put_frame(&self, frame: Frame) {
        self.cell.send_modify(|snapshot| {
            *snapshot = Arc::new(Snapshot { frame, ..Snapshot::clone(snapshot) });
        });
    }

    /// Sets the expected duration of a refresh.
    pub fn put_takes(&self, takes: Duration) {
        self.cell.send_modify(|snapshot| {
            *snapshot = Arc::new(Snapshot { takes, ..Snapshot::clone(snapshot) });
        });
    }

    /// Sets the state of the store.
    pub fn put_store(&self, store: StoreState) {
        self.cell.send_if_modified(|snapshot| {
            if snapshot.store == store {
                return false;
            }
            *snapshot = Arc::new(Snapshot { store, ..Snapshot::clone(snapshot) });
            true
        });
    }

    /// Sets what is known about newer data.
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
