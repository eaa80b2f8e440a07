//! A simulation of many replicas that share one Redis: `make simulate`.
//!
//! Owns the figures and laws for more replicas than a machine can run. Time is simulated: an
//! [`executor`] jumps from event to event, and a run with the same seed gives the same table.
//!
//! | part | in the simulation |
//! |---|---|
//! | scripts | the files `src/store/redis/*.lua`, unmodified, in Lua 5.1 ([`scripts`]) |
//! | Redis | commands on keys in memory, one thread with a queue, a clock of its own, failovers ([`keys`], [`server`]) |
//! | rules | those of the program: `schedule`, `hold`, `coming`, `store::reach`, `store::heard`, `Edition::differs_from`, `news::reopened_within` |
//! | the code between the rules | restated: [`client`], [`disk`], [`stores`], [`replica`], [`visitors`] |
//! | network, API, processes | random times and faults ([`setting`], [`upstream`], [`world`]) |
//!
//! [`laws`] judges each run. [`measured`] compares the simulation with real processes.

mod client;
mod conformance;
mod content;
mod disk;
mod executor;
mod keys;
mod laws;
mod local_clock;
mod measured;
mod random;
mod reconnect;
mod record;
mod replica;
mod report;
mod scripts;
mod server;
mod setting;
mod stores;
mod upstream;
mod visitors;
mod world;

use std::io::{IsTerminal, Write};

use executor::{Micros, SECOND};
use report::Row;
use setting::Setting;
use world::World;

const MINUTE: Micros = 60 * SECOND;

#[test]
fn the_laws_hold_with_ten_and_with_thirty_replicas() {
    for replicas in [10, 30] {
        let setting = Setting::of(replicas, 5 * MINUTE);
        let calm = kept("calm", setting.clone());
        assert!(calm.until_last.len() >= 4, "a save in each minute");
        assert_eq!(calm.verdict.alone, 0, "every replica can use Redis");
        kept("faults", setting.with_faults());
    }
}

#[test]
fn the_laws_hold_with_faults_of_all_kinds_from_several_seeds() {
    for seed in 1..=4 {
        let setting = Setting { seed, ..Setting::of(10, 10 * MINUTE).with_faults() };
        kept("faults", setting);
    }
}

#[test]
fn the_same_seed_gives_the_same_table() {
    let table = || run("faults", Setting::of(10, 5 * MINUTE).with_faults()).to_string();
    assert_eq!(table(), table());
}

/// The more replicas, the more connections break in each interval. A replica that took a broken
/// connection for the loss of Redis would ask the API on its own.
#[test]
fn without_a_second_try_a_broken_connection_causes_calls_without_redis() {
    let mut setting = Setting::of(30, 5 * MINUTE);
    setting.network.lost_replies = 0.01;
    assert_eq!(kept("broken connections", setting.clone()).verdict.alone, 0);
    let once = run("one try", Setting { calls_again: false, ..setting });
    assert!(once.verdict.alone > 0, "no connection broke at the time of a claim");
}

/// After an outage, each replica has a payload and a ledger of its own to save.
#[test]
fn after_an_outage_the_refused_saves_of_a_replica_do_not_grow_with_the_number_of_replicas() {
    let refused = |replicas: usize, gives_way: bool| {
        let setting = Setting { gives_way, ..Setting::of(replicas, 6 * MINUTE).with_an_outage() };
        kept("outage", setting).overtaken as f64 / replicas as f64
    };
    let (few, many) = (refused(10, true), refused(60, true));
    assert!(many <= 2.0 * few.max(1.0), "{few} for each of 10 replicas, {many} for each of 60");
    let at_once = refused(60, false);
    assert!(at_once > 2.0 * many, "{at_once} if replicas try again at once, {many} otherwise");
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is the result")]
fn the_laws_hold_with_up_to_a_thousand_replicas() {
    let is_large = std::env::var("MOVIES_GEN_SIMULATION").is_ok_and(|size| size == "large");
    if !is_large {
        return;
    }
    println!("seed {}\n\n{}", Setting::of(1, 0).seed, Row::HEAD);
    for (replicas, minutes) in [(10, 60), (30, 60), (100, 30), (1_000, 20)] {
        let setting = Setting::of(replicas, minutes * MINUTE);
        println!("{}", kept("calm", setting.clone()));
        println!("{}", kept("slow API", setting.clone().with_slow_api()));
        let outage = Setting { lasts: 10 * MINUTE, ..setting.clone().with_an_outage() };
        println!("{}", kept("outage", outage));
        println!("{}", kept("faults", setting.with_faults()));
    }
}

/// Runs a simulation, and asserts that no law broke.
fn kept(name: &'static str, setting: Setting) -> Row {
    let (replicas, seed) = (setting.replicas, setting.seed);
    let row = run(name, setting);
    let broken = &row.verdict.broken;
    let first = broken.iter().take(5).cloned().collect::<Vec<_>>().join("\n");
    assert!(
        broken.is_empty() && row.verdict.calls <= 1,
        "{replicas} replicas, {name}, seed {seed}: {} breaches\n{first}\n{row}",
        broken.len()
    );
    row
}

fn run(name: &'static str, setting: Setting) -> Row {
    let (replicas, lasts) = (setting.replicas, setting.lasts);
    let world = World::new(setting);
    let mut terminal = std::io::stderr();
    let shows = terminal.is_terminal();
    for minute in 1..=lasts / MINUTE {
        world.run_until(minute * MINUTE);
        if shows {
            let of = lasts / MINUTE;
            let _ = write!(terminal, "\r{replicas} replicas, {name}: {minute} of {of} minutes ");
        }
    }
    if shows {
        let _ = write!(terminal, "\r{:70}\r", "");
    }
    let row = Row::of(name, &world);
    world.end();
    row
}
