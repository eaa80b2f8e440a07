//! Pages for everybody: no rule of WCAG 2.2 AA that a program can check is broken,
//! by day and by night, and nothing runs out of a narrow window.

use serde_json::{Value, json};

use crate::fixture::{Answer, Browser, Running, Site, Tab, Upstream, films, people, wait_until};

const AXE: &str = include_str!("../vendor/axe.min.js");

/// One page of each template.
const PAGES: [&str; 9] = [
    "/",
    "/movies/salt-road/",
    "/people/",
    "/people/gull/",
    "/directors/",
    "/years/",
    "/nowhere",
    "/?q=nothing-like-it",
    "/?sort=title",
];

fn served() -> (Upstream, Running) {
    let mut films = films();
    let list = films.as_array_mut().expect("a list");
    let long = "A Very Long Title That Goes On ".repeat(9);
    list.push(
        json!({"id": "f-long", "title": long, "director": "Somebody", "release_date": "1999",
        "description": "x".repeat(400), "original_title": "長い題名".repeat(20)}),
    );
    let upstream = Upstream::of(&films, &people());
    let running = Site::of(&upstream).serve().ready();
    (upstream, running)
}

fn open(tab: &mut Tab, running: &Running, path: &str) {
    tab.call("Page.navigate", json!({"url": format!("http://{}{path}", running.address)}));
    tab.wait_for(&format!(
        "document.readyState === 'complete' && location.pathname + location.search === '{path}'
         && !document.querySelector('[data-freshness]').hidden"
    ));
}

/// What axe finds on the page that is open, in short.
pub(crate) fn violations(tab: &mut Tab) -> String {
    // Evaluated by the browser itself: the site's policy has no say in it.
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
fn no_page_breaks_a_rule_by_day_or_by_night() {
    let (_upstream, running) = served();
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    let pages = PAGES.into_iter().chain(["/directors/somebody/", "/years/1999/"]);
    for path in pages {
        for scheme in ["light", "dark"] {
            let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
            tab.call("Emulation.setEmulatedMedia", json!({"features": features}));
            open(&mut tab, &running, path);
            let found = violations(&mut tab);
            assert!(found.is_empty(), "{path}, {scheme}: {found}");
        }
    }
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
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        tab.call("Emulation.setEmulatedMedia", json!({"features": features}));
        open(&mut tab, &running, "/");
        tab.wait_for("!document.querySelector('[data-stale]').hidden");
        let found = violations(&mut tab);
        assert!(found.is_empty(), "{scheme}: {found}");
    }
}

#[test]
#[ignore = "needs chromium"]
fn nothing_runs_out_of_a_narrow_window() {
    let (_upstream, running) = served();
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    for width in [320, 768, 1440] {
        let metrics =
            json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false});
        tab.call("Emulation.setDeviceMetricsOverride", metrics);
        for path in PAGES {
            open(&mut tab, &running, path);
            let wide = tab.value("document.documentElement.scrollWidth");
            assert!(wide.as_u64() <= Some(width), "{path} is {wide} wide in {width}");
        }
    }
}

#[test]
#[ignore = "needs chromium"]
fn a_picture_that_fails_leaves_the_drawn_one() {
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
