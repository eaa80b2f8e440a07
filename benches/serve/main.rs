//! Requests per second of `serve`, beside nginx and static-web-server on the same files.
//!
//! The servers run one after the other in short runs, and each run of movies-gen stands between two
//! runs of nginx, so that a machine that becomes slower changes no ratio. `wrk` asks with one thread
//! and, in a row of the table, one kind of request. A figure is the median of the rounds. A word on the
//! command line selects the kinds of requests; `conditions` selects the runs under conditions, and
//! `access-log` the runs with a log. Needs wrk and nginx. static-web-server is left out if it is
//! neither in `target/tools/bin` nor in the path.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark reads clocks, prints, and ends at the first error"
)]

mod access_log;
mod conditions;
mod paths;
mod server;
mod streams;
mod wrk;

use paths::Paths;
use server::{Kind, Server};
use wrk::{Load, Run, ratio, ratio_of};

/// Number of rounds of a row. `ROUNDS` sets another number.
const ROUNDS: usize = 5;

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let directory = tempfile::tempdir().expect("a directory");
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    if wanted.as_deref() == Some("conditions") {
        return conditions::measure(directory.path(), rounds);
    }
    if wanted.as_deref() == Some("access-log") {
        return access_log::measure(directory.path(), rounds);
    }
    let ours = Server::movies_gen(directory.path());
    let public = directory.path().join("public-demo");
    let paths = Paths::of(&public);
    let nginx = Server::nginx(directory.path(), &public);
    let other = Server::static_web_server(&public);
    println!("{}", server::versions());
    println!("{} requests in the mix: {}", paths.mix.len(), paths.about());
    println!();
    println!(
        "| requests | connections | server | requests/s | CPU s per 100,000 | CPU s of wrk | p50 ms | p99 ms | p99.9 ms | memory MB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let mut ratios = Vec::new();
    let is_wanted = |load: &Load<'_>| wanted.as_ref().is_none_or(|part| load.name.contains(part));
    for load in Load::all(&paths).into_iter().filter(is_wanted) {
        let mut runs: Vec<(Kind, Vec<Run>)> = Vec::new();
        let mut pairs = Vec::new();
        let mut note =
            |kind: Kind, run: Run| match runs.iter_mut().find(|(found, _)| *found == kind) {
                Some((_, all)) => all.push(run),
                None => runs.push((kind, vec![run])),
            };
        for _ in 0..rounds {
            let before = load.run(&nginx, directory.path());
            let run = load.run(&ours, directory.path());
            let after = load.run(&nginx, directory.path());
            pairs.push((run.clone(), [before.clone(), after.clone()]));
            note(Kind::Nginx, before);
            note(Kind::MoviesGen, run);
            note(Kind::Nginx, after);
            if let Some(other) = &other {
                note(Kind::StaticWebServer, load.run(other, directory.path()));
            }
        }
        for (kind, runs) in &runs {
            let of = |value: fn(&Run) -> f64| wrk::median(runs.iter().map(value));
            println!(
                "| {} | {} | {kind} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.0} |",
                load.name,
                load.connections,
                of(|run| run.per_second),
                of(|run| run.cpu),
                of(|run| run.asking),
                of(|run| run.latencies[0]),
                of(|run| run.latencies[1]),
                of(|run| run.latencies[2]),
                of(|run| run.memory),
            );
        }
        ratios.push(format!(
            "| {} | {} | {:.2} | {:.2} | {:.2} | {:.2} |",
            load.name,
            load.connections,
            ratio(&pairs, |run| run.per_second),
            // One thread of wrk has one core: at this rate, the answers would take all of that core.
            ratio_of(&pairs, |run| 1e5 / run.asking, |run| run.per_second),
            ratio(&pairs, |run| run.cpu),
            ratio(&pairs, |run| run.latencies[1]),
        ));
    }
    println!();
    println!("Ratios of movies-gen to nginx, each a median of {rounds} rounds:");
    println!();
    println!("| requests | connections | requests/s | most that wrk can ask | CPU | p99 |");
    println!("|---|---|---|---|---|---|");
    ratios.iter().for_each(|line| println!("{line}"));
    if wanted.is_none() {
        access_log::measure(directory.path(), rounds);
        conditions::measure(directory.path(), rounds);
    }
}
