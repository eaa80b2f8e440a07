//! `movies-gen explain`: what a page depends on, and why the last publish wrote the page.

use serde_json::json;

use crate::fixture::{Answer, Site, Upstream, films, identities};

fn explain(site: &Site, page: &str) -> String {
    let ended = site.run(&["explain", page]);
    let out = ended.out.clone();
    ended.well();
    out
}

/// Returns the path of the page of the first film, and the path of another film.
fn two_films(site: &Site) -> [String; 2] {
    let movies = site.json("movies.json");
    [0, 1].map(|at| movies[at]["url"].as_str().expect("an address").to_owned())
}

#[test]
fn a_changed_record_is_named_on_each_page_that_shows_the_record() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    let [first, other] = two_films(&site);
    let id = site.json("movies.json")[0]["id"].clone();
    let mut list = films();
    let changed = list.as_array_mut().expect("a list").iter_mut().find(|film| film["id"] == id);
    changed.expect("the film")["rt_score"] = json!("7");
    upstream.set("/films", Answer::json(&list));
    let before = identities(&site.out());
    site.build_once().well();

    let told = explain(&site, &first);
    assert!(told.contains("is the page of the film") && told.contains("film.html"), "{told}");
    assert!(told.contains("It wrote this page, because:"), "{told}");
    assert!(told.contains("rt_score from") && told.contains("to \"7\""), "{told}");
    let told = explain(&site, "/");
    assert!(told.contains("the list of films") && told.contains("to \"7\""), "{told}");
    let told = explain(&site, &other);
    assert!(told.contains("did not write this page") && !told.contains("rt_score"), "{told}");
    let told = explain(&site, "/changes/");
    assert!(told.contains("It wrote this page. None of its records changed"), "{told}");

    let mut after = identities(&site.out());
    after.retain(|path, identity| {
        let is_own = path.contains(".movies-gen/");
        let is_volatile = ["freshness.json", "status/index.html"].contains(&path.as_str());
        !is_own && !is_volatile && before.get(path) != Some(identity)
    });
    let count = format!("({} files)", after.len());
    assert!(told.contains(&count), "{} files were written: {told}", after.len());
}

#[test]
fn a_changed_template_and_a_changed_setting_are_named() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream).with(&["--templates", "theme"]);
    site.write("theme/parts/x.txt", "");
    site.build_once().well();
    let [film, _] = two_films(&site);
    let page = "{% extends \"default/film.html\" %}{% block main %}<p>Mine</p>{% endblock %}";
    site.write("theme/film.html", page);
    site.build_once().well();
    let told = explain(&site, &film);
    assert!(told.contains("- the theme's film.html changed"), "{told}");
    let told = explain(&site, "movies.json");
    assert!(told.contains("did not write this page"), "no data file names the theme: {told}");
    let titled = site.with(&["--site-title", "Other films"]);
    titled.build_once().well();
    let told = explain(&titled, "people/");
    assert!(told.contains("- --site-title changed"), "{told}");
}

#[test]
fn an_unknown_page_and_a_missing_site_are_errors_that_help() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    let log = site.run(&["explain", "/"]).with_code(1);
    assert!(log.contains("movies-gen build"), "{log}");
    site.build_once().well();
    let log = site.run(&["explain", "/peple/"]).with_code(1);
    assert!(log.contains("people/index.html"), "{log}");
    let log = site.run(&["explain", "/status/"]).with_code(1);
    assert!(log.contains("after every refresh"), "{log}");
}
