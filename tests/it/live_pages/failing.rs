//! Networks, proxies and browsers that fail: the page continues, or says what is missing.

use serde_json::json;

use super::{
    CARDS, LISTENS, SAID, changed, is_still_the_same, one_more, quick, says, served, soon_old,
    was_not_loaded_again,
};
use crate::fixture::{Answer, Browser, Nginx, Running, Site, Tab, Upstream, films, wait_until};

const TEXT: &str = "document.querySelector('.description').textContent";
/// Fetches that `fails` names are refused, and those that `hangs` counts get no answer.
const FETCH: &str = "fails = null; hangs = {}; asked = [];
    const real = window.fetch;
    window.fetch = (url, how) => {
        asked.push(url);
        if (fails === url) return Promise.reject(new TypeError('failed'));
        if (hangs[url] > 0) { hangs[url]--; return new Promise(() => {}); }
        return real(url, how);
    };";

/// A server on a port of its own, which another one can have after it.
fn at_a_port(upstream: &Upstream) -> Site {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("an address").to_string();
    quick(upstream).with(&["--listen", &address])
}

fn opened_with(browser: &mut Browser, running: &Running, path: &str, script: &str) -> Tab {
    let mut tab = browser.window();
    tab.before_each_page(script);
    tab.load(&format!("http://{}{path}", running.address));
    let _ = tab.value("window.isStillTheSame = true");
    tab
}

#[test]
#[ignore = "needs chromium"]
fn a_page_that_lost_a_fetch_does_not_take_itself_for_current() {
    let upstream = Upstream::start();
    let site = at_a_port(&upstream);
    let running = site.serve().ready();
    let mut browser = Browser::start();
    let path = "/movies/the-lamp-keeper/";
    let mut tab = opened_with(&mut browser, &running, path, FETCH);
    tab.wait_for(LISTENS);
    let _ = tab.value(&format!("fails = '{path}'"));
    upstream.set("/films", changed(&json!({"description": "The ships are here."})));
    // All tries failed: a link leads to what is newer.
    tab.wait_for("!document.querySelector('[data-newer]').hidden");
    assert_ne!(tab.text(TEXT), "The ships are here.");
    // It is tried again with regular looks alone, each five seconds apart at least.
    let _ = tab.value(
        "looks = []; document.addEventListener('movies-gen:look', () => looks.push(performance.now()))",
    );
    tab.wait_for("looks.length > 2");
    assert_eq!(tab.value("looks[2] - looks[1] > 4_000"), true, "{}", tab.value("looks"));
    // The next process says `current` to the last event that the browser names.
    let _ = tab.value("fails = null");
    assert_eq!(running.terminate().0, Some(0));
    let _running = site.serve().ready();
    tab.wait_for(&format!("{TEXT} === 'The ships are here.'"));
    tab.wait_for("document.querySelector('[data-newer]').hidden");
    is_still_the_same(&mut tab);
}

#[test]
#[ignore = "needs chromium"]
fn the_rest_of_a_list_that_could_not_be_fetched_comes_with_the_next_look() {
    let (upstream, running, mut browser) = served();
    let mut tab = opened_with(&mut browser, &running, "/", FETCH);
    tab.wait_for(LISTENS);
    let _ = tab.value("fails = '/'");
    upstream.set("/films", one_more());
    // The card came with the event; the number of films is on the page that cannot be had.
    tab.wait_for(&format!("({CARDS}).includes('f-new')"));
    tab.wait_for("!document.querySelector('[data-newer]').hidden");
    let _ = tab.value("fails = null; moviesGen.look()");
    tab.wait_for("document.querySelector('.count').textContent.startsWith('6 films')");
    tab.wait_for("document.querySelector('[data-newer]').hidden");
    was_not_loaded_again(&mut tab);
}

#[test]
#[ignore = "needs chromium"]
fn a_fetch_without_an_answer_stops_nothing_for_good() {
    let (upstream, running, mut browser) = served();
    let path = "/movies/the-lamp-keeper/";
    let script = format!("{FETCH} hangs['/freshness.json'] = 1;");
    let mut tab = opened_with(&mut browser, &running, path, &script);
    // The first look got no answer, and the next one does.
    tab.wait_for(&format!("asked.length > 0 && {LISTENS}"));
    let _ = tab.value(&format!("hangs['{path}'] = 1"));
    upstream.set("/films", changed(&json!({"description": "The ships are here."})));
    tab.wait_for(&format!("{TEXT} === 'The ships are here.'"));
    was_not_loaded_again(&mut tab);
}

#[test]
#[ignore = "needs chromium and nginx"]
fn a_proxy_that_holds_events_back_silences_no_page() {
    let upstream = Upstream::start();
    let running = quick(&upstream).serve().ready();
    // Something that takes events and lets none through.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let holding = silent.local_addr().expect("an address");
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for mut stream in silent.incoming().map_while(Result::ok) {
            let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
            if std::io::Write::write_all(&mut stream, head).is_ok() {
                held.push(stream);
            }
        }
    });
    let nginx = Nginx::with(|address, _| {
        format!(
            "server {{ listen {address}; proxy_http_version 1.1; proxy_set_header Connection '';
                 location / {{ proxy_pass http://{}; }}
                 location /events {{ proxy_pass http://{holding}; proxy_buffering off; }}
             }}",
            running.address
        )
    });
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    tab.before_each_page(
        "sources = []; window.EventSource = class extends EventSource {
             constructor(url) { super(url); sources.push(this); }
         }",
    );
    tab.load(&format!("http://{}/", nginx.address));
    let _ = tab.value("window.isStillTheSame = true");
    tab.wait_for("sources.length === 1");
    upstream.set("/films", one_more());
    tab.wait_for(&format!("({CARDS}).includes('f-new')"));
    tab.wait_for(&says("New: The New One."));
    // It was given up, and not opened again at once.
    assert_eq!(tab.value("[sources.length, sources[0].readyState]"), json!([1, 2]));
    was_not_loaded_again(&mut tab);
}

#[test]
#[ignore = "needs chromium"]
fn a_browser_that_lets_no_page_notify_is_offered_nothing_and_takes_up_news() {
    let stub = |permission: &str| {
        format!(
            "window.Notification = class {{
                 static permission = '{permission}';
                 static async requestPermission() {{ return 'granted'; }}
                 constructor() {{ throw new TypeError('Illegal constructor'); }}
             }};"
        )
    };
    let (upstream, running, mut browser) = served();
    let mut tab = opened_with(&mut browser, &running, "/", &stub("default"));
    tab.wait_for(LISTENS);
    assert_eq!(tab.value("document.querySelector('[data-notify]').hidden"), true);
    // One that was asked for when it seemed to work.
    let told =
        "localStorage['movies-gen-tells'] = '1'; localStorage['movies-gen-notifications'] = '1';";
    let script = format!("{} {told}", stub("granted"));
    let mut other = opened_with(&mut browser, &running, "/", &script);
    other.wait_for(LISTENS);
    upstream.set("/films", one_more());
    for tab in [&mut tab, &mut other] {
        tab.call("Page.bringToFront", json!({}));
        tab.wait_for(&format!("({CARDS}).includes('f-new')"));
        tab.wait_for("document.querySelector('.count').textContent.startsWith('6 films')");
        assert_eq!(tab.value("document.querySelector('[data-notify]').hidden"), true);
        was_not_loaded_again(tab);
    }
}

#[test]
#[ignore = "needs chromium"]
fn an_older_browser_searches_from_an_address_and_goes_back() {
    let (_upstream, running, mut browser) = served();
    let script = "delete URLSearchParams.prototype.size; delete Array.prototype.at;
        delete Element.prototype.moveBefore; delete Object.hasOwn; delete window.structuredClone;
        delete AbortSignal.timeout; delete Array.prototype.toSorted;";
    let mut tab = opened_with(&mut browser, &running, "/?q=lamp", script);
    tab.wait_for(&format!("({CARDS}) === 'f-lamp'"));
    let _ = tab.value(
        "q = document.querySelector('[data-finder]').elements.q; q.value = 'salt';
         q.dispatchEvent(new Event('input', {bubbles: true}))",
    );
    tab.wait_for(&format!("({CARDS}) === 'f-salt' && location.search === '?q=salt'"));
    let _ = tab.value("location.assign('/people/')");
    tab.wait_for("document.readyState === 'complete' && location.pathname === '/people/'");
    let _ = tab.value("history.back()");
    tab.wait_for(&format!("location.pathname === '/' && ({CARDS}) === 'f-salt'"));
    // The page for what is not there leads to a search.
    tab.load(&format!("http://{}/movies/nowhere/", running.address));
    let _ = tab.value(
        "form = document.querySelector('[data-missing] form, main form');
         form.elements.q.value = 'lamp'; form.requestSubmit()",
    );
    tab.wait_for(&format!("location.pathname === '/' && ({CARDS}) === 'f-lamp'"));
}

/// Nothing may be stored.
const BLOCKED: &str = "for (const name of ['localStorage', 'sessionStorage']) {
    Object.defineProperty(window, name, { get() { throw new DOMException('', 'SecurityError'); } });
}";

#[test]
#[ignore = "needs chromium"]
fn a_page_whose_storage_is_blocked_can_be_paused() {
    let (upstream, running, mut browser) = served();
    let mut tab = opened_with(&mut browser, &running, "/", BLOCKED);
    tab.wait_for(LISTENS);
    let _ = tab.value("document.querySelector('[data-pause]').click()");
    assert_eq!(tab.text("document.querySelector('[data-pause]').ariaPressed"), "true");
    upstream.set("/films", one_more());
    tab.wait_for("!document.querySelector('[data-newer]').hidden");
    assert_eq!(tab.value(&format!("({CARDS}).includes('f-new')")), false);
    let _ = tab.value("document.querySelector('[data-pause]').click()");
    tab.wait_for(&format!("({CARDS}).includes('f-new')"));
    was_not_loaded_again(&mut tab);
}

#[test]
#[ignore = "needs chromium"]
fn a_browser_without_event_streams_looks_and_takes_no_place() {
    let upstream = Upstream::start();
    let running = soon_old(&upstream).serve().ready();
    let mut browser = Browser::start();
    let mut tab = opened_with(&mut browser, &running, "/", "delete window.EventSource");
    tab.wait_for(LISTENS);
    upstream.set("/films", one_more());
    tab.wait_for(&format!("({CARDS}).includes('f-new')"));
    let held = "navigator.locks.query().then(({ held }) => held.length)";
    assert_eq!(tab.value(held), 0);
    was_not_loaded_again(&mut tab);
}

#[test]
#[ignore = "needs chromium"]
fn seven_pages_of_a_browser_without_locks_leave_room_for_an_eighth() {
    let (upstream, running, mut browser) = served();
    // As over plain http on a local network.
    let script = "Object.defineProperty(navigator, 'locks', { value: undefined });
        opened = 0; window.EventSource = class extends EventSource {
             constructor(url) { super(url); opened++; }
        }";
    let mut tabs: Vec<_> =
        (0..7).map(|_| opened_with(&mut browser, &running, "/", script)).collect();
    for tab in &mut tabs {
        tab.wait_for("document.querySelector('[data-freshness]').hidden === false");
    }
    let mut eighth = opened_with(&mut browser, &running, "/movies/salt-road/", script);
    eighth.wait_for("document.querySelector('h1').textContent === 'Salt Road'");
    let opened: u64 =
        tabs.iter_mut().map(|tab| tab.value("opened").as_u64().expect("a number")).sum();
    assert_eq!(opened, 3, "streams of one browser");
    upstream.set("/films", one_more());
    for tab in &mut tabs {
        tab.call("Page.bringToFront", json!({}));
        tab.wait_for(&format!("({CARDS}).includes('f-new')"));
    }
}

#[test]
#[ignore = "needs chromium"]
fn what_comes_together_is_said_in_one_sentence_and_nothing_twice() {
    let (upstream, running, mut browser) = served();
    let script = "said = []; found = [];
        sources = []; window.EventSource = class extends EventSource {
             constructor(url) { super(url); sources.push(this); }
        };
        addEventListener('DOMContentLoaded', () => {
        for (const [name, heard] of [['said', said], ['found', found]]) {
            const region = document.querySelector(`[data-${name}]`);
            new MutationObserver(() => heard.push(region.textContent))
                .observe(region, { childList: true, characterData: true, subtree: true });
        }
    })";
    let mut tab = opened_with(&mut browser, &running, "/?q=lamp", script);
    tab.wait_for(&format!("{LISTENS} && ({CARDS}) === 'f-lamp'"));
    let _ = tab.value("said.length = found.length = 0");
    upstream.set("/films", changed(&json!({"rt_score": "12"})));
    tab.wait_for("document.querySelector('[data-film-id=f-lamp]').dataset.score === '12'");
    // What else the page shows has followed then.
    tab.wait_for("document.querySelector('.scores').innerHTML.includes('12')");
    assert_eq!(tab.value("said"), json!(["The Lamp Keeper has changed."]));
    assert_eq!(tab.value("found"), json!([]), "as many films are found as before");
    // Twelve steps that the page missed.
    tab.call("Network.emulateNetworkConditions", offline(true));
    tab.wait_for("sources.every((source) => source.readyState === 2)");
    let _ = tab.value("said.length = 0");
    for score in 20..32 {
        let wanted = format!("data-score=\"{score}\"");
        upstream.set("/films", changed(&json!({"rt_score": score.to_string()})));
        wait_until("the score", || running.get("/").text().contains(&wanted));
    }
    tab.call("Network.emulateNetworkConditions", offline(false));
    tab.wait_for("document.querySelector('[data-film-id=f-lamp]').dataset.score === '31'");
    tab.wait_for("document.querySelector('.scores').innerHTML.includes('31')");
    // The sentence is the one that stands there already.
    assert_eq!(tab.value("said"), json!([]));
    tab.call("Network.emulateNetworkConditions", offline(true));
    tab.wait_for("sources.every((source) => source.readyState === 2)");
    for (title, more) in [("One", false), ("Two", true)] {
        let mut list = films();
        let all = list.as_array_mut().expect("a list");
        all.push(json!({"id": "f-one", "title": "One"}));
        if more {
            all.push(json!({"id": "f-two", "title": "Two"}));
        }
        upstream.set("/films", Answer::json(&list));
        wait_until(title, || running.get("/").text().contains(&format!(">{title}</a>")));
    }
    tab.call("Network.emulateNetworkConditions", offline(false));
    tab.wait_for("document.querySelector('[data-film-id=f-two]') !== null");
    tab.wait_for("said.length > 0");
    assert_eq!(tab.text(SAID), "2 new films.", "{}", tab.value("said"));
    assert_eq!(tab.value("said"), json!(["2 new films."]));
    assert_eq!(tab.value("found.filter((text) => text !== '1 of 7 films')"), json!([]));
}

fn offline(is_offline: bool) -> serde_json::Value {
    json!({"offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1})
}
