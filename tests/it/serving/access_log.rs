//! The access log: its formats, its clients, rotation, and a disk that is full.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::served_with;
use crate::fixture::{Conversation, Nginx, Running, Site, Upstream, found, get, wait_until};

/// Returns the lines of a log, as soon as each of these texts is in a line. Threads of the server write
/// their lines in any order, and the server was asked before a test begins.
fn lines_with(log: &Path, texts: &[&str]) -> Vec<String> {
    found("the lines of the access log", || {
        let text = std::fs::read_to_string(log).ok()?;
        // The last line may be incomplete.
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let lines: Vec<_> = whole.map(|line| line.trim_end().to_owned()).collect();
        let is_there = |part: &&str| lines.iter().any(|line| line.contains(part));
        texts.iter().all(is_there).then_some(lines)
    })
}

fn json_lines_with(log: &Path, texts: &[&str]) -> Vec<Value> {
    let lines = lines_with(log, texts);
    lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn logged(arguments: &[&str]) -> (Upstream, Running, std::path::PathBuf) {
    let (upstream, server) = served_with(&[&["--access-log", "access.log"], arguments].concat());
    let log = server.site.path("access.log");
    (upstream, server, log)
}

#[test]
fn each_answer_has_one_line_with_the_bytes_of_its_body() {
    let (_upstream, server, log) = logged(&[]);
    let page = server.ask("GET", "/?q=1", &[("User-Agent", "a\"b"), ("Referer", "https://r/")]);
    let _ = server.ask("HEAD", "/", &[]);
    let tag = page.expect("etag").to_owned();
    let _ = server.get_with("/", "If-None-Match", &tag);
    let _ = server.get("/none");
    let end = format!("\"GET /?q=1 HTTP/1.1\" 200 {} \"https://r/\" \"a\\x22b\"", page.body.len());
    let parts =
        ["\"HEAD / HTTP/1.1\" 200 0 ", "\"GET / HTTP/1.1\" 304 0 ", "\"GET /none HTTP/1.1\" 404 "];
    let lines = lines_with(&log, &[&parts[..], &[&*end]].concat()).join("\n");
    let line = lines.lines().find(|line| line.ends_with(&end)).expect(&lines);
    assert!(line.starts_with("127.0.0.1 - - ["), "{line}");
    for part in parts {
        assert_eq!(lines.matches(part).count(), 1, "{part} in {lines}");
    }
}

#[test]
fn bytes_that_are_no_request_and_streams_have_lines_too() {
    let (_upstream, server, log) = logged(&["--access-log-format", "json"]);
    let mut nonsense = Conversation::open(server.address);
    nonsense.say(b"\x16\x03\x01 nonsense\r\n\r\n");
    let _ = nonsense.rest();
    let mut long = Conversation::open(server.address);
    long.say(format!("GET /{}", "a".repeat(20_000)).as_bytes());
    let _ = long.rest();
    let mut stream = Conversation::open(server.address);
    stream.say(b"GET /events?path=/&page=x HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut told = Vec::new();
    while !told.windows(6).any(|part| part == b"event:") {
        told.extend(stream.some(1));
    }
    drop(stream);
    let target = "\"target\":\"/events?path=/&page=x\"";
    let lines = json_lines_with(&log, &[target, "\"status\":400", "\"status\":414"]);
    let statuses = |is: &dyn Fn(&&Value) -> bool| {
        lines.iter().filter(is).filter_map(|line| line["status"].as_u64()).collect::<BTreeSet<_>>()
    };
    assert_eq!(statuses(&|line| line.get("method").is_none()), [400, 414].into());
    let stream = lines.iter().find(|line| line["target"] == "/events?path=/&page=x");
    let stream = stream.expect("a line");
    assert!(stream["bytes"].as_u64() > Some(20), "{stream}");
}

#[test]
fn a_log_that_was_moved_is_opened_again_at_sighup_and_no_line_is_lost() {
    let (_upstream, server, log) = logged(&[]);
    let old = server.site.path("access.log.1");
    let _ = server.get("/one");
    let _ = lines_with(&log, &["GET /one "]);
    std::fs::rename(&log, &old).expect("moved");
    let _ = server.get("/two");
    let _ = lines_with(&old, &["GET /one ", "GET /two "]);
    server.hangup();
    wait_until("a new file", || log.exists());
    let _ = server.get("/three");
    assert!(lines_with(&log, &["GET /three "])[0].contains("GET /three "));
    let (_site, (code, _)) = (server.site.clone(), server.terminate());
    assert_eq!(code, Some(0));
    assert!(std::fs::read_to_string(&old).expect("a log").contains("GET /two "));
}

#[test]
fn the_last_lines_are_written_before_the_program_ends() {
    let (_upstream, server, log) = logged(&[]);
    let _ = server.get("/last");
    let (_site, (code, _)) = (server.site.clone(), server.terminate());
    assert_eq!(code, Some(0));
    assert!(std::fs::read_to_string(log).expect("a log").contains("GET /last "));
}

#[test]
fn a_full_disk_costs_lines_and_no_answer() {
    let (_upstream, server) =
        served_with(&["--access-log", "/dev/full", "--admin-listen", "127.0.0.1:0"]);
    assert_eq!(server.get("/").status, 200);
    server.wait_for_line("cannot write the access log to /dev/full");
    let lost = found("the count of lost lines", || {
        let metrics = get(server.admin(), "/metrics");
        let name = "movies_gen_access_log_lines_lost_total ";
        let line = metrics.text().lines().find_map(|line| line.strip_prefix(name))?.to_owned();
        line.parse::<u64>().ok().filter(|&lost| lost > 0)
    });
    assert_eq!(server.get("/").status, 200);
    assert!(lost >= 1);
    assert_eq!(server.log().matches("cannot write the access log").count(), 1);
}

#[test]
fn standard_output_can_be_the_log_and_carries_nothing_else() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--access-log", "-", "--access-log-format", "json"]);
    let command = site.command(&["serve"]);
    let output = site.path("output");
    let file = std::fs::File::create(&output).expect("a file");
    let process =
        crate::fixture::Process::start_between(&mut { command }, Stdio::null(), Stdio::from(file));
    let server = Running::of(process, site.clone()).ready();
    let _ = server.get("/here");
    let lines = json_lines_with(&output, &["\"target\":\"/here\""]);
    assert!(lines.iter().any(|line| line["target"] == "/here"), "{lines:?}");
}

#[test]
fn a_log_inside_the_published_site_is_refused() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--access-log", "public/access.log"]);
    let log = site.run(&["serve"]).with_code(2);
    assert!(log.contains("is inside --out, so the log would be published"), "{log}");
}

#[test]
fn a_client_names_itself_only_through_a_trusted_proxy() {
    let forged = [("X-Forwarded-For", "203.0.113.7")];
    let (_upstream, server, log) = logged(&["--access-log-format", "json"]);
    let _ = server.ask("GET", "/direct", &forged);
    let client = |log: &Path, target: &str| {
        found(target, || {
            let lines = json_lines_with(log, &[target]);
            lines.iter().find(|line| line["target"] == target).map(|line| line["client"].clone())
        })
    };
    assert_eq!(client(&log, "/direct"), "127.0.0.1");
    let (_upstream, server, log) =
        logged(&["--access-log-format", "json", "--trusted-proxies", "127.0.0.0/8,unix"]);
    let _ = server.ask("GET", "/proxied", &forged);
    assert_eq!(client(&log, "/proxied"), "203.0.113.7");
    let _ = server.ask("GET", "/standard", &[("Forwarded", "for=\"[2001:db8::7]:80\"")]);
    assert_eq!(client(&log, "/standard"), "2001:db8::7");
}

#[test]
#[ignore = "needs nginx"]
fn the_log_has_the_client_of_nginx_whatever_the_client_claims() {
    let (_upstream, server, log) =
        logged(&["--access-log-format", "json", "--trusted-proxies", "127.0.0.1"]);
    let (nginx, proxied) = Nginx::deployed(&server.site.out(), "", server.address);
    let forged = [("X-Forwarded-For", "203.0.113.7"), ("Forwarded", "for=203.0.113.8")];
    // The connection to nginx comes from another loopback address, which is no trusted proxy.
    let answer = from_other_address(proxied, "/through", &forged);
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    let lines = json_lines_with(&log, &["\"target\":\"/through\""]);
    let line = lines.iter().find(|line| line["target"] == "/through").expect("a line");
    assert_eq!(line["client"], "127.0.0.9");
    drop(nginx);
}

/// Asks from 127.0.0.9.
fn from_other_address(to: std::net::SocketAddr, path: &str, fields: &[(&str, &str)]) -> String {
    let source = [127, 0, 0, 9];
    let arguments = ["--silent", "--include", "--interface"].map(str::to_owned);
    let mut command = Command::new("curl");
    command.args(arguments).arg(std::net::Ipv4Addr::from(source).to_string());
    for (name, value) in fields {
        command.arg("--header").arg(format!("{name}: {value}"));
    }
    let output = command.arg(format!("http://{to}{path}")).output().expect("curl");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
#[ignore = "needs goaccess"]
fn goaccess_reads_both_formats() {
    let json = "{\"time\":\"%x.%^\",\"client\":\"%h\",\"method\":\"%m\",\"target\":\"%U\",\
                \"protocol\":\"%H\",\"host\":\"%v\",\"user_agent\":\"%u\",\"status\":\"%s\",\
                \"bytes\":\"%b\",\"seconds\":\"%T\"}";
    for (format, settings) in [
        ("combined", ["--log-format=COMBINED".to_owned(), String::new(), String::new()]),
        (
            "json",
            [
                format!("--log-format={json}"),
                "--datetime-format=%Y-%m-%dT%H:%M:%S".into(),
                String::new(),
            ],
        ),
    ] {
        let (_upstream, server, log) = logged(&["--access-log-format", format]);
        let _ = server.ask("GET", "/", &[("User-Agent", "Mozilla/5.0 \"quoted\" \u{9f}")]);
        let _ = server.get("/none");
        let _ = server.get("/people/");
        let _ = lines_with(&log, &["/none", "/people/"]);
        let (_site, (code, _)) = (server.site.clone(), server.terminate());
        assert_eq!(code, Some(0));
        let mut command = Command::new("goaccess");
        command.arg(&log).args(["--no-global-config", "--output=json", "--no-progress"]);
        command.args(settings.iter().filter(|setting| !setting.is_empty()));
        let output = command.stdin(Stdio::null()).output().expect("goaccess");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        let general = &report["general"];
        let lines = std::fs::read_to_string(&log).expect("a log").lines().count() as u64;
        assert_eq!(general["valid_requests"].as_u64(), Some(lines), "{general}");
        assert_eq!(general["failed_requests"], 0, "{general}");
        let text = report.to_string();
        assert!(text.contains("/people/") && text.contains("/none"), "{text}");
    }
}
