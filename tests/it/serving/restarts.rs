//! Restarts under load over a socket that the service manager keeps open.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::listening::serve_with_sockets;
use crate::fixture::{PATIENCE, Running, Site, Upstream, found, wait_until};

/// Ends the clients, also if the test fails.
struct Over<'s>(&'s AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// What the clients and the restarts tell each other.
pub(crate) struct Scene {
    /// The server, or the proxy in front of the server.
    pub(crate) address: SocketAddr,
    /// Odd while a server runs that was not told to stop.
    phase: AtomicUsize,
    is_over: AtomicBool,
    answers: AtomicUsize,
}

impl Scene {
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Counts a good answer.
    pub(crate) fn answered(&self) {
        self.answers.fetch_add(1, Ordering::SeqCst);
    }

    fn phase(&self) -> usize {
        self.phase.load(Ordering::SeqCst)
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("a connection that is not refused");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream
    }

    /// Reads one whole answer. Returns `None` if the connection ends before the first byte.
    fn answer(&self, stream: &mut TcpStream) -> Option<String> {
        let (mut answer, mut some) = (Vec::new(), [0; 16 << 10]);
        loop {
            let count = match stream.read(&mut some) {
                Ok(count) => count,
                Err(error) if answer.is_empty() => {
                    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
                    return None;
                }
                Err(error) => panic!("an answer breaks off: {error}"),
            };
            if count == 0 && answer.is_empty() {
                return None;
            }
            assert_ne!(count, 0, "an answer breaks off");
            answer.extend_from_slice(&some[..count]);
            if let Some(answer) = whole(&answer) {
                assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
                self.answered();
                return Some(answer);
            }
        }
    }

    /// A visitor with a connection for each request.
    fn with_new_connections(&self) {
        while !self.is_over() {
            let mut stream = self.connect();
            stream.write_all(&request("close")).expect("sent");
            self.answer(&mut stream).expect("an answer on a new connection");
        }
    }

    /// A proxy that keeps its connection. Between two requests, a server may end a connection, and a
    /// proxy then sends the request again on another connection (RFC 9112 §9.3.1).
    fn with_one_connection(&self) {
        let mut kept: Option<TcpStream> = None;
        while !self.is_over() {
            let again = kept.take().and_then(|mut stream| {
                stream.write_all(&request("keep-alive")).ok()?;
                Some((self.answer(&mut stream)?, stream))
            });
            let (answer, stream) = again.unwrap_or_else(|| {
                let mut stream = self.connect();
                stream.write_all(&request("keep-alive")).expect("sent");
                (self.answer(&mut stream).expect("an answer on a new connection"), stream)
            });
            kept = (!answer.contains("\r\nconnection: close")).then_some(stream);
        }
    }

    /// A visitor who connects before the stop and sends the request, or the rest of the request, when
    /// the server was told to stop.
    fn with_late_requests(&self) {
        while !self.is_over() {
            let before = found("a server", || {
                Some(self.phase()).filter(|phase| phase % 2 == 1 || self.is_over())
            });
            let mut stream = self.connect();
            let request = request("close");
            let early = if before % 4 == 1 { request.len() / 2 } else { 0 };
            stream.write_all(&request[..early]).expect("sent");
            wait_until("a stop", || self.is_over() || self.phase() > before);
            stream.write_all(&request[early..]).expect("sent");
            self.answer(&mut stream).expect("an answer to a late request");
        }
    }
}

/// A request for a page, in bytes.
fn request(connection: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: {connection}\r\n\r\n").into_bytes()
}

/// Returns the head of an answer if the answer is complete.
fn whole(bytes: &[u8]) -> Option<String> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.unwrap_or_else(|| panic!("{head}")).parse().expect("a length");
    (bytes.len() == end + 4 + length).then_some(head)
}

/// A client, which asks until the restarts are over.
pub(crate) type Asking<'a> = &'a (dyn Fn(&Scene) + Sync);

/// Restarts a server under the load of clients. The clients get some answers, this many at least, from
/// each server. `front` gets the address of the server, and returns the address that the clients use.
pub(crate) fn restart_under_load(
    (restarts, answers): (usize, usize),
    front: impl FnOnce(SocketAddr) -> SocketAddr,
    clients: &[Asking<'_>],
) {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    let visitors = TcpListener::bind("127.0.0.1:0").expect("a port");
    let admin = UnixListener::bind(site.path("admin.sock")).expect("a socket");
    let start = || {
        let copy = visitors.try_clone().expect("a copy").into();
        let admin = admin.try_clone().expect("a copy").into();
        Running::of(serve_with_sockets(&site, copy, admin), site.clone())
    };
    let scene = Scene {
        address: front(visitors.local_addr().expect("an address")),
        phase: AtomicUsize::new(0),
        is_over: AtomicBool::new(false),
        answers: AtomicUsize::new(0),
    };
    std::thread::scope(|scope| {
        let scene = &scene;
        let clients: Vec<_> =
            clients.iter().map(|client| scope.spawn(move || client(scene))).collect();
        let over = Over(&scene.is_over);
        for _ in 0..restarts {
            let server = start();
            scene.phase.fetch_add(1, Ordering::SeqCst);
            let before = scene.answers.load(Ordering::SeqCst);
            wait_until("some answers", || {
                assert!(!clients.iter().any(|client| client.is_finished()), "a client failed");
                scene.answers.load(Ordering::SeqCst) > before + answers
            });
            scene.phase.fetch_add(1, Ordering::SeqCst);
            server.signal_stop();
            assert_eq!(server.ended().0, Some(0));
        }
        let _last = start();
        drop(over);
        for client in clients {
            client.join().expect("a client that was always answered");
        }
    });
    assert!(scene.answers.load(Ordering::SeqCst) > restarts * answers);
}

#[test]
fn no_connection_is_refused_or_reset_in_a_hundred_restarts_under_load() {
    let clients: [Asking<'_>; 5] = [
        &Scene::with_new_connections,
        &Scene::with_new_connections,
        &Scene::with_one_connection,
        &Scene::with_late_requests,
        &Scene::with_late_requests,
    ];
    restart_under_load((100, 20), |server| server, &clients);
}
