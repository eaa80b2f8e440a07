//! Promise 4: a process that is killed at any instant leaves one whole site, and the next start
//! continues from there.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use crate::fixture::{
    Answer, Site, Upstream, contents, films, people, tells_of_changes, wait_until,
};

/// Number of kills of each kind. The kills are spread over the whole run of the program, and most
/// of them fall into the publish.
const KILLS: u32 = 100;

type Contents = BTreeMap<String, Vec<u8>>;

/// A site that switches between two themes. Each build replaces every page and sends no request.
struct Switching {
    site: Site,
    upstream: Upstream,
}

impl Switching {
    fn with(arguments: &[&str]) -> Switching {
        let upstream = Upstream::start();
        let site = Site::of(&upstream).with(arguments);
        for theme in THEMES {
            let style = format!("/* {theme} */ {}", theme.repeat(400));
            site.write(&format!("{theme}/assets/site.css"), style);
        }
        // Only one theme has this file, so a switch also adds or removes a file.
        site.write("light/static/only/light.txt", "light");
        site.build_once().well();
        let switching = Switching { site, upstream };
        // From now on, the site of each theme also has the retired assets of the other theme.
        for theme in THEMES {
            switching.themed(theme).build_once().well();
        }
        switching
    }

    fn themed(&self, theme: &str) -> Site {
        self.site.with(&["--templates", theme])
    }

    /// Builds the complete site of each theme, and returns the files.
    fn both(&self, out: &Path) -> [Contents; 2] {
        THEMES.map(|theme| {
            self.themed(theme).build_once().well();
            contents(out)
        })
    }

    /// Builds both themes in turn, and kills each build at a different moment: half of the builds
    /// at any moment, and the others after `is_publishing` is true.
    fn kill_each(&self, is_publishing: impl Fn() -> bool, mut look: impl FnMut(u32)) {
        for kill in 0..KILLS {
            let theme = THEMES[kill as usize % 2];
            let process = self.themed(theme).start_build();
            let moment = kill / 4;
            // If the previous kill came too late, there is nothing to publish.
            let is_done = || {
                let log = process.log();
                log.contains("shows the stored data") || log.contains("ERROR")
            };
            if kill / 2 % 10 == 9 {
                // Kill the build at its end, on slow machines too.
                while !is_done() {
                    std::hint::spin_loop();
                }
            } else if kill / 2 % 2 == 0 {
                std::thread::sleep(Duration::from_millis(6) * moment);
            } else {
                while !is_publishing() && !is_done() {
                    std::hint::spin_loop();
                }
                std::thread::sleep(Duration::from_micros(300) * moment);
            }
            process.signal(Signal::KILL);
            let _ = process.ended();
            look(kill);
        }
        assert_eq!(self.upstream.asked(), (1, 1), "no build may send a request");
    }
}

const THEMES: [&str; 2] = ["light", "dark"];

#[test]
fn a_kill_at_any_moment_of_an_exchange_leaves_one_whole_site_on_disk() {
    let switching = Switching::with(&[]);
    let out = switching.site.out();
    let both = switching.both(&out);
    let (mut seen, mut half_done) = ([0, 0], 0);
    // While the standby is being made, it has no manifest.
    let sealed = switching.site.path(".movies-gen/standby/.movies-gen/manifest");
    switching.kill_each(
        || !sealed.exists(),
        |kill| {
            half_done += u32::from(!sealed.exists());
            let found = contents(&out);
            let which = both.iter().position(|whole| *whole == found);
            let which = which.unwrap_or_else(|| panic!("kill {kill} left a mixture"));
            seen[which] += 1;
        },
    );
    assert!(seen[0] > 0 && seen[1] > 0, "no kill hit one side of the exchange: {seen:?}");
    assert!(half_done > 0, "no kill hit the middle of it");
    assert_eq!(switching.both(&out), both, "the next start must complete the site");
    nothing_is_left_over(&switching.site);
}

#[test]
fn a_kill_at_any_moment_of_a_publish_file_by_file_leaves_whole_files_and_a_journal() {
    let elsewhere = tempfile::tempdir_in("/dev/shm").expect("another file system");
    let out = elsewhere.path().join("public");
    let switching = Switching::with(&["--out", out.to_str().expect("text")]);
    let both = switching.both(&out);
    let journal = switching.site.path(".movies-gen/journal");
    let mut cut_off = 0;
    switching.kill_each(
        || journal.exists(),
        |kill| {
            cut_off += u32::from(journal.exists());
            for (path, bytes) in contents(&out) {
                let is_prepared =
                    path.rsplit('/').next().is_some_and(|name| name.ends_with(".new"));
                let is_whole = both.iter().any(|whole| whole.get(&path) == Some(&bytes));
                assert!(is_whole || is_prepared, "kill {kill} left a part of {path}");
            }
            for path in both[0].keys().filter(|path| both[1].contains_key(*path)) {
                assert!(out.join(path).exists(), "kill {kill} left no {path}");
            }
        },
    );
    assert!(cut_off > 0, "no kill hit the middle of it");
    switching.themed("dark").build_once().well();
    assert!(!journal.exists());
    let pages = |files: Contents| -> Contents {
        files.into_iter().filter(|(path, _)| !path.ends_with(".new")).collect()
    };
    let [light, dark] = both;
    assert_eq!(pages(contents(&out)), dark);
    switching.themed("light").build_once().well();
    assert_eq!(pages(contents(&out)), light);
}

#[test]
fn an_out_on_another_file_system_is_kept_fresh_and_the_files_of_the_owner_stay() {
    let elsewhere = tempfile::tempdir_in("/dev/shm").expect("another file system");
    let out = elsewhere.path().join("public");
    let upstream = Upstream::start();
    let site = Site::eager(&upstream).with(&["--out", out.to_str().expect("text")]);
    let log = site.build_once().well();
    assert_eq!(log.matches("file by file").count(), 1, "the reason must be logged once: {log}");
    std::fs::write(out.join("mine.txt"), "mine").expect("written");
    let mut changed = films();
    changed[0]["description"] = "Changed.".into();
    upstream.set("/films", Answer::json(&changed));
    site.build_once().well();
    let there = contents(&out);
    assert_eq!(there["mine.txt"], b"mine");
    let same = Upstream::of(&changed, &people());
    let reference = Site::of(&same);
    reference.build_once().well();
    let mut wanted = contents(&reference.out());
    wanted.insert("mine.txt".into(), b"mine".to_vec());
    // Only one of the two sites knows that something changed.
    for (path, bytes) in &wanted {
        assert!(there.get(path) == Some(bytes) || tells_of_changes(path), "{path}");
    }
}

/// Kills a publish to another file system in the middle. Returns the site, its `--out`, and the
/// upstream.
fn cut_off(first: bool) -> (Site, tempfile::TempDir, Upstream) {
    let elsewhere = tempfile::tempdir_in("/dev/shm").expect("another file system");
    let out = elsewhere.path().join("public");
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--out", out.to_str().expect("text")]);
    site.write("theme/assets/site.css", "p {}");
    let themed = site.with(&["--templates", "theme"]);
    if !first {
        site.build_once().well();
    }
    let journal = site.path(".movies-gen/journal");
    for _ in 0..100 {
        let process = themed.start_build();
        let is_done =
            || ["shows the stored", "up to date"].iter().any(|end| process.log().contains(end));
        while !journal.exists() && !is_done() {
            std::hint::spin_loop();
        }
        process.signal(Signal::KILL);
        let _ = process.ended();
        if journal.exists() {
            return (themed, elsewhere, upstream);
        }
        if first {
            std::fs::remove_dir_all(&out).expect("removed");
            std::fs::remove_dir_all(site.path(".movies-gen")).expect("removed");
        } else {
            site.build_once().well();
        }
    }
    panic!("no kill hit the middle of a publish");
}

#[test]
fn a_first_publish_file_by_file_that_was_cut_off_is_completed() {
    let (site, elsewhere, _upstream) = cut_off(true);
    // The interval is not over, and the payload was stored before the publish.
    let log = site.build_once().well();
    assert!(log.contains("completing a publish that was cut off"), "{log}");
    assert!(contents(&elsewhere.path().join("public")).contains_key("index.html"));
}

#[test]
fn completing_a_publish_changes_no_file_of_the_owner() {
    let (site, elsewhere, _upstream) = cut_off(false);
    let place = elsewhere.path().join("public/posters/salt-road.svg");
    std::fs::remove_file(&place).expect("removed");
    std::fs::create_dir(&place).expect("made");
    std::fs::write(place.join("precious.txt"), "precious").expect("written");
    let log = site.build_once().well();
    assert!(log.contains("did not make is at the path of a page"), "{log}");
    assert_eq!(std::fs::read(place.join("precious.txt")).expect("there"), b"precious");
    assert!(!site.path(".movies-gen/journal").exists(), "the rest must be published");
    std::fs::remove_dir_all(&place).expect("moved away");
    site.build_once().well();
    assert!(place.is_file() && !site.path(".movies-gen/journal").exists());
}

#[test]
fn a_thousand_publishes_leave_no_temporary_files() {
    let upstream = Upstream::of(&films(), &json!([]));
    let publish = |film: usize| {
        let mut films = films();
        films[0]["description"] = format!("The {film}th.").into();
        // Some publishes add or remove pages.
        films[1]["title"] = format!("Film {}", film % 7).into();
        let keep = 3 - film % 2;
        films.as_array_mut().expect("a list").truncate(keep);
        upstream.set("/films", Answer::json(&films));
    };
    publish(0);
    let often = ["--upstream", &upstream.url(), "--interval", "10ms", "--accept-after", "1"];
    let site = Site::in_memory().with(&often);
    let running = site.serve().ready();
    // A file that is being written at this moment has a temporary name.
    let kept = || {
        [site.path(".movies-gen"), site.path("")].map(|directory| {
            let mut names = names(&directory);
            names.retain(|name| !name.ends_with(".new"));
            names
        })
    };
    let (mut published, mut before) = (0, None);
    while published < 1_000 {
        publish(published + 1);
        let generation = || running.get("/healthz").expect("x-generation").to_owned();
        let shown = generation();
        wait_until("the next generation", || generation() != shown);
        published += 1;
        if published == 10 {
            before = Some(kept());
        }
    }
    let (code, log) = running.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(Some(kept()), before);
    nothing_is_left_over(&site);
    let standby = contents(&site.path(".movies-gen/standby"));
    assert!(standby.len() < 2 * contents(&site.out()).len(), "{:?}", standby.keys());
}

fn nothing_is_left_over(site: &Site) {
    let state = names(&site.path(".movies-gen"));
    let known = [
        "attempt", "bodies", "history", "lock", "mapping", "notices", "running", "saved",
        "standby", "upstream",
    ];
    assert_eq!(state.iter().map(String::as_str).collect::<Vec<_>>(), known);
    assert!(!contents(&site.out()).keys().any(|path| path.ends_with(".new")));
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("a directory").flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
