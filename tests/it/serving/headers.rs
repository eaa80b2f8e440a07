//! Response headers.

use super::{PATHS, served};
use crate::fixture::{Site, Upstream, links, wait_until};

#[test]
fn types_are_named_with_their_charset() {
    let (_upstream, server) = served();
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/nowhere", "text/html; charset=utf-8"),
        ("/movies.json", "application/json; charset=utf-8"),
        ("/freshness.json", "application/json; charset=utf-8"),
        ("/sitemap.xml", "application/xml; charset=utf-8"),
        ("/feed.xml", "application/atom+xml; charset=utf-8"),
        ("/feed.json", "application/feed+json"),
        ("/robots.txt", "text/plain; charset=utf-8"),
    ] {
        let response = server.get(path);
        assert_eq!(response.expect("content-type"), kind, "{path}");
        assert_eq!(response.expect("x-content-type-options"), "nosniff", "{path}");
    }
    let page = server.get("/");
    let css = links(page.text()).into_iter().find(|link| link.ends_with(".css")).expect("a style");
    assert_eq!(server.get(&css).expect("content-type"), "text/css; charset=utf-8");
}

#[test]
fn pages_are_revalidated_and_hashed_assets_are_kept_for_a_year() {
    let (_upstream, server) = served();
    for path in PATHS {
        assert_eq!(server.get(path).expect("cache-control"), "no-cache", "{path}");
    }
    let page = server.get("/");
    let assets: Vec<_> =
        links(page.text()).into_iter().filter(|link| link.starts_with("/assets/")).collect();
    assert!(assets.len() >= 2, "a style and an icon: {assets:?}");
    for asset in assets {
        let kept = server.get(&asset);
        assert_eq!(kept.status, 200, "{asset}");
        let kept = kept.expect("cache-control").to_owned();
        assert!(kept.contains("max-age=31536000") && kept.contains("immutable"), "{asset}: {kept}");
    }
}

#[test]
fn every_answer_has_the_true_age_of_its_data() {
    let (upstream, server) = served();
    let sent = upstream.asked_for("/films")[0].at;
    for path in PATHS.into_iter().chain(["/nowhere"]) {
        let response = server.get(path);
        let age: u64 = response.expect("age").parse().expect("seconds");
        let longest = sent.elapsed().as_secs() + 1;
        assert!(age <= longest, "{path}: {age} of at most {longest}");
        let as_of = response.expect("x-data-as-of");
        let time = chrono::DateTime::parse_from_rfc3339(as_of).expect("RFC 3339");
        assert!(as_of.len() == 24 && as_of.ends_with('Z'), "with milliseconds, in UTC: {as_of}");
        let since = chrono::Utc::now().signed_duration_since(time).num_seconds();
        assert!((0..60).contains(&since), "{path}: {as_of} is {since} s ago");
        assert_eq!(as_of, server.freshness()["as_of"]);
        assert_eq!(response.expect("x-generation"), server.freshness()["generation"]);
    }
}

#[test]
fn the_age_grows_between_refreshes_and_counts_from_before_the_request() {
    let upstream = Upstream::start();
    let late = std::time::Duration::from_millis(1200);
    upstream.set("/films", crate::fixture::Answer::json(&crate::fixture::films()).late(late));
    let server = Site::of(&upstream).serve().ready();
    let age = || server.get("/").expect("age").parse::<u64>().expect("seconds");
    assert!(age() >= 1, "the answer took 1.2 s, which must count");
    wait_until("an age of two seconds", || age() >= 2);
    assert_eq!(upstream.asked(), (1, 1));
}

#[test]
fn the_content_security_policy_is_strict_and_the_pages_obey_it() {
    let (_upstream, server) = served();
    for path in ["/", "/movies/salt-road/", "/people/", "/nowhere"] {
        let page = server.get(path);
        let policy = page.expect("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("data:"), "{policy}");
        let html = page.text();
        assert!(!html.contains("<style") && !html.contains(" style=\""), "{path} has inline style");
        for script in html.split("<script").skip(1) {
            assert!(
                script.starts_with(" src=") || script.contains("application/ld+json"),
                "{path}"
            );
        }
        assert!(!html.contains(" onclick=") && !html.contains(" onload="), "{path}");
        for name in ["referrer-policy", "permissions-policy", "x-content-type-options"] {
            assert!(page.header(name).is_some(), "{path}: {name}");
        }
    }
}

#[test]
fn data_can_be_read_from_other_origins_and_pages_cannot() {
    let (_upstream, server) = served();
    for path in ["/movies.json", "/people.json", "/freshness.json"] {
        assert_eq!(server.get(path).expect("access-control-allow-origin"), "*", "{path}");
    }
    assert_eq!(server.get("/").header("access-control-allow-origin"), None);
}
