//! A comparison of the simulation with real processes and a real Redis.
//!
//! Owns the figures of a refresh of several replicas on this machine: what Redis counted, and the
//! time from a save until the last replica showed the data. The simulation gets three times from
//! the machine: from a claim to its save, from a save to the page of a single replica, and the
//! sizes of the data. It must then find the same figures for more replicas.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant, SystemTime};

use super::executor::{Micros, SECOND};
use super::report::{Row, milliseconds};
use super::setting::{Api, Network, Setting};
use super::world::World;
use crate::fixture::{Answer, Listener, Redis, Running, Site, Upstream, films, wait_until};

const INTERVAL: &str = "2s";
/// Refreshes in a measurement.
const REFRESHES: usize = 6;
/// Refreshes before a measurement, in which replicas start.
const BEFORE: usize = 2;

/// What a refresh needs, for all replicas together.
#[derive(Debug, Default)]
struct Figures {
    scripts: f64,
    commands: f64,
    received: f64,
    sent: f64,
    /// From a save until the last replica shows the data, ascending.
    until_last: Vec<Micros>,
    /// From a claim to its save, ascending.
    until_save: Vec<Micros>,
}

#[test]
#[ignore = "needs redis-server"]
fn three_real_replicas_use_redis_as_the_simulated_replicas_do() {
    compare(3);
}

#[test]
#[ignore = "needs redis-server"]
fn ten_real_replicas_use_redis_as_the_simulated_replicas_do() {
    if std::env::var("MOVIES_GEN_SIMULATION").is_ok_and(|size| size == "large") {
        compare(10);
    }
}

/// Compares the figures of this many replicas. The bounds are wide, because other programs may run on
/// this machine.
#[expect(clippy::print_stdout, reason = "the comparison is the result")]
fn compare(replicas: usize) {
    let (alone, bytes) = measure(1);
    let (measured, _) = measure(replicas);
    let simulated = simulate(replicas, &alone, &measured, bytes);
    println!(
        "\n| a refresh of {replicas} replicas | measured | simulated | difference |\n|---|---|---|---|"
    );
    let line = |what: &str, measured: f64, simulated: f64, bound: f64| {
        let off = 100.0 * (simulated - measured) / measured;
        println!("| {what} | {measured:.0} | {simulated:.0} | {off:+.0} % |");
        assert!(off.abs() <= bound, "{what}: {measured} measured, {simulated} simulated");
    };
    line("script calls", measured.scripts, simulated.scripts, 50.0);
    line("commands", measured.commands, simulated.commands, 50.0);
    line("bytes to Redis", measured.received, simulated.received, 50.0);
    line("bytes from Redis", measured.sent, simulated.sent, 50.0);
    for (name, share) in [("p50", 0.5), ("worst", 1.0)] {
        let of = |figures: &Figures| milliseconds(&figures.until_last, share) as f64;
        let what = format!("save to last replica, ms, {name}");
        line(&what, of(&measured).max(1.0), of(&simulated), f64::INFINITY);
    }
}

/// Measures real replicas. Returns also the bytes of films, people and ledger.
fn measure(replicas: usize) -> (Figures, [usize; 3]) {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let times = ["--interval", INTERVAL, "--max-age", INTERVAL, "--hold", "1s"];
    let site = || Site::in_memory().with(&["--upstream", &upstream.url(), "--redis", &redis.url()]);
    let servers: Vec<_> = (0..replicas).map(|_| site().with(&times).serve()).collect();
    let servers: Vec<_> = servers.into_iter().map(Running::ready).collect();
    let saves = saves(&redis);
    let (sender, shown) = mpsc::channel();
    servers.iter().for_each(|server| watch(server, &sender));
    for round in 0..BEFORE {
        change(&upstream, round);
    }
    let before = counted(&redis);
    let known = saves.lock().expect("saves").len();
    for round in BEFORE..BEFORE + REFRESHES {
        change(&upstream, round);
    }
    wait_until("the saves", || saves.lock().expect("saves").len() >= known + REFRESHES);
    let after = counted(&redis);
    let count = (saves.lock().expect("saves").len() - known) as f64;
    let figure = |name: &str| (after[name] - before[name]) as f64 / count;
    let mut seen: BTreeMap<String, Vec<Instant>> = BTreeMap::new();
    while let Ok((generation, at)) = shown.try_recv() {
        seen.entry(generation).or_default().push(at);
    }
    let saves = saves.lock().expect("saves");
    let ended = |times: &Vec<Instant>| {
        let (first, last) = (times.iter().min()?, times.iter().max()?);
        let save = saves.values().map(|(at, _)| at).filter(|at| *at <= first).max()?;
        (times.len() == replicas).then(|| last.duration_since(*save).as_micros() as Micros)
    };
    let mut until_last: Vec<Micros> = seen.values().filter_map(ended).collect();
    until_last.sort_unstable();
    let mut until_save: Vec<Micros> = saves.iter().map(|(fence, (_, wall))| wall - fence).collect();
    until_save.sort_unstable();
    let figures = Figures {
        scripts: figure("evalsha"),
        commands: figure("commands"),
        received: figure("total_net_input_bytes"),
        sent: figure("total_net_output_bytes"),
        until_last,
        until_save,
    };
    (figures, ["films", "people", "ledger"].map(|field| redis.body(field).len()))
}

/// Changes a film, and waits until the change is on its way.
fn change(upstream: &Upstream, round: usize) {
    let mut films = films();
    films[0]["rt_score"] = (10 + round).to_string().into();
    upstream.set("/films", Answer::json(&films));
    upstream.wait_until_asked_again();
}

/// Times of the saves by fence, on two clocks.
type Saves = Arc<Mutex<BTreeMap<u64, (Instant, u64)>>>;

fn saves(redis: &Redis) -> Saves {
    let saves: Saves = Arc::default();
    let client = redis::Client::open(redis.url()).expect("an address");
    let mut connection = client.get_connection().expect("a connection");
    let told = saves.clone();
    let (ready, is_ready) = mpsc::channel();
    std::thread::spawn(move || {
        let mut heard = connection.as_pubsub();
        heard.psubscribe("*:saved").expect("subscribed");
        ready.send(()).expect("a receiver");
        while let Ok(message) = heard.get_message() {
            let wall = SystemTime::UNIX_EPOCH.elapsed().expect("a time").as_micros() as u64;
            let fence: u64 = message.get_payload().expect("a fence");
            // The outcome is announced after the save, with the same fence.
            let now = (Instant::now(), wall);
            told.lock().expect("saves").entry(fence).or_insert(now);
        }
    });
    is_ready.recv().expect("a subscription");
    saves
}

/// Sends each new generation of a server with the time at which open pages hear of it.
fn watch(server: &Running, sender: &mpsc::Sender<(String, Instant)>) {
    let mut listener = Listener::open(server.address, "path=/&page=", &[]);
    assert_eq!(listener.status, 200);
    let sender = sender.clone();
    std::thread::spawn(move || {
        while let Some(heard) = listener.hear() {
            let is_new = heard.name == "generation";
            if is_new && sender.send((heard.id, Instant::now())).is_err() {
                return;
            }
        }
    });
}

/// Returns what Redis counted, without the counting itself.
fn counted(redis: &Redis) -> BTreeMap<String, u64> {
    let mut counted = BTreeMap::from([("commands".to_owned(), 0)]);
    let commands: String = redis.ask(redis::cmd("INFO").arg("commandstats"));
    for line in commands.lines().filter_map(|line| line.strip_prefix("cmdstat_")) {
        let Some((name, rest)) = line.split_once(":calls=") else { continue };
        let calls: u64 = rest.split(',').next().and_then(|n| n.parse().ok()).expect("a number");
        if ["info", "ping", "client|setinfo"].contains(&name) {
            continue;
        }
        *counted.entry("commands".to_owned()).or_default() += calls;
        counted.insert(name.to_owned(), calls);
    }
    let stats: String = redis.ask(redis::cmd("INFO").arg("stats"));
    for line in stats.lines().filter(|line| line.starts_with("total_net_")) {
        if let Some((name, Ok(number))) = line.split_once(':').map(|(n, v)| (n, v.parse())) {
            counted.insert(name.to_owned(), number);
        }
    }
    counted
}

/// Simulates the same replicas.
fn simulate(replicas: usize, alone: &Figures, measured: &Figures, bytes: [usize; 3]) -> Figures {
    let middle = |times: &[Micros]| times.get(times.len() / 2).copied().unwrap_or_default();
    let interval = humantime::parse_duration(INTERVAL).expect("a duration");
    let lasts = 60 * SECOND;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let build = middle(&alone.until_last);
    let setting = Setting {
        interval,
        max_age: interval,
        hold: Duration::from_secs(1),
        network: Network::LOCAL,
        api: Api { answer: middle(&measured.until_save), changes: 1.0, fails: 0.0, is_slow: 0.0 },
        loads: 1,
        build,
        confirm: build / 10,
        cores: Some(cores),
        bytes,
        ..Setting::of(replicas, lasts)
    };
    let world = World::new(setting);
    world.run_until(lasts);
    let row = Row::of("measured", &world);
    let (scripts, commands, received, sent) = row.in_a_second();
    world.end();
    let of_refresh = |in_a_second: u64| in_a_second as f64 * interval.as_secs_f64();
    Figures {
        scripts: of_refresh(scripts),
        commands: of_refresh(commands),
        received: of_refresh(received),
        sent: of_refresh(sent),
        until_last: row.until_last,
        until_save: Vec::new(),
    }
}
