//! The same catalogue as a site of Hugo: a content file for each record as the API sends the record,
//! and layouts that join the records and show what the built-in theme shows.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

const CONFIG: &str = r#"
baseURL = "https://films.example/"
title = "Films"
disableKinds = ["RSS"]
[taxonomies]
director = "directors"
year = "years"
[mediaTypes."image/svg+xml"]
suffixes = ["svg"]
[outputFormats.poster]
mediaType = "image/svg+xml"
baseName = "poster"
isPlainText = true
"#;

/// The layouts by their path below `layouts/`.
const LAYOUTS: [(&str, &str); 9] = [
    ("_default/baseof.html", include_str!("layouts/_default/baseof.html")),
    ("_default/card.html", include_str!("layouts/_default/card.html")),
    ("_default/list.html", include_str!("layouts/_default/list.html")),
    ("_default/terms.html", include_str!("layouts/_default/terms.html")),
    ("index.html", include_str!("layouts/index.html")),
    ("movies/single.html", include_str!("layouts/movies/single.html")),
    ("movies/single.poster.svg", include_str!("layouts/movies/single.poster.svg")),
    ("people/list.html", include_str!("layouts/people/list.html")),
    ("people/single.html", include_str!("layouts/people/single.html")),
];

/// Writes the site of a catalogue into a directory.
pub(super) fn write(archive: &Path, site: &Path) {
    let read = |name: &str| -> Vec<Value> {
        let text = fs::read(archive.join(name)).expect("the catalogue");
        serde_json::from_slice(&text).expect("a list")
    };
    let (films, people) = (read("films.json"), read("people.json"));
    put(&site.join("hugo.toml"), CONFIG);
    // Versions before 0.110 read this name.
    put(&site.join("config.toml"), CONFIG);
    for (name, text) in LAYOUTS {
        put(&site.join("layouts").join(name), text);
    }
    put(&site.join("static/site.css"), "body { font: 1rem serif }\n");
    for film in &films {
        let year = text(film, "release_date").split('-').next().unwrap_or_default();
        let page = json!({
            "title": film["title"], "film": film["id"], "description": film["description"],
            "directors": [film["director"]], "producer": film["producer"], "years": [year],
            "released": film["release_date"], "minutes": film["running_time"],
            "score": film["rt_score"], "people": ids(film, "people"), "outputs": ["HTML", "poster"],
        });
        put(&content(site, "movies", film), &format!("{page}\n"));
    }
    for person in &people {
        let page = json!({
            "title": person["name"], "gender": person["gender"], "age": person["age"],
            "eye_color": person["eye_color"], "hair_color": person["hair_color"],
            "films": ids(person, "films"),
        });
        put(&content(site, "people", person), &format!("{page}\n"));
    }
}

fn content(site: &Path, section: &str, record: &Value) -> std::path::PathBuf {
    site.join("content").join(section).join(format!("{}.md", text(record, "id")))
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a directory")).expect("made");
    fs::write(path, text).expect("written");
}

fn text<'r>(record: &'r Value, field: &str) -> &'r str {
    record[field].as_str().unwrap_or_default()
}

/// Returns the ids of the records to which a record refers.
fn ids<'r>(record: &'r Value, field: &str) -> Vec<&'r str> {
    let references = record[field].as_array().into_iter().flatten();
    references.filter_map(|reference| reference.as_str()?.rsplit('/').next()).collect()
}
