//! `status` and `check`, which change nothing; and `--adopt`.

use serde_json::Value;

use crate::fixture::{Answer, Ended, Site, Upstream, contents, identities, wait_until};

fn status(site: &Site) -> Value {
    let ended = site.run(&["status", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    serde_json::from_str(&ended.out).expect("JSON")
}

#[test]
fn status_without_a_site_reports_this_and_creates_nothing() {
    let site = Site::new();
    let report = status(&site);
    assert_eq!(report["data"], Value::Null);
    assert_eq!(report["next_attempt"]["in_seconds"], 0);
    assert!(!site.path(".movies-gen").exists() && !site.out().exists());
    let text = site.run(&["status"]);
    assert!(text.out.contains("none yet"), "{}", text.out);
    assert_eq!(site.run(&["status", "--exit-code"]).code, Some(1));
}

#[test]
fn status_reports_age_generation_and_next_attempt() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    let report = status(&site);
    assert_eq!(report["data"]["films"], 5);
    assert_eq!(report["generation"]["id"], site.json("freshness.json")["generation"]);
    assert_eq!(report["last_attempt"]["outcome"], "changed");
    assert_eq!(report["next_attempt"]["because"], "the interval is not over");
    assert_eq!(report["held_by"]["state"], Value::Null);
    assert_eq!(site.run(&["status", "--exit-code"]).code, Some(0));
    assert_eq!(upstream.asked(), (1, 1), "the command must send no request");
}

#[test]
fn status_reports_the_holders_of_the_locks_and_the_last_failure() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    let running = site.serve().ready();
    upstream.set("/films", Answer::new(503, "").with("Retry-After", "500"));
    running.wait_for_line("the refresh failed");
    let report = status(&site);
    assert_eq!(report["held_by"]["state"], running.id());
    assert_eq!(report["held_by"]["out"], running.id());
    assert_eq!(report["last_attempt"]["outcome"], "bad-status");
    assert!(report["next_attempt"]["in_seconds"].as_u64().is_some_and(|wait| wait > 400));
    assert!(
        report["next_attempt"]["because"].as_str().is_some_and(|why| why.contains("Retry-After"))
    );
}

#[test]
fn status_judges_by_the_settings_of_the_running_process() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream).with(&["--max-stale", "1h", "--hold", "500ms"]);
    let running = site.serve().ready();
    // The command has other options than the process: the defaults.
    let look = |words: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_movies-gen"));
        Ended::of(command.arg("status").args(words).current_dir(&site))
    };
    let report: Value = serde_json::from_str(&look(&["--json"]).out).expect("JSON");
    let settings = serde_json::json!({
        "interval_seconds": 1.0, "max_age_seconds": 1.0, "hold_seconds": 0.5,
        "max_stale_seconds": 3600.0, "of_process": running.id(),
    });
    assert_eq!(report["settings"], settings);
    assert!(report["next_attempt"]["in_seconds"].as_u64() <= Some(1), "{report}");
    let text = look(&[]).out;
    let line =
        format!("interval 1s, max-age 1s, hold 500ms, max-stale 1h (of process {})", running.id());
    assert!(text.contains(&line), "{text}");
    running.kill();
    let text = look(&[]).out;
    assert!(text.contains("interval 1m, max-age 1m, hold 2s (of this command"), "{text}");
}

#[test]
fn status_fails_for_old_data_only_if_asked_to() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    assert_eq!(site.run(&["status", "--max-age-exceeded"]).code, Some(0));
    let site = site.with(&["--interval", "100ms", "--max-age", "100ms"]);
    upstream.set_both(&Answer::new(500, "no"));
    wait_until("old data", || site.run(&["status", "--max-age-exceeded"]).code == Some(1));
    assert_eq!(site.run(&["status", "--exit-code"]).code, Some(0));
    site.build_once().with_code(1);
    wait_until("both reasons", || {
        let ended = site.run(&["status", "--exit-code"]);
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        ended.out.contains("degraded: the last refresh failed; the data is")
    });
    let ended = site.with(&["--max-stale", "100ms"]).run(&["status", "--exit-code"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.log.contains("not ready: the data is"), "{}", ended.log);
    // Without a payload, the age of the published site counts.
    std::fs::remove_dir_all(site.path(".movies-gen")).expect("removed");
    assert_eq!(site.run(&["status", "--exit-code"]).code, Some(0));
}

#[test]
fn status_lists_refused_answers() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    upstream.set("/films", Answer::new(200, "[]"));
    site.build_once().with_code(1);
    let refused = status(&site)["refused"][0].clone();
    assert_eq!(refused["why"], "/films is empty; it had 5 records");
    assert_eq!(refused["accepted"], false);
    assert_eq!(site.run(&["accept"]).code, Some(0));
    assert_eq!(status(&site)["refused"][0]["accepted"], true);
}

#[test]
fn status_names_a_volatile_field_and_no_feed_reports_the_field() {
    let upstream = Upstream::start();
    // Each of the many refreshes waits for the interval.
    let site = Site::of(&upstream).with(&["--interval", "100ms", "--max-age", "100ms"]);
    let viewed = |times: usize| {
        let mut films = crate::fixture::films();
        for film in films.as_array_mut().expect("a list") {
            film["vehicles"] = times.into();
            film["image"] = format!("https://p.example/{}.jpg?sig={times}", film["id"]).into();
        }
        films
    };
    let refresh = |times| {
        upstream.set("/films", Answer::json(&viewed(times)));
        site.build_once().well()
    };
    let logs: Vec<_> = (0..33).map(refresh).collect();
    let said = logs.iter().filter(|log| log.contains("film.vehicles changes in most refreshes"));
    assert_eq!(said.count(), 1, "{logs:?}");
    assert_eq!(status(&site)["volatile_fields"], serde_json::json!(["film.vehicles"]));
    assert!(site.run(&["status"]).out.contains("film.vehicles"));
    let before = site.page("feed.json");
    refresh(77);
    assert_eq!(site.page("feed.json"), before);
    assert!(!before.contains("vehicles") && !before.contains("sig="), "{before}");
    let film = site.page("movies/salt-road/index.html");
    assert!(film.contains("?sig=77"), "the page must show the current value: {film}");

    let steady = site.with(&["--steady-fields", "vehicles"]);
    upstream.set("/films", Answer::json(&viewed(78)));
    steady.build_once().well();
    assert!(steady.page("feed.json").contains("vehicles"));
}

#[test]
fn check_renders_all_and_publishes_nothing() {
    let site = Site::new();
    let ended = site.run(&["check"]);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.out.contains("with the demo's data"), "{}", ended.out);
    assert!(!site.path(".movies-gen").exists() && !site.out().exists());

    site.write("theme/film.html", "<p>{{ film.nosuch.thing }}</p>");
    let failed = site.with(&["--templates", "theme"]).run(&["check"]);
    assert_eq!(failed.code, Some(1));
    assert!(failed.log.contains("theme/film.html:1:"), "{}", failed.log);
    assert!(failed.log.contains('^') && failed.log.contains("for the film"), "{}", failed.log);
    assert_eq!(failed.log.matches("theme/film.html:1:").count(), 1, "log the fault once");
}

#[test]
fn check_uses_the_stored_data_if_there_is_stored_data() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    let before = identities(&site.out());
    let ended = site.run(&["check"]);
    assert!(ended.out.contains("with the stored data"), "{}{}", ended.out, ended.log);
    assert_eq!(identities(&site.out()), before);
}

#[test]
fn an_out_of_another_owner_is_adopted_with_adopt() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.write("public/index.html", "mine");
    site.write("public/notes/about.txt", "mine too");
    let log = site.build_once().with_code(2);
    assert!(log.contains("--adopt"), "{log}");
    let log = site.with(&["--adopt"]).build_once().well();
    assert!(log.contains("replaces index.html; the replaced files are kept in"), "{log}");
    assert_eq!(contents(&site.path(".movies-gen/adopted"))["index.html"], b"mine");
    assert_eq!(contents(&site.out())["notes/about.txt"], b"mine too");
    assert!(site.page("index.html").contains("data-film-id"));
    site.build_once().well();
}

#[test]
fn a_state_of_another_address_is_adopted_with_adopt() {
    let (old, new) = (Upstream::start(), Upstream::start());
    let site = Site::new();
    let asking = |upstream: &Upstream| site.with(&["--upstream", &upstream.url()]);
    asking(&old).build_once().well();
    let before = identities(&site.out());
    let log = asking(&new).build_once().with_code(2);
    assert!(log.contains(&old.url()) && log.contains("--adopt"), "{log}");
    asking(&new).with(&["--adopt"]).build_once().well();
    assert_eq!(new.asked(), (1, 1), "a new address is asked at once");
    asking(&new).build_once().well();
    assert_eq!(identities(&site.out()), before, "the pages are the same files");
    // An address that does not answer is no success.
    let ended = site.with(&["--upstream", "http://127.0.0.1:1", "--adopt"]).build_once();
    assert!(ended.with_code(1).contains("cannot reach http://127.0.0.1:1"));
    assert_eq!(identities(&site.out()), before, "the last good site stays");
}
