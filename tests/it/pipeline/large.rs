//! A catalogue that is too large for one page: lists are split by keys that the records keep,
//! nothing is lost, and no file grows with the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::accessible::violations;
use crate::fixture::{Browser, Site, Upstream, contents, links, wait_until};

const FILMS: usize = 1500;
const PEOPLE: usize = 1300;
/// Largest permitted size of a file in bytes: more than the size of a thousand films with their
/// people.
const LARGEST: usize = 1_300_000;
/// The words in titles.
const WORDS: [&str; 12] = [
    "Amber", "Boat", "Cloud", "Dune", "Ember", "Field", "Glass", "Harbour", "Island", "Jade",
    "Kite", "Lamp",
];

/// Returns many films in one year and by one director, some films without a year, and many
/// directors.
fn films() -> Value {
    let film = |at: usize| {
        let (first, second) = (WORDS[at % 12], WORDS[at / 12 % 12]);
        let director =
            if !at.is_multiple_of(4) { "Ida Brandt".to_owned() } else { format!("Director {at}") };
        let year = match at {
            0..1100 => Some("1999".to_owned()),
            1100..1120 => None,
            _ => Some((1900 + at % 90).to_string()),
        };
        json!({"id": format!("f{at}"), "title": format!("The {first} {second} {at}"),
               "director": director, "release_date": year, "running_time": "90"})
    };
    (0..FILMS).map(film).collect()
}

fn people() -> Value {
    let person = |at: usize| {
        let name = format!("{} {at}", WORDS[at % 12]);
        json!({"id": format!("p{at}"), "name": name, "films": [format!("f{}", at % FILMS)]})
    };
    (0..PEOPLE).map(person).collect()
}

/// Returns the files that links reach from the first page.
fn reached(files: &BTreeMap<String, Vec<u8>>) -> BTreeSet<String> {
    let mut reached = BTreeSet::from(["index.html".to_owned()]);
    let mut left = vec!["index.html".to_owned()];
    while let Some(path) = left.pop() {
        for link in links(&String::from_utf8_lossy(&files[&path])) {
            let Some(path) = link.strip_prefix('/') else { continue };
            let file = match path.strip_suffix('/') {
                Some(directory) => format!("{directory}/index.html"),
                None => path.to_owned(),
            };
            if files.contains_key(&file) && file.ends_with(".html") && reached.insert(file.clone())
            {
                left.push(file);
            }
        }
    }
    reached
}

/// Returns the records of a data file, including its parts.
fn records(site: &Site, path: &str) -> Vec<Value> {
    match site.json(path) {
        Value::Array(records) => {
            assert!(records.len() <= 1000, "{path} has {}", records.len());
            records
        }
        list => {
            let parts = list["parts"].as_array().expect("parts");
            let below: Vec<_> = parts
                .iter()
                .flat_map(|part| records(site, in_site(part["url"].as_str().expect("an address"))))
                .collect();
            assert_eq!(list["count"], below.len());
            below
        }
    }
}

/// Returns the path of an address, which is absolute in data files.
fn in_site(address: &str) -> &str {
    address.strip_prefix("https://films.example/").or(address.strip_prefix('/')).expect("ours")
}

fn addresses(site: &Site, path: &str) -> Vec<String> {
    let text = site.page(path).replace("&#x2F;", "/");
    let locs = text.split("<loc>").skip(1).filter_map(|rest| rest.split("</loc>").next());
    let paths = locs.map(|loc| loc.strip_prefix("https://films.example/").expect("ours"));
    if text.contains("<sitemapindex") {
        paths.flat_map(|part| addresses(site, part)).collect()
    } else {
        paths.map(str::to_owned).collect()
    }
}

#[test]
fn all_records_are_published_in_files_of_bounded_size() {
    let upstream = Upstream::of(&films(), &people());
    let site = Site::of(&upstream).with(&["--limit", "0", "--site-url", "https://films.example/"]);
    site.build_once().well();
    let files = contents(&site.out());

    for (path, bytes) in &files {
        assert!(bytes.len() < LARGEST, "{path} has {} bytes", bytes.len());
        let text = String::from_utf8_lossy(bytes);
        let cards = text.matches("data-film-id=").count();
        assert!(cards <= 1000, "{path} has {cards} films");
    }
    let reached = reached(&files);
    let pages = files.keys().filter(|path| path.ends_with(".html"));
    let lost: Vec<_> =
        pages.filter(|path| !reached.contains(*path) && *path != "404.html").collect();
    assert_eq!(lost, ["movies/index.html"], "the pages without a link");
    for (path, count) in [("movies.json", FILMS), ("people.json", PEOPLE)] {
        let ids: BTreeSet<_> =
            records(&site, path).iter().map(|record| record["id"].to_string()).collect();
        assert_eq!(ids.len(), count, "{path}");
    }
    let mapped: BTreeSet<_> = addresses(&site, "sitemap.xml").into_iter().collect();
    for page in reached.iter().filter(|page| **page != "index.html") {
        let address = page.strip_suffix("index.html").expect("a page");
        assert!(mapped.contains(address), "{page} is on no sitemap");
    }
}

#[test]
#[ignore = "needs chromium"]
fn a_search_finds_films_that_are_not_on_the_first_page() {
    let upstream = Upstream::of(&films(), &people());
    let site = Site::of(&upstream).with(&["--limit", "0"]);
    site.build_once().well();
    let server = site.serve().ready();
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    let shown = "[...document.querySelectorAll('.films h2 a, [data-others] a')]
        .filter((link) => link.checkVisibility()).map((link) => link.textContent).join()";
    for (query, found) in
        [("1201", "The Boat Ember 1201"), ("the kite 1306", "The Kite Amber 1306")]
    {
        tab.load(&format!("http://{}/", server.address));
        tab.value("document.getElementById('q').focus()");
        tab.call("Input.insertText", json!({"text": query}));
        wait_until("the film", || tab.text(shown).split(',').any(|title| title == found));
        let told = tab.text("document.querySelector('[data-found]').textContent");
        assert!(told.ends_with(" of 1,500 films"), "{told}");
    }
    // Lists of parts, and the parts, must be accessible, too.
    for path in ["/", "/people/", "/people/letter/a/", "/years/1999/", "/years/1999/letter/a/"] {
        for (width, scheme) in [(320, "dark"), (1440, "light")] {
            tab.prefers(scheme);
            tab.sized(width, 800);
            tab.load(&format!("http://{}{path}", server.address));
            let found = violations(&mut tab);
            assert!(found.is_empty(), "{path}, {scheme}: {found}");
            let wide = tab.value("document.documentElement.scrollWidth").as_u64();
            assert!(wide <= Some(width), "{path} is {wide:?} wide in {width}");
        }
    }
    // A search with too many results shows the newest films, and says that there are more.
    tab.load(&format!("http://{}/?q=the", server.address));
    tab.wait_for("document.querySelector('[data-found]').textContent === '200+ of 1,500 films'");
    assert_eq!(tab.complaints().iter().filter(|c| !c.to_string().contains("404")).count(), 0);
}
