//! The embedded store: files under `--state`.
//!
//! Owns the layout of the state directory:
//!
//! | name | what |
//! |---|---|
//! | `upstream` | whose data this is |
//! | `attempt` | the last claim and how it ended |
//! | `saved` | fence, origin time and validators of the last payload: small, whatever the site |
//! | `bodies/<hash>` | its raw bodies and its ledger, named by their content |
//! | `refused/<sets>` | the last payloads that were not believed |
//! | `accepted` | which of these the owner accepts, and since when |
//!
//! It exists so that one machine needs no Redis, and so that every replica has
//! a copy of its own. One process holds the directory at a time (`lock`); the
//! work is short and done in place, on the loop that serves no visitor.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering as Order};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::document;
use super::{
    Ask, Claim, Denied, Edition, Granted, Kept, Loaded, MARK_LASTS, Saved, Standing, Store,
    Strange, UpstreamId, Written,
};
use crate::clock::{Clock, Now, Stamp, micros};
use crate::disk;
use crate::ledger::Ledger;
use crate::outcome::{Mark, Outcome, Refused};
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
    /// What was not believed the last times, this one included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
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
    "the state in {} was made for {}, not for {}: use another --state (and --out), or --adopt if the API has moved",
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
    #[serde(default)]
    revision: u64,
    origin: Stamp,
    films: BodyHead,
    people: BodyHead,
    ledger: LedgerHead,
}

/// Where the ledger is. Every claim reads the head, so the ledger does not stand in it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum LedgerHead {
    /// Among the bodies.
    Apart {
        /// The file's name.
        hash: String,
    },
    /// In the head itself, as earlier versions kept it.
    Within(Box<Ledger>),
}

impl Head {
    fn edition(&self) -> Edition {
        Edition { fence: self.fence, revision: self.revision }
    }
}

/// A mark of the owner's, and when it was made. A mark of an older program is a name alone:
/// it says nothing of what was shown, and is none.
#[derive(Default, Serialize, Deserialize)]
#[serde(from = "AnyMark")]
struct KeptMark {
    mark: Option<Mark>,
    at: Option<Stamp>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AnyMark {
    Whole { mark: Mark, at: Stamp },
    Other(serde::de::IgnoredAny),
}

impl From<AnyMark> for KeptMark {
    fn from(any: AnyMark) -> KeptMark {
        match any {
            AnyMark::Whole { mark, at } => KeptMark { mark: Some(mark), at: Some(at) },
            AnyMark::Other(_) => KeptMark::default(),
        }
    }
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
    /// Whether another process may hold the directory: then nothing is written.
    only_looks: bool,
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
    pub fn open(
        directory: &Path,
        upstream: &UpstreamId,
        strange: Strange,
        clock: Clock,
    ) -> Result<FileStore> {
        disk::create_directory(&directory.join("bodies"))?;
        let marker = directory.join("upstream");
        match document::read::<UpstreamId>(&marker, "upstream")? {
            Some(found) if found != *upstream && strange == Strange::Refuse => {
                let (directory, wanted) = (directory.to_owned(), upstream.clone());
                return Err(OtherUpstream { directory, found, wanted }.into());
            }
            Some(found) if found == *upstream => {}
            _ => document::write(&marker, "upstream", upstream)?,
        }
        let slowness = AtomicU64::new(0);
        let store =
            FileStore { directory: directory.to_owned(), clock, only_looks: false, slowness };
        // Fail now and not at the first refresh if a newer program was here.
        store.attempt()?;
        if let Some(mut head) = store.head()?
            && let LedgerHead::Within(ledger) = &head.ledger
        {
            head.ledger = store.keep_ledger(ledger)?;
            store.write_head(&head)?;
        }
        Ok(store)
    }

    /// Looks into a state directory that another process may hold: what is
    /// damaged or foreign there is absent, and nothing is written.
    pub fn look(directory: &Path, clock: Clock) -> FileStore {
        let slowness = AtomicU64::new(0);
        FileStore { directory: directory.to_owned(), clock, only_looks: true, slowness }
    }

    /// Whose data the directory holds.
    pub fn upstream(&self) -> Option<UpstreamId> {
        document::peek(&self.directory.join("upstream"), "upstream")
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let path = self.directory.join(name);
        if self.only_looks { Ok(document::peek(&path, name)) } else { document::read(&path, name) }
    }

    /// The last attempt, on the clock of this boot. One from the future counts as
    /// just made, and is written back so, or it would stay in the future; one of
    /// an earlier boot is written back so that no step of the wall clock from here
    /// on changes its age.
    ///
    /// # Errors
    /// If the file cannot be read or belongs to a newer program.
    pub fn attempt(&self) -> Result<Option<Attempt>> {
        let Some(kept) = self.read::<Attempt>("attempt")? else {
            return Ok(None);
        };
        let (now, boot_id) = (self.clock.now(), self.clock.boot_id());
        let mut attempt = kept.clone();
        attempt.at = kept.at.anchored(now, boot_id);
        if let Some(ended) = &mut attempt.ended {
            ended.at = ended.at.anchored(now, boot_id);
        }
        let of = |attempt: &Attempt| (attempt.at.boot_id.clone(), attempt.at.wall);
        if of(&attempt) != of(&kept) && !self.only_looks {
            self.write_attempt(&attempt)?;
        }
        Ok(Some(attempt))
    }

    /// Notes a claim that another store granted.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn note(&self, granted: &Granted, nonce: &str) -> Result<()> {
        self.write_attempt(&Attempt {
            fence: granted.fence,
            at: granted.at.clone(),
            nonce: nonce.to_owned(),
            ended: None,
            refused: granted.refused.clone(),
        })
    }

    /// What is known of the last attempt, as the schedule wants it.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn last_attempt(&self) -> Result<LastAttempt> {
        Ok(self.attempt()?.map_or_else(LastAttempt::default, |attempt| self.as_last(&attempt)))
    }

    fn as_last(&self, attempt: &Attempt) -> LastAttempt {
        let asked = attempt.ended.as_ref().and_then(|ended| {
            let asked = ended.outcome.retry_after?;
            Some((&ended.at, asked))
        });
        LastAttempt::of(&attempt.at, asked, self.clock.now(), self.clock.boot_id())
    }

    fn standing_of(&self, attempt: Option<Attempt>, age: Duration) -> Result<Standing> {
        Ok(Standing {
            fence: attempt.as_ref().map_or(Fence(0), |attempt| attempt.fence),
            age,
            outcome: attempt.and_then(|attempt| attempt.ended).map(|ended| ended.outcome),
            saved: self.saved()?,
            is_lost: false,
        })
    }

    fn saved(&self) -> Result<Edition> {
        Ok(self.head()?.as_ref().map_or_else(Edition::default, Head::edition))
    }

    /// Fence and origin time of what is saved, if it came here in this boot: then no wall clock
    /// has a say in its age.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn origin_in_this_boot(&self) -> Result<Option<(Fence, Stamp)>> {
        let head = self.head()?.filter(|head| head.origin.boot_id == *self.clock.boot_id());
        Ok(head.map(|head| (head.fence, head.origin)))
    }

    /// Keeps what another store has, as it is called there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn mirror(&self, saved: &Saved, edition: Edition) -> Result<()> {
        let payload = &saved.payload;
        let head = Head {
            fence: edition.fence,
            revision: edition.revision,
            origin: payload.origin.clone(),
            films: self.keep(&payload.films)?,
            people: self.keep(&payload.people)?,
            ledger: self.keep_ledger(&saved.ledger)?,
        };
        self.write_head(&head)?;
        self.forget_bodies_but(&head)
    }

    fn keep_ledger(&self, ledger: &Ledger) -> Result<LedgerHead> {
        let bytes = serde_json::to_vec(ledger).context("cannot write the ledger")?;
        let body = Body { bytes: bytes.into(), etag: None };
        Ok(LedgerHead::Apart { hash: self.keep(&body)?.hash })
    }

    /// The ledger that goes with a head; none if its file was lost or damaged.
    fn ledger(&self, head: LedgerHead) -> Result<Option<Ledger>> {
        let hash = match head {
            LedgerHead::Within(ledger) => return Ok(Some(*ledger)),
            LedgerHead::Apart { hash } => hash,
        };
        let Some(body) = self.body(BodyHead { hash, etag: None })? else { return Ok(None) };
        Ok(serde_json::from_slice(&body.bytes).ok())
    }

    fn head(&self) -> Result<Option<Head>> {
        self.read("saved")
    }

    fn write_head(&self, head: &Head) -> Result<()> {
        document::write(&self.directory.join("saved"), "saved", head)
    }

    fn attempt_path(&self) -> PathBuf {
        self.directory.join("attempt")
    }

    fn write_attempt(&self, attempt: &Attempt) -> Result<()> {
        let started = self.clock.now().boot;
        document::write(&self.attempt_path(), "attempt", attempt)
            .context("cannot record the attempt, so the upstream is not asked")?;
        let took = self.clock.now().boot.since(started);
        // Twice as long, since a disk is not slow evenly.
        self.slowness.store(micros((2 * took).min(LONGEST_AHEAD)), Order::Relaxed);
        Ok(())
    }

    /// When an attempt that is recorded now can be made.
    fn ready(&self) -> Stamp {
        let slowness = Duration::from_micros(self.slowness.load(Order::Relaxed));
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
        // A hash that is none is no name of a file either.
        if blake3::Hash::from_hex(&head.hash).is_err() {
            return Ok(None);
        }
        let path = self.body_path(&head.hash);
        let Some(bytes) = disk::read(&path)? else { return Ok(None) };
        if blake3::hash(&bytes).to_hex().as_str() != head.hash {
            if !self.only_looks {
                document::set_aside(&path, "its content is not what its name says")?;
            }
            return Ok(None);
        }
        Ok(Some(Body { bytes: Bytes::from(bytes), etag: head.etag }))
    }

    fn forget_bodies_but(&self, head: &Head) -> Result<()> {
        let ledger = match &head.ledger {
            LedgerHead::Apart { hash } => hash,
            LedgerHead::Within(_) => "",
        };
        let kept = [head.films.hash.as_str(), head.people.hash.as_str(), ledger];
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
            return Ok(Claim::Granted(Granted {
                fence: attempt.fence,
                at: attempt.at.clone(),
                saved: self.saved()?,
                refused: attempt.refused.clone(),
            }));
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
        let (old, refused) =
            attempt.map_or((Fence(0), None), |attempt| (attempt.fence, attempt.refused));
        let old = old.max(ask.highest);
        let fence = Fence(old.0.saturating_add(1).max(at.wall.0).min(Fence::HIGHEST));
        let granted = Granted { fence, at, saved: self.saved()?, refused };
        self.note(&granted, &ask.nonce)?;
        Ok(Claim::Granted(granted))
    }

    async fn renew(&self, fence: Fence) -> Result<Option<Granted>> {
        match self.attempt()? {
            Some(mut attempt) if attempt.fence == fence => {
                attempt.at = self.ready();
                self.write_attempt(&attempt)?;
                let Attempt { at, refused, .. } = attempt;
                Ok(Some(Granted { fence, at, saved: self.saved()?, refused }))
            }
            _ => Ok(None),
        }
    }

    /// What is refused still leaves its ledger here: what was seen once is not
    /// seen again.
    async fn save(&self, saved: &mut Saved) -> Result<Kept> {
        let (head, given) = (self.head()?, saved.edition());
        let there = head.as_ref().map_or_else(Edition::default, Head::edition);
        let kept = match there.fence.cmp(&given.fence) {
            Ordering::Greater => Kept::Older,
            Ordering::Equal if there.revision != given.revision => Kept::Overtaken,
            _ => Kept::As(Edition {
                revision: there.revision.max(given.revision).saturating_add(1),
                ..given
            }),
        };
        match (kept, head) {
            (Kept::As(edition), head) => {
                if let Some(head) = head.filter(|head| head.revision != given.revision)
                    && let Some(ledger) = self.ledger(head.ledger)?
                {
                    saved.ledger = saved.ledger.absorbing(&ledger);
                }
                self.mirror(saved, edition)?;
            }
            (_, Some(mut head)) => {
                let ledger = match self.ledger(head.ledger)? {
                    Some(ledger) => ledger.absorbing(&saved.ledger),
                    None => saved.ledger.clone(),
                };
                head.ledger = self.keep_ledger(&ledger)?;
                self.write_head(&head)?;
                self.forget_bodies_but(&head)?;
            }
            (_, None) => {}
        }
        Ok(kept)
    }

    async fn record(&self, fence: Fence, outcome: &Outcome) -> Result<Written> {
        match self.attempt()? {
            Some(mut attempt) if attempt.fence == fence => {
                attempt.refused = match &outcome.refused {
                    Some(refused) => Some(refused.clone()),
                    None => attempt.refused.filter(|_| !outcome.kind.is_good()),
                };
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
        if origin.wall != head.origin.wall && !self.only_looks {
            // From the future: it becomes now once, and not at every start.
            head.origin = origin.clone();
            self.write_head(&head)?;
        }
        let payload = match (self.body(head.films)?, self.body(head.people)?) {
            (Some(films), Some(people)) => {
                Some(Payload { fence: head.fence, origin, films, people })
            }
            _ => None,
        };
        let edition = Edition { fence: head.fence, revision: head.revision };
        Ok(Loaded { payload, ledger: self.ledger(head.ledger)?, edition })
    }

    async fn accepted(&self) -> Result<Vec<Mark>> {
        let kept = self.read::<KeptMark>("accepted")?;
        let (now, boot_id) = (self.clock.now(), self.clock.boot_id());
        Ok(kept
            .and_then(|kept| kept.mark.zip(kept.at))
            .filter(|(_, at)| at.age(now, boot_id) < MARK_LASTS)
            .map(|(mark, _)| mark)
            .into_iter()
            .collect())
    }

    async fn accept(&self, mark: Option<&Mark>) -> Result<()> {
        let path = self.directory.join("accepted");
        let Some(mark) = mark else { return disk::remove_file(&path) };
        let kept = KeptMark { mark: Some(mark.clone()), at: Some(self.clock.stamp()) };
        document::write(&path, "accepted", &kept)
    }

    async fn standing(&self) -> Result<Option<Standing>> {
        let Some(attempt) = self.attempt()? else { return Ok(None) };
        let age = attempt.at.age(self.clock.now(), self.clock.boot_id());
        self.standing_of(Some(attempt), age).map(Some)
    }
}
