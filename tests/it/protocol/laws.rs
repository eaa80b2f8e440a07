//! The laws that hold in every state, and that fail if a rule of the protocol is left out.
//!
//! Owns the settings that are explored. `MOVIES_GEN_MODEL=large` (`make model`) explores more
//! and larger settings. Each test prints the number of states.

use super::Rules;
use super::explore::{Report, explore};
use super::world::{EVERYTHING, Ends, Fault, Law, Setting, World};

/// So long that the refresh after the next one begins, too.
const SETTING: Setting = Setting {
    rules: Rules::PROGRAM,
    ends: Ends::Wiped,
    loses: false,
    interval: 3,
    lease: 1,
    horizon: 4,
    faults: 1,
    pauses: Some(1),
    possible: EVERYTHING,
};

#[test]
fn the_laws_hold_whatever_one_thing_goes_wrong() {
    holds("one fault", Setting { pauses: Some(0), ..SETTING });
}

#[test]
fn the_laws_hold_from_the_first_start_on() {
    let setting = Setting { pauses: Some(0), ..SETTING };
    let report = explore(&setting, &World::empty(&setting));
    well("a first start", report);
}

#[test]
fn the_laws_hold_when_replicas_meet_that_were_apart() {
    let possible = &[Fault::Crash, Fault::CrashWithItsState];
    let setting = Setting { pauses: Some(0), horizon: 3, possible, ..SETTING };
    well("a time apart", explore(&setting, &World::apart(&setting)));
}

#[test]
fn the_laws_hold_however_long_replicas_are_held_up() {
    let possible = &[Fault::Crash, Fault::CrashWithItsState, Fault::LostReply];
    holds("any pause", Setting { horizon: 3, pauses: None, possible, ..SETTING });
}

#[test]
fn the_laws_hold_when_two_replicas_crash_or_are_not_heard() {
    let possible =
        &[Fault::Crash, Fault::CrashWithItsState, Fault::LostReply, Fault::UpstreamFails];
    holds("two faults", Setting { faults: 2, pauses: Some(0), possible, ..SETTING });
}

#[test]
fn after_a_wipe_whoever_is_there_to_tell_keeps_the_upstream_from_being_asked_twice() {
    let possible = &[Fault::Wipe];
    let ends = Ends::WipedAndEmptied;
    holds("a wipe", Setting { ends, horizon: 7, pauses: Some(0), possible, ..SETTING });
}

#[test]
fn after_a_failover_to_an_older_claim_whoever_is_there_to_tell_does_so_in_time() {
    let possible = &[Fault::FailOver];
    let ends = Ends::WipedAndEmptied;
    holds("a failover", Setting { ends, horizon: 7, pauses: Some(0), possible, ..SETTING });
}

#[test]
fn the_laws_hold_in_the_large() {
    if std::env::var("MOVIES_GEN_MODEL").is_ok_and(|size| size == "large") {
        // Two faults of all kinds, or any number of pauses: 20 GB do not hold the states.
        holds("one fault, one pause", SETTING);
        holds("one fault, two pauses", Setting { horizon: 3, pauses: Some(2), ..SETTING });
    }
}

#[test]
fn a_newer_payload_saved_over_a_ledger_that_was_not_seen_loses_what_is_in_it() {
    let rules = Rules { newer_saved_over_what_was_seen: false, ..Rules::PROGRAM };
    breaks(Law::Loss, Setting { rules, pauses: None, possible: &[Fault::Crash], ..SETTING });
}

#[test]
fn a_refused_save_that_is_forgotten_loses_what_it_brought() {
    let rules = Rules { refused_saves_are_kept: false, ..Rules::PROGRAM };
    breaks(Law::Loss, Setting { rules, possible: &[Fault::LostRequest], ..SETTING });
}

#[test]
fn a_wipe_lets_the_upstream_be_asked_twice_if_those_who_look_do_not_tell() {
    let rules = Rules { looks_tell: false, ..Rules::PROGRAM };
    let ends = Ends::WipedAndEmptied;
    let possible = &[Fault::Wipe];
    breaks(Law::Courtesy, Setting { rules, ends, pauses: Some(0), possible, ..SETTING });
}

/// An end that no rule takes away: what nobody tells, nobody knows.
#[test]
fn a_wipe_lets_the_upstream_be_asked_twice_if_the_one_who_asked_last_is_down() {
    let (ends, possible) = (Ends::WipedAndEmptied, &[Fault::Wipe, Fault::Crash]);
    breaks(Law::Courtesy, Setting { ends, faults: 2, pauses: Some(0), possible, ..SETTING });
}

#[test]
fn a_fence_that_is_counted_starts_anew_with_a_wipe_and_lets_an_old_writer_win() {
    let rules = Rules { fences_from_time: false, ..Rules::PROGRAM };
    let possible = &[Fault::Wipe];
    breaks(Law::Fences, Setting { rules, horizon: 8, pauses: Some(0), possible, ..SETTING });
}

#[test]
fn a_claim_that_expires_forgets_that_it_was_renewed() {
    let rules = Rules { claims_last: false, ..Rules::PROGRAM };
    breaks(Law::Courtesy, Setting { rules, faults: 0, pauses: Some(4), ..SETTING });
}

#[test]
fn a_claim_that_is_not_checked_before_it_is_used_is_used_too_late() {
    let rules = Rules { checked_before_send: false, ..Rules::PROGRAM };
    breaks(Law::Courtesy, Setting { rules, faults: 0, pauses: None, ..SETTING });
}

#[test]
fn a_claim_that_callers_do_not_restore_is_lost_with_redis() {
    let rules = Rules { restored_from_callers: false, looks_tell: false, ..Rules::PROGRAM };
    let possible = &[Fault::Wipe, Fault::Crash];
    breaks(Law::OwnMinute, Setting { rules, faults: 2, pauses: Some(0), possible, ..SETTING });
}

#[test]
fn a_claim_that_is_older_than_one_that_was_heard_of_is_no_reason_to_ask() {
    let rules = Rules { older_claims_wait_a_round: false, ..Rules::PROGRAM };
    let ends = Ends::WipedAndEmptied;
    let possible = &[Fault::FailOver];
    breaks(Law::Courtesy, Setting { rules, ends, pauses: Some(0), possible, ..SETTING });
}

#[test]
fn a_ledger_saved_over_a_revision_that_was_not_seen_undoes_another() {
    let rules = Rules { saved_over_what_was_seen: false, ..Rules::PROGRAM };
    let possible = &[Fault::CrashWithItsState];
    let setting = Setting { rules, pauses: Some(0), possible, ..SETTING };
    found(Law::Loss, explore(&setting, &World::apart(&setting)));
}

/// Explores a site that runs, and wants no law to be broken.
fn holds(name: &str, setting: Setting) {
    well(name, explore(&setting, &World::running(&setting)));
}

#[expect(clippy::print_stdout, reason = "how much was checked belongs to the result")]
fn well(name: &str, report: Report) {
    let Report { states, steps, broken } = report;
    println!("{name}: {states} states, {steps} steps");
    if let Some((law, trace)) = broken {
        panic!("{law:?} is broken:\n{trace}");
    }
}

/// Explores a site that runs, and wants this law to be found broken.
fn breaks(law: Law, setting: Setting) {
    found(law, explore(&setting, &World::running(&setting)));
}

#[expect(clippy::print_stdout, reason = "how much was checked belongs to the result")]
fn found(law: Law, report: Report) {
    let (broken, trace) = report.broken.expect("a way to break it");
    println!("{broken:?} is broken, found after {} states:\n{trace}", report.states);
    assert_eq!(broken, law);
}
