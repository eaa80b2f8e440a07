//! Tests of the plan. Each test is named after its rule.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::catalogue::{Catalogue, join};
use crate::clock::{BootId, BootTime, Stamp, WallTime};
use crate::ledger::Ledger;
use crate::mapping::{Base, DEFAULT, Mapping, MappingFile};
use crate::payload::{Body, Fence, Payload};
use crate::theme::Theme;

pub(super) fn catalogue(films: serde_json::Value, people: serde_json::Value) -> Catalogue {
    mapped(films, people, &Mapping::default_mapping())
}

/// As [`catalogue`], but films have people in `cast`, each with `id`, `name`, `as` and `face`. Films
/// also have a `language`, and people have an `image`.
pub(super) fn credited(films: serde_json::Value, people: serde_json::Value) -> Catalogue {
    let text = "[films]\noriginal_language = \"language\"\n\
                credits = { at = \"cast\", id = \"id\", name = \"name\", role = \"as\", image = \"face\" }\n\
                [people]\nimage = \"image\"";
    let over = Some(MappingFile { name: "test.toml", text });
    let mapping = Mapping::read(Some(Base::BuiltIn(DEFAULT)), over).expect("a mapping");
    mapped(films, people, &mapping)
}

fn mapped(films: serde_json::Value, people: serde_json::Value, mapping: &Mapping) -> Catalogue {
    let body = |value: serde_json::Value| Body::whole(value.to_string());
    let payload = Payload {
        fence: Fence(1),
        origin: Stamp { boot_id: BootId("b".into()), boot: BootTime(0), wall: WallTime(0) },
        films: body(films),
        people: body(people),
    };
    join(&payload, mapping).expect("a catalogue").0
}

fn small() -> Catalogue {
    catalogue(
        json!([
            {"id": "f1", "title": "Ponyo", "release_date": "2008", "director": "Hayao Miyazaki",
             "description": "A <fish> & a boy", "locations": "sea"},
            {"id": "f2", "title": "Kiki", "release_date": "1989", "director": "Hayao Miyazaki"},
            {"id": "f3", "title": "Pom Poko", "release_date": "1994", "image": "https://i.example/p.jpg"},
        ]),
        json!([
            {"id": "p1", "name": "Ponyo", "films": ["f1"], "age": "5"},
            {"id": "p2", "name": "Jiji", "films": ["f2", "f1"]},
        ]),
    )
}

pub(super) fn site(url: Option<&str>) -> Site {
    let url = url.map(|url| url::Url::parse(url).expect("an address"));
    Site { url, score_name: Some("Rotten Tomatoes".to_owned()), ..Site::named("Films") }
}

/// Renders every page. Returns the fingerprint and the content of each page, by path.
pub(super) fn rendered(
    site: &Site,
    catalogue: &Catalogue,
    at: u64,
) -> BTreeMap<String, (Fingerprint, String)> {
    let theme = Theme::load(None).expect("the theme");
    let ledger = Ledger::baseline(catalogue, WallTime(at));
    let records = Records::of(catalogue, &ledger);
    let plan = Plan::new(site, &records, &theme);
    plan.paths()
        .map(|path| {
            let page = plan.prepare(path);
            let bytes = page.render().expect("a page");
            let text = String::from_utf8(bytes.to_vec()).expect("text");
            (path.to_owned(), (page.fingerprint(), text))
        })
        .collect()
}

#[test]
fn every_record_has_a_page_and_the_site_has_its_other_files() {
    let pages = rendered(&site(None), &small(), 1);
    for path in [
        "index.html",
        "movies/index.html",
        "movies/ponyo/index.html",
        "movies/kiki/index.html",
        "people/index.html",
        "people/ponyo/index.html",
        "people/jiji/index.html",
        "posters/ponyo.svg",
        "changes/index.html",
        "feed.xml",
        "feed.json",
        "404.html",
        "movies.json",
        "people.json",
        "sitemap.xml",
        "robots.txt",
    ] {
        assert!(pages.contains_key(path), "{path} is missing");
    }
}

#[test]
fn a_list_has_each_film_once_with_each_of_its_people_once() {
    let pages = rendered(&site(None), &small(), 1);
    for path in ["index.html", "movies/index.html"] {
        let list = &pages[path].1;
        assert_eq!(list.matches("data-film-id=").count(), 3, "{path}");
        assert_eq!(list.matches("<article").count(), 3, "{path}");
        assert_eq!(list.matches("<li data-person-id=").count(), 3, "{path}");
    }
    assert!(pages["movies/index.html"].1.contains(r#"rel="canonical" href="/""#));
}

#[test]
fn a_former_address_leads_to_its_record_and_never_replaces_a_page() {
    let (catalogue, theme, site) = (small(), Theme::load(None).expect("the theme"), site(None));
    let mut ledger = Ledger::baseline(&catalogue, WallTime(1));
    let film = ledger.films.get_mut("f1").expect("a film");
    film.former = ["gake-no-ue", "kiki"].map(str::to_owned).into();
    let records = Records::of(&catalogue, &ledger);
    let plan = Plan::new(&site, &records, &theme);
    let moved = plan.prepare("movies/gake-no-ue/index.html");
    assert_eq!(moved.moved_to(), Some("movies/ponyo/index.html"));
    let text = String::from_utf8(moved.render().expect("a page").to_vec()).expect("text");
    assert!(text.contains("<a href=\"/movies/ponyo/\" dir=\"auto\">Ponyo</a>"), "{text}");
    assert_eq!(plan.prepare("movies/kiki/index.html").moved_to(), None);
    let sitemap = plan.prepare("sitemap.xml").render().expect("a page");
    assert!(!String::from_utf8_lossy(&sitemap).contains("gake"));
}

#[test]
fn text_from_the_upstream_never_becomes_markup() {
    let hostile = catalogue(
        json!([{"id": "\"><script>alert(1)</script>", "title": "</title><script>x</script>",
                "description": "<img src=x onerror=alert(1)>", "image": "javascript:alert(1)",
                "original_title": "\u{8}\u{202e}<u>"}]),
        json!([{"id": "'\"<p>", "name": "<i>&amp;</i>", "films": ["\"><script>alert(1)</script>"]}]),
    );
    for (path, (_, text)) in rendered(&site(None), &hostile, 1) {
        if path.starts_with("assets/") || path.ends_with(".json") {
            continue;
        }
        for bad in ["<script>", "<img src=x", "javascript:", "<i>", "<u>", "\u{8}"] {
            assert!(!text.contains(bad), "{path} has {bad:?}");
        }
    }
}

#[test]
fn the_same_catalogue_gives_the_same_bytes_on_every_day() {
    let year = 365 * 86_400_000_000;
    let one = rendered(&site(None), &small(), 1_700_000_000_000_000);
    let other = rendered(&site(None), &small(), 1_700_000_000_000_000 + year);
    assert_eq!(one, other);
}

#[test]
fn the_fingerprint_of_a_page_changes_exactly_if_the_page_changes() {
    let before = rendered(&site(None), &small(), 1);
    let mut catalogue = small();
    catalogue.film_mut("f2").rt_score = Some(98);
    let after = rendered(&site(None), &catalogue, 1);
    let changed: Vec<_> =
        after.iter().filter(|(path, page)| before[*path] != **page).map(|(path, _)| path).collect();
    assert_eq!(
        changed,
        [
            "directors/hayao-miyazaki/index.html",
            "directors/index.html",
            "index.html",
            "movies.json",
            "movies/index.html",
            "movies/kiki/index.html",
            "years/1989/index.html",
        ]
    );
    for (path, (fingerprint, text)) in &after {
        let (old_fingerprint, old_text) = &before[path];
        assert_eq!(fingerprint == old_fingerprint, text == old_text, "{path}");
    }
}

#[test]
fn a_page_contains_its_fingerprint() {
    for (path, (fingerprint, text)) in rendered(&site(None), &small(), 1) {
        if path.ends_with(".html") {
            let meta = format!(r#"name="movies-gen-fingerprint" content="{fingerprint}""#);
            assert!(text.contains(&meta), "{path}");
        }
    }
}

#[test]
fn every_link_leads_to_a_file_of_the_site_under_its_path() {
    for url in [None, Some("https://films.example/ghibli/")] {
        let site = site(url);
        let pages = rendered(&site, &small(), 1);
        for (path, (_, text)) in pages.iter().filter(|(path, _)| path.ends_with(".html")) {
            let links = text.split([' ', '\n']).filter_map(|word| {
                let value = word.strip_prefix("href=\"").or_else(|| word.strip_prefix("src=\""))?;
                value.split('"').next()
            });
            for link in links.filter(|link| link.starts_with('/')) {
                let inside = link.strip_prefix(site.base());
                let inside = inside.unwrap_or_else(|| panic!("{path}: {link} leaves the site"));
                let file = if inside.is_empty() || inside.ends_with('/') {
                    format!("{inside}index.html")
                } else {
                    inside.to_owned()
                };
                // The status page is volatile and not part of the plan.
                let is_there = pages.contains_key(&file) || file == "status/index.html";
                assert!(is_there, "{path}: {link} leads to no file of the site");
            }
        }
    }
}

#[test]
fn the_sitemap_has_absolute_addresses_and_the_times_of_changes() {
    let site = site(Some("https://films.example/"));
    let theme = Theme::load(None).expect("the theme");
    let (old, mut new) = (small(), small());
    new.film_mut("f1").rt_score = Some(1);
    let ledger = Ledger::baseline(&old, WallTime(0));
    let day = 1_795_518_000_000_000;
    let ledger = ledger.advanced(&crate::changes::between(&old, &new), &new, WallTime(day));
    let records = Records::of(&new, &ledger);
    let plan = Plan::new(&site, &records, &theme);
    let page = plan.prepare("sitemap.xml").render().expect("a page");
    let text = String::from_utf8(page.to_vec()).expect("text");
    let changed = "<loc>https://films.example/movies/ponyo/</loc><lastmod>2026-11-24</lastmod>";
    assert!(text.contains(changed), "{text}");
    assert!(text.contains("<loc>https://films.example/movies/kiki/</loc></url>"), "{text}");
    let changes = "<loc>https://films.example/changes/</loc><lastmod>2026-11-24</lastmod>";
    assert!(text.contains(changes), "{text}");
    assert_eq!(text.matches("<loc>").count(), 15);
}

#[test]
fn news_looks_as_it_was_reviewed() {
    let (old, mut new) = (small(), small());
    let ponyo = new.film_mut("f1");
    ponyo.description = Some("A <fish> ]]> & a\nboy".into());
    ponyo.director = None;
    let kiki = new.film_mut("f2");
    (kiki.id, kiki.title) = ("f4".into(), "Kiki\nReturns <2>".into());
    new.person_mut("p2").age = Some("6".into());
    let ledger = told(&old, &new);
    let (theme, site) =
        (Theme::load(None).expect("the theme"), site(Some("https://films.example/")));
    let records = Records::of(&new, &ledger);
    let plan = Plan::new(&site, &records, &theme);
    for (name, path) in
        [("changes", "changes/index.html"), ("feed-xml", "feed.xml"), ("feed-json", "feed.json")]
    {
        let page = plan.prepare(path);
        let text = String::from_utf8(page.render().expect("a page").to_vec()).expect("text");
        let text = text.replace(&page.fingerprint().to_string(), "[fingerprint]");
        let text = text.replace(plan.theme_id(), "[theme]");
        insta::assert_snapshot!(name, hashes_hidden(&text));
    }
}

#[test]
fn pages_look_as_they_were_reviewed() {
    let pages = rendered(&site(Some("https://films.example/")), &small(), 1);
    let theme = {
        let (_, rest) = pages["index.html"]
            .1
            .split_once("movies-gen-theme\" content=\"")
            .expect("the identity of the theme");
        rest[..16].to_owned()
    };
    for (name, path) in [
        ("list", "index.html"),
        ("film", "movies/ponyo/index.html"),
        ("person", "people/jiji/index.html"),
        ("people", "people/index.html"),
        ("not-found", "404.html"),
        ("movies-json", "movies.json"),
        ("sitemap", "sitemap.xml"),
        ("robots", "robots.txt"),
        ("poster", "posters/kiki.svg"),
    ] {
        // Fingerprints and hashes change with every byte of the theme, so snapshots hide them.
        let (fingerprint, text) = &pages[path];
        let text = text.replace(&fingerprint.to_string(), "[fingerprint]");
        let text = hashes_hidden(&text);
        let text = text.replace(&theme, "[theme]");
        insta::assert_snapshot!(name, text);
    }
}

/// Returns the ledger after the catalogue changed from `old` to `new` on 2026-11-24.
fn told(old: &Catalogue, new: &Catalogue) -> Ledger {
    let day = 1_795_518_000_000_000;
    Ledger::baseline(old, WallTime(0)).advanced(
        &crate::changes::between(old, new),
        new,
        WallTime(day),
    )
}

#[test]
fn a_change_renders_only_the_pages_that_show_the_change() {
    let (old, mut new) = (small(), small());
    new.film_mut("f2").rt_score = Some(98);
    let (theme, site) = (Theme::load(None).expect("the theme"), site(None));
    let ledgers = [Ledger::baseline(&new, WallTime(0)), told(&old, &new)];
    let records = ledgers.each_ref().map(|ledger| Records::of(&new, ledger));
    let plans = records.each_ref().map(|records| Plan::new(&site, records, &theme));
    let differ =
        |path: &&str| plans[0].prepare(path).fingerprint() != plans[1].prepare(path).fingerprint();
    assert_eq!(
        plans[0].paths().filter(differ).collect::<Vec<_>>(),
        ["changes/index.html", "feed.json", "feed.xml", "movies/kiki/index.html", "sitemap.xml"]
    );
}

#[test]
fn without_changes_no_page_shows_the_time_of_the_first_payload() {
    let pages = rendered(&site(None), &small(), 1_795_518_000_000_000);
    for path in ["changes/index.html", "feed.xml", "feed.json", "movies/kiki/index.html"] {
        assert!(!pages[path].1.contains("2026"), "{path}: {}", pages[path].1);
    }
    // The feed has the films of the first payload that have a release date.
    let (atom, json) = (&pages["feed.xml"].1, &pages["feed.json"].1);
    assert!(atom.contains("<updated>2008-01-01T00:00:00Z</updated>"), "{atom}");
    assert!(atom.contains("<title>Ponyo (2008)</title>"), "{atom}");
    assert!(json.contains("\"tags\": [\"known\"]"), "{json}");
    // A film that was announced for a later day is not known yet.
    let early = rendered(&site(None), &small(), 0);
    assert!(early["feed.xml"].1.contains("<updated>1970-01-01T00:00:00.000Z</updated>"));
}

/// Hides the hash in names such as `assets/site-1a2b3c4d.css`.
pub(super) fn hashes_hidden(text: &str) -> String {
    let mut parts = text.split("/assets/");
    let mut hidden = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('-').unwrap_or((part, ""));
        let suffix = rest.split_once('.').map_or("", |(_, suffix)| suffix);
        hidden.push_str(&format!("/assets/{name}-[hash].{suffix}"));
    }
    hidden
}

#[test]
fn json_lists_have_the_fields_that_scripts_rely_on() {
    let pages = rendered(&site(None), &small(), 1);
    let movies: serde_json::Value = serde_json::from_str(&pages["movies.json"].1).expect("JSON");
    let ponyo = &movies[0];
    assert_eq!(ponyo["id"], "f1");
    assert_eq!(ponyo["url"], "/movies/ponyo/");
    assert_eq!(ponyo["locations"], "sea");
    let person = json!({"id": "p2", "name": "Jiji", "url": "/people/jiji/"});
    assert_eq!(ponyo["people"][0], person);
}
