//! Streams of events over HTTP/2.

use std::process::{Command, Stdio};

use super::frames::{DATA, END_STREAM, Frame, RST_STREAM, Wire, frame};
use super::{is_calm_again, served, served_with};
use crate::fixture::{Process, Running, found, wait_until};
use crate::telemetry::metric;

const EVENTS: &str = "/events?path=/&page=x";

fn streams(server: &Running) -> f64 {
    metric(server, "movies_gen_streams").expect("a metric")
}

/// Opens a stream and waits for its first event. Returns the stream and the bytes of the event.
fn listen(wire: &mut Wire) -> (u32, Vec<u8>) {
    let stream = wire.ask(EVENTS);
    assert!(wire.until("a head", |frame| frame.stream == stream).is_ok());
    let mut told = Vec::new();
    let is_told = |frame: &Frame| {
        if frame.kind == DATA && frame.stream == stream {
            told.extend_from_slice(&frame.payload);
        }
        let text = String::from_utf8_lossy(&told);
        text.contains("event: fetch") && text.ends_with("\n\n")
    };
    wire.until("an event", is_told);
    (stream, told)
}

#[test]
fn many_streams_share_a_connection_and_a_reset_ends_only_its_stream() {
    let (_upstream, server) = served();
    let mut wire = Wire::open(server.address, &[]);
    let all: Vec<_> = (0..20).map(|_| listen(&mut wire).0).collect();
    assert_eq!(streams(&server), 20.0);
    let page = wire.ask("/healthz");
    assert!(wire.until("a page between events", |frame| frame.stream == page).is_ok());
    for stream in &all[..15] {
        wire.say(&frame(RST_STREAM, 0, *stream, &8_u32.to_be_bytes()));
    }
    wait_until("the end of the streams", || streams(&server) == 5.0);
    drop(wire);
    is_calm_again(&server);
}

#[test]
fn the_line_of_a_stream_is_written_at_its_end_with_the_bytes_that_were_sent() {
    let (_upstream, server) = served_with(&["--access-log", "access.log"]);
    let log = server.site.path("access.log");
    let line = || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        text.lines().find(|line| line.contains("/events")).map(str::to_owned)
    };
    let mut wire = Wire::open(server.address, &[]);
    let (stream, told) = listen(&mut wire);
    assert_eq!(line(), None);
    wire.say(&frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    let line = found("the line", line);
    assert!(line.contains(&format!("\"GET {EVENTS} HTTP/2.0\" 200 {} ", told.len())), "{line}");
}

#[test]
fn at_the_limit_a_new_stream_is_refused_and_the_open_stream_stays() {
    let (_upstream, server) = served_with(&["--max-streams", "1"]);
    let mut wire = Wire::open(server.address, &[]);
    let (stream, _) = listen(&mut wire);
    let refused = wire.ask(EVENTS);
    let answer = wire.until("an answer", |frame| frame.stream == refused);
    assert!(!answer.is_ok(), "{answer:?}");
    let end = wire.until("the end", |frame| frame.stream == refused && frame.ends_stream());
    assert_eq!(end.kind, DATA);
    assert_eq!(streams(&server), 1.0);
    wire.say(&frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    wait_until("a free place", || streams(&server) == 0.0);
    let _ = listen(&mut wire);
}

#[test]
fn a_stop_ends_the_streams_and_then_the_connection() {
    let (_upstream, server) = served();
    let mut wire = Wire::open(server.address, &[]);
    let (stream, _) = listen(&mut wire);
    server.signal_stop();
    let rest = wire.rest();
    let is_end = |frame: &&Frame| frame.stream == stream && frame.flags & END_STREAM != 0;
    assert_eq!(rest.iter().filter(is_end).count(), 1, "{rest:?}");
    assert!(!rest.iter().any(|frame| frame.kind == RST_STREAM), "{rest:?}");
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");
}

#[test]
#[ignore = "needs curl"]
fn curl_receives_events_over_http_2() {
    let (_upstream, server) = served();
    let heard = server.site.path("heard");
    let file = std::fs::File::create(&heard).expect("a file");
    let mut command = Command::new("curl");
    command.args(["-sS", "-N", "--http2-prior-knowledge"]);
    command.arg(format!("http://{}{EVENTS}", server.address));
    let curl = Process::start_between(&mut command, Stdio::null(), file.into());
    wait_until("the first event", || {
        std::fs::read_to_string(&heard).is_ok_and(|text| text.contains("event: fetch"))
    });
    assert_eq!(streams(&server), 1.0);
    drop(curl);
    is_calm_again(&server);
}
