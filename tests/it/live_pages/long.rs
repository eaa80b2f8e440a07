//! Long lists, and items that move: an update keeps what visitors read and use.

use serde_json::{Value, json};

use super::{
    CARDS, LISTENS, RECORDS_SENTENCES, SAID, changed, is_still_the_same, one_more, open, served,
    was_not_loaded_again,
};
use crate::fixture::{
    Answer, Browser, Nginx, Running, Site, Tab, Upstream, films, people, wait_until,
};

/// Largest number of films in a list that is whole and has filters.
const WHOLE: usize = 1_000;
const COUNT: &str = "document.querySelectorAll('[data-film-id]').length";

/// Makes a list of `count` films.
fn list(count: usize) -> Answer {
    let mut films = films();
    let all = films.as_array_mut().expect("a list");
    let more = count.saturating_sub(all.len());
    all.truncate(count);
    all.extend((0..more).map(|n| {
        json!({"id": format!("m{n}"), "title": format!("Many {n}"), "director": "Mads Okoye",
            "release_date": (1900 + n % 100).to_string(), "running_time": "100"})
    }));
    Answer::json(&films)
}

/// Starts a server that believes lists of any length, and a tab with a list of `count` films.
fn served_with(count: usize) -> (Upstream, Running, Browser, Tab) {
    let upstream = Upstream::start();
    upstream.set("/films", list(count));
    let guard = ["--max-growth", "1000000", "--max-shrink", "100%", "--accept-after", "1"];
    let running = super::quick(&upstream).with(&guard).serve().ready();
    let mut browser = Browser::start();
    let tab = open(&mut browser, &running, "/");
    (upstream, running, browser, tab)
}

/// Writes a number as an English page does.
fn figure(number: usize) -> String {
    if number < 1000 { number.to_string() } else { format!("1,{:03}", number - 1000) }
}

fn counts(tab: &mut Tab, films: usize) {
    let films = figure(films);
    let count = format!("document.querySelector('.count').textContent.startsWith('{films} film')");
    tab.wait_for(&count);
}

fn searches(tab: &mut Tab, query: &str) {
    let _ = tab.value(&format!(
        "q = document.querySelector('[data-finder]').elements.q; q.value = '{query}';
         q.dispatchEvent(new Event('input', {{bubbles: true}}))"
    ));
}

#[test]
#[ignore = "needs chromium"]
fn an_open_list_gets_and_loses_filters_when_its_length_crosses_the_limit() {
    let (upstream, _running, _browser, mut tab) = served_with(WHOLE - 2);
    let filters = "document.querySelector('[data-finder] details') !== null";
    assert_eq!(tab.value(filters), true);
    let _ = tab.value(
        "finder = document.querySelector('[data-finder]'); finder.elements.decade.value = '1980';
         finder.dispatchEvent(new Event('input', {bubbles: true}))",
    );
    tab.wait_for("location.search === '?decade=1980'");
    let steps = [WHOLE + 3, WHOLE - 2, WHOLE, WHOLE + 1, WHOLE - 1];
    for films in steps {
        upstream.set("/films", list(films));
        counts(&mut tab, films);
        let is_whole = films <= WHOLE;
        tab.wait_for(&format!("({filters}) === {is_whole}"));
        // If a filter is gone, its choice is cleared.
        tab.wait_for("location.search === ''");
        tab.wait_for("!document.querySelector('[data-finder]').hidden");
        searches(&mut tab, "salt");
        tab.wait_for(&format!("location.search === '?q=salt' && (
            ({CARDS}) === 'f-salt' || document.querySelector('[data-others]')?.textContent.includes('Salt'))"));
        searches(&mut tab, "");
        tab.wait_for(&format!("location.search === '' && ({CARDS}).length > 100"));
        assert_eq!(tab.text("document.documentElement.style.overflowAnchor"), "");
        if is_whole {
            let _ = tab.value(
                "finder = document.querySelector('[data-finder]');
                 finder.elements.director.value = 'Ida Brandt';
                 finder.elements.director.dispatchEvent(new Event('input', {bubbles: true}))",
            );
            tab.wait_for(&format!("({CARDS}) === 'f-salt f-lamp'"));
            let _ = tab.value(
                "finder.elements.director.value = '';
                 finder.elements.director.dispatchEvent(new Event('input', {bubbles: true}))",
            );
            tab.wait_for("location.search === ''");
        }
    }
    was_not_loaded_again(&mut tab);
}

#[test]
#[ignore = "needs chromium"]
fn an_open_list_gets_a_search_with_its_first_films_and_loses_it_with_its_last_films() {
    let (upstream, running, _browser, mut tab) = served_with(0);
    assert_eq!(tab.value("document.querySelector('[data-finder]')"), Value::Null);
    for _ in 0..2 {
        upstream.set("/films", list(5));
        tab.wait_for(&format!("({COUNT}) === 5"));
        tab.wait_for("document.querySelector('[data-finder]')?.hidden === false");
        searches(&mut tab, "salt");
        tab.wait_for(&format!("({CARDS}) === 'f-salt'"));
        upstream.set("/films", list(0));
        // The program believes an empty list only if the owner accepts it.
        wait_until("no films", || {
            let _ = running.site.run(&["accept"]);
            running.get("/").text().contains("No films yet")
        });
        tab.wait_for("document.querySelector('.blank') !== null");
        tab.wait_for("location.search === ''");
    }
    is_still_the_same(&mut tab);
}

#[test]
#[ignore = "needs chromium"]
fn above_the_limit_found_films_keep_the_focus_and_the_number_of_films_is_updated() {
    let (upstream, _running, _browser, mut tab) = served_with(WHOLE + 3);
    searches(&mut tab, "many 10");
    tab.wait_for("document.querySelector('[data-others] a') !== null");
    let found = "document.querySelector('[data-found]').textContent";
    tab.wait_for(&format!("{found}.includes('of {} films')", figure(WHOLE + 3)));
    let _ = tab.value("link = document.querySelector('[data-others] a'); link.focus()");
    upstream.set("/films", list(WHOLE + 4));
    tab.wait_for(&format!("{found}.includes('of {} films')", figure(WHOLE + 4)));
    assert_eq!(tab.value("document.activeElement === link && link.isConnected"), true);
    was_not_loaded_again(&mut tab);
}

#[test]
#[ignore = "needs chromium"]
fn filters_by_decade_follow_the_films_and_a_filter_without_films_is_cleared() {
    let (upstream, running, mut browser) = served();
    let mut tab = open(&mut browser, &running, "/");
    let mut more = films();
    more.as_array_mut().expect("a list").push(
        json!({"id": "f-old", "title": "An Old One", "release_date": "1972", "director": "Abe Aal"}),
    );
    upstream.set("/films", Answer::json(&more));
    let options = "[...document.querySelectorAll('#decade option')].slice(1)";
    tab.wait_for(&format!("{options}.some((option) => option.textContent === '1970s')"));
    let each = format!("{options}.every((option) => option.textContent === `${{option.value}}s`)");
    assert_eq!(tab.value(&each), true);
    let _ = tab.value(
        "finder = document.querySelector('[data-finder]'); finder.elements.decade.value = '1970';
         finder.elements.decade.dispatchEvent(new Event('input', {bubbles: true}))",
    );
    tab.wait_for(&format!("({CARDS}) === 'f-old'"));
    // If the selected decade has no films any more, the filter is cleared, in the form and in the
    // address.
    upstream.set("/films", Answer::json(&films()));
    tab.wait_for(&format!("({CARDS}).split(' ').length === 5 && location.search === ''"));
    was_not_loaded_again(&mut tab);
}

#[test]
#[ignore = "needs chromium"]
fn focus_and_selection_stay_with_an_item_when_new_items_come_before_it() {
    let (upstream, running, mut browser) = served();
    let mut folk = people();
    folk.as_array_mut().expect("a list").push(json!({"id": "p-0", "name": "Aaron First",
        "films": ["https://api.example/films/f-lamp"]}));
    let mut more = films();
    let all = more.as_array_mut().expect("a list");
    all.push(json!({"id": "f-0", "title": "Aardvark", "release_date": "1950", "director": "Aa Bb",
        "producer": "Aa Cc"}));
    all.push(json!({"id": "f-1", "title": "By Ida Too", "release_date": "2020", "director": "Ida Brandt"}));
    // The path of the page, the link with the focus, and the element and the text by which the test
    // recognises the update.
    for (path, link, within, news) in [
        ("/people/", ".everybody li:nth-child(3) > a", "main", "Aaron First"),
        ("/directors/", ".ledger li:nth-child(2) a", "main", "Aa Bb"),
        ("/producers/", ".ledger li:nth-child(2) a", "main", "Aa Cc"),
        ("/years/", ".ledger li:last-child a", "main", "1950"),
        ("/movies/the-lamp-keeper/", ".shelf li a", ".shelf", "By Ida Too"),
        ("/", ".timeline a:nth-of-type(3)", ".films", "Aardvark"),
        ("/movies/the-lamp-keeper/", ".cast li:last-child a", ".cast", "Aaron First"),
    ] {
        upstream.set("/films", Answer::json(&films()));
        upstream.set("/people", Answer::json(&people()));
        let mut tab = open(&mut browser, &running, path);
        let is_news = format!("document.querySelector('{within}').textContent.includes('{news}')");
        tab.wait_for(&format!("!({is_news})"));
        let _ = tab.value(&format!(
            "link = document.querySelector('{link}'); link.focus(); text = link.textContent;
             address = link.getAttribute('href');
             getSelection().selectAllChildren(link); selected = String(getSelection())"
        ));
        assert_eq!(tab.value("document.activeElement === link"), true, "{path} {link}");
        upstream.set("/films", Answer::json(&more));
        upstream.set("/people", Answer::json(&folk));
        tab.wait_for(&is_news);
        let kept = tab.value(
            "[document.activeElement === link, link.textContent === text,
              link.getAttribute('href') === address, String(getSelection()) === selected]",
        );
        assert_eq!(kept, json!([true, true, true, true]), "{path} {link}");
        is_still_the_same(&mut tab);
    }
}

#[test]
#[ignore = "needs chromium"]
fn an_update_of_the_page_of_changes_keeps_the_place_and_the_focus() {
    let (upstream, running, mut browser) = served();
    for score in 10..30 {
        upstream.set("/films", changed(&json!({"rt_score": score.to_string()})));
        let wanted = format!("<ins dir=\"auto\">{score}");
        wait_until("the change", || running.get("/changes/").text().contains(&wanted));
    }
    let mut tab = open(&mut browser, &running, "/changes/");
    let _ = tab.value(
        "item = document.querySelectorAll('.changes > li')[12]; item.scrollIntoView();
         link = item.querySelector('a'); link.focus({preventScroll: true});
         text = item.textContent; place = item.getBoundingClientRect().top",
    );
    upstream.set("/films", one_more());
    tab.wait_for("document.getElementById('main').textContent.includes('The New One')");
    let kept = tab.value(
        "[document.activeElement === link, item.textContent === text,
          Math.abs(item.getBoundingClientRect().top - place) < 2]",
    );
    assert_eq!(kept, json!([true, true, true]));
    was_not_loaded_again(&mut tab);
}

#[test]
#[ignore = "needs chromium"]
fn a_renamed_film_gets_its_new_poster() {
    let (upstream, running, mut browser) = served();
    for path in ["/", "/movies/the-lamp-keeper/"] {
        upstream.set("/films", Answer::json(&films()));
        wait_until("the old name", || running.get("/").text().contains("The Lamp Keeper"));
        let mut tab = open(&mut browser, &running, path);
        let poster = "document.querySelector('[data-film-id=f-lamp] img, .sheet .poster img')";
        let _ = tab.value(&format!("before = {poster}.currentSrc"));
        upstream.set("/films", changed(&json!({"title": "The Harbour Light"})));
        tab.wait_for(&format!("{poster}.src !== before && {poster}.complete"));
        let drawn = format!("fetch({poster}.src).then((answer) => answer.text())");
        assert!(tab.text(&drawn).contains("Harbour"), "{path}");
    }
}

#[test]
#[ignore = "needs chromium"]
fn back_restores_the_list_of_its_address_and_the_link_to_newer_data_reloads_the_page() {
    let (upstream, running, mut browser) = served();
    let mut tab = open(&mut browser, &running, "/");
    let _ = tab.value("document.querySelector('.skip[href=\"#films\"]').click()");
    tab.wait_for("location.hash === '#films'");
    searches(&mut tab, "salt");
    tab.wait_for(&format!("({CARDS}) === 'f-salt' && location.search === '?q=salt'"));
    let _ = tab.value("history.back()");
    tab.wait_for("location.hash === '' && location.search === ''");
    tab.wait_for(&format!("({CARDS}).split(' ').length === 5"));
    assert_eq!(tab.text("document.querySelector('[data-finder]').elements.q.value"), "");
    let _ = tab.value("document.querySelector('[data-pause]').click(); location.hash = 'films'");
    upstream.set("/films", one_more());
    tab.wait_for("!document.querySelector('[data-newer]').hidden");
    let _ = tab.value("document.querySelector('[data-newer]').click()");
    tab.wait_for(&format!("window.isStillTheSame === undefined && ({CARDS}).includes('f-new')"));
}

#[test]
#[ignore = "needs chromium"]
fn the_former_value_of_a_figure_is_of_the_same_field() {
    let (upstream, running, mut browser) = served();
    let script =
        "was = []; addEventListener('DOMContentLoaded', () => new MutationObserver((all) => {
        for (const { target } of all) {
            if (target.dataset.was) was.push(`${target.dataset.field}: ${target.dataset.was}`);
        }
    }).observe(document, { attributes: true, subtree: true, attributeFilter: ['data-was'] }))";
    for path in ["/movies/the-lamp-keeper/", "/"] {
        upstream.set("/films", Answer::json(&films()));
        wait_until("the old score", || running.get("/").text().contains("data-score=\"88\""));
        let mut tab = browser.tab();
        tab.before_each_page(script);
        tab.load(&format!("http://{}{path}", running.address));
        tab.wait_for(LISTENS);
        // Two facts are removed, so another fact moves to their place.
        let mut less = films();
        let film = less[0].as_object_mut().expect("a film");
        for name in ["director", "running_time"] {
            film.remove(name);
        }
        film.insert("rt_score".into(), "12".into());
        upstream.set("/films", Answer::json(&less));
        tab.wait_for(
            "was.length > 0 && document.getElementById('main').textContent.includes('12')",
        );
        let was = tab.value("was.every((text) => /^score: 88/.test(text))");
        assert_eq!(was, true, "{path}: {}", tab.value("was"));
    }
}

#[test]
#[ignore = "needs chromium"]
fn an_open_status_page_updates_after_every_refresh() {
    let (upstream, running, mut browser) = served();
    let mut tab = browser.tab();
    tab.load(&format!("http://{}/status/", running.address));
    let _ = tab.value(
        "window.isStillTheSame = true; before = document.querySelector('.facts').textContent",
    );
    tab.wait_for("document.querySelector('.facts').textContent !== before");
    upstream.set("/films", one_more());
    tab.wait_for("[...document.querySelectorAll('.facts div')].some((fact) => fact.textContent === 'Films6')");
    assert_eq!(tab.text(SAID), "", "the page changes all the time, so no change is announced");
    was_not_loaded_again(&mut tab);
}

#[test]
#[ignore = "needs chromium and nginx"]
fn a_current_page_of_files_does_not_fetch_itself_and_announces_old_data_once() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--interval", "1s", "--max-age", "1s"]);
    site.build_once().well();
    // The site looks as if its last change was long ago.
    let told: Value = serde_json::from_str(&site.page("freshness.json")).expect("JSON");
    let mut told = told;
    told["published"] = json!("2024-01-01T00:00:00Z");
    site.write("public/freshness.json", told.to_string());
    let nginx = Nginx::start(&site.out());
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    tab.before_each_page(
        "asked = []; const real = window.fetch;
         window.fetch = (...given) => { asked.push(given[0]); return real(...given); };
         addEventListener('DOMContentLoaded', () => {
             looks = 0; document.addEventListener('movies-gen:look', () => looks++);
         })",
    );
    tab.before_each_page(RECORDS_SENTENCES);
    tab.load(&format!("http://{}/", nginx.address));
    tab.wait_for(LISTENS);
    tab.wait_for("!document.querySelector('[data-stale]').hidden");
    // The clock of the page jumps ahead by two minutes.
    let _ =
        tab.value("now = performance.now; performance.now = () => now.call(performance) + 120_000");
    tab.wait_for("document.querySelector('[data-stale]').textContent.includes('2\u{a0}min')");
    assert_eq!(tab.value("asked.filter((url) => url === '/')"), json!([]));
    assert_eq!(tab.value("said.length"), 1, "{}", tab.value("said"));
    assert_eq!(tab.complaints(), Vec::<Value>::new());
}
