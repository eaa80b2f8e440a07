//! Two pages stay open while a film changes every second. A page does not grow, and announces and
//! requests no more than the changes require.
//!
//! `LIVE_MINUTES` sets the duration in minutes. `make open-page` keeps the pages open for ten
//! minutes.

use std::fmt;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{LISTENS, served, was_not_loaded_again};
use crate::fixture::{Answer, Browser, Running, Tab, Upstream, films, wait_until};

/// Duration in minutes without `LIVE_MINUTES`: 20 seconds.
const MINUTES: f64 = 1.0 / 3.0;
/// Time from one change to the next.
const APART: Duration = Duration::from_secs(1);
/// Time after which a page has finished its work on a change. The page fetches itself up to a
/// second after the event, and reads `freshness.json` up to one and a half seconds later.
const QUIET: Duration = Duration::from_secs(4);

/// The pages that stay open. The second page has a filter, so the form announces the number of
/// found films. A change of a score does not change this number, so the page must not announce it
/// again.
const PATHS: [&str; 2] = ["/", "/?director=Ida+Brandt"];

/// Largest number of requests for each change: one for the page itself, one for `freshness.json`.
const REQUESTS_OF_A_CHANGE: f64 = 2.0;
/// Largest number of DOM nodes that a page may gain between the first third of the time and the
/// end. An age in other words and a notice are a few nodes. If each change left a node behind,
/// there would be more nodes than this, even in the shortest run. If each change left a page
/// behind, there would be about a hundred times as many.
const MORE_NODES: f64 = 10.0;
/// Largest number of bytes that the heap of the scripts may gain in the same time, and in addition
/// for each change. In ten minutes the engine adds compiled code and its own caches: 175 to 185 kB
/// for 400 changes. Heap snapshots show no object of a script among them. If each change left the
/// text of a page behind, the heap would gain 15,000 bytes for each change; with the data of an
/// event, 1,000 bytes or more.
const MORE_HEAP: f64 = 150_000.0;
const MORE_HEAP_OF_A_CHANGE: f64 = 300.0;

/// Counts the sentences that are written to the two live regions, including repeated sentences. An
/// emptied region says nothing.
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
/// Whether the counted regions are still elements of the page.
const COUNTS_STILL: &str = "regions.every((region) => region.isConnected)";

#[test]
#[ignore = "needs chromium"]
fn an_open_page_does_not_grow_while_films_change_every_second() {
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

#[expect(clippy::print_stdout, reason = "the figures are the result of `make open-page`")]
fn print(changes: usize, figures: &[Figure]) {
    println!("{changes} changes");
    figures.iter().for_each(|figure| println!("{figure:?}"));
}

/// Changes films, one after the other.
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

    /// Changes the score of the next film. Returns after the change is published, so that no
    /// generation contains two changes.
    fn make_one(&mut self) {
        self.made += 1;
        let number = self.films.as_array().map_or(0, Vec::len);
        self.films[self.made % number]["rt_score"] = self.score().into();
        self.upstream.set("/films", Answer::json(&self.films));
        let is_new = format!("data-score=\"{}\"", self.score());
        wait_until("the changed film", || self.running.get("/").text().contains(&is_new));
    }

    /// Returns a score that no other film has at the moment.
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

    /// Returns the size of the page when the page shows the last change and has finished its work.
    fn size_once_it_shows(&mut self, changes: &Changes<'_>) -> Size {
        let last = format!("[data-film-id][data-score='{}']", changes.score());
        self.tab.wait_for(&format!("document.querySelector(\"{last}\") !== null"));
        std::thread::sleep(QUIET);
        // Objects that the first collection frees may refer to objects that only the second
        // collection frees.
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
        assert_eq!(
            self.tab.value(COUNTS_STILL),
            true,
            "a live region was replaced by another element"
        );
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

/// Size of a page after a garbage collection.
struct Size {
    nodes: f64,
    listeners: f64,
    /// Bytes.
    heap: f64,
}

/// A measured number, and its upper limit.
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
