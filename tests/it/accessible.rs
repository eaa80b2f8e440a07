//! Accessibility: no page breaks a rule of WCAG 2.2 AA that a program can check, in the light
//! and in the dark color scheme, and no content overflows a narrow window.

use std::time::Duration;

use movies_gen::catalogue;
use movies_gen::clock::{Clock, WallTime};
use movies_gen::ledger::Ledger;
use movies_gen::mapping::Mapping;
use movies_gen::pages::{Plan, Records, Site as Frame};
use movies_gen::payload::{Body, Fence, Payload};
use movies_gen::theme::Theme;
use serde_json::{Value, json};

use crate::fixture::{Answer, Browser, Running, Site, Tab, Upstream, films, people, wait_until};

const AXE: &str = include_str!("../vendor/axe.min.js");

/// One page of each template.
const PAGES: [&str; 13] = [
    "/",
    "/movies/salt-road/",
    "/people/",
    "/people/gull/",
    "/directors/",
    "/producers/",
    "/years/",
    "/changes/",
    "/status/",
    "/years/undated/",
    "/nowhere",
    "/?q=nothing-like-it",
    "/?sort=title",
];

fn served() -> (Upstream, Running) {
    served_in("en")
}

fn served_in(lang: &str) -> (Upstream, Running) {
    let mut films = films();
    let list = films.as_array_mut().expect("a list");
    let long = "A Very Long Title That Goes On ".repeat(9);
    list.push(
        json!({"id": "f-long", "title": long, "director": "Somebody", "release_date": "1999",
        "description": "x".repeat(400), "original_title": "長い題名".repeat(20)}),
    );
    list.push(json!({"id": "f-undated", "title": "Some Day"}));
    let upstream = Upstream::of(&films, &people());
    let running = Site::of(&upstream).with(&["--lang", lang]).serve().ready();
    (upstream, running)
}

fn open(tab: &mut Tab, running: &Running, path: &str) {
    tab.call("Page.navigate", json!({"url": format!("http://{}{path}", running.address)}));
    tab.wait_for(&format!(
        "document.readyState === 'complete' && location.pathname + location.search === '{path}'
         && !document.querySelector('[data-freshness]').hidden"
    ));
}

/// Returns the violations that axe finds on the open page, in a short form.
pub(crate) fn violations(tab: &mut Tab) -> String {
    // The browser evaluates this script itself, so the content security policy does not apply.
    tab.call("Runtime.evaluate", json!({"expression": AXE}));
    let found = tab.value(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})
            .then((run) => run.violations.map((broken) => ({
                rule: broken.id,
                at: broken.nodes.map((node) => node.target.join(' ') + ': ' + node.failureSummary),
            })))",
    );
    match found.as_array() {
        Some(list) if list.is_empty() => String::new(),
        _ => serde_json::to_string_pretty(&found).expect("JSON"),
    }
}

#[test]
#[ignore = "needs chromium"]
fn no_page_breaks_a_rule_in_the_light_or_dark_scheme() {
    let (_upstream, running) = served();
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    let pages = PAGES.into_iter().chain(["/directors/somebody/", "/years/1999/"]);
    for path in pages {
        for scheme in ["light", "dark"] {
            tab.prefers(scheme);
            open(&mut tab, &running, path);
            let found = violations(&mut tab);
            assert!(found.is_empty(), "{path}, {scheme}: {found}");
        }
    }
}

#[test]
#[ignore = "needs chromium"]
fn no_page_in_another_language_breaks_a_rule_or_overflows_a_narrow_window() {
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    for lang in ["de", "ja"] {
        let (_upstream, running) = served_in(lang);
        for (path, width) in PAGES.into_iter().flat_map(|path| [(path, 320), (path, 1440)]) {
            tab.sized(width, 800);
            open(&mut tab, &running, path);
            assert_eq!(tab.text("document.documentElement.lang"), lang);
            let found = violations(&mut tab);
            assert!(found.is_empty(), "{path} in {lang}: {found}");
            let wide = tab.value("document.documentElement.scrollWidth");
            assert!(wide.as_u64() <= Some(width), "{path} in {lang} is {wide} wide in {width}");
        }
    }
}

#[test]
#[ignore = "needs chromium"]
fn the_error_pages_of_the_server_break_no_rule() {
    let slow = Upstream::start();
    slow.set_both(&Answer::new(200, "[   ").dripping(Duration::from_secs(3)));
    let failing = Upstream::start();
    let too_old = Site::eager(&failing).with(&["--max-stale", "1s"]).serve().ready();
    failing.set_both(&Answer::new(500, "no"));
    wait_until("old data", || too_old.get("/").status == 503);
    let without_answer = Site::of(&failing).serve();
    without_answer.wait_for_line("the refresh failed");
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    for (running, text) in [
        (None, "being built"),
        (Some(&without_answer), "does not give a usable answer"),
        (Some(&too_old), "too old to be shown"),
    ] {
        for scheme in ["light", "dark"] {
            tab.prefers(scheme);
            let mut starting = None;
            wait_until(text, || {
                // A server says for ten seconds that it is starting. Then its first refresh fails.
                starting = running.is_none().then(|| Site::of(&slow).serve());
                let running = running.or(starting.as_ref()).expect("a server");
                tab.load(&format!("http://{}/", running.address));
                tab.text("document.body.textContent").contains(text)
            });
            // Stop the page from loading the site while axe runs.
            tab.value("window.stop()");
            let found = violations(&mut tab);
            assert!(found.is_empty(), "{text}, {scheme}: {found}");
        }
    }
}

/// Tests the file at a former address. `serve` redirects visitors and never sends this page.
#[test]
#[ignore = "needs chromium"]
fn the_page_at_a_former_address_breaks_no_rule() {
    let (_upstream, running) = served();
    let body = |list: Value| Body::whole(list.to_string());
    let origin = Clock::system().stamp();
    let payload = Payload { fence: Fence(1), origin, films: body(films()), people: body(people()) };
    let (catalogue, _) =
        catalogue::join(&payload, &Mapping::default_mapping()).expect("a catalogue");
    let mut ledger = Ledger::baseline(&catalogue, WallTime(1));
    let film = ledger.films.values_mut().next().expect("a film");
    film.former.insert("as-it-was".into());
    let theme = Theme::load(None).expect("the theme");
    let frame = Frame::named("Films");
    let records = Records::of(&catalogue, &ledger);
    let plan = Plan::new(&frame, &records, &theme);
    let page = plan.prepare("movies/as-it-was/index.html").render().expect("a page");
    // Disable the refresh, so that the browser does not leave the page before axe has run.
    let page = String::from_utf8_lossy(&page).replace("http-equiv=\"refresh\"", "name=\"stay\"");
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    for scheme in ["light", "dark"] {
        tab.prefers(scheme);
        open(&mut tab, &running, "/nowhere");
        tab.value(&format!("document.documentElement.innerHTML = {}; null", json!(page)));
        tab.wait_for("getComputedStyle(document.body).fontFamily.includes('system-ui')");
        assert!(tab.text("document.body.textContent").contains("a new address"));
        let found = violations(&mut tab);
        assert!(found.is_empty(), "{scheme}: {found}");
    }
}

#[test]
#[ignore = "needs chromium"]
fn lists_of_changes_break_no_rule_and_overflow_no_window() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    let mut films = films();
    films[0]["description"] = "Changed. ".repeat(60).into();
    films[0]["trailer"] = format!("https://a.example/{}", "long".repeat(60)).into();
    let list = films.as_array_mut().expect("a list");
    list.remove(3);
    list.push(json!({"id": "f-new", "title": "A Very Long Title That Goes On ".repeat(9)}));
    upstream.set("/films", Answer::json(&films));
    site.build_once().well();
    let running = site.serve().ready();
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    for path in ["/changes/", "/movies/the-lamp-keeper/", "/status/"] {
        for (scheme, width) in [("light", 320), ("dark", 1440)] {
            tab.prefers(scheme);
            tab.sized(width, 800);
            open(&mut tab, &running, path);
            let found = violations(&mut tab);
            assert!(found.is_empty(), "{path}, {scheme}: {found}");
            let wide = tab.value("document.documentElement.scrollWidth");
            assert!(wide.as_u64() <= Some(width), "{path} is {wide} wide in {width}");
        }
    }
    assert_eq!(tab.complaints(), Vec::<Value>::new());
}

#[test]
#[ignore = "needs chromium"]
fn the_notice_of_old_data_breaks_no_rule() {
    let upstream = Upstream::start();
    let running = Site::eager(&upstream).serve().ready();
    upstream.set_both(&Answer::new(500, "no"));
    let mut browser = Browser::start();
    for scheme in ["light", "dark"] {
        let mut tab = browser.tab();
        tab.prefers(scheme);
        open(&mut tab, &running, "/");
        tab.wait_for("!document.querySelector('[data-stale]').hidden");
        let found = violations(&mut tab);
        assert!(found.is_empty(), "{scheme}: {found}");
    }
}

#[test]
#[ignore = "needs chromium"]
fn no_content_overflows_a_narrow_window() {
    let (_upstream, running) = served();
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    for width in [320, 768, 1440] {
        tab.sized(width, 800);
        for path in PAGES {
            open(&mut tab, &running, path);
            let wide = tab.value("document.documentElement.scrollWidth");
            assert!(wide.as_u64() <= Some(width), "{path} is {wide} wide in {width}");
        }
    }
}

#[test]
#[ignore = "needs chromium"]
fn a_picture_that_fails_is_replaced_by_the_drawn_poster() {
    let (upstream, running) = served();
    let broken = json!([{"id": "f1", "title": "Broken", "image": format!("{}/gone.jpg", upstream.url()),
        "movie_banner": format!("{}/gone.jpg", upstream.url())}]);
    drop(running);
    let upstream = Upstream::of(&broken, &json!([]));
    let running = Site::of(&upstream).serve().ready();
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    open(&mut tab, &running, "/movies/broken/");
    wait_until("the pictures to fail", || {
        tab.value("[...document.images].every((image) => image.complete)") == true
    });
    let sizes = "[...document.images].map((image) => [image.src, image.naturalWidth])";
    let drawn = tab.value(sizes);
    let is_drawn = |image: &&Value| image[0].to_string().contains("/posters/");
    let shown: Vec<_> = drawn.as_array().expect("a list").iter().filter(is_drawn).collect();
    assert!(!shown.is_empty() && shown.iter().all(|image| image[1] != 0), "{drawn}");
}

#[test]
#[ignore = "needs chromium"]
fn the_list_prints_without_its_controls() {
    let (_upstream, running) = served();
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    open(&mut tab, &running, "/");
    tab.call("Emulation.setEmulatedMedia", json!({"media": "print"}));
    let gone = "['nav', '.finder', '.freshness', '.chart'].every((part) =>
        [...document.querySelectorAll(part)].every((element) => !element.checkVisibility()))";
    assert_eq!(tab.value(gone), true);
    let shown = "[...document.querySelectorAll('[data-film-id] h2, [data-person-id]')]
        .filter((element) => element.checkVisibility()).length";
    assert!(tab.value(shown).as_u64() >= Some(8), "titles and people are printed");
}
