//! Mappings: other APIs, and local files.

mod built_in;
mod edits;
mod errors;
mod files;
mod hostile;
mod looking;
mod secrets;
mod sources;

use movies_gen::mapping::{Base, Mapping};
use serde_json::{Value, json};

use crate::fixture::{Answer, Site, Upstream};

/// Returns the path of a list without its query.
fn path_of(get: &str) -> &str {
    get.split('?').next().unwrap_or_default()
}

/// Starts an upstream with answers for the lists of a built-in mapping.
fn upstream_of(name: &str, films: &str, people: &str) -> Upstream {
    let mapping = Mapping::read(Some(Base::BuiltIn(name)), None).expect("a mapping");
    let upstream = Upstream::of(&json!([]), &json!([]));
    upstream.set(path_of(mapping.films.get.as_str()), Answer::new(200, films));
    if let Some(list) = &mapping.people {
        upstream.set(path_of(list.get.as_str()), Answer::new(200, people));
    }
    upstream
}

/// Makes a site with a mapping in a file of its own.
fn mapped(upstream: &Upstream, mapping: &str) -> Site {
    let site = Site::of(upstream).with(&["--mapping", "films.toml"]);
    site.write("films.toml", mapping);
    site
}

/// Returns a field of all films by their titles.
fn by_title(site: &Site, field: &str) -> Vec<(String, Value)> {
    let films = site.json("movies.json");
    let films = films.as_array().expect("films").iter();
    let text = |film: &Value| film["title"].as_str().expect("a title").to_owned();
    films.map(|film| (text(film), film[field].clone())).collect()
}
