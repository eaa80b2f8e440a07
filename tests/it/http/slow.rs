//! Clients that read slowly or not at all.

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::fixture::{Running, Site, Upstream, bulky, wait_until};
use crate::telemetry::metric;

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
