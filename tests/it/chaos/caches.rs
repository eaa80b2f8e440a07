//! Caches in front of the server, with the configurations in `deploy/`: no page is older than
//! `--max-age`, and each page costs at most one request in each interval.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::history::{Epoch, Stamp};
use super::upstream::{Act, Scripted};
use crate::fixture::{Nginx, Process, Running, Site, ask, found, free_address, write};

/// Time between two refreshes. A cache keeps pages for whole seconds, so one second would be too short.
const INTERVAL: Duration = Duration::from_secs(4);
/// A promised age that gives a cache the time to fetch newer data before the bound.
const LONG_AGE: Duration = Duration::from_secs(9);
/// Number of refreshes during the loads.
const ROUNDS: u32 = 6;
/// The codings that the visitors of each page accept, who come at the same time.
const CODINGS: [&str; 6] = ["", "gzip", "gzip, deflate, br", "br", "identity", "gzip, deflate"];
/// Pages that are loaded.
const PATHS: [&str; 3] = ["/", "/movies.json", "/people/"];

fn deployed(name: &str, server: SocketAddr) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name);
    std::fs::read_to_string(path)
        .expect("a configuration")
        .replace("127.0.0.1:8000", &server.to_string())
}

fn nginx(server: SocketAddr) -> (Nginx, SocketAddr) {
    let nginx = Nginx::with(|address, directory| {
        let second = free_address();
        deployed("nginx-cache.conf", server)
            .replace("127.0.0.1:8081", &second.to_string())
            .replace("/var/cache/nginx", &directory.display().to_string())
            .replace("listen 80;", &format!("listen {address};"))
    });
    let address = nginx.address;
    (nginx, address)
}

fn varnish(server: SocketAddr) -> ((Process, TempDir), SocketAddr) {
    let (address, directory) = (free_address(), tempfile::tempdir().expect("a directory"));
    let file = directory.path().join("site.vcl");
    let port = format!(".port = \"{}\"", server.port());
    write(&file, deployed("varnish.vcl", server).replace(".port = \"8000\"", &port));
    let mut command = Command::new("varnishd");
    command.args(["-F", "-j", "none", "-s", "malloc,10m", "-a", &address.to_string()]);
    command.arg("-f").arg(&file).arg("-n").arg(directory.path().join("work"));
    let process = Process::start(&mut command);
    found("Varnish", || TcpStream::connect(address).ok());
    ((process, directory), address)
}

/// Loads the pages through a cache for some refreshes, and returns how often the server was asked for
/// each page.
fn requests_through<C>(
    cache: impl FnOnce(SocketAddr) -> (C, SocketAddr),
    max_age: Duration,
) -> BTreeMap<String, u32> {
    let epoch = Epoch::begin();
    let upstream = Scripted::start(vec![Act::Change], epoch);
    let url = format!("http://{}", upstream.address());
    let [interval, age] = [INTERVAL, max_age].map(|time| format!("{}s", time.as_secs()));
    let times = ["--interval", &interval, "--max-age", &age];
    let site = Site::in_memory().with(&["--upstream", &url]).with(&times);
    let site = site.with(&["--hold", "3s", "--access-log", "log", "--access-log-format", "json"]);
    let server: Running = site.serve().ready();
    let (cache, address) = cache(server.address);
    let rounds = upstream.rounds();
    std::thread::scope(|scope| {
        for (path, coding) in
            PATHS.into_iter().flat_map(|path| CODINGS.map(|coding| (path, coding)))
        {
            let upstream = &upstream;
            scope.spawn(move || {
                // Visitors who leave before the answer comes cost nothing.
                while upstream.rounds() < rounds + ROUNDS / 2 {
                    if coding.is_empty() {
                        leave_early(address, path);
                    }
                    std::thread::sleep(Duration::from_millis(50));
                }
                let mut loads = 0;
                while upstream.rounds() < rounds + ROUNDS {
                    let answer = ask(address, "GET", path, &[("Accept-Encoding", coding)]);
                    let now = epoch.now();
                    assert_eq!(answer.status, 200, "{answer:?}");
                    let used = answer.header("content-encoding").unwrap_or("identity");
                    assert!(used == "identity" || coding.contains(used), "{coding}: {answer:?}");
                    let text = String::from_utf8(answer.decoded()).expect("text");
                    let made = Stamp::all_in(&text).iter().map(|stamp| stamp.made).min();
                    let age = now.since(made.expect("a stamp"));
                    assert!(age <= max_age, "{path} was {age:?} old: {:?}", answer.headers);
                    loads += 1;
                }
                assert!(loads > 100, "{loads} loads");
            });
        }
    });
    let (site, (code, _)) = (server.site.clone(), server.terminate());
    assert_eq!(code, Some(0));
    drop(cache);
    let mut asked = BTreeMap::new();
    for line in std::fs::read_to_string(site.path("log")).expect("a log").lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let target = line["target"].as_str().expect("a target").to_owned();
        *asked.entry(target).or_default() += 1;
    }
    asked
}

/// Asks for a page, and closes the connection before the answer if the answer must wait.
fn leave_early(address: SocketAddr, path: &str) {
    let mut stream = TcpStream::connect(address).expect("a connection");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: site.example\r\n\r\n").expect("sent");
    std::thread::sleep(Duration::from_millis(5));
}

/// Asserts that the server was asked at most once for each page and refresh.
fn assert_few(asked: &BTreeMap<String, u32>) {
    for path in PATHS {
        let asked = asked.get(path).copied().unwrap_or_default();
        // The loads begin and end in the middle of a refresh. With a long age, a cache leaves a refresh
        // out now and then.
        let (least, most) = (ROUNDS / 2, ROUNDS + 2);
        assert!((least..=most).contains(&asked), "{path}: {asked} requests, at most {most}");
    }
}

#[test]
#[ignore = "needs nginx"]
fn nginx_keeps_pages_within_their_age_and_asks_once_for_each() {
    assert_few(&requests_through(nginx, INTERVAL));
}

#[test]
#[ignore = "needs nginx"]
fn nginx_asks_once_for_each_page_if_the_age_leaves_time_for_the_next_version() {
    assert_few(&requests_through(nginx, LONG_AGE));
}

#[test]
#[ignore = "needs Varnish"]
fn varnish_keeps_pages_within_their_age_and_asks_once_for_each() {
    assert_few(&requests_through(varnish, INTERVAL));
}
