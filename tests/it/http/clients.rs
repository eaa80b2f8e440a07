//! Clients that send several requests at once, close their sending side, read slowly or send too
//! much.

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::case::{Line, Seen};
use super::served;
use crate::fixture::{Answer, Running, Site, Upstream, bulky, films, found, wait_until};
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
fn a_client_of_events_that_left_is_noticed_with_the_next_beat() {
    let (_upstream, server) = served();
    let streams = || metric(&server, "movies_gen_streams").expect("a metric");
    let mut line = Line::open(server.address);
    line.say(b"GET /events?path=/&page=x HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_until("the stream", || streams() > 0.0);
    let left = Instant::now();
    drop(line);
    wait_until("the end of the stream", || streams() == 0.0);
    assert!(left.elapsed() < Duration::from_secs(18), "{:?}", left.elapsed());
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

/// Connects with a small receive buffer, so that the server notices how fast the client reads.
fn small(server: &Running) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4 << 10).expect("a buffer");
    socket.connect(&server.address.into()).expect("a connection");
    socket.into()
}

#[test]
fn a_client_that_keeps_reading_slowly_gets_the_whole_answer() {
    let upstream = Upstream::of(&bulky(1 << 20), &serde_json::json!([]));
    let server = Site::of(&upstream).serve().ready();
    let expected = server.get("/movies.json").body;
    let mut stream = small(&server);
    std::io::Write::write_all(&mut stream, b"GET /movies.json HTTP/1.0\r\n\r\n").expect("sent");
    let (started, mut read) = (Instant::now(), Vec::new());
    let mut bytes = [0; 2 << 10];
    // 10 kB/s for longer than any time limit of the server; then as fast as possible.
    while started.elapsed() < Duration::from_secs(45) {
        let count = stream.read(&mut bytes).expect("the connection is open");
        read.extend(&bytes[..count]);
        std::thread::sleep(Duration::from_millis(200));
    }
    stream.read_to_end(&mut read).expect("the rest");
    assert!(read.ends_with(&expected), "{} bytes", read.len());
}

#[test]
fn a_client_that_takes_nothing_is_disconnected() {
    let upstream = Upstream::of(&bulky(8 << 20), &serde_json::json!([]));
    let server = Site::of(&upstream).with(&["--admin-listen", "127.0.0.1:0"]).serve().ready();
    let connections = || metric(&server, "movies_gen_connections").expect("a metric");
    wait_until("no connection", || connections() == 0.0);
    let mut stream = small(&server);
    std::io::Write::write_all(&mut stream, b"GET /movies.json HTTP/1.1\r\nHost: a\r\n\r\n")
        .expect("sent");
    wait_until("the connection", || connections() > 0.0);
    wait_until("the end of the connection", || connections() == 0.0);
}
