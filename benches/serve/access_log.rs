//! The server with an access log. Each run with the log stands between two runs without the log.

use std::path::Path;

use super::paths::Paths;
use super::server::Server;
use super::wrk::{Between, Load, median, ratio};

/// The kinds of requests, by name and number of connections.
const WANTED: [(&str, usize); 3] = [("plain", 64), ("gzip", 256), ("answered 304", 64)];

/// Measures servers with and servers without the log, and prints a table. Each round starts other
/// processes, because two processes of one program differ by some percent for as long as they run.
pub(crate) fn measure(directory: &Path, rounds: usize) {
    let mut runs: Vec<Vec<Between>> = WANTED.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        let start = |name: &str, more: &[&str]| {
            let directory = directory.join(format!("{name}-{round}"));
            std::fs::create_dir(&directory).expect("made");
            let rare = ["--interval", "1h", "--max-age", "2h"];
            let server = Server::movies_gen_with(&directory, &[&rare[..], more].concat());
            (server, directory)
        };
        let (without, _) = start("unlogged", &[]);
        let (with, site) = start("logged", &["--access-log", "access.log"]);
        let paths = Paths::of(&site.join("public-demo"));
        let loads = Load::all(&paths);
        let wanted = |(name, connections): &(&str, usize)| {
            let mut loads = loads.iter();
            loads.find(|load| load.name == *name && load.connections == *connections)
        };
        for (load, runs) in WANTED.iter().filter_map(wanted).zip(&mut runs) {
            with.settle();
            let before = load.run(&without, directory);
            let run = load.run(&with, directory);
            runs.push((run, [before, load.run(&without, directory)]));
        }
    }
    println!();
    println!("The server with --access-log, beside the server without, {rounds} rounds:");
    println!();
    println!(
        "| requests | connections | requests/s without | with | requests/s, ratio | CPU, ratio | noise of the ratio |"
    );
    println!("|---|---|---|---|---|---|---|");
    for ((name, connections), runs) in WANTED.iter().zip(&runs) {
        let around = || runs.iter().flat_map(|(_, around)| around);
        let differ = |(_, [one, two]): &Between| (one.per_second / two.per_second).ln().abs();
        println!(
            "| {name} | {connections} | {:.0} | {:.0} | {:.2} | {:.2} | ± {:.2} |",
            median(around().map(|run| run.per_second)),
            median(runs.iter().map(|(run, _)| run.per_second)),
            ratio(runs, |run| run.per_second),
            ratio(runs, |run| run.cpu),
            // Two runs of one server differ by this much.
            median(runs.iter().map(differ)),
        );
    }
}
