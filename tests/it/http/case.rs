//! One case of the suite, and what a server makes of the case.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::fixture::PATIENCE;

/// A request and the answer that the RFC wants. One line of a table.
pub(super) struct Case {
    /// The section of the RFC.
    pub(super) section: &'static str,
    /// The bytes of the request. `|` stands for CRLF. `{etag}`, `{etag-gz}`, `{etag-br}`, `{date}` and
    /// `{size}` stand for the validators and the size of `/movies.json`.
    pub(super) request: &'static str,
    /// The expected status; 0 if the connection may end without an answer.
    pub(super) status: u16,
    /// Expected fields, with ` + ` between them: `name: value`, `name` for any value, `!name` for an
    /// absent field.
    pub(super) fields: &'static str,
    /// The expected state of the connection.
    pub(super) after: After,
}

/// The state of a connection after the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// The next request is answered.
    Open,
    /// The server has closed the connection.
    Closed,
    /// The server may do both.
    Either,
}

/// Makes a case.
pub(super) const fn case(
    section: &'static str,
    request: &'static str,
    status: u16,
    fields: &'static str,
    after: After,
) -> Case {
    Case { section, request, status, fields, after }
}

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Seen {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A connection on which answers are read one by one.
pub(super) struct Line {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Line {
    pub(super) fn open(address: SocketAddr) -> Line {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Line { stream, unread: Vec::new() }
    }

    /// Sends bytes. A connection that the server has closed is not an error.
    pub(super) fn say(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Closes the sending side.
    pub(super) fn half_close(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Reads more bytes. Returns `false` at the end of the connection.
    fn more(&mut self) -> bool {
        let mut bytes = [0; 16 << 10];
        match self.stream.read(&mut bytes) {
            Ok(0) => false,
            Ok(count) => {
                self.unread.extend(&bytes[..count]);
                true
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("no answer came: {error}"),
        }
    }

    /// Reads the answer to a request with this method. Returns `None` if the connection ends first.
    pub(super) fn answer(&mut self, method: &str) -> Option<Seen> {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            if !self.more() {
                return None;
            }
        };
        let head = String::from_utf8_lossy(&self.unread[..end]).into_owned();
        self.unread.drain(..end);
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let status: u16 = status.unwrap_or_else(|| panic!("no status in {head}"));
        let fields = lines.filter_map(|line| line.split_once(':'));
        let fields = fields.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
        let mut seen = Seen { status, fields: fields.collect(), body: Vec::new() };
        if (100..200).contains(&status) {
            return self.answer(method);
        }
        if method == "HEAD" || status == 204 || status == 304 {
            return Some(seen);
        }
        let length = seen.field("content-length").map(|length| length.parse().expect("a length"));
        match length {
            Some(length) => {
                while self.unread.len() < length && self.more() {}
                seen.body = self.unread.drain(..length.min(self.unread.len())).collect();
            }
            None => {
                while self.more() {}
                seen.body = std::mem::take(&mut self.unread);
            }
        }
        Some(seen)
    }

    /// Reads until the bytes that came have `text` and end with `end`, and returns these bytes.
    pub(super) fn read_until(&mut self, text: &str, end: &str) -> String {
        let has = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes).contains(text) && bytes.ends_with(end.as_bytes())
        };
        while !has(&self.unread) {
            assert!(self.more(), "the connection ended before {text:?}");
        }
        String::from_utf8_lossy(&self.unread).into_owned()
    }

    /// Whether the next request is answered.
    pub(super) fn is_open(&mut self) -> bool {
        self.say(b"GET /robots.txt HTTP/1.1\r\nHost: a\r\n\r\n");
        self.answer("GET").is_some()
    }

    /// Whether the server closes the connection soon.
    pub(super) fn is_closed(&mut self) -> bool {
        self.stream.set_read_timeout(Some(Duration::from_millis(700))).expect("a timeout");
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(0) => true,
            Ok(_) => false,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

/// Validators of a file, for the cases.
pub(super) struct Tokens(Vec<(&'static str, String)>);

impl Tokens {
    /// Asks for the validators of `/movies.json`.
    pub(super) fn of(address: SocketAddr) -> Tokens {
        let ask = |coding: &str| {
            let mut line = Line::open(address);
            let head = format!(
                "HEAD /movies.json HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {coding}\r\n\r\n"
            );
            line.say(head.as_bytes());
            line.answer("HEAD").expect("an answer")
        };
        let (plain, gz, br) = (ask("identity"), ask("gzip"), ask("br"));
        let of = |seen: &Seen, name: &str| seen.field(name).unwrap_or_default().to_owned();
        Tokens(vec![
            ("{etag}", of(&plain, "etag")),
            ("{etag-gz}", of(&gz, "etag")),
            ("{etag-br}", of(&br, "etag")),
            ("{date}", of(&plain, "last-modified")),
            ("{size}", of(&plain, "content-length")),
        ])
    }

    pub(super) fn put_into(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

impl Case {
    /// Returns the bytes of the request.
    pub(super) fn bytes(&self, tokens: &Tokens) -> Vec<u8> {
        tokens.put_into(self.request).replace('|', "\r\n").into_bytes()
    }

    /// Runs the case. Returns what is wrong, if anything.
    pub(super) fn run(&self, address: SocketAddr, tokens: &Tokens) -> Result<(), String> {
        let mut line = Line::open(address);
        line.say(&self.bytes(tokens));
        let method = self.request.split(' ').next().unwrap_or_default();
        let Some(seen) = line.answer(method) else {
            return if self.status == 0 { Ok(()) } else { Err("no answer".to_owned()) };
        };
        if self.status != 0 && seen.status != self.status {
            return Err(format!("{} in place of {}", seen.status, self.status));
        }
        for wanted in self.fields.split(" + ").filter(|wanted| !wanted.is_empty()) {
            let wanted = tokens.put_into(wanted);
            let (name, value) = match wanted.split_once(": ") {
                Some((name, value)) => (name, Some(value)),
                None => (wanted.as_str(), None),
            };
            let is_right = match (name.strip_prefix('!'), value) {
                (Some(absent), _) => seen.field(absent).is_none(),
                (None, Some(value)) => seen.field(name) == Some(value),
                (None, None) => seen.field(name).is_some(),
            };
            if !is_right {
                return Err(format!("{wanted:?} is not in {:?}", seen.fields));
            }
        }
        match self.after {
            After::Open if !line.is_open() => Err("the connection is closed".to_owned()),
            After::Closed if !line.is_closed() => Err("the connection is open".to_owned()),
            _ => Ok(()),
        }
    }
}
