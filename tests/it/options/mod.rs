//! The options, the ways to set an option, and the values that are refused.

mod document;
mod generated;
mod layers;
mod mistakes;
mod secrets;
mod showing;

use movies_gen::cli::DECLARED;
use serde_json::json;

use crate::fixture::{Answer, Site, Upstream, films, wait_until};

/// Returns the site with an option that is set as a flag, as a variable, and in the file.
fn each_way(site: &Site, option: &str, value: &str) -> [(Site, &'static str); 3] {
    let variable = format!("MOVIES_GEN_{}", option.to_uppercase().replace('-', "_"));
    let quoted = if value.parse::<u32>().is_ok() || value == "true" {
        value.to_owned()
    } else {
        format!("\"{value}\"")
    };
    let in_file = site.with(&["--config", &format!("{option}.toml")]);
    in_file.write(&format!("{option}.toml"), format!("{option} = {quoted}\n"));
    let flag = match value {
        "true" => vec![format!("--{option}")],
        "1" if matches!(option, "verbose" | "quiet") => vec![format!("--{option}")],
        _ => vec![format!("--{option}"), value.to_owned()],
    };
    let flag: Vec<_> = flag.iter().map(String::as_str).collect();
    [(site.with(&flag), "flag"), (site.variable(&variable, value), "variable"), (in_file, "file")]
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_most_similar_key() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.write("movies-gen.toml", "lang = \"en\"\n\nsite-titel = \"Mine\"\n");
    let log = site.build_once().with_code(2);
    assert!(log.contains("movies-gen.toml:3"), "{log}");
    assert!(log.contains("`site-titel`") && log.contains("`site-title`"), "{log}");
    assert_eq!(upstream.asked(), (0, 0));
}

#[test]
fn an_invalid_value_is_named_with_its_line() {
    let site = Site::new();
    site.write("movies-gen.toml", "lang = \"en\"\ninterval = \"soon\"\n");
    let log = site.build_once().with_code(2);
    assert!(log.contains("movies-gen.toml:2"), "{log}");
}

#[test]
fn an_interval_under_a_minute_is_refused_for_an_api_on_another_machine() {
    let site = Site::new().with(&["--upstream", "https://api.example"]);
    for (way, name) in each_way(&site, "interval", "59s") {
        let log = way.build_once().with_code(2);
        assert!(log.contains("--interval") && log.contains("60s"), "{name}: {log}");
    }
}

#[test]
fn a_max_age_under_the_interval_is_refused() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--interval", "90s"]);
    for (way, name) in each_way(&site, "max-age", "89s") {
        let log = way.build_once().with_code(2);
        assert!(log.contains("--max-age") && log.contains("--interval"), "{name}: {log}");
    }
    assert_eq!(upstream.asked(), (0, 0));
}

#[test]
fn invalid_options_are_refused_before_the_upstream_is_asked() {
    let upstream = Upstream::start();
    for (arguments, named) in [
        (["--site-url", "films.example"], "--site-url"),
        (["--lang", "english language"], "--lang"),
        (["--redis-prefix", "a b"], "--redis-prefix"),
        (["--interval", "0s"], "--interval"),
        (["--state", "public/state"], "--state"),
        (["--config", "nowhere.toml"], "nowhere.toml"),
        (["--redis-password-file", "x"], "--redis-password-file"),
        (["--limit", "many"], "--limit"),
        (["--max-bytes", "lots"], "--max-bytes"),
        (["--no-such", "option"], "--no-such"),
        (["--templates", "nowhere"], "--templates"),
    ] {
        let ended = Site::of(&upstream).with(&arguments).build_once();
        let log = ended.with_code(2);
        assert!(log.contains(named), "{log}");
    }
    assert_eq!(upstream.asked(), (0, 0));
}

#[test]
fn max_bytes_can_be_set_in_each_way() {
    for way in 0..3 {
        let upstream = Upstream::start();
        let ways = each_way(&Site::of(&upstream), "max-bytes", "1kB");
        let log = ways[way].0.build_once().with_code(1);
        assert!(log.contains("--max-bytes"), "{}: {log}", ways[way].1);
    }
}

#[test]
fn hold_can_be_set_in_each_way() {
    for way in 0..3 {
        let upstream = Upstream::start();
        // The interval is longer than the default hold, with which the stored data would be shown.
        let site = Site::of(&upstream).with(&["--interval", "4s"]);
        let ways = each_way(&site, "hold", "60s");
        ways[way].0.build_once().well();
        let log = ways[way].0.build_once().well();
        assert!(!log.contains("stored data"), "{}: {log}", ways[way].1);
        assert_eq!(upstream.asked(), (2, 2), "{}: {log}", ways[way].1);
    }
}

#[test]
fn verbose_and_quiet_can_be_set_in_each_way() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    for (way, name) in each_way(&site, "verbose", "1") {
        let log = way.build_once().well();
        assert!(log.contains("DEBUG"), "{name}: {log}");
    }
    for (way, name) in each_way(&site, "quiet", "1") {
        let log = way.build_once().well();
        assert!(log.is_empty(), "{name}: {log}");
    }
}

#[test]
fn the_demo_can_be_set_in_each_way_and_unset_by_a_flag() {
    for way in 0..3 {
        let site = Site::new();
        let ways = each_way(&site, "demo", "true");
        ways[way].0.build_once().well();
        assert!(site.path("public-demo/index.html").exists(), "{}", ways[way].1);
    }
    let upstream = Upstream::start();
    let site = Site::of(&upstream).variable("MOVIES_GEN_DEMO", "true").with(&["--demo=false"]);
    site.build_once().well();
    assert!(!site.path("public-demo").exists());
    assert_eq!(upstream.asked(), (1, 1));
}

#[test]
fn json_log_lines_are_json() {
    let upstream = Upstream::start();
    upstream.set_both(&Answer::new(500, "line\nbreak"));
    for (way, name) in each_way(&Site::eager(&upstream), "log-format", "json") {
        let log = way.build_once().with_code(1);
        assert!(log.lines().count() >= 1, "{name}");
        for line in log.lines() {
            let line: serde_json::Value = serde_json::from_str(line).expect(line);
            assert!(line["level"].is_string() && line["message"].is_string(), "{name}: {line}");
        }
    }
}

#[test]
fn sighup_reads_the_configuration_again_and_names_what_needs_a_restart() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.write("movies-gen.toml", "site-title = \"Before\"\nlisten = \"127.0.0.1:0\"\n");
    let server = site.serve_as_told().ready();
    assert!(server.get("/").text().contains("<title>Before</title>"));

    site.write("movies-gen.toml", "site-title = \"After\"\nlisten = \"127.0.0.1:1\"\n");
    server.hangup();
    wait_until("the new title", || server.get("/").text().contains("<title>After</title>"));
    let line = server.wait_for_line("needs a restart");
    assert!(line.contains("listen") && !line.contains("site-title"), "{line}");

    site.write("movies-gen.toml", "site-titel = \"Broken\"\n");
    server.hangup();
    server.wait_for_line("movies-gen.toml:1");
    assert!(server.get("/").text().contains("<title>After</title>"), "the old title must stay");
    assert_eq!(upstream.asked(), (1, 1));
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn sighup_applies_the_options_of_the_guard_and_of_volatile_fields() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    let lines = "listen = 0\ninterval = \"50ms\"\nmax-age = \"60s\"\naccept-after = 1000000\n";
    site.write("movies-gen.toml", lines);
    let server = site.serve_as_told().ready();
    // The answer has more records than may be added at once.
    let mut films = films();
    let list = films.as_array_mut().expect("a list");
    for number in 0..1_200 {
        list.push(json!({"id": format!("more-{number}"), "title": format!("More {number}")}));
    }
    upstream.set("/films", Answer::json(&films));
    server.wait_for_line("has 1205 records");
    assert_eq!(server.get("/movies/more-0/").status, 404);
    let lines = format!("{lines}max-growth = 300.0\nvolatile-fields = [\"director\"]\n");
    site.write("movies-gen.toml", &lines);
    server.hangup();
    wait_until("the films", || server.get("/movies/more-0/").status == 200);

    films[0]["director"] = json!("Nobody Is Told");
    films[0]["rt_score"] = json!(1);
    upstream.set("/films", Answer::json(&films));
    let feed = || server.get("/feed.json").text().to_owned();
    wait_until("the score", || feed().contains("Score"));
    assert!(!feed().contains("Nobody Is Told"), "{}", feed());

    site.write("movies-gen.toml", format!("{lines}steady-fields = [\"director\"]\n"));
    server.hangup();
    wait_until("the configuration", || {
        server.log().matches("read the configuration and the templates again").count() > 1
    });
    films[0]["director"] = json!("Everybody Is Told");
    upstream.set("/films", Answer::json(&films));
    wait_until("the director", || feed().contains("Everybody Is Told"));
}

#[test]
fn sighup_moves_the_site_to_another_path() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.write("movies-gen.toml", "listen = \"127.0.0.1:0\"\n");
    let server = site.serve_as_told().ready();
    let lines = "listen = \"127.0.0.1:0\"\nsite-url = \"https://films.example/moved/\"\n";
    site.write("movies-gen.toml", lines);
    server.hangup();
    wait_until("the new path", || server.get("/moved/movies/salt-road/").status == 200);
    let page = server.get("/moved/").text().replace("&#x2F;", "/");
    assert!(page.contains("href=\"/moved/movies/salt-road/\""), "{page}");
}

/// Returns the site with an empty value for every variable that the program reads.
fn with_empty_variables(site: Site, empty: &str) -> Site {
    let site = site.variable("RUST_LOG", empty);
    DECLARED.iter().fold(site, |site, option| site.variable(&option.variable(), empty))
}

#[test]
fn a_variable_without_a_value_counts_as_not_set() {
    for empty in ["", " "] {
        for option in DECLARED {
            let site = Site::new().variable(&option.variable(), empty);
            let ended = site.run(&["check", "--state", "none"]);
            assert_eq!(ended.code, Some(0), "{}={empty:?}: {}", option.variable(), ended.log);
        }
        let upstream = Upstream::start();
        let site = with_empty_variables(Site::of(&upstream), empty);
        let log = site.build_once().well();
        assert!(log.contains("INFO") && !log.contains("Redis"), "{log}");
        assert!(site.page("feed.xml").contains("<title>Films"), "the default title");
    }
}

#[test]
fn a_variable_without_a_value_leaves_the_value_of_the_file() {
    let upstream = Upstream::start();
    let site = with_empty_variables(Site::new(), "");
    let lines = "site-title = \"Filed\"\nlang = \"fr\"\nout = \"filed\"\nverbose = 1\n";
    site.write("movies-gen.toml", format!("{lines}upstream = \"{}\"\n", upstream.url()));
    let log = site.build_once().well();
    assert!(log.contains("DEBUG"), "{log}");
    let page = std::fs::read_to_string(site.path("filed/index.html")).expect("a page");
    assert!(page.contains("<html lang=\"fr\"") && page.contains("<title>Filed"), "{page}");
}

#[test]
fn the_address_to_listen_on_may_be_written_in_usual_forms() {
    let upstream = Upstream::start();
    for written in ["localhost:0", ":0", "0", "127.0.0.1:0"] {
        let server = Site::of(&upstream).with(&["--listen", written]).serve().ready();
        assert_eq!(server.get("/").status, 200, "{written}");
    }
    for written in ["localhost", "no.such.host.invalid:80", "localhost:99999"] {
        let log = Site::of(&upstream).run(&["serve", "--listen", written]).with_code(2);
        assert!(log.contains("--listen") && log.contains(written), "{log}");
    }
    // A command that does not listen must not resolve the name.
    let site = Site::new().variable("MOVIES_GEN_LISTEN", "no.such.host.invalid:80");
    assert_eq!(site.run(&["check"]).code, Some(0));
    let site = Site::of(&upstream);
    site.write("movies-gen.toml", "listen = 0\n");
    let server = site.serve_as_told().ready();
    assert_eq!(server.get("/").status, 200);
}
