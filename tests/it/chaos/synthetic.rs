//! A synthetic history in which every promise is kept, exact to the microsecond: the input for
//! the tests of the rules.

use std::time::Duration;

use super::clients::PATHS;
use super::history::{Asked, History, List, Load, Moment, Page, Promised, Said, Seen, Stamp};

pub(crate) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Number of refreshes in the history.
pub(crate) const ROUNDS: u32 = 6;
/// Time from the first request of a refresh until its data is live.
const TO_LIVE: Duration = ms(40);
/// Age from which requests are held.
const GATE: Duration = ms(900);

/// Returns the moment of the first request of a round.
pub(crate) fn start_of(round: u32) -> Moment {
    Moment::START + ms(100) + ms(1000) * round
}

/// Makes a history with six refreshes, one second apart, and loads every few milliseconds. Loads
/// near the end of each second are held until the next data is live.
pub(crate) fn good_history() -> History {
    let mut asked = Vec::new();
    for round in 0..ROUNDS {
        for list in [List::Films, List::People] {
            let at = start_of(round);
            let said = Said::New(Stamp { list, round, made: at, good: true });
            let (by, done, is_cold) = (0, Some(at + ms(3)), round == 0);
            asked.push(Asked { by, list, at, done, said, is_cold });
        }
    }
    let mut loads = Vec::new();
    let end = start_of(ROUNDS) - ms(150);
    let mut at = start_of(0) + TO_LIVE;
    for number in 0.. {
        if at >= end {
            break;
        }
        loads.push(health(at));
        if number % 3 == 0 {
            loads.push(good_load(PATHS[number / 3 % PATHS.len()].0, at));
        }
        at = at + ms(5);
    }
    History {
        promised: Promised::SCALED,
        of: 0,
        asked,
        loads,
        kills: Vec::new(),
        stops: Vec::new(),
        lapses: Vec::new(),
    }
}

fn health(sent: Moment) -> Load {
    Load { path: "/healthz", sent, received: sent + ms(1), seen: Seen::Health }
}

/// Makes the load that is sent at this moment.
fn good_load(path: &'static str, sent: Moment) -> Load {
    let live = |at: Moment| {
        (0..ROUNDS).rev().find(|&round| start_of(round) + TO_LIVE <= at).expect("a live round")
    };
    let mut round = live(sent);
    let mut received = sent + ms(1);
    if sent.since(start_of(round)) > GATE {
        round += 1;
        received = start_of(round) + TO_LIVE + ms(1);
    }
    Load { path, sent, received, seen: Seen::Page(page(path, round, received)) }
}

/// Makes the page of a round.
pub(crate) fn page(path: &'static str, round: u32, received: Moment) -> Page {
    let (_, lists) = PATHS.iter().find(|(known, _)| *known == path).expect("a known path");
    let as_of = start_of(round) - ms(1);
    let made = start_of(round);
    let hash = format!("{path}{round}");
    Page {
        generation: format!("generation {round}"),
        as_of,
        age: Duration::from_secs(received.since(as_of).as_secs()),
        etag: format!("\"{hash}\""),
        shown: hash.clone(),
        hash,
        stamps: lists.iter().map(|&list| Stamp { list, round, made, good: true }).collect(),
    }
}
