//! Tests of each kind of fault under load, judged by the checker.
//!
//! Owns the list of kinds: the script of the upstream, and the faults of the process.
//! `CHAOS_LOADS` sets the minimum number of loads for each kind. Without the variable, each
//! kind runs once with little load.

#![allow(clippy::print_stdout, reason = "a person reads the table")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use super::attempts::{Ended, attempts};
use super::calm::{Patience, in_a_calm_moment};
use super::checker::{Judgement, Rule, judge};
use super::clients::Pace;
use super::history::{History, Promised};
use super::run::{Run, SCALED};
use super::truth::Wire;
use super::upstream::{Act, Script};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// One kind of fault.
struct Kind {
    name: &'static str,
    script: Script,
    /// Runs one turn of the script with the faults of the process.
    turn: fn(&mut Run),
}

/// Makes a script with good rounds, then the fault, then enough good rounds that all promises apply
/// again.
fn between(fault: &[Act]) -> Script {
    [&[Act::Change; 2], fault, &[Act::Change; 4]].concat()
}

/// Kills the process between two refreshes, during a refresh, when a refresh is due, and such that
/// the process is down when a refresh is due.
fn killed(run: &mut Run) {
    let round = run.until_next_round();
    run.load_until(round + ms(500));
    run.kill();
    run.start_again();
    run.until_next_round();
    run.kill();
    run.start_again();
    let round = run.until_next_round();
    run.load_until(round + ms(985));
    run.kill();
    run.start_again();
    let round = run.until_next_round();
    run.load_until(round + ms(500));
    run.kill();
    run.load_for(ms(1200));
    run.start_again();
    run.until_round(run.upstream.rounds() + 4);
}

/// Stops the process between two refreshes, over several refreshes, and during a refresh.
fn stopped(run: &mut Run) {
    let round = run.until_next_round();
    run.load_until(round + ms(400));
    run.stand_still(ms(200));
    let round = run.until_next_round();
    run.load_until(round + ms(600));
    run.stand_still(ms(1500));
    run.until_next_round();
    run.stand_still(ms(600));
    run.until_round(run.upstream.rounds() + 4);
}

/// Makes a kind without faults of the process. A turn is one pass of the upstream through its
/// script.
fn kind(name: &'static str, script: Script) -> Kind {
    let turn = |run: &mut Run| {
        let rounds = run.upstream.script_length();
        run.until_round(run.upstream.rounds().next_multiple_of(rounds) + 1);
    };
    Kind { name, script, turn }
}

/// Returns the minimum number of loads of each kind.
pub(crate) fn wanted() -> usize {
    std::env::var("CHAOS_LOADS").map_or(0, |loads| loads.parse().expect("a number of loads"))
}

/// Returns the rate of the loads: low if the test runs beside other tests.
fn pace() -> Pace {
    match wanted() {
        0 => Pace { clients: 2, think: ms(15) },
        _ => Pace { clients: 6, think: ms(6) },
    }
}

/// Runs one kind until the run has enough loads.
fn recorded(kind: &Kind) -> History {
    let mut run = Run::begin(kind.script.clone(), pace(), &SCALED);
    run.until_first_page();
    loop {
        (kind.turn)(&mut run);
        if run.pages() >= wanted() {
            return run.end(Promised::SCALED);
        }
    }
}

/// Returns the number of kinds that run at the same time. Each run waits most of the time.
fn beside() -> usize {
    if wanted() == 0 { 4 } else { 2 }
}

/// Returns the patience: with a minimum number of loads, nothing is excused.
pub(crate) fn patience() -> Patience {
    if wanted() == 0 { Patience::Lenient } else { Patience::Strict }
}

/// Runs kinds, and prints the table. Returns the records in the order of `kinds`.
fn table(of: &str, kinds: &[Kind]) -> Vec<History> {
    let next = Mutex::new(kinds.iter().enumerate());
    let histories = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..beside().min(kinds.len()) {
            scope.spawn(|| {
                while let Some((place, kind)) = { next.lock().expect("kinds").next() } {
                    let judged = in_a_calm_moment(patience(), || recorded(kind), judge);
                    histories.lock().expect("histories").insert(place, judged);
                }
            });
        }
    });
    let histories: Vec<_> = histories.into_inner().expect("histories").into_values().collect();
    let mut text = format!("\n{of}; ages and times in milliseconds\n{}\n", Judgement::head());
    let mut broken = String::new();
    for (kind, (_, judgement)) in kinds.iter().zip(&histories) {
        let _ = writeln!(text, "{}", judgement.row(kind.name));
        if !judgement.violated().is_empty() {
            let _ = writeln!(broken, "{}:\n{}", kind.name, judgement.said());
        }
        if judgement.finding(Rule::Freshness).checked == 0 {
            let _ = writeln!(broken, "{}: no load was judged for its age", kind.name);
        }
    }
    println!("{text}");
    assert!(broken.is_empty(), "{text}\n{broken}");
    histories.into_iter().map(|(history, _)| history).collect()
}

#[test]
fn every_promise_is_kept_for_each_kind_of_answer_of_the_upstream() {
    let kinds = [
        kind("healthy, changes", vec![Act::Change; 6]),
        kind("healthy, 304 and changes", {
            let (keep, films) = (Act::Keep, Act::ChangeFilms);
            vec![Act::Change, keep, keep, films, keep, films, films]
        }),
        kind("500", between(&[Act::Status(500); 2])),
        kind("truncated", between(&[Act::Truncate; 2])),
        kind("HTML with status 200", between(&[Act::Html; 2])),
        kind("shrunk", between(&[Act::Shrink; 2])),
        kind("503, Retry-After", between(&[Act::RetryAfter(503, 2)])),
        kind("429, Retry-After", between(&[Act::RetryAfter(429, 2)])),
    ];
    table("Answers of the upstream", &kinds);
}

#[test]
fn every_promise_is_kept_with_a_slow_upstream() {
    let kinds = [
        kind("slow within the hold", vec![Act::Slow(ms(100)); 6]),
        kind("slow, close to the hold", vec![Act::Slow(ms(150)); 6]),
        kind("slow beyond the hold", between(&[Act::Slow(ms(600)); 2])),
        kind("a drip", between(&[Act::Drip(ms(100)), Act::Drip(ms(1500))])),
        kind("no answer", between(&[Act::Hang])),
    ];
    table("A slow upstream", &kinds);
}

#[test]
fn every_promise_is_kept_when_the_process_is_killed_or_stopped() {
    let slow = vec![Act::Slow(ms(100)); 5];
    let kinds = [
        Kind { name: "killed and started again", script: slow.clone(), turn: killed },
        Kind { name: "SIGSTOP and SIGCONT", script: slow, turn: stopped },
    ];
    table("Faults of the process", &kinds);
}

#[test]
fn in_an_outage_of_ten_intervals_the_upstream_is_asked_once_in_each_interval() {
    let mut outage = vec![Act::Status(500), Act::Html, Act::Truncate, Act::Status(502)];
    outage.extend([Act::Status(500); 6]);
    let kinds = [kind("an outage of ten intervals", between(&outage))];
    let histories = table("A long outage", &kinds);
    let history = &histories[0];
    let wire = Wire::of(history);
    let attempts = attempts(history);
    let starts: Vec<_> = attempts.iter().map(|attempt| attempt.start).collect();
    let lost = attempts.iter().filter(|attempt| matches!(attempt.ended, Ended::Lost(_))).count();
    assert_eq!(lost % 10, 0, "{attempts:?}");
    for pair in starts.windows(2) {
        // The rule of courtesy checks the lower bound.
        let longest = ms(1100) + wire.between(pair[0], pair[1]);
        assert!(pair[1].since(pair[0]) < longest, "{starts:?}");
    }
}
