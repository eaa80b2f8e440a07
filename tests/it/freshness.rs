//! Promise 2: while the upstream answers, no page that `serve` answers is older than
//! `--max-age`. Promise 3 where promise 2 cannot be kept.
//!
//! [`crate::chaos`] checks the promise under load and with every kind of fault. Each test in this
//! file needs a special setup.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Utc};
use rustix::process::Signal;
use serde_json::Value;

use crate::fixture::{
    Answer, Nginx, PATIENCE, Response, Running, Site, Upstream, contents, films, get, wait_until,
};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Returns the films, with another description of one film.
fn changed() -> Value {
    let mut films = films();
    films[0]["description"] = "Changed.".into();
    films
}

fn as_of(response: &Response) -> SystemTime {
    let named = DateTime::parse_from_rfc3339(response.expect("x-data-as-of"));
    DateTime::<Utc>::from(named.expect("a time")).into()
}

/// Waits until this moment, because a test needs a state at this time.
fn pass_until(moment: SystemTime) {
    std::thread::sleep(moment.duration_since(SystemTime::now()).unwrap_or_default());
}

#[test]
fn crawlers_at_the_end_of_the_interval_cause_one_fetch_and_one_render() {
    let upstream = Upstream::start();
    // On a busy machine, a build takes seconds. The site is built before, because the first build
    // takes longest.
    let times = ["--interval", "10s", "--max-age", "10s", "--hold", "9900ms"];
    let site = Site::of(&upstream).with(&times);
    site.build_once().well();
    let server = site.serve().ready();
    let before = server.get("/");
    // Files with a hash in their name are never too old.
    let paths: Vec<_> = contents(&server.site.out())
        .into_keys()
        .filter(|path| !path.starts_with("assets/") && !path.starts_with('.'))
        .filter(|path| ![".gz", ".br"].iter().any(|form| path.ends_with(form)))
        .map(|path| format!("/{}", path.strip_suffix("index.html").unwrap_or(&path)))
        .collect();
    assert!(paths.len() > 20, "{paths:?}");
    upstream.set("/films", Answer::json(&changed()).late(ms(300)));
    pass_until(as_of(&before) + ms(9950));
    let generations: BTreeSet<_> = std::thread::scope(|scope| {
        let share = paths.len().div_ceil(4);
        let crawlers = paths.chunks(share).map(|paths| {
            let load = |path: &String| server.get(path).expect("x-generation").to_owned();
            scope.spawn(move || paths.iter().map(load).collect::<BTreeSet<_>>())
        });
        let crawlers: Vec<_> = crawlers.collect();
        crawlers.into_iter().flat_map(|crawler| crawler.join().expect("a crawler")).collect()
    });
    assert_eq!(generations.len(), 1, "all pages must be of the same generation");
    assert!(!generations.contains(before.expect("x-generation")), "the old generation was sent");
    assert_eq!(upstream.asked(), (2, 2));
    let rendered = || server.log().matches("outcome=changed").count();
    wait_until("the log line of the refresh", || rendered() >= 1);
    assert_eq!(rendered(), 1, "{}", server.log());
}

#[test]
fn at_the_start_requests_wait_for_newer_data_instead_of_an_old_payload() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream).with(&["--hold", "900ms"]);
    site.build_once().well();
    pass_until(SystemTime::now() + ms(1050));
    upstream.set("/films", Answer::json(&changed()).late(ms(200)));
    let server = site.serve();
    let mut first = server.get("/movies/the-lamp-keeper/");
    while first.status == 503 {
        first = server.get("/movies/the-lamp-keeper/");
    }
    assert!(first.text().contains("Changed."), "the old page was answered: {first:?}");
    assert_eq!(upstream.asked(), (2, 2));
}

#[test]
#[ignore = "needs nginx"]
fn a_film_that_appears_and_disappears_is_shown_correctly_at_every_step_also_through_nginx() {
    let upstream = Upstream::start();
    let times = ["--interval", "2s", "--max-age", "2s", "--hold", "1900ms"];
    let server = Site::of(&upstream).with(&times).serve().ready();
    let nginx = Nginx::with(|address, _| proxy(address, &server));
    let with = {
        let mut films = films();
        let film = serde_json::json!({"id": "f-guest", "title": "A Guest", "people": []});
        films.as_array_mut().expect("a list").push(film);
        films
    };
    for there in [false, true, false, true, false] {
        let films = if there { with.clone() } else { films() };
        upstream.set("/films", Answer::json(&films));
        // One interval after the change, each load must show the change.
        pass_until(SystemTime::now() + ms(2000));
        for address in [server.address, nginx.address, server.address, nginx.address] {
            let page = get(address, "/movies/a-guest/");
            assert_eq!(page.status, if there { 200 } else { 404 }, "{page:?}");
            let list = get(address, "/");
            assert_eq!(list.text().contains("A Guest"), there);
        }
    }
}

/// Returns the configuration of the proxy in `deploy/nginx.conf` in front of this server.
fn proxy(address: std::net::SocketAddr, server: &Running) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/nginx.conf");
    let text = fs::read_to_string(file).expect("the configuration");
    let (_, proxy) = text.split_once("upstream movies_gen").expect("the proxy");
    let proxy = proxy.replace("127.0.0.1:8000", &server.address.to_string());
    format!("upstream movies_gen{}", proxy.replace("listen 80;", &format!("listen {address};")))
}

#[test]
fn the_first_load_after_a_stopped_process_continues_is_held_and_fresh() {
    let upstream = Upstream::start();
    // Loads are held only if a refresh takes less than `--hold`, also on a busy machine. The site is
    // built before, because the first build takes longest.
    let arguments = ["--interval", "10s", "--max-age", "10s", "--hold", "9900ms"];
    let site = Site::of(&upstream).with(&arguments);
    site.build_once().well();
    let server = site.serve().ready();
    let before = as_of(&server.get("/"));
    // Stop the server between two refreshes.
    server.halt();
    upstream.set("/films", Answer::json(&changed()).late(ms(200)));
    pass_until(before + ms(12_000));
    // The refresh may begin before the load is sent.
    let continued = Instant::now();
    server.go_on();
    let first = server.get("/movies/the-lamp-keeper/");
    assert!(first.text().contains("Changed."), "the old page was answered: {first:?}");
    assert!(continued.elapsed() >= ms(150), "the answer came before the new data");
}

#[test]
fn the_first_load_after_five_minutes_of_sleep_is_held_and_fresh() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    upstream.set("/films", Answer::json(&changed()).late(ms(200)));
    let server = site.serve_after_sleep(300);
    let mut first = server.get("/movies/the-lamp-keeper/");
    while first.status == 503 {
        first = server.get("/movies/the-lamp-keeper/");
    }
    assert!(first.text().contains("Changed."), "the old page was answered: {first:?}");
    assert!(first.expect("age").parse::<u32>().expect("seconds") < 60, "{first:?}");
    assert_eq!(upstream.asked(), (2, 2));
}

/// A site whose process was killed during the second refresh.
struct Killed {
    upstream: Upstream,
    site: Site,
    /// The origin time of the data of the first refresh.
    as_of: SystemTime,
    at: Instant,
}

/// The content of the state directory at the time of the kill.
#[derive(PartialEq, Eq)]
struct State {
    attempt: Vec<u8>,
    saved: Vec<u8>,
    bodies: usize,
}

impl State {
    fn of(site: &Site) -> State {
        let read = |name: &str| fs::read(site.path(".movies-gen").join(name)).expect("a file");
        let bodies = fs::read_dir(site.path(".movies-gen/bodies")).expect("a directory");
        State { attempt: read("attempt"), saved: read("saved"), bodies: bodies.count() }
    }
}

impl Killed {
    /// Makes a site whose process was killed when `is_time` was true, and tries again if
    /// `is_too_late` was true by then. Both functions get the state before the refresh and the
    /// current state.
    fn when(
        second: &Answer,
        is_time: impl Fn(&State, &State, &Upstream) -> bool,
        is_too_late: impl Fn(&State, &State, &Upstream) -> bool,
    ) -> Killed {
        for _ in 0..50 {
            let upstream = Upstream::start();
            let site = Site::of(&upstream);
            let often = site.with(&["--interval", "400ms", "--max-age", "400ms"]);
            often.build_once().well();
            let told = site.json("freshness.json")["as_of"].as_str().map(str::to_owned);
            let as_of = DateTime::parse_from_rfc3339(&told.expect("a text")).expect("a time");
            upstream.set("/films", second.clone());
            let before = State::of(&site);
            let build = often.start_build();
            // The right moment may have passed between two looks.
            wait_closely(|| {
                let now = State::of(&site);
                is_time(&before, &now, &upstream) || is_too_late(&before, &now, &upstream)
            });
            build.signal(Signal::KILL);
            let at = Instant::now();
            let _ = build.ended();
            if !is_too_late(&before, &State::of(&site), &upstream) {
                let as_of = DateTime::<Utc>::from(as_of).into();
                return Killed { upstream, site, as_of, at };
            }
        }
        panic!("no kill hit the moment");
    }

    /// Asserts that the next start shows the stored data with its true age, and sends no request
    /// until one interval after the killed attempt.
    fn has_spent_its_interval(&self) {
        let asked = self.upstream.asked();
        self.upstream.recover();
        let times = ["--interval", "2s", "--max-age", "2s", "--hold", "300ms"];
        let server = self.site.with(&times).serve().ready();
        let shown = server.get("/");
        let is_asked_again = self.upstream.asked() != asked;
        assert!(is_asked_again || as_of(&shown) == self.as_of, "{shown:?}");
        self.upstream.wait_until_asked(asked.0.max(asked.1) + 1);
        // The kill came shortly after the claim. The request of the claim may leave up to a lease
        // later.
        let next = &self.upstream.asked_for("/films")[asked.0];
        let waited = next.at.duration_since(self.at);
        assert!(waited > ms(1800), "asked again after {waited:?}");
        wait_until("the next data", || as_of(&server.get("/")) > self.as_of);
    }
}

/// Waits without pauses for a state that lasts only a moment.
fn wait_closely(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain for the moment of the kill");
        std::hint::spin_loop();
    }
}

#[test]
fn a_kill_between_the_claim_and_the_request_spends_the_interval() {
    let killed = Killed::when(
        &Answer::json(&films()),
        |before, now, _| now.attempt != before.attempt,
        |_, _, upstream| upstream.asked() != (1, 1),
    );
    killed.has_spent_its_interval();
}

#[test]
fn a_kill_between_the_request_and_the_answer_spends_the_interval() {
    let killed = Killed::when(
        &Answer::new(200, "[]").never(),
        |_, _, upstream| upstream.asked() == (2, 2),
        |_, _, _| false,
    );
    killed.has_spent_its_interval();
}

#[test]
fn a_kill_between_the_answer_and_its_save_spends_the_interval() {
    let killed = Killed::when(
        &Answer::json(&changed()),
        |before, now, _| now.bodies > before.bodies,
        |before, now, _| now.saved != before.saved,
    );
    killed.has_spent_its_interval();
}
