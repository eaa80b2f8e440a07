//! Every page that is not a list of films fetches itself and becomes the new page.

use serde_json::{Value, json};

use super::{SAID, changed, one_less, one_more, open, says, served, was_not_loaded_again};
use crate::fixture::{Answer, films, people};

#[test]
#[ignore = "needs chromium"]
fn open_pages_of_a_film_of_a_person_and_of_the_years_update() {
    let (upstream, running, mut browser) = served();
    let mut film = open(&mut browser, &running, "/movies/the-lamp-keeper/");
    let mut person = open(&mut browser, &running, "/people/gull/");
    let mut year = open(&mut browser, &running, "/years/");
    upstream.set(
        "/films",
        changed(&json!({"description": "The ships are here.", "release_date": "1985"})),
    );
    for tab in [&mut film, &mut person, &mut year] {
        tab.call("Page.bringToFront", json!({}));
        tab.wait_for("document.body.textContent.includes('1985')");
        assert_ne!(tab.text(SAID), "");
        was_not_loaded_again(tab);
    }
    film.call("Page.bringToFront", json!({}));
    film.wait_for("document.querySelector('.description').textContent === 'The ships are here.'");
    film.wait_for(&says("The Lamp Keeper has changed."));
    assert!(film.text("document.title").contains("(1985)"));
    let mut folk = people();
    folk[1]["name"] = "The Gull".into();
    upstream.set("/people", Answer::json(&folk));
    person.call("Page.bringToFront", json!({}));
    person.wait_for("document.querySelector('h1').textContent === 'The Gull'");
    person.wait_for(&says("This page has changed."));
    was_not_loaded_again(&mut person);
}

#[test]
#[ignore = "needs chromium"]
fn a_page_that_news_does_not_change_fetches_nothing() {
    let (upstream, running, mut browser) = served();
    let mut tab = open(&mut browser, &running, "/people/gull/");
    let _ = tab.value("asked = 0; real = fetch;
        fetch = (...given) => { if (given[0] === location.pathname) asked++; return real(...given); }");
    upstream.set("/films", one_more());
    // The live region announces the new film on this page too, so a visitor who waits for a film
    // need not open the list.
    tab.wait_for(&format!("{SAID} === 'New: The New One.'"));
    upstream.set("/films", Answer::json(&films()));
    tab.wait_for(&format!("moviesGen.generation === '{}'", settled(&running)));
    assert_eq!(tab.value("asked"), 0);
    was_not_loaded_again(&mut tab);
}

/// Waits until the new film is removed, and returns the generation.
fn settled(running: &crate::fixture::Running) -> String {
    crate::fixture::wait_until("the old list", || {
        running.get("/movies/the-new-one/").status == 404
    });
    running.get("/").expect("x-generation").to_owned()
}

#[test]
#[ignore = "needs chromium"]
fn an_open_page_of_a_removed_film_says_so_and_its_address_answers_404_with_a_search() {
    let (upstream, running, mut browser) = served();
    let mut tab = open(&mut browser, &running, "/movies/nobody-home/");
    assert_eq!(tab.value("document.querySelector('[data-left]').hidden"), true);
    upstream.set("/films", one_less());
    tab.wait_for("!document.querySelector('[data-left]').hidden");
    tab.wait_for(&says("This page was removed from the site."));
    assert_eq!(tab.text("document.querySelector('h1').textContent"), "Nobody Home");
    // When the film returns, the notice disappears.
    upstream.set("/films", Answer::json(&films()));
    tab.wait_for("document.querySelector('[data-left]').hidden");
    was_not_loaded_again(&mut tab);
    upstream.set("/films", one_less());
    crate::fixture::wait_until("the end of the page", || {
        running.get("/movies/nobody-home/").status == 404
    });
    let mut stray = browser.tab();
    stray.load(&format!("http://{}/movies/nobody-home/", running.address));
    let _ = stray.value(
        "form = document.querySelector('form[role=search]');
        form.elements.q.value = 'salt'; form.requestSubmit()",
    );
    stray.wait_for("location.search === '?q=salt' && document.readyState === 'complete'");
    stray.wait_for(&format!("({}) === 'f-salt'", super::CARDS));
}

#[test]
#[ignore = "needs chromium"]
fn a_page_for_an_unknown_path_becomes_the_page_of_a_film_that_is_added() {
    let (upstream, running, mut browser) = served();
    let mut tab = browser.tab();
    tab.load(&format!("http://{}/movies/the-new-one/", running.address));
    tab.wait_for(super::LISTENS);
    let _ = tab.value("window.isStillTheSame = true");
    upstream.set("/films", one_more());
    tab.wait_for("document.querySelector('h1').textContent === 'The New One'");
    assert_eq!(tab.value("window.isStillTheSame"), true);
    assert_eq!(tab.value("document.querySelector('[data-missing]')"), Value::Null);
}
