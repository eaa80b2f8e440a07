//! The end of a server with connections over HTTP/2.

use std::time::{Duration, Instant};

use super::frames::{DATA, Frame, GOAWAY, RST_STREAM, WINDOW_UPDATE, Wire, frame};
use super::{ADMIN, LARGE, LARGE_SIZE, served, served_large};
use crate::fixture::{Answer, Site, Upstream, films, found, wait_until};

#[test]
fn after_sigterm_the_answers_in_flight_are_finished() {
    let (_upstream, server) = served_large();
    let mut wire = Wire::open(server.address, &[]);
    let streams = [(); 3].map(|()| wire.ask(LARGE));
    // The windows are full, so the answers are in flight until the client reads.
    let mut all = wire.until("a part", |frame| frame.kind == DATA).payload.len();
    server.signal_stop();
    server.wait_for_line("stopping");
    found("the closed port", || {
        std::net::TcpStream::connect(server.address).is_err().then_some(())
    });
    for stream in streams.into_iter().chain([0]) {
        wire.say(&frame(WINDOW_UPDATE, 0, stream, &(1_u32 << 30).to_be_bytes()));
    }
    let rest = wire.rest();
    let data = rest.iter().filter(|frame| frame.kind == DATA);
    all += data.map(|frame| frame.payload.len()).sum::<usize>();
    assert_eq!(all, 3 * LARGE_SIZE);
    assert_eq!(rest.iter().filter(|frame| frame.kind == DATA && frame.ends_stream()).count(), 3);
    assert!(rest.iter().any(|frame| frame.kind == GOAWAY));
    assert_eq!(server.ended().0, Some(0));
}

#[test]
fn a_request_that_comes_just_after_the_stop_is_answered() {
    let (_upstream, server) = served();
    let mut wire = Wire::open(server.address, &[]);
    let first = wire.ask("/healthz");
    wire.until("an answer", |frame| frame.stream == first && frame.ends_stream());
    server.signal_stop();
    server.wait_for_line("stopping");
    let second = wire.ask("/");
    let rest = wire.rest();
    let of_second: Vec<_> = rest.iter().filter(|frame| frame.stream == second).collect();
    assert!(of_second.first().is_some_and(|frame| frame.is_ok()), "{rest:?}");
    assert!(of_second.last().is_some_and(|frame| frame.ends_stream()), "{rest:?}");
    assert_eq!(server.ended().0, Some(0));
}

#[test]
fn a_request_that_waits_for_newer_data_is_answered_after_the_stop() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&ADMIN);
    let site = site.with(&["--interval", "1s", "--max-age", "1s", "--hold", "5s"]);
    let server = site.serve().ready();
    upstream.set("/films", Answer::json(&films()).late(Duration::from_millis(2500)));
    let mut wire = Wire::open(server.address, &[]);
    wire.say(&frame(WINDOW_UPDATE, 0, 0, &(1_u32 << 30).to_be_bytes()));
    let parked = || crate::telemetry::metric(&server, "movies_gen_parked");
    let mut waiting = 0;
    wait_until("a request that waits", || {
        waiting = wire.ask("/");
        std::thread::sleep(Duration::from_millis(50));
        parked() > Some(0.0)
    });
    server.signal_stop();
    let rest = wire.rest();
    let last = rest.iter().rfind(|frame: &&Frame| frame.stream == waiting);
    assert!(last.is_some_and(|frame| frame.kind == DATA && frame.ends_stream()), "{last:?}");
    assert!(!rest.iter().any(|frame| frame.kind == RST_STREAM));
    assert_eq!(server.ended().0, Some(0));
}

#[test]
fn idle_connections_and_clients_that_do_not_read_do_not_delay_the_end_for_long() {
    let (_upstream, server) = served_large();
    let mut idle = Wire::open(server.address, &[]);
    let stream = idle.ask("/healthz");
    idle.until("an answer", |frame| frame.stream == stream && frame.ends_stream());
    let started = Instant::now();
    let mut lazy = Wire::open(server.address, &[(4, 0)]);
    let _ = lazy.ask(LARGE);
    lazy.until("a head", |frame| frame.is_ok());
    server.signal_stop();
    assert!(idle.rest().iter().any(|frame| frame.kind == GOAWAY));
    assert_eq!(server.ended().0, Some(0));
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}
