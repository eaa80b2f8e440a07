//! nginx in front of the published files.

use std::collections::BTreeMap;
use std::process::Command;

use crate::fixture::{
    Answer, Ended, Nginx, Site, Upstream, ask, certify, contents, films, free_address, get,
};

#[test]
#[ignore = "needs nginx"]
fn nginx_serves_the_exact_bytes_of_the_files() {
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
fn nginx_and_the_server_add_a_missing_slash_before_the_query() {
    let upstream = Upstream::start();
    let server = Site::of(&upstream).serve().ready();
    let nginx = Nginx::start(&server.site.out());
    for path in ["/movies", "/movies/salt-road", "/status"] {
        let query = "?q=one+two%20three&sort=title";
        for answer in
            [&server.get(&format!("{path}{query}")), &get(nginx.address, &format!("{path}{query}"))]
        {
            let location = answer.expect("location");
            let place = location
                .split_once("://")
                .map_or(location, |(_, rest)| rest.find('/').map_or(rest, |at| &rest[at..]));
            assert_eq!(place, format!("{path}/{query}"));
        }
    }
}

#[test]
#[ignore = "needs nginx"]
fn the_configuration_for_files_names_the_types_of_feeds() {
    let deploy = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let text = std::fs::read_to_string(deploy.join("nginx.conf")).expect("the configuration");
    let (files, _) = text.split_once("# 2. Proxy").expect("the server of files");
    let headers = deploy.join("nginx-headers.conf");
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    let nginx = Nginx::with(|address, _| {
        files
            .replace("listen 80;", &format!("listen {address};"))
            .replace("/srv/films/public", site.out().to_str().expect("text"))
            .replace("/etc/nginx/movies-gen-headers.conf", headers.to_str().expect("text"))
    });
    for (path, kind) in [
        ("/feed.xml", "application/atom+xml; charset=utf-8"),
        ("/feed.json", "application/feed+json"),
        ("/manifest.webmanifest", "application/manifest+json"),
        ("/status/", "text/html; charset=utf-8"),
        ("/changes/", "text/html; charset=utf-8"),
    ] {
        let answer = ask(nginx.address, "GET", path, &[("Accept-Encoding", "gzip")]);
        assert_eq!(answer.expect("content-type"), kind, "{path}");
        assert_eq!(answer.expect("cache-control"), "no-cache", "{path}");
        assert!(answer.header("content-security-policy").is_some(), "{path}");
        let is_feed = path.starts_with("/feed");
        assert_eq!(answer.header("access-control-allow-origin").is_some(), is_feed, "{path}");
    }
    // A directory without a page.
    let (directory, unknown) = (get(nginx.address, "/assets/"), get(nginx.address, "/nowhere"));
    assert_eq!((directory.status, &directory.body), (404, &unknown.body));
    assert_eq!(unknown.text(), site.page("404.html"));
}

#[test]
#[ignore = "needs nginx, openssl and curl"]
fn both_servers_speak_https_when_the_lines_for_https_are_uncommented() {
    let deploy = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let text = std::fs::read_to_string(deploy.join("nginx.conf")).expect("the configuration");
    let upstream = Upstream::start();
    let server = Site::of(&upstream).serve().ready();
    let certificate = tempfile::tempdir().expect("a directory");
    certify(certificate.path());
    let [plain, secure, other_plain, other_secure] = [(); 4].map(|()| free_address());
    let _nginx = Nginx::with(|first, _| {
        let mut servers = text.replace("/srv/films/public", &server.site.out().to_string_lossy());
        for word in ["listen 443", "ssl_", "if ($scheme"] {
            assert!(servers.contains(&format!("    # {word}")), "no comment has {word}");
            servers = servers.replace(&format!("    # {word}"), &format!("    {word}"));
        }
        for (from, to) in
            [("80;", plain), ("80;", other_plain), ("443", secure), ("443", other_secure)]
        {
            let to = if from == "80;" { format!("{to};") } else { to.to_string() };
            servers = servers.replacen(&format!("listen {from}"), &format!("listen {to}"), 1);
        }
        for (name, file) in [("fullchain", "pem"), ("privkey", "key")] {
            for site in ["films", "films-strict"] {
                let path = format!("/etc/letsencrypt/live/{site}.example/{name}.pem");
                assert!(servers.contains(&path), "{path}");
                servers = servers.replace(&path, &certificate.path().join(file).to_string_lossy());
            }
        }
        let headers = deploy.join("nginx-headers.conf").to_string_lossy().into_owned();
        servers = servers.replace("/etc/nginx/movies-gen-headers.conf", &headers);
        servers = servers.replace("127.0.0.1:8000", &server.address.to_string());
        // The fixture waits for this address.
        format!("{servers} server {{ listen {first}; }}")
    });
    for (plain, secure) in [(plain, secure), (other_plain, other_secure)] {
        let moved = get(plain, "/people/?q=gull");
        let to = "https://site.example/people/?q=gull";
        assert_eq!((moved.status, moved.expect("location")), (301, to));
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--http2", "--cacert"]).arg(certificate.path().join("pem"));
        curl.args(["--write-out", "%{http_version} %{http_code}", "--output"]);
        curl.arg(certificate.path().join("page"));
        let ended = Ended::of(curl.arg(format!("https://localhost:{}/", secure.port())));
        assert_eq!((ended.code, ended.out.as_str()), (Some(0), "2 200"), "{}", ended.log);
        let page = std::fs::read(certificate.path().join("page")).expect("a page");
        assert!(page == server.get("/").body, "another page over HTTPS");
    }
}

#[test]
#[ignore = "needs nginx"]
fn nginx_recognises_a_change_within_one_second() {
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

#[test]
#[ignore = "needs nginx"]
fn nginx_answers_whole_pages_during_repeated_publishes() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    for theme in ["light", "dark"] {
        site.write(&format!("{theme}/assets/site.css"), format!("/* {theme} */ p {{}}"));
    }
    let both = ["light", "dark"].map(|theme| {
        site.with(&["--templates", theme]).build_once().well();
        contents(&site.out())
    });
    let nginx = Nginx::start(&site.out());
    let paths = ["/", "/movies/salt-road/", "/people/gull/", "/movies.json"];
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let visitors: Vec<_> = ["", "gzip"]
            .into_iter()
            .map(|coding| {
                scope.spawn({
                    let (both, stop) = (&both, &stop);
                    move || visits(nginx.address, &paths, coding, both, stop)
                })
            })
            .collect();
        for publish in 0..PUBLISHES {
            let theme = ["light", "dark"][publish % 2];
            site.with(&["--templates", theme]).build_once().well();
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        for visitor in visitors {
            let loads = visitor.join().expect("a visitor that saw no fault");
            assert!(loads > PUBLISHES, "{loads} loads are too few for this test");
        }
    });
}

/// Number of publishes while visitors load pages.
const PUBLISHES: usize = 200;

/// Loads pages until the test ends. Asserts that each page is a complete page of one of the two
/// sites, and that no validator belongs to two different bodies, so that no 304 can be wrong.
fn visits(
    address: std::net::SocketAddr,
    paths: &[&str],
    coding: &str,
    both: &[BTreeMap<String, Vec<u8>>; 2],
    stop: &std::sync::atomic::AtomicBool,
) -> usize {
    let mut validators: BTreeMap<(String, String), Vec<u8>> = BTreeMap::new();
    let mut loads = 0;
    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
        for path in paths {
            let response = ask(address, "GET", path, &[("Accept-Encoding", coding)]);
            assert_eq!(response.status, 200, "{path}");
            let file = path.trim_start_matches('/');
            let file =
                if file.ends_with(".json") { file.to_owned() } else { format!("{file}index.html") };
            let body = response.decoded();
            assert!(both.iter().any(|whole| whole[&file] == body), "{path} is a mixture");
            let key = ((*path).to_owned(), response.expect("etag").to_owned());
            let known = validators.entry(key).or_insert_with(|| body.clone());
            assert_eq!(*known, body, "{path}: one validator for two pages");
            loads += 1;
        }
    }
    loads
}
