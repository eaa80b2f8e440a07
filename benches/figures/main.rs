//! Measures the figures that the project promises, and prints each figure with its goal.
//!
//! - time from a cold start to the first page from a stored payload: under 100 ms;
//! - time from a payload in memory to the published site, for the real catalogue: under 100 ms;
//! - resident memory while serving: under 30 MB;
//! - time from the save of one of ten replicas until the last replica shows the data: under
//!   200 ms; and one refresh a minute for all replicas together.
//!
//! A word on the command line (`cold`, `publishing`, `replicas`) selects the figures.
//!
//! The benchmark uses the real data if the data is beside the checkout, else the data of the demo,
//! and the disk of the temporary directory of the system (`TMPDIR`).

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark reads clocks, prints, and ends at the first error"
)]

mod replicas;
mod server;
mod upstream;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use movies_gen::catalogue::join;
use movies_gen::clock::{Clock, WallTime};
use movies_gen::ledger::Ledger;
use movies_gen::mapping::Mapping;
use movies_gen::pages::{Plan, Records, Site};
use movies_gen::payload::{Body, Fence, Payload};
use movies_gen::publish::{Exchange, Publisher, SiteInputs, Volatile};
use movies_gen::theme::Theme;
use movies_gen::upstream::{Strange, UpstreamId};
use server::Server;

const ROUNDS: usize = 15;

/// The name of a figure, and the function that measures and prints the figure.
type Figure = (&'static str, fn(&Data));

fn main() {
    let data = Data::find();
    println!("data: {} films, {} people ({})", data.films(), data.people(), data.origin);
    let wanted: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let figures: [Figure; 3] =
        [("cold", cold_starts), ("publishing", publishing), ("replicas", replicas::together)];
    for (name, measure) in figures {
        if wanted.is_empty() || wanted.iter().any(|word| name.contains(word)) {
            measure(&data);
        }
    }
}

/// The catalogue of the measurements.
struct Data {
    origin: &'static str,
    films: Bytes,
    people: Bytes,
}

impl Data {
    fn find() -> Data {
        let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/ghibli");
        match (fs::read(shared.join("films.json")), fs::read(shared.join("people.json"))) {
            (Ok(films), Ok(people)) => {
                Data { origin: "the real ones", films: films.into(), people: people.into() }
            }
            _ => {
                let demo = movies_gen::source::demo::Demo::start(Duration::from_secs(3600));
                let demo = demo.expect("the demo");
                let address = demo.url().trim_start_matches("http://").to_owned();
                let body =
                    |path: &str| Bytes::from(server::get(&address, path).expect("an answer"));
                Data { origin: "the demo's", films: body("/films"), people: body("/people") }
            }
        }
    }

    fn count(body: &[u8]) -> usize {
        serde_json::from_slice::<Vec<serde_json::Value>>(body).expect("a list").len()
    }

    fn films(&self) -> usize {
        Data::count(&self.films)
    }

    fn people(&self) -> usize {
        Data::count(&self.people)
    }

    fn payload(&self, clock: &Clock) -> Payload {
        let body = |bytes: &Bytes| Body::whole(bytes.clone());
        Payload {
            fence: Fence(1),
            origin: clock.stamp(),
            films: body(&self.films),
            people: body(&self.people),
        }
    }
}

/// Measures the time from the start of the process to the first page, and the memory afterwards.
fn cold_starts(data: &Data) {
    let (films, people) = (data.films.clone(), data.people.clone());
    let upstream = upstream::start(move |path| match path {
        "/films" => films.clone(),
        _ => people.clone(),
    });
    let directory = tempfile::tempdir().expect("a directory");
    let start = || Server::start_and_wait(directory.path(), &upstream);
    // The first run asks the upstream and stores the answer.
    drop(start().0);

    let mut kept = Vec::new();
    let mut lost = Vec::new();
    for _ in 0..ROUNDS {
        kept.push(start().1);
        fs::remove_dir_all(directory.path().join("public")).expect("removed");
        lost.push(start().1);
    }
    print("cold start to first page, stored payload, site on disk", kept, 100);
    print("cold start to first page, stored payload, site lost", lost, 100);

    let (server, _) = start();
    for _ in 0..1_000 {
        server::get(&server.address, "/").expect("a page");
    }
    for (field, what) in [("VmRSS:", "now"), ("VmHWM:", "at most")] {
        let megabytes = server.memory(field);
        println!("resident memory after 1,000 pages, {what}: {megabytes:.1} MB (goal 30)");
    }
}

/// Measures the time from a payload in memory to a published site on disk.
fn publishing(data: &Data) {
    let clock = Clock::system();
    let theme = Theme::load(None).expect("the theme");
    let site = Site::named("Films");
    let mut cold = Vec::new();
    let mut changed = Vec::new();
    let mut same = Vec::new();
    for round in 0..ROUNDS {
        let directory = tempfile::tempdir().expect("a directory");
        let (out, state) = (directory.path().join("public"), directory.path().join("state"));
        fs::create_dir(&state).expect("made");
        let mut publisher = Publisher::open(
            &out,
            &state,
            &UpstreamId("bench".into()),
            Strange::Refuse,
            Exchange::IfPossible,
            256 << 20,
        )
        .expect("a publisher");
        let mut publish = |films: &Bytes| {
            let mut payload = data.payload(&clock);
            payload.films = Body::whole(films.clone());
            let started = Instant::now();
            let (catalogue, _) = join(&payload, &Mapping::default_mapping()).expect("a catalogue");
            let ledger = Ledger::baseline(&catalogue, WallTime(1));
            let records = Records::of(&catalogue, &ledger);
            let plan = Plan::new(&site, &records, &theme);
            let none = |_: &movies_gen::publish::Generation| Volatile::new();
            let now = clock.now().wall;
            let look = movies_gen::pages::look(&site, &theme);
            let bodies: [&[u8]; 2] = [payload.films.bytes(), payload.people.bytes()];
            let inputs = SiteInputs::of(&look, bodies, &ledger, None).expect("inputs");
            let rendered = publisher.render(&plan, now, |_| ()).expect("rendered");
            publisher.publish(rendered, inputs, none, |_, _| Ok(()), |_| ()).expect("published");
            started.elapsed()
        };
        cold.push(publish(&data.films));
        publish(&one_score(&data.films, round));
        changed.push(publish(&one_score(&data.films, round + 50)));
        same.push(publish(&one_score(&data.films, round + 50)));
    }
    print("payload in hand to published, nothing there", cold, 100);
    print("payload in hand to published, one film changed", changed, 100);
    print("payload in hand to published, nothing changed", same, 100);
}

/// Returns the same films with another score for the first film.
fn one_score(films: &Bytes, score: usize) -> Bytes {
    let mut films: serde_json::Value = serde_json::from_slice(films).expect("a list");
    films[0]["rt_score"] = score.to_string().into();
    films.to_string().into()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn print(what: &str, mut times: Vec<Duration>, goal: u64) {
    times.sort();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{what}: median {:.1} ms, worst {:.1} ms of {} (goal {goal})",
        milliseconds(median),
        milliseconds(worst),
        times.len()
    );
}
