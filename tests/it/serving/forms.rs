//! Methods, content codings and ranges.

use std::collections::BTreeSet;

use super::{PATHS, served};

const CDN_CACHE_CONTROL: &str = "cdn-cache-control";

#[test]
fn the_answer_to_head_has_the_header_of_get_and_no_body() {
    let (_upstream, server) = served();
    for path in PATHS.into_iter().chain(["/nowhere", "/movies/salt-road", "/healthz"]) {
        for coding in ["identity", "gzip", "br"] {
            let fields = [("Accept-Encoding", coding)];
            let get = server.ask("GET", path, &fields);
            let head = server.ask("HEAD", path, &fields);
            assert_eq!(get.status, head.status, "{path}");
            // Two fields for caches have the time that is left.
            let steady = |name: &&(String, String)| {
                let name = &*name.0;
                !matches!(
                    name,
                    "date" | "age" | "x-data-as-of" | "cache-status" | CDN_CACHE_CONTROL
                )
            };
            for header in ["cache-status", "age", CDN_CACHE_CONTROL] {
                assert_eq!(get.header(header).is_some(), head.header(header).is_some(), "{path}");
            }
            let get: BTreeSet<_> = get.headers.iter().filter(steady).collect();
            let head: BTreeSet<_> = head.headers.iter().filter(steady).collect();
            assert_eq!(get, head, "{path}");
        }
    }
}

#[test]
fn compressed_bodies_decode_to_the_plain_body() {
    let (_upstream, server) = served();
    for path in ["/", "/movies/salt-road/", "/people/", "/movies.json", "/people.json"] {
        let plain = server.get(path);
        assert_eq!(plain.header("content-encoding"), None, "{path}");
        for coding in ["gzip", "br"] {
            let response = server.get_with(path, "Accept-Encoding", coding);
            assert_eq!(response.expect("content-encoding"), coding, "{path}");
            assert_eq!(response.decoded(), plain.body, "{path} as {coding}");
            assert!(response.body.len() < plain.body.len(), "{path} as {coding}");
        }
    }
}

#[test]
fn the_weights_of_the_client_choose_the_coding_and_vary_is_sent() {
    let (_upstream, server) = served();
    for (accepted, coding) in [
        ("gzip, deflate, br, zstd", Some("br")),
        ("gzip", Some("gzip")),
        ("br;q=0.1, gzip;q=0.9", Some("gzip")),
        ("br;q=0, gzip;q=0", None),
        ("identity", None),
        ("*", Some("br")),
    ] {
        let response = server.get_with("/", "Accept-Encoding", accepted);
        assert_eq!(response.header("content-encoding"), coding, "{accepted}");
        assert_eq!(response.expect("vary"), "accept-encoding", "{accepted}");
    }
}

#[test]
fn a_range_is_answered_with_exactly_these_bytes() {
    let (_upstream, server) = served();
    let whole = server.get("/movies.json").body;
    let length = whole.len();
    for (range, expected) in [
        ("bytes=0-9", 0..10),
        ("bytes=10-", 10..length),
        ("bytes=-7", length - 7..length),
        ("bytes=5-999999999", 5..length),
    ] {
        let response = server.get_with("/movies.json", "Range", range);
        assert_eq!(response.status, 206, "{range}");
        let (start, end) = (expected.start, expected.end);
        assert_eq!(response.expect("content-range"), format!("bytes {start}-{}/{length}", end - 1));
        assert_eq!(response.body, whole[expected], "{range}");
    }
}

#[test]
fn joined_ranges_are_the_compressed_file() {
    let (_upstream, server) = served();
    let part =
        |range: &str| server.ask("GET", "/", &[("Range", range), ("Accept-Encoding", "gzip")]);
    let (first, second) = (part("bytes=0-99"), part("bytes=100-"));
    assert_eq!((first.status, second.status), (206, 206));
    assert_eq!(first.expect("etag"), second.expect("etag"));
    let whole = [first.body, second.body].concat();
    assert_eq!(crate::fixture::decoded(&whole, "gzip"), server.get("/").body);
}

#[test]
fn a_range_outside_the_file_is_416_with_its_length() {
    let (_upstream, server) = served();
    let length = server.get("/movies.json").body.len();
    let response = server.get_with("/movies.json", "Range", "bytes=999999999-");
    assert_eq!(response.status, 416);
    assert_eq!(response.expect("content-range"), format!("bytes */{length}"));
}

#[test]
fn a_range_that_is_not_understood_gives_the_whole_file() {
    let (_upstream, server) = served();
    for range in ["lines=1-2", "bytes=9-2", "bytes=0-1,5-6", "bytes=x"] {
        let response = server.get_with("/movies.json", "Range", range);
        assert_eq!(response.status, 200, "{range}");
        assert_eq!(response.header("content-range"), None, "{range}");
    }
}

#[test]
fn other_methods_are_answered_with_405_and_allow() {
    let (_upstream, server) = served();
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let response = server.ask(method, "/", &[]);
        assert_eq!(response.status, 405, "{method}");
        assert_eq!(response.expect("allow"), "GET, HEAD, OPTIONS", "{method}");
    }
}
