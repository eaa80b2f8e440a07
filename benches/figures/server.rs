//! Runs the program as users run it.
//!
//! Owns a process of the program, which ends when the value is dropped.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // The kill fails if the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts the program in this directory, and waits until the program listens.
    pub(crate) fn start(directory: &Path, upstream: &str, more: &[&str]) -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_movies-gen"))
            .args(["serve", "--listen", "127.0.0.1:0", "--upstream", upstream])
            .args(more)
            .current_dir(directory)
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let mut lines = BufReader::new(child.stderr.take().expect("its log")).lines();
        let address = |line: String| {
            Some(line.split_once("serving http://")?.1.trim_end_matches('/').to_owned())
        };
        let address = lines.find_map(|line| address(line.ok()?)).expect("an address");
        std::thread::spawn(move || lines.for_each(drop));
        Server { child, address }
    }

    /// Starts the program, and waits for the first page. Returns also the time until the first
    /// page.
    pub(crate) fn start_and_wait(directory: &Path, upstream: &str) -> (Server, Duration) {
        let started = Instant::now();
        let server = Server::start(directory, upstream, &[]);
        while get(&server.address, "/").is_none() {
            std::thread::sleep(Duration::from_micros(200));
            assert!(started.elapsed() < Duration::from_secs(20), "no page came");
        }
        (server, started.elapsed())
    }

    /// Returns a size of the process from `/proc/<pid>/status`, in MB.
    pub(crate) fn memory(&self, field: &str) -> f64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(path).expect("status");
        let kilobytes = |line: &str| -> Option<f64> {
            line.strip_prefix(field)?.trim().strip_suffix(" kB")?.parse().ok()
        };
        status.lines().find_map(kilobytes).expect("a size") / 1000.0
    }
}

/// Returns the body of a page; `None` while there is no site.
pub(crate) fn get(address: &str, path: &str) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    answer.starts_with(b"HTTP/1.1 200").then(|| answer.split_off(head + 4))
}
