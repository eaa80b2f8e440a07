//! Tests that every page is only in the language of the site.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use scraper::{Html, Node};
use serde_json::json;

use super::tests::{catalogue, site};
use super::*;
use crate::changes::between;
use crate::clock::WallTime;
use crate::history::History;
use crate::ledger::Ledger;
use crate::outcome::{FailureKind, OutcomeKind};
use crate::texts::{OWN_WORDS, SCORE_NAME, Table, Words};
use crate::theme::{Theme, built_in};

/// Languages of the built-in tables, without English.
const OTHERS: [&str; 4] = ["de", "es", "fr", "ja"];
/// Sections whose keys the code makes from values of the data, from the outcome of a refresh, or
/// from the words of the owner.
const BY_DATA: [&str; 8] =
    ["color", "director", "field", "gender", "noun", "outcome", "producer", "warning"];
/// Attributes that are read aloud or shown. Scripts also show the attributes that begin with
/// `data-`.
const SAID: [&str; 5] = ["alt", "aria-label", "content", "placeholder", "title"];
/// Attributes that begin with `data-` and are not texts.
const NOT_SAID: [&str; 6] =
    ["data-path", "data-director", "data-letter", "data-live", "data-freshness", "data-field"];

/// Returns the texts of a language, with the nouns of the table.
fn table(lang: &str) -> Table {
    raw_table(lang).worded(&Words::default())
}

/// Returns the texts of a language, with the wordings for words of the owner.
pub(super) fn raw_table(lang: &str) -> Table {
    let files = built_in();
    let file = files
        .get(&format!("texts/{lang}.toml"))
        .unwrap_or_else(|| panic!("{lang}.toml is missing"));
    Table::parse(std::str::from_utf8(file).expect("text")).expect(lang)
}

#[test]
fn every_language_has_every_text_with_the_same_placeholders() {
    let english = table("en");
    for lang in OTHERS {
        let other = table(lang);
        assert_eq!(other.keys().collect::<Vec<_>>(), english.keys().collect::<Vec<_>>(), "{lang}");
        for key in english.keys() {
            let places = |table: &Table| -> BTreeSet<String> {
                let text = table.get(key).expect("a text");
                text.places().into_iter().map(str::to_owned).collect()
            };
            let [ours, theirs] = [&english, &other].map(places);
            assert_eq!(ours, theirs, "{key} in {lang}");
        }
    }
}

#[test]
fn every_wording_for_words_of_the_owner_has_the_placeholders_of_its_text() {
    let english = raw_table("en");
    for lang in OTHERS.into_iter().chain(["en"]) {
        let table = raw_table(lang);
        assert_eq!(table.fits(&english), Ok(()), "{lang}");
        for (key, wording) in
            table.keys().filter_map(|key| Some((key.strip_prefix(OWN_WORDS)?, table.get(key)?)))
        {
            let text = table.get(key).unwrap_or_else(|| panic!("{lang}: no text is named {key}"));
            assert!(text.places().is_subset(&wording.places()), "{key} in {lang}");
        }
    }
}

#[test]
fn every_language_has_the_wordings_for_a_score_with_a_name() {
    let texts = |lang: &str| {
        let table = raw_table(lang);
        let of_names = table.keys().filter_map(|key| key.strip_prefix(SCORE_NAME));
        of_names.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let words = Words { score: Some(" {Vvk} ".to_owned()), ..Words::default() };
    for lang in OTHERS.into_iter().chain(["en"]) {
        assert_eq!(texts(lang), texts("en"), "{lang}");
        let [plain, named] = [table(lang), raw_table(lang).worded(&words)];
        assert_eq!(plain.keys().collect::<Vec<_>>(), named.keys().collect::<Vec<_>>(), "{lang}");
        for key in texts(lang) {
            let form = |table: &Table| {
                let (_, form) = table.get(&key).expect("a text").forms().last().expect("a form");
                form.to_string()
            };
            assert!(form(&named).contains("Vvk"), "{key} in {lang}: {}", form(&named));
            assert_ne!(form(&plain), form(&named), "{key} in {lang}");
        }
        assert!(plain.keys().all(|key| !key.starts_with(SCORE_NAME)), "{lang}");
    }
}

#[test]
fn every_text_is_used() {
    let files = built_in();
    let templates = files.iter().filter(|(name, _)| !name.ends_with(".toml"));
    let mut used: String =
        templates.map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect();
    for code in [
        include_str!("charts.rs"),
        include_str!("feeds.rs"),
        include_str!("lists.rs"),
        include_str!("plots.rs"),
        include_str!("../texts/mod.rs"),
        include_str!("../theme/filters.rs"),
    ] {
        used.push_str(code);
    }
    for key in table("en").keys() {
        let (section, name) = key.split_once('.').expect("a section");
        let is_kind = section == "changes"
            && ["added", "changed", "removed", "film", "person"].contains(&name);
        let is_used = is_kind || BY_DATA.contains(&section) || used.contains(&format!("\"{key}\""));
        assert!(is_used, "neither a template nor the program uses {key}");
    }
}

/// Returns every page of a site, and the pages that belong to no generation. The data has only
/// words that occur in no language.
pub(super) fn pages(lang: &str, words: Words) -> BTreeMap<String, String> {
    let attribution = Attribution::parse("[Yyk](https://y.example/)").ok();
    let lang = lang.to_owned();
    let score_name = None;
    let title = "Qzqz".to_owned();
    let site = Site { lang, words, score_name, attribution, title, demo: true, ..site(None) };
    let theme = Theme::load(None).expect("the theme");
    let film = |id: usize| {
        json!({"id": id.to_string(), "title": format!("Vrk{id}"), "description": "Zzt.",
            "release_date": (1950 + id).to_string(), "director": "Xhq Wvv", "rt_score": "90",
            "producer": "Pqx", "running_time": "103", "original_title": "Jjx"})
    };
    let person = |id: usize, hair: &str, films: &[&str]| {
        json!({"id": format!("p{id}"), "name": format!("Kkw{id}"), "films": films, "age": "13",
            "gender": "Female", "hair_color": hair, "eye_color": "Light brown"})
    };
    let mut films: Vec<_> = (0..20).map(film).collect();
    let people: Vec<_> = (0..9)
        .map(|at| person(at, if at == 3 { "Bald" } else { "Black" }, &["0", "1"]))
        .chain([person(9, "none", &[])])
        .collect();
    films.push(json!({"id": "undated", "title": "Nnq"}));
    let old = catalogue(json!(films), json!(people));
    films[0]["rt_score"] = "10".into();
    films[1]["director"] = "".into();
    films.remove(4);
    films.push(film(25));
    films.push(json!({"id": "bare", "title": "Nnz"}));
    let new = catalogue(json!(films), json!(people[1..]));
    let ledger = Ledger::baseline(&old, WallTime(0));
    let ledger = ledger.advanced(&between(&old, &new), &new, WallTime(1));
    let records = Records::of(&new, &ledger);
    let plan = Plan::new(&site, &records, &theme);
    let many = catalogue(json!((0..1001).map(film).collect::<Vec<_>>()), json!([]));
    let ledger_of_many = Ledger::baseline(&many, WallTime(0));
    let long_records = Records::of(&many, &ledger_of_many);
    let long = Plan::new(&site, &long_records, &theme);
    let none = catalogue(json!([]), json!([]));
    let ledger_of_none = Ledger::baseline(&none, WallTime(0));
    let empty_records = Records::of(&none, &ledger_of_none);
    let empty = Plan::new(&site, &empty_records, &theme);
    let mut pages = BTreeMap::new();
    let is_list = |path: &str| !path.starts_with("movies/vrk") && path.ends_with(".html");
    for (name, plan) in [("", &plan), ("long/", &long), ("empty/", &empty)] {
        for path in plan.paths().filter(|path| name.is_empty() || is_list(path)) {
            let is_said = path.ends_with(".html") || path.starts_with("feed.");
            if is_said {
                let bytes = plan.prepare(path).render().expect("a page");
                pages.insert(format!("{name}{path}"), text(&bytes));
            }
        }
    }
    pages.insert("starting".into(), text(&starting(&site, &theme).expect("a page")));
    pages.insert("failing".into(), text(&failing(&site, &theme).expect("a page")));
    pages.insert("too-old".into(), text(&too_old(&site, &theme).expect("a page")));
    pages.extend(status_pages(&site, &theme));
    pages
}

fn status_pages(site: &Site, theme: &Theme) -> Vec<(String, String)> {
    let now = WallTime(1_795_521_600_000_000);
    let minute = Duration::from_secs(60);
    let mut history = History::default();
    history.saw(now, 90 * minute);
    history.ended(now, OutcomeKind::Changed, Duration::from_millis(1_450));
    let mut failed = history.clone();
    failed.ended(now, OutcomeKind::Failed(FailureKind::RateLimited), minute);
    let page = |name: &str, history: &History, counts| {
        let status = Status {
            now,
            as_of: now,
            counts,
            pages: 1234,
            next_attempt: now,
            interval: minute,
            max_age: minute,
            is_shared: true,
            warnings: BTreeMap::from([("left-out", 2), ("one-way-pair", 1)]),
            history,
        };
        (name.to_owned(), text(&status.page(site, theme).expect("a page")))
    };
    let counts = Some(Counts { films: 1, people: 2, changes: 3 });
    vec![
        page("status", &history, counts),
        page("status failed", &failed, counts),
        page("status empty", &History::default(), None),
    ]
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// Returns the texts of a page that a visitor may read or hear.
pub(super) fn said(page: &str) -> Vec<String> {
    let mut said = Vec::new();
    if let Ok(feed) = serde_json::from_str::<serde_json::Value>(page) {
        let items = feed["items"].as_array().expect("entries").iter();
        return items.map(|item| format!("{} {}", item["title"], item["content_text"])).collect();
    }
    for node in Html::parse_document(page).tree.nodes() {
        let is_code = |node: &Node| {
            node.as_element().is_some_and(|element| ["script", "style"].contains(&element.name()))
        };
        match node.value() {
            Node::Text(text) if !node.parent().is_some_and(|parent| is_code(parent.value())) => {
                said.push(text.to_string());
            }
            Node::Element(element) => {
                let is_said = |name: &str| {
                    SAID.contains(&name) || (name.starts_with("data-") && !NOT_SAID.contains(&name))
                };
                // The content of other `meta` is for programs, such as `summary` and `video.movie`.
                let of_machines = element.attr("name").or(element.attr("property"));
                let is_for_machines = of_machines.is_some_and(|name| {
                    !["description", "og:title", "og:description"].contains(&name)
                });
                if element.name() != "meta" || !is_for_machines {
                    let found = element.attrs().filter(|(name, _)| is_said(name));
                    said.extend(found.map(|(_, value)| value.to_owned()));
                }
            }
            _ => {}
        }
    }
    // Placeholders that scripts fill in have English names, so they are left out.
    let without = |text: &String| -> String {
        let parts = text.split('{').map(|part| part.rsplit('}').next().unwrap_or(part));
        parts.collect::<Vec<_>>().join(" ")
    };
    said.iter().map(without).collect()
}

/// Returns each text of these pages, with a page that has the text.
pub(super) fn each(pages: &BTreeMap<String, String>) -> BTreeMap<String, &str> {
    let texts = pages.iter().flat_map(|(path, page)| {
        said(page).into_iter().map(move |text| (text.trim().to_owned(), path.as_str()))
    });
    texts.collect()
}

/// Returns the texts of a table, without placeholders and markup.
fn pieces(table: &Table) -> BTreeSet<String> {
    let texts = table.keys().filter_map(|key| table.get(key));
    let literals = texts.flat_map(|text| {
        let forms: Vec<_> = text.forms().map(|(_, pattern)| pattern.clone()).collect();
        forms.into_iter().flat_map(|form| form.literals().map(str::to_owned).collect::<Vec<_>>())
    });
    let words = |literal: String| -> Vec<String> {
        let plain = literal.split('<').map(|part| part.rsplit('>').next().unwrap_or(part));
        plain.map(|part| part.trim_matches(|c: char| !c.is_alphanumeric()).to_owned()).collect()
    };
    literals.flat_map(words).filter(|piece| piece.chars().count() > 1).collect()
}

/// Returns whether `text` contains `piece` as whole words.
fn holds(text: &str, piece: &str) -> bool {
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    text.match_indices(piece).any(|(at, _)| {
        !is_letter(text[..at].chars().next_back())
            && !is_letter(text[at + piece.len()..].chars().next())
    })
}

#[test]
fn no_page_in_another_language_has_an_english_text() {
    let english = pieces(&table("en"));
    for lang in OTHERS {
        let own = pieces(&table(lang));
        let foreign: Vec<_> =
            english.iter().filter(|piece| !own.iter().any(|own| holds(own, piece))).collect();
        assert!(foreign.len() > 150, "{lang}: {}", foreign.len());
        let pages = pages(lang, Words::default());
        assert!(pages.len() > 40, "{lang}: {:?}", pages.keys());
        let is_marked = |page: &str| page.contains(&format!("<html lang=\"{lang}\">"));
        assert!(pages.iter().all(|(path, page)| !path.ends_with(".html") || is_marked(page)));
        for (text, path) in each(&pages) {
            let found = foreign.iter().find(|piece| holds(&text, piece));
            assert!(found.is_none(), "{lang}, {path}: {found:?} in {text:?}");
        }
    }
}

#[test]
fn the_test_finds_english_texts_on_english_pages() {
    let english = pieces(&table("en"));
    let pages = pages("nl", Words::default());
    let is_marked = |page: &String| page.contains("<html lang=\"en\">");
    assert!(
        pages.values().all(|page| !page.contains("<html") || is_marked(page)),
        "without a table for nl, pages are in English"
    );
    let texts = each(&pages);
    let is_found = |piece: &&String| texts.keys().any(|text| holds(text, piece));
    let found: Vec<_> = english.iter().filter(is_found).collect();
    assert!(found.len() * 10 > english.len() * 7, "{} of {}", found.len(), english.len());
}
