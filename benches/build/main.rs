//! Measures how the cost of a build grows with the catalogue, beside Hugo.
//!
//! For each size, on the disk of `TMPDIR` and in memory (`/dev/shm`):
//!
//! - a cold build with compressed forms, a build without a change, and a build after one film
//!   changed, each as a whole process;
//! - `serve`: time from the start to the first page, time of a refresh without a change, and time
//!   from the complete answer to the published site after one film changed;
//! - the same catalogue built by Hugo, if Hugo is installed. Hugo makes no compressed forms, no
//!   search index and no data files.
//!
//! Numbers on the command line select the sizes (films; there are three people for each film), and
//! `disk` and `memory` select the place. The output is a table in Markdown.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark reads clocks, prints, and ends at the first error"
)]

mod hugo;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Sizes without numbers on the command line.
const SIZES: [usize; 2] = [1_000, 10_000];
/// Largest number of films for Hugo, which needs more than 20 GB of memory for 100,000 films.
const LARGEST_OF_HUGO: usize = 20_000;
/// Number of changes in a running server. The median counts.
const ROUNDS: usize = 5;

fn main() {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let mut sizes: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = SIZES.into();
    }
    let wanted = |place: &str| {
        let has_place = words.iter().any(|word| ["disk", "memory"].contains(&word.as_str()));
        !has_place || words.iter().any(|word| word == place)
    };
    let places = [("disk", std::env::temp_dir()), ("memory", PathBuf::from("/dev/shm"))];
    println!("| films | place | what | seconds | pages | pages/s | peak memory |");
    println!("|---|---|---|---|---|---|---|");
    for size in sizes {
        for (name, place) in places.iter().filter(|(name, _)| wanted(name)) {
            let directory = tempfile::tempdir_in(place).expect("a directory");
            let bench = Bench { directory: directory.path().to_owned(), size, place: name };
            bench.run();
        }
    }
}

/// The measurements of one size in one place.
struct Bench {
    directory: PathBuf,
    size: usize,
    place: &'static str,
}

/// A process that has ended.
struct Spent {
    took: Duration,
    /// Kibibytes.
    peak: u64,
    log: String,
}

impl Bench {
    fn run(&self) {
        let films = self.size.to_string();
        let people = (3 * self.size).to_string();
        let made = ["demo-data", "--films", &films, "--people", &people, "--out", "archive"];
        let _ = self.spent(&mut self.command(&made), "the data");
        let cold = self.built("cold build, with .gz and .br");
        self.built("build, nothing changed");
        self.change(0);
        self.built("build, one film changed");
        self.served();
        let hugo = self.hugo();
        if let Some(hugo) = hugo {
            println!(
                "| {} | {} | movies-gen ÷ Hugo: pages/s, and peak memory | {:.1} × | | | {:.2} × |",
                self.size,
                self.place,
                cold.0 / hugo.0,
                cold.1 / hugo.1
            );
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_movies-gen"));
        command.args(words).current_dir(&self.directory);
        command
    }

    /// Measures one `build once`. Returns pages per second and the peak of the memory.
    fn built(&self, what: &str) -> (f64, f64) {
        let words = ["build", "once", "--demo-from", "archive", "--max-bytes", "400MiB"];
        let mut command = self.command(&words);
        // No build waits for the end of an interval.
        command.args(["--interval", "1ms", "--max-age", "1ms"]);
        let spent = self.spent(&mut command, what);
        let pages = files(&self.directory.join("public-demo"));
        self.print(what, spent.took, pages, spent.peak)
    }

    /// Prints a row. Returns pages per second and the peak of the memory in megabytes.
    fn print(&self, what: &str, took: Duration, pages: usize, peak: u64) -> (f64, f64) {
        let speed = pages as f64 / took.as_secs_f64();
        let megabytes = peak as f64 * 1024.0 / 1e6;
        self.row(what, took, &format!("{pages} | {speed:.0}"), megabytes);
        (speed, megabytes)
    }

    fn row(&self, what: &str, took: Duration, pages: &str, megabytes: f64) {
        let (size, place, seconds) = (self.size, self.place, took.as_secs_f64());
        println!("| {size} | {place} | {what} | {seconds:.2} | {pages} | {megabytes:.0} MB |");
    }

    /// Runs a process to its end.
    fn spent(&self, command: &mut Command, what: &str) -> Spent {
        let log = self.directory.join("log");
        let to = || fs::File::create(&log).expect("a log");
        let started = Instant::now();
        let mut child = command.stdout(Stdio::null()).stderr(to()).spawn().expect(what);
        let mut peak = 0;
        let status = loop {
            peak = peak_of(&child).unwrap_or(peak).max(peak);
            if let Some(status) = child.try_wait().expect("a process") {
                break status;
            }
            sleep(Duration::from_millis(5));
        };
        let took = started.elapsed();
        let log = fs::read_to_string(&log).expect("the log");
        assert!(status.success(), "{what}: {log}");
        Spent { took, peak, log }
    }

    /// Gives one film another score.
    fn change(&self, round: usize) {
        let path = self.directory.join("archive/films.json");
        let text = fs::read_to_string(&path).expect("the films");
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        let line = &mut lines[self.size / 2 + round];
        let start = line.find("\"rt_score\":").expect("a score") + 11;
        let end = start + line[start..].find([',', '}']).expect("an end");
        line.replace_range(start..end, &format!("\"{}\"", 1 + round));
        let new = path.with_extension("new");
        fs::write(&new, lines.join("\n")).expect("written");
        fs::rename(&new, &path).expect("renamed");
    }

    /// Measures `serve` with the site that is built already.
    fn served(&self) {
        let log = self.directory.join("log");
        let words =
            ["serve", "--demo-from", "archive", "--max-bytes", "400MiB", "--listen", "127.0.0.1:0"];
        let started = Instant::now();
        let mut command = self.command(&words);
        command.args(["--interval", "1s"]).stderr(fs::File::create(&log).expect("a log"));
        let mut server = Running(command.spawn().expect("the server"));
        let told = || fs::read_to_string(&log).expect("the log");
        let address = until(|| address_in(&told()));
        until(|| answers(address).then_some(()));
        let first = started.elapsed();
        let times = |outcome: &str| -> Vec<u64> {
            let log = told();
            let lines = log.lines().filter(|line| line.contains(&format!("outcome={outcome} ")));
            lines.filter_map(|line| field(line, "build_ms=")).collect()
        };
        until(|| (times("unchanged").len() > 1).then_some(()));
        // The first change makes the hashes of all directories.
        for round in 1..=ROUNDS + 1 {
            let before = times("changed").len();
            self.change(round);
            until(|| (times("changed").len() > before).then_some(()));
        }
        let peak = peak_of(&server.0).unwrap_or(0) as f64 * 1024.0 / 1e6;
        let middle = |mut all: Vec<u64>| {
            all.sort_unstable();
            Duration::from_millis(all[all.len() / 2])
        };
        let (changed, unchanged) = (middle(times("changed")), middle(times("unchanged")));
        self.row("serve, start to first page", first, " | ", peak);
        self.row("serve, refresh with one changed film", changed, " | ", peak);
        self.row("serve, refresh without a change", unchanged, " | ", peak);
        let _ = server.0.kill();
    }

    /// Measures Hugo. Returns pages per second and the peak of the memory.
    fn hugo(&self) -> Option<(f64, f64)> {
        if self.size > LARGEST_OF_HUGO {
            return None;
        }
        Command::new("hugo").arg("version").output().ok()?;
        let site = self.directory.join("hugo");
        hugo::write(&self.directory.join("archive"), &site);
        let build = || {
            let mut command = Command::new("hugo");
            command.args(["--quiet", "--destination", "made"]).current_dir(&site);
            self.spent(&mut command, "hugo")
        };
        let spent = build();
        assert!(spent.log.is_empty(), "{}", spent.log);
        let pages = files(&site.join("made"));
        Some(self.print("Hugo, build without compressed forms", spent.took, pages, spent.peak))
    }
}

/// A process that ends with the benchmark.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until<T>(mut found: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(started.elapsed() < Duration::from_secs(900), "the server stands still");
        sleep(Duration::from_millis(5));
    }
}

/// Returns the peak of the resident memory of a process, in kibibytes.
fn peak_of(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Returns the number of pages below a directory: all files except compressed forms and documents
/// of the program.
fn files(directory: &Path) -> usize {
    let mut count = 0;
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).expect("a directory").flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if !path.ends_with(".movies-gen") {
                    left.push(path);
                }
            } else if !path.extension().is_some_and(|end| end == "gz" || end == "br") {
                count += 1;
            }
        }
    }
    count
}

fn address_in(log: &str) -> Option<SocketAddr> {
    let line = log.lines().find(|line| line.contains("serving http://"))?;
    line.split("http://").nth(1)?.split('/').next()?.parse().ok()
}

fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let request = "GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";
    let mut answer = Vec::new();
    let is_sent = stream.write_all(request.as_bytes()).is_ok();
    is_sent && stream.read_to_end(&mut answer).is_ok() && answer.starts_with(b"HTTP/1.1 200")
}

fn field(line: &str, name: &str) -> Option<u64> {
    let rest = &line[line.find(name)? + name.len()..];
    rest.split(' ').next()?.parse().ok()
}
