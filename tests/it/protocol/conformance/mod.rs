//! A comparison of the model with a real Redis.
//!
//! Owns the proof that `model` does the same as the scripts. Both get the same random sequences
//! of calls; the test compares each whole reply, then all keys and all announcements. The time
//! comes from the reply. If the reply has no time, the time comes from what was written, and
//! lies between two readings of the clock.

mod beside;
mod scripts;

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::Rules;
use super::model::{Refused, Text};
use crate::fixture::Redis;
use beside::Beside;

const RULES: Rules = Rules::PROGRAM;
const SECOND: i64 = 1_000_000;

/// A call of a script, or an event in Redis.
#[derive(Debug, Clone)]
enum Call {
    Claim {
        nonce: Text,
        highest: Fence,
        heard: Fence,
        age: Option<i64>,
        left_alone: i64,
        interval: i64,
        round: i64,
    },
    Restore {
        fence: Fence,
        age: Option<i64>,
        left_alone: i64,
    },
    Renew {
        fence: Fence,
    },
    Save {
        version: i64,
        fence: Fence,
        skew: i64,
        age: i64,
        max_age: i64,
        text: Text,
        seen: i64,
    },
    Record {
        fence: Fence,
        outcome: Text,
        left_alone: i64,
        refused: Refused,
    },
    Load {
        whole: bool,
    },
    Flush,
    /// A failover to a server with a slower clock, so that the times in the keys lie in the future.
    StepBack {
        by: i64,
    },
}

/// A fence, relative to the keys.
#[derive(Debug, Clone, Copy)]
enum Fence {
    None,
    Claimed,
    Saved,
    /// A fence near the fence of the claim.
    Near(i64),
    FarAhead,
}

#[test]
#[ignore = "needs redis-server"]
fn the_model_gives_the_same_replies_and_keys_as_the_scripts() {
    let redis = Redis::start();
    let beside = RefCell::new(Beside::new(&redis));
    let mut hearing = beside::connect(&redis);
    let mut heard = hearing.as_pubsub();
    heard.subscribe(beside::CHANNEL).expect("subscribed");
    let heard = RefCell::new(heard);
    let config = Config { failure_persistence: None, ..Config::default() };
    let calls = proptest::collection::vec(call(), 1..40);
    let compared = TestRunner::new(config).run(&calls, |calls| {
        let (mut beside, mut heard) = (beside.borrow_mut(), heard.borrow_mut());
        beside.empty();
        for call in &calls {
            beside.compare(call, &mut heard)?;
        }
        Ok(())
    });
    compared.unwrap_or_else(|error| panic!("{error}"));
}

fn call() -> impl Strategy<Value = Call> {
    let fence = || {
        prop_oneof![
            1 => Just(Fence::None),
            6 => Just(Fence::Claimed),
            3 => Just(Fence::Saved),
            2 => (-2..3_i64).prop_map(Fence::Near),
            1 => Just(Fence::FarAhead),
        ]
    };
    // Waits that are over, waits that are not over, and waits in between.
    let wait = || prop_oneof![4 => Just(0), 2 => Just(1), 2 => Just(300), 3 => Just(60 * SECOND)];
    let age = proptest::option::of(prop::sample::select(vec![0, 200, 5 * SECOND, 61 * SECOND]));
    let refused = prop_oneof![
        Just(Refused::AsItWas),
        Just(Refused::Nothing),
        (0..4_u16).prop_map(Refused::This)
    ];
    let restore = (fence(), age.clone(), wait())
        .prop_map(|(fence, age, left_alone)| Call::Restore { fence, age, left_alone });
    let claim = (0..4_u16, fence(), fence(), age, wait(), wait(), wait()).prop_map(
        |(nonce, highest, heard, age, left_alone, interval, round)| Call::Claim {
            nonce,
            highest,
            heard,
            age,
            left_alone: if left_alone == 60 * SECOND { 0 } else { left_alone },
            interval,
            round,
        },
    );
    // The rest of the freshness is many seconds, or is negative.
    let skew = prop::sample::select(vec![0, SECOND / 2, -SECOND / 2, 2 * SECOND, -2 * SECOND]);
    let age = prop::sample::select(vec![0, 3 * SECOND, 40 * SECOND, 100 * SECOND]);
    let max_age = prop::sample::select(vec![20 * SECOND, 60 * SECOND]);
    let version = prop_oneof![9 => Just(1_i64), 1 => Just(2)];
    let seen = prop_oneof![5 => Just(0_i64), 2 => -2..3_i64];
    let save = (version, fence(), skew, age, max_age, 0..9_u16, seen).prop_map(
        |(version, fence, skew, age, max_age, text, seen)| Call::Save {
            version,
            fence,
            skew,
            age,
            max_age,
            text,
            seen,
        },
    );
    let record =
        (fence(), 0..4_u16, wait(), refused).prop_map(|(fence, outcome, left_alone, refused)| {
            Call::Record { fence, outcome, left_alone, refused }
        });
    prop_oneof![
        12 => claim,
        3 => restore,
        3 => fence().prop_map(|fence| Call::Renew { fence }),
        8 => save,
        5 => record,
        2 => any::<bool>().prop_map(|whole| Call::Load { whole }),
        1 => Just(Call::Flush),
        1 => (1..9_i64).prop_map(|by| Call::StepBack { by: by * SECOND }),
    ]
}
