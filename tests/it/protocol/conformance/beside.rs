//! A real Redis and the keys of the model, side by side.
//!
//! Owns the comparison after each call: every key with its fields, the expiry, and the
//! announcements.

use std::collections::BTreeMap;

use proptest::prelude::*;
use redis::{Connection, PubSub, Script};

use super::{Call, Fence, SECOND};
use crate::fixture::Redis;
use crate::protocol::model::{self, Good, Keys, Text};

pub(super) const CLAIM: &str = "{it}:claim";
pub(super) const LAST_GOOD: &str = "{it}:last-good";
pub(super) const FRESH: &str = "{it}:fresh";
pub(super) const CHANNEL: &str = "{it}:saved";

/// A real Redis with its scripts, and the keys of the model.
pub(super) struct Beside {
    pub(super) connection: Connection,
    pub(super) keys: Keys,
    /// The time of the last save.
    pub(super) saved_at: i64,
    pub(super) claim: Script,
    pub(super) restore: Script,
    pub(super) renew: Script,
    pub(super) save: Script,
    pub(super) record: Script,
    pub(super) load: Script,
}

impl Beside {
    pub(super) fn new(redis: &Redis) -> Beside {
        Beside {
            connection: connect(redis),
            keys: Keys::default(),
            saved_at: 0,
            claim: Script::new(include_str!("../../../../src/store/redis/claim.lua")),
            restore: Script::new(include_str!("../../../../src/store/redis/restore.lua")),
            renew: Script::new(include_str!("../../../../src/store/redis/renew.lua")),
            save: Script::new(include_str!("../../../../src/store/redis/save.lua")),
            record: Script::new(include_str!("../../../../src/store/redis/record.lua")),
            load: Script::new(include_str!("../../../../src/store/redis/load.lua")),
        }
    }

    pub(super) fn empty(&mut self) {
        self.ask::<()>(&["FLUSHALL"]);
        self.keys = Keys::default();
    }

    fn ask<T: redis::FromRedisValue>(&mut self, command: &[&str]) -> T {
        let answer = redis::cmd(command[0]).arg(&command[1..]).query(&mut self.connection);
        answer.expect("an answer")
    }

    /// Reads the clock of Redis, in microseconds.
    fn time(&mut self) -> i64 {
        let (seconds, micros): (i64, i64) = self.ask(&["TIME"]);
        seconds * SECOND + micros
    }

    /// Reads a field of a key as a number.
    pub(super) fn number(&mut self, key: &str, field: &str) -> Option<i64> {
        self.ask(&["HGET", key, field])
    }

    fn fence(&self, fence: Fence, now: i64) -> i64 {
        let claimed = self.keys.claim.fence.unwrap_or(0);
        match fence {
            Fence::None => 0,
            Fence::Claimed => claimed,
            Fence::Saved => self.keys.last_good.map_or(0, |good| good.fence),
            Fence::Near(by) => (claimed + by).max(0),
            Fence::FarAhead => now + 10 * SECOND,
        }
    }

    /// Makes a call to Redis and to the model, and compares the reply, the keys and the
    /// announcements.
    pub(super) fn compare(
        &mut self,
        call: &Call,
        heard: &mut PubSub<'_>,
    ) -> Result<(), TestCaseError> {
        let before = self.time();
        let announced = self.make(call, before)?;
        self.compare_keys()?;
        self.ask::<()>(&["PUBLISH", CHANNEL, "."]);
        let mut said = Vec::new();
        loop {
            let message: String = heard.get_message().expect("heard").get_payload().expect("text");
            if message == "." {
                break;
            }
            said.push(message);
        }
        let announced: Vec<String> = announced.iter().map(i64::to_string).collect();
        prop_assert_eq!(said, announced, "announced");
        Ok(())
    }

    /// Makes a call. Returns the announcement of the model.
    fn make(&mut self, call: &Call, before: i64) -> Result<Option<i64>, TestCaseError> {
        match *call {
            Call::Claim { nonce, highest, heard, age, left_alone, interval, round } => {
                let (highest, heard) = (self.fence(highest, before), self.fence(heard, before));
                let ask = model::Ask { nonce, highest, heard, age, left_alone, interval, round };
                self.make_claim(&ask, before)
            }
            Call::Restore { fence, age, left_alone } => {
                let fence = self.fence(fence, before);
                self.make_restore(fence, age, left_alone, before)?;
                Ok(None)
            }
            Call::Renew { fence } => {
                let fence = self.fence(fence, before);
                self.make_renew(fence, before)?;
                Ok(None)
            }
            Call::Save { version, fence, skew, age, max_age, text, seen } => {
                let fence = self.fence(fence, before);
                let (bodies, ledger) = ([text, text + 1, text + 2, text + 3], text.into());
                let revision = self.keys.last_good.map_or(0, |good| good.revision) + seen;
                let (origin, revision) = (before - age + skew, revision.max(0));
                let save =
                    model::Save { version, fence, origin, age, max_age, bodies, ledger, revision };
                let announced = self.make_save(&save, before)?;
                self.saved_at = announced.map_or(self.saved_at, |_| before);
                Ok(announced)
            }
            Call::Record { fence, outcome, left_alone, refused } => {
                let fence = self.fence(fence, before);
                let record = model::Record { fence, outcome, left_alone, refused };
                self.make_record(&record, before)
            }
            Call::Load { whole } => self.make_load(whole, before).map(|()| None),
            Call::Flush => {
                self.empty();
                Ok(None)
            }
            Call::StepBack { by } => {
                if self.keys.claim.at.is_some() {
                    let (at, mut moved) = (before + by, Vec::new());
                    self.ask::<()>(&["HSET", CLAIM, "at", &at.to_string()]);
                    self.keys.claim.at = Some(at);
                    for (field, ahead) in [
                        ("left_alone_until", &mut self.keys.claim.left_alone_until),
                        ("restored", &mut self.keys.claim.restored),
                    ] {
                        let Some(moment) = ahead else { continue };
                        *moment += by;
                        moved.push((field, *moment));
                    }
                    for (field, moment) in moved {
                        self.ask::<()>(&["HSET", CLAIM, field, &moment.to_string()]);
                    }
                }
                Ok(None)
            }
        }
    }

    /// Checks that a time in a reply lies between two readings of the clock.
    pub(super) fn between(&mut self, before: i64, told: i64) -> Result<i64, TestCaseError> {
        let after = self.time();
        prop_assert!((before..=after).contains(&told), "{before} {told} {after}");
        Ok(told)
    }

    /// Checks that Redis has all keys of the model, and no other keys.
    fn compare_keys(&mut self) -> Result<(), TestCaseError> {
        let model::Keys { claim, last_good, fresh } = self.keys;
        let number = |number: Option<i64>| number.map(|number| number.to_string());
        let fields = [
            ("fence", number(claim.fence)),
            ("at", number(claim.at)),
            ("nonce", claim.nonce.map(|nonce| text("nonce", nonce))),
            ("left_alone_until", number(claim.left_alone_until)),
            ("restored", number(claim.restored)),
            ("lost", number(claim.lost)),
            ("outcome", claim.outcome.map(|outcome| text("outcome", outcome))),
            ("refused", claim.refused.map(|refused| text("refused", refused))),
        ];
        self.compare_key(CLAIM, as_map(fields))?;
        self.compare_key(LAST_GOOD, last_good.map(fields_of).unwrap_or_default())?;
        self.compare_key(FRESH, fresh.map(|(good, _)| fields_of(good)).unwrap_or_default())?;
        if let Some((_, left)) = fresh {
            let told: i64 = self.ask(&["PTTL", FRESH]);
            // The time to live at the save is the upper bound. The time since the save may be gone.
            let passed = (self.time() - self.saved_at) / 1000;
            prop_assert!(told <= left && told >= left - passed - 2, "{told} of {left} ms");
        }
        let lasting: (i64, i64) = (self.ask(&["PTTL", CLAIM]), self.ask(&["PTTL", LAST_GOOD]));
        prop_assert!(lasting.0 < 0 && lasting.1 < 0, "claim or payload expires: {lasting:?}");
        let keys: Vec<String> = self.ask(&["KEYS", "*"]);
        let known = keys.iter().all(|key| [CLAIM, LAST_GOOD, FRESH].contains(&key.as_str()));
        prop_assert!(known, "{keys:?}");
        Ok(())
    }

    fn compare_key(
        &mut self,
        key: &str,
        expected: BTreeMap<String, String>,
    ) -> Result<(), TestCaseError> {
        let there: BTreeMap<String, String> = self.ask(&["HGETALL", key]);
        prop_assert_eq!(there, expected, "{}", key);
        Ok(())
    }
}

/// Connects to Redis.
pub(super) fn connect(redis: &Redis) -> Connection {
    let client = ::redis::Client::open(redis.url()).expect("an address");
    client.get_connection().expect("a connection")
}

/// Formats a text of the model as its value in Redis.
pub(super) fn text(what: &str, number: Text) -> String {
    format!("{what} {number}")
}

/// Formats a ledger of the model as its value in Redis.
pub(super) fn ledger(ledger: u32) -> String {
    format!("ledger {ledger}")
}

fn fields_of(good: Good) -> BTreeMap<String, String> {
    let [films, films_etag, people, people_etag] = good.bodies.map(|body| text("body", body));
    let bytes = films.len() + people.len() + ledger(good.ledger).len();
    as_map([
        ("version", Some(good.version.to_string())),
        ("fence", Some(good.fence.to_string())),
        ("bytes", Some(bytes.to_string())),
        ("origin", Some(good.origin.to_string())),
        ("films", Some(films)),
        ("films_etag", Some(films_etag)),
        ("people", Some(people)),
        ("people_etag", Some(people_etag)),
        ("ledger", Some(ledger(good.ledger))),
        ("revision", Some(good.revision.to_string())),
    ])
}

fn as_map<const N: usize>(fields: [(&str, Option<String>); N]) -> BTreeMap<String, String> {
    let there = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    there.collect()
}
