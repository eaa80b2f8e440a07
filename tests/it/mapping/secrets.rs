//! Headers and secrets of a mapping.

use crate::fixture::{Answer, Site, Upstream, contents};

const MAPPING: &str = "\
[api]
headers = { Authorization = \"Bearer {secret}\", X-Tenant = \"films\" }
secret-file = \"key\"
[films]
get = \"/films?page=all\"
title = \"title\"
id = \"id\"
";

fn site_with_secret(upstream: &Upstream, secret: &str) -> Site {
    let site = super::mapped(upstream, MAPPING).with(&["--interval", "1s", "--max-age", "1s"]);
    site.write("key", secret);
    site
}

fn authorization(upstream: &Upstream) -> Vec<String> {
    let requests = upstream.requests().into_iter();
    requests.filter_map(|request| request.headers.get("authorization").cloned()).collect()
}

#[test]
fn a_request_carries_the_headers_and_nothing_else_has_the_secret() {
    let upstream = Upstream::start();
    let site = site_with_secret(&upstream, "s3cret-key\n");
    let log = site.build_once().well();
    let request = &upstream.requests()[0];
    assert_eq!(request.headers["authorization"], "Bearer s3cret-key");
    assert_eq!(
        (request.headers["x-tenant"].as_str(), request.query.as_str()),
        ("films", "page=all")
    );
    assert_eq!(upstream.asked(), (1, 0), "the mapping has no list of people");
    upstream.set("/films", Answer::new(500, "s3cret-key is wrong"));
    let failed = site.with(&["-v"]).build_once().with_code(1);
    let told = [site.run(&["status"]).out, site.run(&["config"]).out, log, failed];
    assert!(told.iter().all(|text| !text.contains("s3cret")), "{told:?}");
    for directory in [site.out(), site.path(".movies-gen")] {
        for (path, bytes) in contents(&directory) {
            assert!(!String::from_utf8_lossy(&bytes).contains("s3cret"), "{path}");
        }
    }
}

#[test]
fn the_secret_is_read_again_after_a_401_and_after_sighup() {
    let upstream = Upstream::start();
    let site = site_with_secret(&upstream, "old");
    let server = site.serve().ready();
    upstream.set("/films", Answer::new(401, "{}"));
    site.write("key", "new");
    server.wait_for_line("answered 401");
    upstream.recover();
    server.wait_for_line("refreshes work again");
    assert_eq!(authorization(&upstream).last().map(String::as_str), Some("Bearer new"));
    site.write("key", "newest");
    server.hangup();
    server.wait_for_line("again");
    crate::fixture::wait_until("the newest secret is sent", || {
        authorization(&upstream).last().map(String::as_str) == Some("Bearer newest")
    });
}

#[test]
fn a_redirect_to_another_origin_is_not_followed() {
    let (upstream, other) = (Upstream::start(), Upstream::start());
    let to = format!("{}/films", other.url());
    upstream.set("/films", Answer::new(302, "").with("Location", &to));
    let site = site_with_secret(&upstream, "s3cret");
    let log = site.build_once().with_code(1);
    assert!(log.contains("the redirect is not followed"), "{log}");
    assert!(other.requests().is_empty(), "the other host must not get the secret");
}

#[test]
fn a_secret_that_cannot_be_read_is_an_error_before_any_request() {
    let upstream = Upstream::start();
    for (mapping, part) in [
        (MAPPING.replace("\"key\"", "\"gone\""), "secret-file gone: the file does not exist"),
        (
            MAPPING.replace("secret-file = \"key\"", "secret-env = \"NO_SUCH\""),
            "secret-env NO_SUCH",
        ),
        (MAPPING.replace("\"key\"", "\"empty\""), "the secret is empty"),
        (MAPPING.replace("\"key\"", "\"binary\""), "not UTF-8"),
    ] {
        let site = super::mapped(&upstream, &mapping);
        site.write("empty", "\n");
        site.write("binary", b"\xff");
        let log = site.build_once().with_code(2);
        assert!(log.contains(part), "{part}: {log}");
    }
    assert!(upstream.requests().is_empty());
}
