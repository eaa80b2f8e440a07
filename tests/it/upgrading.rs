//! Data that earlier versions of the program left, and what a newer version of the data costs.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::fixture::{
    Answer, RIGHT_TO_HEAR, RIGHTS, Redis, Running, Site, Upstream, films, wait_until,
};

const BODIES: [&str; 3] = ["films", "people", "ledger"];

fn shows(server: &Running, score: &str) -> bool {
    let score: u64 = score.parse().expect("a number");
    let list: Value = serde_json::from_slice(&server.get("/movies.json").body).expect("JSON");
    list.as_array().expect("a list").iter().any(|film| film["rt_score"] == score)
}

fn scored(score: &str) -> Value {
    let mut films = films();
    films[0]["rt_score"] = score.into();
    films
}

/// Rewrites a state directory in the layout of the first version, with whole bodies.
fn make_old(state: &Path) {
    let document = fs::read_to_string(state.join("saved")).expect("a document");
    let (_, body) = document.split_once('\n').expect("two lines");
    let mut saved: Value = serde_json::from_str(body).expect("JSON");
    let mut whole = Vec::new();
    for name in BODIES {
        let place = saved[name].as_object_mut().expect("an object");
        let list = place.remove("list").expect("a list of parts");
        let list = fs::read_to_string(state.join("bodies").join(list.as_str().expect("a name")));
        let part = |name| fs::read(state.join("bodies").join(name)).expect("a part");
        let body = list.expect("a list").lines().map(part).collect::<Vec<_>>().concat();
        let hash = blake3::hash(&body).to_hex().to_string();
        place.insert("hash".into(), hash.clone().into());
        if name != "ledger" {
            place.remove("answers").expect("the answers in the body");
            place.insert("etag".into(), "\"old\"".into());
        }
        whole.push((hash, body));
    }
    fs::remove_dir_all(state.join("bodies")).expect("removed");
    fs::create_dir(state.join("bodies")).expect("created");
    for (hash, body) in whole {
        fs::write(state.join("bodies").join(hash), body).expect("written");
    }
    let body = saved.to_string();
    let head = format!("movies-gen saved 1 {}", blake3::hash(body.as_bytes()).to_hex());
    fs::write(state.join("saved"), format!("{head}\n{body}")).expect("written");
}

#[test]
fn a_state_directory_with_whole_bodies_is_read_and_replaced() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    for score in ["2", "3"] {
        upstream.set("/films", Answer::json(&scored(score)));
        site.build_once().well();
    }
    let state = site.path(".movies-gen");
    make_old(&state);
    upstream.set("/films", Answer::new(500, "oops"));
    fs::remove_dir_all(site.out()).expect("removed");
    let server = site.serve().ready();
    assert!(shows(&server, "3"), "the stored payload was not read");
    let slug = "movies/the-lamp-keeper/";
    assert!(server.get("/changes/").text().contains(slug), "the stored ledger was not read");
    upstream.set("/films", Answer::json(&scored("4")));
    wait_until("newer data", || shows(&server, "4"));
    let names: Vec<_> = fs::read_dir(state.join("bodies")).expect("parts").flatten().collect();
    assert!(names.iter().all(|entry| entry.file_name().len() == 40), "{names:?}");
}

#[test]
#[ignore = "needs redis-server"]
fn a_payload_with_whole_bodies_in_redis_is_read_and_replaced() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let replica = || Site::eager(&upstream).with(&["--redis", &redis.url()]);
    upstream.set("/films", Answer::json(&scored("3")));
    replica().build_once().well();
    for field in BODIES {
        let body = redis.body(field);
        redis.put("last-good", field, &body);
    }
    for field in ["films_etag", "people_etag"] {
        assert!(redis.fields("last-good")[field].starts_with('['), "the answers in the body");
        redis.put("last-good", field, "\"old\"");
    }
    redis.put_version(1);
    upstream.set("/films", Answer::new(500, "oops"));
    let server = replica().serve().ready();
    wait_until("the stored data", || shows(&server, "3"));
    upstream.set("/films", Answer::json(&scored("4")));
    wait_until("newer data", || shows(&server, "4"));
    wait_until("the new layout", || redis.fields("last-good")["version"] == "2");
    assert!(redis.body("films").contains("\"4\""));
}

#[test]
#[ignore = "needs redis-server"]
fn a_user_of_redis_with_the_rights_of_an_earlier_version_is_enough() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let rights = RIGHTS.replace(" +pttl +persist", "");
    assert_ne!(rights, RIGHTS);
    let url = redis.url_of_a_user(&format!("{rights} {RIGHT_TO_HEAR}"));
    let replica = || Site::eager(&upstream).with(&["--redis", &url]).serve().ready();
    let servers = [replica(), replica()];
    upstream.set("/films", Answer::json(&scored("4")));
    for server in &servers {
        wait_until("newer data", || shows(server, "4"));
        assert!(!server.log().contains("Redis cannot be used"), "{}", server.log());
    }
    // A part that only an earlier payload had expires within an hour.
    let saved = redis.fields("last-good");
    let names = ["films", "people", "ledger"].iter().flat_map(|body| saved[*body].lines());
    let keys = redis.keys();
    for name in names {
        let part = keys.iter().find(|key| key.ends_with(&format!(":part:{name}"))).expect("a part");
        let left: i64 = redis.ask(redis::cmd("PTTL").arg(part));
        assert!(left > 300 * 24 * 60 * 60 * 1_000, "{left} ms");
    }
}

/// Films with texts that are all different, as a payload of about five megabytes.
fn many_films(first: &str) -> Value {
    let film = |number: u64| {
        let word = |word: u64| (number * 7_919_993 + word * 104_729_231).to_string();
        let text: Vec<_> = (0..600).map(word).collect();
        let title = if number == 500 { first.to_owned() } else { format!("Film {number}") };
        json!({"id": number.to_string(), "title": title, "description": text.join(" ")})
    };
    (0..900).map(film).collect()
}

#[test]
#[ignore = "needs redis-server"]
fn a_change_of_one_film_moves_only_the_change_through_redis() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    upstream.set("/films", Answer::json(&many_films("Before")));
    let replica = || {
        let times = ["--interval", "3s", "--max-age", "30s"];
        Site::of(&upstream).with(&times).with(&["--redis", &redis.url()]).serve().ready()
    };
    let servers = [replica(), replica()];
    let titled = |server: &Running, title: &str| server.get("/movies.json").text().contains(title);
    servers.iter().for_each(|server| wait_until("the data", || titled(server, "Before")));
    let parts = || redis.keys().into_iter().filter(|key| key.contains(":part:")).count();
    let lasting = || {
        let keys = redis.keys().into_iter().filter(|key| key.contains(":part:"));
        keys.filter(|key| redis.ask::<i64>(redis::cmd("PTTL").arg(key)) == -1).count()
    };
    wait_until("parts that stay", || parts() > 40 && lasting() == parts());
    let moved = || {
        let stats: String = redis.ask(redis::cmd("INFO").arg("stats"));
        let number = |name: &str| {
            let line = stats.lines().find_map(|line| line.strip_prefix(name)).expect("a number");
            line.parse::<u64>().expect("a number")
        };
        number("total_net_input_bytes:") + number("total_net_output_bytes:")
    };
    let (before, whole) = (moved(), redis.body("films").len() as u64);
    // The body that was just read was moved too.
    let before = before + whole;
    upstream.set("/films", Answer::json(&many_films("After")));
    servers.iter().for_each(|server| wait_until("the change", || titled(server, "After")));
    let change = moved() - before;
    assert!(change < whole / 4, "{change} bytes were moved for one film of {whole} bytes");
    wait_until("the old parts to expire", || lasting() < parts());
}

/// Documents of the program below a directory.
fn documents(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("standby") && !path.ends_with("bodies") {
            found.extend(documents(&path));
        } else if fs::read(&path).is_ok_and(|bytes| bytes.starts_with(b"movies-gen ")) {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_file_of_a_newer_version_is_left_alone_and_named() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    upstream.set_both(&Answer::json(&json!([])));
    let refused = site.build_once().with_code(1);
    assert!(refused.contains("movies-gen accept"), "{refused}");
    site.run(&["accept"]).well();
    // `serve` keeps files that `build once` does not.
    let server = site.serve();
    server.wait_for_line("serving http");
    drop(server.terminate());
    let own = [site.path(".movies-gen"), site.out().join(".movies-gen")];
    let all: Vec<_> = own.iter().flat_map(|directory| documents(directory)).collect();
    let names: Vec<_> = all.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    for name in ["upstream", "attempt", "saved", "mapping", "history", "accepted", "manifest"] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    for path in all {
        let whole = fs::read(&path).expect("a document");
        let head = whole.iter().position(|&b| b == b'\n').expect("a first line");
        let mut words: Vec<_> = whole[..head].split(|&b| b == b' ').collect();
        words[2] = b"77";
        let newer = [&words.join(&b' '), &whole[head..]].concat();
        fs::write(&path, &newer).expect("written");
        for command in ["build", "accept"] {
            let log = site.run(&[command]).with_code(2);
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            assert!(
                log.contains(&format!("{name} has version 77; this program knows version")),
                "{log}"
            );
        }
        assert!(fs::read(&path).expect("a document") == newer, "{} was changed", path.display());
        fs::write(&path, &whole).expect("written");
    }
    site.build_once().well();
}
