//! Measures updates of open pages.
//!
//! - time from a published generation to the updated page in a browser: under 100 ms on
//!   loopback, for a card that an event contains and for a page that fetches itself;
//! - size of the event for one added film, compared with the size of the list;
//! - main-thread time of one update, for catalogues of several sizes ([`update`]): 50 ms
//!   for one changed card of 990 on a CPU that is slowed down four times.
//!
//! A word on the command line (`news`, `update`) selects the figures; `update 990` selects the
//! catalogue of this size. The first two figures use the real data if the data is beside the
//! checkout, else the data of the tests. The last figure uses synthetic data.

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

mod catalogue;
mod spent;
mod update;

use chrono::DateTime;
use fixture::{Answer, Browser, Listener, Running, Site, Tab, Upstream};
use serde_json::Value;

const ROUNDS: usize = 15;
/// The goal for the time until the updated page, in milliseconds.
const GOAL: f64 = 100.0;

fn main() {
    let wanted: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    if is_wanted("news") {
        news();
    }
    if is_wanted("update") && has_browser() {
        let sizes: Vec<_> = wanted.iter().filter_map(|word| word.parse().ok()).collect();
        update::costs(&sizes);
    }
}

fn has_browser() -> bool {
    let has = std::process::Command::new("chromium").arg("--version").output().is_ok();
    if !has {
        println!("figures in a browser: not measured, because chromium is not installed");
    }
    has
}

fn news() {
    let (films, people) = data();
    let upstream = Upstream::of(&films, &people);
    let site = Site::of(&upstream).with(&["--interval", "500ms", "--max-age", "500ms", "-v"]);
    let server = site.serve().ready();
    println!("data: {} films", films.as_array().map_or(0, Vec::len));
    bytes(&upstream, &server, &films);
    if has_browser() {
        patched(&upstream, &server, &films);
    }
}

fn data() -> (Value, Value) {
    let shared = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/ghibli");
    let read = |name: &str| {
        let text = std::fs::read(shared.join(name)).ok()?;
        serde_json::from_slice(&text).ok()
    };
    read("films.json").zip(read("people.json")).unwrap_or((fixture::films(), fixture::people()))
}

/// Adds one film, and prints the size of the event and the size of the list.
fn bytes(upstream: &Upstream, server: &Running, films: &Value) {
    let mut listener = Listener::open(server.address, "path=/", &[]);
    let _ = listener.next();
    let mut more = films.clone();
    let mut film = films[0].clone();
    film["id"] = "bench-new".into();
    film["title"] = "A Film That Is New".into();
    more.as_array_mut().expect("a list").push(film);
    upstream.set("/films", Answer::json(&more));
    let step = listener.next();
    assert_eq!(step.data["films"]["added"].as_array().map(Vec::len), Some(1));
    let (plain, small) = (server.get("/"), server.get_with("/", "Accept-Encoding", "br"));
    println!(
        "one added film: an event of {} bytes, a list of {} ({} compressed)",
        step.bytes,
        plain.body.len(),
        small.body.len()
    );
}

/// Measures the time from the log line about a published generation until the browser shows the
/// generation. Both times are from one clock.
fn patched(upstream: &Upstream, server: &Running, films: &Value) {
    let mut browser = Browser::start();
    let mut list = open(&mut browser, server, "/");
    let path = list.text("document.querySelector('[data-film-id] h2 a').pathname");
    let id = list.text("document.querySelector('[data-film-id]').dataset.filmId");
    let mut film = open(&mut browser, server, &path);
    let is_it = |film: &Value| film["id"] == id.as_str();
    let at = films.as_array().expect("a list").iter().position(is_it).expect("a listed film");
    let (mut cards, mut pages) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let text = format!("Round {round}");
        let mut next = films.clone();
        next[at]["title"] = text.clone().into();
        for tab in [&mut list, &mut film] {
            let watch = "new MutationObserver(() => {
                    const shown = document.querySelector('[data-film-id] h2, h1[itemprop]').textContent;
                    window.seen ??= {};
                    window.seen[shown] ??= performance.timeOrigin + performance.now();
                }).observe(document.getElementById('main'),
                    { subtree: true, childList: true, characterData: true })";
            if round == 0 {
                let _ = tab.value(&format!("{watch}; 0"));
            }
        }
        let before = published(server).len();
        upstream.set("/films", Answer::json(&next));
        fixture::wait_until("a generation", || published(server).len() > before);
        let live = published(server)[before];
        for (tab, times) in [(&mut list, &mut cards), (&mut film, &mut pages)] {
            tab.wait_for(&format!("window.seen?.['{text}'] !== undefined"));
            let seen = tab.value(&format!("window.seen['{text}']")).as_f64().expect("a time");
            times.push(seen - live);
        }
        // The list fetches its other changes by itself.
        list.wait_for(&format!("document.body.innerHTML.includes('{text}')"));
    }
    print("published to shown in the browser, a card of the list", cards);
    print("published to shown in the browser, a page that fetches itself", pages);
}

fn open(browser: &mut Browser, server: &Running, path: &str) -> Tab {
    let mut tab = browser.window();
    tab.load(&format!("http://{}{path}", server.address));
    tab.wait_for("moviesGen.generation !== null && moviesGen.generation !== undefined");
    tab
}

/// Returns the times at which generations were published, in milliseconds since 1970.
fn published(server: &Running) -> Vec<f64> {
    let log = server.log();
    let lines = log.lines().filter(|line| line.contains("published generation="));
    let times = lines.filter_map(|line| DateTime::parse_from_rfc3339(line.split(' ').next()?).ok());
    times.map(|time| time.timestamp_micros() as f64 / 1000.0).collect()
}

fn print(what: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!("{what}: median {median:.1} ms, worst {worst:.1} ms of {} (goal {GOAL})", times.len());
}
