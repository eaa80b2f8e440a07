//! Everything from which one thread of the server answers.
//!
//! Owns the way of a request: a prepared answer if there is one, else the full way through
//! [`respond`](super::respond) and [`content`](super::content). Connections of one thread share one
//! desk.

use std::cell::RefCell;
use std::convert::Infallible;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::Empty;
use http_body_util::{Either, Full, StreamBody};
use hyper::body::Frame;
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use tokio::sync::watch;

use super::answer::{Answer, Met};
use super::events::{self, Asked, Head, OpenedEvents, Streams};
use super::park::Parking;
use super::shown::{PreparedAnswer, ShownSnapshot};
use super::well_known::OwnersFiles;
use super::{admit, content, headers, respond};
use crate::clock::{Clock, Now};
use crate::hold::{Asker, Decision};
use crate::live::{Live, Snapshot};

/// What a request gets.
pub(super) enum Answered {
    /// A whole answer, or the answer to a HEAD request for events.
    Whole(Response<AnswerBody>),
    /// Events, which the caller sends.
    Events(Box<OpenedEvents>),
}

/// The body of an answer that the HTTP library writes.
pub(super) type AnswerBody = Either<Full<Bytes>, LengthUnknown>;
type LengthUnknown = StreamBody<Empty<Result<Frame<Bytes>, Infallible>>>;

fn length_unknown() -> LengthUnknown {
    StreamBody::new(futures_util::stream::empty())
}

/// The desk of one thread.
pub(super) struct Desk {
    live: Live,
    changes: RefCell<watch::Receiver<Arc<Snapshot>>>,
    shown: RefCell<Rc<ShownSnapshot>>,
    clock: Clock,
    files: OwnersFiles,
    parking: Parking,
    streams: Streams,
}

impl Desk {
    pub(super) fn new(
        live: Live,
        out: &Path,
        clock: Clock,
        parking: Parking,
        streams: Streams,
    ) -> Desk {
        let mut changes = live.watch();
        let shown = Rc::new(ShownSnapshot::of(changes.borrow_and_update().clone()));
        let (changes, shown) = (RefCell::new(changes), RefCell::new(shown));
        Desk { live, changes, shown, clock, files: OwnersFiles::of(out), parking, streams }
    }

    /// Returns what is live now.
    pub(super) fn shown(&self) -> Rc<ShownSnapshot> {
        let mut changes = self.changes.borrow_mut();
        let mut shown = self.shown.borrow_mut();
        // Without a change, this reads one number and no memory that another thread writes.
        if changes.has_changed().unwrap_or(true) {
            let snapshot = changes.borrow_and_update().clone();
            *shown = Rc::new(shown.followed_by(snapshot));
        }
        shown.clone()
    }

    /// Answers a request that arrived at this time.
    pub(super) async fn answer(&self, request: &Parts, arrived: Now) -> Answered {
        let shown = self.shown();
        let is_for_file =
            |_: &Rc<PreparedAnswer>| admit::refused(request, &respond::FOR_FILES).is_none();
        let prepared = shown.prepared(request).filter(is_for_file);
        let depends_on_data = match &prepared {
            Some(prepared) => prepared.depends_on_data,
            None => respond::depends_on_data(request, &shown),
        };
        let asker = headers::asker(&request.headers);
        let met = self.wait(shown.clone(), depends_on_data, asker, arrived).await;
        let prepared = if Rc::ptr_eq(&met.shown, &shown) {
            prepared
        } else {
            // After a wait, another generation may be live.
            met.shown.prepared(request).filter(is_for_file)
        };
        if let Some(answer) = prepared.and_then(|prepared| filled(&prepared, request, &met, asker))
        {
            return Answered::Whole(answer.map(Either::Left));
        }
        let mut answer =
            content::answer(request, met, &self.files, &self.clock, || self.shown()).await;
        match answer.extensions_mut().remove::<Head>() {
            None => Answered::Whole(answer.map(Either::Left)),
            Some(Head(None)) => Answered::Whole(answer.map(|_| Either::Right(length_unknown()))),
            Some(Head(Some(asked))) => self.opened(request, answer, asked),
        }
    }

    fn opened(&self, request: &Parts, answer: Answer, asked: Asked) -> Answered {
        let Some(stream) = self.streams.open(asked, &self.live) else {
            return Answered::Whole(events::refused(answer).map(Either::Left));
        };
        let now = self.clock.now().wall;
        let (head, _) = answer.into_parts();
        let version = request.version;
        Answered::Events(Box::new(OpenedEvents { head, version, now, stream }))
    }

    /// Returns the snapshot for a request, after a wait if newer data is worth a wait.
    async fn wait(
        &self,
        shown: Rc<ShownSnapshot>,
        depends_on_data: bool,
        asker: Asker,
        arrived: Now,
    ) -> Met {
        if depends_on_data {
            let (live, clock) = (&self.live, &self.clock);
            return self.parking.wait(shown, || self.shown(), live, clock, asker, arrived).await;
        }
        Met { shown, now: arrived, decision: Decision::Fresh, held: None }
    }
}

/// Returns a prepared answer with its age, and with its content if the client does not have the content.
/// Returns `None` if the content is not in memory, or if the data is too old to be shown.
fn filled(prepared: &PreparedAnswer, request: &Parts, met: &Met, asker: Asker) -> Option<Answer> {
    let site = met.shown.site.as_ref()?;
    if met.shown.frame.bound.is_too_stale(site.origin.age(met.now)) {
        return None;
    }
    let mut answer = Answer::default();
    *answer.headers_mut() = prepared.fields.clone();
    if prepared.is_known_to(request) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        for name in respond::OF_CONTENT {
            answer.headers_mut().remove(name);
        }
    } else {
        *answer.body_mut() = Full::new(site.generation.at_hand(&prepared.file, prepared.suffix)?);
    }
    let for_caches = prepared.depends_on_data.then_some(asker);
    headers::say_age(answer.headers_mut(), met, true, for_caches);
    Some(answer)
}
