//! The contract of a store: one suite that runs over the state directory and over a real Redis.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use movies_gen::catalogue::Catalogue;
use movies_gen::clock::{Clock, WallTime};
use movies_gen::ledger::{Entry, Ledger};
use movies_gen::outcome::{
    FailureKind, Gone, Mark, Offer, Outcome, OutcomeKind, Refused, SetsHash,
};
use movies_gen::payload::{Body, Fence, Payload, RequestId};
use movies_gen::schedule::WaitReason;
use movies_gen::store::{
    Ask, Claim, Denied, FileStore, Granted, Kept, RedisAddress, RedisStore, Saved, Store, Written,
};
use movies_gen::upstream::{Strange, UpstreamId};

use crate::fixture::Redis;

const MINUTE: Duration = Duration::from_secs(60);
/// An interval that is so short that the next refresh is always due.
const MOMENT: Duration = Duration::from_micros(1);

#[tokio::test]
async fn the_state_directory_keeps_the_contract() {
    let fresh = || {
        let directory = tempfile::tempdir().expect("a directory");
        let store =
            FileStore::open(directory.path(), &upstream(), Strange::Refuse, Clock::system());
        (store.expect("a store"), directory)
    };
    keeps_the_contract(fresh).await;
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn redis_keeps_the_contract() {
    let fresh = || {
        let redis = Redis::start();
        let address = RedisAddress::parse(&redis.url(), None).expect("an address");
        let timeout = Duration::from_secs(5);
        let (directory, clock) = (tempfile::tempdir().expect("a directory"), Clock::system());
        let file = FileStore::look(directory.path(), clock.clone());
        let store = RedisStore::new(address, "it", &upstream(), MINUTE, timeout, clock, &file);
        (store.expect("a store"), (redis, directory))
    };
    keeps_the_contract(fresh).await;
}

/// Tests each rule on a new store.
async fn keeps_the_contract<S: Store, K>(fresh: impl Fn() -> (S, K)) {
    macro_rules! rules {
        ($($rule:ident),* $(,)?) => {
            $({
                let (store, _keeper) = fresh();
                $rule(&store).await;
            })*
        };
    }
    rules!(
        the_first_claim_is_granted_and_the_next_claim_waits_for_the_interval,
        the_same_nonce_gets_the_same_claim,
        a_new_fence_is_higher_than_every_fence_that_the_caller_knows,
        an_attempt_that_only_the_caller_knows_counts,
        a_saved_payload_is_loaded_with_its_age,
        an_older_payload_does_not_replace_a_newer_payload,
        a_confirmed_payload_replaces_itself,
        a_ledger_that_the_caller_has_not_seen_is_not_lost,
        a_ledger_is_completed_only_over_the_revision_that_the_caller_has_seen,
        the_outcome_of_a_refresh_is_known_to_all_replicas,
        the_outcome_of_an_older_claim_is_not_recorded,
        retry_after_of_the_upstream_is_obeyed,
        only_the_newest_claim_is_renewed,
        the_mark_of_the_owner_stays_until_it_is_removed,
        a_refused_answer_is_known_to_the_next_claim_until_a_refresh_succeeds,
    );
}

async fn the_first_claim_is_granted_and_the_next_claim_waits_for_the_interval(store: &impl Store) {
    assert_eq!(store.standing().await.expect("read"), None);
    let granted = granted(store, "a").await;
    assert!(granted.at.age(Clock::system().now(), Clock::system().boot_id()) < MINUTE);
    let denied = denied(store, ask("b", MINUTE)).await;
    assert_eq!(denied.wait.because, WaitReason::Interval);
    assert!(denied.wait.remaining > MINUTE / 2 && denied.wait.remaining <= MINUTE);
    assert_eq!(denied.standing.fence, granted.fence);
    assert_eq!(denied.standing.outcome, None, "the attempt has no outcome yet");
}

async fn the_same_nonce_gets_the_same_claim(store: &impl Store) {
    let first = granted(store, "a").await;
    let Claim::Granted(again) = store.claim(&ask("a", MINUTE)).await.expect("asked") else {
        panic!("the same nonce must get the lost answer again");
    };
    assert_eq!(again.fence, first.fence);
}

async fn a_new_fence_is_higher_than_every_fence_that_the_caller_knows(store: &impl Store) {
    let first = granted(store, "a").await.fence;
    let second = granted(store, "b").await.fence;
    assert!(second > first);
    let far = Fence(second.0 + 1_000_000_000_000);
    let ahead = Ask { highest: far, ..ask("c", MOMENT) };
    if let Claim::Denied(denied) = store.claim(&ahead).await.expect("asked") {
        assert_eq!(denied.wait.because, WaitReason::Interval, "a fence alone is not a lost claim");
    }
    let third = granted_to(store, ahead).await;
    assert!(third.fence > far);
    assert!(granted(store, "d").await.fence > third.fence);
}

async fn an_attempt_that_only_the_caller_knows_counts(store: &impl Store) {
    granted(store, "a").await;
    let age = Some(Duration::from_secs(20));
    let wiped = Ask { age, ..ask("b", 2 * MINUTE) };
    let waits = denied(store, wiped).await.wait.remaining;
    assert!(waits > MINUTE, "the later of the two attempts counts: {waits:?}");
}

async fn a_saved_payload_is_loaded_with_its_age(store: &impl Store) {
    assert!(store.load().await.expect("loaded").payload.is_none());
    let mut granted = granted(store, "a").await;
    granted.at = granted.at.earlier(Duration::from_secs(30));
    let mut saved = saved(&granted, "[1]");
    let kept = store.save(&mut saved).await.expect("saved");
    assert!(matches!(kept, Kept::As(edition) if edition.fence == granted.fence));
    let loaded = store.load().await.expect("loaded");
    let payload = loaded.payload.expect("a payload");
    assert_eq!(payload.fence, granted.fence);
    assert_eq!(payload.films, saved.payload.films);
    assert_eq!(payload.people, saved.payload.people);
    assert_eq!(loaded.ledger, Some(saved.ledger));
    let (now, boot_id) = (Clock::system().now(), Clock::system().boot_id().clone());
    let age = payload.origin.age(now, &boot_id);
    assert!(age >= Duration::from_secs(30) && age < MINUTE, "{age:?}");
}

async fn an_older_payload_does_not_replace_a_newer_payload(store: &impl Store) {
    let (older, newer) = (granted(store, "a").await, granted(store, "b").await);
    let kept = store.save(&mut saved(&newer, "[2]")).await.expect("asked");
    assert!(matches!(kept, Kept::As(_)));
    assert_eq!(store.save(&mut saved(&older, "[1]")).await.expect("asked"), Kept::Older);
    let loaded = store.load().await.expect("loaded").payload.expect("a payload");
    assert_eq!(loaded.films.bytes(), "[2]");
    assert_eq!(granted(store, "c").await.saved.fence, newer.fence);
}

async fn a_confirmed_payload_replaces_itself(store: &impl Store) {
    let first = granted(store, "a").await;
    store.save(&mut saved(&first, "[1]")).await.expect("saved");
    let second = granted(store, "b").await;
    let kept = store.save(&mut saved(&second, "[1]")).await.expect("saved");
    assert!(matches!(kept, Kept::As(_)));
    let loaded = store.load().await.expect("loaded").payload.expect("a payload");
    assert_eq!((loaded.fence, loaded.films.bytes()), (second.fence, &Bytes::from_static(b"[1]")));
}

async fn a_ledger_that_the_caller_has_not_seen_is_not_lost(store: &impl Store) {
    let first = granted(store, "a").await;
    let mut unseen = saved(&first, "[1]");
    let entry = Entry { slug: "unseen".into(), gone: true, ..Entry::default() };
    Arc::make_mut(&mut unseen.ledger).films.insert("id".into(), entry);
    store.save(&mut unseen).await.expect("saved");
    let mut newer = saved(&granted(store, "b").await, "[2]");
    newer.revision = 0;
    match store.save(&mut newer).await.expect("asked") {
        Kept::As(_) => {}
        Kept::Overtaken => return,
        Kept::Older => panic!("the payload is newer"),
    }
    let ledger = store.load().await.expect("loaded").ledger.expect("a ledger");
    assert!(ledger.films.contains_key("id"), "the entry must be added");
}

async fn a_ledger_is_completed_only_over_the_revision_that_the_caller_has_seen(store: &impl Store) {
    let claim = granted(store, "a").await;
    let mut first = saved(&claim, "[1]");
    let Kept::As(edition) = store.save(&mut first).await.expect("saved") else {
        panic!("the store was empty");
    };
    assert_eq!(store.save(&mut first).await.expect("asked"), Kept::Overtaken, "an old revision");
    let mut complete = Saved {
        ledger: Ledger::baseline(&Catalogue::default(), WallTime(3)).into(),
        revision: edition.revision,
        ..first
    };
    let Kept::As(next) = store.save(&mut complete).await.expect("saved") else {
        panic!("the caller has seen the revision");
    };
    assert!(next > edition && next.fence == edition.fence);
    let loaded = store.load().await.expect("loaded");
    assert_eq!((loaded.ledger, loaded.edition), (Some(complete.ledger), next));
    assert_eq!(store.standing().await.expect("read").expect("an attempt").saved, next);
}

async fn the_outcome_of_a_refresh_is_known_to_all_replicas(store: &impl Store) {
    let claim = granted(store, "a").await;
    let outcome = Outcome::of(OutcomeKind::Failed(FailureKind::Timeout));
    assert_eq!(store.record(claim.fence, &outcome).await.expect("asked"), Written::Done);
    assert_eq!(denied(store, ask("b", MINUTE)).await.standing.outcome, Some(outcome.clone()));
    let standing = store.standing().await.expect("read").expect("an attempt");
    assert_eq!((standing.fence, standing.outcome), (claim.fence, Some(outcome)));
}

async fn the_outcome_of_an_older_claim_is_not_recorded(store: &impl Store) {
    let (older, newer) = (granted(store, "a").await, granted(store, "b").await);
    let outcome = Outcome::of(OutcomeKind::Changed);
    assert_eq!(store.record(older.fence, &outcome).await.expect("asked"), Written::Older);
    let standing = store.standing().await.expect("read").expect("an attempt");
    assert_eq!((standing.fence, standing.outcome), (newer.fence, None));
}

async fn retry_after_of_the_upstream_is_obeyed(store: &impl Store) {
    let claim = granted(store, "a").await;
    let outcome = Outcome {
        kind: OutcomeKind::Failed(FailureKind::RateLimited),
        retry_after: Some(Duration::from_secs(300)),
        refused: None,
    };
    store.record(claim.fence, &outcome).await.expect("recorded");
    let denied = denied(store, ask("b", MOMENT)).await;
    assert_eq!(denied.wait.because, WaitReason::RetryAfter);
    assert!(denied.wait.remaining > Duration::from_secs(240));
}

async fn only_the_newest_claim_is_renewed(store: &impl Store) {
    let (older, newer) = (granted(store, "a").await, granted(store, "b").await);
    assert_eq!(store.renew(older.fence).await.expect("asked"), None);
    let now = Clock::system().now().boot;
    let renewed = store.renew(newer.fence).await.expect("asked").expect("renewed");
    assert_eq!(renewed.fence, newer.fence);
    // The renewal is not always later than the claim: on a slow disk, the claim has a later time,
    // because the time of the writes is added.
    assert!(renewed.at.boot >= now);
}

async fn the_mark_of_the_owner_stays_until_it_is_removed(store: &impl Store) {
    assert_eq!(store.accepted().await.expect("read"), []);
    let mark = Mark { sets: refused().sets, offer: refused().offer, saved: Fence(7) };
    store.accept(Some(&mark)).await.expect("marked");
    assert_eq!(store.accepted().await.expect("read"), [mark]);
    store.accept(None).await.expect("taken away");
    assert_eq!(store.accepted().await.expect("read"), []);
}

async fn a_refused_answer_is_known_to_the_next_claim_until_a_refresh_succeeds(store: &impl Store) {
    let end = |kind, refused| Outcome { refused, ..Outcome::of(kind) };
    let failed = |kind| OutcomeKind::Failed(kind);
    let ends = [
        (end(failed(FailureKind::Implausible), Some(refused())), Some(refused())),
        (end(failed(FailureKind::Timeout), None), Some(refused())),
        (end(OutcomeKind::Changed, None), None),
    ];
    for (nonce, (outcome, known)) in ["a", "b", "c"].into_iter().zip(ends) {
        let claim = granted(store, nonce).await;
        store.record(claim.fence, &outcome).await.expect("recorded");
        assert_eq!(granted(store, &format!("{nonce}2")).await.refused, known);
    }
}

fn refused() -> Refused {
    let sets = SetsHash("0123456789ab".into());
    let gone = Gone::of(["1", "2"].into_iter(), std::iter::empty());
    Refused { sets, times: 2, offer: Offer { films: 3, people: 0, gone } }
}

/// Makes a claim that is due.
async fn granted(store: &impl Store, nonce: &str) -> Granted {
    granted_to(store, ask(nonce, MOMENT)).await
}

/// Makes a claim with this ask. Repeats the ask if the store waits one round for other replicas,
/// because the store is empty or knows less than the caller.
async fn granted_to(store: &impl Store, ask: Ask) -> Granted {
    loop {
        match store.claim(&ask).await.expect("asked") {
            Claim::Granted(granted) => return granted,
            Claim::Denied(denied) => tokio::time::sleep(denied.wait.remaining).await,
        }
    }
}

async fn denied(store: &impl Store, ask: Ask) -> Denied {
    match store.claim(&ask).await.expect("asked") {
        Claim::Denied(denied) => denied,
        Claim::Granted(granted) => panic!("granted too early: {granted:?}"),
    }
}

fn ask(nonce: &str, interval: Duration) -> Ask {
    Ask {
        nonce: nonce.into(),
        highest: Fence(0),
        heard: Fence(0),
        age: None,
        left_alone: None,
        interval,
        round: MOMENT,
    }
}

fn saved(granted: &Granted, films: &'static str) -> Saved {
    let body = |text: &'static str, etag: Option<&str>| {
        let etag = etag.map(str::to_owned);
        Body::one(RequestId::of("/list", "/list"), etag, Bytes::from_static(text.as_bytes()))
    };
    let payload = Payload {
        fence: granted.fence,
        origin: granted.at.clone(),
        films: body(films, Some("W/\"f\"")),
        people: body("[\"\\u0000 \u{ff}\"]", None),
    };
    let ledger = Ledger::baseline(&Catalogue::default(), WallTime(7));
    Saved { payload, ledger: ledger.into(), revision: granted.saved.revision }
}

fn upstream() -> UpstreamId {
    UpstreamId("http://upstream.example".into())
}
