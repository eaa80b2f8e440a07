//! `/events`: the events that an open page receives.

mod crowd;
mod replay;
mod stream;

use serde_json::Value;

use crate::fixture::{Answer, Listener, Running, Site, Upstream, films};

/// Starts a server that asks its upstream three times a second.
fn served() -> (Upstream, Running) {
    served_with(&[])
}

fn served_with(arguments: &[&str]) -> (Upstream, Running) {
    let upstream = Upstream::start();
    let running = quick(&upstream).with(arguments).serve().ready();
    (upstream, running)
}

fn quick(upstream: &Upstream) -> Site {
    Site::of(upstream).with(&["--interval", "300ms", "--max-age", "300ms"])
}

/// Makes an answer in which the first film has another score.
fn scored(score: u32) -> Answer {
    let mut films = films();
    films[0]["rt_score"] = score.to_string().into();
    Answer::json(&films)
}

/// Makes an answer with one more film.
fn with_one_more(film: Value) -> Answer {
    let mut films = films();
    films.as_array_mut().expect("a list").push(film);
    Answer::json(&films)
}

/// Returns the fingerprint in a page.
fn fingerprint(running: &Running, path: &str) -> String {
    let page = running.get(path);
    let (_, rest) =
        page.text().split_once("name=\"movies-gen-fingerprint\" content=\"").expect("one");
    rest.split('"').next().unwrap_or_default().to_owned()
}

/// Opens a stream as a page that shows the live generation.
fn listen(running: &Running) -> Listener {
    let page = fingerprint(running, "/");
    let mut listener = Listener::open(running.address, &format!("path=/&page={page}"), &[]);
    let first = listener.next();
    assert_eq!(first.name, "current", "{first:?}");
    listener
}
