//! Measures ten processes that share a Redis.
//!
//! Owns three figures: the time from a save until the last process shows the data, the number of
//! refreshes of all processes together, and the memory of each process.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::server::Server;
use crate::{Data, milliseconds, one_score, upstream};

const REPLICAS: usize = 10;
/// A number of replicas for which small machines have about enough processors. All replicas render
/// a change at the same time, so ten replicas on two processors wait for each other.
const FEW: usize = 3;
const ROUNDS: usize = 40;
/// Time between two looks at a replica. On average, a look is late by half of this time. More
/// looks would use the processor time that the replicas need.
const LOOK: Duration = Duration::from_millis(10);

/// A Redis that lives as long as this value.
struct Redis {
    child: Child,
    directory: tempfile::TempDir,
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Redis {
    /// Starts a Redis; `None` if redis-server is not installed.
    fn start() -> Option<Redis> {
        let directory = tempfile::tempdir().expect("a directory");
        let child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(directory.path().join("socket"))
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        let redis = Redis { child, directory };
        while redis.connect().is_err() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Some(redis)
    }

    fn url(&self) -> String {
        format!("unix://{}", self.directory.path().join("socket").display())
    }

    fn connect(&self) -> redis::RedisResult<redis::Connection> {
        redis::Client::open(self.url())?.get_connection()
    }

    /// Records the time of the first announcement of each fence, which is the time of its save.
    fn saves(&self) -> Arc<Mutex<BTreeMap<u64, Instant>>> {
        let saves: Arc<Mutex<BTreeMap<u64, Instant>>> = Arc::default();
        let (mut connection, told) = (self.connect().expect("a connection"), saves.clone());
        std::thread::spawn(move || {
            let mut heard = connection.as_pubsub();
            heard.psubscribe("*:saved").expect("subscribed");
            while let Ok(message) = heard.get_message() {
                let (at, fence) = (Instant::now(), message.get_payload::<u64>());
                told.lock().unwrap().entry(fence.unwrap_or(0)).or_insert(at);
            }
        });
        saves
    }
}

/// Measures and prints the figures.
pub(crate) fn together(data: &Data) {
    let Some(redis) = Redis::start() else {
        println!("ten replicas: not measured, because redis-server is not installed");
        return;
    };
    let calls: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let (films, people, counted) = (data.films.clone(), data.people.clone(), calls.clone());
    let upstream = upstream::start(move |path| match path {
        "/films" => {
            let mut calls = counted.lock().unwrap();
            calls.push(Instant::now());
            one_score(&films, calls.len() % 100)
        }
        _ => people.clone(),
    });
    let homes: Vec<_> = (0..REPLICAS).map(|_| tempfile::tempdir().expect("a directory")).collect();
    let start = |replicas: usize, interval: &str| -> Vec<Server> {
        let url = redis.url();
        let more = ["--redis", &url, "--interval", interval, "--max-age", interval];
        let homes = homes.iter().take(replicas);
        homes.map(|home| Server::start(home.path(), &upstream, &more)).collect()
    };
    let saves = redis.saves();
    let servers = start(FEW, "1s");
    from_save_to_live(&saves, &servers);
    drop(servers);
    let servers = start(REPLICAS, "1s");
    from_save_to_live(&saves, &servers);
    for (field, what) in [("VmRSS:", "now"), ("VmHWM:", "at most")] {
        let all: Vec<_> = servers.iter().map(|server| server.memory(field)).collect();
        let most = all.iter().copied().fold(0.0, f64::max);
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        println!(
            "resident memory of a replica after {ROUNDS} changes, {what}: mean {mean:.1} MB, \
             largest {most:.1} MB (goal 30)"
        );
    }
    drop(servers);
    calls.lock().unwrap().clear();
    let (servers, started) = (start(REPLICAS, "60s"), Instant::now());
    // Wait a little longer than two intervals.
    std::thread::sleep(Duration::from_secs(125));
    let times: Vec<_> = calls.lock().unwrap().clone();
    let apart = times.windows(2).map(|pair| pair[1] - pair[0]).min().unwrap_or_default();
    println!(
        "calls of ten replicas together in {:.0} s, --interval 60s: {} (goal 3 at most), closest \
         {:.2} s apart",
        started.elapsed().as_secs_f64(),
        times.len(),
        apart.as_secs_f64()
    );
    drop(servers);
}

/// Watches a replica. Sends each new generation with the time at which the replica showed it first.
fn watched(address: &str) -> Receiver<(String, Instant)> {
    let (sender, receiver) = mpsc::channel();
    let address = address.to_owned();
    std::thread::spawn(move || {
        let mut stream = TcpStream::connect(&address).expect("a connection");
        let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
        let mut shown = String::new();
        let ask = format!("HEAD / HTTP/1.1\r\nHost: {address}\r\n\r\n");
        while stream.write_all(ask.as_bytes()).is_ok() {
            let (mut head, mut line) = (String::new(), String::new());
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                head.push_str(&line.to_ascii_lowercase());
                line.clear();
            }
            let header = head.lines().find_map(|line| line.strip_prefix("x-generation: "));
            if let Some(now) = header.filter(|&now| now != shown) {
                shown = now.to_owned();
                if sender.send((shown.clone(), Instant::now())).is_err() {
                    return;
                }
            }
            std::thread::sleep(LOOK);
        }
    });
    receiver
}

/// Measures the time from each save until all replicas show its generation. Each save makes a new
/// generation.
fn from_save_to_live(saves: &Mutex<BTreeMap<u64, Instant>>, servers: &[Server]) {
    let seen: Vec<_> = servers.iter().map(|server| watched(&server.address)).collect();
    let mut live: BTreeMap<String, Vec<Instant>> = BTreeMap::new();
    let mut lags = Vec::new();
    'rounds: while lags.len() < ROUNDS {
        for receiver in &seen {
            let Ok((generation, at)) = receiver.recv_timeout(Duration::from_secs(30)) else {
                break 'rounds;
            };
            live.entry(generation).or_default().push(at);
        }
        live.retain(|_, times| {
            if times.len() < servers.len() {
                return true;
            }
            let (first, last) = (times.iter().min().copied(), times.iter().max().copied());
            let saves = saves.lock().unwrap();
            // The winner publishes after the save, so the save is the last save before the first
            // sight of the generation.
            let save = saves.values().filter(|&&save| Some(save) <= first).max();
            lags.extend(save.zip(last).map(|(&save, last)| last - save));
            false
        });
    }
    assert!(lags.len() > 1, "no generation that all showed");
    // The replicas render all pages of the first generation, so leave the first generation out.
    let first = lags.remove(0);
    lags.sort();
    let at = |share: f64| milliseconds(lags[((lags.len() - 1) as f64 * share).round() as usize]);
    println!(
        "from a save to the last of {} replicas live: p50 {:.0} ms, p99 {:.0} ms of {} \
         (goal 200); the first of all {:.0} ms",
        servers.len(),
        at(0.5),
        at(0.99),
        lags.len(),
        milliseconds(first)
    );
}
