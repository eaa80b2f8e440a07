//! `/status/` shows the state of the site to all visitors, without internal details.

use std::time::Duration;

use serde_json::Value;

use crate::fixture::{
    Answer, Browser, Nginx, Redis, Running, Site, Upstream, contents, films, get, wait_until,
};

const PAGE: &str = "status/index.html";

/// Waits until the last refresh has this outcome, and returns the status page.
fn status_after(server: &Running, kind: &str) -> String {
    let told = format!("<code>{kind}</code>");
    let page = || server.get("/status/").text().to_owned();
    wait_until(kind, || page().split("Next refresh").next().is_some_and(|top| top.contains(&told)));
    page()
}

/// Returns the time in a line of the page.
fn time_of(page: &str, line: &str) -> chrono::DateTime<chrono::Utc> {
    let rest = page.split(&format!("<dt>{line}</dt>")).nth(1).expect("a line");
    let time = rest.split("datetime=\"").nth(1).and_then(|rest| rest.split('"').next());
    time.expect("a time").parse().expect("RFC 3339")
}

#[test]
fn the_status_page_shows_the_age_the_counts_and_the_next_attempt() {
    let upstream = Upstream::start();
    let server = Site::of(&upstream).serve().ready();
    let page = status_after(&server, "changed");
    assert_eq!(
        time_of(&page, "Data as of").to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        server.freshness()["as_of"]
    );
    let wait = time_of(&page, "Next refresh") - time_of(&page, "Data as of");
    assert!((59..=61).contains(&wait.num_seconds()), "{wait}");
    for part in
        ["<dt>Films</dt><dd>5<", "<dt>People</dt><dd>4<", "1 brought newer data", "role=\"img\""]
    {
        assert!(page.contains(part), "{part} is missing: {page}");
    }
    assert!(page.contains("<p class=\"none\">None.</p>"), "the data has no imperfection: {page}");
    assert_eq!(server.site.page(PAGE), page, "the file and the answer must be equal");
}

#[test]
fn the_status_page_is_volatile_never_held_and_outside_the_generation() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    let (before, generation) =
        (contents(&site.out()), site.json("freshness.json")["generation"].clone());
    let first = site.page(PAGE);
    site.build_once().well();
    assert_ne!(site.page(PAGE), first, "each refresh must write the page");
    assert_eq!(contents(&site.out()), before);
    assert_eq!(site.json("freshness.json")["generation"], generation);

    let server = site.serve().ready();
    let answer = server.get("/status/");
    assert_eq!(answer.expect("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.expect("cache-control"), "no-cache");
    assert_eq!(server.ask("HEAD", "/status/", &[]).status, 200);
    let slash = server.get("/status");
    assert_eq!((slash.status, slash.expect("location")), (308, "/status/"));
    assert!(answer.text().contains("content=\"noindex\""));
    assert!(!site.page("sitemap.xml").contains("status"));
    // Other pages wait for newer data, and the status page does not wait.
    upstream.set_both(&Answer::json(&films()).late(Duration::from_secs(1)));
    upstream.wait_until_asked_again();
    assert!(!server.get("/status/").expect("cache-status").contains("fwd=stale"));
}

#[test]
fn a_failure_is_shown_by_its_kind_also_after_a_restart() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    let server = site.serve().ready();
    let good = status_after(&server, "unchanged");
    upstream.set("/films", Answer::new(503, "secret of the inside"));
    let page = status_after(&server, "bad-status");
    assert!(page.contains("The last refresh failed"), "{page}");
    assert!(time_of(&page, "Data as of") >= time_of(&good, "Data as of"));
    let _ = server.terminate();
    // A new process, which also cannot reach the upstream.
    let server = site.serve().ready();
    let page = status_after(&server, "bad-status");
    for kind in ["changed", "unchanged", "bad-status"] {
        assert!(page.contains(&format!("</b> <code>{kind}</code>")), "{kind}: {page}");
    }
    assert!(page.contains(" brought newer data, ") && page.contains(" failed.</desc>"), "{page}");
}

#[test]
fn a_damaged_history_is_set_aside_and_nothing_else_is_lost() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    site.write(".movies-gen/history", "half of");
    let log = site.build_once().well();
    assert!(log.contains("history is damaged"), "{log}");
    assert!(site.page(PAGE).contains("<b>1</b> <code>unchanged</code>"), "{}", site.page(PAGE));
}

#[test]
fn the_status_page_shows_only_the_kinds_of_imperfections_of_the_data() {
    let upstream = Upstream::start();
    let mut films = films();
    let list = films.as_array_mut().expect("a list");
    list.push(serde_json::json!({"id": "secret-id"}));
    list.push(
        serde_json::json!({"id": "f-odd", "title": "Odd", "people": ["x/people/secret-ghost"]}),
    );
    upstream.set("/films", Answer::json(&films));
    let site = Site::of(&upstream);
    let log = site.build_once().well();
    assert!(log.contains("secret-id") && log.contains("secret-ghost"), "{log}");
    let page = site.page(PAGE);
    for part in ["<b>1</b> <code>left-out</code>", "<b>1</b> <code>dangling-reference</code>"] {
        assert!(page.contains(part), "{part} is missing: {page}");
    }
    assert!(!page.contains("secret"), "{page}");
}

#[test]
#[ignore = "needs redis-server"]
fn the_status_page_shows_no_internal_address_key_or_path() {
    let upstream = Upstream::start();
    let mut redis = Redis::with_password("open-sesame");
    let address = upstream.url().replace("http://", "http://somebody:unspoken@");
    let site = Site::new()
        .with(&["--upstream", &address, "--redis", &redis.url(), "--redis-prefix", "inner-prefix"])
        .with(&["--interval", "1s", "--max-age", "1s", "--redis-password-file", "password"]);
    site.write("password", "open-sesame");
    let server = site.serve().ready();
    let mut pages = vec![status_after(&server, "unchanged")];
    upstream.set("/films", Answer::new(500, "inner error").with("Server", "inner-server"));
    pages.push(status_after(&server, "bad-status"));
    redis.kill();
    server.wait_until_redis_is_lost();
    pages.push(status_after(&server, "bad-status"));
    let port = upstream.port().to_string();
    let directory = site.path("").display().to_string();
    for page in &pages {
        for secret in [
            "somebody",
            "unspoken",
            "127.0.0.1",
            &port,
            "open-sesame",
            "inner",
            "unix:",
            "socket",
            "redis",
            "Redis",
            ".movies-gen/",
            directory.trim_end_matches('/'),
            "/films",
            "Internal",
        ] {
            let text = page.replace("movies-gen", "");
            assert!(!text.contains(secret), "{secret:?} in {page}");
        }
        assert!(page.contains("Several servers refresh this site"), "{page}");
    }
}

#[test]
#[ignore = "needs chromium and nginx"]
fn the_status_page_stays_true_when_it_is_no_longer_published() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    let nginx = Nginx::start(&site.out());
    let url = format!("http://{}/status/", nginx.address);
    assert_eq!(get(nginx.address, "/status/").text(), site.page(PAGE));
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    // The clock of the visitor is two hours ahead.
    tab.before_each_page("const now = Date.now; Date.now = () => now() + 7_200_000;");
    tab.load(&url);
    tab.wait_for("!document.querySelector('[data-freshness]').hidden");
    tab.wait_for("!document.querySelector('[data-stale]').hidden");
    let said = tab.text("document.querySelector('[data-stale]').textContent");
    let age = said.strip_prefix("The data on this page is ").expect("an age");
    assert!(age.starts_with(|first: char| first.is_ascii_digit()), "{said}");
    assert_eq!(tab.complaints(), Vec::<Value>::new());
    // The file contains moments and no times relative to now.
    let main = tab.text("document.querySelector('main').textContent");
    assert!(!main.contains(" ago") && main.contains("If this time is much earlier"), "{main}");
}

/// Templates with each kind of fault.
const FAULTS: [&str; 3] = ["{{ status.no.such }}", "{% for %}", "{% include \"gone.html\" %}"];

#[test]
fn a_broken_status_template_fails_no_refresh_and_the_built_in_page_is_shown() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream).with(&["--templates", "theme"]);
    for fault in FAULTS {
        site.write("theme/status.html", fault);
        site.write("theme/404.html", fault.len().to_string());
        // Test the start, when nothing is published yet.
        let log = site.build_once().well();
        assert_eq!(log.matches("theme/status.html").count(), 1, "{fault}: {log}");
        assert!(site.page(PAGE).contains("<h1>Status</h1>"), "{fault}");
        assert_eq!(site.page("404.html"), fault.len().to_string());
        let checked = site.run(&["check"]);
        assert_eq!(checked.code, Some(1), "{}", checked.out);
        assert!(checked.log.contains("status.html"), "{}", checked.log);
    }
}

#[test]
fn with_a_broken_status_template_refreshes_continue_and_the_author_sees_the_fault() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream).with(&["--templates", "theme", "--dev"]);
    site.write("theme/status.html", "{{ status.pages }} files");
    let server = site.serve().ready();
    let page = || server.get("/status/").text().to_owned();
    wait_until("the page", || page().ends_with(" files"));
    for fault in FAULTS {
        site.write("theme/status.html", fault);
        wait_until("the built-in page", || page().contains("<h1>Status</h1>"));
        site.write("theme/404.html", "mended");
        wait_until("the other page", || server.get("/nowhere").body == b"mended");
        wait_until("the message for the author", || {
            server.get("/dev.json").text().contains("status.html")
        });
        upstream.wait_until_asked_again();
        upstream.wait_until_asked_again();
        site.write("theme/status.html", "{{ status.pages }} files");
        wait_until("the mended page", || page().ends_with(" files"));
    }
    assert!(!server.log().contains("no refresh"), "{}", server.log());
}

#[test]
fn broken_templates_of_error_pages_do_not_prevent_the_start() {
    let upstream = Upstream::start();
    upstream.set_both(&Answer::new(500, "no"));
    for fault in FAULTS {
        let site = Site::eager(&upstream).with(&["--templates", "theme"]);
        site.write("theme/starting.html", fault);
        site.write("theme/too-old.html", fault);
        let server = site.serve();
        for name in ["starting.html", "too-old.html"] {
            server.wait_for_line(name);
        }
        let page = server.get("/");
        assert_eq!(page.status, 503);
        assert!(page.text().contains("<!doctype html>"), "{}", page.text());
        let checked = site.run(&["check"]);
        assert_eq!(checked.code, Some(1), "{}", checked.out);
        for name in ["starting.html", "too-old.html"] {
            assert!(checked.log.contains(name), "{name}: {}", checked.log);
        }
    }
}

#[test]
fn a_file_of_the_owner_at_the_path_of_the_status_page_is_named_and_stays() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.write("public/status/index.html", "mine");
    let log = site.with(&["--adopt"]).build_once().well();
    assert!(log.contains("replaces") && log.contains(PAGE), "{log}");
    let kept = std::fs::read(site.path(".movies-gen/adopted").join(PAGE)).expect("kept");
    assert_eq!(kept, b"mine");
    assert!(site.page(PAGE).contains("<h1>Status</h1>"));
}
