//! The Lua scripts as pure functions. Each function takes the keys, the arguments and the time, and
//! returns the new keys and the reply.
//!
//! Owns the meaning of `src/store/redis/*.lua`; `conformance` compares the model with the
//! scripts. Texts that a script only passes on are numbers here. Times have no unit: they are
//! microseconds in Redis and units of a tick in the explorer.

use super::Rules;

/// A text that the scripts store and return, but never read.
pub(crate) type Text = u16;

/// The keys in Redis.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Keys {
    pub(crate) claim: Claim,
    pub(crate) last_good: Option<Good>,
    /// The value, and its time to live in thousands of units.
    pub(crate) fresh: Option<(Good, i64)>,
}

/// The fields of the claim. A key without fields is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Claim {
    pub(crate) fence: Option<i64>,
    pub(crate) at: Option<i64>,
    pub(crate) nonce: Option<Text>,
    pub(crate) left_alone_until: Option<i64>,
    pub(crate) restored: Option<i64>,
    pub(crate) outcome: Option<Text>,
    pub(crate) refused: Option<Text>,
    pub(crate) lost: Option<i64>,
    /// The time of expiry, only without the rule that claims last.
    pub(crate) expires: Option<i64>,
}

/// A payload with its ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Good {
    pub(crate) version: i64,
    pub(crate) fence: i64,
    pub(crate) origin: i64,
    pub(crate) revision: i64,
    pub(crate) bodies: Bodies,
    pub(crate) ledger: u32,
}

/// The films, their validator, the people, and their validator.
pub(crate) type Bodies = [Text; 4];

/// The arguments of `claim.lua`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    pub(crate) nonce: Text,
    pub(crate) highest: i64,
    pub(crate) heard: i64,
    pub(crate) age: Option<i64>,
    pub(crate) left_alone: i64,
    pub(crate) interval: i64,
    pub(crate) round: i64,
}

/// The reason of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitReason {
    Granted,
    Interval,
    RetryAfter,
    Restoring,
}

/// The reply of `claim.lua`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claimed {
    pub(crate) granted: bool,
    pub(crate) fence: i64,
    pub(crate) age: i64,
    pub(crate) now: i64,
    pub(crate) saved: i64,
    pub(crate) wait: i64,
    pub(crate) because: WaitReason,
    pub(crate) outcome: Option<Text>,
    pub(crate) refused: Option<Text>,
    pub(crate) revision: i64,
    /// Whether the attempt was lost, so that only its time is known.
    pub(crate) lost: bool,
}

/// Models `claim.lua`. The script announces a claim that vanished or went back.
pub(crate) fn claim(mut keys: Keys, ask: &Ask, now: i64, rules: Rules) -> (Keys, Claimed) {
    let (saved, revision) = edition(&keys);
    forget_expired(&mut keys, now);
    let claim = &mut keys.claim;
    let mut known = *claim;
    let mut stands = known.fence.unwrap_or(0);
    let fence = stands.max(ask.highest).max(ask.heard);
    let refused = known.refused;
    let reply = |fence, at, wait, because, outcome| Claimed {
        granted: because == WaitReason::Granted,
        fence,
        age: now - at,
        now,
        saved,
        wait,
        because,
        outcome,
        refused,
        revision,
        lost: false,
    };
    if let Some(ahead) = ahead(claim, now) {
        step_back(claim, ahead);
    }
    claim.restored = claim.restored.map(|restored| restored.min(now));
    let left_alone = claim.left_alone_until.unwrap_or(0);
    if known.nonce == Some(ask.nonce) {
        let at = claim.at.unwrap_or(0);
        return (keys, reply(stands, at, 0, WaitReason::Granted, known.outcome));
    }

    let (mut restored, mut lost) = (keys.claim.restored.unwrap_or(0), known.lost);
    let went_back = went_back(&keys.claim, ask, rules);
    let claim = &mut keys.claim;
    let mut at = claim.at.unwrap_or(0);
    if claim.at.is_none() {
        (claim.fence, claim.at) = (Some(fence), Some(0));
        stands = fence;
    }
    if known.at.is_none() || went_back {
        restored = now;
        claim.restored = Some(now);
    }
    let later = ask.age.map(|age| now - age).filter(|&later| later > at);
    let later = later.filter(|_| rules.restored_from_callers);
    if let Some(later) = later {
        at = later;
        claim.at = Some(at);
    }
    if known.at.is_none() || went_back || later.is_some() {
        (claim.outcome, known.outcome) = (None, None);
        lost = Some(1);
        claim.lost = lost;
    }

    let until_left_alone = left_alone.max(now + ask.left_alone);
    let mut longest = (at + ask.interval - now, WaitReason::Interval);
    for wait in [
        (until_left_alone - now, WaitReason::RetryAfter),
        (restored + ask.round - now, WaitReason::Restoring),
    ] {
        if wait.0 > longest.0 {
            longest = wait;
        }
    }
    if longest.0 > 0 {
        let denied = reply(stands, at, longest.0, longest.1, known.outcome);
        return (keys, Claimed { lost: lost.is_some(), ..denied });
    }

    let fence = if rules.fences_from_time {
        (fence + 1).max(saved + 1).max(now)
    } else {
        known.fence.unwrap_or(0) + 1
    };
    *claim = Claim {
        fence: Some(fence),
        at: Some(now),
        nonce: Some(ask.nonce),
        refused: known.refused,
        expires: (!rules.claims_last).then_some(now + ask.interval),
        ..Claim::default()
    };
    (keys, reply(fence, now, 0, WaitReason::Granted, None))
}

/// Whether the caller knows a later attempt than the claim in Redis.
pub(crate) fn went_back(claim: &Claim, ask: &Ask, rules: Rules) -> bool {
    rules.older_claims_wait_a_round
        && claim.at.is_some()
        && claim.restored.unwrap_or(0) == 0
        && claim.fence.unwrap_or(0) < ask.heard
}

/// The reply of `renew.lua`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Renewed {
    pub(crate) renewed: bool,
    pub(crate) now: i64,
    pub(crate) saved: i64,
    pub(crate) refused: Option<Text>,
    pub(crate) revision: i64,
}

/// Models `renew.lua`.
pub(crate) fn renew(mut keys: Keys, fence: i64, now: i64) -> (Keys, Renewed) {
    forget_expired(&mut keys, now);
    let (saved, revision) = edition(&keys);
    let renewed = keys.claim.fence == Some(fence);
    let refused = keys.claim.refused.filter(|_| renewed);
    if renewed {
        (keys.claim.at, keys.claim.lost) = (Some(now), None);
    }
    (keys, Renewed { renewed, now, saved, refused, revision })
}

/// The arguments of `save.lua`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Save {
    pub(crate) version: i64,
    pub(crate) fence: i64,
    pub(crate) origin: i64,
    pub(crate) age: i64,
    pub(crate) max_age: i64,
    pub(crate) bodies: Bodies,
    pub(crate) ledger: u32,
    pub(crate) revision: i64,
}

/// The first half of the reply of `save.lua`. The second half is the revision, or the newer version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kept {
    Saved,
    Older,
    NewerVersion,
    Overtaken,
}

/// Models `save.lua`. The script announces the fence of the saved payload.
pub(crate) fn save(mut keys: Keys, save: &Save, now: i64, rules: Rules) -> (Keys, (Kept, i64)) {
    let there = keys.last_good.unwrap_or_default();
    if there.version > save.version {
        return (keys, (Kept::NewerVersion, there.version));
    }
    if there.fence > save.fence {
        return (keys, (Kept::Older, there.revision));
    }
    let must_be_seen = if there.fence == save.fence {
        rules.saved_over_what_was_seen
    } else {
        rules.newer_saved_over_what_was_seen
    };
    if must_be_seen && keys.last_good.is_some() && there.revision != save.revision {
        return (keys, (Kept::Overtaken, there.revision));
    }
    let revision = (there.revision + 1).max(save.revision + 1).max(now);
    let by_age = (now - save.age).max(0);
    let origin = if (save.origin - by_age).abs() > 1_000_000 { by_age } else { save.origin };
    let Save { version, fence, bodies, ledger, .. } = *save;
    let good = Good { version, fence, origin, revision, bodies, ledger };
    keys.last_good = Some(good);
    let left = (origin + save.max_age - now).div_euclid(1000);
    keys.fresh = (left > 0).then_some((good, left));
    (keys, (Kept::Saved, revision))
}

/// The argument of `record.lua` about the refused answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Refused {
    AsItWas,
    Nothing,
    This(Text),
}

/// The arguments of `record.lua`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record {
    pub(crate) fence: i64,
    pub(crate) outcome: Text,
    pub(crate) left_alone: i64,
    pub(crate) refused: Refused,
}

/// Models `record.lua`. The script announces the fence of the recorded outcome.
pub(crate) fn record(mut keys: Keys, record: &Record, now: i64) -> (Keys, bool) {
    if keys.claim.fence != Some(record.fence) {
        return (keys, false);
    }
    keys.claim.outcome = Some(record.outcome);
    if let Some(ahead) = ahead(&keys.claim, now) {
        step_back(&mut keys.claim, ahead);
    }
    if record.left_alone > 0 {
        keys.claim.left_alone_until = Some(now + record.left_alone);
    }
    match record.refused {
        Refused::AsItWas => {}
        Refused::Nothing => keys.claim.refused = None,
        Refused::This(text) => keys.claim.refused = Some(text),
    }
    (keys, true)
}

/// The reply of `load.lua`: fence, time and outcome of the claim, and whether the claim was lost;
/// version, fence, origin time and revision of the saved payload; on request, bodies and ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loaded {
    pub(crate) now: i64,
    pub(crate) claim: (Option<i64>, Option<i64>, Option<Text>, Option<i64>),
    pub(crate) head: Option<[i64; 4]>,
    pub(crate) whole: Option<(Bodies, u32)>,
}

/// Models `load.lua`.
pub(crate) fn load(keys: Keys, whole: bool, now: i64) -> (Keys, Loaded) {
    let Claim { fence, at, outcome, lost, .. } = keys.claim;
    let head = keys.last_good.map(|good| [good.version, good.fence, good.origin, good.revision]);
    let whole = keys.last_good.filter(|_| whole).map(|good| (good.bodies, good.ledger));
    (keys, Loaded { now, claim: (fence, at, outcome, lost), head, whole })
}

/// Models `restore.lua`. The script restores an absent claim, moves an older claim to the later
/// attempt, and then removes the outcome.
pub(crate) fn restore(
    mut keys: Keys,
    fence: i64,
    age: Option<i64>,
    left_alone: i64,
    now: i64,
) -> Keys {
    let claim = &mut keys.claim;
    if let Some(ahead) = ahead(claim, now) {
        step_back(claim, ahead);
    }
    let at = claim.at.unwrap_or(0);
    let later = age.map(|age| now - age).filter(|&later| later > at);
    claim.at = Some(later.unwrap_or(at));
    if later.is_some() {
        (claim.outcome, claim.lost) = (None, Some(1));
    }
    claim.restored = claim.restored.map(|restored| restored.min(now));
    if claim.fence.is_none() {
        (claim.fence, claim.restored, claim.lost) = (Some(fence), Some(now), Some(1));
    }
    if now + left_alone > claim.left_alone_until.unwrap_or(0).max(now) {
        claim.left_alone_until = Some(now + left_alone);
    }
    keys
}

/// Returns the distance of a claim that lies in the future.
fn ahead(claim: &Claim, now: i64) -> Option<i64> {
    claim.at.map(|at| at - now).filter(|&ahead| ahead > 0)
}

/// Moves a claim from the future to now, and moves the end of `Retry-After` by the same time.
fn step_back(claim: &mut Claim, ahead: i64) {
    claim.at = claim.at.map(|at| at - ahead);
    claim.left_alone_until = claim.left_alone_until.map(|until| (until - ahead).max(0));
}

/// Removes an expired claim. A claim expires only without the rule that claims last.
fn forget_expired(keys: &mut Keys, now: i64) {
    if keys.claim.expires.is_some_and(|expires| expires <= now) {
        keys.claim = Claim::default();
    }
}

/// Returns fence and revision of the saved payload.
fn edition(keys: &Keys) -> (i64, i64) {
    keys.last_good.map_or((0, 0), |good| (good.fence, good.revision))
}
