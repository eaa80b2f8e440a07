//! A small upstream that lives as long as the benchmark.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use bytes::Bytes;

/// Starts an upstream that answers a path with the result of `body`. Returns its address.
pub(crate) fn start(body: impl Fn(&str) -> Bytes + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let body = Arc::new(body);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let body = body.clone();
            std::thread::spawn(move || answer(stream, &*body));
        }
    });
    format!("http://{address}")
}

fn answer(mut stream: TcpStream, body: &impl Fn(&str) -> Bytes) {
    let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
    let mut head = String::new();
    while reader.read_line(&mut head).is_ok_and(|read| read > 0) {
        if head.ends_with("\r\n\r\n") {
            let target = head.split(' ').nth(1).unwrap_or_default();
            let body = body(target.split('?').next().unwrap_or_default());
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            if stream.write_all(answer.as_bytes()).and_then(|()| stream.write_all(&body)).is_err() {
                return;
            }
            head.clear();
        }
    }
}
