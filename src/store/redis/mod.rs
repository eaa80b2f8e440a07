//! The shared store: a Redis that several replicas use.
//!
//! Each operation is one script, so that no replica sees half of an operation; the header of each
//! script states its inputs and outputs. Keys contain the prefix and the identity of the upstream
//! in one hash tag, so that two sites do not share keys and a Redis cluster keeps the keys of a
//! site on one node:
//!
//! | key | content |
//! |---|---|
//! | `{prefix:upstream}:claim` | the last attempt; never expires |
//! | `{prefix:upstream}:last-good` | the payload saved last and its ledger, as lists of parts; never expires |
//! | `{prefix:upstream}:fresh` | the same; expires when the payload is older than `--max-age` |
//! | `{prefix:upstream}:part:<name>` | a part of a raw body or of the ledger; expires an hour after the last payload that had the part |
//! | `{prefix:upstream}:accepted` | what the owner accepts; expires after one day |
//! | `{prefix:upstream}:saved` | channel on which a save or an outcome is announced |
//!
//! Times are the times of Redis. Each reply contains the time of Redis, so that a wrong wall clock
//! of a replica does not matter. This module must not retry for long: while Redis is away, the
//! state directory is used.

mod address;
mod answers;
mod bodies;
mod connections;
mod hear;
mod layout;
mod line;
mod mover;
mod seeker;
mod whereabouts;

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use redis::{Client, FromRedisValue, RedisResult, ScriptInvocation};
use tokio::sync::Notify;
use tracing::{debug, warn};

use super::kept::KeptParts;
use super::parts::{Cut, PartName};
use super::{
    Ask, Claim, Denied, Edition, FileStore, Granted, Kept, Loaded, MARK_LASTS, Saved, Standing,
    Store, Written, locked,
};
use crate::clock::{Clock, Now, Stamp, WallTime, micros};
use crate::outcome::{FailureKind, Mark, Outcome, OutcomeKind};
use crate::payload::{Fence, Payload};
use crate::schedule::{LONGEST_RETRY_AFTER, LastAttempt, Wait, WaitReason};
use crate::upstream::UpstreamId;
pub use address::RedisAddress;
use connections::{Connections, LONGEST_TRANSFER, Use};
use layout::{Keys, Scripts, VERSION, WHOLE_BODIES};
use line::Line;
use mover::Mover;
use whereabouts::Whereabouts;

/// Bytes per second below which Redis is too slow for bodies: a connection with 16 Mbit/s.
const SLOWEST_TRANSFER: u64 = 2_000_000;
/// Assumed bytes of a payload that was saved without its size.
const UNKNOWN_SIZE: u64 = 32 << 20;

/// Bodies did not get through in time. Redis itself may work.
#[derive(Debug, thiserror::Error)]
#[error("a transfer of {bytes} bytes did not end within {allowed:?}")]
pub(in crate::store) struct TooSlow {
    bytes: u64,
    allowed: Duration,
}

/// The store in Redis.
pub struct RedisStore {
    address: RedisAddress,
    timeout: Duration,
    connections: Connections,
    keys: Keys,
    max_age: Duration,
    clock: Clock,
    scripts: Scripts,
    /// The parts on this machine.
    kept: Arc<KeptParts>,
    /// The parts of the payload that this process last read from Redis or saved there.
    known: Mutex<HashSet<PartName>>,
    /// The last message about damaged content, so that the message is not logged each second.
    told: Mutex<String>,
    /// Whether the user may not subscribe to announcements.
    is_deaf: AtomicBool,
    /// Wakes the subscriber when Redis is used again.
    back: Notify,
}

impl RedisStore {
    /// Prepares the store. The first operation connects. Every operation returns within about
    /// `timeout`. Parts that are in the state directory of `file` are not fetched.
    ///
    /// # Errors
    /// Fails if the address cannot be the address of a Redis.
    pub fn new(
        address: RedisAddress,
        prefix: &str,
        upstream: &UpstreamId,
        max_age: Duration,
        timeout: Duration,
        clock: Clock,
        file: &FileStore,
    ) -> Result<RedisStore> {
        Client::open(address.info().clone())
            .with_context(|| format!("cannot use {address} as the address of Redis"))?;
        let keys = Keys::of(prefix, upstream);
        let whereabouts = Whereabouts::new(address.clone(), keys.claim.clone(), timeout);
        Ok(RedisStore {
            address,
            timeout,
            connections: Connections::new(whereabouts, timeout),
            keys,
            max_age,
            clock,
            scripts: Scripts::new(),
            kept: file.kept().clone(),
            known: Mutex::default(),
            told: Mutex::default(),
            is_deaf: AtomicBool::new(false),
            back: Notify::new(),
        })
    }

    /// Returns the address without user and password.
    pub fn address(&self) -> &RedisAddress {
        &self.address
    }

    /// Runs a script. Returns the answer with the time just before the call, so that ages are
    /// never too small.
    async fn run<T: FromRedisValue>(&self, invocation: &ScriptInvocation<'_>) -> Result<(Now, T)> {
        let mut line = self.line();
        let before = self.clock.now();
        // The timeout of the client does not cover the wait for a connection.
        let answer = tokio::time::timeout(self.timeout, invocation.invoke_async(&mut line)).await;
        let error = match answer {
            Ok(Ok(answer)) => return Ok((before, answer)),
            Ok(Err(error)) if !error.is_timeout() => plain(&error),
            _ => anyhow!("no answer within {:?}", self.timeout),
        };
        Err(self.failed(error, &self.keys.claim))
    }

    /// Returns the connection for small calls.
    fn line(&self) -> Line<'_> {
        Line::new(&self.connections, Use::Small)
    }

    /// Adds to an error the server that failed. The next call looks for the server again.
    fn failed(&self, error: anyhow::Error, key: &str) -> anyhow::Error {
        let known = self.connections.whereabouts.known();
        self.connections.whereabouts.doubt();
        let at = match known.filter(|known| known != self.address.info().addr()) {
            Some(other) => format!(", now {other}"),
            None => String::new(),
        };
        error.context(format!("Redis at {}{at} (key {key})", self.address))
    }

    /// Runs a script that transfers this number of bytes. The timeout grows with the bytes.
    ///
    /// # Errors
    /// Fails with [`TooSlow`] if the transfer does not end in time.
    async fn transfer<T: FromRedisValue>(
        &self,
        invocation: &ScriptInvocation<'_>,
        bytes: u64,
    ) -> Result<(Now, T)> {
        let before = self.clock.now();
        let run = async |line: &mut Line<'_>| invocation.invoke_async(line).await;
        Ok((before, self.moving(bytes, self.allowed_for(bytes), run).await?))
    }

    /// Makes a call on the connection for bodies.
    ///
    /// # Errors
    /// Fails with [`TooSlow`] if the call does not end within `allowed`.
    async fn moving<T>(
        &self,
        bytes: u64,
        allowed: Duration,
        call: impl AsyncFnOnce(&mut Line<'_>) -> RedisResult<T>,
    ) -> Result<T> {
        let mut line = Line::new(&self.connections, Use::Bodies);
        let answer = tokio::time::timeout(allowed, call(&mut line)).await;
        let error = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) if !error.is_timeout() => plain(&error),
            _ => {
                // The unfinished transfer would delay the next call on the same connection.
                self.connections.close_bodies();
                TooSlow { bytes, allowed }.into()
            }
        };
        Err(self.failed(error, &self.keys.last_good))
    }

    fn allowed_for(&self, bytes: u64) -> Duration {
        let transfer = Duration::from_millis(bytes.saturating_mul(1_000) / SLOWEST_TRANSFER);
        (self.timeout + transfer).min(LONGEST_TRANSFER)
    }

    /// Returns the bytes of the saved payload and ledger.
    async fn saved_bytes(&self) -> Result<u64> {
        let mut line = self.line();
        let mut command = redis::cmd("HMGET");
        command.arg(&self.keys.last_good).arg("bytes");
        let ask = command.query_async::<(Option<u64>,)>(&mut line);
        let error = match tokio::time::timeout(self.timeout, ask).await {
            Ok(Ok((bytes,))) => return Ok(bytes.unwrap_or(UNKNOWN_SIZE)),
            Ok(Err(error)) => plain(&error),
            Err(_) => anyhow!("no answer within {:?}", self.timeout),
        };
        Err(self.failed(error, &self.keys.last_good))
    }

    /// Opens new connections. A connection does not break by itself if the server hangs, or if the
    /// name now leads to another address.
    pub fn connect_anew(&self) {
        self.connections.close();
    }

    /// Subscribes again at once, because Redis may be another server than before.
    pub fn hear_anew(&self) {
        self.back.notify_waiters();
    }

    /// Logs damaged content once.
    fn tell(&self, what: &str) {
        let mut told = locked(&self.told);
        if *told != what {
            warn!("Redis at {}: {what}", self.address);
            what.clone_into(&mut told);
        }
    }

    /// Converts a time of Redis to a time of this process.
    fn stamp(&self, before: Now, server_now: u64, moment: u64) -> Stamp {
        let age = Duration::from_micros(server_now.saturating_sub(moment));
        Stamp {
            boot_id: self.clock.boot_id().clone(),
            boot: before.boot - age,
            wall: WallTime(moment.min(server_now)),
        }
    }

    /// The error for a payload of a newer version, which can be neither read nor replaced.
    fn newer_version(&self, found: u64) -> anyhow::Error {
        anyhow!(
            "Redis at {}: the payload under {} has version {found}, which is newer than version \
             {VERSION} of this program, and stays as it is; use the program that wrote the \
             payload, or another --redis-prefix",
            self.address,
            self.keys.last_good
        )
    }

    /// Restores the last attempt that this process knows.
    ///
    /// # Errors
    /// Fails if Redis does not answer or refuses the write.
    pub async fn restore(&self, highest: Fence, last: &LastAttempt) -> Result<()> {
        let mut invocation = self.scripts.restore.key(&self.keys.claim);
        invocation
            .arg(highest.0)
            .arg(last.age.map(|age| micros(age).to_string()).unwrap_or_default())
            .arg(micros(last.left_alone.unwrap_or_default().min(LONGEST_RETRY_AFTER)));
        self.run::<u8>(&invocation).await.map(drop)
    }

    /// # Errors
    /// Fails if Redis does not answer, or has the payload of a newer version.
    async fn read(&self, what: &str, bytes: Option<u64>) -> Result<(Now, ReadReply)> {
        let script = &self.scripts.load;
        let mut invocation = script.key(&self.keys.claim);
        let invocation = invocation.key(&self.keys.last_good).arg(what);
        let (before, read): (_, ReadReply) = match bytes {
            Some(bytes) => self.transfer(invocation, bytes).await?,
            None => self.run(invocation).await?,
        };
        let (_, _, (version, ..), _) = &read;
        if let Some(newer) = version.filter(|&version| version > VERSION) {
            return Err(self.newer_version(newer.into()));
        }
        Ok((before, read))
    }
}

/// The reply of `load.lua`: now; fence, time, outcome and loss of the claim; version, fence, origin
/// time and revision of the payload; films, ETag, people, ETag, ledger: each a list of parts, or the
/// whole body in [`layout::WHOLE_BODIES`].
type ReadReply = (
    u64,
    (Option<u64>, Option<u64>, Option<String>, Option<u8>),
    (Option<u32>, Option<u64>, Option<u64>, Option<u64>),
    (Option<Vec<u8>>, Option<String>, Option<Vec<u8>>, Option<String>, Option<Vec<u8>>),
);

impl Store for RedisStore {
    async fn claim(&self, ask: &Ask) -> Result<Claim> {
        type Answer = (u8, u64, u64, u64, u64, u64, String, String, String, u64, u8);
        let mut invocation = self.scripts.claim.key(&self.keys.claim);
        invocation
            .key(&self.keys.last_good)
            .arg(&ask.nonce)
            .arg(ask.highest.0)
            .arg(ask.age.map(|age| micros(age).to_string()).unwrap_or_default())
            .arg(micros(ask.left_alone.unwrap_or_default().min(LONGEST_RETRY_AFTER)))
            .arg(micros(ask.interval))
            .arg(micros(ask.round))
            .arg(&self.keys.channel)
            .arg(ask.heard.0);
        let (before, answer): (_, Answer) = self.run(&invocation).await?;
        let (granted, fence, age, now, saved, wait, because, outcome, refused, revision, lost) =
            answer;
        let (fence, saved) = (Fence(fence), Edition { fence: Fence(saved), revision });
        if granted == 1 {
            let at = self.stamp(before, now, now.saturating_sub(age));
            let refused = serde_json::from_str(&refused).ok();
            return Ok(Claim::Granted(Granted { fence, at, saved, refused }));
        }
        let because = match because.as_str() {
            "retry-after" => WaitReason::RetryAfter,
            "restoring" => WaitReason::Restoring,
            _ => WaitReason::Interval,
        };
        let wait = Wait { remaining: Duration::from_micros(wait.max(1)), because };
        let outcome = ended(&outcome);
        let (age, is_lost) = (Duration::from_micros(age), lost == 1);
        let standing = Standing { fence, age, outcome, saved, is_lost };
        Ok(Claim::Denied(Denied { wait, standing }))
    }

    async fn renew(&self, fence: Fence) -> Result<Option<Granted>> {
        let mut invocation = self.scripts.renew.key(&self.keys.claim);
        invocation.key(&self.keys.last_good).arg(fence.0);
        type Answer = (u8, u64, u64, String, u64);
        let (before, answer): (_, Answer) = self.run(&invocation).await?;
        let (renewed, now, saved, refused, revision) = answer;
        let saved = Edition { fence: Fence(saved), revision };
        let at = self.stamp(before, now, now);
        let refused = serde_json::from_str(&refused).ok();
        Ok((renewed == 1).then_some(Granted { fence, at, saved, refused }))
    }

    async fn save(&self, saved: &mut Saved) -> Result<Kept> {
        let cuts = self.kept.cut(saved)?;
        let Saved { payload, revision, .. } = &*saved;
        let names: HashSet<PartName> = cuts.names().collect();
        let mut mover = Mover::new(self);
        self.send_missing(&mut mover, &cuts, &names, saved.edition()).await?;
        let age = payload.origin.age(self.clock.now(), self.clock.boot_id());
        let [films, people, ledger] = cuts.all().map(Cut::list);
        let bytes = films.len() + people.len() + ledger.len();
        let mut invocation = self.scripts.save.key(&self.keys.last_good);
        invocation
            .key(&self.keys.fresh)
            .arg(VERSION)
            .arg(payload.fence.0)
            .arg(payload.origin.wall.0)
            .arg(micros(age))
            .arg(micros(self.max_age))
            .arg(films)
            .arg(answers::written(&payload.films)?)
            .arg(people)
            .arg(answers::written(&payload.people)?)
            .arg(ledger)
            .arg(&self.keys.channel)
            .arg(revision);
        let edition = match self.transfer::<(i8, u64)>(&invocation, bytes as u64).await?.1 {
            (1, revision) => Edition { fence: payload.fence, revision },
            (0, _) => return Ok(Kept::Older),
            (-2, _) => return Ok(Kept::Overtaken),
            (_, newer) => return Err(self.newer_version(newer)),
        };
        // The payload is saved, so a failure from here on is no failure of the save.
        if let Err(error) = self.settle(&mut mover, names).await {
            debug!("cannot put the parts in Redis in order: {error:#}");
        }
        Ok(Kept::As(edition))
    }

    async fn record(&self, fence: Fence, outcome: &Outcome) -> Result<Written> {
        let left_alone = outcome.retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
        let mut invocation = self.scripts.record.key(&self.keys.claim);
        invocation
            .arg(fence.0)
            .arg(serde_json::to_string(outcome).context("cannot serialize the outcome")?)
            .arg(micros(left_alone))
            .arg(match &outcome.refused {
                Some(refused) => {
                    serde_json::to_string(refused).context("cannot serialize the refused answer")?
                }
                None if outcome.kind.is_good() => String::new(),
                None => "as it was".to_owned(),
            })
            .arg(&self.keys.channel);
        let (_, recorded): (_, u8) = self.run(&invocation).await?;
        Ok(if recorded == 1 { Written::Done } else { Written::Older })
    }

    async fn load(&self) -> Result<Loaded> {
        let mut seen = None;
        loop {
            let bytes = self.saved_bytes().await?;
            let (before, read) = self.read("whole", Some(bytes)).await?;
            let (now, _, (version, fence, origin, revision), lists) = read;
            let (Some(version), Some(fence), Some(origin)) = (version, fence, origin) else {
                return Ok(Loaded::default());
            };
            let edition = Edition { fence: Fence(fence), revision: revision.unwrap_or(0) };
            let (films, of_films, people, of_people, ledger) = lists;
            let bodies = match version {
                WHOLE_BODIES => self.whole([films, people, ledger]),
                _ => self.fetched([films, people, ledger]).await?,
            };
            let body = |bytes: Option<Bytes>, answers: Option<String>| {
                bytes.and_then(|bytes| answers::body(bytes, answers.as_deref().unwrap_or_default()))
            };
            let (films, people) = (body(bodies.films, of_films), body(bodies.people, of_people));
            let is_whole = films.is_some() && people.is_some();
            // Parts expire only after another save, so the next round finds newer parts.
            if !is_whole && seen != Some(edition) {
                seen = Some(edition);
                continue;
            }
            if !is_whole || bodies.ledger.is_none() {
                let key = &self.keys.last_good;
                self.tell(&format!("payload or ledger under {key} is damaged and ignored"));
            }
            let payload = films.zip(people).map(|(films, people)| Payload {
                fence: edition.fence,
                origin: self.stamp(before, now, origin),
                films,
                people,
            });
            return Ok(Loaded { payload, ledger: bodies.ledger, edition });
        }
    }

    async fn accepted(&self) -> Result<Vec<Mark>> {
        let mut invocation = self.scripts.accept.key(&self.keys.accepted);
        let (_, mark): (_, Option<String>) = self.run(invocation.arg("ask")).await?;
        // A mark of an older program does not say what the owner was shown, so it is ignored.
        Ok(mark.iter().filter_map(|mark| serde_json::from_str(mark).ok()).collect())
    }

    async fn accept(&self, mark: Option<&Mark>) -> Result<()> {
        let mut invocation = self.scripts.accept.key(&self.keys.accepted);
        match mark {
            Some(mark) => {
                let mark = serde_json::to_string(mark).context("cannot serialize the mark")?;
                invocation.arg("mark").arg(mark).arg(MARK_LASTS.as_millis() as u64)
            }
            None => invocation.arg("forget"),
        };
        self.run::<Option<String>>(&invocation).await.map(drop)
    }

    async fn standing(&self) -> Result<Option<Standing>> {
        let (_, read) = self.read("head", None).await?;
        let (now, (fence, at, outcome, lost), (_, saved, _, revision), _) = read;
        if fence.or(saved).is_none() {
            return Ok(None);
        }
        Ok(Some(Standing {
            fence: Fence(fence.unwrap_or(0)),
            age: Duration::from_micros(now.saturating_sub(at.unwrap_or(0))),
            outcome: outcome.as_deref().and_then(ended),
            saved: Edition { fence: Fence(saved.unwrap_or(0)), revision: revision.unwrap_or(0) },
            is_lost: at.is_none() || lost.is_some(),
        }))
    }
}

/// Returns the outcome of a refresh that ended. An outcome of a newer program, which this program
/// does not know, counts as an end too.
fn ended(outcome: &str) -> Option<Outcome> {
    let unknown = |_| Outcome::of(OutcomeKind::Failed(FailureKind::Interrupted));
    (!outcome.is_empty()).then(|| serde_json::from_str(outcome).unwrap_or_else(unknown))
}

/// Makes an error with the text of an error of the client. The causes of that error repeat the text.
fn plain(error: &redis::RedisError) -> anyhow::Error {
    anyhow!("{error}")
}
