//! One stream: its first event, its steps and its end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{fingerprint, listen, quick, scored, served, with_one_more};
use crate::fixture::{Answer, Listener, Site, Upstream, films, people};

#[test]
fn the_first_event_says_whether_the_page_is_current() {
    let (_upstream, server) = served();
    let generation = server.get("/").expect("x-generation").to_owned();
    let nowhere = {
        let page = server.get("/nowhere").text().to_owned();
        let (_, rest) = page.split_once("movies-gen-fingerprint\" content=\"").expect("one");
        rest.split('"').next().expect("a fingerprint").to_owned()
    };
    for path in ["/", "/movies/", "/movies/salt-road/", "/people/gull/", "/nowhere"] {
        let page = if path == "/nowhere" { nowhere.clone() } else { fingerprint(&server, path) };
        let first = |page: &str| {
            let query = format!("path={path}&page={page}");
            Listener::open(server.address, &query, &[]).next()
        };
        let current = first(&page);
        assert_eq!((&*current.name, &current.id), ("current", &generation), "{path}");
        assert_eq!(current.data["page"], page, "{path}");
        assert_eq!(current.data["beat"], 15);
        for other in ["", &page[1..], &page[..16]] {
            let told = first(other);
            assert_eq!((&*told.name, &told.id), ("fetch", &generation), "{path} {other}");
            assert_eq!(told.data["page"], page, "the current fingerprint of {path}");
        }
    }
}

#[test]
fn the_answer_of_a_stream_has_the_header_fields_of_a_stream() {
    let (_upstream, server) = served();
    let mut open = Listener::open(server.address, "path=/&page=x", &[]);
    let head = open.head.to_ascii_lowercase();
    for line in [
        "200 ok",
        "content-type: text/event-stream\r\n",
        "cache-control: no-store, no-transform\r\n",
        "x-accel-buffering: no\r\n",
        "x-content-type-options: nosniff\r\n",
    ] {
        assert!(head.contains(line), "{line} is missing in\n{head}");
    }
    assert!(!head.contains("\r\nage:"), "a stream must have no Age");
    let _ = open.next();
    assert!(open.retry.is_some_and(|retry| (2_000..6_000).contains(&retry)), "{:?}", open.retry);
    let head = server.ask("HEAD", "/events", &[]);
    assert_eq!((head.status, head.expect("content-type")), (200, "text/event-stream"));
    let refused = server.ask("POST", "/events", &[]);
    assert_eq!((refused.status, refused.expect("allow")), (405, "GET, HEAD, OPTIONS"));
}

#[test]
fn a_step_has_only_the_new_films_with_their_cards() {
    let (upstream, server) = served();
    let mut listener = listen(&server);
    let from = server.get("/").expect("x-generation").to_owned();
    upstream.set(
        "/films",
        with_one_more(json!({"id": "f-new", "title": "The New One", "release_date": "2001"})),
    );
    let step = listener.next();
    assert_eq!(step.name, "generation");
    let list = server.get("/");
    assert_eq!((&step.data["from"], &step.data["to"]), (&json!(from), &json!(step.id)));
    assert_eq!(list.expect("x-generation"), step.id, "the generation must be live");
    let films = &step.data["films"];
    assert_eq!(films["added"].as_array().map(Vec::len), Some(1), "{films}");
    assert_eq!(films["changed"], json!([]));
    assert_eq!(films["removed"], json!([]));
    let added = &films["added"][0];
    assert_eq!(added["title"], "The New One");
    assert_eq!(added["url"], "/movies/the-new-one/");
    // The list is ordered by falling years: 2012, 2006, 2001, 1999 …
    assert_eq!(added["after"], "f-winter");
    let eager = |html: &str| html.replace(" loading=\"lazy\" decoding=\"async\"", "");
    let card = added["card"].as_str().expect("a card").trim();
    assert!(eager(list.text()).contains(&eager(card)), "{card}");
    let paths: BTreeMap<String, Value> =
        serde_json::from_value(step.data["paths"].clone()).expect("paths");
    for path in ["/", "/movies/", "/movies/the-new-one/", "/years/", "/movies.json"] {
        assert!(paths.contains_key(path), "{path}: {paths:?}");
    }
    for path in ["/movies/salt-road/", "/people/gull/", "/404.html"] {
        assert!(!paths.contains_key(path), "{path}: {paths:?}");
    }
    let page = fingerprint(&server, "/");
    assert_eq!(paths["/"], page[..16]);
    let bytes = list.body.len();
    assert!(step.bytes < bytes / 2, "{} of {bytes} bytes", step.bytes);
}

#[test]
fn a_step_names_changed_and_removed_films() {
    let (upstream, server) = served();
    let mut listener = listen(&server);
    let mut some = films();
    let gone = some.as_array_mut().expect("a list").remove(4);
    some[0]["title"] = "The Lamp Warden".into();
    upstream.set("/films", Answer::json(&some));
    let step = listener.next();
    let films = &step.data["films"];
    assert_eq!(films["changed"][0]["title"], "The Lamp Warden");
    assert_eq!(films["changed"][0]["url"], "/movies/the-lamp-keeper/");
    assert!(films["changed"][0]["card"].as_str().is_some_and(|card| card.contains("Warden")));
    assert_eq!(films["removed"][0]["id"], gone["id"]);
    assert_eq!(films["removed"][0]["url"], "/movies/nobody-home/");
    assert_eq!(films["removed"][0].get("card"), None);
    assert_eq!(step.data["paths"]["/movies/nobody-home/"], Value::Null);
    let mut folk = people();
    folk[1]["name"] = "The Gull".into();
    upstream.set("/people", Answer::json(&folk));
    let step = listener.next();
    assert_eq!(step.data["people"]["changed"][0]["title"], "The Gull");
    assert_eq!(step.data["people"]["changed"][0]["url"], "/people/gull/");
}

#[test]
fn texts_of_a_hostile_catalogue_do_not_end_an_event() {
    let (upstream, server) = served();
    let mut listener = listen(&server);
    let title = "One\r\n\r\nevent: fetch\rdata: {}\n\nid: x\u{2028}</script><img src=x onerror=y>";
    let film =
        json!({"id": "f\nx\u{0}", "title": title, "director": "A\n\nB", "release_date": "2001"});
    upstream.set("/films", with_one_more(film));
    let step = listener.next();
    assert_eq!(step.name, "generation");
    let added = &step.data["films"]["added"][0];
    assert!(added["title"].as_str().is_some_and(|title| title.starts_with("One")), "{added}");
    assert!(!added["card"].as_str().expect("a card").contains("<img src=x"), "{added}");
    upstream.set("/films", scored(7));
    assert_eq!(listener.next().data["from"], step.id, "the next event must be complete");
}

#[test]
fn an_event_of_more_than_64_kib_has_only_paths() {
    let (upstream, server) = served();
    let mut listener = listen(&server);
    let mut many = films();
    let list = many.as_array_mut().expect("a list");
    list.extend((0..150).map(|n| json!({"id": format!("m{n}"), "title": format!("Many {n}")})));
    upstream.set("/films", Answer::json(&many));
    let step = listener.next();
    assert_eq!((step.data.get("films"), step.data.get("people")), (None, None));
    assert!(step.bytes <= 64 << 10, "{}", step.bytes);
    assert!(step.data["paths"]["/movies/many-7/"].is_string());
    // The paths of so many films exceed the limit.
    let list = many.as_array_mut().expect("a list");
    list.extend((0..900).map(|n| json!({"id": format!("l{n}"), "title": format!("Long {n}")})));
    upstream.set("/films", Answer::json(&many));
    let step = listener.next();
    assert_eq!(step.data.get("paths"), None, "{} bytes", step.bytes);
}

#[test]
fn a_confirmation_is_not_an_event_and_a_new_theme_gives_an_event_with_paths() {
    let upstream = Upstream::start();
    let site = quick(&upstream).with(&["--templates", "theme"]);
    site.write("theme/people.html", "people");
    let server = site.serve().ready();
    let mut listener = listen(&server);
    let theme = {
        let page = server.get("/").text().to_owned();
        let (_, rest) = page.split_once("movies-gen-theme\" content=\"").expect("a theme");
        rest.split('"').next().expect("a name").to_owned()
    };
    upstream.wait_until_asked(upstream.asked().0 + 3);
    site.write("theme/people.html", "everybody");
    let step = listener.next();
    assert_eq!(step.data["films"]["added"], json!([]), "no record may have changed");
    assert!(step.data["paths"]["/people/"].is_string(), "{step:?}");
    assert_ne!(step.data["theme"], theme.as_str());
}

#[test]
fn a_new_signature_of_a_picture_changes_paths_and_no_records() {
    let upstream = Upstream::start();
    let site = quick(&upstream);
    let signed = |signature: &str| {
        let mut films = films();
        films[0]["image"] = format!("https://cdn.example/lamp.jpg?sig={signature}").into();
        films[0]["trailer"] = json!({"url": format!("https://cdn.example/a.mp4?s={signature}")});
        Answer::json(&films)
    };
    upstream.set("/films", signed("first"));
    let server = site.serve().ready();
    let feeds = || ["/feed.xml", "/feed.json"].map(|path| server.get(path).text().to_owned());
    let before = feeds();
    let mut listener = listen(&server);
    upstream.set("/films", signed("second"));
    let step = listener.next();
    let nothing = json!({"added": [], "changed": [], "removed": []});
    assert_eq!((&step.data["films"], &step.data["people"]), (&nothing, &nothing));
    for path in ["/", "/movies/the-lamp-keeper/"] {
        assert_eq!(step.data["paths"][path], fingerprint(&server, path)[..16], "{path}");
        assert!(server.get(path).text().contains("lamp.jpg?sig=second"), "{path}");
    }
    assert_eq!(feeds(), before);
    assert!(!server.get("/changes/").text().contains("The Lamp Keeper"));
}

#[test]
fn a_site_under_a_path_has_its_events_under_the_path() {
    let upstream = Upstream::start();
    let site = quick(&upstream).with(&["--site-url", "https://host.example/films/"]);
    let server = site.serve().ready();
    let page = fingerprint(&server, "/films/people/");
    let mut conversation = crate::fixture::Conversation::open(server.address);
    let ask =
        format!("GET /films/events?path=/films/people/&page={page} HTTP/1.1\r\nHost: h\r\n\r\n");
    conversation.say(ask.as_bytes());
    let mut heard = String::new();
    while !heard.contains("event: ") {
        heard.push_str(&String::from_utf8_lossy(&conversation.some(4096)));
    }
    assert!(heard.contains("event: current"), "{heard}");
}

#[test]
fn a_quiet_stream_sends_heartbeats_and_is_not_ended_by_a_timeout_of_requests() {
    let upstream = Upstream::start();
    let server = Site::of(&upstream).serve().ready();
    let mut listener = listen(&server).patient(Duration::from_secs(30));
    let started = Instant::now();
    for beat in 1..=2 {
        let heard = listener.hear().expect("a beat");
        assert_eq!((&*heard.name, &heard.data), ("beat", &json!(15)), "{heard:?}");
        let due = Duration::from_secs(15) * beat;
        let off = started.elapsed().abs_diff(due);
        assert!(off < Duration::from_secs(3), "beat {beat} is off by {off:?}");
    }
}

#[test]
fn streams_end_before_the_server_stops() {
    let (_upstream, server) = served();
    let mut listeners: Vec<_> = (0..20).map(|_| listen(&server)).collect();
    let started = Instant::now();
    server.signal_stop();
    for listener in &mut listeners {
        assert!(std::iter::from_fn(|| listener.hear()).all(|heard| heard.name != "fetch"));
    }
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}
