//! What a service manager hears: readiness, reloads, signs of life, the stop.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::fixture::{Answer, Site, Upstream, films, found};

/// The socket of a service manager.
struct Manager {
    socket: UnixDatagram,
    directory: tempfile::TempDir,
}

impl Manager {
    fn new() -> Manager {
        let directory = tempfile::tempdir().expect("a directory");
        let socket = UnixDatagram::bind(directory.path().join("notify")).expect("a socket");
        socket.set_nonblocking(true).expect("set");
        Manager { socket, directory }
    }

    fn path(&self) -> String {
        self.directory.path().join("notify").display().to_string()
    }

    /// Returns the next message, if there is one.
    fn next(&self) -> Option<String> {
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }

    /// Waits for a message with this line, skips the messages before, and returns the message.
    fn hear(&self, line: &str) -> String {
        found(line, || {
            let is_it = |message: &String| message.lines().any(|found| found == line);
            std::iter::from_fn(|| self.next()).find(is_it)
        })
    }
}

#[test]
fn the_service_is_ready_after_the_first_good_page_and_not_before() {
    let (manager, upstream) = (Manager::new(), Upstream::start());
    upstream.set("/films", Answer::new(500, "oops"));
    let site = Site::eager(&upstream).variable("NOTIFY_SOCKET", &manager.path());
    let server = site.serve();
    server.wait_for_line("the refresh failed");
    assert_eq!(manager.next(), None, "not ready without a page");
    upstream.set("/films", Answer::json(&films()));
    let message = manager.hear("READY=1");
    assert!(message.contains("STATUS=showing data of "), "{message}");
    let _ = server.terminate();
    manager.hear("STOPPING=1");

    // A stored page is enough, even if the upstream is away.
    upstream.set("/films", Answer::new(500, "oops"));
    let server = site.serve();
    manager.hear("READY=1");
    server.hangup();
    let message = manager.hear("RELOADING=1");
    assert!(message.contains("MONOTONIC_USEC="), "{message}");
    manager.hear("READY=1");
}

#[test]
fn the_watchdog_hears_signs_of_life_while_events_come() {
    let (manager, upstream) = (Manager::new(), Upstream::start());
    let limit = Duration::from_millis(900);
    let site = Site::eager(&upstream)
        .variable("NOTIFY_SOCKET", &manager.path())
        .variable("WATCHDOG_USEC", &limit.as_micros().to_string());
    let server = site.serve().ready();
    for _ in 0..4 {
        manager.hear("WATCHDOG=1");
        server.hangup();
        manager.hear("RELOADING=1");
    }
}
