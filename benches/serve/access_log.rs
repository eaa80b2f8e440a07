//! The server with an access log, beside the server without. The servers run in turn in short runs, and
//! the order changes from pair to pair.

use std::path::Path;

use super::paths::Paths;
use super::server::Server;
use super::wrk::{Load, Run, median};

/// The kinds of requests, by name and number of connections.
const WANTED: [(&str, usize); 3] = [("plain", 64), ("45 kB, plain", 64), ("answered 304", 64)];
/// Number of pairs of runs in a round.
const PAIRS: usize = 4;

/// A run with the log, and a run without.
type Pair = [Run; 2];

/// Measures servers with and servers without the log, and prints a table. Each round starts other
/// processes, because two processes of one program differ by some percent for as long as they run.
pub(crate) fn measure(directory: &Path, rounds: usize) {
    let mut measured: Vec<Vec<Vec<Pair>>> = WANTED.iter().map(|_| Vec::new()).collect();
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
        for (load, rounds_of_load) in WANTED.iter().filter_map(wanted).zip(&mut measured) {
            with.settle();
            let run = |server: &Server| load.run(server, directory);
            let pair = |at: usize| {
                if at.is_multiple_of(2) {
                    let first = run(&without);
                    [run(&with), first]
                } else {
                    [run(&with), run(&without)]
                }
            };
            rounds_of_load.push((0..PAIRS).map(pair).collect());
        }
    }
    println!();
    println!(
        "The server with --access-log, beside the server without: {rounds} rounds of {PAIRS} pairs"
    );
    println!("of runs. A ratio is the geometric mean, with its standard error between rounds:");
    println!();
    println!(
        "| requests | connections | requests/s without | with | requests/s, ratio | CPU, ratio |"
    );
    println!("|---|---|---|---|---|---|");
    for ((name, connections), rounds_of_load) in WANTED.iter().zip(&measured) {
        let per_second = |of: usize| {
            let pairs = rounds_of_load.iter().flatten();
            median(pairs.map(|pair| pair[of].per_second))
        };
        println!(
            "| {name} | {connections} | {:.0} | {:.0} | {} | {} |",
            per_second(1),
            per_second(0),
            mean_ratio(rounds_of_load, |run| run.per_second),
            mean_ratio(rounds_of_load, |run| run.cpu),
        );
    }
}

/// Returns the mean ratio of the runs with the log to the runs without, with its standard error. One
/// round has no standard error.
fn mean_ratio(rounds: &[Vec<Pair>], value: fn(&Run) -> f64) -> String {
    let of_pair = |[with, without]: &Pair| (value(with) / value(without)).ln();
    let of_rounds: Vec<_> = rounds.iter().map(|pairs| mean(pairs.iter().map(of_pair))).collect();
    let all = mean(of_rounds.iter().copied());
    if rounds.len() < 2 {
        return format!("{:.3}", all.exp());
    }
    let squares = of_rounds.iter().map(|round| (round - all).powi(2)).sum::<f64>();
    let count = of_rounds.len() as f64;
    let error = (squares / (count - 1.0) / count).sqrt();
    // Near 1, an error of a logarithm is about the error of the ratio.
    format!("{:.3} ± {error:.3}", all.exp())
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}
