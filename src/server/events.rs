//! `/events`: what is new, as it comes (server-sent events).
//!
//! Owns the streams: how many, what the first event says, the heartbeat, and how they
//! end. A page opens one with its path and fingerprint and, if it had one before, the
//! id of the last event it saw; the header that browsers send by themselves counts for
//! more. Then it hears
//!
//! - first: `current`, or `fetch`: the page is to fetch itself; or, if the last id is
//!   known here, the steps that were missed;
//! - `generation` for each new one ([`news`](crate::news)), or `fetch` where there is no
//!   step to it;
//! - `beat` every [`BEAT`]: comments could not be seen by a script that watches over it.
//!
//! A stream keeps no queue: it knows the generation it told last, and what it has not
//! told is in the ring that all share. A visitor who does not read costs one event; the
//! write timeout of connections ends that.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use http_body_util::{Either, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::answer::Answer;
use crate::live::Live;
use crate::news::{Ring, Since};
use crate::publish::Generation;
use crate::telemetry::{Counted, Metrics};

/// Between two heartbeats: shorter than proxies wait for a byte.
pub(super) const BEAT: Duration = Duration::from_secs(15);
/// Milliseconds after which a lost stream is opened again, from and to: a restart must
/// not bring all back in one instant.
const RETRY: (u64, u64) = (2_000, 6_000);

/// What is sent: a whole body, or a stream.
pub(super) type Body = Either<Full<Bytes>, StreamBody<Steps>>;
/// The events of one stream.
type Steps = Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, Infallible>>>>;

/// What a page says of itself when it opens a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// The file that it shows, in the generation.
    pub(super) path: String,
    /// Its fingerprint.
    pub(super) page: String,
    /// The last event it saw.
    pub(super) last: Option<String>,
}

/// Marks an answer as the head of a stream, or as what HEAD is told of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head(pub(super) Option<Asked>);

/// Where streams live. Cheap to clone.
#[derive(Clone)]
pub(super) struct Streams {
    places: Arc<Semaphore>,
    metrics: Metrics,
    stop: watch::Receiver<bool>,
}

impl Streams {
    /// Room for so many, until `stop`.
    pub(super) fn new(places: usize, metrics: Metrics, stop: watch::Receiver<bool>) -> Streams {
        Streams { places: Arc::new(Semaphore::new(places)), metrics, stop }
    }

    /// The answer with its body: a stream if the answer is one's head.
    pub(super) fn opened(&self, mut answer: Answer, live: &Live) -> Response<Body> {
        let asked = match answer.extensions_mut().remove::<Head>() {
            None => return answer.map(Either::Left),
            // HEAD: of a length that is not known either.
            Some(Head(None)) => return answer.map(|_| streaming(futures_util::stream::empty())),
            Some(Head(Some(asked))) => asked,
        };
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            self.metrics.stream_refused();
            return refused(answer).map(Either::Left);
        };
        let open = Open {
            live: live.clone(),
            news: live.news(),
            stop: self.stop.clone(),
            told: asked.last.clone().unwrap_or_default(),
            asked,
            is_new: true,
            unsent: VecDeque::new(),
            _counted: self.metrics.streaming(),
            _place: place,
        };
        answer.map(|_| streaming(unfold(open, Open::next)))
    }
}

fn streaming(steps: impl Stream<Item = Result<Frame<Bytes>, Infallible>> + 'static) -> Body {
    let steps: Steps = Box::pin(steps);
    Either::Right(StreamBody::new(steps))
}

/// As many streams are open as may be: none of them ends for a new one.
fn refused(mut answer: Answer) -> Answer {
    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    *answer.body_mut() = Full::new(Bytes::from_static(b"As many pages listen as may.\n"));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    let after = HeaderValue::from(between(RETRY.0, RETRY.1) / 1_000 + 1);
    answer.headers_mut().insert(RETRY_AFTER, after);
    answer
}

/// One open stream.
struct Open {
    live: Live,
    news: watch::Receiver<Arc<Ring>>,
    stop: watch::Receiver<bool>,
    asked: Asked,
    /// The generation that was told last.
    told: String,
    is_new: bool,
    /// Steps on their way; what comes meanwhile waits in the ring.
    unsent: VecDeque<Bytes>,
    _counted: Counted,
    _place: OwnedSemaphorePermit,
}

impl Open {
    async fn next(mut self) -> Option<(Result<Frame<Bytes>, Infallible>, Open)> {
        loop {
            if *self.stop.borrow() {
                return None;
            }
            if let Some(bytes) = self.unsent.pop_front() {
                return Some((Ok(Frame::data(bytes)), self));
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
                    let beat = format!("event: beat\ndata: {}\n\n", BEAT.as_secs());
                    self.unsent.push_back(beat.into());
                }
            }
        }
    }

    /// Whether the ring has what is live: a moment after it went live it has.
    fn is_told(&mut self) -> bool {
        let ring = self.news.borrow_and_update();
        let snapshot = self.live.snapshot();
        let id = snapshot.site.as_ref().map(|site| &site.generation.id);
        ring.live.as_ref().map(|live| &live.id) == id
    }

    fn begin(&mut self) {
        let retry = format!("retry: {}\n\n", between(RETRY.0, RETRY.1));
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
                return self.unsent.extend(events.iter().map(|event| event.bytes.clone()));
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

    /// Whether the page is as it is now.
    fn shows_it(&self, ring: &Ring) -> bool {
        let live = ring.live.as_ref();
        live.and_then(|live| fingerprint(live, &self.asked.path)) == Some(&self.asked.page)
    }
}

/// What the page at a path is called now; none if there is no such page.
fn fingerprint<'a>(live: &'a Generation, path: &str) -> Option<&'a str> {
    live.files.get(path).map(|file| file.entry.fingerprint.as_str())
}

/// Any number of these, another for each that asks.
fn between(from: u64, to: u64) -> u64 {
    // Seeded by the system at each call.
    from + RandomState::new().build_hasher().finish() % (to - from)
}
