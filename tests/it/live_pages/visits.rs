//! Marks on new films, former values of figures, notifications and accessibility of an update.

use serde_json::json;

use super::{CARDS, changed, one_more, open, quick, served};
use crate::accessible::violations;
use crate::fixture::{Answer, Browser, Tab, Upstream, films, wait_until};

/// The ids of the films that are marked as new.
fn marked(tab: &mut Tab) -> String {
    tab.text("[...document.querySelectorAll('[data-new][data-film-id]')].map((card) => card.dataset.filmId).join()")
}

/// Waits until the browser has stored what this visit saw.
fn is_seen(tab: &mut Tab) {
    tab.wait_for("moviesGen.generation !== null && localStorage['movies-gen-seen'] !== undefined");
}

#[test]
#[ignore = "needs chromium"]
fn films_that_came_since_the_last_visit_are_marked_even_if_the_clock_of_the_visitor_is_wrong() {
    let upstream = Upstream::start();
    let running = quick(&upstream).serve().ready();
    let mut browser = Browser::start();
    let url = format!("http://{}/", running.address);
    let visit = |browser: &mut Browser| {
        let mut tab = browser.window();
        tab.before_each_page("Date.now = () => 0");
        tab.load(&url);
        tab
    };
    let mut first = visit(&mut browser);
    is_seen(&mut first);
    assert_eq!(marked(&mut first), "", "a first visit marks no film as new");
    first.load("about:blank");
    upstream.set("/films", one_more());
    wait_until("the new film", || running.get("/movies/the-new-one/").status == 200);
    let mut second = visit(&mut browser);
    second.wait_for("document.querySelector('[data-film-id=f-new]').dataset.new === 'New'");
    assert_eq!(
        marked(&mut second),
        "f-new",
        "only the film that came after the first visit is marked"
    );
    // The visit goes on when the visitor opens another page and returns.
    second.load(&format!("http://{}/directors/ida-brandt/", running.address));
    assert_eq!(marked(&mut second), "f-new");
    second.load(&url);
    assert_eq!(marked(&mut second), "f-new");
    second.wait_for(
        "localStorage['movies-gen-seen'] >= document.querySelector('[data-film-id=f-new]').dataset.since",
    );
    let mut third = visit(&mut browser);
    is_seen(&mut third);
    assert_eq!(marked(&mut third), "", "a film of an earlier visit is not marked");
}

#[test]
#[ignore = "needs chromium"]
fn only_visitors_who_asked_get_notifications_of_new_films() {
    let (upstream, running, mut browser) = served();
    let mut tab = browser.tab();
    tab.before_each_page(
        "told = []; window.Notification = class {
             static permission = 'default';
             static asked = 0;
             static async requestPermission() {
                 this.asked++;
                 return this.permission = 'granted';
             }
             // The page creates a notification without a title only to test whether the browser
             // permits notifications.
             constructor(title, { tag }) { title && told.push(title + ' ' + tag); }
             close() {}
         }",
    );
    tab.load(&format!("http://{}/", running.address));
    tab.wait_for(super::LISTENS);
    upstream.set("/films", one_more());
    tab.wait_for(&format!("({CARDS}).includes('f-new')"));
    assert_eq!(tab.text("told.join() + Notification.asked"), "0");
    upstream.set("/films", Answer::json(&films()));
    tab.wait_for(&format!("!({CARDS}).includes('f-new')"));
    let _ = tab.value("button = document.querySelector('[data-notify]'); button.click()");
    tab.wait_for("button.ariaPressed === 'true'");
    upstream.set("/films", changed(&json!({"rt_score": "12"})));
    tab.wait_for("document.querySelector('[data-film-id=f-lamp]').dataset.score === '12'");
    assert_eq!(tab.text("told.join()"), "", "a changed film causes no notification");
    upstream.set("/films", one_more());
    tab.wait_for(&format!("({CARDS}).includes('f-new')"));
    let told = tab.text("told.join()");
    assert!(told.starts_with("New: The New One. "), "{told}");
    // A hidden tab holds no stream, but still shows notifications.
    let _ = tab.value(
        "Object.defineProperty(document, 'hidden', {configurable: true, value: true});
        document.dispatchEvent(new Event('visibilitychange'))",
    );
    let mut more = films();
    more.as_array_mut().expect("a list").push(json!({"id": "f-2", "title": "Another"}));
    upstream.set("/films", Answer::json(&more));
    tab.wait_for("told.some((title) => title.startsWith('New: Another. '))");
    let _ = tab.value("button.click()");
    assert_eq!(tab.text("button.ariaPressed"), "false");
}

#[test]
#[ignore = "needs chromium"]
fn a_changed_figure_shows_its_former_value_and_the_dot_moves_unless_motion_is_reduced() {
    let (upstream, running, mut browser) = served();
    for (motion, path, was) in [
        ("no-preference", "/", "88%"),
        ("no-preference", "/movies/the-lamp-keeper/", "88%"),
        ("reduce", "/", "none"),
    ] {
        upstream.set("/films", Answer::json(&films()));
        wait_until("the old score", || running.get("/").text().contains("data-score=\"88\""));
        let mut tab = browser.window();
        let features = json!([{"name": "prefers-reduced-motion", "value": motion}]);
        tab.call("Emulation.setEmulatedMedia", json!({"features": features}));
        tab.load(&format!("http://{}{path}", running.address));
        tab.wait_for(super::LISTENS);
        let _ = tab.value(
            "breaths = 0;
             const animate = Element.prototype.animate;
             Element.prototype.animate = function (...how) {
                 if (this.matches('[data-age]')) breaths++;
                 return animate.apply(this, how);
             };
             struck = 'none';
             new MutationObserver((records) => records.forEach(({ target }) => {
                 const { content, textDecorationLine } = getComputedStyle(target, '::before');
                 if (target.dataset.was && textDecorationLine === 'line-through') struck = content;
             })).observe(document.body, { subtree: true, attributeFilter: ['data-was'] });",
        );
        upstream.set("/films", changed(&json!({"rt_score": "12"})));
        let now = if path == "/" { ".card[data-score=\"12\"] .figures" } else { ".facts" };
        tab.wait_for(&format!("document.querySelector('{now}')?.textContent.includes('12')"));
        tab.wait_for("!document.querySelector('[data-was]')");
        let struck = tab.text("struck");
        assert!(struck.contains(was), "{motion} on {path}: {struck}");
        let breaths = tab.value("breaths").as_u64().expect("a number");
        assert_eq!(breaths > 0, motion != "reduce", "{breaths} with {motion} on {path}");
    }
}

#[test]
#[ignore = "needs chromium"]
fn an_update_keeps_the_page_accessible_and_is_not_animated_if_motion_is_reduced() {
    let (upstream, running, mut browser) = served();
    for (scheme, motion) in [("light", "reduce"), ("dark", "no-preference")] {
        upstream.set("/films", Answer::json(&films()));
        wait_until("the old list", || running.get("/movies/the-new-one/").status == 404);
        let mut tab = browser.window();
        let features = json!([{"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": motion}]);
        tab.call("Emulation.setEmulatedMedia", json!({"features": features}));
        tab.load(&format!("http://{}/", running.address));
        tab.wait_for(super::LISTENS);
        tab.wait_for("!document.querySelector('[data-freshness]').hidden");
        let found = violations(&mut tab);
        assert!(found.is_empty(), "before, {scheme}: {found}");
        upstream.set("/films", one_more());
        tab.wait_for("document.querySelector('[data-film-id=f-new]')?.dataset.new === 'New'");
        let moves =
            "getComputedStyle(document.querySelector('[data-film-id=f-new]')).animationName";
        assert_eq!(tab.text(moves), if motion == "reduce" { "none" } else { "come" });
        tab.wait_for("document.querySelector('.count').textContent.startsWith('6 films')");
        tab.wait_for("document.getAnimations().length === 0");
        let found = violations(&mut tab);
        assert!(found.is_empty(), "after, {scheme}: {found}");
        // The page must be accessible during a pause, too.
        let _ = tab.value("document.querySelector('[data-pause]').click()");
        let found = violations(&mut tab);
        assert!(found.is_empty(), "paused, {scheme}: {found}");
        let _ = tab.value("document.querySelector('[data-pause]').click()");
    }
    // The page of a removed film must be accessible, too.
    let mut tab = open(&mut browser, &running, "/movies/the-new-one/");
    upstream.set("/films", Answer::json(&films()));
    tab.wait_for("!document.querySelector('[data-left]').hidden");
    let found = violations(&mut tab);
    assert!(found.is_empty(), "gone: {found}");
}

#[test]
#[ignore = "needs chromium"]
fn the_live_region_is_outside_main_and_does_not_contain_the_age() {
    let (_upstream, running, mut browser) = served();
    let mut tab = open(&mut browser, &running, "/");
    let outside = "document.querySelector('[data-said]').closest('main') === null
        && document.querySelector('[data-said]').role !== null
        && document.querySelector('[data-age]').closest('[role=status], [aria-live]') === null";
    assert_eq!(tab.value(outside), true);
    assert_eq!(tab.text("document.querySelector('[data-said]').getAttribute('role')"), "status");
}
