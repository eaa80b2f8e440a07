//! `build once` as a job that runs each minute: the log says what is new, and nothing twice.

use serde_json::json;

use crate::fixture::{Answer, Site, Upstream, films};

/// Options with which each job makes a refresh.
const EACH_TIME: [&str; 4] = ["--interval", "100ms", "--max-age", "100ms"];

/// The list of films with a reference that contains no id.
fn with_a_problem() -> Answer {
    let mut films = films();
    films[0]["people"] = json!(["https://api.example/people/"]);
    Answer::json(&films)
}

#[test]
fn a_problem_of_the_data_is_logged_once_and_again_after_it_was_solved() {
    let (upstream, says) = (Upstream::start(), "problems in the data");
    let site = Site::of(&upstream).with(&EACH_TIME);
    let (good, bad) = (Answer::json(&films()), with_a_problem());
    let expected = [(&good, false), (&bad, true), (&bad, false), (&good, false), (&bad, true)];
    for (round, (answer, is_logged)) in expected.into_iter().enumerate() {
        upstream.set("/films", answer.clone());
        let log = site.build_once().well();
        assert_eq!(log.contains(says), is_logged, "round {round}: {log}");
        assert_eq!(log.contains("the data has no more problems"), round == 3, "{round}: {log}");
    }
    // A process that runs for long starts a new log, so the process logs the problem again.
    site.serve().ready().wait_for_line(says);
}

#[test]
fn a_quiet_job_prints_only_failures() {
    let upstream = Upstream::start();
    upstream.set("/films", with_a_problem());
    let quiet = Site::of(&upstream).with(&["-q"]);
    assert_eq!(quiet.build_once().well(), "", "a success");
    assert_eq!(quiet.build_once().well(), "", "no refresh was due");
    assert_eq!(upstream.asked(), (1, 1));
    upstream.set_both(&Answer::new(500, "no"));
    let log = quiet.with(&EACH_TIME).build_once().with_code(1);
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains("ERROR the refresh failed"), "{log}");
}

#[test]
fn a_job_within_the_interval_keeps_the_outcome_of_the_last_refresh() {
    let upstream = Upstream::start();
    let once_a_minute = Site::of(&upstream);
    let state = || once_a_minute.json("freshness.json")["upstream"].clone();
    once_a_minute.build_once().well();
    upstream.set_both(&Answer::new(500, "no"));
    once_a_minute.with(&EACH_TIME).build_once().with_code(1);
    let failing = json!({"state": "failing", "failure": "bad-status"});
    assert_eq!(state(), failing);
    let log = once_a_minute.build_once().well();
    assert!(log.contains("WARN the last refresh failed: bad-status"), "{log}");
    // A refresh that fails may end before the second of its two requests.
    let (films, people) = upstream.asked();
    assert_eq!((state(), films.max(people)), (failing, 2), "no refresh was due");
}

#[test]
fn warnings_about_options_are_logged_once() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&EACH_TIME).with(&["--lang", "nl"]);
    let (address, table) = ("WARN without --site-url", "no table of texts for --lang nl");
    let count = |log: &str| (log.matches(address).count(), log.matches(table).count());
    assert_eq!(count(&site.build_once().well()), (1, 1));
    assert_eq!(count(&site.build_once().well()), (0, 0));
    let known = site.with(&["--site-url", "https://films.example/"]);
    assert_eq!(count(&known.build_once().well()), (0, 0));
    assert_eq!(count(&site.build_once().well()), (1, 0), "the address is unknown again");
    // A process that runs for long starts a new log.
    let server = site.serve().ready();
    assert_eq!(count(&server.log()), (1, 1));
}

#[test]
fn the_demo_needs_no_address() {
    let log = Site::new().with(&["--demo"]).build_once().well();
    assert!(!log.contains("--site-url"), "{log}");
}

#[test]
fn a_quiet_job_hides_no_problem_from_a_later_job() {
    let upstream = Upstream::start();
    upstream.set("/films", with_a_problem());
    let site = Site::of(&upstream).with(&EACH_TIME);
    assert_eq!(site.with(&["-q"]).build_once().well(), "");
    let log = site.build_once().well();
    assert!(log.contains("problems in the data") && log.contains("without --site-url"), "{log}");
    let checked = site.run(&["check"]);
    assert!(checked.out.contains("Problems in the stored data"), "{}", checked.out);
    assert!(checked.out.contains("- 1 reference"), "{}", checked.out);
}
