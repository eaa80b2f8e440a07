//! Requests that wait for newer data.
//!
//! Owns the wait: which requests wait, how many may wait, and that the clock is read again after
//! the wait. A waiting request costs a task and no thread. [`hold`] decides whether a request
//! waits.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::answer::Met;
use super::shown::ShownSnapshot;
use crate::clock::{Clock, Now};
use crate::hold::{self, Asker, Decision, StaleReason};
use crate::live::{Live, Snapshot};
use crate::telemetry::Metrics;

/// Longest sleep. Timers stand still while the machine is suspended, so the boot clock is read
/// this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// All waiting requests. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Parking {
    places: Arc<Semaphore>,
    metrics: Metrics,
}

impl Parking {
    /// Makes room for `places` waiting requests.
    pub(super) fn new(places: usize, metrics: Metrics) -> Parking {
        Parking { places: Arc::new(Semaphore::new(places)), metrics }
    }

    /// Waits as long as waiting helps. `arrived` is when the request arrived. `latest` returns what is
    /// live now; the answer uses what is live after the wait.
    pub(super) async fn wait(
        &self,
        mut shown: Rc<ShownSnapshot>,
        latest: impl Fn() -> Rc<ShownSnapshot>,
        live: &Live,
        clock: &Clock,
        asker: Asker,
        arrived: Now,
    ) -> Met {
        let (mut now, arrived) = (arrived, arrived.boot);
        // Most requests do not wait, so prepare the wait only when it is needed.
        let mut waiting = None;
        loop {
            let origin = shown.site.as_ref().map(|site| site.origin.boot);
            let bound = &shown.frame.bound;
            let Snapshot { coming, takes, .. } = **shown;
            let mut decision = hold::decide(origin, coming, takes, bound, asker, arrived, now.boot);
            if let Decision::Wait(until) = decision {
                if waiting.is_none()
                    && let Ok(place) = self.places.try_acquire()
                {
                    let changes = live.watch();
                    // Read a change between the decision and the first sleep.
                    (shown, now) = (latest(), clock.now());
                    waiting = Some((place, self.metrics.parked(), changes));
                    // The loop may still sleep after a suspend: wake the loop.
                    live.want();
                    continue;
                }
                if let Some((.., changes)) = &mut waiting {
                    let nap = until.since(now.boot).min(LONGEST_SLEEP);
                    tokio::select! {
                        _ = changes.changed() => {}
                        () = tokio::time::sleep(nap) => {}
                    }
                    changes.mark_unchanged();
                    (shown, now) = (latest(), clock.now());
                    continue;
                }
                decision = Decision::Old(StaleReason::Crowded);
            }
            let held = waiting.is_some().then(|| now.boot.since(arrived));
            let age = origin.map(|origin| now.boot.since(origin));
            self.metrics.answered(age, decision, held);
            return Met { shown, now, decision, held };
        }
    }
}
