//! The server while something else happens: publishes, a new theme, open event streams, and slow
//! readers. Each run under the condition stands between two quiet runs of the same server.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::paths::Paths;
use super::server::Server;
use super::streams::Streams;
use super::wrk::{Load, Run, median, ratio};

/// Number of event streams.
const STREAMS: usize = 10_000;
/// Number of readers that read slowly.
const SLOW: usize = 2_000;

/// Measures all conditions with a server of its own, and prints a table.
pub(crate) fn measure(directory: &Path, rounds: usize) {
    let directory = directory.join("live");
    std::fs::create_dir(&directory).expect("made");
    let server = Server::live(&directory);
    let paths = Paths::of(&directory.join("public-demo"));
    let loads = Load::all(&paths);
    let load = &loads[0];
    println!();
    println!(
        "The server under conditions, each beside quiet runs before and after, {rounds} rounds:"
    );
    println!();
    println!(
        "| condition | requests/s | p99 ms | requests/s, ratio to quiet | p99, ratio to quiet |"
    );
    println!("|---|---|---|---|---|");
    let row = |name: &str, under: &mut dyn FnMut(&mut dyn FnMut())| {
        let mut runs = Vec::new();
        for _ in 0..rounds {
            server.settle();
            let before = load.run(&server, &directory);
            let mut run = None;
            under(&mut || run = Some(load.run(&server, &directory)));
            server.settle();
            let after = load.run(&server, &directory);
            runs.push((run.expect("a run"), [before, after]));
        }
        let of = |value: fn(&Run) -> f64| median(runs.iter().map(|(run, _)| value(run)));
        println!(
            "| {name} | {:.0} | {:.2} | {:.2} | {:.2} |",
            of(|run| run.per_second),
            of(|run| run.latencies[1]),
            ratio(&runs, |run| run.per_second),
            ratio(&runs, |run| run.latencies[1]),
        );
    };
    row("nothing", &mut |run| run());
    let memory = server.memory();
    let mut spreads = Vec::new();
    let mut grown = Vec::new();
    row("10,000 event streams", &mut |run| {
        let mut streams = Streams::open(server.address, STREAMS);
        grown.push((streams.open, server.memory()));
        run();
        server.settle();
        change(&directory);
        spreads.push(streams.wait_for_change());
    });
    row("a changed film each second", &mut |run| {
        while_true(|| change(&directory), Duration::from_secs(1), run);
    });
    row("all pages are made again", &mut |run| {
        // The watched theme makes the program render and compress every page.
        while_true(|| edit_theme(&directory), Duration::from_secs(3600), run);
    });
    row("2,000 readers of 1 kB/s", &mut |run| {
        let stop = Arc::new(AtomicBool::new(false));
        let readers = slow_readers(&server, &paths, stop.clone());
        server.settle();
        run();
        stop.store(true, Ordering::Relaxed);
        readers.join().expect("readers");
    });
    println!();
    let (open, most) =
        grown.iter().fold((0, 0.0), |(_, most), (open, memory)| (*open, f64::max(most, *memory)));
    println!(
        "{open} streams were open. Memory of the server: {memory:.0} MB before, {most:.0} MB with the \
         streams. A change reached the last stream {:.0} ms after the first stream (median), at most \
         {:.0} ms.",
        median(spreads.iter().copied()),
        spreads.iter().copied().fold(0.0, f64::max),
    );
}

/// Does `act` at once and again after each `pause` while `run` runs.
fn while_true(act: impl Fn() + Sync, pause: Duration, run: &mut dyn FnMut()) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                act();
                let until = Instant::now() + pause;
                while Instant::now() < until && !stop.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        });
        run();
        stop.store(true, Ordering::Relaxed);
    });
}

/// Gives one film another score.
fn change(directory: &Path) {
    let file = directory.join("archive/films.json");
    let text = std::fs::read_to_string(&file).expect("films");
    let mut films: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let score = &mut films[500]["rt_score"];
    let now: u64 = score.as_str().and_then(|text| text.parse().ok()).unwrap_or(1);
    *score = ((now + 1) % 100).to_string().into();
    replace(&file, films.to_string().as_bytes());
}

fn edit_theme(directory: &Path) {
    let file = directory.join("theme/base.html");
    let mut text = std::fs::read_to_string(&file).expect("a template");
    text.push('\n');
    replace(&file, text.as_bytes());
}

fn replace(file: &Path, bytes: &[u8]) {
    let coming = file.with_extension("coming");
    std::fs::write(&coming, bytes).expect("written");
    std::fs::rename(coming, file).expect("renamed");
}

/// Opens connections that ask for a large page and take 1 kB/s, until `stop` is set.
fn slow_readers(
    server: &Server,
    paths: &Paths,
    stop: Arc<AtomicBool>,
) -> std::thread::JoinHandle<()> {
    let page = &paths.large[0];
    let request = format!("GET {page} HTTP/1.1\r\nHost: bench\r\n\r\n").repeat(20);
    let mut readers: Vec<TcpStream> = (0..SLOW)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address).expect("a connection");
            stream.write_all(request.as_bytes()).expect("sent");
            stream.set_nonblocking(true).expect("set");
            stream
        })
        .collect();
    std::thread::spawn(move || {
        let mut some = [0; 250];
        while !stop.load(Ordering::Relaxed) {
            for reader in &mut readers {
                // A reader without bytes has nothing to take.
                let _ = std::io::Read::read(reader, &mut some);
            }
            std::thread::sleep(Duration::from_millis(250));
        }
    })
}
