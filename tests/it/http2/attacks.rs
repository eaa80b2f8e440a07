//! Clients that break the protocol or flood the server. Each attack is bounded, and during each attack
//! the server answers others.

use super::frames::{
    CONTINUATION, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, Wire, fields, frame,
};
use super::{is_calm_again, memory, served};
use crate::fixture::{Conversation, Running};

/// The code for a client that sends too much (RFC 9113 §7).
const ENHANCE_YOUR_CALM: u32 = 11;

/// Runs an attack, and checks that the memory of the server has not grown by more than 8 MiB.
fn under_attack(server: &Running, attack: impl FnOnce(&mut Wire)) -> Wire {
    let mut wire = Wire::open(server.address, &[]);
    let stream = wire.ask("/healthz");
    wire.until("an answer", |frame| frame.stream == stream && frame.ends_stream());
    let before = memory(server);
    attack(&mut wire);
    assert_eq!(server.get("/").status, 200, "others must be answered during the attack");
    let more = memory(server).saturating_sub(before);
    assert!(more < 8 << 10, "{more} kB more");
    wire
}

fn ends_with_goaway(mut wire: Wire) -> Frame {
    let mut rest = wire.rest();
    rest.retain(|frame| frame.kind == GOAWAY);
    rest.pop().expect("a GOAWAY frame")
}

#[test]
fn a_flood_of_pings_and_settings_without_reading_is_not_kept_in_memory() {
    let (_upstream, server) = served();
    for flood in [frame(PING, 0, 0, &[1; 8]), frame(SETTINGS, 0, 0, &[])] {
        let many = flood.repeat(10_000);
        let wire = under_attack(&server, |wire| {
            // The server stops to read when its answers are not read.
            for _ in 0..100 {
                if !wire.say_impatiently(&many) {
                    return;
                }
            }
        });
        drop(wire);
        is_calm_again(&server);
    }
}

#[test]
fn a_rapid_reset_of_2000_streams_ends_the_connection() {
    let (_upstream, server) = served();
    let wire = under_attack(&server, |wire| {
        let request = fields("GET", "/", &[]);
        let pairs: Vec<_> = (0..2000)
            .flat_map(|_| {
                let stream = wire.stream();
                let ask = frame(HEADERS, END_STREAM | END_HEADERS, stream, &request);
                [ask, frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat()
            })
            .collect();
        wire.say(&pairs);
    });
    assert_eq!(ends_with_goaway(wire).code(), ENHANCE_YOUR_CALM);
    is_calm_again(&server);
}

#[test]
fn a_client_that_makes_the_server_reset_streams_is_disconnected() {
    let (_upstream, server) = served();
    let wire = under_attack(&server, |wire| {
        for _ in 0..2000 {
            let stream = wire.ask("/");
            // A window may not grow by 0.
            if !wire.say(&frame(WINDOW_UPDATE, 0, stream, &[0; 4])) {
                return;
            }
        }
    });
    let _ = ends_with_goaway(wire);
    is_calm_again(&server);
}

#[test]
fn a_flood_of_continuations_ends_the_connection() {
    let (_upstream, server) = served();
    let wire = under_attack(&server, |wire| {
        let stream = wire.stream();
        wire.say(&frame(HEADERS, END_STREAM, stream, &fields("GET", "/", &[])));
        let part = frame(CONTINUATION, 0, stream, &[]).repeat(1_000);
        for _ in 0..100 {
            if !wire.say_impatiently(&part) {
                return;
            }
        }
    });
    let _ = ends_with_goaway(wire);
    is_calm_again(&server);
}

#[test]
fn frames_that_break_the_protocol_end_the_connection_or_the_stream() {
    let (_upstream, server) = served();
    let upper = fields("GET", "/", &[("X-Upper", "a")]);
    let connection = fields("GET", "/", &[("connection", "close")]);
    let chunked = fields("GET", "/", &[("transfer-encoding", "chunked")]);
    let relative = fields("GET", "healthz", &[]);
    let request = END_STREAM | END_HEADERS;
    for (bytes, ends) in [
        (frame(HEADERS, request, 2, &fields("GET", "/", &[])), true),
        (frame(HEADERS, request, 0, &fields("GET", "/", &[])), true),
        (frame(HEADERS, request, 1, &[0xff; 40]), true),
        (frame(SETTINGS, 0, 0, &[0; 5]), true),
        (frame(PING, 0, 0, &[0; 7]), true),
        (frame(0, 0, 1, b"data of no stream"), true),
        (frame(HEADERS, request, 1, &vec![0; 20_000]), true),
        (frame(WINDOW_UPDATE, 0, 0, &[0; 4]), true),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), true),
        (frame(HEADERS, request, 1, &upper), true),
        (frame(HEADERS, request, 1, &connection), false),
        (frame(HEADERS, request, 1, &chunked), false),
        (frame(HEADERS, request, 1, &relative), false),
        (frame(HEADERS, request, 1, &[]), false),
        // A frame of an unknown kind has no effect.
        (frame(200, 0, 0, b"unknown"), false),
    ] {
        let mut wire = Wire::open(server.address, &[]);
        wire.say(&bytes);
        if ends {
            let _ = ends_with_goaway(wire);
            continue;
        }
        let stream = 3;
        wire.say(&frame(HEADERS, request, stream, &fields("GET", "/healthz", &[])));
        let answer =
            wire.until(&format!("an answer after {bytes:?}"), |frame| frame.stream == stream);
        assert!(answer.is_ok(), "{answer:?} after {bytes:?}");
    }
    is_calm_again(&server);
}

#[test]
fn a_wrong_preface_is_a_bad_request_and_only_the_first_bytes_are_a_preface() {
    let (_upstream, server) = served();
    let wrong = [&PREFACE[..18], b"SN\r\n\r\n"].concat();
    let late = [b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", PREFACE].concat();
    let after_a_line = [b"\r\n", PREFACE].concat();
    for (bytes, answer) in [(wrong, "HTTP/1.1 400 "), (late, "HTTP/1.1 200 "), (after_a_line, "")] {
        let mut conversation = Conversation::open(server.address);
        conversation.say(&bytes);
        conversation.say(&frame(SETTINGS, 0, 0, &[]));
        let told = conversation.rest();
        assert!(told.starts_with(answer.as_bytes()), "{}", String::from_utf8_lossy(&told));
        let settings = frame(SETTINGS, 0, 0, &[])[3..].to_vec();
        assert!(!told.windows(settings.len()).any(|part| part == settings), "{told:?}");
    }
    is_calm_again(&server);
}
