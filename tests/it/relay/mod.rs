//! What other systems hear of a publish: the command of `--then`, and the bucket of `--publish-to`.

mod bucket;
mod object_store;
mod then;

use serde_json::Value;

use crate::fixture::{Answer, Site, Upstream, films, people};

/// A site whose interval is shorter than a build, so that each build makes a refresh. A shorter interval
/// would leave a busy machine too little time to send the request.
fn hasty(upstream: &Upstream) -> Site {
    Site::of(upstream).with(&["--interval", "60ms", "--max-age", "60ms"])
}

/// Gives a film another description.
fn edit(upstream: &Upstream, text: &str) {
    upstream.set("/films", Answer::json(&edited(films(), text)));
}

/// Returns the films, of which one has this description.
fn edited(mut all: Value, text: &str) -> Value {
    let film =
        all.as_array_mut().expect("a list").iter_mut().find(|film| film["title"] == "Salt Road");
    film.expect("the film")["description"] = text.into();
    all
}

/// Returns the films without the film with this title.
fn without(title: &str) -> Value {
    let mut all = films();
    let list = all.as_array_mut().expect("a list");
    let at = list.iter().position(|film| film["title"] == title).expect("the film");
    list.remove(at);
    all
}

/// An upstream with the made-up catalogue.
fn upstream() -> Upstream {
    Upstream::of(&films(), &people())
}
