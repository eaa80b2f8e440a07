//! Starts with a published site: the site is made again only if something of it changed.

use std::fs;

use serde_json::json;

use crate::fixture::{Answer, Site, Upstream, films, identities};

/// The line of the log of a start that makes no page.
const NOT_MADE: &str = "the published site is made from this data already";

fn build(site: &Site) -> String {
    site.with(&["-v"]).build_once().well()
}

#[test]
fn a_start_with_the_same_data_makes_no_page() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    assert!(!build(&site).contains(NOT_MADE));
    let before = identities(&site.out());
    let log = build(&site);
    assert!(log.contains(NOT_MADE) && !log.contains("published generation="), "{log}");
    assert_eq!(identities(&site.out()), before);
    // Another answer with the same data has other bytes.
    upstream.set("/films", Answer::new(200, films().to_string()));
    let log = build(&site);
    assert_eq!(log.matches(NOT_MADE).count(), 1, "only before the answer: {log}");
}

#[test]
fn a_start_with_other_settings_or_another_theme_makes_the_pages_again() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream).with(&["--templates", "theme"]);
    site.write("theme/static/picture.txt", "old");
    site.write("theme/root/ads.txt", "old");
    site.write("theme/pages/about.md", "+++\ntitle = \"About\"\n+++\nOld text.\n");
    build(&site);
    assert!(build(&site).contains(NOT_MADE));
    for (file, text, page) in [
        ("static/picture.txt", "new", "static/picture.txt"),
        ("root/ads.txt", "new", "ads.txt"),
        ("pages/about.md", "+++\ntitle = \"About\"\n+++\nNew text.\n", "about/index.html"),
        ("assets/extra.css", "p { color: red }", "index.html"),
    ] {
        let before = fs::read(site.out().join(page)).expect("a page");
        site.write(&format!("theme/{file}"), text);
        let log = build(&site);
        assert!(log.contains("published generation="), "{file}: {log}");
        assert_ne!(fs::read(site.out().join(page)).expect("a page"), before, "{file}");
        assert!(build(&site).contains(NOT_MADE), "{file}");
    }
    let titled = site.with(&["--site-title", "Another name"]);
    assert!(!build(&titled).contains(NOT_MADE));
    assert!(titled.page("index.html").contains("Another name"));
}

#[test]
fn a_start_repairs_files_that_were_lost_or_edited() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    build(&site);
    let page = site.page("people/index.html");
    fs::remove_file(site.out().join("people/index.html")).expect("removed");
    build(&site);
    assert_eq!(site.page("people/index.html"), page);
    site.write("public/people/index.html", "edited");
    build(&site);
    assert_eq!(site.page("people/index.html"), page);
}

#[test]
fn a_record_that_changed_while_nothing_ran_is_shown_at_the_next_start() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    build(&site);
    let mut changed = films();
    changed[0]["rt_score"] = json!(7);
    upstream.set("/films", Answer::json(&changed));
    let log = build(&site);
    assert!(log.contains("published generation="), "{log}");
    assert!(site.page("movies.json").contains("\"rt_score\":7,"));
}

#[test]
fn after_the_first_publish_the_standby_is_ready_for_the_next() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    build(&site);
    let standby = site.path(".movies-gen/standby");
    assert!(standby.join(".movies-gen/manifest").exists(), "the standby is sealed");
    let mut live = identities(&site.out());
    live.retain(|path, _| standby.join(path).exists());
    assert!(live.len() > 20, "{live:?}");
    assert_eq!(identities(&standby), live, "both trees have the same files");
}
