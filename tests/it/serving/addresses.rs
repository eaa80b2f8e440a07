//! Which addresses exist, and the responses to all others.

use super::{served, served_with};
use crate::fixture::{Answer, Conversation, Site, Upstream};

#[test]
fn an_unknown_address_is_answered_with_404_and_the_page_of_the_site() {
    let (_upstream, server) = served();
    let own = server.site.page("404.html");
    for path in ["/nowhere", "/movies/nowhere/", "/movies/salt-road/index.htm", "/index.html/"] {
        let response = server.get(path);
        assert_eq!((response.status, response.text()), (404, own.as_str()), "{path}");
    }
}

#[test]
fn a_missing_slash_is_added() {
    let (_upstream, server) = served();
    for path in ["/movies", "/movies/salt-road", "/people/gull"] {
        let response = server.get(path);
        assert_eq!(response.status, 308, "{path}");
        assert_eq!(response.expect("location"), format!("{path}/"));
    }
}

#[test]
fn a_site_under_a_path_is_found_with_and_without_the_path() {
    let (_upstream, server) = served_with(&["--site-url", "https://films.example/some/path"]);
    assert_eq!(server.base, "/some/path/");
    for (path, to) in [
        ("/some/path", "/some/path/"),
        ("/some/path/movies/salt-road", "/some/path/movies/salt-road/"),
        ("/movies/salt-road", "/some/path/movies/salt-road/"),
    ] {
        let response = server.get(path);
        assert_eq!((response.status, response.expect("location")), (308, to), "{path}");
    }
    let with = server.get("/some/path/movies/salt-road/");
    assert_eq!(with.status, 200);
    assert_eq!(with.body, server.get("/movies/salt-road/").body, "a proxy may remove the path");
}

#[test]
fn a_redirect_never_repeats_the_host_or_leads_elsewhere() {
    let (_upstream, server) = served();
    for path in ["//evil.example/movies", "/\\evil.example/movies", "//evil.example/%2e%2e/movies"]
    {
        let response = server.ask("GET", path, &[]);
        let to = response.header("location").unwrap_or("/");
        assert!(to.starts_with('/') && !to.starts_with("//"), "{path}: {response:?}");
        assert!(!to.contains("evil"), "{path}: {response:?}");
    }
}

#[test]
fn nothing_outside_the_site_can_be_reached() {
    let (_upstream, server) = served();
    server.site.write("secret.txt", "outside-secret");
    server.site.write("public/own.txt", "owner-secret");
    std::os::unix::fs::symlink("/etc", server.site.path("public/etc")).expect("a link");
    for path in [
        "/../secret.txt",
        "/../../etc/passwd",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/movies/../../secret.txt",
        "/movies/%2e%2e/%2e%2e/secret.txt",
        "/etc/passwd",
        "/etc/hostname",
        "//etc/passwd",
        "/.movies-gen/manifest",
        "/.movies-gen/ledger",
        "/own.txt",
        "/..\\secret.txt",
        "/%00",
        "/%ff",
        "/secret.txt%00.html",
        "/./../secret.txt",
        "/assets/../../secret.txt",
        "/%252e%252e/secret.txt",
        "/index.html%00",
    ] {
        let response = server.get(path);
        assert!(matches!(response.status, 400 | 404), "{path}: {response:?}");
        let text = String::from_utf8_lossy(&response.body);
        for secret in ["outside-secret", "owner-secret", "root:", "fingerprint\":"] {
            assert!(!text.contains(secret), "{path}: {text}");
        }
    }
}

#[test]
fn healthz_answers_before_there_is_a_site() {
    let upstream = Upstream::start();
    upstream.set_both(&Answer::new(200, "[]").never());
    let server = Site::of(&upstream).serve();
    let response = server.get("/healthz");
    assert_eq!((response.status, response.text()), (200, "ok\n"));
}

#[test]
fn before_the_first_data_every_answer_is_503_with_retry_after() {
    let upstream = Upstream::start();
    upstream.set_both(&Answer::new(200, "[]").never());
    let server = Site::of(&upstream).serve();
    for path in ["/", "/movies/salt-road/", "/movies.json", "/nowhere"] {
        let response = server.get(path);
        assert_eq!(response.status, 503, "{path}");
        let seconds: u32 = response.expect("retry-after").parse().expect("seconds");
        assert!(seconds >= 1, "{path}");
        assert_eq!(response.expect("cache-control"), "no-store", "{path}");
        assert_eq!(response.header("age"), None, "{path}");
    }
    let page = server.get("/");
    assert_eq!(page.expect("refresh"), "2", "the page must reload");
}

#[test]
fn a_request_of_http_1_1_must_have_one_host() {
    let (_upstream, server) = served();
    for fields in ["", "Host: a\r\nHost: b\r\n"] {
        let mut conversation = Conversation::open(server.address);
        conversation.say(format!("GET / HTTP/1.1\r\n{fields}Connection: close\r\n\r\n").as_bytes());
        assert_eq!(conversation.answer().status, 400, "{fields:?}");
    }
    let mut conversation = Conversation::open(server.address);
    conversation.say(b"GET / HTTP/1.0\r\n\r\n");
    assert_eq!(conversation.answer().status, 200);
}

#[test]
fn a_redirect_keeps_the_query_as_it_was_sent() {
    let upstream = Upstream::start();
    let server = Site::of(&upstream).serve().ready();
    for (address, to) in [
        ("/movies?q=one&sort=title", "/movies/?q=one&sort=title"),
        ("/movies/salt-road?a=%2F%2fb+c&a", "/movies/salt-road/?a=%2F%2fb+c&a"),
        ("/status?", "/status/?"),
        ("/movies", "/movies/"),
        ("/people?//elsewhere.example", "/people/?//elsewhere.example"),
    ] {
        let response = server.get(address);
        assert_eq!((response.status, response.expect("location")), (308, to), "{address}");
    }
}
