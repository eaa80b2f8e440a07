//! Tests that the laws hold in every state, and that a law breaks if a rule of the protocol is left
//! out.
//!
//! Owns the settings that are explored. `MOVIES_GEN_MODEL=large` (`make model`) explores more
//! and larger settings. Each test prints the number of states.

use super::Rules;
use super::explore::{Report, explore};
use super::world::{EVERYTHING, Ends, Fault, Law, Setting, World};

/// The usual setting. The horizon is so late that a second refresh begins.
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
fn the_laws_hold_with_any_single_fault() {
    holds("one fault", Setting { pauses: Some(0), ..SETTING });
}

#[test]
fn the_laws_hold_from_the_first_start_on() {
    let setting = Setting { pauses: Some(0), ..SETTING };
    let report = explore(&setting, &World::empty(&setting));
    well("a first start", report);
}

#[test]
fn the_laws_hold_when_separated_replicas_share_a_redis_again() {
    let possible = &[Fault::Crash, Fault::CrashWithItsState];
    let setting = Setting { pauses: Some(0), horizon: 3, possible, ..SETTING };
    well("a time apart", explore(&setting, &World::apart(&setting)));
}

#[test]
fn the_laws_hold_with_pauses_of_any_length() {
    let possible = &[Fault::Crash, Fault::CrashWithItsState, Fault::LostReply];
    holds("any pause", Setting { horizon: 3, pauses: None, possible, ..SETTING });
}

#[test]
fn the_laws_hold_with_two_crashes_or_lost_replies() {
    let possible =
        &[Fault::Crash, Fault::CrashWithItsState, Fault::LostReply, Fault::UpstreamFails];
    holds("two faults", Setting { faults: 2, pauses: Some(0), possible, ..SETTING });
}

#[test]
fn after_a_wipe_the_running_replicas_prevent_a_second_request() {
    let possible = &[Fault::Wipe];
    let ends = Ends::WipedAndEmptied;
    holds("a wipe", Setting { ends, horizon: 7, pauses: Some(0), possible, ..SETTING });
}

#[test]
fn after_a_failover_to_an_older_claim_the_running_replicas_prevent_a_second_request() {
    let possible = &[Fault::FailOver];
    let ends = Ends::WipedAndEmptied;
    holds("a failover", Setting { ends, horizon: 7, pauses: Some(0), possible, ..SETTING });
}

#[test]
fn the_laws_hold_in_larger_settings() {
    if std::env::var("MOVIES_GEN_MODEL").is_ok_and(|size| size == "large") {
        // Two faults of all kinds, or any number of pauses, need more than 20 GB for the states.
        holds("one fault, one pause", SETTING);
        holds("one fault, two pauses", Setting { horizon: 3, pauses: Some(2), ..SETTING });
    }
}

#[test]
fn a_newer_payload_that_is_saved_over_an_unseen_ledger_loses_entries() {
    let rules = Rules { newer_saved_over_what_was_seen: false, ..Rules::PROGRAM };
    breaks(Law::Loss, Setting { rules, pauses: None, possible: &[Fault::Crash], ..SETTING });
}

#[test]
fn a_refused_save_that_is_not_kept_loses_entries() {
    let rules = Rules { refused_saves_are_kept: false, ..Rules::PROGRAM };
    breaks(Law::Loss, Setting { rules, possible: &[Fault::LostRequest], ..SETTING });
}

#[test]
fn a_wipe_causes_a_second_request_if_replicas_do_not_report_their_last_attempt() {
    let rules = Rules { looks_tell: false, ..Rules::PROGRAM };
    let ends = Ends::WipedAndEmptied;
    let possible = &[Fault::Wipe];
    breaks(Law::Courtesy, Setting { rules, ends, pauses: Some(0), possible, ..SETTING });
}

/// No rule can prevent this case: no running replica knows the last attempt.
#[test]
fn a_wipe_causes_a_second_request_if_the_replica_that_asked_last_is_down() {
    let (ends, possible) = (Ends::WipedAndEmptied, &[Fault::Wipe, Fault::Crash]);
    breaks(Law::Courtesy, Setting { ends, faults: 2, pauses: Some(0), possible, ..SETTING });
}

#[test]
fn a_counted_fence_starts_again_after_a_wipe_and_lets_an_old_writer_win() {
    let rules = Rules { fences_from_time: false, ..Rules::PROGRAM };
    let possible = &[Fault::Wipe];
    breaks(Law::Fences, Setting { rules, horizon: 8, pauses: Some(0), possible, ..SETTING });
}

#[test]
fn a_claim_that_expires_loses_its_renewal() {
    let rules = Rules { claims_last: false, ..Rules::PROGRAM };
    breaks(Law::Courtesy, Setting { rules, faults: 0, pauses: Some(4), ..SETTING });
}

#[test]
fn a_claim_that_is_not_checked_before_the_request_is_used_too_late() {
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
fn a_claim_that_is_granted_at_once_after_a_failover_causes_a_second_request() {
    let rules = Rules { older_claims_wait_a_round: false, ..Rules::PROGRAM };
    let ends = Ends::WipedAndEmptied;
    let possible = &[Fault::FailOver];
    breaks(Law::Courtesy, Setting { rules, ends, pauses: Some(0), possible, ..SETTING });
}

#[test]
fn a_ledger_that_is_saved_over_an_unseen_revision_loses_entries() {
    let rules = Rules { saved_over_what_was_seen: false, ..Rules::PROGRAM };
    let possible = &[Fault::CrashWithItsState];
    let setting = Setting { rules, pauses: Some(0), possible, ..SETTING };
    found(Law::Loss, explore(&setting, &World::apart(&setting)));
}

/// Explores a running site, and asserts that no law breaks.
fn holds(name: &str, setting: Setting) {
    well(name, explore(&setting, &World::running(&setting)));
}

#[expect(clippy::print_stdout, reason = "the number of states is a part of the result")]
fn well(name: &str, report: Report) {
    let Report { states, steps, broken } = report;
    println!("{name}: {states} states, {steps} steps");
    if let Some((law, trace)) = broken {
        panic!("{law:?} is broken:\n{trace}");
    }
}

/// Explores a running site, and asserts that this law breaks.
fn breaks(law: Law, setting: Setting) {
    found(law, explore(&setting, &World::running(&setting)));
}

#[expect(clippy::print_stdout, reason = "the number of states is a part of the result")]
fn found(law: Law, report: Report) {
    let (broken, trace) = report.broken.expect("a way to break it");
    println!("{broken:?} is broken, found after {} states:\n{trace}", report.states);
    assert_eq!(broken, law);
}
