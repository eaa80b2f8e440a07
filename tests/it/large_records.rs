//! One person in very many films, and one film with very many people: no file grows without bound,
//! and every pair can be reached.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use scraper::{Html, Selector};
use serde_json::{Value, json};

use crate::fixture::{Answer, Site, Upstream};

const MANY: usize = 2_000;

/// Films 0 to `MANY`, with person 0 in each of them.
fn films() -> Value {
    let film = |number: usize| {
        json!({
            "id": format!("f{number}"),
            "title": format!("{} Film {number}", char::from(b'A' + (number % 26) as u8)),
            "release_date": (1900 + number % 120).to_string(),
            "image": format!("https://pictures.example/a/rather/long/path/{number}.jpg"),
            "people": ["https://api.example/people/p0"],
        })
    };
    (0..MANY).map(film).collect()
}

/// People 0 to `MANY`, all of them in film 0.
fn people() -> Value {
    let person = |number: usize| {
        json!({
            "id": format!("p{number}"),
            "name": format!("{} Person {number}", char::from(b'A' + (number % 26) as u8)),
            "gender": "Female", "age": "30", "hair_color": "Black", "eye_color": "Brown",
            "films": ["https://api.example/films/f0"],
        })
    };
    (0..MANY).map(person).collect()
}

fn large_files(directory: &Path, found: &mut Vec<(String, u64)>) {
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let size = entry.metadata().expect("a size").len();
        if entry.file_name() == ".movies-gen" {
            continue;
        }
        if entry.path().is_dir() {
            large_files(&entry.path(), found);
        } else if size > 256_000 {
            found.push((entry.path().display().to_string(), size));
        }
    }
}

fn links(site: &Site, path: &str, selector: &str) -> Vec<String> {
    let page = Html::parse_document(&site.page(path));
    let selector = Selector::parse(selector).expect("a selector");
    let links = page.select(&selector).filter_map(|link| link.attr("href"));
    links.map(str::to_owned).collect()
}

/// Returns the addresses on the pages of all parts below a page.
fn in_parts(site: &Site, path: &str, section: &str) -> BTreeSet<String> {
    let parts = links(site, path, &format!("{section} ul.ledger a"));
    if parts.is_empty() {
        return links(site, path, &format!("{section} li a")).into_iter().collect();
    }
    let index = |link: &String| format!("{}index.html", link.trim_start_matches('/'));
    parts.iter().flat_map(|link| in_parts(site, &index(link), section)).collect()
}

/// Returns the ids of the records in a data file and its parts.
fn in_data(site: &Site, address: &str) -> BTreeSet<String> {
    let file: Value =
        serde_json::from_str(&site.page(address.trim_start_matches('/'))).expect("JSON");
    match file.as_array() {
        Some(records) => {
            records.iter().map(|record| record["id"].as_str().expect("an id").to_owned()).collect()
        }
        None => {
            let parts = file["parts"].as_array().expect("parts").iter();
            parts.flat_map(|part| in_data(site, part["url"].as_str().expect("a link"))).collect()
        }
    }
}

/// Returns a record from the data file of its kind.
fn record(site: &Site, kind: &str, id: &str) -> Value {
    let index: Value = serde_json::from_str(&site.page(&format!("{kind}.json"))).expect("JSON");
    let parts = index["parts"].as_array().expect("parts").iter();
    let files = parts.map(|part| part["url"].as_str().expect("a link").trim_start_matches('/'));
    let records = files
        .flat_map(|path| serde_json::from_str::<Vec<Value>>(&site.page(path)).unwrap_or_default());
    records.into_iter().find(|record| record["id"] == id).expect("the record")
}

#[test]
fn no_file_grows_with_one_record_and_every_pair_can_be_reached() {
    let upstream = Upstream::start();
    upstream.set("/films", Answer::json(&films()));
    upstream.set("/people", Answer::json(&people()));
    let site = Site::eager(&upstream);
    site.build_once().well();
    let mut large = Vec::new();
    large_files(&site.out(), &mut large);
    assert!(large.is_empty(), "{large:?}");

    let (film, person) = ("movies/a-film-0/index.html", "people/a-person-0/index.html");
    let all: BTreeSet<_> =
        links(&site, film, "section.cast li[data-person-id] h3 a").into_iter().collect();
    assert_eq!(all.len(), 48, "the first people");
    let people: BTreeSet<_> = in_parts(&site, film, "section.cast")
        .into_iter()
        .filter(|link| link.starts_with("/people/"))
        .collect();
    assert_eq!(people.len(), MANY, "people of the film");
    let films: BTreeSet<_> = in_parts(&site, person, "section[aria-labelledby=films]");
    assert_eq!(films.iter().filter(|link| link.starts_with("/movies/")).count(), MANY);
    // Each part leads back, and says what the part is of.
    let part = links(&site, film, "section.cast ul.ledger a").remove(0);
    assert!(part.starts_with("/movies/a-film-0/letter/"), "{part}");
    let part = format!("{}index.html", part.trim_start_matches('/'));
    assert!(links(&site, &part, "h1 a").contains(&"/movies/a-film-0/".to_owned()));
    assert!(site.page("sitemap.xml").contains("sitemap-"), "the sitemap has its parts");

    let (film, person) = (record(&site, "movies", "f0"), record(&site, "people", "p0"));
    assert_eq!(film["people"].as_array().map(Vec::len), Some(1_000));
    assert_eq!(film["more_people"], MANY - 1_000);
    assert_eq!(in_data(&site, film["people_url"].as_str().expect("a link")).len(), MANY);
    assert_eq!(person["more_films"], MANY - 1_000);
    assert_eq!(in_data(&site, person["films_url"].as_str().expect("a link")).len(), MANY);
}

#[test]
fn a_new_person_of_a_large_film_changes_few_pages_and_explain_knows_why() {
    let upstream = Upstream::start();
    upstream.set("/films", Answer::json(&json!([films()[0].clone()])));
    let mut all = people();
    upstream.set("/people", Answer::json(&all));
    let site = Site::eager(&upstream);
    site.build_once().well();
    let parts = links(&site, "movies/a-film-0/index.html", "section.cast ul.ledger a");
    let before: Vec<_> = parts.iter().map(|part| stamp(&site, part)).collect();
    let mut new = all[1].clone();
    new["id"] = "new".into();
    new["name"] = "B Newcomer".into();
    all.as_array_mut().expect("a list").push(new);
    upstream.set("/people", Answer::json(&all));
    site.build_once().well();
    let after: Vec<_> = parts.iter().map(|part| stamp(&site, part)).collect();
    let changed: Vec<_> = parts
        .iter()
        .zip(before.iter().zip(&after))
        .filter(|(_, (one, other))| one != other)
        .collect();
    assert_eq!(changed.len(), 1, "{changed:?}");
    let (path, _) = changed[0];
    assert!(path.ends_with("/letter/b/"), "{path}");
    let said = site.run(&["explain", path]).out;
    assert!(said.contains("Newcomer"), "{said}");
}

fn stamp(site: &Site, link: &str) -> String {
    let page = site.page(&format!("{}index.html", link.trim_start_matches('/')));
    blake3::hash(page.as_bytes()).to_string()
}
