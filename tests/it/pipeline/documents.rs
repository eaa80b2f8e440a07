//! The pages as programs read them: HTML without a parse error, and JSON-LD that agrees with the
//! catalogue, whatever the upstream sends.

use std::collections::BTreeMap;

use scraper::{Html, Selector};
use serde_json::{Map, Value, json};

use crate::fixture::{Site, Upstream, contents, hostile_films, hostile_people};

const ADDRESS: &str = "https://films.example/some/path/";

fn built(films: &Value, people: &Value) -> (Site, BTreeMap<String, Html>) {
    let upstream = Upstream::of(films, people);
    let site = Site::of(&upstream).with(&["--site-url", ADDRESS]);
    site.build_once().well();
    let files = contents(&site.out());
    let pages = files.into_iter().filter(|(path, _)| path.ends_with(".html"));
    let parsed = pages.map(|(path, bytes)| {
        let text = String::from_utf8(bytes).expect("UTF-8");
        (path, Html::parse_document(&text))
    });
    (site.clone(), parsed.collect())
}

fn both() -> [(Site, BTreeMap<String, Html>); 2] {
    let plain = built(&crate::fixture::films(), &crate::fixture::people());
    [plain, built(&hostile_films(), &hostile_people())]
}

fn selected<'h>(page: &'h Html, selector: &str) -> Vec<scraper::ElementRef<'h>> {
    let selector = Selector::parse(selector).expect("a selector");
    page.select(&selector).collect()
}

#[test]
fn every_page_is_html_without_an_error() {
    for (_site, pages) in both() {
        assert!(pages.len() > 20, "only {} pages", pages.len());
        for (path, page) in pages {
            assert!(page.errors.is_empty(), "{path}: {:?}", page.errors);
            let ids = selected(&page, "[id]");
            let mut seen = std::collections::BTreeSet::new();
            for id in ids.iter().filter_map(|element| element.attr("id")) {
                assert!(seen.insert(id), "{path} has two {id:?}");
            }
            for one in ["h1", "main", "head > title", "html[lang]"] {
                assert_eq!(selected(&page, one).len(), 1, "{path}: {one}");
            }
        }
    }
}

#[test]
fn no_text_of_the_upstream_becomes_an_element_or_a_script() {
    let (_site, pages) = built(&hostile_films(), &hostile_people());
    for (path, page) in pages {
        for script in selected(&page, "script") {
            let is_ours = script.attr("src").is_some_and(|src| src.starts_with("/some/path/"));
            let is_data = script.attr("type") == Some("application/ld+json");
            assert!(is_ours || is_data, "{path}: {}", script.html());
        }
        let attributes = page.tree.values().filter_map(|node| node.as_element());
        for element in attributes {
            for (name, value) in element.attrs() {
                assert!(!name.starts_with("on") && name != "style", "{path}: {name}={value:?}");
                let is_address = ["href", "src", "action", "content"].contains(&name);
                let runs = value.trim_start().to_ascii_lowercase().starts_with("javascript:");
                assert!(!(is_address && runs), "{path}: {name}={value:?}");
            }
        }
    }
}

/// Returns the JSON-LD of a page.
fn linked(page: &Html) -> Option<Value> {
    let data = selected(page, "script[type=\"application/ld+json\"]");
    let text = data.first()?.text().collect::<String>();
    assert_eq!(data.len(), 1);
    Some(serde_json::from_str(&text).expect("JSON"))
}

/// Returns the file of an address.
fn file_of(url: &str) -> String {
    let path = url.strip_prefix("https://films.example/some/path/").expect("ours");
    format!("{path}index.html")
}

fn absolute(url: &Value) -> String {
    url.as_str().expect("an address").to_owned()
}

/// Returns a film of the catalogue as a schema.org `Movie`.
fn movie(film: &Value) -> Value {
    let person =
        |field: &str| film[field].as_str().map(|name| json!({"@type": "Person", "name": name}));
    let names: Vec<_> = ["original_title", "original_title_romanised"]
        .iter()
        .filter_map(|field| film.get(*field))
        // A name that is the title is no other name.
        .filter(|name| **name != film["title"])
        .collect();
    let people = film["people"].as_array().expect("people");
    let people: Vec<_> = people
        .iter()
        .map(|person| {
            json!({"@type": "Person", "name": person["name"], "url": absolute(&person["url"])})
        })
        .collect();
    let fields = [
        ("@context", json!("https://schema.org")),
        ("@type", json!("Movie")),
        ("name", film["title"].clone()),
        ("url", json!(absolute(&film["url"]))),
        ("alternateName", json!(names)),
        ("image", film["image"].clone()),
        ("description", film["description"].clone()),
        ("datePublished", json!(film["year"].as_u64().map(|year| year.to_string()))),
        ("duration", json!(film["running_time"].as_u64().map(|minutes| format!("PT{minutes}M")))),
        ("director", json!(person("director"))),
        ("producer", json!(person("producer"))),
        ("character", json!(people)),
    ];
    let is_known = |value: &Value| *value != Value::Null && *value != json!([]);
    let known = fields.into_iter().filter(|(_, value)| is_known(value));
    Value::Object(known.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

fn item_list(name: &str, films: &[&Value]) -> Value {
    let items: Vec<_> = films
        .iter()
        .enumerate()
        .map(|(at, film)| {
            json!({"@type": "ListItem", "position": at + 1, "name": film["title"], "url": absolute(&film["url"])})
        })
        .collect();
    json!({"@context": "https://schema.org", "@type": "ItemList", "name": name,
           "numberOfItems": items.len(), "itemListElement": items})
}

#[test]
fn the_linked_data_agrees_with_the_catalogue() {
    for (site, pages) in both() {
        let (movies, everybody) = (site.json("movies.json"), site.json("people.json"));
        let movies = movies.as_array().expect("a list");
        for film in movies {
            let path = file_of(film["url"].as_str().expect("an address"));
            assert_eq!(linked(&pages[&path]), Some(movie(film)), "{path}");
        }
        for person in everybody.as_array().expect("a list") {
            let path = file_of(person["url"].as_str().expect("an address"));
            let films = person["films"].as_array().expect("a list");
            let films: Vec<_> = films
                .iter()
                .map(|film| json!({"@type": "Movie", "name": film["title"], "url": absolute(&film["url"])}))
                .collect();
            let mut expected = json!({"@context": "https://schema.org", "@type": "Person",
                "name": person["name"], "url": absolute(&person["url"])});
            if !films.is_empty() {
                expected["subjectOf"] = json!(films);
            }
            assert_eq!(linked(&pages[&path]), Some(expected), "{path}");
        }
        let all: Vec<_> = movies.iter().collect();
        for path in ["index.html", "movies/index.html"] {
            assert_eq!(linked(&pages[path]), Some(item_list("Films", &all)), "{path}");
        }
        let mut lists = 0;
        for (path, page) in &pages {
            let films: Vec<_> = match path.split('/').collect::<Vec<_>>()[..] {
                ["directors", _, "index.html"] => of_heading(page, movies, "director"),
                ["producers", _, "index.html"] => of_heading(page, movies, "producer"),
                ["years", "undated", "index.html"] => {
                    movies.iter().filter(|film| film["year"].is_null()).collect()
                }
                ["years", year, "index.html"] => {
                    let year: u64 = year.parse().expect("a year");
                    movies.iter().filter(|film| film["year"] == year).collect()
                }
                _ => continue,
            };
            let heading = heading(page);
            assert!(!films.is_empty(), "{path}");
            assert_eq!(linked(page), Some(item_list(&heading, &films)), "{path}");
            lists += 1;
        }
        assert!(lists > 6, "only {lists} lists");
    }
}

fn heading(page: &Html) -> String {
    selected(page, "h1")[0].text().collect()
}

fn of_heading<'v>(page: &Html, movies: &'v [Value], field: &str) -> Vec<&'v Value> {
    let heading = heading(page);
    movies.iter().filter(|film| film[field] == heading.as_str()).collect()
}

#[test]
fn the_parser_reports_errors() {
    let page = Html::parse_document("<!doctype html><title>x</title><p><b></p><a href='x'y>");
    assert!(!page.errors.is_empty());
}
