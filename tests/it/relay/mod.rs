//! What other systems hear of a publish: the command of `--then`, and the bucket of `--publish-to`.

mod bucket;
mod object_store;
mod then;

use serde_json::Value;

use crate::fixture::{Answer, Site, Upstream, films, people};

/// A site whose upstream may be asked at any time, so that each build makes a refresh.
fn hasty(upstream: &Upstream) -> Site {
    Site::of(upstream).with(&["--interval", "1ms", "--max-age", "1ms"])
}

/// Gives a film another description.
fn edit(upstream: &Upstream, text: &str) {
    let mut all = films();
    let film =
        all.as_array_mut().expect("a list").iter_mut().find(|film| film["title"] == "Salt Road");
    film.expect("the film")["description"] = text.into();
    upstream.set("/films", Answer::json(&all));
}

/// Returns the films without the film with this title.
fn without(title: &str) -> Value {
    let all = films();
    let all = all.as_array().expect("a list").iter();
    all.filter(|film| film["title"] != title).cloned().collect()
}

/// An upstream with the made-up catalogue.
fn upstream() -> Upstream {
    Upstream::of(&films(), &people())
}
