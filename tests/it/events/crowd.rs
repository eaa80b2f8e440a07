//! Many streams: the limit, clients that do not read, and a restart with a thousand streams.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{listen, quick, scored, served_with};
use crate::fixture::{Listener, Running, Upstream, free_address, wait_until};

const ADMIN: [&str; 2] = ["--admin-listen", "127.0.0.1:0"];

/// Returns the value of a metric.
fn metric(running: &Running, name: &str) -> f64 {
    crate::telemetry::metric(running, name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn at_the_limit_new_streams_are_refused_and_open_streams_stay() {
    let (upstream, server) = served_with(&["--max-streams", "50", ADMIN[0], ADMIN[1]]);
    let mut listeners: Vec<_> = (0..50).map(|_| listen(&server)).collect();
    let refused = (0..10).map(|_| Listener::open(server.address, "path=/", &[]));
    for refused in refused.collect::<Vec<_>>() {
        assert_eq!(refused.status, 503);
        let after = refused.head.lines().find_map(|line| line.strip_prefix("retry-after: "));
        let after: u64 = after.and_then(|after| after.parse().ok()).expect("a time");
        assert!((2..=7).contains(&after), "{after}");
    }
    assert_eq!(metric(&server, "movies_gen_streams"), 50.0);
    assert_eq!(metric(&server, "movies_gen_streams_refused_total"), 10.0);
    assert_eq!(server.get("/").status, 200, "pages must still be answered");
    upstream.set("/films", scored(11));
    for listener in &mut listeners {
        assert_eq!(listener.next().name, "generation", "open streams must stay");
    }
    listeners.truncate(40);
    wait_until("free places", || metric(&server, "movies_gen_streams") == 40.0);
    listeners.extend((0..10).map(|_| listen(&server)));
    upstream.set("/films", scored(12));
    for listener in &mut listeners {
        assert_eq!(listener.next().name, "generation");
    }
}

#[test]
fn a_client_that_does_not_read_is_disconnected_without_an_effect_on_other_clients() {
    let (upstream, server) = served_with(&ADMIN);
    let socket =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    // A small receive buffer is soon full.
    socket.set_recv_buffer_size(2 << 10).expect("a size");
    socket.connect(&server.address.into()).expect("a connection");
    let mut lazy: std::net::TcpStream = socket.into();
    lazy.write_all(b"GET /events?path=/ HTTP/1.1\r\nHost: h\r\n\r\n").expect("asked");
    let mut listener = listen(&server);
    wait_until("two streams", || metric(&server, "movies_gen_streams") == 2.0);
    // Make large steps until the server disconnects the client, which reads no bytes.
    let deadline = Instant::now() + Duration::from_secs(90);
    let mut steps = 0;
    while metric(&server, "movies_gen_streams") > 1.0 {
        assert!(Instant::now() < deadline, "the stream is still open after {steps} steps");
        let bulk: Vec<_> = (0..60)
            .map(|n| json!({"id": format!("b{n}"), "title": format!("Bulk {n} in step {steps}")}))
            .collect();
        upstream.set("/films", crate::fixture::Answer::json(&json!(bulk)));
        assert_eq!(listener.next().name, "generation");
        steps += 1;
    }
    upstream.set("/films", scored(12));
    assert_eq!(listener.next().name, "generation");
    let mut rest = Vec::new();
    // The connection was reset, or ended without the last chunk.
    let ended = lazy.read_to_end(&mut rest);
    assert!(ended.is_err() || !rest.ends_with(b"0\r\n\r\n"), "the stream ended normally");
}

/// Number of pages that are open at the same time.
const CROWD: usize = 1_000;

/// What a page of the crowd reports.
enum Report {
    Open,
    Back(Instant),
    Heard(String),
}

#[test]
fn a_thousand_pages_reconnect_after_a_restart_at_different_times() {
    let upstream = Upstream::start();
    // Choose a port on which the server can start again.
    let address = free_address();
    let site = quick(&upstream).with(&["--listen", &address.to_string()]);
    let server = site.serve().ready();
    let (sender, reports) = mpsc::channel();
    let pages: Vec<_> = (0..CROWD)
        .map(|_| {
            let sender = sender.clone();
            let page = std::thread::Builder::new().stack_size(128 << 10);
            page.spawn(move || open_page(address, &sender)).expect("a thread")
        })
        .collect();
    drop(sender);
    let patience = Duration::from_secs(60);
    let next = || reports.recv_timeout(patience).expect("a report of a page");
    (0..CROWD).for_each(|_| assert!(matches!(next(), Report::Open)));
    assert_eq!(server.terminate().0, Some(0));
    let stopped = Instant::now();
    let server = site.serve().ready();
    let mut back: Vec<Duration> = Vec::new();
    while back.len() < CROWD {
        match next() {
            Report::Back(at) => back.push(at.duration_since(stopped)),
            Report::Open | Report::Heard(_) => panic!("there is no event yet"),
        }
    }
    back.sort();
    let peak = back.iter().map(|from| {
        back.iter().filter(|at| (*from..*from + Duration::from_millis(100)).contains(at)).count()
    });
    let peak = peak.max().unwrap_or_default();
    let spread = back[CROWD - 1] - back[0];
    upstream.set("/films", scored(11));
    let step = (0..CROWD).map(|_| match next() {
        Report::Heard(id) => id,
        Report::Open | Report::Back(_) => panic!("all pages are connected"),
    });
    let steps: std::collections::BTreeSet<_> = step.collect();
    assert_eq!(steps.len(), 1, "all pages must get the same event");
    assert_eq!(steps.first().map(String::as_str), server.get("/").header("x-generation"));
    drop(server);
    for page in pages {
        page.join().expect("a page that saw no fault");
    }
    tell(&format!(
        "{CROWD} streams and a restart: back within {spread:.1?}, at most {peak} in 100 ms \
         ({} a second)",
        peak * 10
    ));
    assert!(spread > Duration::from_secs(3), "all pages reconnected within {spread:?}");
    assert!(peak < CROWD / 8, "{peak} pages reconnected within 100 ms");
}

/// Opens a stream, and opens the stream again after `retry`, as browsers do.
fn open_page(address: SocketAddr, sender: &mpsc::Sender<Report>) {
    let patience = Duration::from_secs(60);
    let mut page = Listener::open(address, "path=/", &[]).patient(patience);
    let mut last = page.next().id;
    let _ = sender.send(Report::Open);
    while let Some(heard) = page.hear() {
        assert_eq!(heard.name, "beat", "there must be no other event");
    }
    let retry = Duration::from_millis(page.retry.expect("a time"));
    let mut page = loop {
        std::thread::sleep(retry);
        if let Ok(page) = Listener::try_open(address, "path=/", &[("Last-Event-ID", &last)])
            && page.status == 200
        {
            break page.patient(patience);
        }
    };
    last = page.next().id;
    let _ = sender.send(Report::Back(Instant::now()));
    let step = page.next();
    assert_ne!(step.id, last);
    let _ = sender.send(Report::Heard(step.id));
}

#[expect(clippy::print_stderr, reason = "figures are printed")]
fn tell(text: &str) {
    eprintln!("{text}");
}
