//! From the answers of the API to files.

mod addresses;
mod documents;
mod incremental;
mod large;
mod quirks;
mod sameness;
#[cfg(have_shared_data)]
mod shared_data;
mod undecodable;
mod values;
mod weight;

use serde_json::json;

use crate::fixture::{Site, Upstream, pairs};

#[test]
fn a_list_shows_each_film_once_with_each_of_its_people() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    let shown = pairs(&site.page("index.html"));
    assert_eq!(shown, pairs(&site.page("movies/index.html")));
    assert_eq!(shown.len(), 5);
    assert_eq!(shown["f-lamp"], ["p-gull", "p-keeper"]);
    assert_eq!(shown["f-return"], ["p-elder", "p-keeper"]);
    assert_eq!(shown["f-empty"], [""; 0]);
}

#[test]
fn movies_json_has_every_film_newest_first_with_its_people() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    let films = site.json("movies.json");
    let titles: Vec<_> =
        films.as_array().expect("a list").iter().map(|film| &film["title"]).collect();
    let newest_first =
        ["Nobody Home", "Winter Inventory", "The Keeper Returns", "Salt Road", "The Lamp Keeper"];
    assert_eq!(titles, newest_first);
    assert_eq!(films[4]["id"], "f-lamp");
    assert_eq!(films[4]["url"], "/movies/the-lamp-keeper/");
    assert_eq!(
        films[4]["people"],
        json!([
            {"id": "p-gull", "name": "Gull", "url": "/people/gull/"},
            {"id": "p-keeper", "name": "Osk the Keeper", "url": "/people/osk-the-keeper/"}
        ])
    );
}

#[test]
fn every_page_of_the_plan_is_written() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    for path in [
        "index.html",
        "movies/index.html",
        "movies/salt-road/index.html",
        "people/index.html",
        "people/gull/index.html",
        "404.html",
        "movies.json",
        "people.json",
        "sitemap.xml",
        "robots.txt",
        "freshness.json",
    ] {
        assert!(!site.page(path).is_empty(), "{path}");
    }
    let film = site.page("movies/salt-road/index.html");
    assert!(film.contains("Two sisters carry a sea inland, a bag at a time."), "{film}");
    assert!(film.contains("Elder Sister") && film.contains("Younger Sister"), "{film}");
    let person = site.page("people/elder-sister/index.html");
    assert!(person.contains("Salt Road") && person.contains("The Keeper Returns"), "{person}");
}

#[test]
fn a_film_without_a_picture_gets_a_drawn_poster() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    let films = site.json("movies.json");
    let salt = &films[3];
    assert_eq!(salt.get("image"), None);
    let poster = salt["poster"].as_str().expect("a poster").trim_start_matches('/');
    assert!(site.page(poster).contains("<svg"), "{poster}");
    assert!(site.page("index.html").contains(poster));
}

#[test]
fn a_list_with_as_many_records_as_the_limit_is_reported_as_probably_cut() {
    let upstream = Upstream::start();
    let log = Site::of(&upstream).with(&["--limit", "5"]).build_once().well();
    let cut: Vec<_> = log.lines().filter(|line| line.contains("probably cut")).collect();
    assert!(cut.len() == 1 && cut[0].contains("/films") && cut[0].contains("--limit"), "{log}");
}

#[test]
fn only_fields_that_the_mapping_keeps_are_available_in_a_template_of_the_owner() {
    let films = json!([{
        "id": "f", "title": "Odd", "tagline": "Never <b>before</b>", "awards": [{"name": "Oak Leaf"}],
        "path": "/srv/films/odd.mkv"
    }]);
    let upstream = Upstream::of(&films, &json!([]));
    let site = Site::of(&upstream).with(&["--templates", "theme"]);
    site.write("movies-gen.toml", "films.keep = [\"tagline\", \"awards\"]");
    site.write("theme/film.html", "{{ film.tagline }} / {{ film.awards[0].name }}");
    site.build_once().well();
    let page = site.page("movies/odd/index.html");
    assert_eq!(page.replace("&#x2F;", "/"), "Never &lt;b&gt;before&lt;/b&gt; / Oak Leaf");
    assert_eq!(site.json("movies.json")[0]["awards"][0]["name"], "Oak Leaf");
    assert_eq!(site.json("movies.json")[0]["path"], serde_json::Value::Null);
}

#[test]
fn text_of_the_upstream_cannot_become_markup() {
    let script = "<script>alert(1)</script>";
    let films = json!([{
        "id": "\"><script>alert(1)</script>", "title": script, "description": script,
        "director": script, "people": ["p"]
    }]);
    let people = json!([{"id": "p", "name": script, "hair_color": script}]);
    let upstream = Upstream::of(&films, &people);
    let site = Site::of(&upstream);
    site.build_once().well();
    for (path, bytes) in crate::fixture::contents(&site.out()) {
        let markup = [".html", ".xml", ".svg"].iter().any(|suffix| path.ends_with(suffix));
        let text = String::from_utf8_lossy(&bytes);
        assert!(!markup || !text.contains("<script>alert"), "{path}:\n{text}");
    }
}
