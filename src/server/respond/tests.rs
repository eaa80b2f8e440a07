//! Tests of the answers. Each test has the name of its rule.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::Request;
use hyper::Version;
use hyper::header::{ACCEPT_ENCODING, HOST, IF_NONE_MATCH, IF_RANGE};

use super::super::shown::ShownSnapshot;
use super::*;
use crate::clock::{BootTime, WallTime};
use crate::hold::{Bound, Coming, Decision, StaleReason};
use crate::live::{Frame, Origin, StoreState};
use crate::payload::Fence;
use crate::publish::{Generation, Volatile};

const NOW: Now = Now { boot: BootTime(100_000_000), wall: WallTime(1_795_518_000_000_000) };
const MTIME: u64 = 1_795_517_000;

fn snapshot(base: &str) -> Snapshot {
    let page = "<p>Totoro</p>".repeat(100);
    let files = [
        ("index.html", page.as_str()),
        ("404.html", "not here"),
        ("movies/totoro/index.html", "small"),
        ("movies.json", "[]"),
        ("assets/site-12345678.css", "p{}"),
    ];
    let files: BTreeMap<_, _> = files
        .into_iter()
        .map(|(path, text)| {
            let bytes = Bytes::from(text.to_owned());
            (path.to_owned(), Arc::new(PublishedFile::new(path, "f".into(), bytes, MTIME)))
        })
        .collect();
    let mut files = files;
    let mut moved = PublishedFile::new("movies/tonari/index.html", "f".into(), Bytes::new(), MTIME);
    moved.entry.moved_to = Some("movies/totoro/index.html".into());
    files.insert("movies/tonari/index.html".to_owned(), Arc::new(moved));
    let site = LiveSite {
        generation: Arc::new(Generation::new(MTIME, files)),
        fence: Fence(1),
        origin: Origin { boot: BootTime(57_500_000), wall: WallTime(1_795_517_957_500_000) },
    };
    Snapshot {
        site: Some(site),
        volatile: Volatile::from([
            ("freshness.json", Bytes::from_static(b"{}")),
            ("status/index.html", Bytes::from_static(b"well")),
        ]),
        coming: Coming::Due(BootTime(117_500_000)),
        takes: Duration::ZERO,
        store: StoreState::Alone,
        frame: Frame {
            base: base.to_owned(),
            starting: Bytes::from_static(b"soon"),
            failing: Bytes::from_static(b"failing"),
            too_old: Bytes::from_static(b"too old"),
            bound: Bound {
                max_age: Duration::from_secs(60),
                interval: Duration::from_secs(60),
                hold: Duration::from_secs(2),
                max_stale: Some(Duration::from_secs(600)),
            },
        },
    }
}

/// Makes the input of an answer at `now` for a request that did not wait.
fn met(snapshot: Snapshot, now: Now) -> Met {
    let shown = Rc::new(ShownSnapshot::of(Arc::new(snapshot)));
    Met { shown, now, decision: Decision::Fresh, held: None }
}

fn ask(method: Method, path: &str, fields: &[(hyper::header::HeaderName, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(path).header(HOST, "films.example");
    for (name, value) in fields {
        request = request.header(name, *value);
    }
    request.body(()).expect("a request").into_parts().0
}

fn get(path: &str, fields: &[(hyper::header::HeaderName, &str)]) -> Answer {
    respond(&ask(Method::GET, path, fields), &met(snapshot("/"), NOW))
}

fn field<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().expect("text"))
}

fn body(answer: Answer) -> Bytes {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(answer.into_body().collect()).expect("a body").to_bytes()
}

#[test]
fn an_answer_has_the_age_of_its_data() {
    let answer = get("/", &[]);
    assert_eq!(answer.status(), 200);
    assert_eq!(field(&answer, "age"), "42");
    assert_eq!(field(&answer, "x-data-as-of"), "2026-11-24T10:59:17.500Z");
    assert_eq!(field(&answer, "x-generation").len(), 32);
    assert_eq!(field(&get("/nowhere", &[]), "age"), "42");
    assert_eq!(field(&get("/freshness.json", &[]), "age"), "42");
}

#[test]
fn a_former_address_redirects_to_the_current_page() {
    let moved = |path, base| respond(&ask(Method::GET, path, &[]), &met(snapshot(base), NOW));
    for (path, base, to) in [
        ("/movies/tonari/", "/", "/movies/totoro/"),
        ("/films/movies/tonari/", "/films/", "/films/movies/totoro/"),
    ] {
        let answer = moved(path, base);
        assert_eq!((answer.status().as_u16(), field(&answer, "location")), (308, to));
    }
}

#[test]
fn cache_status_says_how_the_answer_was_made() {
    let told = |later: u64, decision, held: Option<u64>| {
        let now = Now { boot: NOW.boot + Duration::from_secs(later), ..NOW };
        let held = held.map(Duration::from_millis);
        let met = Met { decision, held, ..met(snapshot("/"), now) };
        let answer = respond(&ask(Method::GET, "/", &[]), &met);
        field(&answer, "cache-status").to_owned()
    };
    assert_eq!(told(0, Decision::Fresh, None), "movies-gen; hit; ttl=17");
    let held = told(0, Decision::Fresh, Some(80));
    assert_eq!(held, "movies-gen; fwd=stale; collapsed; ttl=17");
    let failed = Decision::Old(StaleReason::Failed);
    assert_eq!(told(20, failed, None), "movies-gen; hit; ttl=-3; detail=failed");
    let long = told(20, Decision::Old(StaleReason::RunsLong), Some(2_000));
    assert_eq!(long, "movies-gen; fwd=stale; collapsed; ttl=-3; detail=runs-long");
}

#[test]
fn data_that_is_too_stale_is_not_shown() {
    let later = Now { boot: NOW.boot + Duration::from_secs(600), ..NOW };
    let answer = |path| respond(&ask(Method::GET, path, &[]), &met(snapshot("/"), later));
    for path in ["/", "/movies/totoro/", "/movies.json", "/nowhere"] {
        let answer = answer(path);
        assert_eq!(answer.status(), 503, "{path}");
        assert_eq!(body(answer), "too old");
    }
    for path in ["/assets/site-12345678.css", "/freshness.json", "/status/", "/healthz"] {
        assert_eq!(answer(path).status(), 200, "{path}");
    }
}

#[test]
fn the_status_page_is_outside_generations() {
    let answer = get("/status/", &[]);
    assert_eq!(field(&answer, "content-type"), "text/html; charset=utf-8");
    assert_eq!(field(&answer, "cache-control"), "no-cache");
    let etag = field(&answer, "etag").to_owned();
    let again = get("/status/", &[(hyper::header::IF_NONE_MATCH, &etag)]);
    assert_eq!(again.status(), 304);
    assert_eq!(body(answer), "well");
    let slash = get("/status", &[]);
    assert_eq!((slash.status().as_u16(), field(&slash, "location")), (308, "/status/"));
    let below = respond(&ask(Method::GET, "/films/status", &[]), &met(snapshot("/films/"), NOW));
    assert_eq!(field(&below, "location"), "/films/status/");
    assert_eq!(get("/status/more", &[]).status(), 404);
}

#[test]
fn answers_that_do_not_depend_on_the_data_are_recognised() {
    let depends = |path| {
        let base = if path == "/films/assets/a.css" { "/films/" } else { "/" };
        depends_on_data(&ask(Method::GET, path, &[]), &snapshot(base))
    };
    for path in ["/", "/movies/totoro/", "/movies.json", "/nowhere", "/posters/totoro.svg"] {
        assert!(depends(path), "{path}");
    }
    for path in [
        "/assets/site-1.css",
        "/films/assets/a.css",
        "/static/a.png",
        "/healthz",
        "/freshness.json",
        "/status/",
        "/status",
        "/.well-known/a",
    ] {
        assert!(!depends(path), "{path}");
    }
    assert!(!depends_on_data(&ask(Method::POST, "/", &[]), &snapshot("/")));
}

#[test]
fn each_form_has_its_own_strong_validator() {
    let mut tags = Vec::new();
    for (accept, coding) in [("", ""), ("gzip", "gzip"), ("br, gzip", "br")] {
        let answer = get("/", &[(ACCEPT_ENCODING, accept)]);
        assert_eq!(field(&answer, "content-encoding"), coding);
        assert_eq!(field(&answer, "vary"), "accept-encoding");
        let tag = field(&answer, "etag").to_owned();
        assert!(tag.starts_with('"'), "{tag}");
        let again = get("/", &[(ACCEPT_ENCODING, accept), (IF_NONE_MATCH, &tag)]);
        assert_eq!(again.status(), 304);
        assert_eq!(field(&again, "etag"), tag);
        assert_eq!(field(&again, "vary"), "accept-encoding");
        assert!(body(again).is_empty());
        tags.push(tag);
    }
    tags.dedup();
    assert_eq!(tags.len(), 3);
}

#[test]
fn a_modification_time_in_the_future_is_not_sent() {
    let early = Now { wall: WallTime((MTIME - 1) * 1_000_000), ..NOW };
    let answer = respond(&ask(Method::GET, "/", &[]), &met(snapshot("/"), early));
    assert_eq!(field(&answer, "last-modified"), "");
    assert_eq!(field(&get("/", &[]), "last-modified"), "Tue, 24 Nov 2026 10:43:20 GMT");
}

#[test]
fn a_range_is_part_of_the_chosen_form() {
    let whole = body(get("/", &[(ACCEPT_ENCODING, "gzip")]));
    let fields = [(ACCEPT_ENCODING, "gzip"), (RANGE, "bytes=2-5")];
    let part = get("/", &fields);
    assert_eq!(part.status(), 206);
    assert_eq!(field(&part, "content-range"), format!("bytes 2-5/{}", whole.len()));
    assert_eq!(body(part), whole.slice(2..6));
    assert_eq!(get("/", &[(RANGE, "bytes=2-5"), (IF_RANGE, "\"old\"")]).status(), 200);
    let outside = get("/", &[(RANGE, "bytes=999999-")]);
    assert_eq!(outside.status(), 416);
    assert_eq!(field(&outside, "content-range"), "bytes */1300");
    let head = respond(&ask(Method::HEAD, "/", &[(RANGE, "bytes=2-5")]), &met(snapshot("/"), NOW));
    assert_eq!(head.status(), 200);
}

#[test]
fn a_path_is_looked_up_and_never_followed() {
    for path in [
        "/../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "/..%2fCargo.toml",
        "//etc/passwd",
        "/.movies-gen/manifest",
        "/movies//totoro/",
        "/index.html/",
        "/index.html.gz",
        "/.gitignore",
    ] {
        assert_eq!(get(path, &[]).status(), 404, "{path}");
    }
    assert_eq!(get("/%00", &[]).status(), 404);
    assert_eq!(get("/%ff", &[]).status(), 404);
    assert_eq!(get("/%6Dovies.json", &[]).status(), 200);
}

#[test]
fn a_missing_slash_is_added_from_the_generation_not_from_the_request() {
    let answer = get("/movies/totoro?utm=x", &[]);
    assert_eq!(answer.status(), 308);
    assert_eq!(field(&answer, "location"), "/movies/totoro/?utm=x");
    assert_eq!(get("//movies/totoro", &[]).status(), 404);
}

#[test]
fn every_redirect_keeps_the_query_exactly_as_it_was_sent() {
    let query = "?q=one+two%20%2f&q=&a==b&next=//evil.example/&%zz";
    for (base, path, to) in [
        ("/", "/movies/totoro", "/movies/totoro/"),
        ("/", "/movies/tonari/", "/movies/totoro/"),
        ("/", "/status", "/status/"),
        ("/films/", "/films", "/films/"),
        ("/films/", "/films/movies/totoro", "/films/movies/totoro/"),
        ("/films/", "/movies/totoro", "/films/movies/totoro/"),
        ("/films/", "/films/movies/tonari/", "/films/movies/totoro/"),
    ] {
        for method in [Method::GET, Method::HEAD] {
            for query in ["", "?", query] {
                let request = ask(method.clone(), &format!("{path}{query}"), &[]);
                let answer = respond(&request, &met(snapshot(base), NOW));
                assert_eq!(answer.status(), 308, "{path}");
                assert_eq!(field(&answer, "location"), format!("{to}{query}"));
            }
        }
    }
    assert_eq!(field(&get("/movies/totoro?q=\u{e9}", &[]), "location"), "/movies/totoro/?q=%C3%A9");
}

#[test]
fn no_redirect_leads_to_another_host() {
    for path in ["//evil.example", "//evil.example/..", "/%2fevil.example", "/%5cevil.example"] {
        let answer = get(&format!("{path}?//evil.example"), &[]);
        assert_eq!((answer.status().as_u16(), field(&answer, "location")), (404, ""), "{path}");
    }
    // The path of a careless `--site-url`.
    let base = "//evil.example/";
    let answer = respond(&ask(Method::GET, "/movies/totoro", &[]), &met(snapshot(base), NOW));
    assert_eq!(field(&answer, "location"), "/evil.example/movies/totoro/");
}

#[test]
fn a_site_under_a_path_answers_with_and_without_the_path() {
    let answer = |path| respond(&ask(Method::GET, path, &[]), &met(snapshot("/films/"), NOW));
    assert_eq!(answer("/films/movies/totoro/").status(), 200);
    assert_eq!(answer("/movies/totoro/").status(), 200);
    for path in ["/films/movies/totoro", "/movies/totoro"] {
        assert_eq!(field(&answer(path), "location"), "/films/movies/totoro/");
    }
    assert_eq!(field(&answer("/films"), "location"), "/films/");
}

#[test]
fn only_get_and_head_are_allowed_and_a_host_is_required() {
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::TRACE] {
        let answer = respond(&ask(method, "/", &[]), &met(snapshot("/"), NOW));
        assert_eq!(answer.status(), 405);
        assert_eq!(field(&answer, "allow"), "GET, HEAD, OPTIONS");
    }
    let mut nameless = ask(Method::GET, "/", &[]);
    nameless.headers.remove(HOST);
    assert_eq!(respond(&nameless, &met(snapshot("/"), NOW)).status(), 400);
    nameless.version = Version::HTTP_10;
    assert_eq!(respond(&nameless, &met(snapshot("/"), NOW)).status(), 200);
}

#[test]
fn before_the_first_site_answers_have_retry_after() {
    let empty = met(Snapshot { site: None, ..snapshot("/") }, NOW);
    let answer = respond(&ask(Method::GET, "/", &[]), &empty);
    assert_eq!(answer.status(), 503);
    assert_eq!(field(&answer, "retry-after"), "2");
    assert_eq!(body(answer), "soon");
    assert_eq!(respond(&ask(Method::GET, "/healthz", &[]), &empty).status(), 200);
}

#[test]
fn only_scripts_of_the_site_may_run() {
    for path in ["/", "/nowhere", "/movies.json"] {
        let answer = get(path, &[]);
        let policy = field(&answer, "content-security-policy");
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(field(&answer, "x-content-type-options"), "nosniff");
    }
}

#[test]
fn files_with_a_hash_are_cached_for_a_year_and_data_is_shared_with_other_origins() {
    assert_eq!(field(&get("/", &[]), "cache-control"), "no-cache");
    let asset = get("/assets/site-12345678.css", &[]);
    assert_eq!(field(&asset, "cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(field(&get("/movies.json", &[]), "access-control-allow-origin"), "*");
    assert_eq!(field(&get("/", &[]), "access-control-allow-origin"), "");
    assert_eq!(field(&get("/", &[]), "content-type"), "text/html; charset=utf-8");
}
