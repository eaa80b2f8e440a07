//! The upstream of `--demo`: a server on loopback that has the form of the Studio Ghibli API and
//! a catalogue that keeps changing, or the catalogue in the files of `--demo-from`.
//!
//! Owns a listener and two threads; `cycle` owns the built-in data. The demo exists so that a person can
//! watch updates without a network and still see the whole program at work: the client, the
//! checks and the schedule are the same, over real HTTP.
//!
//! The demo must not read a clock, remember clients, or serve visitors. tiny_http has no limits
//! and no timeouts, so it suits one known client with a few connections on loopback only.
//!
//! Limits: a connection that is open when the demo is dropped gets no further answer, so its
//! client times out. A client that asks for megabytes and reads nothing delays the drop,
//! because answers are sent one after the other.

mod cycle;
pub mod synthetic;

use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use socket2::SockRef;
use tiny_http::{Header, Method, Request, Response, Server};

use crate::disk;

/// A running demo upstream. Dropping the value stops the demo.
pub struct Demo {
    url: String,
    server: Arc<Server>,
    stop: Option<mpsc::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Demo {
    /// Starts the demo upstream. The catalogue takes its next step after each `every`.
    ///
    /// # Errors
    /// Fails if `every` is zero, or if the system has no free port or thread.
    pub fn start(every: Duration) -> Result<Demo> {
        ensure!(
            !every.is_zero(),
            "the demo needs a pause between its steps; set an interval above zero"
        );
        let (server, url) = listen()?;
        let step = Arc::new(AtomicU64::new(0));

        // Start the thread of the steps first: if the other thread cannot start, `stop` is dropped
        // with this function, and the thread of the steps ends.
        let (stop, stopped) = mpsc::channel();
        let counter = Arc::clone(&step);
        let steps = Builder::new().name("demo-steps".into()).spawn(move || {
            while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        let steps = steps.context("cannot start the thread that changes the demo")?;
        let (listening, base) = (Arc::clone(&server), url.clone());
        let answers = Builder::new().name("demo-answers".into()).spawn(move || {
            for request in listening.incoming_requests() {
                respond(request, step.load(Ordering::Relaxed), &base);
            }
        });
        let answers = answers.context("cannot start the thread that serves the demo")?;
        Ok(Demo { url, server, stop: Some(stop), threads: vec![steps, answers] })
    }

    /// Starts a demo upstream that answers with the files `films.json` and `people.json` of a
    /// directory, as the files are at the time of the request.
    ///
    /// # Errors
    /// Fails if the system has no free port or thread.
    pub fn of_files(directory: &Path) -> Result<Demo> {
        let (server, url) = listen()?;
        // A thread for each list, so that a refresh can get both lists at the same time.
        let answers = [0, 1].map(|number| {
            let (listening, directory) = (Arc::clone(&server), directory.to_owned());
            Builder::new().name(format!("demo-answers-{number}")).spawn(move || {
                for request in listening.incoming_requests() {
                    respond_with_file(request, &directory);
                }
            })
        });
        let mut demo = Demo { url, server, stop: None, threads: Vec::new() };
        for answers in answers {
            demo.threads.push(answers.context("cannot start the thread that serves the demo")?);
        }
        Ok(demo)
    }

    /// Returns the base address without a trailing slash, such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.stop = None;
        self.threads.iter().for_each(|_| self.server.unblock());
        for thread in self.threads.drain(..) {
            // The thread itself has reported its panic already.
            let _ = thread.join();
        }
    }
}

/// Binds a port on loopback. Returns the server and its base address.
fn listen() -> Result<(Arc<Server>, String)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .context("cannot bind a port on 127.0.0.1 for the demo upstream")?;
    let address = listener.local_addr().context("cannot read the port of the demo upstream")?;
    // tiny_http hides the sockets it accepts. On Linux, they inherit this option.
    SockRef::from(&listener)
        .set_tcp_nodelay(true)
        .with_context(|| format!("cannot set TCP_NODELAY on {address}"))?;
    let server = Server::from_listener(listener, None)
        .map_err(|error| anyhow!(error))
        .with_context(|| format!("cannot serve the demo upstream on {address}"))?;
    Ok((Arc::new(server), format!("http://{address}")))
}

/// Answers with a file of `directory`, which may be larger than the memory.
fn respond_with_file(request: Request, directory: &Path) {
    let name = match request.url().split(['?', '#']).next().unwrap_or_default() {
        "/films" | "/films/" => "films.json",
        "/people" | "/people/" => "people.json",
        _ => "",
    };
    let is_read = matches!(request.method(), Method::Get | Method::Head);
    let found = (is_read && !name.is_empty()).then(|| opened(directory.join(name))).flatten();
    let Some((file, size, tag)) = found else {
        let (status, headers, page) = error_page(404, "Not Found");
        return send(request, Response::from_data(page), status, &headers);
    };
    let json = "application/json; charset=utf-8".to_owned();
    let headers = [("Content-Type", json), ("ETag", tag.clone())];
    if is_current(&request, &tag) {
        return send(request, Response::from_data(Vec::new()), 304, &headers);
    }
    let size = usize::try_from(size).ok();
    let response = Response::new(200.into(), Vec::new(), file, size, None);
    send(request, response, 200, &headers);
}

/// Opens a file. Returns the file, its size in bytes, and an entity tag for its state.
fn opened(path: PathBuf) -> Option<(File, u64, String)> {
    let file = disk::open(&path).ok()?;
    let found = file.metadata().ok()?;
    let changed = found.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let tag = format!("W/\"{:x}-{:x}\"", found.len(), changed.as_nanos());
    Some((file, found.len(), tag))
}

fn respond(request: Request, step: u64, base: &str) {
    let (status, headers, body) = answer(&request, step, base);
    send(request, Response::from_data(body), status, &headers);
}

fn send<R: Read>(
    request: Request,
    response: Response<R>,
    status: u16,
    headers: &[(&'static str, String)],
) {
    // tiny_http would send a body of more than 32 kB in chunks. The real API declares the length,
    // and with a 304 the length that a 200 would have (RFC 9110 §8.6) without a body.
    let mut response = response.with_status_code(status).with_chunked_threshold(usize::MAX);
    // tiny_http refuses only values that are not ASCII, and all of these values are ASCII.
    let headers =
        headers.iter().flat_map(|(name, value)| Header::from_bytes(*name, value.as_str()));
    headers.for_each(|header| response.add_header(header));
    // An error here means that the client has closed the connection.
    let _ = request.respond(response);
}

/// The status, the header fields and the body of an answer.
type DemoAnswer = (u16, Vec<(&'static str, String)>, String);

fn answer(request: &Request, step: u64, base: &str) -> DemoAnswer {
    if !matches!(request.method(), Method::Get | Method::Head) {
        let (status, mut headers, page) = error_page(405, "Method Not Allowed");
        headers.push(("Allow", "GET, HEAD".to_owned()));
        return (status, headers, page);
    }
    let Some(body) = cycle::body(request.url(), step, base) else {
        return error_page(404, "Not Found");
    };
    let tag = format!("W/\"{}\"", &blake3::hash(body.as_bytes()).to_hex()[..32]);
    let status = if is_current(request, &tag) { 304 } else { 200 };
    let json = "application/json; charset=utf-8".to_owned();
    (status, vec![("Content-Type", json), ("ETag", tag)], body)
}

/// Whether the answer is a 304. Like the real API, `no-cache` in a request asks for the body.
fn is_current(request: &Request, tag: &str) -> bool {
    let elements = |name: &'static str| {
        let fields = request.headers().iter().filter(move |header| header.field.equiv(name));
        fields.flat_map(|header| header.value.as_str().split(',')).map(str::trim)
    };
    let opaque = tag.trim_start_matches("W/");
    !elements("Cache-Control").any(|directive| directive.eq_ignore_ascii_case("no-cache"))
        && elements("If-None-Match")
            .any(|known| known == "*" || known.trim_start_matches("W/") == opaque)
}

/// Makes an error page. Errors are HTML pages, as in the real API, so that the demo also tests that
/// a client does not read an error page as data.
fn error_page(status: u16, reason: &str) -> DemoAnswer {
    let title = format!("<title>{status} {reason}</title>");
    let page = format!("<!doctype html>\n<html lang=\"en\">{title}<h1>{reason}</h1></html>\n");
    (status, vec![("Content-Type", "text/html; charset=utf-8".to_owned())], page)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpStream;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const TICK: Duration = Duration::from_millis(5);

    fn connect(demo: &Demo) -> TcpStream {
        TcpStream::connect(demo.url().trim_start_matches("http://")).unwrap()
    }

    /// Sends a request on a new connection. Returns the head of the answer in lower case, and the
    /// body.
    fn ask(demo: &Demo, method: &str, target: &str, fields: &str) -> (String, String) {
        let mut stream = connect(demo);
        let head = format!("{method} {target} HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n");
        write!(stream, "{head}{fields}\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a blank line after the head");
        (format!("{}\r\n", head.to_ascii_lowercase()), body.to_owned())
    }

    fn field<'a>(head: &'a str, name: &str) -> &'a str {
        let named = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        named.unwrap_or_else(|| panic!("no {name} in {head}"))
    }

    #[test]
    fn a_list_is_json_of_declared_length_with_a_weak_etag() {
        let demo = Demo::start(HOUR).unwrap();
        let (head, body) = ask(&demo, "GET", "/films?limit=250", "");
        assert!(head.starts_with("http/1.1 200 "), "{head}");
        assert_eq!(field(&head, "content-type"), "application/json; charset=utf-8");
        assert_eq!(field(&head, "content-length"), body.len().to_string());
        assert!(
            field(&head, "etag").starts_with("w/\"") && !head.contains("last-modified"),
            "{head}"
        );
        assert_eq!(Some(body), cycle::body("/films", 0, demo.url()));
    }

    #[test]
    fn a_known_etag_is_answered_with_304_unless_the_request_says_no_cache() {
        let demo = Demo::start(HOUR).unwrap();
        let (full, list) = ask(&demo, "GET", "/people", "");
        let tag = field(&full, "etag").replace("w/", "W/");
        let known = format!("If-None-Match: \"other\", {tag}\r\n");
        let (head, body) = ask(&demo, "GET", "/people", &known);
        assert!(head.starts_with("http/1.1 304 ") && body.is_empty(), "{head}");
        assert_eq!(field(&head, "etag"), field(&full, "etag"));
        assert_eq!(field(&head, "content-length"), list.len().to_string());
        let (head, body) =
            ask(&demo, "GET", "/people", &format!("{known}Cache-Control: no-cache\r\n"));
        assert!(head.starts_with("http/1.1 200 ") && body == list, "{head}");
        let (head, _) = ask(&demo, "GET", "/people", "If-None-Match: W/\"other\"\r\n");
        assert!(head.starts_with("http/1.1 200 "), "{head}");
    }

    #[test]
    fn the_answer_to_head_is_the_head_of_the_answer_to_get() {
        let demo = Demo::start(HOUR).unwrap();
        let (get, list) = ask(&demo, "GET", "/people", "");
        let (head, body) = ask(&demo, "HEAD", "/people", "");
        assert_eq!(field(&head, "etag"), field(&get, "etag"));
        assert_eq!((field(&head, "content-length"), &*body), (&*list.len().to_string(), ""));
    }

    #[test]
    fn errors_are_html_pages() {
        let demo = Demo::start(HOUR).unwrap();
        for (method, target, status) in
            [("GET", "/", "404"), ("GET", "/films/nobody", "404"), ("POST", "/films", "405")]
        {
            let (head, body) = ask(&demo, method, target, "");
            assert!(head.starts_with(&format!("http/1.1 {status} ")), "{head}");
            assert_eq!(field(&head, "content-type"), "text/html; charset=utf-8");
            assert!(body.starts_with("<!doctype html>"), "{body}");
            assert_eq!(head.contains("allow: get, head\r\n"), status == "405");
        }
    }

    #[test]
    fn the_catalogue_changes_without_requests() {
        let demo = Demo::start(TICK).unwrap();
        let first = ask(&demo, "GET", "/films", "").1;
        while ask(&demo, "GET", "/films", "").1 == first {}
    }

    #[test]
    fn dropping_the_demo_waits_for_no_step_and_for_no_open_connection() {
        let demo = Demo::start(HOUR).unwrap();
        let mut stream = connect(&demo);
        write!(stream, "GET /species HTTP/1.1\r\nHost: demo\r\n\r\n").unwrap();
        assert_eq!(stream.read(&mut [0; 8]).unwrap(), 8);
        drop(demo);
    }

    #[test]
    fn files_are_read_again_for_each_request_and_have_an_etag_of_their_state() {
        let directory = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            disk::replace_unsynced(&directory.path().join(name), text.as_bytes())
        };
        put("films.json", "[1]").unwrap();
        put("people.json", "[]").unwrap();
        let demo = Demo::of_files(directory.path()).unwrap();
        let (head, body) = ask(&demo, "GET", "/films?limit=0", "");
        assert!(head.starts_with("http/1.1 200 ") && body == "[1]", "{head}");
        let known = format!("If-None-Match: {}\r\n", field(&head, "etag").replace("w/", "W/"));
        assert!(ask(&demo, "GET", "/films", &known).0.starts_with("http/1.1 304 "));
        put("films.json", "[1, 2]").unwrap();
        assert_eq!(ask(&demo, "GET", "/films", &known).1, "[1, 2]");
        assert_eq!(ask(&demo, "GET", "/people", "").1, "[]");
        for absent in ["/", "/films.json", "/../films.json", "/films/1"] {
            assert!(ask(&demo, "GET", absent, "").0.starts_with("http/1.1 404 "), "{absent}");
        }
    }

    #[test]
    fn a_step_without_a_pause_is_refused() {
        assert!(Demo::start(Duration::ZERO).is_err());
    }
}
