//! Clients that load pages all the time and record what they receive.
//!
//! Owns the load generation: plain keep-alive connections, each with one request at a time. Two
//! clients load only `/healthz` to measure the time on the wire. A single such client would not
//! notice a stall of one of the threads of the server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::history::{Epoch, List, Load, Page, Seen, Stamp, present};
use crate::fixture::PATIENCE;

/// The paths that clients load, each with the lists that the page shows.
pub(crate) const PATHS: [(&str, &[List]); 4] = [
    ("/", &[List::Films, List::People]),
    ("/movies/harbour-00/", &[List::Films, List::People]),
    ("/movies.json", &[List::Films, List::People]),
    ("/people/", &[List::People]),
];
const HEALTH: &str = "/healthz";

/// Number of clients that measure the wire.
const PROBES: usize = 2;

/// The rate of the loads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) clients: usize,
    /// Pause between two loads of a client.
    pub(crate) think: Duration,
}

/// The current address of a server. A process that is started again listens on another port.
pub(crate) type Target = Arc<Mutex<SocketAddr>>;

/// The loads of each process, in the order in which they were sent.
pub(crate) type Loads = Vec<Vec<Load>>;

/// Running clients.
#[must_use]
pub(crate) struct Clients {
    stop: Arc<AtomicBool>,
    pages: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<Loads>>,
}

impl Clients {
    /// Starts the clients of one process.
    pub(crate) fn start(target: &Target, epoch: Epoch, pace: Pace) -> Clients {
        Clients::among(std::slice::from_ref(target), 0, epoch, pace)
    }

    /// Starts `pace.clients` clients for each of several processes, and `movers` clients that load
    /// from the next process each time.
    pub(crate) fn among(targets: &[Target], movers: usize, epoch: Epoch, pace: Pace) -> Clients {
        let stop = Arc::new(AtomicBool::new(false));
        let pages = Arc::new(AtomicUsize::new(0));
        let (all, each) = (0..targets.len(), pace.clients + PROBES);
        let staying = all.clone().flat_map(|replica| {
            (0..each).map(move |number| (vec![replica], number, number >= pace.clients))
        });
        let moving = (0..movers).map(|number| (all.clone().collect(), number, false));
        let threads = staying.chain(moving).map(|(visited, number, is_probe)| {
            let client = |&replica: &usize| {
                let target: Target = targets[replica].clone();
                Client { target, epoch, connection: None, pages: pages.clone() }
            };
            let mut clients: Vec<_> = visited.iter().map(client).collect();
            let (stop, count) = (stop.clone(), targets.len());
            std::thread::spawn(move || {
                // Probes load twice as often as other clients.
                let think = if is_probe { pace.think / 2 } else { pace.think };
                let mut loads = vec![Vec::new(); count];
                for turn in number.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    // A moving client loads one page from each process, and then the next page.
                    let page = PATHS[turn / visited.len() % PATHS.len()].0;
                    let path = if is_probe { HEALTH } else { page };
                    let place = turn % visited.len();
                    loads[visited[place]].extend(clients[place].load(path));
                    std::thread::sleep(think);
                }
                loads
            })
        });
        let threads: Vec<_> = threads.collect();
        Clients { threads, stop, pages }
    }

    /// Returns the number of pages that were loaded until now.
    #[must_use]
    pub(crate) fn pages(&self) -> usize {
        self.pages.load(Ordering::Relaxed)
    }

    /// Stops the clients, and returns their loads.
    pub(crate) fn end(mut self) -> Loads {
        self.stop.store(true, Ordering::Relaxed);
        let threads = std::mem::take(&mut self.threads);
        let each = threads.into_iter().map(|thread| thread.join().expect("a client"));
        let mut loads = Loads::new();
        for of_one in each {
            loads.resize(of_one.len(), Vec::new());
            for (all, own) in loads.iter_mut().zip(of_one) {
                all.extend(own);
            }
        }
        for all in &mut loads {
            all.sort_by_key(|load| load.sent);
        }
        loads
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

struct Client {
    target: Target,
    epoch: Epoch,
    connection: Option<BufReader<TcpStream>>,
    pages: Arc<AtomicUsize>,
}

/// Pause before a client tries again to connect to a process that does not listen.
const GONE: Duration = Duration::from_millis(5);

impl Client {
    /// Loads a path. Returns `None` if no process listens.
    fn load(&mut self, path: &'static str) -> Option<Load> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let sent = self.epoch.now();
        let request = format!("GET {path} HTTP/1.1\r\nHost: site.example\r\n\r\n");
        let written = connection.get_mut().write_all(request.as_bytes());
        let answer = written.ok().and_then(|()| answer(&mut connection));
        let received = self.epoch.now();
        let seen = match answer {
            Some(answer) => {
                self.connection = Some(connection);
                self.seen(path, answer)
            }
            None => Seen::Nothing,
        };
        self.pages.fetch_add(usize::from(matches!(seen, Seen::Page(_))), Ordering::Relaxed);
        Some(Load { path, sent, received, seen })
    }

    fn connect(&self) -> Option<BufReader<TcpStream>> {
        let address = *self.target.lock().expect("an address");
        let stream = TcpStream::connect(address);
        if stream.is_err() {
            std::thread::sleep(GONE);
        }
        let stream = stream.ok()?;
        stream.set_nodelay(true).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        Some(BufReader::new(stream))
    }

    fn seen(&self, path: &str, answer: Answer) -> Seen {
        match (answer.status, path) {
            (200, HEALTH) => return Seen::Health,
            (200, _) => {}
            (503, _) => return Seen::Starting,
            (status, _) => return Seen::Odd(status),
        }
        let field = |name: &str| {
            let found = answer.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        let as_of = self.epoch.of_header(field("x-data-as-of"));
        let (Some(as_of), Ok(age)) = (as_of, field("age").parse()) else { return Seen::Odd(200) };
        let text = String::from_utf8_lossy(&answer.body);
        Seen::Page(Page {
            generation: field("x-generation").to_owned(),
            as_of,
            age: Duration::from_secs(age),
            hash: blake3::hash(&answer.body).to_hex()[..32].to_owned(),
            etag: field("etag").to_owned(),
            shown: blake3::hash(present(&text).as_bytes()).to_hex()[..32].to_owned(),
            stamps: Stamp::all_in(&text),
        })
    }
}

struct Answer {
    status: u16,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

/// Reads the answer on a connection; `None` if the connection broke off.
fn answer(connection: &mut BufReader<TcpStream>) -> Option<Answer> {
    let mut line = String::new();
    let mut next = |connection: &mut BufReader<TcpStream>| {
        line.clear();
        connection.read_line(&mut line).ok().filter(|&read| read > 0)?;
        Some(line.trim_end().to_owned())
    };
    let status = next(connection)?.split(' ').nth(1)?.parse().ok()?;
    let mut fields = Vec::new();
    loop {
        let line = next(connection)?;
        let Some((name, value)) = line.split_once(':') else { break };
        fields.push((name.to_owned(), value.trim().to_owned()));
    }
    let length = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length?.1.parse().ok()?];
    connection.read_exact(&mut body).ok()?;
    Some(Answer { status, fields, body })
}
