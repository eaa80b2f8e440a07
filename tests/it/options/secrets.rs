//! No output shows a password.

use super::each_way;
use crate::fixture::{Site, Upstream};

const PASSWORD: &str = "0pen-sesame";

#[test]
fn help_does_not_show_a_password_from_the_environment() {
    let redis = format!("redis://bob:{PASSWORD}@127.0.0.1:1/");
    let upstream = format!("https://bob:{PASSWORD}@api.example/?key={PASSWORD}");
    let site =
        Site::new().variable("MOVIES_GEN_REDIS", &redis).variable("MOVIES_GEN_UPSTREAM", &upstream);
    for words in [&["serve", "--help"][..], &["build", "--help"], &["build", "-h"], &["--help"]] {
        let shown = site.run(words);
        assert!(!shown.out.contains(PASSWORD) && !shown.log.contains(PASSWORD), "{shown:?}");
        shown.well();
    }
}

#[test]
fn logs_do_not_show_the_redis_password() {
    let upstream = Upstream::start();
    let redis = format!("redis://bob:{PASSWORD}@127.0.0.1:1/");
    for (way, name) in each_way(&Site::of(&upstream).with(&["-vv"]), "redis", &redis) {
        let log = way.build_once().well();
        assert!(log.contains("Redis cannot be used"), "{name}: {log}");
        assert!(
            log.contains("redis://127.0.0.1:1/"),
            "the log must name the address, {name}: {log}"
        );
        assert!(!log.contains(PASSWORD) && !log.contains("bob"), "{name}: {log}");
    }
}

#[test]
fn errors_do_not_repeat_an_address_that_may_contain_a_password() {
    let bad = format!("redis//bob:{PASSWORD}@127.0.0.1");
    let strange = format!("http://bob:{PASSWORD}@127.0.0.1/");
    let upstream = Upstream::start();
    for url in [&bad, &strange] {
        for (way, name) in each_way(&Site::of(&upstream), "redis", url) {
            let ended = way.build_once();
            let said = format!("{}{}", ended.log, ended.out);
            assert!(!said.contains(PASSWORD), "{name}: {said}");
            let log = ended.with_code(2);
            assert!(log.contains("--redis"), "{name}: {log}");
        }
    }
}

#[test]
fn errors_do_not_repeat_a_password_next_to_a_broken_line_of_the_file() {
    let site = Site::new();
    let lines = format!("redis = \"redis://:{PASSWORD}@127.0.0.1:1/\" oops\n");
    site.write("movies-gen.toml", lines);
    let log = site.build_once().with_code(2);
    assert!(log.contains("movies-gen.toml:1") && !log.contains(PASSWORD), "{log}");
}

#[test]
fn the_file_with_the_password_can_be_named_in_each_way() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--redis", "redis://127.0.0.1:1/"]);
    for (way, name) in each_way(&site, "redis-password-file", "no-such-file") {
        let log = way.build_once();
        assert!(log.log.contains("no-such-file"), "{name}: {log:?}");
        assert_ne!(log.code, Some(0), "{name}");
    }
}

#[test]
fn a_key_in_the_address_of_the_upstream_is_in_no_log_and_no_file() {
    let upstream = Upstream::start();
    upstream.set("/films", crate::fixture::Answer::new(500, "oops"));
    let url = format!("http://bob:{PASSWORD}@127.0.0.1:{}/?key={PASSWORD}", upstream.port());
    let site = Site::new().with(&["--upstream", &url, "-vv"]);
    let log = site.build_once().with_code(1);
    assert!(log.contains("/films") && !log.contains(PASSWORD) && !log.contains("bob"), "{log}");
    let query = format!("key={PASSWORD}&limit=250");
    assert_eq!(upstream.asked_for("/films")[0].query, query, "the API must get the key");
    let mut left = vec![site.path("")];
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                left.push(path);
            } else {
                let text =
                    String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned();
                assert!(!text.contains(PASSWORD), "{}: {text}", path.display());
            }
        }
    }
}
