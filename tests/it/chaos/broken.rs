//! Tests that break each promise on purpose, and require that the checker finds the breach.
//!
//! Owns the proof that the checker works. Options or the environment force the program to break a
//! promise; the program has no code for this. The same run without the cause must pass.

use std::collections::BTreeSet;
use std::time::Duration;

use super::calm::{Patience, in_a_calm_moment};
use super::checker::{Rule, judge};
use super::clients::Pace;
use super::history::{History, Page, Promised, Seen};
use super::run::{Run, SCALED};
use super::upstream::Act;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

const PACE: Pace = Pace { clients: 2, think: ms(10) };

/// Records a run of `rounds` refreshes with these options of the program.
fn recorded(script: &[Act], rounds: u32, arguments: &[&str]) -> History {
    let run = Run::begin(script.to_vec(), PACE, arguments);
    let round = run.until_round(rounds);
    run.load_until(round + ms(500));
    run.end(Promised::SCALED)
}

/// Asserts that the checker finds breaches of `rules` in `broken` and no breach in `kept`. Both
/// runs take place at the same time.
#[track_caller]
fn is_found(rules: &[Rule], broken: impl FnOnce() -> History + Send, kept: impl Fn() -> History) {
    let (broken, (_, kept)) = std::thread::scope(|scope| {
        let broken = scope.spawn(broken);
        let kept = in_a_calm_moment(Patience::Lenient, kept, judge);
        (judge(&broken.join().expect("a run")), kept)
    });
    // A breach that a busy machine could explain does not count.
    let broken = broken.lenient();
    for rule in rules {
        let said = broken.said();
        assert!(
            broken.violated().contains(rule),
            "the checker missed a breach of {rule:?}\n{said}"
        );
    }
    assert_eq!(kept.violated(), BTreeSet::new(), "{}", kept.said());
}

#[test]
fn a_page_that_is_too_old_without_a_hold_is_found() {
    let slow = [Act::Slow(ms(100))];
    let gate_off = ["--interval", "1s", "--max-age", "1s", "--hold", "0s"];
    let run = |arguments| recorded(&slow, 3, arguments);
    is_found(&[Rule::Freshness], || run(&gate_off), || run(&SCALED));
}

#[test]
fn an_attempt_that_is_not_recorded_before_its_request_is_found() {
    let run = |is_forgotten: bool| {
        let mut run = Run::begin(vec![Act::Change], PACE, &SCALED);
        let attempt = run.site.path(".movies-gen/attempt");
        let round = run.until_round(1);
        run.load_until(round + ms(500));
        let earlier = std::fs::read(&attempt).expect("an attempt");
        let round = run.until_round(2);
        run.load_until(round + ms(400));
        run.kill();
        if is_forgotten {
            std::fs::write(&attempt, earlier).expect("written");
        }
        run.start_again();
        run.until_round(4);
        run.end(Promised::SCALED)
    };
    is_found(&[Rule::Courtesy], || run(true), || run(false));
}

#[test]
fn a_wrong_origin_time_is_found() {
    let cached = Act::Cached { age: ms(400), is_told: false };
    let run = |act| recorded(&[act], 3, &SCALED);
    is_found(&[Rule::Honesty], || run(cached), || run(Act::Change));
}

#[test]
fn the_origin_time_is_right_if_the_cache_declares_its_age() {
    let told = judge(&recorded(&[Act::Cached { age: ms(400), is_told: true }], 3, &SCALED));
    // `Age` has whole seconds, so pages can exceed the maximum age, but the origin time is honest.
    assert!(!told.violated().contains(&Rule::Honesty), "{}", told.said());
}

#[test]
fn a_shrunk_list_on_pages_is_found() {
    let shrinks = [Act::Change, Act::Change, Act::Shrink, Act::Shrink, Act::Change];
    let guard_off = [&SCALED[..], &["--max-shrink", "100%"]].concat();
    let run = |arguments| recorded(&shrinks, 5, arguments);
    is_found(&[Rule::NoLoss], || run(&guard_off), || run(&SCALED));
}

#[test]
fn a_hold_that_is_too_long_is_found() {
    let silent = [Act::Change, Act::Hang];
    let endless = ["--interval", "1s", "--max-age", "1s", "--hold", "900ms"];
    let run = |arguments| recorded(&silent, 2, arguments);
    is_found(&[Rule::Hold, Rule::NoPointlessWait], || run(&endless), || run(&SCALED));
}

/// Returns the loads of the page of the film in a recorded history.
fn film_pages(history: &mut History) -> Vec<&mut Page> {
    let films = history.loads.iter_mut().filter(|load| load.path.starts_with("/movies/"));
    let pages = films.filter_map(|load| match &mut load.seen {
        Seen::Page(page) => Some(page),
        _ => None,
    });
    pages.collect()
}

#[test]
fn a_mixed_page_or_a_step_back_in_real_records_is_found() {
    let (history, judgement) =
        in_a_calm_moment(Patience::Lenient, || recorded(&[Act::Change], 4, &SCALED), judge);
    assert_eq!(judgement.violated(), BTreeSet::new(), "{}", judgement.said());

    let mut mixed = history.clone();
    let mut pages = film_pages(&mut mixed);
    let (first, last) = (pages[0].stamps.clone(), pages.len() - 1);
    pages[last].stamps[0] = first[0];
    assert!(judge(&mixed).violated().contains(&Rule::Wholeness));

    let mut back = history;
    let mut pages = film_pages(&mut back);
    let (first, last) = (pages[0].clone(), pages.len() - 1);
    *pages[last] = first;
    assert!(judge(&back).violated().contains(&Rule::Monotone));
}
