//! The table of faults. Each fault happens for real; the table shows the messages of the
//! program and whether the last good site stayed. `make faults` prints the table.

#![allow(clippy::print_stdout, reason = "a person reads the table")]

mod owner;
mod sizes;
mod windows;

use std::fmt::Write as _;
use std::fs::Permissions;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use movies_gen::document;

use crate::fixture::{Answer, Ended, Redis, Site, Upstream, contents, films};

/// Whether a process is killed or stopped at each system call (`EACH_CALL`), and not only at every
/// few system calls.
fn is_each_call() -> bool {
    std::env::var_os("EACH_CALL").is_some()
}

/// The results of the faults.
#[derive(Default)]
struct Table {
    rows: String,
    failed: Vec<String>,
}

impl Table {
    /// Adds the result of a run with `fault`. The run must end with `code` and print `said`, and
    /// `site_is_well` says whether the site is well.
    fn row(&mut self, fault: &str, ended: &Ended, code: i32, said: &str, site_is_well: bool) {
        let text = format!("{}{}", ended.out, ended.log);
        let is_clear = text.contains(said) && !text.contains("panicked");
        let verdict = match (ended.code == Some(code), is_clear, site_is_well) {
            (true, true, true) => "ok",
            (false, _, _) => "WRONG EXIT CODE",
            (_, false, _) => "UNCLEAR",
            (_, _, false) => "SITE HURT",
        };
        let line = text.lines().find(|line| line.contains(said)).unwrap_or_default();
        let message = line.split_once("Z ").map_or(line, |(_, message)| message.trim());
        let message: String = message.chars().take(150).collect();
        let _ = writeln!(self.rows, "{fault:<34} {verdict:<8} exit {code}  {message}");
        if verdict != "ok" {
            self.failed.push(format!("{fault}: {verdict} {:?}\n{text}", ended.code));
        }
    }

    fn end(self, of: &str) {
        println!("\nfaults of {of}\n{}", self.rows);
        assert!(self.failed.is_empty(), "{}", self.failed.join("\n"));
    }
}

/// Returns faults of the upstream: the answer for the films, the exit code, and the message.
fn answers() -> Vec<(&'static str, Answer, i32, &'static str)> {
    let with = |record: Value| {
        let mut films = films();
        films.as_array_mut().expect("a list").push(record);
        Answer::json(&films)
    };
    let list = films().to_string();
    let deep = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&vec![b' '; 100 << 20]).expect("compressed");
    let bomb = bomb.finish().expect("compressed");
    let mut renamed = films();
    for film in renamed.as_array_mut().expect("a list") {
        film["id"] = format!("new-{}", film["id"]).into();
    }
    let not_utf8 = [&list.as_bytes()[..list.len() - 3], b"\xff\"}]"].concat();
    vec![
        ("500", Answer::new(500, "oops"), 1, "answered 500"),
        ("402 with HTML", Answer::new(402, "<h1>Pay</h1>"), 1, "answered 402"),
        ("200 with HTML", Answer::new(200, "<h1>Hello</h1>"), 1, "HTML page"),
        ("truncated body", Answer::new(200, list.clone()).cut(9), 1, "broke off"),
        (
            "drip-feed",
            Answer::new(200, list.clone()).dripping(Duration::from_millis(100)),
            1,
            "no complete answer from",
        ),
        ("wrong length", Answer::new(200, &list[..80]), 1, "broken JSON"),
        ("100 MB body", Answer::new(200, vec![b' '; 100 << 20]), 1, "--max-bytes"),
        ("gzip bomb", Answer::new(200, bomb).with("Content-Encoding", "gzip"), 1, "--max-bytes"),
        (
            "redirect to another host",
            Answer::new(302, "").with("Location", "http://127.0.0.2:1/films"),
            1,
            "redirects (302",
        ),
        ("not UTF-8", Answer::new(200, not_utf8), 1, "not UTF-8 (first bad byte at"),
        ("byte order mark", Answer::new(200, format!("\u{feff}{list}")), 0, "up to date"),
        ("not an array", Answer::new(200, r#"{"films": []}"#), 1, "a JSON object instead"),
        ("empty array", Answer::new(200, "[]"), 1, "/films is empty"),
        (
            "nested 10,000 deep",
            Answer::new(200, format!("{},{deep}]", list.trim_end_matches(']'))),
            0,
            "record 6 of /films is left out",
        ),
        (
            "a record without id",
            with(json!({"title": "X"})),
            0,
            "(\"X\") is left out: it has no `id`",
        ),
        ("duplicate ids", with(films()[0].clone()), 0, "/films repeats 1 id"),
        (
            "wrong types",
            with(json!({"id": "x", "title": "X", "rt_score": []})),
            0,
            "field `rt_score` of /films/x is ignored",
        ),
        (
            "a list cut to a tenth",
            Answer::new(200, "[{\"id\":\"f-salt\",\"title\":\"Salt Road\"}]"),
            1,
            "are gone at once",
        ),
        ("all ids renamed", Answer::json(&renamed), 1, "all ids are new"),
    ]
}

#[test]
fn the_site_survives_faults_of_the_upstream() {
    let mut table = Table::default();
    for (fault, answer, code, said) in answers() {
        let upstream = Upstream::start();
        let site = Site::of(&upstream).with(&["--interval", "400ms"]);
        site.build_once().well();
        let before = contents(&site.out());
        upstream.set("/films", answer);
        let ended = site.build_once();
        let stands = code == 0 || contents(&site.out()) == before;
        upstream.recover();
        let recovers = site.build_once().code == Some(0);
        table.row(fault, &ended, code, said, stands && recovers);
    }
    let secure = answers_in_the_clear();
    for (fault, url, said) in [
        ("unreachable", "http://127.0.0.1:9", "cannot reach"),
        ("DNS failure", "http://no-such-host.invalid", "cannot reach"),
        ("TLS failure", secure.as_str(), "no secure connection to"),
    ] {
        let ended = Site::new().with(&["--upstream", url]).build_once();
        table.row(fault, &ended, 1, said, true);
    }
    table.end("the upstream");
}

/// Starts a server that answers plain text, and returns its address with `https`.
fn answers_in_the_clear() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().take(2).flatten() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    format!("https://{address}")
}

#[test]
#[ignore = "needs redis-server"]
fn the_site_survives_faults_of_redis() {
    let mut table = Table::default();
    let mut row = |fault: &str, redis: &Redis, site: &Site, said: &str| {
        let ended = site.with(&["--redis", &redis.url()]).build_once();
        let is_well = site.out().join("index.html").exists();
        table.row(fault, &ended, 0, said, is_well);
    };
    let upstream = Upstream::start();
    let fresh = || Site::of(&upstream).with(&["--interval", "400ms"]);

    let mut redis = Redis::start();
    let url = redis.url();
    redis.kill();
    row("unreachable at start", &redis, &fresh(), "Redis cannot be used");

    let locked = Redis::with_password("secret");
    row("answers errors (no password)", &locked, &fresh(), "NOAUTH");

    let full = Redis::start();
    let () = full.ask(redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg("1"));
    row("full", &full, &fresh(), "OOM");

    let other = Redis::start();
    let site = fresh();
    site.with(&["--redis", &other.url()]).build_once().well();
    for key in other.keys() {
        let () = other.ask(redis::cmd("SET").arg(key).arg("something else"));
    }
    row("something else under our key", &other, &site, "WRONGTYPE");
    assert!(!url.is_empty());
    table.end("Redis");
}

#[test]
fn faults_of_directories_and_options_have_clear_messages() {
    let mut table = Table::default();
    let upstream = Upstream::start();
    let fresh = || Site::of(&upstream).with(&["--interval", "400ms"]);

    let site = fresh();
    site.write("public/mine.html", "mine");
    let ended = site.build_once();
    table.row("--out not ours", &ended, 2, "--adopt", site.page("mine.html") == "mine");

    let site = fresh();
    site.write("public", "a file");
    table.row("--out a file", &site.build_once(), 2, "a file", true);

    let site = fresh();
    std::os::unix::fs::symlink("nowhere", site.out()).expect("linked");
    table.row("--out a link to nothing", &site.build_once(), 2, "a dangling symbolic link", true);

    let site = fresh();
    let running = site.serve().ready();
    let ended = site.build_once();
    table.row("a second process", &ended, 1, &format!("process {}", running.id()), true);
    let address = running.address.to_string();
    let ended = fresh().with(&["--listen", &address]).run(&["serve"]);
    table.row("port taken", &ended, 1, "cannot listen on", true);

    let site = fresh();
    site.build_once().well();
    let before = contents(&site.out());
    for (fault, template, said) in [
        ("broken template", "{% if %}", "theme/film.html:1:"),
        ("a missing block", "{% extends \"gone.html\" %}", "gone.html"),
        (
            "a template that renders 1 GB",
            "{% for i in range(end=90000) %}{% for j in range(end=20000) %}x{% endfor %}{% endfor %}",
            "check that its loops end",
        ),
        (
            "a template that loops without end",
            "{% for i in range(end=90000) %}{% for j in range(end=90000) %}{% endfor %}{% endfor %}",
            "check that its loops end",
        ),
    ] {
        site.write("theme/film.html", template);
        let ended = site.with(&["--templates", "theme"]).build_once();
        table.row(fault, &ended, 1, said, contents(&site.out()) == before);
    }

    let site = fresh();
    site.write("movies-gen.toml", "intervall = \"60s\"");
    table.row("broken configuration", &site.build_once(), 2, "did you mean `interval`", true);
    table.end("directories and options");
}

/// Whether the site shows the new data after the fault is gone.
fn recovers(site: &Site) -> bool {
    site.build_once().code == Some(0) && site.page("movies.json").contains("xxxx")
}

/// Runs the program in its own mount namespace, after `setup` in this namespace.
fn mounted(site: &Site, setup: &str) -> Ended {
    let build = site.command(&["build", "once"]);
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c"]);
    command.arg(format!("set -e; {setup}; exec \"$@\"")).arg("sh");
    command.arg(build.get_program()).args(build.get_args());
    command.current_dir(site);
    Ended::of(&mut command)
}

/// Runs the program while it cannot write to `directory`, even as root.
fn locked(site: &Site, directory: &Path) -> Ended {
    let writable = |is_so| {
        let mode = if is_so { 0o755 } else { 0o555 };
        std::fs::set_permissions(directory, Permissions::from_mode(mode)).expect("set");
    };
    let build = site.command(&["build", "once"]);
    let is_root = rustix::process::geteuid().is_root();
    let mut command = Command::new(if is_root { "setpriv".as_ref() } else { build.get_program() });
    if is_root {
        // Root can write to every directory unless this capability is dropped.
        command.args(["--bounding-set", "-dac_override"]).arg(build.get_program());
    }
    command.args(build.get_args()).current_dir(site);
    writable(false);
    let ended = Ended::of(&mut command);
    writable(true);
    ended
}

/// Moves all wall times of a state one year forward, and gives them the id of another boot. This
/// looks as if the wall clock had been set back before the current boot.
fn age_by_a_year(site: &Site) {
    for name in ["attempt", "saved"] {
        let path = site.path(".movies-gen").join(name);
        let mut kept: Value = document::read(&path, name).expect("read").expect("there");
        let stamp = if name == "attempt" { &mut kept["at"] } else { &mut kept["origin"] };
        let wall = stamp["wall"].as_u64().expect("a time");
        stamp["wall"] = (wall + 365 * 24 * 3600 * 1_000_000).into();
        stamp["boot_id"] = "another boot".into();
        document::write(&path, name, &kept).expect("written");
    }
}

#[test]
fn the_site_survives_a_wall_clock_that_is_set_back() {
    let mut table = Table::default();
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--interval", "400ms"]);
    site.build_once().well();
    age_by_a_year(&site);
    // The attempt counts as made now, and not as made in the next year.
    let ended = site.build_once();
    let recovers = upstream.asked() == (2, 2) && site.build_once().code == Some(0);
    table.row("wall clock set back a year", &ended, 0, "up to date", recovers);
    table.end("the clock");
}

#[test]
fn the_site_survives_faults_of_the_disk() {
    let mut table = Table::default();
    let upstream = Upstream::start();
    let fresh = || Site::of(&upstream).with(&["--interval", "400ms"]);
    let built = || {
        let site = fresh();
        site.build_once().well();
        let mut changed = films();
        changed[0]["description"] = "x".repeat(200_000).into();
        upstream.set("/films", Answer::json(&changed));
        let before = contents(&site.out());
        (site, before)
    };

    let (site, before) = built();
    let ended = mounted(&site, "mount --bind . . && mount -o remount,bind,ro .");
    table.row(
        "nothing writable",
        &ended,
        1,
        "Read-only file system",
        contents(&site.out()) == before && recovers(&site),
    );
    upstream.recover();

    let (site, before) = built();
    let full = "cp -a .movies-gen kept; mount -t tmpfs -o size=160k full .movies-gen; \
                cp -a kept/attempt kept/upstream kept/saved .movies-gen/";
    let ended = mounted(&site, full);
    table.row(
        "full disk in the middle",
        &ended,
        1,
        "No space left",
        contents(&site.out()) == before && recovers(&site),
    );
    upstream.recover();

    let site = fresh();
    std::fs::create_dir(site.out()).expect("made");
    let ended = mounted(&site, "mount -t tmpfs out public");
    table.row("--out a mount point", &ended, 0, "file by file", true);
    let site = fresh();
    std::fs::create_dir(site.out()).expect("made");
    let ended = mounted(&site, "mount --bind public public");
    table.row("the same file system, mounted", &ended, 0, "file by file", true);

    let site = fresh();
    for made in ["public", ".movies-gen"] {
        std::fs::create_dir(site.path(made)).expect("made");
    }
    let ended = locked(&site, site.as_ref());
    let is_there = site.out().join("index.html").exists();
    table.row("--out's parent not writable", &ended, 0, "file by file", is_there);

    let (site, before) = built();
    let ended = locked(&site, &site.out());
    let stands = contents(&site.out()) == before && recovers(&site);
    table.row("--out not writable", &ended, 1, "Permission denied", stands);
    upstream.recover();
    table.end("the disk");
}
