//! What other systems hear of a publish: a command (`--then`), and a bucket (`--publish-to`).
//!
//! Owns the delivery of changed paths. Each receiver has an [`Outbox`] in the state directory. A path
//! enters the outbox before the path changes in `--out`, and leaves the outbox after the receiver had the
//! path. A path may therefore be delivered twice, and is never forgotten, whatever is killed between. A
//! receiver that is slow, fails or hangs delays no visitor and no refresh.

pub mod bucket;
mod command;
mod outbox;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::disk;
use crate::live::{Live, Snapshot};
use crate::publish::GenerationId;
use crate::telemetry::Metrics;
use bucket::{Bucket, BucketSettings};
use command::Hook;
use outbox::Outbox;

/// The files of the outboxes in the state directory: of the command, and of the bucket.
const OUTBOXES: [&str; 2] = ["outbox-then", "outbox-bucket"];
/// Time until the first try after a failure.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest time between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Longest sleep, because timers stand still while the machine is suspended.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// What receives changed paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RelaySettings {
    /// The command that runs after each publish.
    pub then: Option<String>,
    /// The bucket that gets the files.
    pub bucket: Option<BucketSettings>,
}

/// All receivers. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Relays(Arc<Vec<Relay>>);

#[derive(Debug)]
struct Relay {
    outbox: Mutex<Outbox>,
    receiver: Receiver,
    metrics: Metrics,
}

#[derive(Debug)]
enum Receiver {
    Command(Hook),
    Bucket(Box<Bucket>),
}

impl Relays {
    /// Prepares the receivers. No receiver is contacted.
    ///
    /// # Errors
    /// Fails if an outbox cannot be read, or if the bucket cannot be addressed.
    pub fn open(
        settings: &RelaySettings,
        out: &Path,
        state: &Path,
        clock: &Clock,
        metrics: &Metrics,
    ) -> Result<Relays> {
        let mut relays = Vec::new();
        // A receiver that is not there misses paths. If it comes back, it gets all files.
        let is_there = [settings.then.is_some(), settings.bucket.is_some()];
        for (name, _) in OUTBOXES.iter().zip(is_there).filter(|(_, is_there)| !is_there) {
            disk::remove_file(&state.join(name))?;
        }
        let [of_command, of_bucket] = OUTBOXES;
        let mut add = |name: &str, address: &str, receiver| -> Result<()> {
            let outbox = Mutex::new(Outbox::open(&state.join(name), address)?);
            relays.push(Relay { outbox, receiver, metrics: metrics.clone() });
            Ok(())
        };
        if let Some(command) = &settings.then {
            add(of_command, command, Receiver::Command(Hook::new(command, out)))?;
        }
        if let Some(bucket) = &settings.bucket {
            let receiver = Bucket::open(bucket, state, clock.clone())?;
            add(of_bucket, &bucket.address.to_string(), Receiver::Bucket(Box::new(receiver)))?;
        }
        Ok(Relays(Arc::new(relays)))
    }

    /// Notes paths that change with `next`, before they change. `live` is what is live until then.
    ///
    /// # Errors
    /// Fails if a path cannot be noted. The publish must not go on then.
    pub fn note(
        &self,
        paths: &[&String],
        next: &GenerationId,
        live: Option<&GenerationId>,
    ) -> Result<()> {
        self.0.iter().try_for_each(|relay| {
            relay
                .outbox()
                .note(paths, next, live)
                .context("cannot note what --then or --publish-to must be told")
        })
    }

    /// Starts to deliver what becomes live, until `stop` is set.
    pub fn start(&self, live: &Live, stop: &watch::Receiver<bool>) -> Deliveries {
        let tasks = (0..self.0.len()).map(|number| {
            let (relays, live, stop) = (self.0.clone(), live.clone(), stop.clone());
            tokio::spawn(async move { relays[number].run(&live, stop).await })
        });
        Deliveries(tasks.collect())
    }

    /// Delivers everything once.
    ///
    /// # Errors
    /// Fails if a receiver fails. The next run delivers the same paths again.
    pub async fn deliver(&self, live: &Live) -> Result<()> {
        for relay in self.0.iter() {
            let delivered = relay.deliver(&live.snapshot()).await;
            delivered.context("the site is published, and the next run delivers it again")?;
        }
        Ok(())
    }
}

/// The tasks that deliver.
pub struct Deliveries(Vec<tokio::task::JoinHandle<()>>);

impl Deliveries {
    /// Waits for a delivery in progress, at most this long. What is not delivered then is delivered after
    /// the next start.
    pub async fn end_within(self, grace: Duration) {
        let all = futures_util::future::join_all(self.0);
        // A task that failed has nothing left to deliver.
        let _ = tokio::time::timeout(grace, all).await;
    }
}

impl Relay {
    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        // The value is whole also after a panic of another user.
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Delivers until the program stops.
    async fn run(&self, live: &Live, mut stop: watch::Receiver<bool>) {
        let mut changes = live.watch();
        let mut pause = None;
        loop {
            let snapshot = changes.borrow_and_update().clone();
            let nap = match self.deliver(&snapshot).await {
                Ok(next) => {
                    if pause.take().is_some() {
                        info!("{} works again", self.receiver.name());
                    }
                    next.unwrap_or(LONGEST_SLEEP)
                }
                Err(error) => {
                    if pause.is_none() {
                        warn!("{error:#}; the same paths are delivered again until this works");
                    }
                    let next = pause.map_or(FIRST_PAUSE, |pause: Duration| pause * 2);
                    *pause.insert(next.min(LONGEST_PAUSE))
                }
            };
            tokio::select! {
                _ = stop.wait_for(|&stop| stop) => return,
                // After a failure, newer data does not shorten the pause.
                ended = changes.changed(), if pause.is_none() => if ended.is_err() { return },
                () = tokio::time::sleep(nap.min(LONGEST_SLEEP)) => {}
            }
        }
    }

    /// Delivers what is live now. Returns the time until something is due without a publish.
    async fn deliver(&self, snapshot: &Snapshot) -> Result<Option<Duration>> {
        let Some(site) = &snapshot.site else { return Ok(None) };
        let batch = self.outbox().take(&site.generation);
        let is_empty = batch.is_empty();
        let delivered = match &self.receiver {
            Receiver::Command(_) if is_empty => Ok(None),
            Receiver::Command(hook) => hook.run(&batch, site).await.map(|()| None),
            Receiver::Bucket(bucket) => {
                bucket.take_in(batch, snapshot, |paths| self.outbox().partly_delivered(paths)).await
            }
        };
        if !is_empty || delivered.is_err() {
            self.metrics.delivered(self.receiver.kind(), delivered.is_ok());
        }
        match delivered {
            Ok(next) => {
                self.outbox().delivered()?;
                Ok(next)
            }
            Err(error) => {
                self.outbox().failed();
                Err(error)
            }
        }
    }
}

impl Receiver {
    fn kind(&self) -> &'static str {
        match self {
            Receiver::Command(_) => "command",
            Receiver::Bucket(_) => "bucket",
        }
    }

    fn name(&self) -> String {
        match self {
            Receiver::Command(_) => "the command of --then".to_owned(),
            Receiver::Bucket(bucket) => bucket.to_string(),
        }
    }
}
