//! Caddy with `deploy/Caddyfile`: in front of the published files, and as a proxy.

use std::process::Command;

use crate::fixture::{Caddy, Site, Upstream, ask, contents, get};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/Caddyfile");

#[test]
#[ignore = "needs caddy"]
fn caddy_reads_the_file_as_it_is_and_warns_of_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let told = |words: &[&str]| {
        let mut command = Command::new("caddy");
        command.args(words).env("HOME", directory.path());
        let output = command.env("XDG_DATA_HOME", directory.path()).output().expect("caddy");
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{words:?}: {text}");
        text
    };
    let _ = told(&["validate", "--adapter", "caddyfile", "--config", FILE]);
    let adapted = told(&["adapt", "--adapter", "caddyfile", "--config", FILE]);
    assert!(!adapted.contains("\"level\":\"warn\""), "{adapted}");
}

#[test]
#[ignore = "needs caddy"]
fn caddy_serves_the_files_in_each_form_and_nothing_else() {
    let upstream = Upstream::start();
    let server = Site::of(&upstream).serve().ready();
    server.site.write("public/.well-known/security.txt", "Contact: mailto:owner@films.example\n");
    let caddy = Caddy::deployed(&server.site.out(), server.address);
    let files = contents(&server.site.out());
    let mut compressed = 0;
    for (path, bytes) in files.iter().filter(|(path, _)| !path.starts_with('.')) {
        let is_form = path.ends_with(".gz") || path.ends_with(".br");
        let url = format!("/{}", path.strip_suffix("index.html").unwrap_or(path));
        for (coding, suffix) in [("identity", ""), ("gzip", ".gz"), ("br", ".br")] {
            let answer = ask(caddy.files, "GET", &url, &[("Accept-Encoding", coding)]);
            if is_form {
                assert_eq!(answer.status, 404, "{url}");
                continue;
            }
            let form = files.get(&format!("{path}{suffix}")).unwrap_or(bytes);
            assert!(answer.status == 200 && answer.body == *form, "{url} as {coding}: {answer:?}");
            if form != bytes {
                assert_eq!(answer.expect("content-encoding"), coding, "{url}");
                assert_eq!(&answer.decoded(), bytes, "{url} as {coding}");
                compressed += 1;
            }
            let known = [("If-None-Match", answer.expect("etag")), ("Accept-Encoding", coding)];
            assert_eq!(ask(caddy.files, "GET", &url, &known).status, 304, "{url} as {coding}");
        }
    }
    assert!(compressed > 20, "only {compressed} compressed answers");
    assert_eq!(get(caddy.files, "/.well-known/security.txt").status, 200);
    let unknown = server.site.page("404.html");
    for path in ["/nowhere", "/assets/", "/assets/none.js", "/.movies-gen/manifest"] {
        let answer = get(caddy.files, path);
        assert_eq!((answer.status, answer.text()), (404, unknown.as_str()), "{path}");
        assert_eq!(answer.expect("cache-control"), "no-cache", "{path}");
    }
}

#[test]
#[ignore = "needs caddy"]
fn caddy_sends_the_fields_for_files_that_the_server_sends() {
    let upstream = Upstream::start();
    let server = Site::of(&upstream).serve().ready();
    let caddy = Caddy::deployed(&server.site.out(), server.address);
    let asset = contents(&server.site.out()).into_keys().find(|path| path.ends_with(".css"));
    let asset = format!("/{}", asset.expect("a style sheet"));
    let paths = ["/", "/movies/salt-road/", "/movies.json", "/feed.xml", "/feed.json", "/nowhere"];
    for path in paths.iter().copied().chain(["/manifest.webmanifest", &asset]) {
        let (ours, theirs) = (server.get(path), get(caddy.files, path));
        for field in [
            "access-control-allow-origin",
            "content-security-policy",
            "cross-origin-opener-policy",
            "permissions-policy",
            "referrer-policy",
            "x-content-type-options",
        ] {
            assert_eq!(theirs.header(field), ours.header(field), "{field} of {path}");
        }
        let [ours, theirs] = [ours, theirs].map(|answer| {
            answer.expect("content-type").split(';').next().unwrap_or_default().to_owned()
        });
        assert_eq!(theirs, ours, "media type of {path}");
    }
    let cached = get(caddy.files, &asset);
    assert_eq!(cached.expect("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(get(caddy.files, "/").expect("cache-control"), "no-cache");
}
