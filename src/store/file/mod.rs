//! The embedded store: files under `--state`.
//!
//! Owns the layout of the state directory:
//!
//! | name | content |
//! |---|---|
//! | `upstream` | the identity of the upstream |
//! | `attempt` | the last claim and its outcome |
//! | `saved` | fence, origin time and validators of the last payload; small for every site |
//! | `bodies/<name>` | parts of the raw bodies and of the ledger, and lists of parts, named by their content |
//! | `refused/<sets>` | the last refused answers |
//! | `refused/<sets>.bodies` | the bodies of a refused answer |
//! | `accepted` | the answers that the owner accepts, with the times of the marks |
//!
//! The module exists so that one machine needs no Redis, and so that every replica has its own
//! copy. One process holds the directory at a time (`lock`). The work is short and runs on the
//! event loop, which serves no visitors.

mod documents;

use std::cmp::Ordering;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering as Order};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use serde::de::DeserializeOwned;

pub use documents::Attempt;
use documents::{AttemptEnd, BodyHead, BodyPlace, KeptMark, LedgerHead, SavedHead};

use super::kept::{Gathered, KeptParts};
use super::part_files::PartFiles;
use super::parts::{Cut, PartName, names_in};
use super::{
    Ask, Claim, Denied, Edition, Granted, Kept, Loaded, MARK_LASTS, Saved, Standing, Store, Written,
};
use crate::clock::{Clock, Now, Stamp, micros};
use crate::disk;
use crate::document;
use crate::ledger::Ledger;
use crate::outcome::{Mark, Outcome};
use crate::payload::{Body, Endpoint, Fence, Payload};
use crate::schedule::{self, LastAttempt, Next};
use crate::upstream::{OtherUpstream, Strange, UpstreamId};

/// Bound on how far an attempt is dated ahead.
const LONGEST_AHEAD: Duration = Duration::from_secs(2);

/// The store under `--state`.
#[derive(Debug)]
pub struct FileStore {
    directory: PathBuf,
    clock: Clock,
    kept: Arc<KeptParts>,
    /// Whether another process may hold the directory. Then nothing is written.
    only_looks: bool,
    /// Microseconds that recording the last attempt took. The next attempt is dated ahead by
    /// this time, so that on a slow disk the time of the attempt is the time at which the request
    /// leaves.
    slowness: AtomicU64,
}

impl FileStore {
    /// Opens the state directory. The caller holds its lock.
    ///
    /// # Errors
    /// Fails with [`OtherUpstream`] if the directory holds the data of another upstream, with
    /// [`document::UnknownVersion`] if a newer program wrote the directory, or if the directory
    /// cannot be read or created.
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
            Some(_) => {
                document::write(&marker, "upstream", upstream)?;
                // The attempt asked the other upstream. Ask the adopted upstream at once, so that
                // the owner learns whether the address is right.
                disk::remove_file(&directory.join("attempt"))?;
            }
            None => document::write(&marker, "upstream", upstream)?,
        }
        let store = FileStore::at(directory, clock, false);
        // Fail now, and not at the first refresh, if a newer program wrote the file.
        store.attempt()?;
        if let Some(mut head) = store.head()?
            && let LedgerHead::Within(ledger) = &head.ledger
        {
            let ledger = serde_json::to_vec(ledger).context("cannot serialize the ledger")?;
            let [place] = store.keep_all([&Cut::of(&ledger.into())])?;
            head.ledger = LedgerHead::Apart(place);
            store.write_head(&head)?;
        }
        Ok(store)
    }

    /// Opens a state directory that another process may hold. Damaged or foreign documents count
    /// as absent, and nothing is written.
    pub fn look(directory: &Path, clock: Clock) -> FileStore {
        FileStore::at(directory, clock, true)
    }

    fn at(directory: &Path, clock: Clock, only_looks: bool) -> FileStore {
        let kept = Arc::new(KeptParts::new(PartFiles::under(directory, only_looks)));
        let (directory, slowness) = (directory.to_owned(), AtomicU64::new(0));
        FileStore { directory, clock, kept, only_looks, slowness }
    }

    /// Returns the parts on this machine.
    pub(super) fn kept(&self) -> &Arc<KeptParts> {
        &self.kept
    }

    /// Returns the identity of the upstream whose data the directory holds.
    pub fn upstream(&self) -> Option<UpstreamId> {
        document::peek(&self.directory.join("upstream"), "upstream")
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let path = self.directory.join(name);
        if self.only_looks { Ok(document::peek(&path, name)) } else { document::read(&path, name) }
    }

    /// Returns the last attempt, on the clock of this boot. An attempt from the future counts as
    /// just made and is written back, because otherwise it would stay in the future. An attempt of
    /// an earlier boot is written back too, so that no later step of the wall clock changes its
    /// age.
    ///
    /// # Errors
    /// Fails if the file cannot be read or a newer program wrote the file.
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

    /// Records a claim that another store granted.
    ///
    /// # Errors
    /// Fails if the claim cannot be written.
    pub fn note(&self, granted: &Granted, nonce: &str) -> Result<()> {
        self.write_attempt(&Attempt {
            fence: granted.fence,
            at: granted.at.clone(),
            nonce: nonce.to_owned(),
            ended: None,
            refused: granted.refused.clone(),
        })
    }

    /// Returns the last attempt in the form that the schedule needs.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn last_attempt(&self) -> Result<LastAttempt> {
        Ok(self.attempt()?.map_or_else(LastAttempt::default, |attempt| self.as_last(&attempt)))
    }

    /// Whether the last attempt has no outcome: the refresh is running, or its process died. An
    /// attempt that cannot be read counts as ended.
    pub fn has_unended_attempt(&self) -> bool {
        self.attempt().ok().flatten().is_some_and(|attempt| attempt.ended.is_none())
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
        Ok(self.head()?.as_ref().map_or_else(Edition::default, SavedHead::edition))
    }

    /// Returns fence and origin time of the payload, if this boot saved the payload. Then no wall
    /// clock affects the age of the payload.
    ///
    /// # Errors
    /// Fails if the document cannot be read.
    pub fn origin_in_this_boot(&self) -> Result<Option<(Fence, Stamp)>> {
        let head = self.head()?.filter(|head| head.origin.boot_id == *self.clock.boot_id());
        Ok(head.map(|head| (head.fence, head.origin)))
    }

    /// Keeps a copy of a save in another store, under the same edition.
    ///
    /// # Errors
    /// Fails if the copy cannot be written.
    pub fn mirror(&self, saved: &Saved, edition: Edition) -> Result<()> {
        let (payload, cuts) = (&saved.payload, self.kept.cut(saved)?);
        let [films, people, ledger] = self.keep_all(cuts.all())?;
        let head = SavedHead {
            fence: edition.fence,
            revision: edition.revision,
            origin: payload.origin.clone(),
            films: BodyHead::of(films, &payload.films),
            people: BodyHead::of(people, &payload.people),
            ledger: LedgerHead::Apart(ledger),
        };
        self.write_head(&head)?;
        self.kept.forget_parts_of_ledger();
        self.forget_all_but(&head)
    }

    /// Keeps parts and the lists of their names, and returns the places.
    fn keep_all<const N: usize>(&self, cuts: [&Cut; N]) -> Result<[BodyPlace; N]> {
        let lists = cuts.map(Cut::list);
        let named = lists.iter().map(|list| (PartName::of(list.as_bytes()), list.as_bytes()));
        let parts = cuts.iter().flat_map(|cut| cut.names.iter().copied().zip(&cut.parts));
        let parts = parts.map(|(name, part)| (name, &part[..]));
        self.kept.files.keep(parts.chain(named))?;
        Ok(lists.map(|list| BodyPlace::InParts { list: PartName::of(list.as_bytes()).to_string() }))
    }

    /// Removes all bodies and parts that do not belong to the head.
    fn forget_all_but(&self, head: &SavedHead) -> Result<()> {
        let mut kept = HashSet::new();
        for place in head.places() {
            match place {
                BodyPlace::Whole { hash } => kept.extend([hash.clone()]),
                BodyPlace::InParts { list } => {
                    let names = self.listed(list)?.unwrap_or_default();
                    kept.extend(names.iter().map(PartName::to_string).chain([list.clone()]));
                }
            }
        }
        self.kept.files.forget_all_but(&kept)
    }

    /// Returns the names in a list, or `None` if the list was lost or damaged.
    fn listed(&self, list: &str) -> Result<Option<Vec<PartName>>> {
        let Some(name) = PartName::parse(list) else { return Ok(None) };
        Ok(self.kept.files.read(&name)?.and_then(|list| names_in(&list)))
    }

    /// Returns the parts of a body. Returns `None` if the list or a part was lost or damaged.
    fn gathered(&self, list: &str) -> Result<Option<Gathered>> {
        let Some(names) = self.listed(list)? else { return Ok(None) };
        let gathered = self.kept.gathered(names)?;
        Ok(gathered.missing().is_empty().then_some(gathered))
    }

    /// Returns a body, or `None` if the body was lost or damaged.
    fn body(&self, endpoint: Endpoint, head: BodyHead) -> Result<Option<Body>> {
        let bytes: Option<Bytes> = match &head.place {
            BodyPlace::Whole { hash } => self.kept.files.read_whole(hash)?,
            BodyPlace::InParts { list } => {
                let gathered = self.gathered(list)?;
                gathered.and_then(|gathered| self.kept.body(endpoint, gathered))
            }
        };
        Ok(bytes.and_then(|bytes| head.body(bytes)))
    }

    /// Returns the ledger of a head, or `None` if the ledger was lost or damaged.
    fn ledger(&self, head: LedgerHead) -> Result<Option<Arc<Ledger>>> {
        let ledger = match head {
            LedgerHead::Within(ledger) => return Ok(Some(ledger.into())),
            LedgerHead::Apart(BodyPlace::Whole { hash }) => {
                let bytes = self.kept.files.read_whole(&hash)?;
                bytes.map(|bytes| serde_json::from_slice(&bytes).map(Arc::new))
            }
            LedgerHead::Apart(BodyPlace::InParts { list }) => {
                self.gathered(&list)?.and_then(|gathered| self.kept.ledger(gathered))
            }
        };
        Ok(ledger.and_then(Result::ok))
    }

    fn head(&self) -> Result<Option<SavedHead>> {
        self.read("saved")
    }

    fn write_head(&self, head: &SavedHead) -> Result<()> {
        document::write(&self.directory.join("saved"), "saved", head)
    }

    fn attempt_path(&self) -> PathBuf {
        self.directory.join("attempt")
    }

    fn write_attempt(&self, attempt: &Attempt) -> Result<()> {
        let started = self.clock.now().boot;
        document::write(&self.attempt_path(), "attempt", attempt)
            .context("cannot record the attempt; check that --state can be written")?;
        let took = self.clock.now().boot.since(started);
        // Twice the duration, because the speed of a disk varies.
        self.slowness.store(micros((2 * took).min(LONGEST_AHEAD)), Order::Relaxed);
        Ok(())
    }

    /// Returns the estimated time at which an attempt that is recorded now is on disk.
    fn ready(&self) -> Stamp {
        let slowness = Duration::from_micros(self.slowness.load(Order::Relaxed));
        let now = self.clock.now();
        self.clock.stamp_of(Now { boot: now.boot + slowness, wall: now.wall + slowness })
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

    /// A payload that is older than the saved payload still adds its ledger, so that no record
    /// counts as seen for the first time twice.
    async fn save(&self, saved: &mut Saved) -> Result<Kept> {
        let (head, given) = (self.head()?, saved.edition());
        let there = head.as_ref().map_or_else(Edition::default, SavedHead::edition);
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
                    saved.absorb(&ledger);
                }
                self.mirror(saved, edition)?;
            }
            (_, Some(mut head)) => {
                let ledger = match self.ledger(head.ledger)? {
                    Some(ledger) => Arc::new(ledger.absorbing(&saved.ledger)),
                    None => saved.ledger.clone(),
                };
                let [place] = self.keep_all([&*self.kept.cut_ledger(&ledger)?])?;
                head.ledger = LedgerHead::Apart(place);
                self.write_head(&head)?;
                self.forget_all_but(&head)?;
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
                attempt.ended =
                    Some(AttemptEnd { at: self.clock.stamp(), outcome: outcome.clone() });
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
            // An origin time from the future becomes now once, and not at every start.
            head.origin = origin.clone();
            self.write_head(&head)?;
        }
        let films = self.body(Endpoint::Films, head.films)?;
        let payload = match (films, self.body(Endpoint::People, head.people)?) {
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
