//! Calls each script and its model, and compares the two replies.
//!
//! Owns the order of the arguments and the form of the replies, as in `store::redis`.

use proptest::prelude::*;

use super::RULES;
use super::beside::{Beside, CHANNEL, CLAIM, FRESH, LAST_GOOD, ledger, text};
use crate::protocol::model::{self, Kept, Refused, WaitReason};

impl Beside {
    pub(super) fn make_claim(
        &mut self,
        ask: &model::Ask,
        before: i64,
    ) -> Result<Option<i64>, TestCaseError> {
        type Answer = (i64, i64, i64, i64, i64, i64, String, String, String, i64, i64);
        let mut invocation = self.claim.key(CLAIM);
        invocation
            .key(LAST_GOOD)
            .arg(text("nonce", ask.nonce))
            .arg(ask.highest)
            .arg(ask.age.map(|age| age.to_string()).unwrap_or_default())
            .arg(ask.left_alone)
            .arg(ask.interval)
            .arg(ask.round)
            .arg(CHANNEL)
            .arg(ask.heard);
        let answer: Answer = invocation.invoke(&mut self.connection).expect("an answer");
        let now = self.between(before, answer.3)?;
        let fence = self.keys.claim.fence.unwrap_or(0).max(ask.highest).max(ask.heard);
        let is_asked_again = self.keys.claim.nonce == Some(ask.nonce);
        let vanished = self.keys.claim.at.is_none();
        let went_back = !is_asked_again && model::went_back(&self.keys.claim, ask, RULES);
        let (keys, reply) = model::claim(self.keys, ask, now, RULES);
        self.keys = keys;
        let because = match reply.because {
            WaitReason::Granted => "",
            WaitReason::Interval => "interval",
            WaitReason::RetryAfter => "retry-after",
            WaitReason::Restoring => "restoring",
        };
        let expected: Answer = (
            i64::from(reply.granted),
            reply.fence,
            reply.age,
            reply.now,
            reply.saved,
            reply.wait,
            because.into(),
            reply.outcome.map(|outcome| text("outcome", outcome)).unwrap_or_default(),
            reply.refused.map(|refused| text("refused", refused)).unwrap_or_default(),
            reply.revision,
            i64::from(reply.lost),
        );
        prop_assert_eq!(answer, expected);
        Ok((vanished || went_back).then_some(fence))
    }

    pub(super) fn make_restore(
        &mut self,
        fence: i64,
        age: Option<i64>,
        left_alone: i64,
        before: i64,
    ) -> Result<(), TestCaseError> {
        let known = self.keys.claim;
        let mut invocation = self.restore.key(CLAIM);
        let age_told = age.map(|age| age.to_string()).unwrap_or_default();
        let invocation = invocation.arg(fence).arg(age_told).arg(left_alone);
        let answer: i64 = invocation.invoke(&mut self.connection).expect("an answer");
        prop_assert_eq!(answer, 1);
        // A time that the script wrote shows the time of the call.
        let told = |field, known: Option<i64>, since: i64, this: &mut Beside| {
            let written = this.number(CLAIM, field).filter(|&written| Some(written) != known);
            written.filter(|&written| written != 0).map(|written| written + since)
        };
        let is_ahead = known.at > Some(before);
        let at_since = if is_ahead { 0 } else { age.unwrap_or(0) };
        let at = told("at", known.at, at_since, self);
        let now = at
            .filter(|_| is_ahead)
            .or_else(|| told("restored", known.restored, 0, self))
            .or_else(|| told("left_alone_until", known.left_alone_until, -left_alone, self))
            .or(at);
        let now = now.map_or(Ok(before), |now| self.between(before, now))?;
        self.keys = model::restore(self.keys, fence, age, left_alone, now);
        Ok(())
    }

    pub(super) fn make_renew(&mut self, fence: i64, before: i64) -> Result<(), TestCaseError> {
        type Answer = (i64, i64, i64, String, i64);
        let mut invocation = self.renew.key(CLAIM);
        let invocation = invocation.key(LAST_GOOD).arg(fence);
        let answer: Answer = invocation.invoke(&mut self.connection).expect("an answer");
        let now = self.between(before, answer.1)?;
        let (keys, reply) = model::renew(self.keys, fence, now);
        self.keys = keys;
        let refused = reply.refused.map(|refused| text("refused", refused)).unwrap_or_default();
        let renewed = i64::from(reply.renewed);
        prop_assert_eq!(answer, (renewed, reply.now, reply.saved, refused, reply.revision));
        Ok(())
    }

    pub(super) fn make_save(
        &mut self,
        save: &model::Save,
        before: i64,
    ) -> Result<Option<i64>, TestCaseError> {
        let mut invocation = self.save.key(LAST_GOOD);
        invocation.key(FRESH).arg(save.version).arg(save.fence).arg(save.origin).arg(save.age);
        invocation.arg(save.max_age);
        for body in save.bodies {
            invocation.arg(text("body", body));
        }
        invocation.arg(ledger(save.ledger)).arg(CHANNEL).arg(save.revision);
        let answer: (i64, i64) = invocation.invoke(&mut self.connection).expect("an answer");
        // The revision is the time, unless a revision from the future was there.
        let there = self.keys.last_good.map_or(0, |good| good.revision);
        let is_time = answer.0 == 1 && answer.1 > there.max(save.revision) + 1;
        let now = if is_time { self.between(before, answer.1)? } else { before };
        let (keys, (kept, revision)) = model::save(self.keys, save, now, RULES);
        self.keys = keys;
        let expected = match kept {
            Kept::Saved => 1,
            Kept::Older => 0,
            Kept::NewerVersion => -1,
            Kept::Overtaken => -2,
        };
        prop_assert_eq!(answer, (expected, revision));
        Ok((kept == Kept::Saved).then_some(save.fence))
    }

    pub(super) fn make_record(
        &mut self,
        record: &model::Record,
        before: i64,
    ) -> Result<Option<i64>, TestCaseError> {
        let mut invocation = self.record.key(CLAIM);
        invocation.arg(record.fence).arg(text("outcome", record.outcome)).arg(record.left_alone);
        invocation.arg(match record.refused {
            Refused::AsItWas => "as it was".to_owned(),
            Refused::Nothing => String::new(),
            Refused::This(refused) => text("refused", refused),
        });
        invocation.arg(CHANNEL);
        let answer: i64 = invocation.invoke(&mut self.connection).expect("an answer");
        let until = self.number(CLAIM, "left_alone_until");
        let until = until.filter(|_| record.left_alone > 0).map(|until| until - record.left_alone);
        let is_ahead = self.keys.claim.at > Some(before);
        let told = until.or(self.number(CLAIM, "at").filter(|_| is_ahead));
        let now = match told.filter(|_| answer == 1) {
            Some(now) => self.between(before, now)?,
            None => before,
        };
        let (keys, recorded) = model::record(self.keys, record, now);
        self.keys = keys;
        prop_assert_eq!(answer, i64::from(recorded));
        Ok(recorded.then_some(record.fence))
    }

    pub(super) fn make_load(&mut self, whole: bool, before: i64) -> Result<(), TestCaseError> {
        type Texts = Vec<Option<String>>;
        let mut invocation = self.load.key(CLAIM);
        let invocation = invocation.key(LAST_GOOD).arg(if whole { "whole" } else { "head" });
        let answer: (i64, Texts, Texts, Texts) =
            invocation.invoke(&mut self.connection).expect("an answer");
        let now = self.between(before, answer.0)?;
        let (keys, reply) = model::load(self.keys, whole, now);
        self.keys = keys;
        let (fence, at, outcome, lost) = reply.claim;
        let number = |number: Option<i64>| number.map(|number| number.to_string());
        let claim = vec![
            number(fence),
            number(at),
            outcome.map(|outcome| text("outcome", outcome)),
            number(lost),
        ];
        let head = match reply.head {
            Some(head) => head.map(|part| number(Some(part))).to_vec(),
            None => vec![None; 4],
        };
        let bodies = match reply.whole {
            Some((bodies, kept)) => {
                let bodies = bodies.map(|body| Some(text("body", body)));
                bodies.into_iter().chain([Some(ledger(kept))]).collect()
            }
            None => vec![None; 5],
        };
        prop_assert_eq!(answer, (reply.now, claim, head, bodies));
        Ok(())
    }
}
