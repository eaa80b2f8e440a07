//! Clients that send several requests at once, close their sending side or send too much.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::case::{Line, Seen};
use super::served;
use crate::fixture::{Answer, Site, Upstream, films, found, get, status_of, wait_until};
use crate::telemetry::metric;

fn answers(line: &mut Line, count: usize) -> Vec<Seen> {
    (0..count).map_while(|_| line.answer("GET")).collect()
}

#[test]
fn a_client_that_closes_its_sending_side_gets_all_answers() {
    let (_upstream, server) = served();
    for count in [1, 2, 50] {
        let mut line = Line::open(server.address);
        let paths = ["/", "/movies.json", "/robots.txt"];
        let requests = (0..count).map(|number| {
            format!("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", paths[number % paths.len()])
        });
        line.say(requests.collect::<String>().as_bytes());
        line.half_close();
        let answers = answers(&mut line, count + 1);
        assert_eq!(answers.len(), count);
        for (number, answer) in answers.iter().enumerate() {
            let expected = server.get(paths[number % paths.len()]);
            assert_eq!((answer.status, &answer.body), (200, &expected.body), "{number} of {count}");
        }
        assert!(line.is_closed(), "the connection must end after the last answer");
    }
}

#[test]
fn a_held_load_is_answered_although_the_client_closed_its_sending_side() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--interval", "1s", "--max-age", "1s", "--hold", "5s"]);
    let server = site.serve().ready();
    upstream.set("/films", Answer::json(&films()).late(Duration::from_millis(1500)));
    // After a second, each load waits for the slow refresh.
    let held = found("a load that waits", || {
        let mut line = Line::open(server.address);
        line.say(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        line.half_close();
        let answer = line.answer("GET").expect("an answer");
        let status = answer.field("cache-status").unwrap_or_default().to_owned();
        status.contains("collapsed").then_some(answer)
    });
    assert_eq!(held.status, 200);
}

#[test]
fn a_client_of_events_that_left_is_noticed_before_the_next_beat() {
    let (_upstream, server) = served();
    let streams = || metric(&server, "movies_gen_streams").expect("a metric");
    let mut line = Line::open(server.address);
    line.say(b"GET /events?path=/&page=x HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_until("the stream", || streams() > 0.0);
    // A client that leaves events unread resets the connection. This client only closes it.
    line.read_until("data: ", "\n\n\r\n");
    let left = Instant::now();
    drop(line);
    wait_until("the end of the stream", || streams() == 0.0);
    assert!(left.elapsed() < Duration::from_secs(10), "{:?}", left.elapsed());
}

#[test]
fn requests_before_a_request_for_events_on_one_connection_are_answered() {
    let (_upstream, server) = served();
    server.site.write("public/.well-known/large.bin", vec![7; 1_000_000]);
    let expected = server.get("/.well-known/large.bin");
    let mut line = Line::open(server.address);
    let request = "GET /.well-known/large.bin HTTP/1.1\r\nHost: a\r\n\r\n";
    // More than the buffers of the socket, so that the answers are written in several steps.
    let count = 20;
    let events = "GET /events?path=/&page=x HTTP/1.1\r\nHost: a\r\n\r\n";
    line.say((request.repeat(count) + events).as_bytes());
    for number in 0..count {
        let answer = line.answer("GET").expect("an answer");
        assert_eq!((answer.status, &answer.body), (200, &expected.body), "{number}");
    }
    line.read_until("data: ", "\n\n\r\n");
}

#[test]
fn events_for_a_client_of_http_1_0_have_no_chunks() {
    let (_upstream, server) = served();
    let mut line = Line::open(server.address);
    line.say(b"GET /events?path=/&page=x HTTP/1.0\r\nHost: a\r\n\r\n");
    let seen = line.read_until("data: ", "\n\n");
    let (head, events) = seen.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains("connection: close") && !head.contains("transfer-encoding"), "{head}");
    assert!(events.starts_with("retry: ") && !events.contains('\r'), "{events}");
}

#[test]
fn a_target_that_is_too_long_is_414_and_long_fields_are_431() {
    let (_upstream, server) = served();
    let status = |request: String| {
        let mut line = Line::open(server.address);
        line.say(request.as_bytes());
        line.answer("GET").map(|answer| answer.status)
    };
    for length in [9 << 10, 15 << 10, 20 << 10, 70 << 10, 200 << 10] {
        let target = "a".repeat(length);
        let request = format!("GET /{target} HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(status(request), Some(414), "{length}");
    }
    let long = "a".repeat(20 << 10);
    let fields = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n");
    assert_eq!(status(fields), Some(431));
    let after = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(4 << 10));
    assert_eq!(status(after), Some(404));
}

/// Returns clients that send `requests` and read nothing.
fn silent(address: SocketAddr, count: usize, requests: &str) -> Vec<Line> {
    let open = || {
        let mut line = Line::open(address);
        line.say(requests.as_bytes());
        line
    };
    std::iter::repeat_with(open).take(count).collect()
}

#[test]
fn clients_that_read_nothing_do_not_block_the_admin_listener() {
    let (_upstream, server) = served();
    let admin = server.admin();
    let requests = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n".repeat(300);
    let _silent = silent(admin, 100, &requests);
    for number in 0..20 {
        assert_eq!(get(admin, "/readyz").status, 200, "{number}");
    }
}

#[test]
fn clients_that_read_nothing_share_the_bytes_of_a_file_of_the_owner() {
    let (_upstream, server) = served();
    server.site.write("public/.well-known/large.bin", vec![7; 1_000_000]);
    let status = |name| status_of(server.id(), name).expect("a running process");
    let (memory, threads) = (status("VmRSS"), status("Threads"));
    let request = "GET /.well-known/large.bin HTTP/1.1\r\nHost: a\r\n\r\n";
    let _silent = silent(server.address, 200, request);
    // The next request of this thread of the server is answered after all of these.
    for _ in 0..20 {
        assert_eq!(server.get("/.well-known/large.bin").body.len(), 1_000_000);
    }
    let grown = status("VmRSS").saturating_sub(memory);
    assert!(grown < 40_000, "{grown} kB for 200 clients");
    let more = status("Threads").saturating_sub(threads);
    // A few threads read files, whatever the number of clients is.
    assert!(more <= 24, "{more} more threads for 200 clients");
}
