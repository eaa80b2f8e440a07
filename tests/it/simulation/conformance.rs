//! A comparison of the simulated Redis with the model of the scripts.
//!
//! Owns the proof that the scripts in the simulation do what they do in Redis: the test
//! `protocol::conformance` shows that the model gives the replies and keys of a real Redis, and this
//! test shows that the simulation gives those of the model, at exactly the same time.

use std::rc::Rc;

use super::keys::{Bytes, Keys, Reply};
use super::random::Random;
use super::scripts::{Data, Script, Scripts};
use super::server::EPOCH;
use crate::protocol::Rules;
use crate::protocol::model::{self, Kept, Refused, WaitReason};

const RULES: Rules = Rules::PROGRAM;
const SECOND: i64 = 1_000_000;

/// A simulated Redis and the model, side by side.
struct Beside {
    random: Random,
    data: Rc<Data>,
    scripts: Scripts,
    keys: model::Keys,
    now: i64,
}

#[test]
fn the_simulated_redis_gives_the_replies_and_keys_of_the_model() {
    let data: Rc<Data> = Rc::default();
    let (random, scripts) = (Random::new(23), Scripts::new(&data));
    let (keys, now) = (model::Keys::default(), EPOCH as i64);
    let mut beside = Beside { random, data, scripts, keys, now };
    for call in 0..20_000 {
        if call % 30 == 0 {
            *beside.data.keys.borrow_mut() = Keys::default();
            beside.keys = model::Keys::default();
        }
        // A step back is a failover to a server with a slower clock.
        let step = beside.of(&[0, 7, SECOND / 3, 20 * SECOND, 61 * SECOND, -SECOND]);
        beside.now += step;
        beside.data.clock.set(beside.now as u64);
        beside.compare();
    }
}

impl Beside {
    fn of(&self, values: &[i64]) -> i64 {
        values[self.random.between(0, values.len() as u64) as usize]
    }

    fn fence(&self) -> i64 {
        let claimed = self.keys.claim.fence.unwrap_or(0);
        let saved = self.keys.last_good.map_or(0, |good| good.fence);
        self.of(&[0, claimed, claimed, claimed, claimed + 1, claimed - 1, saved, saved + 1]).max(0)
    }

    fn age(&self) -> Option<i64> {
        Some(self.of(&[-1, 0, 200, 5 * SECOND, 61 * SECOND])).filter(|&age| age >= 0)
    }

    fn run(&self, script: Script, keys: &[&str], words: &[String]) -> Reply {
        let bytes = |text: &str| -> Bytes { text.as_bytes().into() };
        let keys: Vec<Bytes> = keys.iter().map(|key| bytes(key)).collect();
        let words: Vec<Bytes> = words.iter().map(|word| bytes(word)).collect();
        self.scripts.run(script, &keys, &words)
    }

    fn compare(&mut self) {
        match self.random.between(0, 10) {
            0..4 => self.claim(),
            4 => self.restore(),
            5 => self.renew(),
            6 | 7 => self.save(),
            8 => self.record(),
            _ => self.load(),
        }
        self.compare_keys();
    }

    fn claim(&mut self) {
        let ask = model::Ask {
            nonce: self.random.between(1, 5) as u16,
            highest: self.fence(),
            heard: self.fence(),
            age: self.age(),
            left_alone: self.of(&[0, 0, 0, 300, 5 * SECOND]),
            interval: 60 * SECOND,
            round: self.of(&[0, 100_000, 1_500_000]),
        };
        let words = [
            ask.nonce.to_string(),
            ask.highest.to_string(),
            ask.age.map(|age| age.to_string()).unwrap_or_default(),
            ask.left_alone.to_string(),
            ask.interval.to_string(),
            ask.round.to_string(),
            "channel".to_owned(),
            ask.heard.to_string(),
        ];
        let reply = self.run(Script::Claim, &["claim", "last-good"], &words);
        let (keys, expected) = model::claim(self.keys, &ask, self.now, RULES);
        self.keys = keys;
        let because = match expected.because {
            WaitReason::Granted => "",
            WaitReason::Interval => "interval",
            WaitReason::RetryAfter => "retry-after",
            WaitReason::Restoring => "restoring",
        };
        let text = |text: Option<u16>| text.map(|text| text.to_string()).unwrap_or_default();
        let expected = [
            i64::from(expected.granted).to_string(),
            expected.fence.to_string(),
            expected.age.to_string(),
            expected.now.to_string(),
            expected.saved.to_string(),
            expected.wait.to_string(),
            because.to_owned(),
            text(expected.outcome),
            text(expected.refused),
            expected.revision.to_string(),
            i64::from(expected.lost).to_string(),
        ];
        assert_eq!(parts(&reply), expected.map(Some), "{ask:?} at {}", self.now);
    }

    fn restore(&mut self) {
        let (fence, age, left_alone) = (self.fence(), self.age(), self.of(&[0, 0, 5 * SECOND]));
        let told = age.map(|age| age.to_string()).unwrap_or_default();
        let words = [fence.to_string(), told, left_alone.to_string()];
        assert_eq!(self.run(Script::Restore, &["claim"], &words), Reply::Int(1));
        self.keys = model::restore(self.keys, fence, age, left_alone, self.now);
    }

    fn renew(&mut self) {
        let fence = self.fence();
        let reply = self.run(Script::Renew, &["claim", "last-good"], &[fence.to_string()]);
        let (keys, expected) = model::renew(self.keys, fence, self.now);
        self.keys = keys;
        let refused = expected.refused.map(|text| text.to_string()).unwrap_or_default();
        let numbers = [i64::from(expected.renewed), expected.now, expected.saved];
        let mut expected_parts = numbers.map(|number| Some(number.to_string())).to_vec();
        expected_parts.extend([Some(refused), Some(expected.revision.to_string())]);
        assert_eq!(parts(&reply), expected_parts);
    }

    fn save(&mut self) {
        let seen = self.keys.last_good.map_or(0, |good| good.revision);
        let age = self.of(&[0, 3 * SECOND, 100 * SECOND]);
        let save = model::Save {
            version: 2,
            fence: self.fence(),
            origin: self.now - age + self.of(&[0, SECOND / 2, 2 * SECOND]),
            age,
            max_age: 60 * SECOND,
            bodies: [1, 2, 3, 4],
            ledger: 5,
            revision: self.of(&[seen, seen, seen, 0, 1]),
        };
        let mut words: Vec<String> =
            [save.version, save.fence, save.origin, save.age, save.max_age]
                .map(|number| number.to_string())
                .to_vec();
        words.extend(["1", "2", "3", "4", "5", "channel"].map(str::to_owned));
        words.push(save.revision.to_string());
        let reply = self.run(Script::Save, &["last-good", "fresh"], &words);
        let (keys, (kept, revision)) = model::save(self.keys, &save, self.now, RULES);
        self.keys = keys;
        let kept = match kept {
            Kept::Saved => 1,
            Kept::Older => 0,
            Kept::NewerVersion => -1,
            Kept::Overtaken => -2,
        };
        assert_eq!(reply, Reply::List(vec![Reply::Int(kept), Reply::Int(revision)]), "{save:?}");
    }

    fn record(&mut self) {
        let (fence, left_alone) = (self.fence(), self.of(&[0, 0, 5 * SECOND]));
        let (refused, told) = match self.random.between(0, 3) {
            0 => (Refused::AsItWas, "as it was"),
            1 => (Refused::Nothing, ""),
            _ => (Refused::This(7), "7"),
        };
        let words = [&fence.to_string(), "6", &left_alone.to_string(), told, "channel"];
        let reply = self.run(Script::Record, &["claim"], &words.map(str::to_owned));
        let record = model::Record { fence, outcome: 6, left_alone, refused };
        let (keys, recorded) = model::record(self.keys, &record, self.now);
        self.keys = keys;
        assert_eq!(reply, Reply::Int(i64::from(recorded)));
    }

    fn load(&mut self) {
        let reply = self.run(Script::Load, &["claim", "last-good"], &["head".to_owned()]);
        let (keys, expected) = model::load(self.keys, false, self.now);
        self.keys = keys;
        let head = expected.head.map(|head| head.map(|number| Some(number.to_string())));
        assert_eq!(reply.part(0), &Reply::Int(expected.now));
        assert_eq!(parts(reply.part(2)), head.unwrap_or_default().to_vec());
    }

    fn compare_keys(&self) {
        let fields = |key: &str, names: &[&str]| {
            let head = ["HMGET", key];
            let words = head.iter().chain(names).map(|word| word.as_bytes().into());
            parts(&self.data.command(&words.collect::<Vec<Bytes>>()))
        };
        let claim = &self.keys.claim;
        let text = |text: Option<u16>| text.map(|text| text.to_string());
        let number = |number: Option<i64>| number.map(|number| number.to_string());
        let names =
            ["fence", "at", "nonce", "left_alone_until", "restored", "outcome", "refused", "lost"];
        let expected = [
            number(claim.fence),
            number(claim.at),
            text(claim.nonce),
            number(claim.left_alone_until),
            number(claim.restored),
            text(claim.outcome),
            text(claim.refused),
            number(claim.lost),
        ];
        assert_eq!(fields("claim", &names), expected);
        let good = self.keys.last_good;
        let expected = [
            good.map(|good| good.fence.to_string()),
            good.map(|good| good.origin.to_string()),
            good.map(|good| good.revision.to_string()),
        ];
        assert_eq!(fields("last-good", &["fence", "origin", "revision"]), expected);
    }
}

/// Returns the parts of a list as texts.
fn parts(reply: &Reply) -> Vec<Option<String>> {
    let Reply::List(parts) = reply else { panic!("{reply:?} is no list") };
    let text = |part: &Reply| match part {
        Reply::Int(number) => Some(number.to_string()),
        part => part.text().map(str::to_owned),
    };
    parts.iter().map(text).collect()
}
