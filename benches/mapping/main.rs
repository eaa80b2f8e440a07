//! Measures what the mapping costs in the decode of a large catalogue.
//!
//! The goal: the default mapping costs at most 10 % of the decode of 100,000 films. The decode is
//! the whole way from two bodies in memory to a joined catalogue. The cost of the mapping is the
//! time in which the mapping finds the values in all records, less the time in which a reader that
//! knows the names of the fields finds the same values: a `struct` whose reader serde generates.
//! The expressions of other APIs are measured, too: they have no reader to compare with.
//!
//! All measurements take one thread and alternate in one run, so that the ratio depends little on
//! the machine. A number on the command line is the number of films.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark reads clocks, prints, and ends at the first error"
)]

use std::fs;
use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use movies_gen::catalogue::{Bounds, join_within};
use movies_gen::clock::Clock;
use movies_gen::mapping::{Base, ListMapping, Mapping, MappingFile};
use movies_gen::payload::{Body, Fence, Payload};
use serde::Deserialize;
use serde_json::value::RawValue;

const ROUNDS: usize = 7;

/// The fields of a film that the default mapping finds.
#[derive(Deserialize)]
#[expect(dead_code, reason = "the fields are found, and not used")]
struct Film<'r> {
    #[serde(borrow)]
    id: Option<&'r RawValue>,
    #[serde(borrow)]
    title: Option<&'r RawValue>,
    #[serde(borrow)]
    original_title: Option<&'r RawValue>,
    #[serde(borrow)]
    original_title_romanised: Option<&'r RawValue>,
    #[serde(borrow)]
    image: Option<&'r RawValue>,
    #[serde(borrow)]
    movie_banner: Option<&'r RawValue>,
    #[serde(borrow)]
    description: Option<&'r RawValue>,
    #[serde(borrow)]
    director: Option<&'r RawValue>,
    #[serde(borrow)]
    producer: Option<&'r RawValue>,
    #[serde(borrow)]
    release_date: Option<&'r RawValue>,
    #[serde(borrow)]
    running_time: Option<&'r RawValue>,
    #[serde(borrow)]
    rt_score: Option<&'r RawValue>,
    #[serde(borrow)]
    people: Option<&'r RawValue>,
    #[serde(borrow)]
    species: Option<&'r RawValue>,
    #[serde(borrow)]
    locations: Option<&'r RawValue>,
    #[serde(borrow)]
    vehicles: Option<&'r RawValue>,
}

/// The fields of a person that the default mapping finds.
#[derive(Deserialize)]
#[expect(dead_code, reason = "the fields are found, and not used")]
struct Person<'r> {
    #[serde(borrow)]
    id: Option<&'r RawValue>,
    #[serde(borrow)]
    name: Option<&'r RawValue>,
    #[serde(borrow)]
    gender: Option<&'r RawValue>,
    #[serde(borrow)]
    age: Option<&'r RawValue>,
    #[serde(borrow)]
    eye_color: Option<&'r RawValue>,
    #[serde(borrow)]
    hair_color: Option<&'r RawValue>,
    #[serde(borrow)]
    films: Option<&'r RawValue>,
    #[serde(borrow)]
    species: Option<&'r RawValue>,
}

fn main() {
    let given = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let films: usize = given.unwrap_or(100_000);
    let directory = tempfile::tempdir().expect("a directory");
    let made = Command::new(env!("CARGO_BIN_EXE_movies-gen"))
        .args(["demo-data", "--films", &films.to_string()])
        .args(["--people", &(films * 3).to_string(), "--out", "data"])
        .current_dir(directory.path())
        .status()
        .expect("the data");
    assert!(made.success(), "no data");
    let read = |name| fs::read_to_string(directory.path().join("data").join(name)).expect("a file");
    let (films, people) = (read("films.json"), read("people.json"));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    pool.install(|| measure(&films, &people));
}

fn measure(films: &str, people: &str) {
    let records = |text| serde_json::from_str::<Vec<&RawValue>>(text).expect("a list");
    let (of_films, of_people) = (records(films), records(people));
    println!(
        "{} films, {} people, {} MB; one thread, medians of {ROUNDS}",
        of_films.len(),
        of_people.len(),
        (films.len() + people.len()) / 1_000_000
    );
    let payload = Payload {
        fence: Fence(1),
        origin: Clock::system().stamp(),
        films: Body::whole(films.to_owned()),
        people: Body::whole(people.to_owned()),
    };
    let mapping = Mapping::default_mapping();
    let bounds = Bounds::of(4 << 30);
    let (mut mapped, mut named, mut decoded) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        mapped.push(timed(|| {
            find(&mapping.films, &of_films);
            find(mapping.people.as_ref().expect("people"), &of_people);
        }));
        named.push(timed(|| {
            for raw in &of_films {
                black_box(serde_json::from_str::<Film<'_>>(raw.get()).expect("a film"));
            }
            for raw in &of_people {
                black_box(serde_json::from_str::<Person<'_>>(raw.get()).expect("a person"));
            }
        }));
        decoded.push(timed(|| {
            black_box(join_within(&payload, &mapping, bounds).expect("a catalogue"));
        }));
    }
    let [mapped, named, decoded] = [mapped, named, decoded].map(median);
    println!("the default mapping finds all values: {} ms", mapped.as_millis());
    println!("a reader with fixed names finds them: {} ms", named.as_millis());
    println!("decode, from two bodies to a catalogue: {} ms", decoded.as_millis());
    let cost = (mapped.as_secs_f64() - named.as_secs_f64()) / decoded.as_secs_f64() * 100.0;
    println!("the mapping costs {cost:.1} % of the decode (goal: at most 10 %)");
    expressions(&of_films);
}

/// Measures expressions that are no plain paths.
fn expressions(films: &[&RawValue]) {
    for (what, field) in [
        ("a plain path", "title = \"title\""),
        ("a choice", "title = \"name || title\""),
        ("a text of two parts", "title = { text = \"{id}-{title}\" }"),
        ("a filter", "title = \"people[?contains(@, 'a')] | [0] || title\""),
        ("a slice", "title = \"title\"\npeople = \"people[:5]\""),
    ] {
        let text = format!("[films]\nget = \"/f\"\nid = \"id\"\n{field}\n");
        let file = MappingFile { name: "m.toml", text: &text };
        let mapping = Mapping::read(Some(Base::File(file)), None).expect("a mapping");
        let times = (0..3).map(|_| timed(|| find(&mapping.films, films))).collect();
        let each = median(times).as_secs_f64() / films.len() as f64 * 1e6;
        println!("{what}: {each:.1} µs for each film");
    }
}

fn find(list: &ListMapping, records: &[&RawValue]) {
    for raw in records {
        black_box(list.apply(raw.get()).expect("an object"));
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
