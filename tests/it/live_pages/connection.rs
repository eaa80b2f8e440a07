//! Streams that are paused, cut or refused, and the limit of streams of one browser.

use serde_json::json;

use super::{CARDS, SAID, changed, one_more, open, quick, says, served, was_not_loaded_again};
use crate::fixture::{Answer, Browser, Listener, Upstream, films, free_address, wait_until};

const NEW: &str = "document.querySelector('[data-film-id=f-new]') !== null";

fn score(tab: &mut crate::fixture::Tab, score: &str) {
    tab.wait_for(&format!(
        "document.querySelector('[data-film-id=f-lamp]').dataset.score === '{score}'"
    ));
}

#[test]
#[ignore = "needs chromium"]
fn visitors_can_pause_updates_and_the_browser_remembers_the_pause() {
    let (upstream, running, mut browser) = served();
    let mut tab = open(&mut browser, &running, "/");
    let _ = tab.value("document.querySelector('[data-pause]').click()");
    assert_eq!(tab.text("document.querySelector('[data-pause]').ariaPressed"), "true");
    upstream.set("/films", one_more());
    // A paused page shows a link to the newer page.
    tab.wait_for("!document.querySelector('[data-newer]').hidden");
    assert_eq!((tab.value(NEW), tab.text(SAID)), (false.into(), String::new()));
    let mut other = browser.tab();
    other.load(&format!("http://{}/people/", running.address));
    assert_eq!(other.text("document.querySelector('[data-pause]').ariaPressed"), "true");
    // If the visitor ends the pause in one tab, the other tab also updates again.
    let _ = other.value("document.querySelector('[data-pause]').click()");
    tab.call("Page.bringToFront", json!({}));
    tab.wait_for(NEW);
    tab.wait_for("document.querySelector('[data-newer]').hidden");
    was_not_loaded_again(&mut tab);
}

#[test]
#[ignore = "needs chromium"]
fn a_page_that_was_offline_catches_up() {
    let (upstream, running, mut browser) = served();
    let mut tab = open(&mut browser, &running, "/");
    let offline = |is_offline: bool| json!({"offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
    tab.call("Network.emulateNetworkConditions", offline(true));
    upstream.set("/films", one_more());
    wait_until("the new film", || running.get("/movies/the-new-one/").status == 200);
    assert_eq!(tab.value(NEW), false);
    tab.call("Network.emulateNetworkConditions", offline(false));
    tab.wait_for(NEW);
    tab.wait_for(&says("New: The New One."));
    assert_eq!(tab.value("window.isStillTheSame"), true);
}

#[test]
#[ignore = "needs chromium"]
fn a_page_updates_after_a_restart_of_the_server_and_shows_old_data_after_a_kill() {
    let upstream = Upstream::start();
    let address = free_address().to_string();
    let site = super::soon_old(&upstream).with(&["--listen", &address]);
    let running = site.serve().ready();
    let mut browser = Browser::with_windows();
    let mut tab = open(&mut browser, &running, "/");
    assert_eq!(running.terminate().0, Some(0));
    upstream.set("/films", one_more());
    let running = site.serve().ready();
    tab.wait_for(NEW);
    upstream.set("/films", Answer::json(&films()));
    tab.wait_for(&format!("!({NEW})"));
    assert_eq!(tab.value("window.isStillTheSame"), true);
    // When the server is killed, the page stays and shows that its data is old.
    running.kill();
    tab.wait_for("!document.querySelector('[data-stale]').hidden");
    assert_eq!(tab.value("window.isStillTheSame"), true);
}

#[test]
#[ignore = "needs chromium"]
fn pages_update_again_after_back_and_forward() {
    let (upstream, running, mut browser) = served();
    let mut tab = open(&mut browser, &running, "/");
    let _ = tab.value("location.assign('/people/')");
    tab.wait_for("document.readyState === 'complete' && location.pathname === '/people/'");
    upstream.set("/films", one_more());
    wait_until("the new film", || running.get("/movies/the-new-one/").status == 200);
    tab.wait_for(super::LISTENS);
    let _ = tab.value("history.back()");
    tab.wait_for(&format!("location.pathname === '/' && {NEW}"));
    upstream.set("/films", changed(&json!({"rt_score": "12"})));
    score(&mut tab, "12");
    let _ = tab.value("history.forward()");
    tab.wait_for("location.pathname === '/people/'");
    let mut folk = crate::fixture::people();
    folk[1]["name"] = "The Gull".into();
    upstream.set("/people", Answer::json(&folk));
    tab.wait_for("document.body.textContent.includes('The Gull')");
}

#[test]
#[ignore = "needs chromium"]
fn an_eighth_page_loads_while_seven_tabs_want_streams() {
    let (upstream, running, mut browser) = served();
    let mut tabs: Vec<_> = (0..7)
        .map(|_| {
            let mut tab = browser.window();
            tab.load(&format!("http://{}/", running.address));
            tab.wait_for(super::LISTENS);
            tab
        })
        .collect();
    // All seven tabs are visible, so each tab wants a stream. The eighth page would also get a
    // connection if tabs were hidden.
    assert!(tabs.iter_mut().all(|tab| tab.value("document.hidden") == false));
    let mut eighth = browser.window();
    eighth.load(&format!("http://{}/movies/salt-road/", running.address));
    eighth.wait_for("document.querySelector('h1').textContent === 'Salt Road'");
    upstream.set("/films", one_more());
    for tab in &mut tabs {
        tab.call("Page.bringToFront", json!({}));
        tab.wait_for(NEW);
    }
}

#[test]
#[ignore = "needs chromium"]
fn a_page_whose_stream_is_refused_still_updates_and_later_gets_a_stream() {
    let upstream = Upstream::start();
    let running = quick(&upstream).with(&["--max-streams", "1"]).serve().ready();
    let mut other = Listener::open(running.address, "path=/", &[]);
    assert_eq!(other.next().name, "fetch");
    let mut browser = Browser::with_windows();
    let mut tab = browser.tab();
    tab.load(&format!("http://{}/", running.address));
    let _ = tab.value("window.isStillTheSame = true");
    upstream.set("/films", one_more());
    // Without a stream, the page updates after its next read of `freshness.json`.
    tab.wait_for(&format!("({CARDS}).includes('f-new')"));
    drop(other);
    wait_until("the stream of the page", || {
        Listener::open(running.address, "path=/", &[]).status == 503
    });
    upstream.set("/films", changed(&json!({"rt_score": "12"})));
    score(&mut tab, "12");
    assert_eq!(tab.value("window.isStillTheSame"), true);
}

#[test]
#[ignore = "needs chromium"]
fn a_page_opens_its_stream_again_after_the_machine_was_suspended() {
    let (upstream, running, mut browser) = served();
    let mut tab = browser.tab();
    tab.before_each_page(
        "opened = 0; window.EventSource = class extends EventSource {
             constructor(url) { super(url); opened++; }
         }",
    );
    tab.load(&format!("http://{}/", running.address));
    tab.wait_for(super::LISTENS);
    assert_eq!(tab.value("opened"), 1);
    let _ = tab.value("before = Date.now; Date.now = () => before() + 120_000");
    tab.wait_for("opened === 2");
    upstream.set("/films", one_more());
    tab.wait_for(NEW);
    assert_eq!(tab.value("opened"), 2);
}

#[test]
#[ignore = "needs chromium"]
fn a_hidden_page_holds_no_stream_and_catches_up_when_it_is_visible_again() {
    let (upstream, running, mut browser) = served();
    let mut tab = open(&mut browser, &running, "/");
    // Does what the browser does when the visitor selects another tab.
    let hide = |is_hidden: bool| {
        format!(
            "Object.defineProperty(document, 'hidden', {{configurable: true, value: {is_hidden}}});
            document.dispatchEvent(new Event('visibilitychange'))"
        )
    };
    let _ = tab.value(&hide(true));
    upstream.set("/films", one_more());
    wait_until("the new film", || running.get("/movies/the-new-one/").status == 200);
    assert_eq!(tab.value(NEW), false);
    let _ = tab.value(&hide(false));
    tab.wait_for(NEW);
    tab.wait_for(&says("New: The New One."));
    was_not_loaded_again(&mut tab);
}
