//! `/events`: updates of open pages as server-sent events.
//!
//! Owns the streams: their number, the first event, the heartbeat, and their end. A page opens a
//! stream with its path and fingerprint and, if the page had a stream before, with the id of the
//! last event that the page saw; `Last-Event-ID`, which browsers send by themselves, has
//! precedence. Then the page receives
//!
//! - first `current` or `fetch` (the page must fetch itself), or the missed steps if the last
//!   id is known here;
//! - `generation` for each new generation ([`news`](crate::news)), or `fetch` if there is no step
//!   to the generation;
//! - `beat` after each [`BEAT`]. Comments would not do, because scripts cannot see comments.
//!
//! [`event_stream`](super::event_stream) writes the events over HTTP/1.1, and
//! [`http2`](super::http2) over HTTP/2. A stream has no queue. The stream knows the generation that
//! it sent last, and the later steps are in the ring that all streams share. A client that does not
//! read costs one event, until the write timeout closes the connection.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::http::response::Parts;
use hyper::{StatusCode, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::answer::Answer;
use crate::clock::WallTime;
use crate::live::Live;
use crate::news::{self, Ring, Since};
use crate::publish::Generation;
use crate::telemetry::{Counted, Metrics};

/// Time between two heartbeats: shorter than the idle timeouts of proxies.
pub(super) const BEAT: Duration = Duration::from_secs(15);
/// Largest size in bytes of several events that are sent together.
const MOST_JOINED: usize = 64 << 10;

/// What a page says about itself when the page opens a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// Path of the file that the page shows, in the generation.
    pub(super) path: String,
    /// Fingerprint of the page.
    pub(super) page: String,
    /// Id of the last event that the page saw.
    pub(super) last: Option<String>,
}

/// An answer that is a stream of events, before its first byte, for any version of HTTP.
pub(super) struct OpenedEvents {
    pub(super) head: Parts,
    /// Version of the request.
    pub(super) version: Version,
    /// Time of the answer.
    pub(super) now: WallTime,
    pub(super) stream: OpenStream,
}

/// Marks an answer as the head of a stream, or as the answer to HEAD, whose length is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head(pub(super) Option<Asked>);

/// The places for streams.
#[derive(Clone)]
struct Crowd {
    places: Arc<Semaphore>,
    /// Number of places, free places included.
    most: usize,
}

impl Crowd {
    /// Returns the field that tells a client when to open its stream again, if the stream ends.
    fn retry(&self) -> String {
        let open = self.most.saturating_sub(self.places.available_permits());
        let (from, to) = news::reopened_within(open as u64);
        format!("retry: {}\n", between(from, to))
    }
}

/// All open streams. Cheap to clone.
#[derive(Clone)]
pub(super) struct Streams {
    crowd: Crowd,
    metrics: Metrics,
    stop: watch::Receiver<bool>,
}

impl Streams {
    /// Makes room for `places` streams, until `stop` is set.
    pub(super) fn new(places: usize, metrics: Metrics, stop: watch::Receiver<bool>) -> Streams {
        Streams {
            crowd: Crowd { places: Arc::new(Semaphore::new(places)), most: places },
            metrics,
            stop,
        }
    }

    /// Opens a stream for a page. Returns `None` if `--max-streams` are open.
    pub(super) fn open(&self, asked: Asked, live: &Live) -> Option<OpenStream> {
        let Ok(place) = self.crowd.places.clone().try_acquire_owned() else {
            self.metrics.stream_refused();
            return None;
        };
        Some(OpenStream {
            live: live.clone(),
            news: live.news(),
            stop: self.stop.clone(),
            told: asked.last.clone().unwrap_or_default(),
            asked,
            is_new: true,
            unsent: VecDeque::new(),
            crowd: self.crowd.clone(),
            _counted: self.metrics.streaming(),
            _place: place,
        })
    }
}

/// Joins small events that follow each other. The page receives them at the same time and can
/// announce them in one sentence.
fn joined<'a>(events: impl Iterator<Item = &'a Bytes>) -> Vec<Bytes> {
    let mut joined: Vec<Bytes> = Vec::new();
    for event in events {
        match joined.last_mut() {
            Some(last) if last.len() + event.len() <= MOST_JOINED => {
                *last = [&last[..], event].concat().into();
            }
            _ => joined.push(event.clone()),
        }
    }
    joined
}

/// Refuses a stream, because `--max-streams` are open. No open stream ends for a new stream.
pub(super) fn refused(mut answer: Answer) -> Answer {
    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    *answer.body_mut() =
        Full::new(Bytes::from_static(b"Too many open streams; try again later.\n"));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    let (from, to) = news::reopened_within(0);
    let after = HeaderValue::from(between(from, to) / 1_000 + 1);
    answer.headers_mut().insert(RETRY_AFTER, after);
    answer
}

/// One open stream.
pub(super) struct OpenStream {
    live: Live,
    news: watch::Receiver<Arc<Ring>>,
    stop: watch::Receiver<bool>,
    asked: Asked,
    /// Id of the generation that was sent last.
    told: String,
    is_new: bool,
    /// Steps that are being sent. Later steps wait in the ring.
    unsent: VecDeque<Bytes>,
    crowd: Crowd,
    _counted: Counted,
    _place: OwnedSemaphorePermit,
}

impl OpenStream {
    /// Returns the next bytes to send, or `None` after a stop.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        loop {
            if *self.stop.borrow() {
                return None;
            }
            if let Some(bytes) = self.unsent.pop_front() {
                return Some(bytes);
            }
            if self.is_new && self.is_told() {
                self.is_new = false;
                self.begin();
                continue;
            }
            let is_changed = tokio::select! {
                changed = self.news.changed() => Some(changed.is_ok()),
                _ = self.stop.wait_for(|&stop| stop) => return None,
                () = tokio::time::sleep(BEAT) => None,
            };
            match is_changed {
                Some(true) if self.is_new => {}
                Some(true) => self.go_on(),
                Some(false) => return None,
                None => {
                    // The number of streams has changed since the last time.
                    let (retry, beat) = (self.crowd.retry(), BEAT.as_secs());
                    let beat = format!("{retry}event: beat\ndata: {beat}\n\n");
                    self.unsent.push_back(beat.into());
                }
            }
        }
    }

    /// Whether the ring has reached the live generation. The snapshot is replaced first, and the
    /// ring gets the step a moment later.
    fn is_told(&mut self) -> bool {
        let ring = self.news.borrow_and_update();
        let snapshot = self.live.snapshot();
        let id = snapshot.site.as_ref().map(|site| &site.generation.id);
        ring.live.as_ref().map(|live| &live.id) == id
    }

    fn begin(&mut self) {
        let retry = format!("{}\n", self.crowd.retry());
        self.unsent.push_back(retry.into());
        let ring = self.news.borrow().clone();
        let since = match &self.asked.last {
            Some(last) => ring.since(last),
            None if self.shows_it(&ring) => Since::Current,
            None => Since::Unknown,
        };
        self.tell(&ring, since, true);
    }

    fn go_on(&mut self) {
        let ring = self.news.borrow_and_update().clone();
        let since = ring.since(&self.told);
        self.tell(&ring, since, false);
    }

    fn tell(&mut self, ring: &Ring, since: Since, is_first: bool) {
        let name = match since {
            Since::Current if !is_first => return,
            Since::Current => "current",
            Since::Unknown => "fetch",
            Since::Missed(events) => {
                self.told = events.last().map(|event| event.to.0.clone()).unwrap_or_default();
                return self.unsent.extend(joined(events.iter().map(|event| &event.bytes)));
            }
        };
        let Some(live) = &ring.live else { return };
        self.told.clone_from(&live.id.0);
        let about = serde_json::json!({
            "theme": ring.theme,
            "page": fingerprint(live, &self.asked.path),
            "beat": BEAT.as_secs(),
        });
        let event = format!("id: {}\nevent: {name}\ndata: {about}\n\n", live.id);
        self.unsent.push_back(event.into());
    }

    /// Whether the page shows the live generation.
    fn shows_it(&self, ring: &Ring) -> bool {
        let live = ring.live.as_ref();
        live.and_then(|live| fingerprint(live, &self.asked.path)) == Some(&self.asked.page)
    }
}

/// Returns the fingerprint of the live page at a path, if there is such a page.
fn fingerprint<'a>(live: &'a Generation, path: &str) -> Option<&'a str> {
    live.files.get(path).map(|file| file.entry.fingerprint.as_str())
}

/// Returns a random number of this range.
fn between(from: u64, to: u64) -> u64 {
    // Each hasher gets a new random seed from the system.
    from + RandomState::new().build_hasher().finish() % (to - from)
}
