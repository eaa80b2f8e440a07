//! Measures the time from a publish until the command of `--then` has its paths.
//!
//! `serve` runs with a small and with a large made-up catalogue. In each round, the score of one film
//! changes. The time counts from the exchange of the trees, which makes the change visible in `--out`,
//! until the command has written the last path. The goal for 400,000 files is 50 ms. Numbers on the
//! command line select the sizes in films.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    unreachable_pub,
    reason = "a benchmark reads clocks, prints, and ends at the first error"
)]

#[allow(dead_code, unused_imports, reason = "the tests use the rest")]
#[path = "../../tests/it/fixture/mod.rs"]
mod fixture;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use fixture::{Running, Site, files_below};
use serde_json::Value;

/// Sizes without numbers on the command line. The large site has 400,000 files.
const SIZES: [usize; 2] = [500, 50_000];
/// Number of changes. The median and the worst count.
const ROUNDS: usize = 10;
/// The goal in milliseconds.
const GOAL: f64 = 50.0;
/// Time between two looks at the disk.
const LOOK: Duration = Duration::from_micros(200);
/// Longest wait for a step.
const LONG: Duration = Duration::from_secs(900);

fn main() {
    let mut sizes: Vec<usize> =
        std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = SIZES.into();
    }
    println!("| films | files | paths | from the exchange, median | worst | goal |");
    println!("|---|---|---|---|---|---|");
    for films in sizes {
        let mut site = ChangingSite::start(films);
        let rounds: Vec<(Duration, usize)> = (0..ROUNDS).map(|_| site.change()).collect();
        let mut times: Vec<f64> = rounds.iter().map(|(took, _)| took.as_secs_f64() * 1e3).collect();
        times.sort_by(f64::total_cmp);
        let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
        let paths = rounds.iter().map(|(_, paths)| *paths).max().unwrap_or_default();
        let goal = if worst <= GOAL { "met" } else { "missed" };
        let files = files_below(&site.site.out()).len();
        println!("| {films} | {files} | {paths} | {median:.1} ms | {worst:.1} ms | {goal} |");
    }
}

/// A running server whose catalogue changes.
struct ChangingSite {
    site: Site,
    /// Ends when the value is dropped.
    _server: Running,
    films: Vec<Value>,
    changes: usize,
}

impl ChangingSite {
    /// Starts the program, and waits until the first run of the command has ended and the next publish
    /// is prepared.
    fn start(films: usize) -> ChangingSite {
        let data = Site::new();
        let [count, people] = [films, films / 3].map(|count| count.to_string());
        let size = ["--films", &count, "--people", &people, "--out", "archive"];
        data.run(&[&["demo-data"], &size[..]].concat()).with_code(0);
        let site = data.with(&["--demo-from", "archive", "--max-bytes", "400MiB"]);
        let site = site.with(&["--out", "public", "--state", "state", "--then", "cat > told"]);
        let site = site.with(&["--interval", "1s", "--max-age", "60s"]);
        let read = fs::read(site.path("archive/films.json")).expect("the films");
        let films = serde_json::from_slice(&read).expect("JSON");
        let server = site.serve();
        let site = ChangingSite { site, _server: server, films, changes: 0 };
        wait("the first site", || site.paths() > 0);
        let prepared = site.site.path("state/standby/.movies-gen/manifest");
        wait("the standby", || prepared.exists());
        site
    }

    /// Changes a film. Returns the time from the exchange until the command had all paths, and their
    /// number.
    fn change(&mut self) -> (Duration, usize) {
        // The program looks at the files again before the next change.
        sleep(Duration::from_secs(2));
        self.changes += 1;
        let at = self.films.len() / 2 + self.changes;
        self.films[at]["rt_score"] = self.changes.to_string().into();
        let out = self.site.out();
        let inode = || fs::metadata(&out).map_or(0, |found| found.ino());
        let before = inode();
        self.site.write("told", "");
        let file = self.site.path("archive/films.json");
        let coming = file.with_extension("coming");
        fs::write(&coming, Value::from(self.films.clone()).to_string()).expect("written");
        fs::rename(coming, file).expect("renamed");
        wait("an exchange", || inode() != before);
        let exchanged = Instant::now();
        wait("the command", || self.paths() > 0);
        (exchanged.elapsed(), self.paths())
    }

    /// Returns the number of paths that the command has written; 0 if the last path is not whole.
    fn paths(&self) -> usize {
        let told = fs::read(self.site.path("told")).unwrap_or_default();
        if told.ends_with(&[0]) { told.split(|&byte| byte == 0).count() - 1 } else { 0 }
    }
}

/// Waits with little delay until `is_so` returns `true`.
fn wait(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < until, "waited in vain for {what}");
        sleep(LOOK);
    }
}
