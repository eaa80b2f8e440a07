//! An upstream that follows a script and writes the time of creation into its data.
//!
//! Owns the form of each kind of fault on the wire, and the log of requests and answers. A
//! *round* is one refresh. A second request for the same list begins a new round, and so does a
//! request that comes much later.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::data;
use super::history::{Asked, Epoch, List, Moment, Replica, Said, Stamp};
use crate::fixture::{Listening, lock};

/// Longest time between two requests of one round: longer than a lease, and shorter than the time
/// in which a killed process starts again and sends its next request.
const ONE_ROUND: Duration = Duration::from_millis(250);

/// The `limit` of the first process.
const FIRST_LIMIT: Replica = 10_000;

/// The behaviour of the upstream in one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Sends new data at once.
    Change,
    /// Sends new films and the same people.
    ChangeFilms,
    /// Sends the same data, or a 304 if the request has the right condition.
    Keep,
    /// Makes new data at the time of the request, and sends the data after this time.
    Slow(Duration),
    /// Sends new data in small parts, and the last part after this time.
    Drip(Duration),
    /// Sends an error.
    Status(u16),
    /// Sends an error with a `Retry-After` of this number of seconds.
    RetryAfter(u16, u64),
    /// Sends new data without its end.
    Truncate,
    /// Sends an HTML page with status 200.
    Html,
    /// Sends a list that lost most of its records.
    Shrink,
    /// Sends nothing.
    Hang,
    /// Sends data that a cache had for `age`. `is_told` says whether the answer has an `Age`.
    Cached { age: Duration, is_told: bool },
}

/// The acts of the rounds. After the last act, the script starts again.
pub(crate) type Script = Vec<Act>;

#[derive(Default)]
struct State {
    script: Script,
    log: Vec<Asked>,
    rounds: u32,
    /// The last round of each process.
    began: BTreeMap<Replica, Round>,
    /// The stamps of the current films and people.
    kept: [Option<Stamp>; 2],
}

/// One refresh of one process.
struct Round {
    number: u32,
    at: Moment,
    lists: Vec<List>,
}

/// A running upstream with a script.
#[must_use]
pub(crate) struct Scripted {
    listening: Listening,
    state: Arc<Mutex<State>>,
}

impl Scripted {
    pub(crate) fn start(script: Script, epoch: Epoch) -> Scripted {
        assert!(!script.is_empty(), "a script needs an act");
        let state = Arc::new(Mutex::new(State { script, ..State::default() }));
        let shared = state.clone();
        let listening = Listening::start(move |stream| converse(stream, &shared, epoch));
        Scripted { listening, state }
    }

    #[must_use]
    pub(crate) fn address(&self) -> SocketAddr {
        self.listening.address
    }

    /// Returns the number of refreshes that have begun.
    #[must_use]
    pub(crate) fn rounds(&self) -> u32 {
        lock(&self.state).rounds
    }

    /// Returns the number of rounds of the script.
    #[must_use]
    pub(crate) fn script_length(&self) -> u32 {
        lock(&self.state).script.len() as u32
    }

    /// Returns the start of the last refresh, and its process.
    pub(crate) fn last_round(&self) -> Option<(Moment, Replica)> {
        lock(&self.state).began.iter().map(|(by, round)| (round.at, *by)).max()
    }

    /// Returns the `--limit` by which the upstream recognises a process. The processes must use the
    /// same address, because each address has its own keys in Redis. No list has so many records.
    pub(crate) fn limit_of(replica: Replica) -> Replica {
        FIRST_LIMIT + replica
    }

    /// Returns the requests and answers until now.
    pub(crate) fn log(&self) -> Vec<Asked> {
        lock(&self.state).log.clone()
    }
}

impl State {
    /// Records a request and decides on the answer. Returns the act, the stamp of the data, and the
    /// index in the log.
    fn note(&mut self, request: &Request, at: Moment, is_cold: bool) -> (Act, Stamp, usize) {
        let Request { by, list, .. } = *request;
        let last = self.began.get_mut(&by);
        let same =
            last.filter(|round| !round.lists.contains(&list) && at.since(round.at) <= ONE_ROUND);
        let round = match same {
            Some(round) => {
                round.lists.push(list);
                round.number
            }
            None => {
                let number = self.rounds;
                self.rounds += 1;
                self.began.insert(by, Round { number, at, lists: vec![list] });
                number
            }
        };
        let act = self.script[round as usize % self.script.len()];
        let kept = self.kept[list as usize];
        let (stamp, said) = match (act, kept) {
            (Act::Keep, Some(kept)) => (kept, Said::Same { round: kept.round }),
            (Act::ChangeFilms, Some(kept)) if list == List::People => {
                (kept, Said::Same { round: kept.round })
            }
            _ => {
                let made = if let Act::Cached { age, .. } = act { at - age } else { at };
                let stamp = Stamp { list, round, made, good: act.is_good() };
                (stamp, act.said(stamp))
            }
        };
        if act.is_good() {
            self.kept[list as usize] = Some(stamp);
        }
        self.log.push(Asked { by, list, at, done: None, said, is_cold });
        (act, stamp, self.log.len() - 1)
    }
}

impl Act {
    pub(crate) fn is_good(self) -> bool {
        match self {
            Act::Change | Act::ChangeFilms | Act::Keep | Act::Slow(_) | Act::Drip(_) => true,
            Act::Cached { .. } => true,
            Act::Status(_) | Act::RetryAfter(..) | Act::Truncate | Act::Html => false,
            Act::Shrink | Act::Hang => false,
        }
    }

    fn said(self, stamp: Stamp) -> Said {
        let refusable = |what| Said::Refusable { what, retry_after: None };
        match self {
            Act::Status(_) => refusable("an error"),
            Act::RetryAfter(_, seconds) => {
                let retry_after = Some(Duration::from_secs(seconds));
                Said::Refusable { what: "an error with Retry-After", retry_after }
            }
            Act::Truncate => refusable("a truncated list"),
            Act::Html => refusable("an HTML page"),
            Act::Shrink => refusable("a list that shrank"),
            Act::Hang => refusable("nothing"),
            _ => Said::New(stamp),
        }
    }

    /// Returns the time from the request to the last byte of the answer.
    fn lasts(self) -> Duration {
        match self {
            Act::Slow(delay) | Act::Drip(delay) => delay,
            _ => Duration::ZERO,
        }
    }
}

/// Answers the requests of one connection until it ends.
fn converse(stream: TcpStream, state: &Mutex<State>, epoch: Epoch) {
    let _ = stream.set_nodelay(true);
    let Ok(mut writer) = stream.try_clone() else { return };
    let mut reader = BufReader::new(stream);
    let mut is_cold = true;
    while let Some(request) = read(&mut reader) {
        let at = epoch.now();
        let (act, stamp, place) = lock(state).note(&request, at, is_cold);
        is_cold = false;
        if act == Act::Hang {
            // Wait until the client closes the connection.
            let _ = reader.read(&mut [0]);
            return;
        }
        let answer = answer(act, stamp, request.condition.as_deref());
        let last = answer.len() - 1;
        let is_sent = drip(&mut writer, &answer[..last], act);
        // This moment comes before the last byte, so every client has the complete answer later.
        lock(state).log[place].done = Some(epoch.now());
        if !is_sent || writer.write_all(&answer[last..]).is_err() || act == Act::Truncate {
            let _ = writer.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}

/// Writes `bytes` within the time that the act lasts. Returns whether all bytes were written.
fn drip(writer: &mut TcpStream, bytes: &[u8], act: Act) -> bool {
    /// Pause between two parts.
    const PAUSE: Duration = Duration::from_millis(50);
    let Act::Drip(whole) = act else {
        std::thread::sleep(act.lasts());
        return writer.write_all(bytes).is_ok();
    };
    let parts = (whole.as_millis() / PAUSE.as_millis()).max(1) as usize;
    bytes.chunks(bytes.len().div_ceil(parts)).all(|part| {
        let is_sent = writer.write_all(part).is_ok();
        std::thread::sleep(PAUSE);
        is_sent
    })
}

fn answer(act: Act, stamp: Stamp, condition: Option<&str>) -> Vec<u8> {
    let etag = format!("W/\"{stamp}\"");
    let mut fields = String::new();
    if act.is_good() {
        fields.push_str(&format!("ETag: {etag}\r\n"));
        if condition == Some(&etag) {
            return format!("HTTP/1.1 304 Not Modified\r\n{fields}\r\n").into_bytes();
        }
    }
    let (status, body) = match act {
        Act::Status(status) | Act::RetryAfter(status, _) => (status, stamp.to_string()),
        Act::Html => (200, format!("<!doctype html><h1>{stamp}</h1>")),
        Act::Shrink => (200, data::list(stamp, data::FEW)),
        _ => (200, data::list(stamp, data::ALL)),
    };
    match act {
        Act::RetryAfter(_, seconds) => fields.push_str(&format!("Retry-After: {seconds}\r\n")),
        Act::Cached { age, is_told: true } => {
            fields.push_str(&format!("Age: {}\r\n", age.as_millis().div_ceil(1000)));
        }
        _ => {}
    }
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\n{fields}\r\n");
    let mut bytes = [head.as_bytes(), body.as_bytes()].concat();
    if act == Act::Truncate {
        bytes.truncate(bytes.len() - 9);
    }
    bytes
}

/// A request with its process, its list and its condition (`If-None-Match`).
struct Request {
    by: Replica,
    list: List,
    condition: Option<String>,
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut lines = reader.by_ref().lines().map_while(Result::ok);
    let first = lines.next()?;
    let target = first.split(' ').nth(1)?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let list = match path {
        "/films" => List::Films,
        "/people" => List::People,
        _ => return None,
    };
    let mut request = Request { by: replica(query).unwrap_or(0), list, condition: None };
    for line in lines.take_while(|line| !line.is_empty()) {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        if name.eq_ignore_ascii_case("if-none-match") {
            request.condition = Some(value.to_owned());
        }
    }
    Some(request)
}

/// Returns the process that has this limit, if any.
fn replica(query: &str) -> Option<Replica> {
    query.strip_prefix("limit=")?.parse::<Replica>().ok()?.checked_sub(FIRST_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_recognised_by_its_limit() {
        assert_eq!(replica(&format!("limit={}", Scripted::limit_of(7))), Some(7));
        assert_eq!(replica("limit=250"), None, "the limit of a single process");
        assert_eq!(replica(""), None);
    }
}
