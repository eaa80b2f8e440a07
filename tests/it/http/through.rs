//! The same requests with and without a proxy: nginx, Caddy, HAProxy and Varnish, over HTTP/1.1 and HTTP/2,
//! before the proxy and behind the proxy.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::served;
use crate::fixture::{
    Caddy, Conversation, Nginx, Process, Response, Running, Site, Upstream, ask, found,
    free_address, wait_until, write,
};

/// A running proxy.
pub(crate) struct Front {
    _process: Process,
    _directory: TempDir,
}

/// Starts a proxy with a configuration file, and waits until `address` accepts connections.
fn front(
    address: SocketAddr,
    configuration: &str,
    command: impl FnOnce(&Path, &Path) -> Command,
) -> Front {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("configuration");
    write(&file, configuration);
    let process = Process::start(&mut command(directory.path(), &file));
    found("the proxy", || TcpStream::connect(address).ok());
    Front { _process: process, _directory: directory }
}

/// Starts HAProxy, which speaks `protocol` with the server. Returns its address for HTTP/1.1 and its
/// address for HTTP/2.
pub(crate) fn haproxy(server: SocketAddr, protocol: &str) -> (Front, SocketAddr, SocketAddr) {
    let (one, two) = (free_address(), free_address());
    let configuration = format!(
        "defaults\n mode http\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n\
         frontend site\n bind {one}\n bind {two} proto h2\n default_backend movies_gen\n\
         backend movies_gen\n server one {server} proto {protocol}\n"
    );
    let front = front(two, &configuration, |_, file| {
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(file);
        command
    });
    (front, one, two)
}

/// Starts Caddy, which speaks HTTP/2 without TLS with the server.
pub(crate) fn caddy_over_http_2(server: SocketAddr) -> (Front, SocketAddr) {
    let address = free_address();
    let configuration = format!(
        "{{\n\tadmin off\n}}\nhttp://:{} {{\n\tbind {}\n\treverse_proxy {server} {{\n\
         \t\tflush_interval -1\n\t\ttransport http {{\n\t\t\tcompression off\n\t\t\tversions h2c 2\n\
         \t\t}}\n\t}}\n}}\n",
        address.port(),
        address.ip()
    );
    let front = front(address, &configuration, |directory, file| {
        let mut command = Command::new("caddy");
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
        for name in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
            command.env(name, directory);
        }
        command
    });
    (front, address)
}

/// Starts a server whose access log tells the protocol of each request.
fn served_with_log() -> (Upstream, Running) {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--access-log", "access.log"]);
    site.build_once().well();
    site.write("public/.well-known/security.txt", "Contact: mailto:owner@films.example\n");
    let server = site.serve().ready();
    (upstream, server)
}

/// Checks that requests came over HTTP/2.
fn all_came_over_http_2(server: &Running) {
    // The client of this test asks over HTTP/1.1 as often. Lines are written a moment after their answers.
    wait_until("as many lines of HTTP/2 as of HTTP/1.1", || {
        let log = std::fs::read_to_string(server.site.path("access.log")).expect("a log");
        let asked = |version: &str| log.matches(&format!(" /feed.xml {version}\"")).count();
        asked("HTTP/2.0") >= asked("HTTP/1.1").max(1)
    });
}

/// Starts Varnish, which forwards each request.
fn varnish(server: SocketAddr) -> (Front, SocketAddr) {
    let address = free_address();
    let configuration = format!(
        "vcl 4.1;\nbackend default {{ .host = \"{}\"; .port = \"{}\"; }}\n\
         sub vcl_recv {{ return (pass); }}\n",
        server.ip(),
        server.port()
    );
    let front = front(address, &configuration, |directory, file| {
        let mut command = Command::new("varnishd");
        // Varnish would otherwise ask for gzip only, and decode the answer.
        command.args(["-F", "-j", "none", "-p", "http_gzip_support=off", "-s", "malloc,10m"]);
        command.args(["-a", &address.to_string()]).arg("-f").arg(file).arg("-n").arg(directory);
        command
    });
    (front, address)
}

/// A request: method, path and additional fields.
type Request = (&'static str, String, Vec<(&'static str, String)>);

/// Returns requests for each kind of answer.
fn requests(server: SocketAddr) -> Vec<Request> {
    let field = |name, value: &str| vec![(name, value.to_owned())];
    let mut all = Vec::new();
    let paths = [
        "/",
        "/movies/salt-road/",
        "/movies.json",
        "/people/",
        "/feed.xml",
        "/sitemap.xml",
        "/no-such-page/",
        "/healthz",
        "/.well-known/security.txt",
    ];
    for path in paths {
        for coding in ["identity", "gzip", "br", "gzip, deflate, br"] {
            all.push(("GET", path.to_owned(), field("Accept-Encoding", coding)));
        }
        all.push(("HEAD", path.to_owned(), Vec::new()));
    }
    let first = ask(server, "GET", "/movies.json", &[]);
    let etag = first.expect("etag");
    all.push(("GET", "/movies.json".into(), field("If-None-Match", etag)));
    all.push(("GET", "/movies.json".into(), field("If-Match", "\"another\"")));
    for range in ["bytes=0-9", "bytes=-5", "bytes=5-,0-1", "bytes=99999999-"] {
        all.push(("GET", "/movies.json".into(), field("Range", range)));
    }
    all.push(("GET", "/movies/salt-road".into(), Vec::new()));
    all.push(("OPTIONS", "/movies.json".into(), field("Origin", "https://a.example")));
    all.push(("DELETE", "/".into(), Vec::new()));
    all
}

/// Fields that a proxy sets or that change with time.
const OWN: [&str; 10] = [
    "age",
    "cache-status",
    "cdn-cache-control",
    "connection",
    "date",
    "keep-alive",
    "server",
    "transfer-encoding",
    "via",
    "x-varnish",
];

type Told = (u16, BTreeMap<String, String>, Vec<u8>);

fn told(answer: Response) -> Told {
    let fields = answer.headers.into_iter().filter(|(name, _)| !OWN.contains(&name.as_str()));
    (answer.status, fields.collect(), answer.body)
}

fn ask_for((method, path, fields): &Request, address: SocketAddr) -> Told {
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    told(ask(address, method, path, &fields))
}

/// Asks with curl over HTTP/2.
fn ask_over_http_2((method, path, fields): &Request, address: SocketAddr) -> Told {
    let directory = tempfile::tempdir().expect("a directory");
    let (head, body) = (directory.path().join("head"), directory.path().join("body"));
    let mut command = Command::new("curl");
    command.args(["-sS", "--http2-prior-knowledge", "-H", "Host: site.example"]);
    match *method {
        "HEAD" => command.arg("--head"),
        method => command.args(["-X", method]),
    };
    for (name, value) in fields {
        command.arg("-H").arg(format!("{name}: {value}"));
    }
    command.arg("-D").arg(&head).arg("-o").arg(&body).arg(format!("http://{address}{path}"));
    assert!(command.status().expect("curl").success(), "{command:?}");
    let head = std::fs::read_to_string(head).expect("a head");
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let status = first.strip_prefix("HTTP/2 ").and_then(|status| status.trim().parse().ok());
    let fields = lines.filter_map(|line| line.split_once(": "));
    let headers = fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    let body = if *method == "HEAD" { Vec::new() } else { std::fs::read(body).unwrap_or_default() };
    told(Response { status: status.unwrap_or_else(|| panic!("{head}")), headers, body })
}

fn all_are_the_same(proxy: &str, server: SocketAddr, asked: impl Fn(&Request) -> Told) {
    for request in requests(server) {
        let (direct, through) = (ask_for(&request, server), asked(&request));
        assert_eq!(through.0, direct.0, "{proxy}, status of {request:?}");
        assert!(through.2 == direct.2, "{proxy}, body of {request:?}");
        assert_eq!(through.1, direct.1, "{proxy}, fields of {request:?}");
    }
}

fn first_event_comes(proxy: &str, address: SocketAddr) {
    let mut stream = Conversation::open(address);
    stream.say(b"GET /events?path=/&page=x HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut seen = String::new();
    while !seen.contains("event: fetch") {
        let some = stream.some(4096);
        assert!(!some.is_empty(), "{proxy}: {seen}");
        seen.push_str(&String::from_utf8_lossy(&some));
    }
}

#[test]
#[ignore = "needs nginx"]
fn answers_through_nginx_are_the_same() {
    let (_upstream, server) = served();
    let (_nginx, proxy) = Nginx::deployed(&server.site.out(), "/", server.address);
    all_are_the_same("nginx", server.address, |request| ask_for(request, proxy));
    first_event_comes("nginx", proxy);
}

#[test]
#[ignore = "needs caddy"]
fn answers_through_caddy_are_the_same() {
    let (_upstream, server) = served();
    let caddy = Caddy::deployed(&server.site.out(), server.address);
    all_are_the_same("Caddy", server.address, |request| ask_for(request, caddy.proxy));
    first_event_comes("Caddy", caddy.proxy);
}

#[test]
#[ignore = "needs HAProxy and curl"]
fn answers_through_haproxy_are_the_same_over_http_1_1_and_http_2() {
    let (_upstream, server) = served();
    let (_front, one, two) = haproxy(server.address, "h1");
    all_are_the_same("HAProxy", server.address, |request| ask_for(request, one));
    all_are_the_same("HAProxy, HTTP/2", server.address, |request| ask_over_http_2(request, two));
    first_event_comes("HAProxy", one);
}

#[test]
#[ignore = "needs curl"]
fn answers_over_http_2_are_the_same() {
    let (_upstream, server) = served_with_log();
    all_are_the_same("HTTP/2", server.address, |request| ask_over_http_2(request, server.address));
    all_came_over_http_2(&server);
}

#[test]
#[ignore = "needs HAProxy and curl"]
fn answers_through_haproxy_that_speaks_http_2_with_the_server_are_the_same() {
    let (_upstream, server) = served_with_log();
    let (_front, one, two) = haproxy(server.address, "h2");
    all_are_the_same("HAProxy", server.address, |request| ask_for(request, one));
    all_are_the_same("HAProxy, HTTP/2", server.address, |request| ask_over_http_2(request, two));
    first_event_comes("HAProxy", one);
    all_came_over_http_2(&server);
}

#[test]
#[ignore = "needs caddy"]
fn answers_through_caddy_that_speaks_http_2_with_the_server_are_the_same() {
    let (_upstream, server) = served_with_log();
    let (_front, address) = caddy_over_http_2(server.address);
    all_are_the_same("Caddy", server.address, |request| ask_for(request, address));
    first_event_comes("Caddy", address);
    all_came_over_http_2(&server);
}

#[test]
#[ignore = "needs Varnish"]
fn answers_through_varnish_are_the_same() {
    let (_upstream, server) = served();
    let (_front, address) = varnish(server.address);
    all_are_the_same("Varnish", server.address, |request| {
        // Varnish itself answers a request for several ranges with 503.
        let is_refused =
            request.2.iter().any(|(name, value)| *name == "Range" && value.contains(','));
        ask_for(request, if is_refused { server.address } else { address })
    });
    first_event_comes("Varnish", address);
}
