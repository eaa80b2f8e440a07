//! A national archive of 100,000 films: built, changed, restarted, and killed while the program
//! publishes, with bounded memory.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::fixture::{Running, Site, found_within};

const FILMS: usize = 100_000;
const PEOPLE: usize = 30_000;
/// Data memory that a process may use, in KiB: above this, an allocation fails and the program
/// aborts.
const MOST_MEMORY: u32 = 2_000_000;
/// Longest wait for a step, on a busy machine.
const LONG: Duration = Duration::from_secs(900);

/// The archive, with the limit on memory.
struct Archive {
    site: Site,
    films: Vec<Value>,
}

impl Archive {
    fn new() -> Archive {
        let site = Site::new();
        let (films, people) = (FILMS.to_string(), PEOPLE.to_string());
        let size = ["--films", &films, "--people", &people, "--out", "archive"];
        site.run(&[&["demo-data"], &size[..]].concat()).with_code(0);
        let films = fs::read(site.path("archive/films.json")).expect("the films");
        let films = serde_json::from_slice(&films).expect("JSON");
        let site = site.with(&["--demo-from", "archive", "--max-bytes", "200MiB", "-v"]);
        Archive { site: site.within_memory(MOST_MEMORY), films }
    }

    /// Starts `serve`, and waits for the first page.
    fn serve(&self) -> Running {
        let server = self.site.with(&["--interval", "5s", "--max-age", "60s"]).serve();
        wait(&server, "the first page", || server.get("/").status == 200);
        server
    }

    /// Gives a film another title.
    fn rename(&mut self, at: usize, title: &str) {
        self.films[at]["title"] = title.into();
        // Each line has one film, as in the files of `demo-data`.
        let lines: Vec<_> = self.films.iter().map(Value::to_string).collect();
        let path = self.site.path("archive/films.json");
        fs::write(path.with_extension("new"), format!("[{}]", lines.join(",\n"))).expect("written");
        fs::rename(path.with_extension("new"), path).expect("renamed");
    }

    fn id(&self, at: usize) -> &str {
        self.films[at]["id"].as_str().expect("an id")
    }
}

/// Returns a film from the data files: the hash of the id leads to the file.
fn film(server: &Running, id: &str) -> Value {
    let hash = blake3::hash(id.as_bytes()).to_hex();
    let mut path = "/movies.json".to_owned();
    loop {
        let file: Value = serde_json::from_slice(&server.get(&path).body).expect("JSON");
        if let Some(films) = file.as_array() {
            return films.iter().find(|film| film["id"] == id).expect("the film").clone();
        }
        let mut parts = file["parts"].as_array().expect("parts").iter();
        let url = parts.find_map(|part| {
            let url = part["url"].as_str()?;
            let (_, name) = url.rsplit_once('/')?;
            hash.starts_with(name.strip_suffix(".json")?).then(|| url.to_owned())
        });
        path = url.expect("the part of the film");
    }
}

/// Waits until `is_so` returns `true`.
fn wait(server: &Running, what: &str, mut is_so: impl FnMut() -> bool) {
    found_within(LONG, &format!("{what}; {}", server.log()), || is_so().then_some(()));
}

/// Waits until the page of a film has its new title.
fn wait_for_title(server: &Running, id: &str, title: &str) {
    let url = film(server, id)["url"].as_str().expect("an address").to_owned();
    wait(server, "the new title", || server.get(&url).text().contains(title));
}

/// Every file of a tree that the manifest lists is there; the ones that serve visitors are whole.
fn assert_whole(server: &Running, out: &Path) {
    let sitemap = |path: &str| {
        let text = fs::read_to_string(out.join(path)).expect("a sitemap");
        let urls = text.split("<loc>").skip(1).filter_map(|url| url.split('<').next());
        urls.map(|url| url.trim_start_matches('/').to_owned()).collect::<Vec<_>>()
    };
    let mut pages = 0;
    for part in sitemap("sitemap.xml") {
        for page in sitemap(&part).iter().step_by(20) {
            let answer = server.get(&format!("/{page}"));
            assert_eq!(answer.status, 200, "{page}");
            assert!(answer.text().trim_end().ends_with("</html>"), "{page} was cut");
            pages += 1;
        }
    }
    assert!(pages > FILMS / 20, "{pages} pages");
}

#[test]
fn an_archive_is_built_changed_restarted_and_killed_while_it_publishes() {
    let mut archive = Archive::new();
    archive.site.build_once().well();

    // Changed.
    let server = archive.serve();
    archive.rename(50_000, "The Renamed Film");
    wait_for_title(&server, archive.id(50_000), "The Renamed Film");
    let log = server.log();
    assert!(log.matches("rendered").count() <= 2, "one film made many pages: {log}");

    // Restarted.
    assert_eq!(server.terminate().0, Some(0));
    let server = archive.serve();
    wait_for_title(&server, archive.id(50_000), "The Renamed Film");

    // Killed in the middle of a publish.
    wait(&server, "a refresh", || server.log().contains("outcome="));
    let before = server.log().len();
    archive.rename(60_000, "The Film of the Kill");
    wait(&server, "a publish", || server.log()[before..].contains("rendered"));
    let log = server.log();
    assert!(!log[before..].contains("outcome=changed"), "the publish is over: {log}");
    server.kill();

    // Recovered.
    let server = archive.serve();
    wait_for_title(&server, archive.id(60_000), "The Film of the Kill");
    assert_eq!(film(&server, archive.id(50_000))["title"], "The Renamed Film");
    assert_whole(&server, &archive.site.path("public-demo"));
    assert_eq!(server.terminate().0, Some(0));
}
