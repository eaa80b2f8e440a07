//! A site of files without `serve`: pages update in the same way, a little later.

use serde_json::json;

use super::{CARDS, RECORDS_SENTENCES, new_film, one_less, one_more, was_not_loaded_again};
use crate::fixture::{Answer, Browser, Nginx, Tab, Upstream, films};

/// Opens a tab on a site of files behind nginx, and waits until the page has read `freshness.json`.
fn open(browser: &mut Browser, nginx: &Nginx, path: &str) -> Tab {
    let mut tab = browser.window();
    tab.before_each_page(
        "asked = []; addEventListener('DOMContentLoaded', () => {
             const real = fetch;
             fetch = (...given) => { asked.push(given); return real(...given); };
         })",
    );
    tab.before_each_page(RECORDS_SENTENCES);
    tab.load(&format!("http://{}{path}", nginx.address));
    tab.wait_for(super::LISTENS);
    let _ = tab.value("window.isStillTheSame = true");
    tab
}

/// Returns an expression for whether the live region has had this sentence. The warning about old
/// data may have replaced the sentence since.
fn heard(sentence: &str) -> String {
    format!("said.includes('{sentence}')")
}

#[test]
#[ignore = "needs chromium and nginx"]
fn pages_of_a_site_of_files_read_freshness_json_and_update_themselves() {
    let upstream = Upstream::start();
    let running = super::soon_old(&upstream).serve().ready();
    let nginx = Nginx::start(&running.site.out());
    let mut browser = Browser::start();
    let mut list = open(&mut browser, &nginx, "/");
    let mut film = open(&mut browser, &nginx, "/movies/the-lamp-keeper/");
    let mut gone = open(&mut browser, &nginx, "/movies/nobody-home/");
    // After the first read of `freshness.json`, the page fetches itself, because the loaded page
    // may be older than the files.
    assert_eq!(list.value("asked.some(([url]) => url === '/')"), true);
    let _ = list.value("document.querySelector('[data-finder]').elements.q.focus()");
    upstream.set("/films", one_more());
    list.wait_for(&format!("({CARDS}) === 'f-empty f-winter f-new f-return f-salt f-lamp'"));
    list.wait_for(&heard("New: The New One."));
    assert_eq!(list.text("document.querySelector('[data-film-id=f-new]').dataset.new"), "New");
    assert_eq!(list.text("document.activeElement.name"), "q");
    // The page opens no stream, and requests nothing else.
    let asked = list.value("[...new Set(asked.map(([url]) => url))].sort()");
    assert_eq!(asked, json!(["/", "/freshness.json"]));
    let conditionally = "asked.every(([, how]) => how.cache === 'no-cache')";
    assert_eq!(list.value(conditionally), true);
    was_not_loaded_again(&mut list);
    // The new film stays: the other page may have learned of the film this instant, and may be about
    // to ask for its poster.
    let mut both = films();
    both[0]["description"] = "The ships are here.".into();
    both.as_array_mut().expect("a list").push(new_film());
    upstream.set("/films", Answer::json(&both));
    film.wait_for("document.querySelector('.description').textContent === 'The ships are here.'");
    film.wait_for(&heard("This page has changed."));
    was_not_loaded_again(&mut film);
    upstream.set("/films", one_less());
    gone.wait_for("!document.querySelector('[data-left]').hidden");
    assert_eq!(gone.text("document.querySelector('h1').textContent"), "Nobody Home");
    assert_eq!(gone.value("window.isStillTheSame"), true);
    upstream.set("/films", Answer::json(&films()));
    gone.wait_for("document.querySelector('[data-left]').hidden");
    // When the generator is killed, the pages show that their data is old.
    running.kill();
    list.wait_for("!document.querySelector('[data-stale]').hidden");
}
