//! Clients that send little, ask for much, or take nothing.

use std::time::{Duration, Instant};

use super::frames::{
    DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM,
    WINDOW_UPDATE, Wire, fields, frame,
};
use super::{LARGE, LARGE_SIZE, is_calm_again, memory, served, served_large};

/// The setting for the window of each new stream.
const INITIAL_WINDOW: u16 = 4;
const MOST_STREAMS: usize = 128;

/// Codes of errors (RFC 9113 §7).
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;

#[test]
fn a_client_that_sends_nothing_more_is_disconnected() {
    let (_upstream, server) = served();
    for start in [&PREFACE[..1], &PREFACE[..17], PREFACE] {
        let mut wire = Wire::connect(server.address);
        wire.say(start);
        let started = Instant::now();
        let rest = wire.rest();
        let waited = started.elapsed();
        assert!(waited < Duration::from_secs(20), "{waited:?} after {start:?}");
        if start == PREFACE {
            assert!(rest.iter().any(|frame| frame.kind == GOAWAY), "{rest:?}");
        }
    }
    is_calm_again(&server);
}

#[test]
fn an_idle_connection_ends_with_goaway_after_its_last_request() {
    let (_upstream, server) = served();
    let mut wire = Wire::open(server.address, &[]);
    for _ in 0..3 {
        let stream = wire.ask("/healthz");
        wire.until("an answer", |frame| frame.stream == stream && frame.ends_stream());
    }
    let started = Instant::now();
    let mut last = None;
    while let Some(frame) = wire.next() {
        assert_eq!(frame.kind, GOAWAY, "{frame:?}");
        last = Some(u32::from_be_bytes(frame.payload[..4].try_into().expect("a stream")));
    }
    assert_eq!(last, Some(5), "the client must learn which requests were answered");
    let range = Duration::from_millis(4500)..Duration::from_secs(15);
    assert!(range.contains(&started.elapsed()), "{:?}", started.elapsed());
    is_calm_again(&server);
}

#[test]
fn pings_do_not_keep_an_idle_connection_open() {
    let (_upstream, server) = served();
    let mut wire = Wire::open(server.address, &[]);
    let started = Instant::now();
    while wire.say(&frame(PING, 0, 0, &[0; 8])) && wire.next().is_some() {
        assert!(started.elapsed() < Duration::from_secs(30), "the connection is still open");
        std::thread::sleep(Duration::from_millis(100));
    }
    is_calm_again(&server);
}

#[test]
fn more_streams_than_the_limit_are_refused_one_by_one() {
    let (_upstream, server) = served();
    let mut wire = Wire::open(server.address, &[(INITIAL_WINDOW, 0)]);
    let all: Vec<_> = (0..MOST_STREAMS + 3).map(|_| wire.ask("/")).collect();
    for stream in &all[MOST_STREAMS..] {
        let refused = wire.until("a refusal", |frame| frame.kind == RST_STREAM);
        assert_eq!((refused.stream, refused.code()), (*stream, REFUSED_STREAM));
    }
    // The streams within the limit go on.
    for stream in &all[..MOST_STREAMS] {
        wire.say(&frame(WINDOW_UPDATE, 0, *stream, &(1_u32 << 20).to_be_bytes()));
    }
    wire.say(&frame(WINDOW_UPDATE, 0, 0, &(1_u32 << 30).to_be_bytes()));
    let mut ended = 0;
    wire.until("all answers", |frame| {
        assert_ne!(frame.kind, RST_STREAM, "{frame:?}");
        ended += usize::from(frame.kind == DATA && frame.ends_stream());
        ended == MOST_STREAMS
    });
    drop(wire);
    is_calm_again(&server);
}

#[test]
fn a_list_of_fields_that_is_too_long_is_refused_and_the_connection_stays() {
    let (_upstream, server) = served();
    let ask = |wire: &mut Wire, length: usize| {
        let (stream, filler) = (wire.stream(), "x".repeat(length));
        let fields = fields("GET", "/healthz", &[("x-filler", &filler)]);
        let (first, rest) = fields.split_at(fields.len().min(16_000));
        let ends = if rest.is_empty() { END_HEADERS } else { 0 };
        wire.say(&frame(HEADERS, END_STREAM | ends, stream, first));
        let mut parts = rest.chunks(16_000).peekable();
        while let Some(part) = parts.next() {
            let ends = if parts.peek().is_none() { END_HEADERS } else { 0 };
            wire.say(&frame(super::frames::CONTINUATION, ends, stream, part));
        }
        wire.until("an answer", |frame| frame.stream == stream)
    };
    let mut wire = Wire::open(server.address, &[]);
    assert!(ask(&mut wire, 12 << 10).is_ok(), "12 KiB are fine");
    let refused = ask(&mut wire, 20 << 10);
    assert!(!refused.is_ok() && refused.ends_stream(), "{refused:?}");
    assert!(ask(&mut wire, 100).is_ok(), "the connection must stay");
    drop(wire);
    is_calm_again(&server);
}

#[test]
fn streams_whose_client_takes_nothing_end_and_other_streams_of_the_connection_stay() {
    let (_upstream, server) = served_large();
    let before = memory(&server);
    // The client takes one byte of each answer, and nothing of an event.
    let mut wire = Wire::open(server.address, &[(INITIAL_WINDOW, 1)]);
    let large: Vec<_> = (1..MOST_STREAMS).map(|_| wire.ask(LARGE)).collect();
    let events = wire.ask("/events?path=/&page=x");
    let started = Instant::now();
    let mut open = large.len() + 1;
    let mut looks = 0;
    while open > 0 {
        wire.say(&frame(PING, 0, 0, &[0; 8]));
        let Some(Frame { kind, stream, payload, .. }) = wire.next() else { panic!("the end") };
        if kind == RST_STREAM {
            let code = u32::from_be_bytes(payload.try_into().expect("a code"));
            assert_eq!(code, CANCEL, "stream {stream}");
            open -= 1;
        }
        assert!(started.elapsed() < Duration::from_secs(50), "{open} streams are still open");
        looks += 1;
        if looks % 100 == 0 {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    assert!(started.elapsed() > Duration::from_secs(15), "{:?}", started.elapsed());
    assert!(large.contains(&(events - 2)));
    let more = memory(&server).saturating_sub(before);
    assert!(more < 16 << 10, "{more} kB more");
    // The connection still works.
    let stream = wire.ask("/healthz");
    wire.say(&frame(WINDOW_UPDATE, 0, stream, &100_u32.to_be_bytes()));
    wire.until("an answer", |frame| frame.stream == stream && frame.ends_stream());
    is_calm_again(&server);
}

#[test]
fn a_client_that_takes_an_answer_in_small_parts_gets_the_whole_answer() {
    let (_upstream, server) = served_large();
    let mut wire = Wire::open(server.address, &[(INITIAL_WINDOW, 0)]);
    let stream = wire.ask(LARGE);
    let mut body = Vec::new();
    while body.len() < LARGE_SIZE {
        let more = 7_000_u32.to_be_bytes();
        wire.say(&frame(WINDOW_UPDATE, 0, stream, &more));
        wire.say(&frame(WINDOW_UPDATE, 0, 0, &more));
        let data = wire.until("a part", |frame| frame.kind == DATA && frame.stream == stream);
        assert!(data.payload.len() <= 16 << 10);
        body.extend(data.payload);
    }
    assert!(body == server.get(LARGE).body);
}
