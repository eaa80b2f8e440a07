//! Promise 3 on the page itself: a script shows the age of the data, because a file does not
//! know the current time.

use crate::fixture::{Browser, Nginx, Running, Site, Tab, Upstream};

const AGE: &str = "document.querySelector('[data-age]').textContent";
const NOTICE: &str = "document.querySelector('[data-stale]')";

/// Opens the list in a tab, and waits until the page shows its age.
fn open_list(running: &Running, browser: &mut Browser) -> Tab {
    let mut tab = browser.tab();
    tab.load(&format!("http://{}/", running.address));
    let _ = tells_its_age(&mut tab);
    tab
}

fn tells_its_age(tab: &mut Tab) -> String {
    tab.wait_for("!document.querySelector('[data-freshness]').hidden");
    tab.text(AGE)
}

#[test]
#[ignore = "needs chromium"]
fn a_page_shows_the_true_age_of_its_data_even_if_the_clock_of_the_visitor_is_wrong() {
    let upstream = Upstream::start();
    let running = Site::of(&upstream).serve().ready();
    let mut browser = Browser::start();
    for wrong_by in [-7_200_000, 7_200_000] {
        let mut tab = browser.tab();
        tab.before_each_page(&format!(
            "const now = Date.now; Date.now = () => now() + {wrong_by};
             Date = class extends Date {{
                 constructor(...given) {{ super(...(given.length ? given : [Date.now()])); }}
             }}"
        ));
        for path in ["/", "/movies/salt-road/", "/people/gull/", "/nowhere"] {
            tab.load(&format!("http://{}{path}", running.address));
            let told = tells_its_age(&mut tab);
            let seconds = told
                .strip_prefix("data from ")
                .and_then(|rest| rest.strip_suffix("\u{a0}s ago"))
                .and_then(|seconds| seconds.parse::<u64>().ok());
            assert!(seconds.is_some_and(|seconds| seconds < 30), "{path}: {told:?}");
            assert_eq!(tab.value(&format!("{NOTICE}.hidden")), true, "{path}");
        }
        let complaints = tab.complaints();
        let is_known = |complaint: &serde_json::Value| complaint.to_string().contains("/nowhere");
        assert!(complaints.iter().all(is_known), "{complaints:?}");
    }
}

#[test]
#[ignore = "needs chromium and nginx"]
fn files_that_are_no_longer_published_show_that_their_data_is_old() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    let nginx = Nginx::start(&site.out());
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    tab.load(&format!("http://{}/movies/salt-road/", nginx.address));
    // The notice appears after twice the maximum age, which is one second here.
    tab.wait_for(&format!("!{NOTICE}.hidden"));
    let said = tab.text(&format!("{NOTICE}.textContent"));
    let age = said.strip_prefix("The data on this page is ").expect("an age");
    assert!(age.starts_with(|first: char| first.is_ascii_digit()), "{said}");
    assert_eq!(tab.value("document.querySelector('[data-freshness]').className"), "freshness old");
    assert_eq!(tab.complaints(), Vec::<serde_json::Value>::new());
}

#[test]
#[ignore = "needs chromium"]
fn an_open_page_continues_to_count_the_age_without_a_server() {
    let upstream = Upstream::start();
    let running = Site::eager(&upstream).serve().ready();
    let mut browser = Browser::start();
    let mut tab = open_list(&running, &mut browser);
    running.kill();
    tab.wait_for(&format!("!{NOTICE}.hidden"));
}

#[test]
#[ignore = "needs chromium"]
fn an_open_page_does_not_show_the_age_of_data_that_it_does_not_show() {
    let upstream = Upstream::start();
    let running = Site::eager(&upstream).serve().ready();
    let mut browser = Browser::start();
    let mut tab = open_list(&running, &mut browser);
    // Pause the page, so that the page does not follow updates.
    let _ = tab.value("document.querySelector('[data-pause]').click()");
    let mut films = crate::fixture::films();
    films[0]["rt_score"] = "3".into();
    upstream.set("/films", crate::fixture::Answer::json(&films));
    tab.wait_for("!document.querySelector('[data-newer]').hidden");
    let shown = "parseInt(document.querySelector('[data-age]').textContent.split(' ')[2])";
    tab.wait_for(&format!("{shown} > 5"));
}
