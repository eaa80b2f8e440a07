//! Visitors find films: by search, filters and sorting, with the keyboard alone, and without
//! scripts.

use movies_gen::letters::folded;
use serde_json::{Value, json};

use crate::fixture::{Browser, Running, Site, Upstream};

fn films() -> Value {
    json!([
        {"id": "f1", "title": "My Neighbor Totoro", "original_title": "となりのトトロ",
         "original_title_romanised": "Tonari no Totoro", "director": "Hayao Miyazaki",
         "release_date": "1988", "running_time": "86", "rt_score": "93"},
        {"id": "f2", "title": "The Cat Returns", "director": "Hiroyuki Morita",
         "release_date": "2002", "running_time": "75", "rt_score": "89"},
        {"id": "f3", "title": "Princess Mononoke", "director": "Hayao Miyazaki",
         "release_date": "1997", "running_time": "134", "rt_score": "92"},
        {"id": "f4", "title": "A Quiet Year", "director": ["Nobody Known", "Second Name"],
         "release_date": "1995", "running_time": "100"},
    ])
}

fn people() -> Value {
    json!([
        {"id": "p1", "name": "Kanta Ōgaki", "films": ["f1"]},
        {"id": "p2", "name": "Haru", "films": ["f2"]},
    ])
}

fn served() -> (Upstream, Running) {
    let upstream = Upstream::of(&films(), &people());
    let running = Site::of(&upstream).serve().ready();
    (upstream, running)
}

#[test]
#[ignore = "needs chromium"]
fn a_search_finds_titles_people_and_directors_without_accents() {
    let (_upstream, server) = served();
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    tab.load(&format!("http://{}/", server.address));
    for (query, found) in [
        ("totoro", "f1"),
        ("ogaki", "f1"),
        ("KANTA Ōg", "f1"),
        ("トトロ", "f1"),
        ("miyaz", "f3 f1"),
        ("miyaz princess", "f3"),
        ("haru", "f2"),
        ("h", "f2 f3 f1"),
        ("nothing like it", ""),
        ("", "f2 f3 f4 f1"),
    ] {
        tab.value("{ const q = document.getElementById('q'); q.focus(); q.value = ''; }");
        tab.type_text(query);
        if query.is_empty() {
            tab.value(
                "document.getElementById('q').dispatchEvent(new Event('input', {bubbles: true}))",
            );
        }
        tab.shows_films(found);
    }
    // The search must use the index, and not only the page.
    let index: Value = server.get("/search/to.json").text().parse().expect("JSON");
    assert_eq!(index["words"]["totoro"], json!([0]));
    assert_eq!(index["films"], json!([{"id": "f1"}]), "the page has the rest");
    let asked = "performance.getEntriesByType('resource').some((one) => one.name.endsWith('/search/to.json'))";
    assert_eq!(tab.value(asked), true);
    assert_eq!(tab.complaints().iter().filter(|c| !c.to_string().contains("404")).count(), 0);
}

#[test]
#[ignore = "needs chromium"]
fn filters_and_order_are_in_the_address_and_are_restored_from_it() {
    let (_upstream, server) = served();
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    for (query, found) in [
        ("?director=Hayao+Miyazaki", "f3 f1"),
        ("?director=Second+Name", "f4"),
        ("?director=Nobody+Known", "f4"),
        ("?decade=1990", "f3 f4"),
        ("?minutes=-89", "f2 f1"),
        ("?minutes=90-120", "f4"),
        ("?minutes=121-", "f3"),
        ("?score=90", "f3 f1"),
        ("?cast=1", "f2 f1"),
        // Titles are sorted without their article: Cat, My, Princess, Quiet.
        ("?sort=title", "f2 f1 f3 f4"),
        ("?sort=score", "f1 f3 f2 f4"),
        ("?sort=minutes", "f2 f1 f4 f3"),
        ("?q=miyazaki&sort=score&decade=1980", "f1"),
        ("?director=Somebody+Gone", "f2 f3 f4 f1"),
    ] {
        let url = format!("http://{}/{query}", server.address);
        tab.call("Page.navigate", json!({"url": url}));
        tab.wait_for("document.readyState === 'complete'");
        tab.shows_films(found);
    }
    // After a visit to a film and back, the list must be the same at the same scroll position.
    let url = format!("http://{}/?q=miyazaki", server.address);
    tab.call("Page.navigate", json!({"url": url}));
    tab.shows_films("f3 f1");
    tab.value("document.querySelector('[data-film-id=f1] h2 a').click()");
    tab.wait_for("location.pathname === '/movies/my-neighbor-totoro/'");
    tab.value("history.back()");
    tab.wait_for("location.pathname === '/'");
    tab.shows_films("f3 f1");
    assert_eq!(tab.text("document.getElementById('q').value"), "miyazaki");
}

#[test]
#[ignore = "needs chromium"]
fn the_list_can_be_used_with_the_keyboard_alone() {
    let (_upstream, server) = served();
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    tab.load(&format!("http://{}/", server.address));
    tab.press("/");
    tab.wait_for("document.activeElement.id === 'q'");
    tab.type_text("miyazaki");
    tab.shows_films("f3 f1");
    // Move the focus to the filters, open the filters, and move the focus to the last filter.
    tab.press("Tab");
    tab.press("Enter");
    tab.wait_for("document.querySelector('.filters').open");
    for _ in 0..10 {
        if tab.text("document.activeElement.id") == "cast" {
            break;
        }
        tab.press("Tab");
    }
    tab.press(" ");
    tab.shows_films("f1");
    let announced = tab.text("document.querySelector('[data-found]').textContent");
    assert_eq!(announced, "1 of 4 films");
    assert!(tab.text("location.search").contains("q=miyazaki"));
    // The clear button shows all films again, and moves the focus to the search field.
    tab.value("document.querySelector('[data-clear]').focus()");
    tab.press("Enter");
    tab.shows_films("f2 f3 f4 f1");
    tab.wait_for("document.activeElement.id === 'q' && location.search === ''");
}

#[test]
#[ignore = "needs chromium"]
fn without_scripts_the_list_is_complete_and_links_directors_and_years() {
    let (_upstream, server) = served();
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    tab.call("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    tab.call("Page.navigate", json!({"url": format!("http://{}/?q=totoro", server.address)}));
    tab.shows_films("f2 f3 f4 f1");
    assert_eq!(tab.value("document.querySelector('[data-finder]').offsetParent"), Value::Null);
    for (path, films) in [("/directors/hayao-miyazaki/", "f3 f1"), ("/years/1988/", "f1")] {
        assert_eq!(server.get(path).status, 200);
        tab.call("Page.navigate", json!({"url": format!("http://{}{path}", server.address)}));
        tab.shows_films(films);
    }
    let director = server.get("/directors/hayao-miyazaki/").text().to_owned();
    assert!(
        director.contains("Directed 2 films, 1988–1997. Average score on Rotten Tomatoes: 93%."),
        "{director}"
    );
}

#[test]
#[ignore = "needs chromium"]
fn the_surprise_link_leads_to_one_of_the_shown_films() {
    let (_upstream, server) = served();
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    tab.load(&format!("http://{}/?decade=1980", server.address));
    tab.shows_films("f1");
    tab.value("document.querySelector('[data-surprise]').click()");
    tab.wait_for("location.pathname === '/movies/my-neighbor-totoro/'");
}

#[test]
#[ignore = "needs chromium"]
fn the_search_text_is_folded_in_the_same_way_as_the_index() {
    let (_upstream, server) = served();
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    // The table of letters comes with the first search.
    tab.load(&format!("http://{}/?q=totoro", server.address));
    tab.wait_for("moviesGen.folded('ł') === 'l'");
    let letters = ['\u{c0}'..='\u{24f}', '\u{1e00}'..='\u{1eff}', '\u{fb00}'..='\u{fb06}'];
    // Test Σ, too, at the end of a word and before the end.
    let texts = letters.into_iter().flatten().map(String::from).chain(["ΟΔΟΣ Σ ς".to_owned()]);
    let texts: Vec<_> = texts.collect();
    let typed = tab.value(&format!("{}.map((text) => moviesGen.folded(text))", json!(texts)));
    let typed = typed.as_array().expect("a list");
    assert_eq!(typed.len(), texts.len());
    for (text, typed) in texts.iter().zip(typed) {
        assert_eq!(typed, &folded(text), "{text}");
    }
}

#[test]
#[ignore = "needs chromium"]
fn letters_with_a_stroke_and_ligatures_are_found_with_and_without_them() {
    let films = json!([
        {"id": "f1", "title": "Wałęsa. Człowiek z nadziei", "release_date": "2013"},
        {"id": "f2", "title": "Adams æbler", "release_date": "2005"},
        {"id": "f3", "title": "Straße", "director": "Søren Ðorđević", "release_date": "1950"},
    ]);
    let upstream = Upstream::of(&films, &json!([]));
    let server = Site::of(&upstream).serve().ready();
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    tab.load(&format!("http://{}/", server.address));
    for (query, found) in [
        ("walesa", "f1"),
        ("Wałę", "f1"),
        ("aebler", "f2"),
        ("ÆB", "f2"),
        ("strasse", "f3"),
        ("straße", "f3"),
        ("soren dordev", "f3"),
        ("", "f1 f2 f3"),
    ] {
        tab.value("{ const q = document.getElementById('q'); q.focus(); q.value = ''; }");
        tab.type_text(query);
        if query.is_empty() {
            tab.value(
                "document.getElementById('q').dispatchEvent(new Event('input', {bubbles: true}))",
            );
        }
        tab.shows_films(found);
    }
}
