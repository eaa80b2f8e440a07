//! Another web server in front of the files.

use std::collections::BTreeMap;

use crate::fixture::{Answer, Nginx, Site, Upstream, ask, contents, films, get};

#[test]
#[ignore = "needs nginx"]
fn nginx_serves_the_very_bytes_of_the_files() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    let nginx = Nginx::start(&site.out());
    let files = contents(&site.out());
    for (path, bytes) in &files {
        let url = format!("/{}", path.strip_suffix("index.html").unwrap_or(path));
        let response = get(nginx.address, &url);
        assert_eq!((response.status, &response.body), (200, bytes), "{url}");
    }
    let compressed: BTreeMap<_, _> =
        files.iter().filter(|(path, _)| files.contains_key(&format!("{path}.gz"))).collect();
    assert!(compressed.len() > 10, "{:?}", compressed.keys());
    for (path, bytes) in compressed {
        let url = format!("/{}", path.strip_suffix("index.html").unwrap_or(path));
        let response = ask(nginx.address, "GET", &url, &[("Accept-Encoding", "gzip")]);
        assert_eq!(response.expect("content-encoding"), "gzip", "{url}");
        assert_eq!(response.body, files[&format!("{path}.gz")], "{url}");
        assert_eq!(&response.decoded(), bytes, "{url}");
    }
}

#[test]
#[ignore = "needs nginx"]
fn nginx_and_the_server_answer_the_same_bodies() {
    let upstream = Upstream::start();
    let server = Site::of(&upstream).serve().ready();
    let nginx = Nginx::start(&server.site.out());
    for path in ["/", "/movies/salt-road/", "/people/gull/", "/movies.json", "/nowhere"] {
        let (ours, theirs) = (server.get(path), get(nginx.address, path));
        assert_eq!((ours.status, ours.body), (theirs.status, theirs.body), "{path}");
    }
}

#[test]
#[ignore = "needs nginx"]
fn a_change_within_a_second_is_not_taken_for_the_old_page_by_nginx() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--interval", "400ms"]);
    site.build_once().well();
    let nginx = Nginx::start(&site.out());
    for score in ["11", "12", "13"] {
        let known = get(nginx.address, "/movies.json");
        let mut films = films();
        films[0]["rt_score"] = serde_json::json!(score);
        upstream.set("/films", Answer::json(&films));
        site.build_once().well();
        let fields = [("If-None-Match", known.expect("etag"))];
        let response = ask(nginx.address, "GET", "/movies.json", &fields);
        assert_eq!(response.status, 200, "the same size, another score");
        assert!(response.text().contains(&format!("\"rt_score\":{score}")), "{response:?}");
    }
}
