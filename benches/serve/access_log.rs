//! The server with an access log. Each run with the log stands between two runs without the log.

use std::path::Path;

use super::paths::Paths;
use super::server::Server;
use super::wrk::{Load, Run, median};

/// The kinds of requests, by name and number of connections.
const WANTED: [(&str, usize); 3] = [("plain", 64), ("gzip", 256), ("answered 304", 64)];

/// Measures a server with and a server without the log, and prints a table.
pub(crate) fn measure(directory: &Path, rounds: usize) {
    let start = |name: &str, more: &[&str]| {
        let directory = directory.join(name);
        std::fs::create_dir(&directory).expect("made");
        let rare = ["--interval", "1h", "--max-age", "2h"];
        Server::movies_gen_with(&directory, &[&rare[..], more].concat())
    };
    let without = start("unlogged", &[]);
    let with = start("logged", &["--access-log", "access.log"]);
    let paths = Paths::of(&directory.join("logged/public-demo"));
    println!();
    println!("The server with --access-log, beside the server without, {rounds} rounds:");
    println!();
    println!(
        "| requests | connections | requests/s without | with | requests/s, ratio | CPU, ratio |"
    );
    println!("|---|---|---|---|---|---|");
    let is_wanted = |load: &Load<'_>| WANTED.contains(&(load.name, load.connections));
    for load in Load::all(&paths).into_iter().filter(is_wanted) {
        let round = |_| {
            let before = load.run(&without, directory);
            let run = load.run(&with, directory);
            (run, [before, load.run(&without, directory)])
        };
        let runs: Vec<(Run, [Run; 2])> = (0..rounds).map(round).collect();
        let ratio = |value: fn(&Run) -> f64| {
            let of_round =
                |(run, [one, two]): &(Run, [Run; 2])| value(run) * 2.0 / (value(one) + value(two));
            median(runs.iter().map(of_round))
        };
        println!(
            "| {} | {} | {:.0} | {:.0} | {:.2} | {:.2} |",
            load.name,
            load.connections,
            median(runs.iter().flat_map(|(_, around)| around).map(|run| run.per_second)),
            median(runs.iter().map(|(run, _)| run.per_second)),
            ratio(|run| run.per_second),
            ratio(|run| run.cpu),
        );
    }
    let log = std::fs::metadata(directory.join("logged/access.log")).expect("a log");
    println!();
    println!("The log has {} MB.", log.len() / 1_000_000);
}
