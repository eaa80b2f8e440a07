//! Both stores as one: Redis leads if there is one, the state directory has
//! all of it too.
//!
//! Owns what happens when Redis is away, and when it is back with less than we
//! know: claims come from the state directory meanwhile, each process keeps its
//! own minute, and that is said once; what was lost there is saved there again,
//! and ledgers that went apart become one.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use tracing::{info, warn};

use super::heard::Heard;
use super::reach::{Failed, RETRY, Reach};
use super::{
    Ask, Claim, Denied, FileStore, Granted, Kept, Loaded, RedisStore, Saved, Standing, Store,
    TooSlow, Written, locked,
};
use crate::clock::{BootTime, Clock, Stamp};
use crate::ledger::Ledger;
use crate::outcome::{Mark, Outcome};
use crate::payload::{Fence, Payload};
use crate::schedule::{self, Because, LastAttempt, Wait};

/// Others may complete the same ledger at the same time; each time one of them
/// comes to an end.
const MOST_TRIES: usize = 64;
/// A process that has looked at Redis within this time knows what was claimed, but
/// for what is claimed right now.
const ATTENTIVE: Duration = Duration::from_secs(3);
/// How long such a process leaves a claim that vanished to others: they hear that
/// they are to tell, or look every 40 ms if they are at it.
const SHORT_ROUND: Duration = Duration::from_millis(100);
/// The same for one that knows nothing: within it every replica has looked, though
/// messages got lost, and what was allowed before has been asked for or never is.
const LONG_ROUND: Duration = Duration::from_millis(1500);
/// Ages of one attempt that are told by two clocks differ by less than this.
const CLOCKS_DIFFER: Duration = Duration::from_millis(50);

/// What a process does while Redis is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenLost {
    /// It keeps its own minute, later than due by this long: another time for each
    /// process, so that several do not ask at once.
    Fetch(Duration),
    /// It asks nobody: courtesy comes before freshness.
    Wait,
}

/// The state directory and, with `--redis`, the shared store.
pub struct Stores {
    file: FileStore,
    redis: Option<RedisStore>,
    clock: Clock,
    when_lost: WhenLost,
    /// How long after the last claim its request may leave.
    lease: Mutex<Duration>,
    /// Whether Redis can be used.
    reach: Reach,
    /// What it told of others.
    heard: Mutex<Heard>,
    /// Fence of the last claim that the state directory granted: Redis does not
    /// know of it, though it may be back by now.
    granted_here: AtomicU64,
    /// Whether attempts that Redis has cannot be written here too.
    attempts_unwritten: AtomicBool,
    /// The same for payloads.
    payloads_unwritten: AtomicBool,
}

impl Stores {
    /// `file` alone, or with `redis` leading.
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

    /// The state directory's store.
    pub fn file(&self) -> &FileStore {
        &self.file
    }

    /// The shared store, if there is one.
    pub fn redis(&self) -> Option<&RedisStore> {
        self.redis.as_ref()
    }

    /// Whether replicas may save without our asking.
    pub fn is_shared(&self) -> bool {
        self.redis.is_some()
    }

    /// Whether there is a shared store that did not answer last.
    pub fn is_away(&self) -> bool {
        self.reach.is_away()
    }

    /// How soon a Redis that did not answer last is asked again.
    pub fn asked_again_in(&self) -> Option<Duration> {
        self.reach.asked_again_in(self.clock.now().boot)
    }

    /// The last attempt that we know of, ours or another's, and the highest fence.
    fn last_known(&self) -> Result<(Fence, LastAttempt)> {
        let own = self.file.attempt()?.map_or(Fence(0), |attempt| attempt.fence);
        let heard = *locked(&self.heard);
        let last = heard.or(self.file.last_attempt()?, self.clock.now().boot);
        Ok((own.max(heard.fence), last))
    }

    /// How long a claim that vanished is left to others.
    fn round(&self) -> Duration {
        let is_attentive = self.reach.looked_within(ATTENTIVE, self.clock.now().boot);
        // What cannot be heard here is heard by nobody, most likely.
        let is_deaf = self.redis.as_ref().is_some_and(RedisStore::is_deaf);
        if is_attentive && !is_deaf { SHORT_ROUND } else { LONG_ROUND }
    }

    /// What Redis answers; none if there is no Redis or it does not answer. One
    /// that just did not is not asked, so that nobody waits for it twice.
    ///
    /// One that is back is first told what we did meanwhile: others need to know of it
    /// at once, and one that answers but takes nothing (read-only, full) is not back. Nor is
    /// one that holds the payload of another version: whoever can read that has its minutes.
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
                    info!("Redis is back and used again");
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

    /// The same for a call that moves bodies. If they do not get through in time, Redis is
    /// not lost: claims are small, and they go on through Redis.
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
                        "payloads are not shared for now, each replica shows what it has: {error:#}; \
                         is the line to Redis too slow for payloads of this size?"
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

    /// Whether it answers, fast enough, and takes what it is told.
    async fn meet_again(&self, redis: &RedisStore) -> Result<()> {
        redis.standing().await?;
        let (highest, last) = self.last_known()?;
        // This writes, as a claim does, and need not connect.
        let started = self.clock.now().boot;
        redis.restore(highest, &last).await?;
        if self.reach.is_slow() { self.judge_speed(redis, started) } else { Ok(()) }
    }

    /// Notes that Redis cannot be used; said once.
    fn lose(&self, redis: &RedisStore, error: &anyhow::Error) {
        match self.reach.failed(self.clock.now().boot) {
            Failed::First => {}
            Failed::Again => return,
            Failed::Reconnect => return redis.connect_anew(),
        }
        let meanwhile = match self.when_lost {
            WhenLost::Fetch(_) => {
                "this process keeps its own minute, with the state directory alone"
            }
            WhenLost::Wait => "nobody is asked (--when-redis-lost wait)",
        };
        warn!(
            error = format!("{error:#}"),
            "Redis cannot be used ({error:#}); {meanwhile}, until it is back"
        );
    }

    /// # Errors
    /// If it is too slow too often: whoever waits for it each time never asks.
    fn judge_speed(&self, redis: &RedisStore, started: BootTime) -> Result<()> {
        let (took, lease) = (self.clock.now().boot.since(started), *locked(&self.lease));
        if self.reach.took(took, lease) {
            bail!(
                "Redis at {} answers after {took:?}, and a request has to leave within {lease:?} \
                 of its claim",
                redis.address()
            );
        }
        Ok(())
    }

    /// What the state directory grants while Redis is away.
    async fn claim_here(&self, ask: &Ask) -> Result<Claim> {
        let jitter = match (&self.redis, self.when_lost) {
            (None, _) => Duration::ZERO,
            (Some(_), WhenLost::Fetch(jitter)) => jitter,
            (Some(_), WhenLost::Wait) => {
                let standing = self.file.standing().await?.unwrap_or_default();
                let wait = Wait { remaining: RETRY, because: Because::RedisLost };
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

    /// Completes what is shared with what only we have, and keeps a copy of it.
    /// None if others were at it all the time.
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

/// The payload, no younger than the same one was when it came here: a clock of Redis that
/// went back, as at a failover, would make it so, and the one of this boot does not.
fn aged(payload: Payload, kept: Option<(Fence, Stamp)>) -> Payload {
    let is_older = |origin: &Stamp| origin.boot + CLOCKS_DIFFER < payload.origin.boot;
    match kept {
        Some((fence, origin)) if fence == payload.fence && is_older(&origin) => {
            Payload { origin, ..payload }
        }
        _ => payload,
    }
}

/// Says once if what Redis has cannot be written here too: that is no reason to keep it from
/// everybody else.
fn say_once(is_unwritten: &AtomicBool, written: Result<()>) {
    let was_unwritten = is_unwritten.swap(written.is_err(), Ordering::Relaxed);
    if let Err(error) = written
        && !was_unwritten
    {
        warn!("what Redis has is not kept here too, until --state can be written: {error:#}");
    }
}

/// The ledger of the newest with all that the other knows.
fn together(newest: &Loaded, other: &Loaded) -> Option<Ledger> {
    match (&newest.ledger, &other.ledger) {
        (Some(newest), Some(other)) => Some(newest.absorbing(other)),
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
            // One that comes late is renewed; only then it is of no use.
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
            // That another one has it is true however late that is heard.
            if renewed.is_some() {
                self.judge_speed(redis, started)?;
            }
            Ok(renewed)
        };
        match self.ask(renew).await {
            // Not written here too: a slow disk would make it late again.
            Some(renewed) => {
                renewed.iter().for_each(|renewed| locked(&self.heard).hear_granted(renewed));
                Ok(renewed)
            }
            None if self.when_lost == WhenLost::Wait => bail!("{}", Because::RedisLost),
            None => self.file.renew(fence).await,
        }
    }

    async fn save(&self, saved: &mut Saved) -> Result<Kept> {
        for _ in 0..MOST_TRIES {
            match self.move_bodies(async |redis| redis.save(saved).await).await {
                Some(Kept::As(edition)) => {
                    say_once(&self.payloads_unwritten, self.file.mirror(saved, edition));
                    return Ok(Kept::As(edition));
                }
                Some(Kept::Overtaken) => {
                    // Somebody else completed what ours was made from.
                    let Some(shared) = self.move_bodies(async |redis| redis.load().await).await
                    else {
                        break;
                    };
                    if let Some(ledger) = &shared.ledger {
                        saved.ledger = saved.ledger.absorbing(ledger);
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
        for _ in 0..MOST_TRIES {
            if let Some(loaded) = self.completed().await? {
                return Ok(loaded);
            }
        }
        bail!("other replicas save all the time, so nothing whole can be read from Redis")
    }

    /// Both: neither hides the other.
    async fn accepted(&self) -> Result<Vec<Mark>> {
        let mut marks = self.ask(async |redis| redis.accepted().await).await.unwrap_or_default();
        marks.extend(self.file.accepted().await?);
        Ok(marks)
    }

    async fn accept(&self, mark: Option<&Mark>) -> Result<()> {
        self.ask(async |redis| redis.accept(mark).await).await;
        self.file.accept(mark).await
    }

    /// Tells of a later attempt than the one that stands in Redis.
    async fn standing(&self) -> Result<Option<Standing>> {
        let before = self.clock.now().boot;
        let look = async |redis: &RedisStore| {
            let standing = redis.standing().await?;
            let (highest, last) = self.last_known()?;
            let told = standing.as_ref().map_or(Duration::MAX, |standing| standing.age);
            if last.age.is_none_or(|age| told <= age + CLOCKS_DIFFER) {
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
