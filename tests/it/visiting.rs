//! Visits from the list to every page that the list links. The site is served by the program at the
//! root and under a path, and by nginx in both ways of `deploy/nginx.conf`. There is also a visit
//! to hostile pages.

use serde_json::{Value, json};

use crate::fixture::{
    Browser, Nginx, Site, Tab, Upstream, contents, hostile_films, hostile_people,
};

/// The films of the made-up catalogue, newest first.
const ALL: &str = "f-empty f-winter f-return f-salt f-lamp";

fn go(tab: &mut Tab, url: &str) {
    tab.call("Page.navigate", json!({"url": url}));
    let is_there = format!("location.href === '{url}' && document.readyState === 'complete'");
    tab.wait_for(&is_there);
}

/// Follows the first link that matches a selector, and waits for the page.
fn follow(tab: &mut Tab, selector: &str, heading: &str) {
    tab.value(&format!("document.querySelector('{selector}').click()"));
    tab.wait_for(&format!(
        "document.readyState === 'complete' && document.querySelector('h1').textContent === '{heading}'"
    ));
}

/// Visits the site. `site` is the address of the list.
fn visit(tab: &mut Tab, site: &str) {
    tab.sized(800, 500);

    // Search, filter and sort with the keyboard.
    go(tab, site);
    tab.shows_films(ALL);
    tab.press("/");
    tab.wait_for("document.activeElement.id === 'q'");
    tab.type_text("keep");
    tab.shows_films("f-return f-lamp");
    tab.press("Tab");
    tab.press("Enter");
    tab.wait_for("document.querySelector('.filters').open");
    while tab.text("document.activeElement.id") != "sort" {
        tab.press("Tab");
    }
    tab.press("r");
    tab.shows_films("f-lamp f-return");
    assert_eq!(tab.text("location.search"), "?q=keep&sort=score");

    // Scroll the list, open a film, and go back: the list must be at the same scroll position.
    tab.value("document.querySelector('[data-film-id=f-return] h2').scrollIntoView()");
    let place = tab.value("scrollY").as_f64().expect("a number");
    assert!(place > 50.0, "the list is too short to scroll: {place}");
    follow(tab, "[data-film-id=f-return] h2 a", "The Keeper Returns");
    tab.value("history.back()");
    tab.shows_films("f-lamp f-return");
    tab.wait_for(&format!("Math.abs(scrollY - {place}) < 2"));
    assert_eq!(tab.text("document.getElementById('q').value"), "keep");

    // Continue with links only.
    follow(tab, "[data-film-id=f-return] h2 a", "The Keeper Returns");
    follow(tab, "[data-person-id=p-keeper] a", "Osk the Keeper");
    follow(tab, ".shelf a", "The Lamp Keeper");
    follow(tab, "[itemprop=director] a", "Ida Brandt");
    follow(tab, "[data-film-id=f-salt] h2 a", "Salt Road");
    follow(tab, ".facts a", "1991");
    follow(tab, ".neighbours [rel=prev]", "1984");
    follow(tab, ".back a", "Years");
    follow(tab, ".masthead nav a:nth-child(2)", "People");
    follow(tab, ".masthead nav a:nth-child(3)", "Directors");
    assert_eq!(tab.complaints(), Vec::<Value>::new());

    // A visitor at an unknown address can search.
    go(tab, &format!("{site}nowhere"));
    tab.value("document.getElementById('q').focus()");
    tab.type_text("winter");
    tab.press("Enter");
    tab.shows_films("f-winter");
    let refused: Vec<_> =
        tab.complaints().into_iter().filter(|one| !one.to_string().contains("nowhere")).collect();
    assert_eq!(refused, Vec::<Value>::new());
}

#[test]
#[ignore = "needs chromium"]
fn a_visit_works_at_the_root() {
    let upstream = Upstream::start();
    let server = Site::of(&upstream).serve().ready();
    let mut browser = Browser::start();
    visit(&mut browser.tab(), &format!("http://{}/", server.address));
}

#[test]
#[ignore = "needs chromium"]
fn a_transition_between_pages_that_the_browser_gives_up_is_no_error() {
    let upstream = Upstream::start();
    let server = Site::of(&upstream).serve().ready();
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    go(&mut tab, &format!("http://{}/", server.address));
    tab.value(
        "(() => {
            const viewTransition = {finished: Promise.reject(new Error('given up'))};
            dispatchEvent(Object.assign(new Event('pagereveal'), {viewTransition}));
        })()",
    );
    // The browser reports a rejected promise after the task, and before the next timer.
    tab.value("setTimeout(() => { document.title = 'later'; })");
    tab.wait_for("document.title === 'later'");
    assert_eq!(tab.complaints(), Vec::<Value>::new());
}

#[test]
#[ignore = "needs chromium and nginx"]
fn a_visit_works_under_a_path_also_behind_nginx() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&[
        "--site-url",
        "https://films.example/some/path/",
        "--out",
        "root/some/path",
    ]);
    let server = site.serve().ready();
    let root = server.site.path("root");
    let (nginx, proxy) = Nginx::deployed(&root, "/some/path/", server.address);
    let mut browser = Browser::start();
    for address in [server.address, nginx.address, proxy] {
        visit(&mut browser.tab(), &format!("http://{address}/some/path/"));
    }
}

#[test]
#[ignore = "needs chromium and nginx"]
fn a_visit_works_behind_nginx_with_the_deployed_configuration() {
    let upstream = Upstream::start();
    let server = Site::of(&upstream).serve().ready();
    let (nginx, proxy) = Nginx::deployed(&server.site.out(), "/", server.address);
    let mut browser = Browser::start();
    for address in [nginx.address, proxy] {
        visit(&mut browser.tab(), &format!("http://{address}/"));
    }
}

#[test]
#[ignore = "needs chromium"]
fn hostile_pages_do_no_harm_and_can_be_read() {
    let upstream = Upstream::of(&hostile_films(), &hostile_people());
    let server = Site::of(&upstream).serve().ready();
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    tab.sized(320, 800);
    let files = contents(&server.site.out());
    let mut seen = 0;
    for page in files.keys().filter_map(|path| path.strip_suffix("index.html")) {
        go(&mut tab, &format!("http://{}/{page}", server.address));
        assert_eq!(tab.value("typeof window.hit"), "undefined", "{page}: a script ran");
        let width = tab.value("document.documentElement.scrollWidth");
        assert!(width.as_u64() <= Some(320), "{page} is {width} wide");
        let heading = "document.querySelector('h1').checkVisibility()";
        assert_eq!(tab.value(heading), true, "{page} has no heading to be seen");
        seen += 1;
    }
    assert!(seen > 40, "only {seen} pages");
    assert_eq!(tab.complaints(), Vec::<Value>::new());
}

#[test]
#[ignore = "needs chromium"]
fn the_poster_moves_between_list_and_film_except_with_reduced_motion() {
    let upstream = Upstream::start();
    let server = Site::of(&upstream).serve().ready();
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    tab.before_each_page(
        "addEventListener('pagereveal', (event) => {
            const posters = () => [...document.querySelectorAll('.poster')];
            const named = (poster) => poster.style.viewTransitionName === 'film';
            if (!event.viewTransition) window.along = 'nothing';
            else event.viewTransition.ready.then(
                () => { window.along = posters().findIndex(named); },
                (error) => { window.along = String(error); });
         });",
    );
    for (motion, to_film, to_list) in
        [("no-preference", json!(0), json!(3)), ("reduce", json!("nothing"), json!("nothing"))]
    {
        let features = json!([{"name": "prefers-reduced-motion", "value": motion}]);
        tab.call("Emulation.setEmulatedMedia", json!({"features": features}));
        go(&mut tab, &format!("http://{}/", server.address));
        follow(&mut tab, "[data-film-id=f-salt] h2 a", "Salt Road");
        tab.wait_for("window.along !== undefined");
        assert_eq!(tab.value("window.along"), to_film, "to the film, {motion}");
        follow(&mut tab, ".masthead nav a", "Films");
        tab.wait_for("window.along !== undefined");
        assert_eq!(tab.value("window.along"), to_list, "to the list, {motion}");
    }
    assert_eq!(tab.complaints(), Vec::<Value>::new());
}
