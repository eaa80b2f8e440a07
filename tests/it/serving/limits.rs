//! Limits for one client, and the end of the server.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::served;
use crate::fixture::{Conversation, Site, Upstream, bulky, found};

#[test]
fn a_head_of_more_than_16_kib_is_refused() {
    let (_upstream, server) = served();
    let filler = "x".repeat(12 << 10);
    assert_eq!(server.get_with("/", "X-Filler", &filler).status, 200, "12 KiB are fine");
    let mut conversation = Conversation::open(server.address);
    let filler = "x".repeat(20 << 10);
    conversation.say(format!("GET / HTTP/1.1\r\nHost: h\r\nX-Filler: {filler}\r\n\r\n").as_bytes());
    let answer = conversation.rest();
    let refused = answer.is_empty() || answer.starts_with(b"HTTP/1.1 431");
    assert!(refused, "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn a_client_that_sends_half_a_head_is_disconnected_after_5_seconds() {
    let (_upstream, server) = served();
    let started = Instant::now();
    let mut conversation = Conversation::open(server.address);
    conversation.say(b"GET / HTTP/1.1\r\nHost: h\r\nX-Half");
    let answer = conversation.rest();
    let waited = started.elapsed();
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    let range = Duration::from_millis(4500)..Duration::from_secs(9);
    assert!(range.contains(&waited), "{waited:?}");
    assert_eq!(server.get("/").status, 200, "other clients must be answered");
}

#[test]
fn several_requests_on_one_connection_are_answered_in_order() {
    let (_upstream, server) = served();
    let mut conversation = Conversation::open(server.address);
    let mut requests = String::new();
    for path in ["/robots.txt", "/healthz", "/robots.txt"] {
        requests.push_str(&format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
    }
    requests.push_str("GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    conversation.say(requests.as_bytes());
    let answers = String::from_utf8(conversation.rest()).expect("text");
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 4, "{answers}");
    assert_eq!(answers.matches("User-agent").count(), 2, "{answers}");
    assert!(answers.ends_with("ok\n"), "{answers}");
}

#[test]
fn after_sigterm_the_request_in_flight_is_finished_and_no_new_request_is_accepted() {
    let upstream = Upstream::of(&bulky(12 << 20), &serde_json::json!([]));
    let server = Site::of(&upstream).serve();
    let length = found("the large page", || {
        let answer = server.ask("HEAD", "/movies.json", &[]);
        (answer.status == 200).then(|| answer.expect("content-length").to_owned())
    });
    let mut conversation = Conversation::open(server.address);
    conversation.say(b"GET /movies.json HTTP/1.1\r\nHost: h\r\n\r\n");
    // The answer is larger than the buffers, so the request is in flight until the client reads.
    let start = conversation.some(100);
    server.signal_stop();
    server.wait_for_line("stopping");
    found("the closed port", || {
        std::net::TcpStream::connect(server.address).is_err().then_some(())
    });
    let rest = conversation.rest();
    let whole = [start, rest].concat();
    let end = whole.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    assert_eq!((whole.len() - end).to_string(), length);
    assert_eq!(server.ended().0, Some(0));
}

#[test]
fn an_idle_connection_does_not_delay_the_end_of_the_server() {
    let (_upstream, server) = served();
    let mut idle = Conversation::open(server.address);
    idle.say(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(!idle.some(10).is_empty());
    let started = Instant::now();
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[test]
fn a_port_that_is_in_use_is_named_and_the_upstream_is_not_asked() {
    let upstream = Upstream::start();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let log = Site::of(&upstream).with(&["--listen", &address]).run(&["serve"]).with_code(1);
    assert!(log.contains(&address), "{log}");
    assert_eq!(upstream.asked(), (0, 0));
}
