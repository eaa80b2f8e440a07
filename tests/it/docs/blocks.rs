//! Every command and every configuration in the documents works.
//!
//! The convention is in the module above.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::markdown::{Block, blocks, documents, read};
use crate::fixture::{Answer, Nginx, Process, Redis, Site, Upstream, get};

/// Lines of `sh` blocks that no test runs, and why.
const NOT_RUN: [(&str, &str); 16] = [
    ("docker compose -f deploy/compose.yaml up --build", "needs a container engine"),
    ("cp movies-gen /usr/local/bin/", "needs root"),
    ("systemd-sysusers deploy/debian/sysusers.conf", "needs root"),
    ("mkdir -p /etc/movies-gen", "needs root"),
    ("movies-gen init /etc/movies-gen/movies-gen.toml", "needs root"),
    ("cp deploy/systemd/movies-gen@.service /etc/systemd/system/", "needs root"),
    (
        "systemctl enable --now redis-server movies-gen@8001 movies-gen@8002",
        "needs root and a running systemd",
    ),
    ("movies-gen serve --mapping swapi", "needs the internet"),
    ("export JELLYFIN_API_KEY=…", "the key of a server"),
    ("movies-gen serve --mapping jellyfin --upstream http://127.0.0.1:8096", "needs Jellyfin"),
    ("export RADARR_API_KEY=…", "the key of a server"),
    ("movies-gen serve --mapping radarr --upstream http://127.0.0.1:7878", "needs Radarr"),
    ("export DIRECTUS_TOKEN=…", "the token of a server"),
    ("movies-gen serve --mapping directus --upstream http://127.0.0.1:8055", "needs Directus"),
    ("export POCKETBASE_TOKEN=…", "the token of a server"),
    ("movies-gen serve --mapping pocketbase --upstream http://127.0.0.1:8090", "needs PocketBase"),
];

/// Languages whose blocks are not checked, and why.
const NOT_CHECKED: [(&str, &str); 1] = [("text", "drawings")];

/// The address of Redis in the documents.
const REDIS: &str = "redis://127.0.0.1/";

#[test]
fn every_block_is_in_a_language_that_a_test_checks() {
    let checked = ["sh", "toml", "html", "json", "nginx", "redis"];
    for block in documents().iter().flat_map(|document| document.blocks()) {
        let language = block.language.as_str();
        let is_known =
            checked.contains(&language) || NOT_CHECKED.iter().any(|(l, _)| *l == language);
        assert!(is_known, "{}: no test checks {language:?}", block.place);
    }
}

#[test]
fn every_line_that_is_not_run_is_in_a_document() {
    let blocks = blocks(&["sh"]);
    for (line, _) in NOT_RUN {
        assert!(blocks.iter().any(|block| lines(block).contains(&line)), "{line} is nowhere");
    }
}

#[test]
fn every_command_works() {
    let mut count = 0;
    for document in documents() {
        // A reader goes through a document in one directory.
        let scene = Scene::set();
        let blocks = document.blocks().into_iter().filter(|block| block.language == "sh");
        for block in blocks.filter(|block| !block.text.contains(REDIS)) {
            count += scene.run(&block, None);
        }
    }
    assert!(count >= 15, "only {count} commands were run");
}

#[test]
#[ignore = "needs redis-server"]
fn every_command_with_a_redis_works() {
    let redis = Redis::start();
    let with_redis: Vec<_> =
        blocks(&["sh"]).into_iter().filter(|block| block.text.contains(REDIS)).collect();
    assert!(!with_redis.is_empty());
    for block in with_redis {
        let _ = Scene::set().run(&block, Some(&redis));
        assert!(!redis.keys().is_empty(), "{}: nothing is in Redis", block.place);
    }
}

/// Commands of a block, without comments.
fn lines(block: &Block) -> Vec<&str> {
    let lines = block.text.lines().map(|line| line.split(" #").next().unwrap_or(line).trim());
    lines.filter(|line| !line.is_empty()).collect()
}

/// A site that was built once, and its upstream.
struct Scene {
    upstream: Upstream,
    site: Site,
}

impl Scene {
    fn set() -> Scene {
        let (upstream, site) = (Upstream::start(), Site::new());
        let settings = format!(
            "upstream = \"{}\"\nlisten = \"127.0.0.1:0\"\ninterval = \"200ms\"\n",
            upstream.url()
        );
        site.write("movies-gen.toml", settings);
        site.write("demo.toml", "listen = \"127.0.0.1:0\"\ninterval = \"200ms\"\n");
        let _ = site.build_once().well();
        Scene { upstream, site }
    }

    /// Runs the lines of a block one after the other; gives how many there are.
    fn run(&self, block: &Block, redis: Option<&Redis>) -> usize {
        for line in lines(block) {
            let place = format!("{}: {line}", block.place);
            if NOT_RUN.iter().any(|(known, _)| *known == line) {
                continue;
            }
            let line = redis.map_or(line.to_owned(), |redis| line.replace(REDIS, &redis.url()));
            // A small catalogue shows the same as a large catalogue.
            let line = line.replace("0000", "0");
            let mut words: Vec<_> = line.split_whitespace().collect();
            if words.iter().any(|word| word.starts_with("--demo")) {
                words.extend(["--config", "demo.toml"]);
            }
            match words.split_first() {
                Some((&"make", targets)) => make(targets, &place),
                Some((&"movies-gen", words)) => self.movies_gen(words, &place),
                _ => panic!("{place}: no test can run this; NOT_RUN needs the reason"),
            }
        }
        lines(block).len()
    }

    fn movies_gen(&self, words: &[&str], place: &str) {
        let Scene { upstream, site } = self;
        match words {
            ["serve", ..] | ["build", "loop", ..] => {
                let process = Process::start(&mut site.command(words));
                let _ = process.wait_for_line("refreshed");
                process.signal(Signal::TERM);
                let (status, log) = process.ended();
                assert_eq!(status.code(), Some(0), "{place}\n{log}");
            }
            ["accept", ..] => {
                upstream.set_both(&Answer::json(&json!([])));
                let refused = site.build_once().with_code(1);
                assert!(refused.contains("movies-gen accept"), "{place}\n{refused}");
                let _ = site.run(words).well();
                upstream.recover();
            }
            _ => {
                let ended = site.run(words);
                assert_eq!(ended.code, Some(0), "{place}\n{}{}", ended.out, ended.log);
            }
        }
    }
}

/// Checks that the Makefile has these targets.
fn make(words: &[&str], place: &str) {
    let makefile = read("Makefile");
    for target in words.iter().filter(|word| !word.contains('=')) {
        let is_there = makefile.lines().any(|line| line.starts_with(&format!("{target}:")));
        assert!(is_there, "{place}: there is no such target");
    }
}

#[test]
fn every_configuration_file_is_accepted() {
    let blocks = blocks(&["toml"]);
    assert!(!blocks.is_empty());
    for block in blocks {
        let site = Site::new();
        site.write("movies-gen.toml", &block.text);
        let ended = site.run(&["check"]);
        assert_eq!(ended.code, Some(0), "{}\n{}", block.place, ended.log);
    }
}

#[test]
fn every_template_renders_and_is_used() {
    let blocks = blocks(&["html"]);
    assert!(!blocks.is_empty());
    for block in blocks {
        let site = Site::new();
        site.write(&format!("theme/{}", block.name), &block.text);
        let ended = site.run(&["check", "--templates", "theme"]);
        assert_eq!(ended.code, Some(0), "{}\n{}", block.place, ended.log);
        assert!(!ended.out.contains("Passed over"), "{}\n{}", block.place, ended.out);
    }
}

#[test]
fn every_document_of_the_site_has_the_fields_that_are_told() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    let _ = site.build_once().well();
    let blocks = blocks(&["json"]);
    let published = blocks.iter().filter(|block| !block.name.starts_with('/'));
    assert!(published.clone().count() > 0);
    for block in published {
        let told: Value = serde_json::from_str(&block.text).expect("JSON");
        assert_eq!(shape(&told), shape(&site.json(&block.name)), "{}", block.place);
    }
}

#[test]
fn the_answers_of_the_api_in_the_documents_are_read_without_a_problem() {
    let upstream = Upstream::start();
    let blocks = blocks(&["json"]);
    let answers = blocks.iter().filter(|block| block.name.starts_with('/'));
    for block in answers.clone() {
        let records: Value = serde_json::from_str(&block.text).expect("JSON");
        upstream.set(&block.name, Answer::json(&records));
    }
    assert_eq!(answers.count(), 2, "one answer for each list");
    let site = Site::of(&upstream);
    let log = site.build_once().well();
    assert!(!log.contains("problems in the data"), "{log}");
    assert_eq!(site.json("movies.json")[0]["people"][0]["name"], "Ida Frost");
}

/// The fields of a document and the types of their values.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect()
        }
        Value::Array(values) => values.iter().map(shape).collect(),
        Value::String(_) => json!("text"),
        Value::Number(_) => json!(0),
        Value::Bool(_) => json!(true),
        Value::Null => Value::Null,
    }
}

#[test]
#[ignore = "needs nginx"]
fn every_nginx_configuration_serves_the_site() {
    let upstream = Upstream::start();
    let server = Site::of(&upstream).serve().ready();
    let blocks = blocks(&["nginx"]);
    assert!(blocks.len() >= 3);
    for block in blocks {
        let nginx = Nginx::with(|address, _| {
            block
                .text
                .replace("listen 80;", &format!("listen {address};"))
                .replace("/srv/films/public", server.site.out().to_str().expect("text"))
                .replace("127.0.0.1:8000", &server.address.to_string())
        });
        let page = get(nginx.address, "/");
        assert_eq!((page.status, page.body), (200, server.get("/").body), "{}", block.place);
        for path in ["/nowhere", "/.movies-gen/manifest"] {
            assert_eq!(get(nginx.address, path).status, 404, "{}: {path}", block.place);
        }
    }
}

#[test]
#[ignore = "needs redis-server"]
fn the_redis_commands_make_a_user_with_enough_rights() {
    let blocks = blocks(&["redis"]);
    assert!(!blocks.is_empty());
    for block in blocks {
        let redis = Redis::start();
        for line in block.text.lines() {
            let mut words = line.split_whitespace();
            let mut command = redis::cmd(words.next().expect("a command"));
            let () = redis.ask(command.arg(words.collect::<Vec<_>>()));
        }
        let upstream = Upstream::start();
        let url = format!("{}?user=films&pass=0pen-sesame", redis.url());
        let public = ["--site-url", "https://films.example/"];
        let log = Site::of(&upstream).with(&public).with(&["--redis", &url]).build_once().well();
        assert!(!log.contains("cannot be used") && !log.contains("WARN"), "{}\n{log}", block.place);
        assert!(!redis.keys().is_empty(), "{}: nothing is in Redis", block.place);
    }
}
