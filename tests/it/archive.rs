//! An archive of 10,000 films: a visitor follows every link and searches while films change.

use std::collections::{HashSet, VecDeque};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::fixture::{Browser, Running, Site, get, links};

const FILMS: usize = 10_000;
const PEOPLE: usize = 3_000;
/// Largest size of a file of the search index, in bytes.
const LARGEST_SEARCH_FILE: f64 = 65_536.0;
/// Largest size of a file of the site, in bytes.
const LARGEST_FILE: usize = 256_000;
/// Number of visitors who follow links at the same time.
const VISITORS: usize = 2;

/// Serves a site of an archive that is built already.
fn archive() -> (Site, Running) {
    let site = Site::in_memory();
    let (films, people) = (FILMS.to_string(), PEOPLE.to_string());
    let size = ["--films", &films, "--people", &people, "--out", "archive"];
    site.run(&[&["demo-data"], &size[..]].concat()).with_code(0);
    let site = site.with(&["--demo-from", "archive", "--max-bytes", "200MiB"]);
    site.build_once().well();
    let server = site.with(&["--interval", "2s", "--max-age", "60s"]).serve().ready();
    (site, server)
}

/// Gives another film another score again and again, until `is_over`. Returns the number of edits.
fn edit(films: &Path, is_over: &AtomicBool) -> usize {
    let mut edits = 0;
    while !is_over.load(Ordering::Relaxed) {
        let text = fs::read_to_string(films).expect("the films");
        // Each line has one film.
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        let line = &mut lines[1 + edits * 37 % FILMS];
        let start = line.find("\"rt_score\":").expect("a score") + 11;
        let end = start + line[start..].find(['}', ',']).expect("the end of the score");
        line.replace_range(start..end, &format!("\"{}\"", 10 + edits % 80));
        let edited = lines.join("\n");
        let new = films.with_extension("new");
        fs::write(&new, edited).expect("written");
        fs::rename(&new, films).expect("renamed");
        edits += 1;
        thread::sleep(Duration::from_secs(1));
    }
    edits
}

/// The links that are followed: links that wait, links that were met, and visitors at work.
#[derive(Default)]
struct Links {
    waiting: VecDeque<String>,
    met: HashSet<String>,
    busy: usize,
}

/// Follows all links from the first page on. Returns the paths.
fn crawl(server: &Running) -> HashSet<String> {
    let links = Mutex::new(Links::default());
    let lock = || links.lock().unwrap_or_else(PoisonError::into_inner);
    lock().waiting.push_back("/".to_owned());
    lock().met.insert("/".to_owned());
    let address = server.address;
    let visit = || loop {
        let next = {
            let mut links = lock();
            let next = links.waiting.pop_front();
            links.busy += usize::from(next.is_some());
            next
        };
        let Some(path) = next else {
            if lock().busy == 0 {
                return;
            }
            thread::sleep(Duration::from_millis(5));
            continue;
        };
        let answer = get(address, &path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body.len() <= LARGEST_FILE, "{path} has {} bytes", answer.body.len());
        let is_page = answer.expect("content-type").starts_with("text/html");
        let found = if is_page { followed(answer.text()) } else { Vec::new() };
        let mut links = lock();
        for path in found {
            if links.met.insert(path.clone()) {
                links.waiting.push_back(path);
            }
        }
        links.busy -= 1;
    };
    thread::scope(|scope| {
        let visitors: Vec<_> = (0..VISITORS).map(|_| scope.spawn(visit)).collect();
        for visitor in visitors {
            visitor.join().expect("a visitor who found no fault");
        }
    });
    links.into_inner().unwrap_or_else(PoisonError::into_inner).met
}

/// Returns the addresses of this site in a page, without query and fragment.
fn followed(page: &str) -> Vec<String> {
    let links = links(page).into_iter();
    let own = links.filter(|link| link.starts_with('/') && !link.starts_with("//"));
    own.filter_map(|link| link.split(['?', '#']).next().map(str::to_owned)).collect()
}

#[test]
#[ignore = "needs chromium"]
fn every_link_leads_to_a_page_and_search_finds_films_while_films_change() {
    let (site, server) = archive();
    let films = site.path("archive/films.json");
    let is_over = AtomicBool::new(false);
    let (met, edits) = thread::scope(|scope| {
        let editor = scope.spawn(|| edit(&films, &is_over));
        let met = thread::scope(|scope| scope.spawn(|| crawl(&server)).join());
        is_over.store(true, Ordering::Relaxed);
        (met.expect("no broken link"), editor.join().expect("edits"))
    });
    let below = |start: &str| {
        let pages = met.iter().filter(|path| path.starts_with(start) && path.ends_with('/'));
        pages.filter(|path| path.matches('/').count() == 3).count()
    };
    assert_eq!(below("/movies/"), FILMS, "the page of each film is reached");
    assert_eq!(below("/people/"), PEOPLE, "the page of each person is reached");
    let log = server.log();
    let changes = log.matches("outcome=changed").count();
    assert!(edits > 3 && changes > 1, "{edits} edits, {changes} changes: {log}");

    let mut browser = Browser::start();
    let mut tab = browser.tab();
    tab.load(&format!("http://{}/", server.address));
    tab.wait_for("!document.querySelector('[data-finder]').hidden");
    let list: Value =
        serde_json::from_str(&fs::read_to_string(&films).expect("films")).expect("JSON");
    let title = list[FILMS / 2]["title"].as_str().expect("a title");
    let word = title.split(|letter: char| !letter.is_ascii_alphabetic());
    let word = word.max_by_key(|word| word.len()).expect("a word").to_lowercase();
    let _ = tab.value(&format!(
        "q = document.querySelector('[data-finder]').elements.q; q.value = '{}';
         q.dispatchEvent(new Event('input', {{bubbles: true}}))",
        word.chars().take(4).collect::<String>()
    ));
    tab.wait_for("document.querySelectorAll('[data-others] li').length > 0");
    let sizes = tab.value(
        "performance.getEntriesByType('resource').filter((one) => one.name.includes('/search/'))
            .map((one) => one.encodedBodySize)",
    );
    let sizes: Vec<f64> = serde_json::from_value(sizes).expect("sizes");
    assert!(!sizes.is_empty() && sizes.len() <= 3, "{sizes:?}");
    assert!(sizes.iter().all(|&size| size <= LARGEST_SEARCH_FILE), "{sizes:?}");
}
