//! What operators see: metrics, readiness, and one log line for each refresh.

use serde_json::Value;

use crate::fixture::{Answer, Response, Running, Site, Upstream, films, get, wait_until};

const ADMIN: [&str; 2] = ["--admin-listen", "127.0.0.1:0"];

/// Sends a request to the admin listener.
fn admin(running: &Running, path: &str) -> Response {
    get(running.admin(), path)
}

/// Returns the value of a metric.
pub(crate) fn metric(running: &Running, name: &str) -> Option<f64> {
    let text = admin(running, "/metrics").text().to_owned();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    value.parse().ok()
}

#[test]
fn metrics_are_off_by_default() {
    let upstream = Upstream::start();
    let running = Site::of(&upstream).serve().ready();
    assert!(!running.log().contains("metrics at"));
    for path in ["/metrics", "/readyz"] {
        assert_eq!(running.get(path).status, 404);
    }
}

#[test]
fn metrics_report_refreshes_and_loads() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--interval", "500ms", "--max-age", "500ms"]);
    let running = site.with(&ADMIN).serve().ready();
    let origin = metric(&running, "movies_gen_data_origin_timestamp_seconds").expect("a time");
    let told = running.get("/").expect("x-data-as-of").to_owned();
    let told = chrono::DateTime::parse_from_rfc3339(&told).expect("a time");
    assert!((origin - told.timestamp_millis() as f64 / 1000.0).abs() < 5.0, "{origin} {told}");
    upstream.set_both(&Answer::new(500, "no"));
    wait_until("a failed refresh", || {
        metric(&running, "movies_gen_refreshes_total{outcome=\"bad-status\"}").is_some()
    });
    assert!(metric(&running, "movies_gen_refreshes_total{outcome=\"changed\"}") >= Some(1.0));
    for stage in ["fetch", "decode", "render", "publish"] {
        let name = format!("movies_gen_refresh_stage_seconds_count{{stage=\"{stage}\"}}");
        assert!(metric(&running, &name) >= Some(1.0), "{stage}");
    }
    assert!(metric(&running, "movies_gen_page_age_seconds_count") >= Some(2.0));
    assert!(metric(&running, "movies_gen_connections").is_some());
    assert!(metric(&running, "movies_gen_parked").is_some());
    assert_eq!(admin(&running, "/elsewhere").status, 404);
    let (code, log) = running.terminate();
    assert_eq!(code, Some(0));
    assert!(log.contains("% of them waited for newer data"), "{log}");
}

#[test]
fn loads_that_wait_are_counted() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream).with(&ADMIN);
    let running = site.serve().ready();
    wait_until("a load that waited", || {
        let _ = running.get("/");
        metric(&running, "movies_gen_held_loads_total{end=\"fresh\"}").is_some()
    });
    assert!(metric(&running, "movies_gen_held_share") > Some(0.0));
    assert!(metric(&running, "movies_gen_hold_seconds_count") >= Some(1.0));
}

#[test]
fn a_site_is_ready_as_long_as_there_is_a_page_that_may_be_shown() {
    let upstream = Upstream::start();
    upstream.set_both(&Answer::new(500, "no"));
    let site = Site::eager(&upstream).with(&ADMIN);
    let running = site.serve();
    let says = |running: &Running, state: &str| {
        wait_until(state, || admin(running, "/readyz").text().starts_with(state));
        admin(running, "/readyz").status
    };
    assert_eq!(says(&running, "not ready\nthere is no site yet"), 503);
    upstream.recover();
    assert_eq!(says(&running, "ready\n"), 200);
    upstream.set_both(&Answer::new(500, "no"));
    // The data is older than twice --max-age, and visitors still get the last good site.
    assert_eq!(says(&running, "degraded\nthe last refresh failed; the data is 4s old"), 200);
    assert_eq!(running.get("/").status, 200);
    assert_eq!(admin(&running, "/healthz").status, 200);
    running.kill();

    let running = site.with(&["--max-stale", "2s"]).serve();
    assert_eq!(says(&running, "not ready\nthe data is"), 503);
    assert!(admin(&running, "/readyz").text().ends_with("old, more than --max-stale (2s)\n"));
    assert_eq!(admin(&running, "/healthz").status, 200);
}

#[test]
fn each_refresh_is_one_line_with_a_field_for_each_part() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--interval", "400ms", "--log-format", "json"]);
    let running = site.with(&["--listen", "127.0.0.1:0"]).serve();
    let line = |outcome: &str| -> Value {
        let line = running.wait_for_line(&format!("\"outcome\":\"{outcome}\""));
        serde_json::from_str(&line).expect("JSON")
    };
    let first = line("changed");
    assert_eq!(first["added"], 0, "the first sight is a baseline: {first}");
    assert_eq!(first["generation"].as_str(), running.get("/").header("x-generation"));
    for part in ["fetch_ms", "build_ms", "next_ms"] {
        assert!(first[part].is_u64(), "{part}: {first}");
    }
    assert_eq!(line("unchanged")["changed"], 0);
    let mut fewer = films();
    fewer[0]["title"] = "Another Road".into();
    fewer.as_array_mut().expect("a list").pop();
    upstream.set("/films", Answer::json(&fewer));
    wait_until("the change", || running.log().contains("\"removed\":1"));
    let log = running.log();
    let changed = log.lines().find(|line| line.contains("\"removed\":1")).expect("a line");
    let changed: Value = serde_json::from_str(changed).expect("JSON");
    assert_eq!((&changed["outcome"], &changed["added"]), (&"changed".into(), &0.into()));
    assert!(changed["changed"].as_u64() >= Some(1), "{changed}");
}

#[test]
fn data_older_than_max_stale_is_answered_with_503() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream).with(&["--max-stale", "2s"]);
    let running = site.serve().ready();
    upstream.set_both(&Answer::new(500, "no"));
    wait_until("the status 503", || running.get("/").status == 503);
    let refused = running.get("/movies/salt-road/");
    assert_eq!(refused.status, 503);
    assert!(refused.expect("retry-after").parse::<u32>().is_ok());
    assert!(refused.text().contains("has received no usable data for a long time"), "{refused:?}");
    assert_eq!(running.get("/healthz").status, 200);
    assert_eq!(running.get("/freshness.json").status, 200);
    upstream.recover();
    wait_until("the site again", || running.get("/").status == 200);
}

#[test]
fn answers_from_a_cache_of_the_upstream_are_reported() {
    let upstream = Upstream::start();
    // Each cache on the way adds one value. The data is as old as the largest value.
    let aged = |path, list: &Value| {
        upstream.set(path, Answer::json(list).with("Age", "7").with("Age", "soon, 45, 20"));
    };
    aged("/films", &films());
    aged("/people", &crate::fixture::people());
    let running = Site::eager(&upstream).serve().ready();
    let line = running.wait_for_line("answers from a cache (Age: 45 s)");
    assert!(line.contains("pages become up to 46s old, which is more than --max-age 1s"), "{line}");
    assert!(running.get("/").expect("age").parse::<u64>().expect("seconds") >= 45);
    // While an attempt is in flight, the status does not know the age of the answer.
    wait_until("the status with the age", || {
        let status = running.site.run(&["status"]).out;
        status.contains("45s of this age in a cache of the upstream")
    });
    upstream.recover();
    running.wait_for_line("young enough for --max-age again");
}
