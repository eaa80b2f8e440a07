//! The addresses of `--listen`, Unix sockets, and sockets that the service manager hands over.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::fixture::{
    Conversation, Process, Running, Site, Upstream, found, free_address, get, wait_until,
};

/// Asks for a path over a Unix socket, and returns the answer as received.
fn ask_unix(socket: &Path, path: &str) -> String {
    let mut stream = UnixStream::connect(socket).expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a head").1
}

#[test]
fn every_address_serves_the_same_site() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--listen", "127.0.0.1:0", "--listen", "127.0.0.2:0"]);
    let site = site.with(&["--listen", "unix:site.sock,mode=640"]);
    let server = site.serve().ready();
    let line = server.wait_for_line("serving http://127.0.0.2");
    let (_, address) = line.split_once("http://").expect("an address");
    let second: SocketAddr = address.trim_end_matches('/').parse().expect("an address");
    let line = server.wait_for_line("serving unix:");
    assert!(line.contains("serving unix:site.sock (path /)"), "{line}");

    let page = server.get("/");
    assert_eq!(get(second, "/").body, page.body);
    let socket = server.site.path("site.sock");
    let answer = ask_unix(&socket, "/");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(body(&answer).as_bytes(), page.body);
    assert!(!ask_unix(&socket, "/events?path=/&page=x\0").starts_with("HTTP/1.1 200"));
    let file = socket.metadata().expect("a file");
    assert!(file.file_type().is_socket());
    assert_eq!(file.permissions().mode() & 0o777, 0o640);
    assert_eq!(server.terminate().0, Some(0));
    assert!(!socket.exists(), "the socket must be removed at the end");
}

#[test]
fn a_unix_socket_of_a_killed_server_is_used_again_and_a_socket_in_use_is_refused() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--listen", "127.0.0.1:0"]);
    let site = site.with(&["--listen", "unix:site.sock"]);
    let server = site.serve().ready();
    let other = Site::of(&upstream)
        .with(&["--listen", &format!("unix:{}", server.site.path("site.sock").display())]);
    let log = other.run(&["serve"]).with_code(1);
    assert!(log.contains("site.sock: another program listens on the socket"), "{log}");
    server.kill();
    assert!(site.path("site.sock").exists(), "a kill leaves the file");
    let server = site.serve().ready();
    assert!(ask_unix(&server.site.path("site.sock"), "/").starts_with("HTTP/1.1 200 OK\r\n"));
}

#[test]
fn events_reach_a_client_of_a_unix_socket_and_its_end_is_noticed() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--listen", "127.0.0.1:0"]);
    let site = site.with(&["--listen", "unix:site.sock", "--admin-listen", "unix:admin.sock"]);
    let server = site.serve().ready();
    let admin = server.site.path("admin.sock");
    let streams = || {
        let metrics = ask_unix(&admin, "/metrics");
        metrics.lines().find_map(|line| line.strip_prefix("movies_gen_streams ")?.parse().ok())
    };
    let mut stream = UnixStream::connect(server.site.path("site.sock")).expect("a connection");
    stream.write_all(b"GET /events?path=/&page=x HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("event: fetch") {
        let mut some = [0; 1024];
        let count = stream.read(&mut some).expect("bytes");
        assert_ne!(count, 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&some[..count]);
    }
    assert_eq!(streams(), Some(1.0));
    drop(stream);
    wait_until("the end of the stream", || streams() == Some(0.0));
}

#[test]
fn addresses_come_from_the_environment_and_the_file_too() {
    let upstream = Upstream::start();
    let site =
        Site::of(&upstream).variable("MOVIES_GEN_LISTEN", "127.0.0.1:0,unix:one.sock,mode=600");
    let server = site.serve_as_told().ready();
    assert!(ask_unix(&server.site.path("one.sock"), "/healthz").starts_with("HTTP/1.1 200"));
    let site = Site::of(&upstream);
    site.write("movies-gen.toml", "listen = [\"127.0.0.1:0\", \"unix:two.sock,mode=600\"]\n");
    let server = site.serve_as_told().ready();
    assert!(ask_unix(&server.site.path("two.sock"), "/healthz").starts_with("HTTP/1.1 200"));
}

#[test]
fn an_address_twice_is_refused_and_named() {
    let upstream = Upstream::start();
    let free = free_address().to_string();
    let log = Site::of(&upstream)
        .with(&["--listen", &free, "--listen", &free])
        .run(&["serve"])
        .with_code(1);
    assert!(log.contains(&free) && log.contains("an earlier --listen"), "{log}");
    assert_eq!(upstream.asked(), (0, 0));
}

/// Starts `serve` with a socket as descriptor 3 and a socket with the name `admin` as descriptor 4.
pub(super) fn serve_with_sockets(site: &Site, visitors: OwnedFd, admin: OwnedFd) -> Process {
    let serve = site.command(&["serve"]);
    let mut command = Command::new("sh");
    let hand_over = "exec 3<&0 4>&1 </dev/null >/dev/null; \
                     export LISTEN_FDS=2 LISTEN_FDNAMES=web:admin LISTEN_PID=$$; exec \"$@\"";
    command.args(["-c", hand_over, "sh"]).arg(serve.get_program()).args(serve.get_args());
    command.current_dir(serve.get_current_dir().expect("a directory"));
    Process::start_between(&mut command, visitors.into(), admin.into())
}

#[test]
fn sockets_that_were_handed_over_are_used_and_clients_wait_during_a_restart() {
    let upstream = Upstream::start();
    // The port of `--listen` is in use: the option must not be used.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    let site = Site::of(&upstream).with(&["--listen", &taken]);
    let visitors = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = visitors.local_addr().expect("an address");
    let admin = UnixListener::bind(site.path("admin.sock")).expect("a socket");
    let copies = || {
        let visitors = visitors.try_clone().expect("a copy").into();
        (visitors, admin.try_clone().expect("a copy").into())
    };
    let start = || {
        let (visitors, admin) = copies();
        Running::of(serve_with_sockets(&site, visitors, admin), site.clone())
    };
    let server = start().ready();
    assert_eq!(server.address, address);
    assert!(ask_unix(&site.path("admin.sock"), "/readyz").starts_with("HTTP/1.1 200"));
    assert_eq!(server.terminate().0, Some(0));
    assert!(site.path("admin.sock").exists(), "the file belongs to the service manager");

    // Nobody accepts now, and the connection waits in the socket.
    let mut early = Conversation::open(address);
    early.say(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let server = start();
    assert_eq!(early.answer().status, 200);
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn a_descriptor_that_is_not_a_listening_socket_is_refused() {
    let site = Site::of(&Upstream::start());
    let file = std::fs::File::open("/dev/null").expect("a file");
    let (one, other) = UnixStream::pair().expect("a pair");
    for (descriptor, why) in [
        (OwnedFd::from(file), "descriptor 3, which is not a TCP socket or a Unix stream socket"),
        (OwnedFd::from(one), "does not listen"),
    ] {
        let (status, log) =
            serve_with_sockets(&site, descriptor, other.try_clone().expect("a copy").into())
                .ended();
        assert_eq!(status.code(), Some(1), "{log}");
        assert!(log.contains(why), "{log}");
    }
}

#[test]
fn a_client_of_a_unix_socket_that_takes_nothing_is_disconnected() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--listen", "127.0.0.1:0"]);
    let server = site.with(&["--listen", "unix:site.sock"]).serve().ready();
    let mut stream = UnixStream::connect(server.site.path("site.sock")).expect("a connection");
    stream.set_write_timeout(Some(Duration::from_secs(1))).expect("a timeout");
    // More answers than the buffers of a Unix socket can hold.
    let requests = "GET /movies.json HTTP/1.1\r\nHost: a\r\n\r\n".repeat(50);
    while stream.write_all(requests.as_bytes()).is_ok() {}
    let mut end = || {
        // After the end, a write fails at once with another error than a full buffer.
        let written = stream.write(b"GET / HTTP/1.1\r\n");
        written.err().filter(|error| error.kind() == std::io::ErrorKind::BrokenPipe).map(|_| ())
    };
    found("the end of the connection", &mut end);
}
