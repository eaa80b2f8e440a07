//! One line of the log.
//!
//! Owns both formats. Pure. Everything that a client sends is escaped, so that no request can forge a
//! line or send control characters to a terminal.

use std::io::Write;
use std::time::Duration;

use chrono::DateTime;
use hyper::Version;
use hyper::header::{HOST, REFERER, USER_AGENT};
use hyper::http::request::Parts;
use serde::Serialize;

use super::client::Client;
use crate::cli::AccessLogFormat;
use crate::clock::WallTime;

/// A request and its answer.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a> {
    /// Who sent the request.
    pub client: Client,
    /// The request; `None` if the bytes were not a request.
    pub request: Option<&'a Parts>,
    /// When the request arrived.
    pub arrived: WallTime,
    /// Time from the request to the answer.
    pub took: Duration,
    /// Status code of the answer.
    pub status: u16,
    /// Bytes of the body of the answer.
    pub bytes: u64,
    /// The field `Cache-Status` of the answer.
    pub cache: Option<&'a str>,
}

/// A request whose answer lasts long. The request itself is not kept, because its header fields would
/// keep the buffer of the connection.
#[derive(Debug)]
pub struct KeptVisit {
    before: Box<[u8]>,
    after: Box<[u8]>,
}

/// Writes the start of a line in the combined format, up to the number of bytes.
fn combined(line: &mut Vec<u8>, visit: &Visit<'_>, (client, time): (&str, &str)) {
    let Visit { request, status, .. } = visit;
    line.extend_from_slice(client.as_bytes());
    line.extend_from_slice(b" - - [");
    line.extend_from_slice(time.as_bytes());
    line.extend_from_slice(b"] \"");
    match request {
        Some(request) => {
            escape(line, request.method.as_str().as_bytes());
            line.push(b' ');
            escape(line, target(request).as_bytes());
            line.push(b' ');
            line.extend_from_slice(protocol(request.version).as_bytes());
        }
        None => line.push(b'-'),
    }
    line.extend_from_slice(b"\" ");
    line.extend_from_slice(itoa::Buffer::new().format(*status).as_bytes());
    line.push(b' ');
}

/// Writes the end of a line in the combined format.
fn combined_end(line: &mut Vec<u8>, request: Option<&Parts>) {
    for name in [REFERER, USER_AGENT] {
        line.extend_from_slice(b" \"");
        match request.and_then(|request| request.headers.get(&name)) {
            Some(value) if !value.is_empty() => escape(line, value.as_bytes()),
            _ => line.push(b'-'),
        }
        line.push(b'"');
    }
    line.push(b'\n');
}

/// The members of a line in JSON that are known at the start of the answer.
#[derive(Serialize)]
struct Members<'a> {
    time: &'a str,
    client: Client,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_status: Option<&'a str>,
}

impl Serialize for Client {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn json(line: &mut Vec<u8>, visit: &Visit<'_>, time: &str) {
    let request = visit.request;
    let field = |name| {
        let value = request.and_then(|request| request.headers.get(name));
        value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let members = Members {
        time,
        client: visit.client,
        method: request.map(|request| request.method.as_str()),
        target: request.map(target),
        protocol: request.map(|request| protocol(request.version)),
        host: field(HOST).or_else(|| authority(request?)),
        referer: field(REFERER),
        user_agent: field(USER_AGENT),
        status: visit.status,
        cache_status: visit.cache,
    };
    // Texts and numbers always have a JSON form.
    let _ = serde_json::to_writer(&mut *line, &members);
    line.pop();
    line.extend_from_slice(b",\"bytes\":");
}

/// Appends the line of a visit that ended.
pub(super) fn append(
    line: &mut Vec<u8>,
    visit: &Visit<'_>,
    format: AccessLogFormat,
    forms: &mut LastForms,
) {
    let _ = match format {
        AccessLogFormat::Combined => {
            combined(line, visit, forms.common(visit));
            line.extend_from_slice(itoa::Buffer::new().format(visit.bytes).as_bytes());
            combined_end(line, visit.request);
            Ok(())
        }
        AccessLogFormat::Json => {
            json(line, visit, &forms.rfc3339(visit.arrived));
            json_end(line, visit.bytes, visit.took)
        }
    };
}

fn json_end(line: &mut Vec<u8>, bytes: u64, took: Duration) -> std::io::Result<()> {
    writeln!(line, "{bytes},\"seconds\":{:.6}}}", took.as_secs_f64())
}

impl KeptVisit {
    /// Keeps what the line will need.
    pub(super) fn of(
        visit: &Visit<'_>,
        format: AccessLogFormat,
        forms: &mut LastForms,
    ) -> KeptVisit {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        match format {
            AccessLogFormat::Combined => {
                combined(&mut before, visit, forms.common(visit));
                combined_end(&mut after, visit.request);
            }
            AccessLogFormat::Json => json(&mut before, visit, &forms.rfc3339(visit.arrived)),
        }
        KeptVisit { before: before.into(), after: after.into() }
    }

    /// Appends the line, when the answer has ended.
    pub(super) fn append(&self, line: &mut Vec<u8>, bytes: u64, took: Duration) {
        line.extend_from_slice(&self.before);
        if self.after.is_empty() {
            let _ = json_end(line, bytes, took);
        } else {
            let _ = write!(line, "{bytes}");
            line.extend_from_slice(&self.after);
        }
    }
}

/// Returns the host that a request over HTTP/2 names without the field `Host`.
fn authority(request: &Parts) -> Option<String> {
    request.uri.authority().map(|authority| authority.as_str().to_owned())
}

fn target(request: &Parts) -> &str {
    request.uri.path_and_query().map_or("*", |target| target.as_str())
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    }
}

/// Appends text of a client. Quotation marks, backslashes and everything that is not visible ASCII
/// become `\xHH`, as in the logs of other servers.
fn escape(line: &mut Vec<u8>, text: &[u8]) {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    if text.iter().all(is_plain) {
        return line.extend_from_slice(text);
    }
    for byte in text {
        if is_plain(byte) {
            line.push(*byte);
        } else {
            let _ = write!(line, "\\x{byte:02X}");
        }
    }
}

/// The forms of times and clients. Most lines have the second and the client of the line before.
#[derive(Debug, Default)]
pub(super) struct LastForms {
    second: u64,
    common: String,
    last: Option<Client>,
    client: String,
}

impl LastForms {
    /// Returns the client, and the time in the form of the combined format, in UTC.
    fn common(&mut self, visit: &Visit<'_>) -> (&str, &str) {
        if self.second != visit.arrived.seconds() || self.common.is_empty() {
            self.second = visit.arrived.seconds();
            let time = DateTime::from_timestamp(self.second as i64, 0).unwrap_or_default();
            self.common = time.format("%d/%b/%Y:%H:%M:%S +0000").to_string();
        }
        if self.last != Some(visit.client) {
            self.last = Some(visit.client);
            self.client = visit.client.to_string();
        }
        (&self.client, &self.common)
    }

    /// Returns the form of RFC 3339 with milliseconds, in UTC.
    fn rfc3339(&mut self, time: WallTime) -> String {
        let time = DateTime::from_timestamp_micros(time.0 as i64).unwrap_or_default();
        time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;
    use hyper::http::HeaderValue;

    use super::*;

    const NOON: WallTime = WallTime(1_796_040_000_123_456);

    fn line(request: Option<&Parts>, format: AccessLogFormat) -> String {
        let client = Client::At("203.0.113.7".parse().expect("an address"));
        let took = Duration::from_micros(1_500);
        let cache = Some("movies-gen; hit");
        let visit = Visit { client, request, arrived: NOON, took, status: 200, bytes: 512, cache };
        let mut forms = LastForms::default();
        let mut line = Vec::new();
        append(&mut line, &visit, format, &mut forms);
        let mut kept = Vec::new();
        KeptVisit::of(&visit, format, &mut forms).append(&mut kept, 512, took);
        assert_eq!(line, kept, "a kept visit has the same line");
        String::from_utf8(line).expect("text")
    }

    fn request(agent: &[u8]) -> Parts {
        let request = Request::get("/films/x/?a=b").header(REFERER, "https://a.example/\"");
        let request = request.header(USER_AGENT, HeaderValue::from_bytes(agent).expect("a value"));
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn the_combined_format_is_that_of_other_servers() {
        let line = line(Some(&request(b"Mozilla/5.0")), AccessLogFormat::Combined);
        let expected = "203.0.113.7 - - [30/Nov/2026:12:00:00 +0000] \"GET /films/x/?a=b \
                        HTTP/1.1\" 200 512 \"https://a.example/\\x22\" \"Mozilla/5.0\"\n";
        assert_eq!(line, expected);
    }

    #[test]
    fn no_client_can_forge_a_line() {
        let agent = "a\" 200 1 \"-\" \"\\\tb\u{1b}[31mé".replace('\u{1b}', "\u{9b}");
        for format in [AccessLogFormat::Combined, AccessLogFormat::Json] {
            let line = line(Some(&request(agent.as_bytes())), format);
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            assert!(!line.trim_end().chars().any(|c| c.is_ascii_control()), "{line:?}");
        }
        let line = line(Some(&request(agent.as_bytes())), AccessLogFormat::Combined);
        assert_eq!(line.matches('"').count(), 6, "{line}");
        assert!(line.is_ascii());
    }

    #[test]
    fn a_line_in_json_has_all_members() {
        let line = line(Some(&request(b"caf\xe9")), AccessLogFormat::Json);
        let value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(value["time"], "2026-11-30T12:00:00.123Z");
        assert_eq!(value["client"], "203.0.113.7");
        assert_eq!(value["target"], "/films/x/?a=b");
        assert_eq!(value["user_agent"], "caf\u{fffd}");
        assert_eq!((&value["status"], &value["bytes"]), (&200.into(), &512.into()));
        assert_eq!(value["seconds"], 0.0015);
        assert_eq!(value["cache_status"], "movies-gen; hit");
    }

    #[test]
    fn bytes_that_are_no_request_have_a_line_too() {
        let line = line(None, AccessLogFormat::Combined);
        assert!(line.ends_with("\"-\" 200 512 \"-\" \"-\"\n"), "{line}");
    }
}
