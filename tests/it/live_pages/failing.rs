//! Networks, proxies and browsers that fail: the page continues, or shows that it is not current.

use serde_json::json;

use super::{
    CARDS, LISTENS, SAID, changed, is_still_the_same, one_more, quick, says, served, soon_old,
    was_not_loaded_again,
};
use crate::fixture::{
    Answer, Browser, Nginx, Running, Site, Tab, Upstream, films, free_address, wait_until,
};

const TEXT: &str = "document.querySelector('.description').textContent";
/// Replaces `fetch`. A fetch of the address in `fails` fails. As many fetches of an address as
/// `hangs` says get no answer.
const FETCH: &str = "fails = null; hangs = {}; asked = [];
    const real = window.fetch;
    window.fetch = (url, how) => {
        asked.push(url);
        if (fails === url) return Promise.reject(new TypeError('failed'));
        if (hangs[url] > 0) { hangs[url]--; return new Promise(() => {}); }
        return real(url, how);
    };";

/// Makes a site with a fixed port, so that a second process can listen at the same address.
fn at_a_port(upstream: &Upstream) -> Site {
    let address = free_address().to_string();
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
fn a_page_whose_fetches_fail_does_not_call_itself_current() {
    let upstream = Upstream::start();
    let site = at_a_port(&upstream);
    let running = site.serve().ready();
    let mut browser = Browser::start();
    let path = "/movies/the-lamp-keeper/";
    let mut tab = opened_with(&mut browser, &running, path, FETCH);
    tab.wait_for(LISTENS);
    let _ = tab.value(&format!("fails = '{path}'"));
    upstream.set("/films", changed(&json!({"description": "The ships are here."})));
    // After all tries failed, the page shows a link to the newer page.
    tab.wait_for("!document.querySelector('[data-newer]').hidden");
    assert_ne!(tab.text(TEXT), "The ships are here.");
    // From now on, the page tries the fetch again only after each regular read of `freshness.json`,
    // about every five seconds.
    let _ = tab.value(
        "looks = []; document.addEventListener('movies-gen:look', () => looks.push(performance.now()))",
    );
    tab.wait_for("looks.length > 2");
    assert_eq!(tab.value("looks[2] - looks[1] > 4_000"), true, "{}", tab.value("looks"));
    // The new process answers with `current`, because the browser sends the id of the newest event.
    // The content of the page is still old, so the page must fetch itself.
    let _ = tab.value("fails = null");
    assert_eq!(running.terminate().0, Some(0));
    let _running = site.serve().ready();
    tab.wait_for(&format!("{TEXT} === 'The ships are here.'"));
    tab.wait_for("document.querySelector('[data-newer]').hidden");
    is_still_the_same(&mut tab);
}

#[test]
#[ignore = "needs chromium"]
fn the_rest_of_a_list_whose_fetch_failed_follows_after_the_next_read_of_freshness_json() {
    let (upstream, running, mut browser) = served();
    let mut tab = opened_with(&mut browser, &running, "/", FETCH);
    tab.wait_for(LISTENS);
    let _ = tab.value("fails = '/'");
    upstream.set("/films", one_more());
    // The card came with the event. The number of films is on the page, whose fetch fails.
    tab.wait_for(&format!("({CARDS}).includes('f-new')"));
    tab.wait_for("!document.querySelector('[data-newer]').hidden");
    let _ = tab.value("fails = null; moviesGen.look()");
    tab.wait_for("document.querySelector('.count').textContent.startsWith('6 films')");
    tab.wait_for("document.querySelector('[data-newer]').hidden");
    was_not_loaded_again(&mut tab);
}

#[test]
#[ignore = "needs chromium"]
fn a_fetch_without_an_answer_is_given_up_and_repeated() {
    let (upstream, running, mut browser) = served();
    let path = "/movies/the-lamp-keeper/";
    let script = format!("{FETCH} hangs['/freshness.json'] = 1;");
    let mut tab = opened_with(&mut browser, &running, path, &script);
    // The first read of `freshness.json` got no answer, but the next read does.
    tab.wait_for(&format!("asked.length > 0 && {LISTENS}"));
    let _ = tab.value(&format!("hangs['{path}'] = 1"));
    upstream.set("/films", changed(&json!({"description": "The ships are here."})));
    tab.wait_for(&format!("{TEXT} === 'The ships are here.'"));
    was_not_loaded_again(&mut tab);
}

#[test]
#[ignore = "needs chromium and nginx"]
fn a_page_updates_even_if_a_proxy_holds_events_back() {
    let upstream = Upstream::start();
    let running = quick(&upstream).serve().ready();
    // A server that accepts streams and never sends an event.
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
    // The page has closed the stream, and has not opened another stream at once.
    assert_eq!(tab.value("[sources.length, sources[0].readyState]"), json!([1, 2]));
    was_not_loaded_again(&mut tab);
}

#[test]
#[ignore = "needs chromium"]
fn a_browser_that_refuses_notifications_shows_no_button_and_its_pages_update() {
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
    // In the second tab, the visitor has already turned notifications on, because an earlier check
    // found that notifications work.
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
fn search_and_back_work_in_an_older_browser() {
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
    // The search on the page for unknown paths leads to the list.
    tab.load(&format!("http://{}/movies/nowhere/", running.address));
    let _ = tab.value(
        "form = document.querySelector('[data-missing] form, main form');
         form.elements.q.value = 'lamp'; form.requestSubmit()",
    );
    tab.wait_for(&format!("location.pathname === '/' && ({CARDS}) === 'f-lamp'"));
}

/// Blocks the local and the session storage.
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
fn a_browser_without_event_streams_reads_freshness_json_and_takes_no_place() {
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
fn seven_pages_without_locks_open_three_streams_and_an_eighth_page_loads() {
    let (upstream, running, mut browser) = served();
    // A browser has no locks on plain HTTP in a local network.
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
    assert_eq!(opened, 3, "a browser opens at most three streams");
    upstream.set("/films", one_more());
    for tab in &mut tabs {
        tab.call("Page.bringToFront", json!({}));
        tab.wait_for(&format!("({CARDS}).includes('f-new')"));
    }
}

#[test]
#[ignore = "needs chromium"]
fn news_that_comes_together_is_announced_in_one_sentence_and_never_twice() {
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
    // The rest of the page is up to date, too.
    tab.wait_for("document.querySelector('.scores').innerHTML.includes('12')");
    assert_eq!(tab.value("said"), json!(["The Lamp Keeper has changed."]));
    assert_eq!(
        tab.value("found"),
        json!([]),
        "the number of found films is the same, so it is not announced"
    );
    // The page misses twelve steps.
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
    // The live region has this sentence already, so the page does not announce it again.
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
