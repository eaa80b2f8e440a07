//! A page stays open while films change all the time. The page does not grow, and announces and
//! requests no more than the changes give reason to.
//!
//! `LIVE_MINUTES` sets the time. `make open-page` keeps the page open for ten minutes.

use std::fmt;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{LISTENS, served, was_not_loaded_again};
use crate::fixture::{Answer, Browser, Running, Tab, Upstream, films, wait_until};

/// Minutes in an ordinary run: 20 seconds.
const MINUTES: f64 = 1.0 / 3.0;
/// From one change to the next.
const APART: Duration = Duration::from_secs(1);
/// Longer than the last thing that a change has a page do: it fetches itself up to a second
/// after the cards, then looks at `freshness.json` within one and a half.
const QUIET: Duration = Duration::from_secs(4);

/// What stays open. The second has a sentence of the finder on it, which the change of a
/// score gives no reason to say again.
const PATHS: [&str; 2] = ["/", "/?director=Ida+Brandt"];

/// The page itself, and `freshness.json`.
const REQUESTS_OF_A_CHANGE: f64 = 2.0;
/// DOM nodes that may come between a third of the time and the end. An age in words and a
/// notice that is shown are a few; one node kept of each change would be more, even in the
/// shortest run, and a page kept of each some hundred times as many.
const MORE_NODES: f64 = 10.0;
/// Bytes of the heap that scripts use, likewise, plus some for each change. In ten minutes
/// the engine adds compiled code and caches of its own: 175 to 185 kB for 400 changes, of
/// which heap snapshots show no object of a script. The text of a page kept of each change
/// would be 15,000 bytes a change, the data of an event kept 1,000 or more.
const MORE_HEAP: f64 = 150_000.0;
const MORE_HEAP_OF_A_CHANGE: f64 = 300.0;

/// Counts the sentences that are put where they are read aloud, the same again among them.
/// A region that is emptied says nothing.
const COUNTS_SENTENCES: &str = "(() => {
    sentences = {};
    regions = ['said', 'found'].map((name) => {
        const region = document.querySelector(`[data-${name}]`);
        const isSaid = ({ type, addedNodes }) => type === 'characterData' || addedNodes.length > 0;
        sentences[name] = 0;
        new MutationObserver((records) => { sentences[name] += records.filter(isSaid).length; })
            .observe(region, { childList: true, characterData: true, subtree: true });
        return region;
    });
})()";
/// Whether what is counted is still what stands on the page.
const COUNTS_STILL: &str = "regions.every((region) => region.isConnected)";

#[test]
#[ignore = "needs chromium"]
fn a_page_stays_open_for_ten_minutes_with_a_change_a_second() {
    let (upstream, running, mut browser) = served();
    let mut visits = PATHS.map(|path| Visit::open(&mut browser, &running, path));
    let mut changes = Changes { upstream: &upstream, running: &running, films: films(), made: 0 };
    let length = length();
    changes.make_for(length / 3);
    let early = visits.each_mut().map(|visit| visit.size_once_it_shows(&changes));
    changes.make_for(length * 2 / 3);
    let late = visits.each_mut().map(|visit| visit.size_once_it_shows(&changes));
    let sizes = early.iter().zip(&late);
    let figures: Vec<_> = visits
        .iter_mut()
        .zip(sizes)
        .flat_map(|(visit, (early, late))| visit.figures(changes.made, early, late))
        .collect();
    print(changes.made, &figures);
    let too_much: Vec<_> = figures.iter().filter(|figure| figure.is > figure.most).collect();
    assert!(too_much.is_empty(), "{too_much:#?}");
    visits.iter_mut().for_each(|visit| was_not_loaded_again(&mut visit.tab));
}

fn length() -> Duration {
    let minutes = std::env::var("LIVE_MINUTES");
    let minutes = minutes.map_or(MINUTES, |minutes| minutes.parse().expect("a number of minutes"));
    Duration::from_secs_f64(60.0 * minutes)
}

#[expect(clippy::print_stdout, reason = "whoever runs it for ten minutes reads the figures")]
fn print(changes: usize, figures: &[Figure]) {
    println!("{changes} changes");
    figures.iter().for_each(|figure| println!("{figure:?}"));
}

/// Films that change, one by one.
struct Changes<'a> {
    upstream: &'a Upstream,
    running: &'a Running,
    films: Value,
    made: usize,
}

impl Changes<'_> {
    fn make_for(&mut self, length: Duration) {
        let end = Instant::now() + length;
        while Instant::now() < end {
            let next = Instant::now() + APART;
            self.make_one();
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }

    /// Another score for the next of the films; returns when it is published, so that no
    /// two changes come as one.
    fn make_one(&mut self) {
        self.made += 1;
        let number = self.films.as_array().map_or(0, Vec::len);
        self.films[self.made % number]["rt_score"] = self.score().into();
        self.upstream.set("/films", Answer::json(&self.films));
        let is_new = format!("data-score=\"{}\"", self.score());
        wait_until("the changed film", || self.running.get("/").text().contains(&is_new));
    }

    /// What no other film has at the moment.
    fn score(&self) -> String {
        (10 + self.made % 50).to_string()
    }
}

/// A page that stays open.
struct Visit {
    path: &'static str,
    tab: Tab,
}

impl Visit {
    fn open(browser: &mut Browser, running: &Running, path: &'static str) -> Visit {
        let mut tab = browser.window();
        tab.load(&format!("http://{}{path}", running.address));
        tab.wait_for(LISTENS);
        std::thread::sleep(QUIET);
        let _ = tab.value(&format!("window.isStillTheSame = true; {COUNTS_SENTENCES}"));
        let _ = tab.heard("Network.requestWillBeSent");
        Visit { path, tab }
    }

    /// How large the page is when it shows the last change and rests.
    fn size_once_it_shows(&mut self, changes: &Changes<'_>) -> Size {
        let last = format!("[data-film-id][data-score='{}']", changes.score());
        self.tab.wait_for(&format!("document.querySelector(\"{last}\") !== null"));
        std::thread::sleep(QUIET);
        // What the first round lets go may hold what the second collects.
        for _ in 0..2 {
            self.tab.call("HeapProfiler.collectGarbage", json!({}));
        }
        let counters = self.tab.call("Memory.getDOMCounters", json!({}));
        let heap = self.tab.call("Runtime.getHeapUsage", json!({}));
        Size {
            nodes: number(&counters["nodes"]),
            listeners: number(&counters["jsEventListeners"]),
            heap: number(&heap["usedSize"]),
        }
    }

    fn figures(&mut self, changes: usize, early: &Size, late: &Size) -> [Figure; 7] {
        let requests = self.tab.heard("Network.requestWillBeSent");
        let of_kind = |kinds: &[&str]| {
            let is_one = |request: &&Value| kinds.iter().any(|&kind| request["type"] == kind);
            requests.iter().filter(is_one).count() as f64
        };
        let asked = of_kind(&["Fetch", "XHR", "Document"]);
        let streams = of_kind(&["EventSource"]);
        let changes = changes as f64;
        assert_eq!(self.tab.value(COUNTS_STILL), true, "a region is another element now");
        let mut said = |name: &str| number(&self.tab.value(&format!("sentences.{name}")));
        let (said, found) = (said("said"), said("found"));
        let path = self.path;
        let figure = |what, is, most| Figure { path, what, is, most };
        [
            figure("more DOM nodes", late.nodes - early.nodes, MORE_NODES),
            figure("more event listeners", late.listeners - early.listeners, 0.0),
            figure(
                "more bytes of heap",
                late.heap - early.heap,
                MORE_HEAP + MORE_HEAP_OF_A_CHANGE * changes,
            ),
            figure("sentences said", said, changes),
            figure("sentences said, with the finder's", said + found, changes),
            figure("requests", asked, REQUESTS_OF_A_CHANGE * changes),
            figure("streams opened again", streams, 0.0),
        ]
    }
}

/// Of a page, after garbage was collected.
struct Size {
    nodes: f64,
    listeners: f64,
    /// Bytes.
    heap: f64,
}

/// What was counted, and the most that it may be.
struct Figure {
    path: &'static str,
    what: &'static str,
    is: f64,
    most: f64,
}

impl fmt::Debug for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figure { path, what, is, most } = self;
        write!(f, "{path}: {what}: {is} (at most {most})")
    }
}

#[track_caller]
fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}
