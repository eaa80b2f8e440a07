//! The command of `--then`: what it is told, when, and what happens if it fails or is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use super::{edit, edited, hasty, upstream, without};
use crate::fixture::{Answer, Process, Running, Site, contents, found, wait_until};

/// Appends one line for each path, and an empty line at the end of a run.
const TELL: &str = "tr '\\0' '\\n' > part && echo >> part && cat part >> told";

/// Returns the paths of each run that has ended.
fn runs(site: &Site) -> Vec<BTreeSet<String>> {
    let told = std::fs::read_to_string(site.path("told")).unwrap_or_default();
    let runs = told.split_terminator("\n\n");
    runs.map(|run| run.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
        .collect()
}

/// Returns the published files with their content, without compressed forms and volatile files.
pub(super) fn pages(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut pages = contents(out);
    let apart = ["freshness.json", "status/index.html"];
    pages.retain(|path, _| {
        !path.ends_with(".gz")
            && !path.ends_with(".br")
            && !path.starts_with('.')
            && !apart.contains(&&**path)
    });
    pages
}

#[test]
fn the_first_run_is_told_all_files_and_later_runs_what_changed() {
    let upstream = upstream();
    let site = hasty(&upstream).with(&["--then", TELL]);
    site.build_once().well();
    let all: BTreeSet<String> = pages(&site.out()).into_keys().collect();
    assert_eq!(runs(&site), [all]);
    site.build_once().well();
    assert_eq!(runs(&site).len(), 1, "without a change, the command does not run");

    let before = pages(&site.out());
    edit(&upstream, "Another text.");
    site.build_once().well();
    let after = pages(&site.out());
    let changed = after.iter().filter(|(path, bytes)| before.get(*path) != Some(bytes));
    let mut changed: BTreeSet<String> = changed.map(|(path, _)| path.clone()).collect();
    changed.extend(before.into_keys().filter(|path| !after.contains_key(path)));
    let told = runs(&site).pop().expect("a run");
    assert_eq!(told, changed);
    assert!(told.contains("movies/salt-road/index.html") && told.len() < after.len() / 2);
}

#[test]
fn a_command_that_was_away_for_a_while_is_told_all_files() {
    let upstream = upstream();
    let site = hasty(&upstream);
    let told = site.with(&["--then", TELL]);
    told.build_once().well();
    edit(&upstream, "Not told.");
    site.build_once().well();
    told.build_once().well();
    let runs = runs(&site);
    assert_eq!(runs.len(), 2);
    assert_eq!(runs[1], pages(&site.out()).into_keys().collect());
}

#[test]
fn a_removed_page_is_told_and_has_no_file() {
    let upstream = upstream();
    let site = hasty(&upstream).with(&["--then", TELL]);
    site.build_once().well();
    upstream.set("/films", Answer::json(&without("Salt Road")));
    site.build_once().well();
    let told = runs(&site).pop().expect("a run");
    assert!(told.contains("movies/salt-road/index.html"), "{told:?}");
    assert!(!site.out().join("movies/salt-road/index.html").exists());
}

#[test]
fn the_command_finds_the_new_files_and_knows_their_generation_and_time() {
    let upstream = upstream();
    let command = "grep -l 'Newest text' $MOVIES_GEN_OUT/movies/salt-road/index.html > seen; \
                   echo $MOVIES_GEN_GENERATION $MOVIES_GEN_ORIGIN >> seen; cat >/dev/null";
    let site = hasty(&upstream).with(&["--then", command]);
    edit(&upstream, "Newest text");
    site.build_once().well();
    let seen = std::fs::read_to_string(site.path("seen")).expect("a run");
    assert!(seen.starts_with(&*site.out().to_string_lossy()), "{seen}");
    let freshness = site.json("freshness.json");
    let told = seen.lines().last().expect("a line");
    let as_of = freshness["as_of"].as_str().expect("a time");
    let generation = freshness["generation"].as_str().expect("an id");
    assert_eq!(told, format!("{generation} {as_of}"));
}

/// Paths of an edited film and of a removed film.
const OF_BOTH: [&str; 2] = ["movies/salt-road/index.html", "movies/winter-inventory/index.html"];

#[test]
fn after_a_failure_the_next_run_is_told_the_paths_of_both_publishes() {
    let upstream = upstream();
    let fail = format!("if [ -e broken ]; then cat >/dev/null; exit 7; fi; {TELL}");
    let site = hasty(&upstream).with(&["--then", &fail]);
    site.build_once().well();
    site.write("broken", "");
    edit(&upstream, "One.");
    let log = site.build_once().with_code(1);
    assert!(log.contains("exit status: 7") && log.contains("the next run delivers"), "{log}");
    // The second change leaves the first change as it is.
    upstream.set("/films", Answer::json(&edited(without("Winter Inventory"), "One.")));
    site.build_once().with_code(1);
    let before = runs(&site).len();
    std::fs::remove_file(site.path("broken")).expect("removed");
    site.build_once().well();
    let told = runs(&site);
    assert_eq!(told.len(), before + 1);
    for path in OF_BOTH {
        assert!(told[before].contains(path), "{path}: {:?}", told[before]);
    }
    site.build_once().well();
    assert_eq!(runs(&site).len(), before + 1);
}

#[test]
fn serve_runs_one_command_at_a_time_and_answers_meanwhile() {
    let upstream = upstream();
    // A second run at the same time cannot make the directory.
    let slow = format!(
        "mkdir running || touch twice; while [ -e hold ]; do sleep 0.05; done; {TELL}; rmdir running"
    );
    let site = Site::eager(&upstream).with(&["--then", &slow]);
    let server = site.serve().ready();
    wait_until("the first run", || runs(&site).len() == 1);
    site.write("hold", "");
    edit(&upstream, "One.");
    wait_until("a run that is held", || site.path("running").exists());
    for text in ["Two.", "Three."] {
        edit(&upstream, text);
        wait_until("the text on the page", || {
            server.get("/movies/salt-road/").text().contains(text)
        });
    }
    assert_eq!(runs(&site).len(), 1);
    std::fs::remove_file(site.path("hold")).expect("removed");
    let told = found("two more runs", || Some(runs(&site)).filter(|runs| runs.len() == 3));
    for run in &told[1..] {
        assert!(run.contains("movies/salt-road/index.html"), "{run:?}");
    }
    assert!(!site.path("twice").exists(), "two commands ran at once");
}

#[test]
fn serve_tries_again_after_a_failure_and_says_so_once() {
    let upstream = upstream();
    let fail = format!("if [ ! -e fine ]; then exit 3; fi; {TELL}");
    let site = Site::eager(&upstream).with(&["--then", &fail]);
    let server = site.serve().ready();
    server.wait_for_line("exit status: 3; the same paths are delivered again until this works");
    assert_eq!(server.get("/").status, 200);
    site.write("fine", "");
    wait_until("a run", || runs(&site).len() == 1);
    server.wait_for_line("the command of --then works again");
    let failures = || server.log().matches("exit status: 3").count();
    assert_eq!(failures(), 1);
    // The paths of two publishes during the second trouble are told after the trouble.
    std::fs::remove_file(site.path("fine")).expect("removed");
    edit(&upstream, "One.");
    wait_until("the second trouble", || failures() == 2);
    upstream.set("/films", Answer::json(&edited(without("Winter Inventory"), "One.")));
    wait_until("the second change", || server.get("/movies/winter-inventory/").status == 404);
    site.write("fine", "");
    wait_until("the paths of both publishes", || {
        let later: BTreeSet<_> = runs(&site).into_iter().skip(1).flatten().collect();
        OF_BOTH.iter().all(|path| later.contains(*path))
    });
    assert_eq!(failures(), 2);
}

/// Delays the first two exchanges of a running program by 1.5 s.
fn delay_exchanges(server: &Running) -> Process {
    let mut command = Command::new("strace");
    command.args(["-f", "-o", "/dev/null", "-e", "trace=renameat2"]);
    command.args(["-e", "inject=renameat2:delay_enter=1500000:when=1..2"]);
    command.args(["-p", &server.id().to_string()]);
    let tracer = Process::start(&mut command);
    let threads = format!("/proc/{}/task", server.id());
    wait_until("the tracer", || {
        let mut threads = std::fs::read_dir(&threads).expect("a process").flatten();
        threads.all(|thread| {
            let status = std::fs::read_to_string(thread.path().join("status"));
            // A thread may have ended.
            status.is_ok_and(|status| !status.contains("TracerPid:\t0\n"))
        })
    });
    tracer
}

#[test]
#[ignore = "needs strace"]
fn files_that_change_again_after_an_exchange_was_undone_are_told_again() {
    let upstream = upstream();
    let site = Site::eager(&upstream).with(&["--then", TELL]);
    let server = site.serve().ready();
    edit(&upstream, "One.");
    wait_until("two runs", || runs(&site).len() == 2);

    let tracer = delay_exchanges(&server);
    edit(&upstream, "Two.");
    // The standby has the new page just before the exchange.
    let standby = site.path(".movies-gen/standby");
    let page = standby.join("movies/salt-road/index.html");
    let is_sealed = || standby.join(".movies-gen/manifest").exists();
    wait_until("a publish", || {
        is_sealed() && std::fs::read_to_string(&page).is_ok_and(|page| page.contains("Two."))
    });
    site.write("public/movies/late.txt", "late");
    server.wait_for_line("movies/late.txt was not made by movies-gen");
    wait_until("both runs", || runs(&site).len() == 4);
    let [first, again] = [2, 3].map(|run| runs(&site)[run].clone());
    assert!(first.is_subset(&again), "{:?}", first.difference(&again));
    assert_eq!(std::fs::read(site.out().join("movies/late.txt")).expect("a file"), b"late");
    assert!(site.page("movies/salt-road/index.html").contains("Two."));
    assert!(server.get("/movies/salt-road/").text().contains("Two."));
    drop(tracer);
}

/// Copies each path from the site to a mirror, and removes paths that the site no longer has. A command
/// that outlives its killed parent holds the lock.
const MIRROR: &str = r#"exec 9>lock; flock 9; tr '\0' '\n' | while read -r path; do
    if [ -f "$MOVIES_GEN_OUT/$path" ]; then
        mkdir -p "$(dirname "mirror/$path")"
        cp "$MOVIES_GEN_OUT/$path" "mirror/$path" || [ ! -f "$MOVIES_GEN_OUT/$path" ] || exit 1
    else rm -f "mirror/$path"; fi
done"#;

/// Kills the program this often, and compares the mirror with the site from time to time.
fn kill(times: u32) {
    let upstream = upstream();
    let site = hasty(&upstream).with(&["--then", MIRROR]);
    site.write("mirror/.keep", "");
    std::fs::remove_file(site.path("mirror/.keep")).expect("removed");
    site.build_once().well();
    let compare = |kill| {
        site.build_once().well();
        // A command that outlived its parent may still copy.
        wait_until("the lock", || {
            let free = Command::new("flock")
                .args(["--nonblock", "lock", "true"])
                .current_dir(site.path(""))
                .status()
                .expect("flock");
            free.success()
        });
        let [site, mirror] = [site.out(), site.path("mirror")].map(|tree| pages(&tree));
        let differ: Vec<_> = site
            .iter()
            .filter(|(path, bytes)| mirror.get(*path) != Some(bytes))
            .map(|(path, _)| path.clone())
            .collect();
        assert!(differ.is_empty(), "after kill {kill}, the command was not told {differ:?}");
        let left: Vec<_> = mirror.keys().filter(|path| !site.contains_key(*path)).collect();
        assert!(left.is_empty(), "after kill {kill}, the command was not told of {left:?}");
    };
    for kill in 0..times {
        match kill % 3 {
            0 => edit(&upstream, &format!("Text {kill}.")),
            1 => upstream.set("/films", Answer::json(&without("Salt Road"))),
            _ => edit(&upstream, &format!("Text {kill} again.")),
        }
        let process = site.start_build();
        std::thread::sleep(Duration::from_micros(u64::from(kill) * 7_919 % 260_000));
        process.signal(Signal::KILL);
        let _ = process.ended();
        if kill % 10 == 9 {
            compare(kill);
        }
    }
    compare(times);
}

#[test]
fn no_path_is_forgotten_however_often_the_program_is_killed() {
    kill(60);
}

#[test]
#[ignore = "takes minutes"]
fn no_path_is_forgotten_in_a_thousand_kills() {
    kill(1_000);
}
