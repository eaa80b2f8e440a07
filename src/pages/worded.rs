//! Tests that pages have the owner's words for films and people, and the line of attribution.

use std::collections::BTreeMap;

use serde_json::json;

use super::spoken::{each, pages, raw_table};
use super::tests::{catalogue, site};
use super::*;
use crate::clock::WallTime;
use crate::ledger::Ledger;
use crate::texts::{Table, Words};

/// The nouns of each language for films, and for people, as parts of words in lower case. In
/// Japanese, also the counter for films.
const NOUNS: [(&str, &[&str], &[&str]); 5] = [
    ("en", &["film", "movie"], &["person", "people", "character", "nobody"]),
    ("de", &["film"], &["person", "figur", "niemand"]),
    ("es", &["película", "film"], &["persona", "nadie"]),
    ("fr", &["film"], &["personn"]),
    ("ja", &["映画", "}本", "1本"], &["人物"]),
];
/// Sections about other people than the people of a film. Some of their texts have such a noun.
const OTHERS: [&str; 2] = ["director.", "producer."];

/// Words that contain no noun of any language.
fn words() -> Words {
    let word = |word: &str| Some(word.to_owned());
    Words {
        film: word("vlorp"),
        films: word("vlorpez"),
        person: word("quib"),
        people: word("quibben"),
        score: None,
    }
}

/// Returns all forms of all texts of a table, each with its key.
fn forms(table: &Table) -> impl Iterator<Item = (&str, String)> {
    let texts = table.keys().filter_map(|key| Some((key, table.get(key)?)));
    texts.flat_map(|(key, text)| {
        text.forms().map(|(_, form)| (key, form.to_string())).collect::<Vec<_>>()
    })
}

/// Returns the first of these nouns in a text. Names of placeholders are no nouns.
fn noun_in<'n>(text: &str, nouns: &[&'n str]) -> Option<&'n str> {
    let parts = text.split('{').map(|part| match part.split_once('}') {
        Some((_, after)) => format!("}}{after}"),
        None => part.to_owned(),
    });
    let text = parts.collect::<String>().to_lowercase();
    nouns.iter().copied().find(|noun| text.contains(noun))
}

#[test]
fn no_text_has_a_noun_for_which_the_owner_has_a_word() {
    for (lang, of_films, of_people) in NOUNS {
        let only_films = Words { person: None, people: None, ..words() };
        let only_people = Words { film: None, films: None, ..words() };
        for (words, nouns) in [(only_films, of_films), (only_people, of_people)] {
            let table = raw_table(lang).worded(&words);
            let is_left = |(key, form): &(&str, String)| {
                let is_other = OTHERS.iter().any(|section| key.starts_with(section));
                !is_other && noun_in(form, nouns).is_some()
            };
            let left: Vec<_> = forms(&table).filter(is_left).collect();
            assert!(left.is_empty(), "{lang}: {left:#?}");
        }
        let plain = raw_table(lang).worded(&Words::default());
        for nouns in [of_films, of_people] {
            let found = forms(&plain).filter(|(_, form)| noun_in(form, nouns).is_some()).count();
            assert!(found > 8, "{lang}: the test finds nouns in {found} texts");
        }
    }
}

#[test]
fn no_page_has_a_noun_for_which_the_owner_has_a_word() {
    for (lang, of_films, of_people) in NOUNS {
        let table = raw_table(lang);
        let of_others: Vec<_> =
            forms(&table).filter(|(key, _)| OTHERS.iter().any(|of| key.starts_with(of))).collect();
        let nouns = [of_films, of_people].concat();
        let pages = pages(lang, words());
        for (text, path) in each(&pages) {
            // The name of the program.
            let text = text.replace("movies-gen", "");
            let is_other = of_others.iter().any(|(_, other)| *other == text);
            let found = noun_in(&text, &nouns).filter(|_| !is_other);
            assert_eq!(found, None, "{lang}, {path}: {text}");
        }
        let has_words = |page: &String| page.contains("lorp") || page.contains("uib");
        let is_apart = |path: &str| ["starting", "failing", "too-old"].contains(&path);
        let without = pages.iter().filter(|(path, page)| !is_apart(path) && !has_words(page));
        assert_eq!(without.map(|(path, _)| path).collect::<Vec<_>>(), [""; 0], "{lang}");
    }
}

/// Returns each page of a small site, with its fingerprint, its basis and its content.
fn rendered(site: &Site) -> BTreeMap<String, (Fingerprint, Option<u64>, String)> {
    let theme = Theme::load(None).expect("the theme");
    let film = |id: &str| json!({"id": id, "title": id, "release_date": "1988"});
    let films = json!([film("Ponyo"), film("Kiki")]);
    let people = json!([{"id": "p", "name": "Jiji", "films": ["Kiki"]}]);
    let catalogue = catalogue(films, people);
    let ledger = Ledger::baseline(&catalogue, WallTime(0));
    let records = Records::of(&catalogue, &ledger);
    let plan = Plan::new(site, &records, &theme);
    let page = |path: &str| {
        let page = plan.prepare(path);
        let bytes = page.render().expect("a page");
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        (path.to_owned(), (page.fingerprint(), page.basis, text))
    };
    plan.paths().map(page).collect()
}

#[test]
fn a_word_is_text_on_pages_and_in_scripts() {
    let films = Some("<i>{title}</i>".to_owned());
    let site = Site { words: Words { films, ..Words::default() }, ..site(None) };
    let pages = rendered(&site);
    let list = pages["index.html"].2.replace("&#x2F;", "/");
    for part in [
        ">&lt;i&gt;{title}&lt;/i&gt;</a>",
        "<b>2</b> &lt;i&gt;{title}&lt;/i&gt;",
        "data-added-many=\"{count} new &lt;i&gt;{\u{2060}title}&lt;/i&gt;.\"",
    ] {
        assert!(list.contains(part), "{part} is missing: {list}");
    }
    let feed: serde_json::Value = serde_json::from_str(&pages["feed.json"].2).expect("JSON");
    assert_eq!(feed["description"], "New <i>{title}</i> and changes");
}

#[test]
fn every_page_has_the_attribution_in_its_footer() {
    for (path, page) in pages("en", Words::default()) {
        if page.contains("<html") {
            let footer =
                page.split("<footer").nth(1).unwrap_or_else(|| panic!("{path}: no footer"));
            assert!(
                footer.contains("<a href=\"https://y.example/\">Yyk</a></p>"),
                "{path}: {page}"
            );
        }
    }
    let text = "<i>{x}</i> [\"A\" & B](https://h.example/?a=1&b=\"2\")";
    let pages = rendered(&Site { attribution: Attribution::parse(text).ok(), ..site(None) });
    let page = pages["404.html"].2.replace("&#x2F;", "/");
    let line = "&lt;i&gt;{x}&lt;/i&gt; \
                <a href=\"https://h.example/?a=1&amp;b=%222%22\">&quot;A&quot; &amp; B</a></p>";
    assert!(page.contains(line), "{page}");
}

#[test]
fn other_words_another_score_name_and_another_attribution_render_all_pages_again() {
    let theme = Theme::load(None).expect("the theme");
    let plain = site(None);
    let before = rendered(&plain);
    let attribution = Attribution::parse("Data by me").ok();
    let worded = Site { words: words(), ..plain.clone() };
    let attributed = Site { attribution, ..plain.clone() };
    let named = Site { score_name: Some("IMDb".to_owned()), ..plain.clone() };
    for (site, part) in
        [(worded, "the words"), (attributed, "the attribution"), (named, "the name of the score")]
    {
        let (was, is) = (look(&plain, &theme), look(&site, &theme));
        assert_ne!((was.hash, was.theme_id), (is.hash, is.theme_id));
        let changed: Vec<_> =
            is.parts.iter().filter(|(name, is)| was.parts[*name] != **is).collect();
        assert!(changed.len() == 1 && changed[0].0.contains(part), "{changed:?}");
        let after = rendered(&site);
        for (path, (fingerprint, basis, text)) in &before {
            let (new_fingerprint, new_basis, new_text) = &after[path];
            let is_page = path.ends_with(".html");
            assert!(!is_page || (fingerprint != new_fingerprint && text != new_text), "{path}");
            assert!(!is_page || basis.is_none() || basis != new_basis, "{path}");
            assert!(text == new_text || fingerprint != new_fingerprint, "{path}");
        }
    }
}
