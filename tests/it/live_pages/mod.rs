//! Open pages that update themselves, in a real browser.

mod connection;
mod endurance;
mod failing;
mod files;
mod list;
mod long;
mod pages;
mod replicas;
mod visits;

use serde_json::{Value, json};

use crate::fixture::{Answer, Browser, Running, Site, Tab, Upstream, films};

/// The text of the live region.
const SAID: &str = "document.querySelector('[data-said]').textContent";
/// Returns an expression for whether the live region has this sentence. Two sentences are at least
/// 200 ms apart, so the second sentence may come a moment after the change on the page.
fn says(sentence: &str) -> String {
    format!("{SAID} === '{sentence}'")
}
/// A script that records in `said` each sentence that the live region has had, for tests in which
/// another sentence follows soon.
const RECORDS_SENTENCES: &str = "said = []; addEventListener('DOMContentLoaded', () => {
    const region = document.querySelector('[data-said]');
    new MutationObserver(() => said.push(region.textContent)).observe(region, { childList: true });
})";
/// The ids of the cards that the list shows, in the order of the list.
const CARDS: &str = "[...document.querySelectorAll('[data-film-id]')]
    .filter((card) => card.checkVisibility()).map((card) => card.dataset.filmId).join(' ')";
/// Whether the page knows its generation. From then on, the page receives news.
const LISTENS: &str = "moviesGen.generation !== undefined && moviesGen.generation !== null";

/// A site that asks its upstream about three times a second, and whose data does not become old in
/// a test.
fn quick(upstream: &Upstream) -> Site {
    Site::of(upstream).with(&["--interval", "300ms", "--max-age", "60s"])
}

/// As [`quick`], but the data becomes old soon after the last refresh.
fn soon_old(upstream: &Upstream) -> Site {
    Site::of(upstream).with(&["--interval", "300ms", "--max-age", "300ms"])
}

/// A server that asks its upstream about three times a second, and a browser.
fn served() -> (Upstream, Running, Browser) {
    let upstream = Upstream::start();
    let running = quick(&upstream).serve().ready();
    (upstream, running, Browser::start())
}

/// Opens a tab with a page that receives news.
fn open(browser: &mut Browser, running: &Running, path: &str) -> Tab {
    let mut tab = browser.tab();
    tab.load(&format!("http://{}{path}", running.address));
    tab.wait_for(LISTENS);
    // A load of the page would remove this mark.
    let _ = tab.value("window.isStillTheSame = true");
    tab
}

#[track_caller]
fn was_not_loaded_again(tab: &mut Tab) {
    assert_eq!(tab.value("window.isStillTheSame === true"), true, "the page was loaded again");
    assert_eq!(tab.complaints(), Vec::<Value>::new());
}

/// As [`was_not_loaded_again`], for tests in which a request fails on purpose. The browser logs the
/// failed request, so only uncaught exceptions count.
#[track_caller]
fn is_still_the_same(tab: &mut Tab) {
    assert_eq!(tab.value("window.isStillTheSame === true"), true, "the page was loaded again");
    let complaints = tab.complaints();
    let of_the_page = complaints.iter().filter(|it| it["method"] == "Runtime.exceptionThrown");
    assert_eq!(of_the_page.count(), 0, "{complaints:?}");
}

fn new_film() -> Value {
    json!({"id": "f-new", "title": "The New One", "release_date": "2001", "director": "Ida Brandt",
        "running_time": "90", "rt_score": "80"})
}

/// The list of films with an additional film.
fn one_more() -> Answer {
    let mut films = films();
    films.as_array_mut().expect("a list").push(new_film());
    Answer::json(&films)
}

/// The list of films with other values for the first film.
fn changed(facts: &Value) -> Answer {
    let mut films = films();
    for (name, value) in facts.as_object().expect("facts") {
        films[0][name] = value.clone();
    }
    Answer::json(&films)
}

/// The list of films without its last film.
fn one_less() -> Answer {
    let mut films = films();
    films.as_array_mut().expect("a list").pop();
    Answer::json(&films)
}
