//! What one update costs the main thread of a page that is open.
//!
//! By the browser's own figures: the difference of its counters from before the upstream
//! changes until the page rests again, less that of a page to which nothing happens in the
//! same time. All are CPU time of the main thread, so what else the machine does counts
//! little. The page is asked for nothing in between: that would be a task as well.
//!
//! 1. A page is opened, and its CPU slowed down.
//! 2. Something changes, some times over. The first time counts too: a visitor's page has
//!    seldom run the code before. Each time the page is then compared with what the server
//!    sends.
//! 3. It is left alone for as long, some times over: what it does anyhow.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::fixture::{Answer, Browser, Running, Site, Tab, Upstream};
use super::spent::{Spent, spent, until};
use super::{catalogue, open, published};

/// How often each is measured, and how often a page that is left alone.
const ROUNDS: usize = 5;
const IDLE_ROUNDS: usize = 3;
/// Times slower than this machine.
const RATES: [u32; 2] = [1, 4];
/// From the publication until the page rests: it fetches itself up to a second after the
/// cards, and looks at `freshness.json` within one and a half of that. What it computes
/// comes on top, and takes longer on a slow CPU.
const fn rest(rate: u32) -> Duration {
    Duration::from_secs(3 + rate as u64)
}
/// A visitor feels that a page waits which is busy for longer.
const GOAL: &str = "50";

/// What is measured for one size of catalogue: the pages, and what changes on each.
struct Case {
    films: usize,
    people: usize,
    changes: &'static [Change],
}

struct Change {
    path: &'static str,
    what: &'static str,
    /// The list it is made in, what is changed there, and to what in each round.
    list: &'static str,
    field: &'static str,
    to: fn(usize) -> String,
    /// Gives the id of what changes: the first that is shown.
    of: &'static str,
    /// How slow the CPU is for which there is a goal.
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

/// Whether the page shows what the server sends, but for what belongs to the visitor. By a
/// copy in a document that loads no pictures.
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

/// Of catalogues of these sizes; of all if none is named.
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
        // Not often: what the server does takes away from the page.
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

/// What changes, and how often it did.
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
    /// What a page that is left alone does in as long a time, which is taken off.
    idle: f64,
    /// How often the page became what the server sends.
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
