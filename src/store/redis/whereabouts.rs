//! Where the Redis is that has the keys.
//!
//! Owns the address to which all connections are opened. A plain address stays until a node of a
//! cluster names another node. With sentinels, the address is the master that they name.
//!
//! After a failure, the address is in doubt, and the next call looks for Redis again. A look takes
//! at most half the time of a call if there is a last known address. A look that takes longer goes
//! on beside the calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::{ConnectionAddr, ConnectionInfo, RedisError, RedisResult};
use tokio::sync::{Mutex, watch};
use tokio::task::{JoinHandle, JoinSet};
use tracing::{debug, info};

use super::address::RedisAddress;
use super::seeker::{NotFound, Seeker};

/// Time of a search in times of a call. A slow network may need several calls for one search.
const CALLS_OF_A_SEARCH: u32 = 4;
/// The search asks the next sentinel or node when this share of the time of a call is over. Most
/// searches ask only one, and a dead sentinel costs little time.
const STAGGER: u32 = 8;

/// The address of the Redis that has the keys.
pub(super) struct Whereabouts {
    seeker: Arc<Seeker>,
    timeout: Duration,
    /// The address; `None` until a sentinel has named the master.
    known: watch::Sender<Option<ConnectionAddr>>,
    is_in_doubt: AtomicBool,
    /// A search that was begun.
    search: Mutex<Option<JoinHandle<Result<ConnectionAddr, NotFound>>>>,
}

impl Whereabouts {
    /// `key` is one of the keys, which all are on the same server. A call may take `timeout`.
    pub(super) fn new(address: RedisAddress, key: String, timeout: Duration) -> Whereabouts {
        let known = address.sentinels().is_none().then(|| address.info().addr().clone());
        Whereabouts {
            seeker: Arc::new(Seeker::new(address, key, timeout)),
            timeout,
            known: watch::Sender::new(known),
            is_in_doubt: AtomicBool::new(false),
            search: Mutex::default(),
        }
    }

    /// Returns the address, from a sentinel or another node if the address is in doubt.
    ///
    /// # Errors
    /// Fails if no Redis was found that has the keys. Without an answer to the search, the last
    /// known address is returned.
    pub(super) async fn find(&self) -> RedisResult<ConnectionAddr> {
        if let Some(sure) = self.sure() {
            return Ok(sure);
        }
        let Some(known) = self.known() else { return self.found().await.map_err(error_of) };
        match tokio::time::timeout(self.timeout / 2, self.found()).await {
            Ok(Err(missing)) if missing.is_answered => Err(error_of(missing)),
            Ok(Ok(found)) => Ok(found),
            _ => {
                // Until a call to the last known address fails, no further call waits for an answer.
                self.is_in_doubt.store(false, Ordering::Relaxed);
                Ok(known)
            }
        }
    }

    /// Waits for the result of the search, and begins a search if there is none. A search goes on
    /// if the caller stops waiting.
    async fn found(&self) -> Result<ConnectionAddr, NotFound> {
        let mut search = self.search.lock().await;
        if let Some(sure) = self.sure() {
            return Ok(sure);
        }
        // The result of a search that ended earlier may be out of date.
        if search.as_ref().is_some_and(JoinHandle::is_finished) {
            *search = None;
        }
        let begin = || tokio::spawn(search_for(self.seeker.clone(), None, self.timeout));
        let found = search.get_or_insert_with(begin).await;
        *search = None;
        let found = found.unwrap_or_else(|_| Err(self.seeker.silence()))?;
        self.is_in_doubt.store(false, Ordering::Relaxed);
        self.settle(found.clone());
        Ok(found)
    }

    /// Looks at the sentinels, although nothing failed: a part of the network may be cut off, and
    /// the sentinels in the other part may have made another server the master.
    pub(super) async fn look_around(&self) {
        let Some(known) = self.known().filter(|_| self.seeker.address.sentinels().is_some()) else {
            return;
        };
        match search_for(self.seeker.clone(), Some(known), self.timeout).await {
            Ok(found) => self.settle(found),
            Err(missing) => debug!("cannot look the master up again: {}", missing.said),
        }
    }

    /// Follows an error of `from` that names the node with the keys. Returns whether the error does.
    pub(super) fn follow(&self, from: &ConnectionAddr, error: &RedisError) -> bool {
        let node = self.seeker.moved(from, error);
        node.map(|node| self.settle(node)).is_some()
    }

    /// Notes that a call to the address failed. Returns whether somebody can be asked for another
    /// address.
    pub(super) fn doubt(&self) -> bool {
        let can_ask = self.seeker.can_ask_beside(self.known().as_ref());
        self.is_in_doubt.store(can_ask, Ordering::Relaxed);
        can_ask
    }

    /// Notes a change of the address from now on, and the first use of an address.
    pub(super) fn changes(&self) -> watch::Receiver<Option<ConnectionAddr>> {
        self.known.subscribe()
    }

    /// Returns what asks and connects.
    pub(super) fn seeker(&self) -> &Seeker {
        &self.seeker
    }

    /// Returns an address with the user and the settings of Redis.
    pub(super) fn info(&self, addr: &ConnectionAddr) -> ConnectionInfo {
        self.seeker.at(addr.clone())
    }

    pub(super) fn known(&self) -> Option<ConnectionAddr> {
        self.known.borrow().clone()
    }

    fn sure(&self) -> Option<ConnectionAddr> {
        self.known().filter(|_| !self.is_in_doubt.load(Ordering::Relaxed))
    }

    fn settle(&self, found: ConnectionAddr) {
        let is_other = self.known.send_if_modified(|known| {
            let is_other = known.as_ref() != Some(&found);
            *known = Some(found.clone());
            is_other
        });
        if is_other {
            info!("the keys of {} are at {found}", self.seeker.address);
        }
    }
}

/// Asks all, one after the other begins, and takes the first server that was found.
async fn search_for(
    seeker: Arc<Seeker>,
    trusted: Option<ConnectionAddr>,
    timeout: Duration,
) -> Result<ConnectionAddr, NotFound> {
    let mut asking = JoinSet::new();
    for (turn, oracle) in (0..).zip(seeker.oracles()) {
        let (seeker, trusted) = (seeker.clone(), trusted.clone());
        asking.spawn(async move {
            tokio::time::sleep(timeout / STAGGER * turn).await;
            seeker.ask(oracle, trusted.as_ref()).await
        });
    }
    let mut worst = seeker.silence();
    let first = async {
        while let Some(asked) = asking.join_next().await {
            match asked {
                Ok(Ok(found)) => return Some(found),
                Ok(Err(missing)) if !worst.is_answered => worst = missing,
                _ => {}
            }
        }
        None
    };
    let found = tokio::time::timeout(timeout * CALLS_OF_A_SEARCH, first).await;
    found.ok().flatten().ok_or(worst)
}

fn error_of(missing: NotFound) -> RedisError {
    std::io::Error::other(missing.said).into()
}
