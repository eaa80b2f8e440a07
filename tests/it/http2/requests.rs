//! What a request over HTTP/2 may contain, and which answer it gets.

use std::net::SocketAddr;

use super::asking::{Told, ask, connect, request, run};
use super::frames::{DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, Wire, fields, frame};
use super::{is_calm_again, memory, served, served_with};
use crate::fixture::{Site, Upstream, found};

fn told(address: SocketAddr, method: &str, target: &str, fields: &[(&str, &str)]) -> Told {
    run(async {
        let mut send = connect(address).await.expect("a connection");
        ask(&mut send, request(method, target, fields), &[]).await.expect("an answer")
    })
}

#[test]
fn answers_have_the_fields_of_http_1_1_and_none_that_http_2_forbids() {
    let (_upstream, server) = served();
    for path in ["/", "/movies.json", "/nowhere", "/movies", "/healthz", "/freshness.json"] {
        let (one, two) =
            (server.get(path), told(server.address, "GET", &format!("http://a{path}"), &[]));
        assert_eq!((one.status, &one.body), (two.status, &two.body), "{path}");
        let names = |name: &&str| !["connection", "transfer-encoding"].contains(name);
        let mut first: Vec<_> = one.headers.iter().map(|(name, _)| &**name).filter(names).collect();
        let mut second: Vec<_> = two.fields.keys().map(|name| name.as_str()).collect();
        first.sort_unstable();
        second.sort_unstable();
        assert_eq!(first, second, "{path}");
    }
}

#[test]
fn the_host_is_the_authority_and_a_field_must_agree() {
    let (_upstream, server) = served();
    let status =
        |target: &str, fields: &[(&str, &str)]| told(server.address, "GET", target, fields).status;
    assert_eq!(status("http://site.example/", &[]), 200);
    assert_eq!(status("https://site.example:8443/", &[]), 200);
    assert_eq!(status("http://site.example/", &[("host", "Site.Example")]), 200);
    assert_eq!(status("http://site.example/", &[("host", "other.example")]), 400);
    assert_eq!(status("http://site.example/", &[("host", "site.example"), ("host", "a")]), 400);
    assert_eq!(status("http://user@site.example/", &[]), 400);
}

#[test]
fn methods_and_targets_are_treated_as_over_http_1_1() {
    let (_upstream, server) = served();
    let ask = |method: &str, target: &str| told(server.address, method, target, &[]);
    for method in ["POST", "PUT", "DELETE", "TRACE", "CONNECT"] {
        let target = if method == "CONNECT" { "a:80" } else { "http://a/" };
        let refused = ask(method, target);
        assert_eq!(refused.status, 405, "{method}");
        assert_eq!(refused.fields["allow"], "GET, HEAD, OPTIONS", "{method}");
    }
    assert_eq!(ask("BREW", "http://a/").status, 501);
    let long = format!("http://a/{}", "a".repeat(9_000));
    assert_eq!(ask("GET", &long).status, 414);
    let head = ask("HEAD", "http://a/movies.json");
    let length = server.get("/movies.json").body.len().to_string();
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.fields["content-length"], length.as_str());
    let options = ask("OPTIONS", "http://a/");
    assert_eq!((options.status, options.fields.get("content-length")), (204, None));
}

#[test]
fn a_body_is_refused_without_being_kept() {
    let (_upstream, server) = served();
    let before = memory(&server);
    run(async {
        let mut send = connect(server.address).await.expect("a connection");
        for _ in 0..10 {
            let request = request("POST", "http://a/", &[]);
            let told = ask(&mut send, request, &vec![7; 4 << 20]).await.expect("an answer");
            assert_eq!(told.status, 405);
        }
        let told = ask(&mut send, request("GET", "http://a/", &[]), &[7; 2000]).await;
        assert_eq!(told.expect("an answer").status, 200);
    });
    let more = memory(&server).saturating_sub(before);
    assert!(more < 8 << 10, "{more} kB more");
    is_calm_again(&server);
}

#[test]
fn visitors_who_send_bodies_in_small_parts_do_not_end_the_connection_of_their_proxy() {
    let (_upstream, server) = served();
    let mut wire = Wire::open(server.address, &[]);
    for _ in 0..100 {
        let stream = wire.stream();
        wire.say(&frame(HEADERS, END_HEADERS, stream, &fields("POST", "/", &[])));
        for _ in 0..50 {
            wire.say(&frame(DATA, 0, stream, b"x"));
        }
        wire.say(&frame(DATA, END_STREAM, stream, b"x"));
        wire.until("an answer", |frame| frame.stream == stream && frame.ends_stream());
    }
    // A body without an end.
    let stream = wire.stream();
    wire.say(&frame(HEADERS, END_HEADERS, stream, &fields("POST", "/", &[])));
    let reset = wire.until("a reset", |frame| frame.kind == RST_STREAM);
    assert_eq!((reset.stream, reset.code()), (stream, 0), "the answer was complete");
    let stream = wire.ask("/healthz");
    assert!(wire.until("an answer", |frame| frame.stream == stream).is_ok());
}

#[test]
#[ignore = "needs curl"]
fn a_unix_socket_speaks_http_2_too() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    let socket = site.path("site.sock");
    let listen = format!("unix:{}", socket.display());
    let server = site.with(&["--listen", "127.0.0.1:0", "--listen", &listen]).serve().ready();
    let mut command = std::process::Command::new("curl");
    command.args(["-sS", "--http2-prior-knowledge", "--unix-socket"]).arg(socket);
    let told = command.arg("http://site.example/movies.json").output().expect("curl");
    assert!(told.status.success() && told.stdout == server.get("/movies.json").body, "{told:?}");
}

#[test]
fn the_preface_and_the_first_request_may_come_byte_by_byte() {
    let (_upstream, server) = served();
    let request = frame(HEADERS, END_STREAM | END_HEADERS, 1, &fields("GET", "/healthz", &[]));
    let all = [super::frames::PREFACE, &frame(4, 0, 0, &[]), &request].concat();
    let mut wire = Wire::connect(server.address);
    for byte in all {
        assert!(wire.say(&[byte]));
        std::thread::yield_now();
    }
    assert!(wire.until("an answer", |frame| frame.stream == 1).is_ok());
}

#[test]
fn the_access_log_names_the_protocol_and_the_host() {
    let arguments = ["--access-log", "access.log", "--access-log-format", "json"];
    let (_upstream, server) = served_with(&arguments);
    let told = told(server.address, "GET", "http://two.example/movies/?q=2", &[]);
    assert_eq!(told.status, 200);
    let log = server.site.path("access.log");
    let line = found("the line", || {
        let text = std::fs::read_to_string(&log).ok()?;
        text.lines().find(|line| line.contains("/movies/?q=2")).map(str::to_owned)
    });
    let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(line["protocol"], "HTTP/2.0");
    assert_eq!(line["host"], "two.example");
    assert_eq!(line["bytes"], told.body.len());
}
