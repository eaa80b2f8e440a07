//! Measures the time that one update takes on the main thread of an open page.
//!
//! The figure is the difference of the counters of the browser between the time before the change
//! of the upstream and the time at which the page rests again, minus the work of a page without a
//! change in the same time. All figures are CPU time of the main thread, so other work of the
//! machine has little effect. The benchmark makes no call to the page in between, because a call
//! would be a task, too.
//!
//! 1. Open a page, and slow down its CPU.
//! 2. Change a record several times. The first time counts, too, because the page of a visitor has
//!    seldom run the code before. After each change, compare the page with the page of the server.
//! 3. Leave the page alone for the same time, several times, to measure its work without changes.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::fixture::{Answer, Browser, Running, Site, Tab, Upstream};
use super::spent::{Spent, spent, until};
use super::{catalogue, open, published};

/// Number of measurements of each change.
const ROUNDS: usize = 5;
/// Number of measurements of a page that is left alone.
const IDLE_ROUNDS: usize = 3;
/// Factors by which the CPU is slower than this machine.
const RATES: [u32; 2] = [1, 4];
/// Returns the time from the publication until the page rests. The page fetches itself up to one
/// second after the cards, and reads `freshness.json` within 1.5 seconds after that. The rest of
/// the time is for the work of the page, which takes longer on a slow CPU.
const fn rest(rate: u32) -> Duration {
    Duration::from_secs(3 + rate as u64)
}
/// The goal in milliseconds. A visitor notices if a page is busy for longer.
const GOAL: &str = "50";

/// The measurements for one size of catalogue: the pages, with a change for each page.
struct Case {
    films: usize,
    people: usize,
    changes: &'static [Change],
}

struct Change {
    path: &'static str,
    what: &'static str,
    /// The list, the field, and the value of the field in each round.
    list: &'static str,
    field: &'static str,
    to: fn(usize) -> String,
    /// An expression for the id of the changed record, which is the first record on the page.
    of: &'static str,
    /// The factor of the CPU to which the goal applies.
    goal: Option<u32>,
}

const SCORE: Change = Change {
    path: "/",
    what: "a score",
    list: "/films",
    field: "rt_score",
    to: |round| (10 + round).to_string(),
    of: "document.querySelector('[data-film-id]').dataset.filmId",
    goal: None,
};
const NAME: Change = Change {
    path: "/people/",
    what: "a name",
    list: "/people",
    field: "name",
    to: |round| format!("Ann Brandt {round}"),
    of: "'p0'",
    goal: None,
};
const CASES: [Case; 3] = [
    Case { films: 22, people: 57, changes: &[SCORE] },
    Case { films: 990, people: 980, changes: &[Change { goal: Some(4), ..SCORE }, NAME] },
    Case { films: 10_000, people: 9_900, changes: &[SCORE] },
];

/// An expression that compares the page with the page of the server, without the parts that belong
/// to the visitor. The expression uses a copy in a document that loads no pictures.
const IS_RIGHT: &str = "(async () => {
    const answer = await fetch(location.href, { cache: 'no-cache' });
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const text = (main) => {
        const copy = page.importNode(main, true);
        copy.querySelectorAll('[data-found], [data-others]').forEach((own) => own.remove());
        const cards = [...copy.querySelectorAll('[data-film-id]')].map((card) => card.dataset.score);
        return cards.join() + copy.textContent.replace(/\\s+/g, ' ');
    };
    return text(page.getElementById('main')) === text(document.getElementById('main'));
})()";

/// Measures and prints the time of updates for catalogues of these sizes, or of all sizes.
pub(super) fn costs(sizes: &[usize]) {
    println!("one update of an open page, {ROUNDS} times: CPU time of its main thread, in ms");
    println!(
        "{:<29} | in all{:>15} | {:<15} | {:<15} | left  |",
        "", "goal", "of that", "longest task"
    );
    println!(
        "{:>6}  {:<8}  {:<7} CPU | {:>6} {:>7} {:>6} | {:>6} {:>8} | {:>6} {:>8} | alone | became",
        "films",
        "page",
        "changed",
        "median",
        "worst",
        "at 4x",
        "script",
        "layout",
        "median",
        "worst"
    );
    let is_wanted = |case: &&Case| sizes.is_empty() || sizes.contains(&case.films);
    for case in CASES.iter().filter(is_wanted) {
        let films = catalogue::films(case.films, case.people);
        let people = catalogue::people(case.people);
        let upstream = Upstream::of(&films, &people);
        // The interval is long, because the work of the server takes CPU time from the page.
        let site = Site::of(&upstream).with(&["--interval", "3s", "--max-age", "60s", "-v"]);
        let server = site.with(&["--max-bytes", "64MiB", "--limit", "20000"]).serve();
        until(|| server.get("/").status == 200);
        let mut browser = Browser::start();
        for change in case.changes {
            let list = if change.list == "/films" { &films } else { &people };
            let mut news = News { upstream: &upstream, change, list: list.clone(), made: 0 };
            for rate in RATES {
                let mut tab = open(&mut browser, &server, change.path);
                let measured = measured(&mut tab, &server, &mut news, rate);
                tab.call("Page.close", json!({}));
                print(case, change, rate, &measured);
            }
        }
    }
}

/// A change, and the number of times that the change was made.
struct News<'a> {
    upstream: &'a Upstream,
    change: &'a Change,
    list: Value,
    made: usize,
}

impl News<'_> {
    fn make(&mut self, id: &str) {
        self.made += 1;
        let records = self.list.as_array_mut().expect("a list");
        let record = records.iter_mut().find(|record| record["id"] == id);
        record.expect("a record of that id")[self.change.field] =
            (self.change.to)(self.made).into();
        self.upstream.set(self.change.list, Answer::json(&self.list));
    }
}

struct Measured {
    rounds: Vec<Spent>,
    /// The work of a page without a change in the same time, which is subtracted.
    idle: f64,
    /// Number of rounds after which the page was equal to the page of the server.
    right: usize,
}

fn measured(tab: &mut Tab, server: &Running, news: &mut News<'_>, rate: u32) -> Measured {
    let id = tab.text(news.change.of);
    tab.call("Performance.enable", json!({"timeDomain": "threadTicks"}));
    tab.call("Emulation.setCPUThrottlingRate", json!({"rate": rate}));
    sleep(rest(rate));
    let (mut rounds, mut right, mut length) = (Vec::new(), 0, Duration::ZERO);
    for _ in 0..ROUNDS {
        rounds.push(spent(tab, || {
            let started = Instant::now();
            let before = published(server).len();
            news.make(&id);
            until(|| published(server).len() > before);
            sleep(rest(rate));
            length = length.max(started.elapsed());
        }));
        right += usize::from(tab.value(IS_RIGHT) == true);
        sleep(rest(rate) / 4);
    }
    let idle: Vec<_> = (0..IDLE_ROUNDS).map(|_| spent(tab, || sleep(length))).collect();
    for round in &mut rounds {
        round.all -= median(&idle, |idle| idle.all);
        round.script -= median(&idle, |idle| idle.script);
        round.layout -= median(&idle, |idle| idle.layout);
    }
    Measured { rounds, idle: median(&idle, |idle| idle.all), right }
}

fn print(case: &Case, change: &Change, rate: u32, Measured { rounds, idle, right }: &Measured) {
    let all = |spent: &Spent| spent.all;
    let longest = |spent: &Spent| spent.longest;
    let goal = if change.goal == Some(rate) { GOAL } else { "" };
    println!(
        "{:>6}  {:<8}  {:<7}  {rate}x | {:>6.1} {:>7.1} {goal:>6} | {:>6.1} {:>8.1} | {:>6.1} {:>8.1} | {idle:>5.0} | {right} of {}",
        case.films,
        change.path,
        change.what,
        median(rounds, all),
        worst(rounds, all),
        median(rounds, |spent| spent.script),
        median(rounds, |spent| spent.layout),
        median(rounds, longest),
        worst(rounds, longest),
        rounds.len(),
    );
}

fn median(rounds: &[Spent], of: impl Fn(&Spent) -> f64) -> f64 {
    let mut times: Vec<_> = rounds.iter().map(of).collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn worst(rounds: &[Spent], of: impl Fn(&Spent) -> f64) -> f64 {
    rounds.iter().map(of).fold(f64::MIN, f64::max)
}
