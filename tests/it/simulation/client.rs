//! A replica as a client of Redis: the calls of `src/store/redis`, with the scripts.
//!
//! Owns the order of calls for a save and a load, and the ways in which a call fails.

use std::rc::Rc;
use std::time::Duration;

use movies_gen::clock::{BootId, BootTime, Stamp, WallTime, micros};
use movies_gen::outcome::{FailureKind, Outcome, OutcomeKind};
use movies_gen::payload::Fence;
use movies_gen::schedule::{LastAttempt, Wait, WaitReason};
use movies_gen::store::{Ask, Claim, Denied, Edition, Granted, Kept, Standing};

use super::content::{Saved, parse_content, parse_ledger};
use super::executor::Micros;
use super::keys::{Bytes, Reply};
use super::local_clock::LocalClock;
use super::scripts::Script;
use super::server::{Request, State};
use super::world::World;

const CLAIM: &str = "{movies-gen:0123456789ab}:claim";
const LAST_GOOD: &str = "{movies-gen:0123456789ab}:last-good";
const FRESH: &str = "{movies-gen:0123456789ab}:fresh";
const CHANNEL: &str = "{movies-gen:0123456789ab}:saved";
const PART: &str = "{movies-gen:0123456789ab}:part:";
const VERSION: &str = "2";
/// One hour and ten years in milliseconds, as in `mover.rs`.
const LEFT: &str = "3600000";
const FOREVER: &str = "315360000000";
/// What is known about the answers of a body, for its length.
const HEADS: &str = r#"[{"request":"0123456789abcdef0123456789abcdef","etag":"W/\"0123456789abcdef\"","length":30000}]"#;

/// Why a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The connection was refused or broke.
    Broken,
    TimedOut,
}

type Called<T> = Result<T, Lost>;

/// The client of one replica.
pub(crate) struct Client {
    pub(crate) world: Rc<World>,
    pub(crate) clock: LocalClock,
    pub(crate) timeout: Duration,
}

impl Client {
    fn boot(&self) -> BootTime {
        self.clock.boot(self.world.executor.now())
    }

    /// Makes a call, again if the connection broke, as `src/store/redis/connections.rs` does.
    async fn call(&self, request: Request) -> Called<Reply> {
        let deadline = self.world.executor.now() + micros(self.timeout);
        match self.call_once(&request, deadline).await {
            Err(Lost::Broken) if self.world.setting.calls_again => {
                self.call_once(&request, deadline).await
            }
            answer => answer,
        }
    }

    /// Sends a request, and waits for the answer.
    async fn call_once(&self, request: &Request, deadline: Micros) -> Called<Reply> {
        let World { executor, random, server, setting, .. } = &*self.world;
        executor.sleep(setting.network.way(random)).await;
        match server.state() {
            State::Answers => {}
            State::Refuses => {
                executor.sleep(setting.network.way(random)).await;
                return Err(Lost::Broken);
            }
            State::IsSilent => {
                executor.sleep_until(deadline).await;
                return Err(Lost::TimedOut);
            }
        }
        let (reply, end) = server.run(request);
        let back = end + setting.network.way(random);
        executor.sleep_until(back.min(deadline)).await;
        if back > deadline {
            Err(Lost::TimedOut)
        } else if random.happens(setting.network.lost_replies) {
            Err(Lost::Broken)
        } else {
            Ok(reply)
        }
    }

    async fn script(&self, script: Script, keys: &[&str], words: &[String]) -> Called<Reply> {
        let keys = keys.iter().map(|key| bytes(key)).collect();
        let arguments = words.iter().map(|word| bytes(word)).collect();
        self.call(Request::Script { script, keys, arguments }).await
    }

    async fn of_parts(
        &self,
        script: Script,
        before: &[&str],
        parts: &[String],
        words: &[String],
    ) -> Called<Reply> {
        let parts: Vec<String> = parts.iter().map(|name| format!("{PART}{name}")).collect();
        let keys: Vec<&str> =
            before.iter().copied().chain(parts.iter().map(String::as_str)).collect();
        self.script(script, &keys, words).await
    }

    fn stamp(&self, before: BootTime, server_now: u64, moment: u64) -> Stamp {
        let age = Duration::from_micros(server_now.saturating_sub(moment));
        Stamp {
            boot_id: BootId("simulated".into()),
            boot: before - age,
            wall: WallTime(moment.min(server_now)),
        }
    }

    pub(crate) async fn claim(&self, ask: &Ask) -> Called<Claim> {
        let before = self.boot();
        let words = [
            ask.nonce.clone(),
            ask.highest.0.to_string(),
            ask.age.map(|age| micros(age).to_string()).unwrap_or_default(),
            micros(ask.left_alone.unwrap_or_default()).to_string(),
            micros(ask.interval).to_string(),
            micros(ask.round).to_string(),
            CHANNEL.to_owned(),
            ask.heard.0.to_string(),
        ];
        let reply = self.script(Script::Claim, &[CLAIM, LAST_GOOD], &words).await?;
        let number = |part| reply.part(part).number().unwrap_or(0);
        let saved = Edition { fence: Fence(number(4)), revision: number(9) };
        let (fence, age, now) = (Fence(number(1)), number(2), number(3));
        if number(0) == 1 {
            let at = self.stamp(before, now, now.saturating_sub(age));
            return Ok(Claim::Granted(Granted { fence, at, saved, refused: None }));
        }
        let because = match reply.part(6).text() {
            Some("retry-after") => WaitReason::RetryAfter,
            Some("restoring") => WaitReason::Restoring,
            _ => WaitReason::Interval,
        };
        let wait = Wait { remaining: Duration::from_micros(number(5).max(1)), because };
        let outcome = reply.part(7).text().and_then(ended);
        let age = Duration::from_micros(age);
        let standing = Standing { fence, age, outcome, saved, is_lost: number(10) == 1 };
        Ok(Claim::Denied(Denied { wait, standing }))
    }

    pub(crate) async fn renew(&self, fence: Fence) -> Called<Option<Granted>> {
        let before = self.boot();
        let words = [fence.0.to_string()];
        let reply = self.script(Script::Renew, &[CLAIM, LAST_GOOD], &words).await?;
        let number = |part| reply.part(part).number().unwrap_or(0);
        let saved = Edition { fence: Fence(number(2)), revision: number(4) };
        let at = self.stamp(before, number(1), number(1));
        Ok((number(0) == 1).then_some(Granted { fence, at, saved, refused: None }))
    }

    pub(crate) async fn record(&self, fence: Fence, outcome: &Outcome) -> Called<()> {
        let words = [
            fence.0.to_string(),
            serde_json::to_string(outcome).expect("an outcome"),
            "0".to_owned(),
            if outcome.kind.is_good() { String::new() } else { "as it was".to_owned() },
            CHANNEL.to_owned(),
        ];
        self.script(Script::Record, &[CLAIM], &words).await.map(drop)
    }

    pub(crate) async fn restore(&self, highest: Fence, last: &LastAttempt) -> Called<()> {
        let words = [
            highest.0.to_string(),
            last.age.map(|age| micros(age).to_string()).unwrap_or_default(),
            micros(last.left_alone.unwrap_or_default()).to_string(),
        ];
        self.script(Script::Restore, &[CLAIM], &words).await.map(drop)
    }

    pub(crate) async fn standing(&self) -> Called<Option<Standing>> {
        let reply = self.script(Script::Load, &[CLAIM, LAST_GOOD], &["head".to_owned()]).await?;
        let (claim, head) = (reply.part(1), reply.part(2));
        let (fence, saved) = (claim.part(0).number(), head.part(1).number());
        if fence.or(saved).is_none() {
            return Ok(None);
        }
        let (now, at) = (reply.part(0).number().unwrap_or(0), claim.part(1).number());
        Ok(Some(Standing {
            fence: Fence(fence.unwrap_or(0)),
            age: Duration::from_micros(now.saturating_sub(at.unwrap_or(0))),
            outcome: claim.part(2).text().and_then(ended),
            saved: Edition {
                fence: Fence(saved.unwrap_or(0)),
                revision: head.part(3).number().unwrap_or(0),
            },
            is_lost: at.is_none() || *claim.part(3) != Reply::Nil,
        }))
    }

    /// Loads the last save. Fetches only parts that `own` does not have.
    pub(crate) async fn load(&self, own: Option<&Saved>) -> Called<Option<Saved>> {
        for _ in 0..2 {
            let size = ["HMGET", LAST_GOOD, "bytes"].map(bytes).to_vec();
            self.call(Request::Commands(vec![size])).await?;
            let before = self.boot();
            let reply =
                self.script(Script::Load, &[CLAIM, LAST_GOOD], &["whole".to_owned()]).await?;
            let (now, head, bodies) = (reply.part(0), reply.part(2), reply.part(3));
            let Some(fence) = head.part(1).number() else { return Ok(None) };
            let name = |part: usize| bodies.part(part).text().unwrap_or_default().trim().to_owned();
            let names = [name(0), name(2), name(4)];
            let has = |name: &String| own.is_some_and(|own| own.part_names().contains(name));
            let missing: Vec<&String> = names.iter().filter(|name| !has(name)).collect();
            let mut parts: Vec<Reply> = Vec::new();
            if !missing.is_empty() {
                let get = |name: &&String| vec![bytes("GET"), bytes(&format!("{PART}{name}"))];
                match self.call(Request::Commands(missing.iter().map(get).collect())).await? {
                    Reply::List(found) => parts = found,
                    _ => continue,
                }
            }
            if parts.contains(&Reply::Nil) {
                continue;
            }
            let fetched = |name: &String| {
                let place = missing.iter().position(|missing| *missing == name)?;
                parts.get(place)?.text()
            };
            let [films, _, ledger] = &names;
            let content = fetched(films).map(parse_content).or(own.map(|own| own.content));
            let ledger = fetched(ledger).map(parse_ledger).or(own.map(|own| own.ledger.clone()));
            let (Some(content), Some(ledger)) = (content, ledger) else { return Ok(None) };
            let origin = head.part(2).number().unwrap_or(0);
            return Ok(Some(Saved {
                fence,
                revision: head.part(3).number().unwrap_or(0),
                origin: self.stamp(before, now.number().unwrap_or(0), origin),
                content,
                ledger,
            }));
        }
        Ok(None)
    }

    /// Saves. `before` are the parts that this process last read or saved.
    pub(crate) async fn save(&self, saved: &Saved, before: &[String]) -> Called<Kept> {
        let names = saved.part_names();
        let seen = self.of_parts(Script::Have, &[], &names, &[LEFT.into(), FOREVER.into()]).await?;
        let missing: Vec<u64> = match &seen {
            Reply::List(places) => places.iter().filter_map(Reply::number).collect(),
            _ => Vec::new(),
        };
        if !missing.is_empty() && !self.is_overtaken(saved).await? {
            let set = |place: &u64| {
                let name = &names[*place as usize - 1];
                let part = saved.part(*place as usize - 1, &self.world.setting.bytes);
                let key = format!("{PART}{name}");
                vec![bytes("SET"), bytes(&key), bytes(&part), bytes("PX"), bytes(LEFT)]
            };
            self.call(Request::Commands(missing.iter().map(set).collect())).await?;
        }
        let age = self.boot().since(saved.origin.boot);
        let [films, people, ledger] = names.clone().map(|name| format!("{name}\n"));
        let words = [
            VERSION.to_owned(),
            saved.fence.to_string(),
            saved.origin.wall.0.to_string(),
            micros(age).to_string(),
            micros(self.world.setting.max_age).to_string(),
            films,
            HEADS.to_owned(),
            people,
            HEADS.to_owned(),
            ledger,
            CHANNEL.to_owned(),
            saved.revision.to_string(),
        ];
        let reply = self.script(Script::Save, &[LAST_GOOD, FRESH], &words).await?;
        let kept = match reply.part(0) {
            Reply::Int(1) => Kept::As(Edition {
                fence: Fence(saved.fence),
                revision: reply.part(1).number().unwrap_or(0),
            }),
            Reply::Int(0) => return Ok(Kept::Older),
            _ => return Ok(Kept::Overtaken),
        };
        // A failure from here on is no failure of the save.
        let _ = self.settle(&names, before).await;
        Ok(kept)
    }

    async fn is_overtaken(&self, saved: &Saved) -> Called<bool> {
        let reply = self.script(Script::Load, &[CLAIM, LAST_GOOD], &["head".to_owned()]).await?;
        let head = reply.part(2);
        let there = (head.part(1).number(), head.part(3).number());
        Ok(head.part(0) != &Reply::Nil
            && (there.0 > Some(saved.fence) || there.1 != Some(saved.revision)))
    }

    async fn settle(&self, names: &[String], before: &[String]) -> Called<()> {
        self.of_parts(Script::Have, &[], names, &["stay".into(), FOREVER.into()]).await?;
        let left: Vec<String> =
            before.iter().filter(|name| !names.contains(name)).cloned().collect();
        if left.is_empty() {
            return Ok(());
        }
        let words: Vec<String> =
            [VERSION.to_owned(), LEFT.to_owned()].into_iter().chain(left.clone()).collect();
        self.of_parts(Script::Leave, &[LAST_GOOD], &left, &words).await.map(drop)
    }
}

fn bytes(text: &str) -> Bytes {
    text.as_bytes().into()
}

fn ended(outcome: &str) -> Option<Outcome> {
    let unknown = |_| Outcome::of(OutcomeKind::Failed(FailureKind::Interrupted));
    (!outcome.is_empty()).then(|| serde_json::from_str(outcome).unwrap_or_else(unknown))
}
