//! Films that have their people in their own records, with roles and pictures, as media servers
//! answer.

use std::path::Path;

use movies_gen::catalogue::{join, weight};
use movies_gen::clock::Clock;
use movies_gen::mapping::{Base, Mapping, MappingFile};
use movies_gen::payload::{Body, Fence, Payload};
use serde_json::{Value, json};

use crate::fixture::{Answer, Site, Upstream, contents};

/// The answer of a made-up media server. Every text that must not reach the site has `CANARY`.
fn answer() -> Value {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mappings/jellyfin/films.json");
    serde_json::from_slice(&std::fs::read(path).expect("the answer")).expect("JSON")
}

/// A site of a media server with this answer.
fn served(answer: &Value) -> (Upstream, Site) {
    let upstream = Upstream::start();
    upstream.set("/Items", Answer::json(answer));
    let site = Site::of(&upstream).with(&["--mapping", "jellyfin"]);
    (upstream, site.variable("JELLYFIN_API_KEY", "k3y"))
}

fn page(site: &Site, path: &str) -> String {
    site.page(path).replace("&#x2F;", "/").replace("&#39;", "'")
}

#[test]
fn the_films_of_a_media_server_show_roles_order_pictures_and_lengths() {
    let (upstream, site) = served(&answer());
    site.build_once().well();
    let asked = upstream.asked_for("/Items");
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].headers["authorization"], "MediaBrowser Token=\"k3y\"");
    let film = page(&site, "movies/two-rivers/index.html");
    let order = [
        "Ida Frost</a></h3>",
        ">Anna</p>",
        "Kofi Asante</a></h3>",
        ">Ben, Ben's twin</p>",
        "Yuna Takeda</a></h3>",
        ">Judge</p>",
    ];
    let order = order.map(|part| film.find(part).unwrap_or_else(|| panic!("{part}: {film}")));
    assert!(order.is_sorted(), "{order:?}: {film}");
    let face = format!(
        "{}/Items/eb883d2be0d0fa2fc4dff21b149855a3/Images/Primary?tag=eb05000abea0dfb439afdd30e9718ae6",
        upstream.url()
    );
    assert!(film.contains(&format!("<img src=\"{face}\"")), "{film}");
    assert!(film.contains("<dd data-field=\"minutes\">") && film.contains("2 h 3 min"), "{film}");
    assert!(film.contains("<dt>Score</dt>") && !film.contains("Rotten"), "{film}");
    let person = page(&site, "people/ida-frost/index.html");
    for part in ["og:image", &face, ">Keeper</span>", ">Anna</span>"] {
        assert!(person.contains(part), "{part} is missing: {person}");
    }
    let list = page(&site, "index.html");
    assert!(
        list.contains("Ida Frost</a> <span class=\"role\" dir=\"auto\">Keeper</span>"),
        "{list}"
    );
    let movies = site.json("movies.json");
    let movies = movies.as_array().expect("films");
    let rivers = movies.iter().find(|film| film["title"] == "Two Rivers").expect("a film");
    let roles = rivers["people"].as_array().expect("people").iter();
    let roles: Vec<_> = roles.map(|person| (&person["name"], &person["role"])).collect();
    assert_eq!(
        roles,
        [
            (&json!("Ida Frost"), &json!("Anna")),
            (&json!("Kofi Asante"), &json!("Ben, Ben's twin")),
            (&json!("Yuna Takeda"), &json!("Judge")),
        ]
    );
    assert_eq!(rivers["running_time"], 123);
    assert_eq!(rivers["directors"], json!(["Mirela Dunn", "Yuna Takeda"]));
    let people = site.json("people.json");
    let ida = people.as_array().expect("people").iter().find(|one| one["name"] == "Ida Frost");
    assert_eq!(ida.expect("a person")["image"], face);
}

#[test]
fn nothing_that_the_mapping_does_not_name_is_published() {
    let (_upstream, site) = served(&answer());
    site.build_once().well();
    assert!(serde_json::to_string(&answer()).expect("JSON").contains("CANARY"));
    let files = contents(&site.out());
    assert!(files.len() > 20, "{}", files.len());
    for (path, bytes) in files {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("CANARY") && !text.contains("k3y"), "{path}");
    }
}

#[test]
fn a_changed_role_and_a_changed_picture_are_changes() {
    let mut data = answer();
    let (upstream, site) = served(&data);
    let site = site.with(&["--interval", "200ms", "--max-age", "200ms"]);
    site.build_once().well();
    data["Items"][0]["People"][0]["Role"] = "Captain".into();
    for film in data["Items"].as_array_mut().expect("films") {
        for person in film["People"].as_array_mut().into_iter().flatten() {
            if person["Name"] == "Ida Frost" {
                person["PrimaryImageTag"] = "other".into();
            }
        }
    }
    let people = data["Items"][1]["People"].as_array_mut().expect("people");
    let judge = people.remove(5);
    people.insert(0, judge);
    upstream.set("/Items", Answer::json(&data));
    std::thread::sleep(std::time::Duration::from_millis(250));
    site.build_once().well();
    let changes = page(&site, "changes/index.html");
    assert!(changes.contains("Role of Ida Frost</span>"), "{changes}");
    assert!(changes.contains("<del dir=\"auto\">Keeper</del>"), "{changes}");
    assert!(changes.contains("<ins dir=\"auto\">Captain</ins>"), "{changes}");
    let news = changes.split("<main").nth(1).expect("a main part");
    assert!(!news.contains("Two Rivers"), "another order is no change: {news}");
    let film = page(&site, "movies/two-rivers/index.html");
    let places = ["Yuna Takeda</a></h3>", "Ida Frost</a></h3>"].map(|name| film.find(name));
    assert!(places[0] < places[1], "{film}");
    let warm = contents(&site.out());
    std::fs::remove_dir_all(site.out()).expect("removed");
    std::thread::sleep(std::time::Duration::from_millis(250));
    site.build_once().well();
    assert_eq!(warm, contents(&site.out()), "the same site from nothing");
}

/// The estimate decides whether an answer is refused, so the estimate must also be good for credits.
#[test]
fn the_estimate_is_close_to_the_size_of_a_site_with_credits() {
    let text = "[films]\nget = \"/films\"\nid = \"id\"\ntitle = \"title\"\ncredits.at = \"cast\"\n\
                credits.id = \"id\"\ncredits.name = \"name\"\ncredits.role = \"as\"\n\
                credits.image = \"face\"\n";
    let mapping = Mapping::read(Some(Base::File(MappingFile { name: "m.toml", text })), None);
    let mapping = mapping.expect("a mapping");
    let films = |count: usize, cast: &dyn Fn(usize, usize) -> Value| {
        let film = |at: usize| {
            let cast: Vec<_> = (0..30).map(|n| cast(at, n)).collect();
            json!({"id": at.to_string(), "title": format!("Film {at}"), "cast": cast})
        };
        json!((0..count).map(film).collect::<Vec<_>>())
    };
    let noise = |of: String| blake3::hash(of.as_bytes()).to_hex();
    let plain = |at: usize, n: usize| {
        let id = (at * 7 + n) % 300;
        json!({"id": id.to_string(), "name": format!("Person {id}")})
    };
    let with = |at: usize, n: usize, role: Option<String>, has_face: bool| {
        let mut credit = plain(at, n);
        let id = credit["id"].as_str().expect("an id").to_owned();
        let address = || format!("https://m.example/Items/{0}/Images?tag={0}", noise(id));
        credit["as"] = role.map_or(Value::Null, Value::from);
        credit["face"] = if has_face { address().into() } else { Value::Null };
        credit
    };
    let usual = |at: usize, n: usize| with(at, n, Some(format!("Captain {n}")), true);
    let roles = |at: usize, n: usize| with(at, n, Some(format!("Captain {n}")), false);
    let faces = |at: usize, n: usize| with(at, n, None, true);
    let long = |at: usize, n: usize| with(at, n, Some(noise(format!("{at} {n}")).repeat(7)), false);
    for (what, films) in [
        ("people without roles", films(100, &plain)),
        ("roles", films(100, &roles)),
        ("pictures", films(100, &faces)),
        ("roles and pictures", films(100, &usual)),
        ("long roles", films(100, &long)),
    ] {
        let upstream = Upstream::start();
        upstream.set("/films", Answer::json(&films));
        let site = Site::of(&upstream);
        site.write("m.toml", text);
        let mapping_file = site.path("m.toml");
        let site = site.with(&["--mapping", mapping_file.to_str().expect("a path")]);
        site.build_once().well();
        let bytes: usize = contents(&site.out()).values().map(Vec::len).sum();
        let payload = Payload {
            fence: Fence(1),
            origin: Clock::system().stamp(),
            films: Body::whole(films.to_string()),
            people: Body::whole("[]"),
        };
        let estimate = weight(&join(&payload, &mapping).expect("a catalogue").0);
        let ratio = estimate as f64 / bytes as f64;
        assert!((0.8..1.5).contains(&ratio), "{what}: {estimate} for {bytes}");
    }
}
