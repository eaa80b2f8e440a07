//! Both stores as one store. Redis leads if there is a Redis; the state directory has a copy.
//!
//! Owns what happens while Redis is away and when Redis comes back with less than this process
//! knows. While Redis is away, claims come from the state directory, each process keeps its own
//! interval, and the log says so once. What Redis lost is restored to Redis, and ledgers that
//! went apart are merged.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Result, bail};
use tracing::{info, warn};

use super::heard::{self, CLOCKS_DIFFER, Heard};
use super::reach::{self, Failed, RETRY, Reach};
use super::{
    Ask, Claim, Denied, FileStore, Granted, Kept, Loaded, RedisStore, Saved, Standing, Store,
    TooSlow, Written, locked,
};
use crate::clock::{BootTime, Clock, Stamp};
use crate::ledger::Ledger;
use crate::outcome::{Mark, Outcome};
use crate::payload::{Fence, Payload};
use crate::schedule::{self, LastAttempt, Wait, WaitReason};

/// Tries to save or load. Other replicas may complete the same ledger at the same time, but one
/// of them succeeds in each round.
const MOST_TRIES: u32 = 64;

/// What a process does while Redis is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenLost {
    /// The process refreshes on its own, with this delay. The delay differs between processes,
    /// so that they do not all ask at once.
    Fetch(Duration),
    /// The process does not ask: courtesy comes before freshness.
    Wait,
}

/// The state directory and, with `--redis`, the shared store.
pub struct Stores {
    file: FileStore,
    redis: Option<RedisStore>,
    clock: Clock,
    when_lost: WhenLost,
    /// Time after the last claim within which the request must be sent.
    lease: Mutex<Duration>,
    /// Whether Redis can be used.
    reach: Reach,
    /// What Redis reported about attempts.
    heard: Mutex<Heard>,
    /// Fence of the last claim that the state directory granted. Redis does not know this claim,
    /// even if Redis is back by now.
    granted_here: AtomicU64,
    /// Whether copies of attempts in Redis cannot be written to the state directory.
    attempts_unwritten: AtomicBool,
    /// Whether copies of payloads in Redis cannot be written to the state directory.
    payloads_unwritten: AtomicBool,
}

impl Stores {
    /// Makes a store of `file` alone, or of both with `redis` leading.
    pub fn new(
        file: FileStore,
        redis: Option<RedisStore>,
        clock: Clock,
        when_lost: WhenLost,
    ) -> Stores {
        let (lease, reach, heard, granted_here) = Default::default();
        let (attempts_unwritten, payloads_unwritten) = Default::default();
        Stores {
            file,
            redis,
            clock,
            when_lost,
            lease,
            reach,
            heard,
            granted_here,
            attempts_unwritten,
            payloads_unwritten,
        }
    }

    /// Returns the store in the state directory.
    pub fn file(&self) -> &FileStore {
        &self.file
    }

    /// Returns the shared store, if there is one.
    pub fn redis(&self) -> Option<&RedisStore> {
        self.redis.as_ref()
    }

    /// Whether other replicas may save to the same store.
    pub fn is_shared(&self) -> bool {
        self.redis.is_some()
    }

    /// Whether there is a shared store that did not answer last.
    pub fn is_away(&self) -> bool {
        self.reach.is_away()
    }

    /// Returns the time until a Redis that did not answer is asked again.
    pub fn asked_again_in(&self) -> Option<Duration> {
        self.reach.asked_again_in(self.clock.now().boot)
    }

    /// Returns the highest known fence, and the last known attempt of any replica.
    fn last_known(&self) -> Result<(Fence, LastAttempt)> {
        let own = self.file.attempt()?.map_or(Fence(0), |attempt| attempt.fence);
        let heard = *locked(&self.heard);
        let last = heard.or(self.file.last_attempt()?, self.clock.now().boot);
        Ok((own.max(heard.fence), last))
    }

    /// Returns the time for which a lost claim waits for other replicas.
    fn round(&self) -> Duration {
        let is_deaf = self.redis.as_ref().is_some_and(RedisStore::is_deaf);
        self.reach.round(is_deaf, self.clock.now().boot)
    }

    /// Calls Redis. Returns `None` if there is no Redis or no answer. A Redis that has just failed
    /// to answer is not asked, so that no caller waits for Redis twice.
    ///
    /// When Redis is back, this process first sends the attempts that it made in the meantime,
    /// because other replicas need them at once. A Redis that answers but refuses writes
    /// (read-only, full) is not back. A Redis with the payload of a newer version is not back
    /// either: only programs that can read the payload may use its claims.
    async fn ask<T>(&self, call: impl AsyncFnOnce(&RedisStore) -> Result<T>) -> Option<T> {
        let redis = self.redis.as_ref()?;
        let now = self.clock.now().boot;
        let again_in = self.reach.asked_again_in(now);
        if again_in.is_some_and(|wait| !wait.is_zero()) {
            return None;
        }
        self.reach.look(now);
        let answer = async {
            if again_in.is_some() {
                self.meet_again(redis).await?;
            }
            call(redis).await
        };
        match answer.await {
            Ok(value) => {
                if self.reach.answered() {
                    info!("Redis is back and is used again");
                    redis.hear_anew();
                }
                Some(value)
            }
            Err(error) => {
                self.lose(redis, &error);
                None
            }
        }
    }

    /// As [`Stores::ask`], for a call that transfers bodies. If the bodies do not get through in
    /// time, Redis is not lost: claims are small and still go through Redis.
    async fn move_bodies<T>(&self, call: impl AsyncFnOnce(&RedisStore) -> Result<T>) -> Option<T> {
        let now = self.clock.now().boot;
        if !self.reach.may_move_bodies(now) {
            return None;
        }
        let moved = self.ask(async |redis| match call(redis).await {
            Err(error) if error.is::<TooSlow>() => Ok(Err(error)),
            done => done.map(Ok),
        });
        match moved.await? {
            Ok(moved) => {
                self.reach.moved_bodies();
                Some(moved)
            }
            Err(error) => {
                if self.reach.bodies_stuck(self.clock.now().boot) {
                    warn!(
                        "payloads are not shared at the moment, so each replica shows its own data: \
                         {error:#}; check whether the connection to Redis is fast enough for \
                         payloads of this size"
                    );
                }
                None
            }
        }
    }

    /// Whether payloads do not get through to Redis for now.
    pub fn is_stuck(&self) -> bool {
        !self.reach.may_move_bodies(self.clock.now().boot)
    }

    /// Checks whether Redis answers fast enough and accepts writes, and restores the last attempt.
    async fn meet_again(&self, redis: &RedisStore) -> Result<()> {
        redis.standing().await?;
        let (highest, last) = self.last_known()?;
        // This call writes, as a claim does, on a connection that is open already.
        let started = self.clock.now().boot;
        redis.restore(highest, &last).await?;
        if self.reach.is_slow() { self.judge_speed(redis, started) } else { Ok(()) }
    }

    /// Notes that Redis cannot be used, and logs this once.
    fn lose(&self, redis: &RedisStore, error: &anyhow::Error) {
        match self.reach.failed(self.clock.now().boot) {
            Failed::First => {}
            Failed::Again => return,
            Failed::Reconnect => return redis.connect_anew(),
        }
        let meanwhile = match self.when_lost {
            WhenLost::Fetch(_) => "this process refreshes on its own, with the attempts in --state",
            WhenLost::Wait => "no process asks the API (--when-redis-lost wait)",
        };
        warn!(
            error = format!("{error:#}"),
            "Redis cannot be used ({error:#}); {meanwhile} until Redis answers again"
        );
    }

    /// # Errors
    /// Fails if Redis was too slow too often. A process that waits for a slow Redis would never
    /// be in time to ask.
    fn judge_speed(&self, redis: &RedisStore, started: BootTime) -> Result<()> {
        let (took, lease) = (self.clock.now().boot.since(started), *locked(&self.lease));
        if self.reach.took(took, lease) {
            bail!(
                "Redis at {} takes {took:?} to answer; a request to the API must be sent within \
                 {lease:?} after Redis grants the refresh, so Redis is too slow; check the load of \
                 Redis and the network",
                redis.address()
            );
        }
        Ok(())
    }

    /// Claims from the state directory while Redis is away.
    async fn claim_here(&self, ask: &Ask) -> Result<Claim> {
        let jitter = match (&self.redis, self.when_lost) {
            (None, _) => Duration::ZERO,
            (Some(_), WhenLost::Fetch(jitter)) => jitter,
            (Some(_), WhenLost::Wait) => {
                let standing = self.file.standing().await?.unwrap_or_default();
                let wait = Wait { remaining: RETRY, because: WaitReason::RedisLost };
                return Ok(Claim::Denied(Denied { wait, standing }));
            }
        };
        let claim =
            self.file.claim(&Ask { interval: ask.interval + jitter, ..ask.clone() }).await?;
        if let Claim::Granted(granted) = &claim {
            self.granted_here.store(granted.fence.0, Ordering::Relaxed);
        }
        Ok(claim)
    }

    /// Loads the last save from Redis, completed with what only the state directory has, and keeps
    /// a copy. Returns `None` if another replica saved at the same time.
    async fn completed(&self) -> Result<Option<Loaded>> {
        let own = self.file.load().await?;
        let Some(shared) = self.move_bodies(async |redis| redis.load().await).await else {
            return Ok(Some(own));
        };
        let newest = if shared.edition.fence >= own.edition.fence { &shared } else { &own };
        let ledger = together(newest, if newest == &shared { &own } else { &shared });
        let Some((payload, ledger)) = newest.payload.clone().zip(ledger.clone()) else {
            return Ok(Some(Loaded { ledger, ..newest.clone() }));
        };
        let is_newer = own.edition.fence > shared.edition.fence;
        let payload = if own.edition.fence == shared.edition.fence {
            aged(payload, self.file.origin_in_this_boot()?)
        } else {
            payload
        };
        let mut saved = Saved { payload, ledger, revision: shared.edition.revision };
        let mut edition = saved.edition();
        if is_newer || shared.ledger.as_ref() != Some(&saved.ledger) {
            match self.move_bodies(async |redis| redis.save(&mut saved).await).await {
                Some(Kept::As(kept)) => edition = kept,
                Some(Kept::Older | Kept::Overtaken) => return Ok(None),
                None => {}
            }
        }
        if own.edition != edition || own.ledger.as_ref() != Some(&saved.ledger) {
            say_once(&self.payloads_unwritten, self.file.mirror(&saved, edition));
        }
        let Saved { payload, ledger, .. } = saved;
        Ok(Some(Loaded { payload: Some(payload), ledger: Some(ledger), edition }))
    }
}

/// Waits for a random time after a save that was overtaken this many times.
async fn let_others_save(overtaken: u32) {
    // Each hasher gets a new random seed from the system.
    let share = f64::from(RandomState::new().hash_one(()) as u16) / f64::from(u16::MAX);
    tokio::time::sleep(reach::tried_again_within(overtaken).mul_f64(share)).await;
}

/// Keeps a payload at least as old as its copy in the state directory. If the clock of Redis
/// went back (a failover), the payload would seem younger; the clock of this boot does not go
/// back.
fn aged(payload: Payload, kept: Option<(Fence, Stamp)>) -> Payload {
    let is_older = |origin: &Stamp| origin.boot + CLOCKS_DIFFER < payload.origin.boot;
    match kept {
        Some((fence, origin)) if fence == payload.fence && is_older(&origin) => {
            Payload { origin, ..payload }
        }
        _ => payload,
    }
}

/// Logs, once for each lasting failure, that `--state` cannot be written. The data is in Redis, so
/// the data is still shown and shared.
fn say_once(is_unwritten: &AtomicBool, written: Result<()>) {
    let was_unwritten = is_unwritten.swap(written.is_err(), Ordering::Relaxed);
    if let Err(error) = written
        && !was_unwritten
    {
        warn!(
            "cannot write to --state, so --state has no copy of what Redis stores: {error:#}; check the disk and the permissions"
        );
    }
}

/// Returns the ledger of `newest`, merged with the ledger of `other`.
fn together(newest: &Loaded, other: &Loaded) -> Option<Arc<Ledger>> {
    match (&newest.ledger, &other.ledger) {
        (Some(newest), Some(other)) if newest == other => Some(newest.clone()),
        (Some(newest), Some(other)) => Some(Arc::new(newest.absorbing(other))),
        (one, other) => one.as_ref().or(other.as_ref()).cloned(),
    }
}

impl Store for Stores {
    async fn claim(&self, ask: &Ask) -> Result<Claim> {
        let (highest, last) = self.last_known()?;
        let ask = Ask {
            highest: ask.highest.max(highest),
            heard: locked(&self.heard).fence,
            age: [last.age, ask.age].into_iter().flatten().min(),
            left_alone: last.left_alone.max(ask.left_alone),
            round: self.round(),
            ..ask.clone()
        };
        let before = self.clock.now().boot;
        *locked(&self.lease) = schedule::lease(ask.interval);
        let claim = async |redis: &RedisStore| {
            let claim = redis.claim(&ask).await?;
            // The call only counts a slow answer. A claim whose answer came after the lease is not
            // lost, because the process renews the claim before the request.
            let _ = self.judge_speed(redis, before);
            Ok(claim)
        };
        match self.ask(claim).await {
            Some(Claim::Granted(granted)) => {
                locked(&self.heard).hear_granted(&granted);
                say_once(&self.attempts_unwritten, self.file.note(&granted, &ask.nonce));
                Ok(Claim::Granted(granted))
            }
            Some(Claim::Denied(denied)) => {
                locked(&self.heard).hear_denied(before, &denied);
                Ok(Claim::Denied(denied))
            }
            None => self.claim_here(&ask).await,
        }
    }

    async fn renew(&self, fence: Fence) -> Result<Option<Granted>> {
        if self.granted_here.load(Ordering::Relaxed) == fence.0 {
            return self.file.renew(fence).await;
        }
        let renew = async |redis: &RedisStore| {
            let started = self.clock.now().boot;
            let renewed = redis.renew(fence).await?;
            // If Redis denies the renewal, there is a newer claim, however late the answer comes.
            // So only a granted renewal must be in time.
            if renewed.is_some() {
                self.judge_speed(redis, started)?;
            }
            Ok(renewed)
        };
        match self.ask(renew).await {
            // Do not write a copy here: a slow disk would delay the request again.
            Some(renewed) => {
                renewed.iter().for_each(|renewed| locked(&self.heard).hear_granted(renewed));
                Ok(renewed)
            }
            None if self.when_lost == WhenLost::Wait => bail!("{}", WaitReason::RedisLost),
            None => self.file.renew(fence).await,
        }
    }

    async fn save(&self, saved: &mut Saved) -> Result<Kept> {
        for overtaken in 0..MOST_TRIES {
            match self.move_bodies(async |redis| redis.save(saved).await).await {
                Some(Kept::As(edition)) => {
                    say_once(&self.payloads_unwritten, self.file.mirror(saved, edition));
                    return Ok(Kept::As(edition));
                }
                Some(Kept::Overtaken) => {
                    // Another replica has completed the ledger from which this ledger was made.
                    let_others_save(overtaken).await;
                    let Some(shared) = self.move_bodies(async |redis| redis.load().await).await
                    else {
                        break;
                    };
                    if let Some(ledger) = &shared.ledger {
                        saved.absorb(ledger);
                    }
                    saved.revision = shared.edition.revision;
                }
                Some(Kept::Older) => {
                    self.file.save(saved).await?;
                    return Ok(Kept::Older);
                }
                None => break,
            }
        }
        self.file.save(saved).await
    }

    async fn record(&self, fence: Fence, outcome: &Outcome) -> Result<Written> {
        let shared = self.ask(async |redis| redis.record(fence, outcome).await).await;
        let own = self.file.record(fence, outcome).await;
        let Some(written) = shared else { return own };
        locked(&self.heard).hear_end(self.clock.now().boot, outcome);
        if own.is_err() {
            say_once(&self.attempts_unwritten, own.map(drop));
        }
        Ok(written)
    }

    async fn load(&self) -> Result<Loaded> {
        for overtaken in 0..MOST_TRIES {
            if let Some(loaded) = self.completed().await? {
                return Ok(loaded);
            }
            let_others_save(overtaken).await;
        }
        bail!(
            "other replicas keep saving, so the data cannot be read from Redis; trying again later"
        )
    }

    /// Returns the marks of both stores.
    async fn accepted(&self) -> Result<Vec<Mark>> {
        let mut marks = self.ask(async |redis| redis.accepted().await).await.unwrap_or_default();
        marks.extend(self.file.accepted().await?);
        Ok(marks)
    }

    async fn accept(&self, mark: Option<&Mark>) -> Result<()> {
        self.ask(async |redis| redis.accept(mark).await).await;
        self.file.accept(mark).await
    }

    /// Also restores a later attempt that Redis does not know.
    async fn standing(&self) -> Result<Option<Standing>> {
        let before = self.clock.now().boot;
        let look = async |redis: &RedisStore| {
            let standing = redis.standing().await?;
            let (highest, last) = self.last_known()?;
            if !heard::is_unknown(&last, standing.as_ref().map(|standing| standing.age)) {
                return Ok(standing);
            }
            redis.restore(highest, &last).await?;
            redis.standing().await
        };
        let Some(standing) = self.ask(look).await else { return self.file.standing().await };
        if let Some(standing) = &standing {
            locked(&self.heard).hear(before, standing);
        }
        Ok(standing)
    }
}
