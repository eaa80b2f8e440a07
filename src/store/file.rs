//! The embedded store: files under `--state`.
//!
//! Owns the layout of the state directory:
//!
//! | name | what |
//! |---|---|
//! | `upstream` | whose data this is |
//! | `attempt` | the last claim and how it ended |
//! | `saved` | fence, origin time, validators and ledger of the last payload |
//! | `bodies/<hash>` | its raw bodies, named by their content |
//!
//! It exists so that one machine needs no Redis, and so that every replica has
//! a copy of its own. One process holds the directory at a time (`lock`); the
//! work is short and done in place, on the loop that serves no visitor.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::document;
use super::{Ask, Claim, Denied, Granted, Loaded, Saved, Standing, Store, UpstreamId, Written};
use crate::clock::{Clock, Now, Stamp, micros};
use crate::disk;
use crate::ledger::Ledger;
use crate::outcome::Outcome;
use crate::payload::{Body, Fence, Payload};
use crate::schedule::{self, LastAttempt, Next};

/// An attempt is dated ahead by no more than this.
const LONGEST_AHEAD: Duration = Duration::from_secs(2);

/// The last attempt as the state directory keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its number.
    pub fence: Fence,
    /// When it was claimed.
    pub at: Stamp,
    /// By which ask.
    pub nonce: String,
    /// How it ended, and when.
    pub ended: Option<Ended>,
}

/// How an attempt ended, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: Stamp,
    /// How.
    pub outcome: Outcome,
}

/// A state directory that belongs to another upstream.
#[derive(Debug, thiserror::Error)]
#[error(
    "the state in {} was made for {}, not for {}: use another --state (and --out), or remove it",
    directory.display(), found.0, wanted.0
)]
pub struct OtherUpstream {
    /// The state directory.
    pub directory: PathBuf,
    /// Whose data it holds.
    pub found: UpstreamId,
    /// Whose data was asked for.
    pub wanted: UpstreamId,
}

#[derive(Serialize, Deserialize)]
struct Head {
    fence: Fence,
    origin: Stamp,
    films: BodyHead,
    people: BodyHead,
    ledger: Ledger,
}

#[derive(Serialize, Deserialize)]
struct BodyHead {
    hash: String,
    etag: Option<String>,
}

/// The store under `--state`.
#[derive(Debug)]
pub struct FileStore {
    directory: PathBuf,
    clock: Clock,
    /// Microseconds that recording the last attempt took: the next one is dated
    /// ahead by as much, so that on a slow disk it still is of the moment when
    /// the request leaves.
    slowness: AtomicU64,
}

impl FileStore {
    /// Opens the state directory, which the caller has locked.
    ///
    /// # Errors
    /// [`OtherUpstream`] if it holds another upstream's data,
    /// [`document::UnknownVersion`] if a newer program wrote it, or if it
    /// cannot be read or made.
    pub fn open(directory: &Path, upstream: &UpstreamId, clock: Clock) -> Result<FileStore> {
        disk::create_directory(&directory.join("bodies"))?;
        let marker = directory.join("upstream");
        match document::read::<UpstreamId>(&marker, "upstream")? {
            Some(found) if found != *upstream => {
                let (directory, wanted) = (directory.to_owned(), upstream.clone());
                return Err(OtherUpstream { directory, found, wanted }.into());
            }
            Some(_) => {}
            None => document::write(&marker, "upstream", upstream)?,
        }
        let slowness = AtomicU64::new(0);
        let store = FileStore { directory: directory.to_owned(), clock, slowness };
        // Fail now and not at the first refresh if a newer program was here.
        store.attempt()?;
        store.head()?;
        Ok(store)
    }

    /// The last attempt. One from the future counts as just made, and is
    /// written back so, or it would stay in the future.
    ///
    /// # Errors
    /// If the file cannot be read or belongs to a newer program.
    pub fn attempt(&self) -> Result<Option<Attempt>> {
        let Some(mut attempt) = document::read::<Attempt>(&self.attempt_path(), "attempt")? else {
            return Ok(None);
        };
        let anchored = attempt.at.anchored(self.clock.now(), self.clock.boot_id());
        if anchored.wall != attempt.at.wall {
            attempt.at = anchored;
            self.write_attempt(&attempt)?;
        }
        Ok(Some(attempt))
    }

    /// Notes a claim that another store granted.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn note(&self, granted: &Granted, nonce: &str) -> Result<()> {
        let (fence, at) = (granted.fence, granted.at.clone());
        self.write_attempt(&Attempt { fence, at, nonce: nonce.to_owned(), ended: None })
    }

    /// What is known of the last attempt, as the schedule wants it.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn last_attempt(&self) -> Result<LastAttempt> {
        Ok(self.attempt()?.map_or_else(LastAttempt::default, |attempt| self.as_last(&attempt)))
    }

    fn as_last(&self, attempt: &Attempt) -> LastAttempt {
        let (now, boot_id) = (self.clock.now(), self.clock.boot_id());
        let left_alone = attempt.ended.as_ref().and_then(|ended| {
            let asked = ended.outcome.retry_after?.min(schedule::LONGEST_RETRY_AFTER);
            Some(asked.saturating_sub(ended.at.age(now, boot_id)))
        });
        LastAttempt { age: Some(attempt.at.age(now, boot_id)), left_alone }
    }

    fn standing_of(&self, attempt: Option<Attempt>, age: Duration) -> Result<Standing> {
        Ok(Standing {
            fence: attempt.as_ref().map_or(Fence(0), |attempt| attempt.fence),
            age,
            outcome: attempt.and_then(|attempt| attempt.ended).map(|ended| ended.outcome),
            saved: self.saved_fence()?,
        })
    }

    fn saved_fence(&self) -> Result<Fence> {
        Ok(self.head()?.map_or(Fence(0), |head| head.fence))
    }

    fn head(&self) -> Result<Option<Head>> {
        document::read(&self.directory.join("saved"), "saved")
    }

    fn attempt_path(&self) -> PathBuf {
        self.directory.join("attempt")
    }

    fn write_attempt(&self, attempt: &Attempt) -> Result<()> {
        let started = self.clock.now().boot;
        document::write(&self.attempt_path(), "attempt", attempt)
            .context("cannot record the attempt, so the upstream is not asked")?;
        let took = self.clock.now().boot.since(started);
        self.slowness.store(micros(took.min(LONGEST_AHEAD)), Ordering::Relaxed);
        Ok(())
    }

    /// When an attempt that is recorded now can be made.
    fn ready(&self) -> Stamp {
        let slowness = Duration::from_micros(self.slowness.load(Ordering::Relaxed));
        let now = self.clock.now();
        self.clock.stamp_of(Now { boot: now.boot + slowness, wall: now.wall + slowness })
    }

    fn body_path(&self, hash: &str) -> PathBuf {
        self.directory.join("bodies").join(hash)
    }

    /// Keeps a body under the hash of its content; one that is kept already
    /// costs nothing.
    fn keep(&self, body: &Body) -> Result<BodyHead> {
        let hash = blake3::hash(&body.bytes).to_hex().to_string();
        let path = self.body_path(&hash);
        if !path.exists() {
            disk::replace(&path, &body.bytes)?;
        }
        Ok(BodyHead { hash, etag: body.etag.clone() })
    }

    fn body(&self, head: BodyHead) -> Result<Option<Body>> {
        let path = self.body_path(&head.hash);
        let Some(bytes) = disk::read(&path)? else { return Ok(None) };
        if blake3::hash(&bytes).to_hex().as_str() != head.hash {
            document::set_aside(&path, "its content is not what its name says")?;
            return Ok(None);
        }
        Ok(Some(Body { bytes: Bytes::from(bytes), etag: head.etag }))
    }

    fn forget_bodies_but(&self, kept: [&str; 2]) -> Result<()> {
        for path in disk::entries(&self.directory.join("bodies"))? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !kept.contains(&name) && !name.ends_with(".damaged") {
                disk::remove_file(&path)?;
            }
        }
        Ok(())
    }
}

impl Store for FileStore {
    async fn claim(&self, ask: &Ask) -> Result<Claim> {
        let attempt = self.attempt()?;
        if let Some(attempt) = &attempt
            && attempt.nonce == ask.nonce
        {
            let (fence, at) = (attempt.fence, attempt.at.clone());
            return Ok(Claim::Granted(Granted { fence, at, saved: self.saved_fence()? }));
        }
        let kept = attempt.as_ref().map_or_else(LastAttempt::default, |kept| self.as_last(kept));
        let last = LastAttempt {
            age: [kept.age, ask.age].into_iter().flatten().min(),
            left_alone: kept.left_alone.max(ask.left_alone),
        };
        if let Next::Wait(wait) = schedule::next(last, ask.interval) {
            let standing = self.standing_of(attempt, last.age.unwrap_or_default())?;
            return Ok(Claim::Denied(Denied { wait, standing }));
        }
        let at = self.ready();
        let old = attempt.map_or(Fence(0), |attempt| attempt.fence).max(ask.highest);
        let fence = Fence((old.0 + 1).max(at.wall.0));
        let granted = Granted { fence, at, saved: self.saved_fence()? };
        self.note(&granted, &ask.nonce)?;
        Ok(Claim::Granted(granted))
    }

    async fn renew(&self, fence: Fence) -> Result<Option<Granted>> {
        match self.attempt()? {
            Some(mut attempt) if attempt.fence == fence => {
                attempt.at = self.ready();
                self.write_attempt(&attempt)?;
                Ok(Some(Granted { fence, at: attempt.at, saved: self.saved_fence()? }))
            }
            _ => Ok(None),
        }
    }

    async fn save(&self, saved: &Saved) -> Result<Written> {
        let payload = &saved.payload;
        if self.saved_fence()? > payload.fence {
            return Ok(Written::Older);
        }
        let head = Head {
            fence: payload.fence,
            origin: payload.origin.clone(),
            films: self.keep(&payload.films)?,
            people: self.keep(&payload.people)?,
            ledger: saved.ledger.clone(),
        };
        document::write(&self.directory.join("saved"), "saved", &head)?;
        self.forget_bodies_but([&head.films.hash, &head.people.hash])?;
        Ok(Written::Done)
    }

    async fn record(&self, fence: Fence, outcome: &Outcome) -> Result<Written> {
        match self.attempt()? {
            Some(mut attempt) if attempt.fence == fence => {
                attempt.ended = Some(Ended { at: self.clock.stamp(), outcome: outcome.clone() });
                self.write_attempt(&attempt)?;
                Ok(Written::Done)
            }
            _ => Ok(Written::Older),
        }
    }

    async fn load(&self) -> Result<Loaded> {
        let Some(mut head) = self.head()? else { return Ok(Loaded::default()) };
        let origin = head.origin.anchored(self.clock.now(), self.clock.boot_id());
        if origin.wall != head.origin.wall {
            // From the future: it becomes now once, and not at every start.
            head.origin = origin.clone();
            document::write(&self.directory.join("saved"), "saved", &head)?;
        }
        let payload = match (self.body(head.films)?, self.body(head.people)?) {
            (Some(films), Some(people)) => {
                Some(Payload { fence: head.fence, origin, films, people })
            }
            _ => None,
        };
        Ok(Loaded { payload, ledger: Some(head.ledger) })
    }

    async fn standing(&self) -> Result<Option<Standing>> {
        let Some(attempt) = self.attempt()? else { return Ok(None) };
        let age = attempt.at.age(self.clock.now(), self.clock.boot_id());
        self.standing_of(Some(attempt), age).map(Some)
    }
}
