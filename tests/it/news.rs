//! Changes, as subscribers and visitors see them: the feeds, read by the parser of another
//! project, the list of changes, and the pages of films.

use feed_rs::model::Feed;
use serde_json::{Value, json};

use crate::fixture::{
    Answer, Browser, Redis, Running, Site, Upstream, contents, films, people, wait_until,
};

/// The files that report changes.
const NEWS: [&str; 4] =
    ["feed.xml", "feed.json", "changes/index.html", "movies/salt-road/index.html"];

fn news(site: &Site) -> Vec<String> {
    NEWS.iter().map(|path| site.page(path)).collect()
}

/// Returns a catalogue in which one film is new, one film changed, and one film is gone.
fn changed() -> Value {
    let mut films = films();
    let list = films.as_array_mut().expect("a list");
    list.retain(|film| film["id"] != "f-winter");
    list[1]["rt_score"] = "95".into();
    list.push(json!({"id": "f-new", "title": "First Light", "director": "Ida Brandt",
        "release_date": "2026", "description": "Morning.", "people": ["x/people/p-gull"]}));
    films
}

/// Makes a site that has published the change.
fn told(upstream: &Upstream, arguments: &[&str]) -> Site {
    let site = Site::eager(upstream).with(arguments);
    site.build_once().well();
    upstream.set("/films", Answer::json(&changed()));
    site.build_once().well();
    site
}

fn parsed(text: &str) -> Feed {
    feed_rs::parser::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Returns id, title and text of each entry of a feed.
fn entries(feed: &Feed) -> Vec<(&str, &str, &str)> {
    let entries = feed.entries.iter();
    entries
        .map(|entry| {
            let title = entry.title.as_ref().expect("a title").content.as_str();
            let text = entry.content.as_ref().and_then(|content| content.body.as_deref());
            (entry.id.as_str(), title, text.expect("a text"))
        })
        .collect()
}

#[test]
fn both_feeds_report_added_changed_and_removed_records() {
    let upstream = Upstream::start();
    let site = told(&upstream, &["--site-url", "https://films.example/f/"]);
    let [atom, json] = ["feed.xml", "feed.json"].map(|path| parsed(&site.page(path)));
    assert_eq!(entries(&atom), entries(&json));
    let told: Vec<_> = entries(&atom).into_iter().map(|(_, title, text)| (title, text)).collect();
    assert_eq!(
        told,
        [
            ("New: First Light (2026)", "2026, directed by Ida Brandt.\n\nWith Gull.\n\nMorning."),
            ("Salt Road: score", "Score: 93 → 95"),
            ("Removed: Winter Inventory", "The film was removed from the catalogue."),
        ]
    );
    let links: Vec<_> = atom.entries.iter().map(|entry| entry.links[0].href.as_str()).collect();
    assert_eq!(
        links,
        [
            "https://films.example/f/movies/first-light/",
            "https://films.example/f/movies/salt-road/",
            "https://films.example/f/changes/"
        ]
    );
    assert!(atom.entries.iter().all(|entry| entry.id.starts_with("urn:uuid:")));
    // The time of an entry is the origin time of the data, not the time of the publish.
    let as_of = site.json("freshness.json")["as_of"].as_str().expect("a time").to_owned();
    let time = chrono::DateTime::parse_from_rfc3339(&as_of).expect("RFC 3339");
    assert_eq!(atom.updated, Some(time.to_utc()));
    for feed in [&atom, &json] {
        assert!(feed.entries.iter().all(|entry| entry.published == Some(time.to_utc())));
        assert_eq!(feed.title.as_ref().map(|title| title.content.as_str()), Some("Films"));
    }
    assert_eq!(atom.id, "https://films.example/f/feed.xml");
}

#[test]
fn the_ids_of_feed_entries_stay_when_the_site_moves() {
    let upstream = Upstream::start();
    let site = told(&upstream, &[]);
    let before = parsed(&site.page("feed.xml"));
    assert!(before.id.starts_with("urn:uuid:"), "{}", before.id);
    site.with(&["--site-url", "https://films.example/"]).build_once().well();
    let after = parsed(&site.page("feed.xml"));
    assert_eq!(entries(&before), entries(&after));
}

#[test]
fn pages_name_the_feeds_and_the_server_their_types() {
    let upstream = Upstream::start();
    let server = told(&upstream, &[]).serve().ready();
    for (path, kind, answered) in [
        ("/feed.xml", "application/atom+xml", "application/atom+xml; charset=utf-8"),
        ("/feed.json", "application/feed+json", "application/feed+json"),
    ] {
        for page in ["/", "/movies/salt-road/", "/nowhere"] {
            let page = server.get(page);
            let link = format!("<link rel=\"alternate\" type=\"{kind}\"");
            let link = page.text().split(&link).nth(1).expect("a link").split('>').next();
            assert!(link.expect("a tag").contains(&format!("href=\"{path}\"")), "{link:?}");
        }
        let feed = server.get(path);
        assert_eq!(feed.expect("content-type"), answered);
        assert_eq!(feed.expect("access-control-allow-origin"), "*");
        assert_eq!(parsed(feed.text()).entries.len(), 3);
        let known = server.get_with(path, "If-None-Match", feed.expect("etag"));
        assert_eq!(known.status, 304, "a feed reader must not load the same feed twice");
    }
}

#[test]
fn changes_are_listed_with_the_old_and_the_new_value() {
    let upstream = Upstream::start();
    let site = told(&upstream, &[]);
    let mut people = people();
    people[1]["hair_color"] = "White".into();
    people[1]["species"] = "bird".into();
    upstream.set("/people", Answer::json(&people));
    site.build_once().well();
    let page = site.page("changes/index.html");
    let text = page.replace('\n', " ");
    for part in [
        "<a href=\"/movies/first-light/\">First Light</a>",
        "<del dir=\"auto\">93</del> <span aria-hidden=\"true\">→</span> <span class=\"unseen\">to</span> \
         <ins dir=\"auto\">95</ins>",
        "<cite dir=\"auto\">Winter Inventory</cite>",
        "<a href=\"/people/gull/\">Gull</a>",
        "<del dir=\"auto\">Black</del>",
        "<span class=\"label\" dir=\"auto\">species</span>",
    ] {
        assert!(text.contains(part), "{part} is missing: {page}");
    }
    let place = |name: &str| page.find(name).unwrap_or_else(|| panic!("{name}: {page}"));
    assert!(place(">Gull<") < place("First Light"), "the latest change must come first");
    // The page of each film has only the changes of this film.
    let salt = site.page("movies/salt-road/index.html");
    assert!(
        salt.contains("What changed</h2>") && salt.contains("<ins dir=\"auto\">95</ins>"),
        "{salt}"
    );
    let lamp = site.page("movies/the-lamp-keeper/index.html");
    assert!(!lamp.contains("What changed</h2>"), "{lamp}");
}

#[test]
fn news_is_the_same_after_a_restart_and_without_the_state() {
    let upstream = Upstream::start();
    let site = told(&upstream, &[]);
    let before = news(&site);
    assert!(before[0].contains("First Light"), "{}", before[0]);
    let server = site.serve().ready();
    let _ = server.terminate();
    assert_eq!(news(&site), before);
    // A copy of the ledger is beside the published files.
    std::fs::remove_dir_all(site.path(".movies-gen")).expect("removed");
    site.build_once().well();
    assert_eq!(news(&site), before);
}

fn tells(server: &Running) -> bool {
    String::from_utf8_lossy(&server.get("/feed.xml").body).contains("First Light")
}

#[test]
#[ignore = "needs redis-server"]
fn news_is_the_same_on_two_replicas_and_after_the_loss_of_redis() {
    let (upstream, mut redis) = (Upstream::start(), Redis::start());
    let address = redis.url();
    let replica = || Site::eager(&upstream).with(&["--redis", &address, "--hold", "300ms"]);
    let sites = [replica(), replica()];
    let servers = sites.each_ref().map(|site| site.serve().ready());
    upstream.set("/films", Answer::json(&changed()));
    for server in &servers {
        wait_until("the news", || tells(server));
    }
    wait_until("one history", || contents(&sites[0].out()) == contents(&sites[1].out()));
    let before = news(&sites[0]);
    redis.kill();
    for server in &servers {
        server.wait_until_redis_is_lost();
    }
    redis.revive();
    for server in &servers {
        server.wait_until_redis_is_back();
    }
    let anew = replica();
    let server = anew.serve().ready();
    wait_until("the news on a machine that knew nothing", || tells(&server));
    for site in sites.iter().chain([&anew]) {
        wait_until("the same news", || news(site) == before);
    }
}

#[test]
fn no_text_of_the_upstream_breaks_a_feed_or_a_page() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    let bad = "]]></title></entry><script>alert(1)</script>\r\n\n&amp;\u{0}\u{8}\u{b}\u{fffe}\u{202e}%0a{{ 1 }}";
    let mut films = films();
    films[0]["title"] = bad.into();
    films[0]["description"] = bad.into();
    films[0][bad] = bad.into();
    let list = films.as_array_mut().expect("a list");
    list.push(json!({"id": bad, "title": bad, "description": bad, "director": bad,
        "image": "javascript:alert(1)", "people": [format!("x/people/{}", "p-gull")]}));
    let mut people = people();
    people[1]["name"] = bad.into();
    upstream.set("/films", Answer::json(&films));
    upstream.set("/people", Answer::json(&people));
    site.build_once().well();

    let [atom, json] = ["feed.xml", "feed.json"].map(|path| parsed(&site.page(path)));
    let unbroken = |text: &str| text.replace("\r\n", "\n");
    for (one, other) in entries(&atom).into_iter().zip(entries(&json)) {
        assert_eq!(one.1, other.1);
        // An XML parser normalises line breaks (XML 1.0 §2.11).
        assert_eq!(unbroken(one.2).trim(), unbroken(other.2).trim());
        assert!(!one.1.contains('\n') && one.1.contains("]]></title></entry><script>"), "{one:?}");
    }
    assert_eq!(atom.entries.len(), 2);
    assert!(atom.entries.iter().all(|entry| entry.media.is_empty()), "no address that would run");
    for path in ["feed.xml", "changes/index.html"] {
        let text = site.page(path);
        for forbidden in ["<script>", "]]>", "\u{0}", "\u{8}", "\u{b}", "\u{fffe}", "javascript:"] {
            assert!(!text.contains(forbidden), "{path} has {forbidden:?}: {text}");
        }
        assert!(text.contains("{{ 1 }}"), "text is not a template: {text}");
    }
}

#[test]
#[ignore = "needs chromium"]
fn the_404_page_of_a_removed_film_has_a_working_search() {
    let upstream = Upstream::start();
    let site = told(&upstream, &[]);
    let server = site.serve().ready();
    let gone = server.get("/movies/winter-inventory/");
    assert_eq!(gone.status, 404);
    assert!(gone.text().contains("may have been removed from the catalogue"), "{}", gone.text());
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    tab.load(&format!("http://{}/movies/winter-inventory/", server.address));
    tab.value("document.getElementById('q').focus()");
    tab.call("Input.insertText", json!({"text": "salt"}));
    tab.value("document.querySelector('main form button').click()");
    tab.wait_for("location.pathname === '/' && location.search === '?q=salt'");
    tab.wait_for(
        "[...document.querySelectorAll('[data-film-id]')].filter((card) => card.offsetParent)
            .map((card) => card.dataset.filmId).join() === 'f-salt'",
    );
}
