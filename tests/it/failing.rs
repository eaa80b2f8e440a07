//! Promises 3 and 5: whatever the upstream does, the last good site stays with its true age.
//! The log, and nothing else, says what failed.

use std::time::Duration;

use serde_json::Value;

use crate::fixture::{Answer, Process, Site, Upstream, bulky, contents, wait_until};

/// Publishes a good site, lets the upstream answer the films like this, and refreshes. Asserts that
/// the site stays, and that the log says `said`.
#[track_caller]
fn last_good_site_survives(films: Answer, kind: &str, said: &str) {
    survives_with(&[], films, kind, said);
}

#[track_caller]
fn survives_with(arguments: &[&str], films: Answer, kind: &str, said: &str) {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream).with(arguments);
    site.build_once().well();
    let (before, fresh) = (contents(&site.out()), site.json("freshness.json"));

    upstream.set("/films", films);
    let log = site.build_once().with_code(1);
    assert_eq!(contents(&site.out()), before, "the last good site must stay");

    let errors: Vec<_> = log.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(errors.len(), 1, "one message\n{log}");
    assert!(errors[0].contains("/films") && errors[0].contains(said), "{said:?} in {log}");

    let told = site.json("freshness.json");
    assert_eq!(told["upstream"]["state"], "failing");
    assert_eq!(told["upstream"]["failure"], kind);
    assert_eq!(told["as_of"], fresh["as_of"], "the origin time must stay");
    let text = site.page("freshness.json");
    let port = upstream.port().to_string();
    for secret in ["127.0.0.1", "http", "elsewhere", "/films", &port] {
        assert!(!text.contains(secret), "{secret:?} in {text}");
    }

    upstream.recover();
    site.build_once().well();
    assert_eq!(site.json("freshness.json")["upstream"]["state"], "ok");
    assert_eq!(contents(&site.out()), before);
}

#[test]
fn a_server_error_keeps_the_last_good_site() {
    last_good_site_survives(Answer::new(500, "oops"), "bad-status", "500");
}

#[test]
fn an_address_that_the_api_has_left_keeps_the_last_good_site() {
    last_good_site_survives(Answer::new(404, "{}"), "refused", "check --upstream");
}

#[test]
fn a_web_page_with_status_200_keeps_the_last_good_site() {
    let page =
        Answer::new(200, "<!doctype html><h1>Welcome</h1>").with("Content-Type", "text/html");
    last_good_site_survives(page, "malformed", "HTML");
}

#[test]
fn a_body_that_breaks_off_keeps_the_last_good_site() {
    let films = Answer::json(&bulky(5_000));
    last_good_site_survives(films.cut(50), "truncated", "broke off");
}

#[test]
fn a_cut_list_in_a_complete_answer_keeps_the_last_good_site() {
    let mut half = crate::fixture::films().to_string();
    half.truncate(half.len() / 2);
    last_good_site_survives(Answer::new(200, half), "malformed", "broken JSON");
}

#[test]
fn an_answer_that_is_not_json_keeps_the_last_good_site() {
    last_good_site_survives(Answer::new(200, "Service Unavailable"), "malformed", "broken JSON");
}

#[test]
fn json_that_is_not_a_list_keeps_the_last_good_site() {
    let object = Answer::new(200, r#"{"error": "quota of key k3y is used up"}"#);
    last_good_site_survives(object, "malformed", "instead of a JSON array");
}

#[test]
fn an_empty_body_keeps_the_last_good_site() {
    last_good_site_survives(Answer::new(200, ""), "malformed", "empty body");
}

#[test]
fn a_body_that_exceeds_max_bytes_keeps_the_last_good_site() {
    let films = Answer::json(&bulky(200_000));
    survives_with(&["--max-bytes", "100kB"], films, "too-large", "--max-bytes");
}

#[test]
fn a_body_that_exceeds_max_bytes_after_decompression_keeps_the_last_good_site() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bulky(5_000_000).to_string().as_bytes()).expect("memory");
    let bomb = encoder.finish().expect("memory");
    assert!(bomb.len() < 100_000, "the compressed body must be small: {}", bomb.len());
    let films = Answer::new(200, bomb).with("Content-Encoding", "gzip");
    survives_with(&["--max-bytes", "100kB"], films, "too-large", "--max-bytes");
}

#[test]
fn a_redirect_to_another_host_is_not_followed() {
    let elsewhere = Upstream::start();
    let to = format!("http://localhost:{}/films?key=s3cret", elsewhere.port());
    last_good_site_survives(Answer::new(301, "").with("Location", &to), "redirected", "301");
    assert_eq!(elsewhere.asked(), (0, 0), "the other host must get no request");
}

#[test]
fn a_redirect_on_the_same_host_is_followed() {
    let upstream = Upstream::start();
    upstream.set("/films", Answer::new(302, "").with("Location", "/v2/films"));
    upstream.set("/v2/films", Answer::json(&crate::fixture::films()));
    let site = Site::of(&upstream);
    site.build_once().well();
    assert!(site.page("index.html").contains("Salt Road"));
}

#[test]
fn an_unreachable_upstream_keeps_the_last_good_site() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    let before = contents(&site.out());
    drop(upstream);
    let log = site.build_once().with_code(1);
    assert!(log.contains("cannot reach") && log.contains("check --upstream"), "{log}");
    assert_eq!(site.json("freshness.json")["upstream"]["failure"], "unreachable");
    assert_eq!(contents(&site.out()), before);
}

#[test]
fn a_missing_answer_keeps_the_last_good_site() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    upstream.set("/people", Answer::new(200, "[]").never());
    let log = site.build_once().with_code(1);
    assert!(log.contains("/people") && log.contains("in time"), "{log}");
    assert_eq!(site.json("freshness.json")["upstream"]["failure"], "timeout");
}

#[test]
fn a_failure_at_the_first_attempt_publishes_nothing() {
    let upstream = Upstream::start();
    upstream.set_both(&Answer::new(500, "oops"));
    let site = Site::of(&upstream);
    let log = site.build_once().with_code(1);
    assert!(log.contains("no data is stored yet"), "{log}");
    assert!(!site.out().join("index.html").exists());
}

#[test]
fn a_server_answers_with_the_old_site_and_its_growing_age() {
    let upstream = Upstream::start();
    let server = Site::eager(&upstream).serve().ready();
    upstream.set_both(&Answer::new(500, "oops"));
    wait_until("the failure", || server.freshness()["upstream"]["state"] == "failing");
    let first = server.get("/");
    let age = |response: &crate::fixture::Response| -> u64 {
        response.expect("age").parse().expect("seconds")
    };
    wait_until("an older page", || age(&server.get("/")) >= age(&first) + 3);
    let last = server.get("/");
    assert_eq!(last.status, 200);
    for name in ["etag", "x-generation", "x-data-as-of", "last-modified"] {
        assert_eq!(first.expect(name), last.expect(name), "{name}");
    }
    assert_eq!(first.body, last.body);

    upstream.recover();
    wait_until("the recovery", || server.freshness()["upstream"]["state"] == "ok");
    let recovered = server.get("/");
    assert!(age(&recovered) <= 2, "{recovered:?}");
    assert_ne!(recovered.expect("x-data-as-of"), last.expect("x-data-as-of"));
    assert_eq!(recovered.expect("etag"), last.expect("etag"), "the same data");
}

#[test]
fn answers_show_only_the_kind_of_a_failure() {
    let upstream = Upstream::start();
    let server = Site::eager(&upstream).serve().ready();
    upstream.set_both(&Answer::new(500, "the database at db.internal is down"));
    wait_until("the failure", || server.freshness()["upstream"]["state"] == "failing");
    let port = upstream.port().to_string();
    for path in ["/", "/nowhere", "/healthz", "/freshness.json"] {
        let answer = format!("{:?}", server.get(path));
        for secret in ["db.internal", port.as_str()] {
            assert!(!answer.contains(secret), "{secret} in {answer}");
        }
    }
    server.wait_for_line("the refresh failed");
}

#[test]
fn a_slow_upstream_delays_no_visitor() {
    let upstream = Upstream::start();
    let server = Site::eager(&upstream).serve().ready();
    upstream.set_both(&Answer::new(200, "[]").never());
    upstream.wait_until_asked_again();
    let started = std::time::Instant::now();
    for _ in 0..20 {
        assert_eq!(server.get("/").status, 200);
    }
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[test]
fn lasting_trouble_is_logged_at_its_start_and_at_its_end() {
    let upstream = Upstream::start();
    let server = Site::of(&upstream).with(&["--interval", "300ms"]).serve().ready();
    let asked = upstream.asked().0;
    upstream.set("/films", Answer::new(500, ""));
    upstream.wait_until_asked(asked + 4);
    upstream.recover();
    let over = server.wait_for_line("refreshes work again after");
    assert!(over.contains("failed refreshes"), "{over}");
    assert_eq!(server.log().matches("the refresh failed").count(), 1, "{}", server.log());
}

#[test]
fn a_failure_is_one_line_on_the_console_and_with_v_its_causes_follow() {
    let public = ["--site-url", "https://films.example/"];
    let unreachable = Site::new().with(&public).with(&["--upstream", "http://127.0.0.1:9"]);
    let log = unreachable.build_once().with_code(1);
    assert_eq!(log.trim_end().lines().count(), 1, "{log}");
    for part in ["cannot reach http://127.0.0.1:9", "refused", "check --upstream"] {
        assert!(log.contains(part), "{part} is missing: {log}");
    }
    let site = Site::new().with(&["--upstream", "http://127.0.0.1:9", "-v"]);
    let more = site.build_once().with_code(1);
    let causes = more.lines().filter(|line| line.starts_with("  because: ")).count();
    assert!(causes >= 2, "{more}");
}

#[test]
fn a_failure_has_a_field_for_each_part_in_json() {
    let site = Site::new().with(&["--upstream", "http://127.0.0.1:9", "--log-format", "json"]);
    let once = site.build_once().with_code(1);
    let site = Site::new().with(&["--upstream", "http://127.0.0.1:9", "--log-format", "json"]);
    let running = Process::start(&mut site.command(&["build", "loop"]));
    let line = running.wait_for_line("the refresh failed");
    for line in [once.lines().last().expect("a line"), &line] {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let part = |name: &str| line[name].as_str().unwrap_or_else(|| panic!("no {name}: {line}"));
        assert_eq!(part("kind"), "unreachable");
        assert!(part("advice").contains("--upstream"), "{line}");
        assert!(part("causes").contains("refused"), "{line}");
        assert!(
            part("what").contains("the refresh failed") || part("what").contains("127.0.0.1:9")
        );
    }
}

#[test]
fn the_log_line_of_a_failure_has_its_policy_and_its_level() {
    let html = "<h1>Hello</h1>";
    for (answer, policy, level) in [
        (Answer::new(500, "oops"), "keep-last-good", "WARN"),
        (Answer::new(429, "slow down"), "keep-last-good", "WARN"),
        (Answer::new(200, html).cut(3), "keep-last-good", "WARN"),
        (Answer::new(401, html), "keep-and-call", "ERROR"),
        (Answer::new(402, html), "keep-and-call", "ERROR"),
        (Answer::new(403, html), "keep-and-call", "ERROR"),
        (Answer::new(404, html), "keep-and-call", "ERROR"),
        (Answer::new(410, html), "keep-and-call", "ERROR"),
        (Answer::new(200, html), "keep-and-name", "WARN"),
        (Answer::new(200, "[{]"), "keep-and-name", "WARN"),
        (Answer::new(200, "[]"), "keep-until-proved", "WARN"),
    ] {
        let upstream = Upstream::start();
        let site = Site::of(&upstream).with(&["--interval", "300ms", "--log-format", "json"]);
        let process = Process::start(&mut site.command(&["build", "loop"]));
        process.wait_for_line("refreshed");
        upstream.set("/films", answer);
        let line = process.wait_for_line("the refresh failed");
        let line: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!((line["policy"].as_str(), line["level"].as_str()), (Some(policy), Some(level)));
    }
}

#[test]
fn without_a_site_nobody_is_told_of_a_last_good_site_or_promised_films() {
    let upstream = Upstream::start();
    upstream.set_both(&Answer::new(500, "no"));
    let server = Site::eager(&upstream).serve();
    let line = server.wait_for_line("the refresh failed");
    assert!(line.contains("the refresh failed; there is no site yet: "), "{line}");
    let page = server.get("/");
    assert_eq!((page.status, page.header("refresh")), (503, Some("30")));
    assert!(page.text().contains("does not give a usable answer"), "{}", page.text());
    assert!(!page.text().contains("shortly"), "{}", page.text());
    assert!(!server.log().contains("last good site"), "{}", server.log());
}
