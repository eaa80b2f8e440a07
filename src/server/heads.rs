//! The heads of requests on one connection, as far as the parser of the HTTP library needs help.
//!
//! Owns two corrections. A request with a later minor version of HTTP/1 is treated like HTTP/1.1
//! (RFC 9110 §2.5), and a target that is too long is answered with 414 (RFC 9110 §15.5.15), where the
//! library refuses the version and answers each long head with 431. Pure: bytes come in and go out.

use memchr::{memchr, memmem};

use super::admit::LONGEST_TARGET;

/// What stands before the minor version in a request line.
const VERSION: &[u8] = b" HTTP/1.";
/// Start of the answer of the library to a head that is too long.
const TOO_LARGE: &[u8] = b"HTTP/1.1 431 Request Header Fields Too Large\r\n";
const TOO_LONG: &[u8] = b"HTTP/1.1 414 URI Too Long\r\n";

/// The place in the bytes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeadPlace {
    /// In a request line.
    RequestLine,
    /// In the header fields, with this number of bytes of the line other than its end.
    Fields(usize),
}

/// The heads of the requests of one connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heads {
    place: HeadPlace,
    /// Bytes of the request line until now.
    length: usize,
    /// Number of bytes of [`VERSION`] at the end of the last bytes.
    matched: usize,
}

impl Default for Heads {
    fn default() -> Heads {
        Heads { place: HeadPlace::RequestLine, length: 0, matched: 0 }
    }
}

impl Heads {
    /// Takes the next bytes of the connection, and corrects the versions in them.
    pub(super) fn read(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            let taken = match self.place {
                HeadPlace::RequestLine => self.read_request_line(bytes),
                HeadPlace::Fields(line) => self.read_fields(bytes, line),
            };
            bytes = &mut bytes[taken..];
        }
    }

    fn read_request_line(&mut self, bytes: &mut [u8]) -> usize {
        let end = memchr(b'\n', bytes);
        let taken = end.map_or(bytes.len(), |end| end + 1);
        self.correct_version(&mut bytes[..taken]);
        self.length += taken;
        // A line without content may stand before a request (RFC 9112 §2.2).
        if end.is_some() && self.length > 2 {
            self.place = HeadPlace::Fields(0);
        } else if end.is_some() {
            self.length = 0;
        }
        taken
    }

    /// Replaces a later minor version by 1.
    fn correct_version(&mut self, line: &mut [u8]) {
        let later = |digit: &u8| matches!(digit, b'2'..=b'9');
        let mut from = 0;
        // The version may come in two parts.
        if self.matched > 0 {
            let rest = &VERSION[self.matched..];
            let here = rest.len().min(line.len());
            if line[..here] != rest[..here] {
                self.matched = 0;
            } else if line.len() > rest.len() {
                self.matched = 0;
                if later(&line[rest.len()]) {
                    line[rest.len()] = b'1';
                }
            } else {
                self.matched += here;
                return;
            }
        }
        while let Some(found) = memmem::find(&line[from..], VERSION) {
            let digit = from + found + VERSION.len();
            if line.get(digit).is_some_and(later) {
                line[digit] = b'1';
            }
            from = digit;
        }
        let most = VERSION.len().min(line.len());
        let ends = |count: &usize| line.ends_with(&VERSION[..*count]);
        self.matched = (1..=most).rev().find(ends).unwrap_or(0);
    }

    fn read_fields(&mut self, bytes: &[u8], line: usize) -> usize {
        // Most heads end with the bytes that are there.
        let is_blank = line == 0 && matches!(bytes.first(), Some(b'\r' | b'\n'));
        if !is_blank && memmem::find(bytes, b"\n\r\n").is_some_and(|at| at + 3 == bytes.len()) {
            *self = Heads::default();
            return bytes.len();
        }
        let Some(end) = memchr(b'\n', bytes) else {
            let is_end = |byte: &&u8| **byte == b'\r';
            self.place =
                HeadPlace::Fields(line + bytes.iter().filter(|byte| !is_end(byte)).count());
            return bytes.len();
        };
        let content = bytes[..end].iter().filter(|byte| **byte != b'\r').count();
        if line + content == 0 {
            *self = Heads::default();
        } else {
            self.place = HeadPlace::Fields(0);
        }
        end + 1
    }

    /// Whether a request line without an end is longer than any target may be.
    pub(super) fn is_target_too_long(&self) -> bool {
        self.place == HeadPlace::RequestLine && self.length > LONGEST_TARGET
    }

    /// Returns the answer in place of the answer of the library to a head that is too long, if the
    /// target is too long. `answer` is what the library writes.
    pub(super) fn refusal(&self, answer: &[u8]) -> Option<Vec<u8>> {
        let rest = answer.strip_prefix(TOO_LARGE).filter(|_| self.is_target_too_long())?;
        Some([TOO_LONG, rest].concat())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(parts: &[&[u8]]) -> (Vec<u8>, Heads) {
        let (mut heads, mut all) = (Heads::default(), Vec::new());
        for part in parts {
            let mut bytes = part.to_vec();
            heads.read(&mut bytes);
            all.extend(bytes);
        }
        (all, heads)
    }

    #[test]
    fn a_later_minor_version_becomes_1_in_each_request_line() {
        let (read, _) =
            read(&[b"GET / HTTP/1.2\r\nHost: a\r\nX: HTTP/1.7\r\n\r\nGET /a HTTP/1.9\r\n"]);
        let text = String::from_utf8(read).expect("text");
        assert_eq!(text, "GET / HTTP/1.1\r\nHost: a\r\nX: HTTP/1.7\r\n\r\nGET /a HTTP/1.1\r\n");
    }

    #[test]
    fn versions_0_and_1_and_other_protocols_stay() {
        for line in
            ["GET / HTTP/1.0\r\n", "GET / HTTP/1.1\r\n", "GET / HTTP/2.2\r\n", "GET / HTTP/1.x\r\n"]
        {
            assert_eq!(read(&[line.as_bytes()]).0, line.as_bytes());
        }
    }

    #[test]
    fn a_long_target_is_414_and_long_fields_are_431() {
        let answer = [TOO_LARGE, b"connection: close\r\n\r\n"].concat();
        let long = vec![b'a'; 20_000];
        let (_, heads) = read(&[b"GET /", &long]);
        let refusal = heads.refusal(&answer).expect("another answer");
        assert!(refusal.starts_with(b"HTTP/1.1 414 "));
        assert!(refusal.ends_with(b"connection: close\r\n\r\n"));
        let (_, heads) = read(&[b"GET / HTTP/1.1\r\nX: ", &long]);
        assert_eq!(heads.refusal(&answer), None);
        // The second request of a connection.
        let (_, heads) = read(&[b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\r\nGET /", &long]);
        assert!(heads.refusal(&answer).is_some());
        let (_, heads) = read(&[b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"]);
        assert_eq!(heads.refusal(&answer), None);
    }

    proptest! {
        #[test]
        fn the_parts_in_which_bytes_come_do_not_matter(
            cuts in proptest::collection::vec(0..120_usize, 0..6),
            versions in proptest::collection::vec(0..10_u8, 1..4),
        ) {
            let requests: String = versions
                .iter()
                .map(|version| format!("GET / HTTP/1.{version}\r\nHost: a\r\nX: y\r\n\r\n"))
                .collect();
            let bytes = requests.as_bytes();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let parts: Vec<_> = cuts.windows(2).map(|two| &bytes[two[0]..two[1]]).collect();
            let (whole, at_once) = read(&[bytes]);
            let (apart, in_parts) = read(&parts);
            prop_assert_eq!(whole, apart);
            prop_assert_eq!(at_once.place, in_parts.place);
        }
    }
}
