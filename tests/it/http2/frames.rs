//! A client of HTTP/2 that sends and shows single frames (RFC 9113 §4).

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::fixture::PATIENCE;

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const ACK: u8 = 1;
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// A frame as received.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Frame { kind, flags, stream, payload } = self;
        let start = &payload[..payload.len().min(8)];
        write!(
            f,
            "[kind {kind}, flags {flags}, stream {stream}, {} bytes {start:?}]",
            payload.len()
        )
    }
}

impl Frame {
    /// Whether this frame is the last frame of its stream.
    pub(super) fn ends_stream(&self) -> bool {
        let has_end = matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0;
        has_end || self.kind == RST_STREAM
    }

    /// Returns the code of a RST_STREAM or GOAWAY frame.
    pub(super) fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().expect("a code"))
    }

    /// Whether the frame has the status 200, which has a number in the table of HPACK.
    pub(super) fn is_ok(&self) -> bool {
        self.kind == HEADERS && self.payload.first() == Some(&0x88)
    }
}

/// Makes a frame.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(payload.len()).expect("a length").to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Makes the fields of a request for a path (RFC 7541 §6.2.2, without compression).
pub(super) fn fields(method: &str, path: &str, others: &[(&str, &str)]) -> Vec<u8> {
    let own =
        [(":method", method), (":scheme", "http"), (":path", path), (":authority", "site.example")];
    let mut block = Vec::new();
    for (name, value) in own.iter().chain(others) {
        block.push(0);
        for text in [name, value] {
            number(&mut block, text.len());
            block.extend(text.as_bytes());
        }
    }
    block
}

/// Appends a number with a prefix of seven bits (RFC 7541 §5.1).
fn number(block: &mut Vec<u8>, number: usize) {
    if number < 127 {
        return block.push(number as u8);
    }
    block.push(127);
    let mut rest = number - 127;
    while rest >= 128 {
        block.push((rest % 128 + 128) as u8);
        rest /= 128;
    }
    block.push(rest as u8);
}

/// A connection on which a test sends frames.
pub(super) struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
    next: u32,
}

impl Wire {
    /// Connects, and sends nothing.
    pub(super) fn connect(address: SocketAddr) -> Wire {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        Wire { stream, unread: Vec::new(), next: 1 }
    }

    /// Connects, and sends the preface and these settings.
    pub(super) fn open(address: SocketAddr, settings: &[(u16, u32)]) -> Wire {
        let mut wire = Wire::connect(address);
        wire.say(PREFACE);
        let settings: Vec<_> = settings
            .iter()
            .flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        wire.say(&frame(SETTINGS, 0, 0, &settings));
        wire
    }

    /// Sends bytes. Returns `false` if the server has closed the connection.
    pub(super) fn say(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// As [`Wire::say`], but gives up if the server takes nothing for a second.
    pub(super) fn say_impatiently(&mut self, bytes: &[u8]) -> bool {
        let short = std::time::Duration::from_secs(1);
        self.stream.set_write_timeout(Some(short)).expect("a timeout");
        self.say(bytes)
    }

    /// Returns the number of the next stream.
    pub(super) fn stream(&mut self) -> u32 {
        self.next += 2;
        self.next - 2
    }

    /// Sends a GET request. Returns its stream.
    pub(super) fn ask(&mut self, path: &str) -> u32 {
        let stream = self.stream();
        let fields = fields("GET", path, &[]);
        self.say(&frame(HEADERS, END_STREAM | END_HEADERS, stream, &fields));
        stream
    }

    /// Reads the next frame. Confirms settings and answers pings. Returns `None` if the connection
    /// ends.
    pub(super) fn next(&mut self) -> Option<Frame> {
        loop {
            let frame = self.read()?;
            match (frame.kind, frame.flags & ACK) {
                (SETTINGS, 0) => drop(self.say(&self::frame(SETTINGS, ACK, 0, &[]))),
                (PING, 0) => drop(self.say(&self::frame(PING, ACK, 0, &frame.payload))),
                _ => return Some(frame),
            }
        }
    }

    /// Reads frames until one of them is as wanted.
    pub(super) fn until(&mut self, what: &str, mut is_it: impl FnMut(&Frame) -> bool) -> Frame {
        loop {
            let frame = self.next().unwrap_or_else(|| panic!("the end came before {what}"));
            if is_it(&frame) {
                return frame;
            }
        }
    }

    /// Reads all frames until the connection ends.
    pub(super) fn rest(&mut self) -> Vec<Frame> {
        std::iter::from_fn(|| self.next()).collect()
    }

    /// Reads one frame as it comes.
    pub(super) fn read(&mut self) -> Option<Frame> {
        let length = |bytes: &[u8]| {
            let head: [u8; 9] = bytes.get(..9)?.try_into().expect("nine bytes");
            Some(9 + u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize)
        };
        loop {
            if let Some(length) = length(&self.unread).filter(|length| self.unread.len() >= *length)
            {
                let bytes: Vec<_> = self.unread.drain(..length).collect();
                let stream = u32::from_be_bytes(bytes[5..9].try_into().expect("four bytes"));
                let payload = bytes[9..].to_vec();
                return Some(Frame { kind: bytes[3], flags: bytes[4], stream, payload });
            }
            let mut some = [0; 16 << 10];
            match self.stream.read(&mut some) {
                Ok(0) => return None,
                Ok(count) => self.unread.extend(&some[..count]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no frame came: {error}"),
            }
        }
    }
}
