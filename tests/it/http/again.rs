//! The second answer to a request comes from another way through the server than the first.

use super::case::{Line, Seen};
use super::served;
use crate::fixture::{Answer, Site, Upstream, films, wait_until};

const PATHS: [&str; 9] = [
    "/",
    "/movies/salt-road/",
    "/movies.json",
    "/feed.xml",
    "/sitemap.xml",
    "/robots.txt",
    "/freshness.json",
    "/status/",
    "/nowhere",
];

/// Answers without the fields that change with time.
fn answers(line: &mut Line, method: &str, path: &str, fields: &str, times: usize) -> Vec<Seen> {
    let answer = |_| {
        line.say(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n").as_bytes());
        let mut seen = line.answer(method).expect("an answer");
        let timed = ["date", "age", "cache-status", "cdn-cache-control"];
        seen.fields.retain(|(name, _)| !timed.contains(&name.as_str()));
        seen.fields.sort();
        seen
    };
    (0..times).map(answer).collect()
}

#[test]
fn the_second_answer_is_the_first_answer() {
    let (_upstream, server) = served();
    let mut line = Line::open(server.address);
    for path in PATHS {
        for fields in ["", "Accept-Encoding: gzip\r\n", "Accept-Encoding: gzip, br\r\n"] {
            let got = answers(&mut line, "GET", path, fields, 3);
            assert!(got.windows(2).all(|two| two[0] == two[1]), "{path} {fields}: {got:?}");
            let head = answers(&mut line, "HEAD", path, fields, 1).remove(0);
            assert_eq!((head.status, &head.fields), (got[0].status, &got[0].fields), "{path}");
            // A query chooses no other file, and other fields of the request count as before.
            let query = answers(&mut line, "GET", &format!("{path}?q=1"), fields, 1).remove(0);
            assert_eq!(query, got[0], "{path}");
        }
        let first = answers(&mut line, "GET", path, "", 1).remove(0);
        if let Some(etag) = first.field("etag") {
            let known = format!("If-None-Match: {etag}\r\n");
            let got = answers(&mut line, "GET", path, &known, 2);
            assert!(got[0].status == 304 && got[0] == got[1], "{path}: {got:?}");
            let other = answers(&mut line, "GET", path, "If-None-Match: \"x\"\r\n", 1).remove(0);
            assert_eq!(other, first, "{path}");
        }
        assert_eq!(answers(&mut line, "POST", path, "Content-Length: 0\r\n", 1)[0].status, 405);
    }
}

#[test]
fn the_second_answer_304_is_the_first_answer_304() {
    let (_upstream, server) = served();
    let mut line = Line::open(server.address);
    for path in PATHS {
        for (at, coding) in ["identity", "gzip", "gzip, br"].iter().enumerate() {
            let accepted = format!("Accept-Encoding: {coding}\r\n");
            let whole = answers(&mut line, "GET", path, &accepted, 1).remove(0);
            let validators = [("etag", "If-None-Match"), ("last-modified", "If-Modified-Since")];
            for (validator, condition) in validators {
                let Some(known) = whole.field(validator) else { continue };
                // The server knows no answer to a client that also accepts another coding.
                let accepted = format!("Accept-Encoding: {coding}, x-{at}-{validator}\r\n");
                let asked = format!("{accepted}{condition}: {known}\r\n");
                let got = answers(&mut line, "GET", path, &asked, 3);
                assert_eq!(got[0].status, 304, "{path} {asked}: {got:?}");
                assert!(got.windows(2).all(|two| two[0] == two[1]), "{path} {asked}: {got:?}");
                let head = answers(&mut line, "HEAD", path, &asked, 1).remove(0);
                assert_eq!(head, got[0], "{path} {asked}");
                let now_whole = answers(&mut line, "GET", path, &accepted, 2);
                assert_eq!(now_whole, [whole.clone(), whole.clone()], "{path} {accepted}");
            }
        }
    }
}

#[test]
fn an_answer_that_is_known_already_follows_each_publish() {
    let upstream = Upstream::start();
    let server = Site::of(&upstream).with(&["--interval", "1s"]).serve().ready();
    let mut line = Line::open(server.address);
    for score in ["21", "22", "23"] {
        let mut list = films();
        list[0]["rt_score"] = serde_json::json!(score);
        upstream.set("/films", Answer::json(&list));
        let shows = format!("\"rt_score\":{score}");
        wait_until("the new score", || {
            let seen = answers(&mut line, "GET", "/movies.json", "", 2).pop().expect("an answer");
            let text = String::from_utf8_lossy(&seen.body).into_owned();
            let generation = seen.field("x-generation").expect("a generation").to_owned();
            let page = answers(&mut line, "GET", "/", "", 1).remove(0);
            // The first page of the next generation may come in between.
            text.contains(&shows) && page.field("x-generation") == Some(&generation)
        });
    }
}

#[test]
fn a_known_answer_is_not_sent_when_its_data_is_too_old() {
    let upstream = Upstream::start();
    let server = Site::of(&upstream)
        .with(&["--interval", "1s", "--max-age", "1s", "--hold", "0s", "--max-stale", "3s"])
        .serve()
        .ready();
    let mut line = Line::open(server.address);
    assert_eq!(answers(&mut line, "GET", "/robots.txt", "", 2)[1].status, 200);
    upstream.set_both(&Answer::new(500, "broken"));
    wait_until("data that is too old", || {
        answers(&mut line, "GET", "/robots.txt", "", 1)[0].status == 503
    });
    let seen = answers(&mut line, "GET", "/movies.json", "", 1).remove(0);
    assert_eq!((seen.status, seen.field("access-control-allow-origin")), (503, Some("*")));
    assert_eq!((seen.field("retry-after"), seen.field("refresh")), (Some("30"), Some("30")));
    upstream.recover();
    wait_until("new data", || answers(&mut line, "GET", "/robots.txt", "", 1)[0].status == 200);
}
