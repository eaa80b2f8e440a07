//! Validators and conditional requests.

use super::served;

#[test]
fn every_form_of_a_file_has_its_own_strong_etag() {
    let (_upstream, server) = served();
    let etags = ["identity", "gzip", "br"]
        .map(|coding| server.get_with("/", "Accept-Encoding", coding).expect("etag").to_owned());
    assert!(etags.iter().all(|etag| etag.starts_with('"') && etag.ends_with('"')), "{etags:?}");
    assert!(etags[0] != etags[1] && etags[1] != etags[2] && etags[0] != etags[2], "{etags:?}");
}

#[test]
fn a_known_etag_is_answered_with_304_only_for_its_own_form() {
    let (_upstream, server) = served();
    let codings = ["identity", "gzip", "br"];
    let etags = codings
        .map(|coding| server.get_with("/", "Accept-Encoding", coding).expect("etag").to_owned());
    for (coding, own) in codings.iter().zip(&etags) {
        for etag in &etags {
            let fields = [("Accept-Encoding", *coding), ("If-None-Match", etag)];
            let response = server.ask("GET", "/", &fields);
            assert_eq!(response.status, if etag == own { 304 } else { 200 }, "{coding} {etag}");
            assert_eq!(response.expect("etag"), own);
        }
    }
}

#[test]
fn a_304_has_the_header_fields_that_a_cache_needs() {
    let (_upstream, server) = served();
    let whole = server.get("/");
    let response = server.get_with("/", "If-None-Match", whole.expect("etag"));
    assert_eq!(response.status, 304);
    // RFC 9110 §15.4.5.
    for name in ["etag", "cache-control", "vary", "date"] {
        assert!(response.header(name).is_some(), "{name} in {response:?}");
    }
    assert_eq!(response.expect("x-generation"), whole.expect("x-generation"));
}

#[test]
fn weak_and_listed_etags_and_the_star_match_too() {
    let (_upstream, server) = served();
    let etag = server.get("/").expect("etag").to_owned();
    for value in [format!("W/{etag}"), format!("\"other\", {etag}"), "*".to_owned()] {
        assert_eq!(server.get_with("/", "If-None-Match", &value).status, 304, "{value}");
    }
}

#[test]
fn last_modified_answers_if_modified_since() {
    let (_upstream, server) = served();
    let modified = server.get("/").expect("last-modified").to_owned();
    assert_eq!(server.get_with("/", "If-Modified-Since", &modified).status, 304);
    let before = "Mon, 01 Jan 2001 00:00:00 GMT";
    assert_eq!(server.get_with("/", "If-Modified-Since", before).status, 200);
    let both = [("If-None-Match", "\"other\""), ("If-Modified-Since", modified.as_str())];
    assert_eq!(server.ask("GET", "/", &both).status, 200, "the etag decides");
}

#[test]
fn if_range_with_another_etag_gives_the_whole_file() {
    let (_upstream, server) = served();
    let whole = server.get("/movies.json");
    let asked = |value: &str| {
        server.ask("GET", "/movies.json", &[("Range", "bytes=0-3"), ("If-Range", value)])
    };
    assert_eq!(asked(whole.expect("etag")).status, 206);
    // All forms of the file have this date, so the date names no form.
    assert_eq!(asked(whole.expect("last-modified")).status, 200);
    let changed = asked("\"other\"");
    assert_eq!((changed.status, changed.body), (200, whole.body));
}

#[test]
fn a_failed_precondition_is_412() {
    let (_upstream, server) = served();
    let etag = server.get("/").expect("etag").to_owned();
    assert_eq!(server.get_with("/", "If-Match", &etag).status, 200);
    assert_eq!(server.get_with("/", "If-Match", "\"other\"").status, 412);
    let before = "Mon, 01 Jan 2001 00:00:00 GMT";
    assert_eq!(server.get_with("/", "If-Unmodified-Since", before).status, 412);
}
