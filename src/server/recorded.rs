//! Answers with their lines in the access log.
//!
//! Owns what the log says about an answer. Without a log, an answer costs nothing more.

use std::time::Duration;

use hyper::body::Body;
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

use super::desk::{AnswerBody, Answered, Desk};
use super::events::OpenedEvents;
use super::headers::CACHE_STATUS;
use crate::access_log::{Client, KeptVisit, Pen, Visit};
use crate::clock::{BootTime, Clock, Now};

/// The register of the visits of one thread.
pub(super) struct Register {
    clock: Clock,
    pen: Option<Pen>,
}

/// As [`Answered`]; the line of a whole answer is written.
pub(super) enum Recorded {
    Whole(Response<AnswerBody>),
    Events(RecordedEvents),
}

/// A stream of events, whose line is written at its end.
pub(super) struct RecordedEvents {
    pub(super) events: Box<OpenedEvents>,
    pub(super) line: StreamLine,
}

/// The line of a stream, if there is a log.
pub(super) struct StreamLine(Option<(Clock, Pen, KeptVisit, BootTime)>);

impl Register {
    pub(super) fn new(clock: Clock, pen: Option<Pen>) -> Register {
        Register { clock, pen }
    }

    /// Answers a request of `peer`, and writes the line of the answer.
    pub(super) async fn answer(&self, desk: &Desk, peer: Client, request: &Parts) -> Recorded {
        let now @ Now { boot, wall: arrived } = self.clock.now();
        let Some(pen) = &self.pen else {
            return match desk.answer(request, now).await {
                Answered::Whole(answer) => Recorded::Whole(answer),
                Answered::Events(events) => {
                    Recorded::Events(RecordedEvents { events, line: StreamLine(None) })
                }
            };
        };
        let answered = desk.answer(request, now).await;
        let is_timed = pen.tells_durations();
        let took = if is_timed { self.clock.now().boot.since(boot) } else { Duration::ZERO };
        let client = pen.client_of(peer, &request.headers);
        let request = Some(request);
        match answered {
            Answered::Whole(answer) => {
                let has_body = request.is_some_and(|request| request.method != Method::HEAD);
                let bytes = answer.body().size_hint().exact().filter(|_| has_body);
                let cache = answer.headers().get(CACHE_STATUS);
                let cache = cache.and_then(|value| value.to_str().ok());
                let (status, bytes) = (answer.status().as_u16(), bytes.unwrap_or_default());
                pen.write(&Visit { client, request, arrived, took, status, bytes, cache });
                Recorded::Whole(answer)
            }
            Answered::Events(events) => {
                let (status, bytes, cache) = (events.head.status.as_u16(), 0, None);
                let visit = Visit { client, request, arrived, took, status, bytes, cache };
                let line = (self.clock.clone(), pen.clone(), pen.keep(&visit), boot);
                Recorded::Events(RecordedEvents { events, line: StreamLine(Some(line)) })
            }
        }
    }

    /// Writes the line of bytes that the HTTP library refused, because they are no request.
    pub(super) fn refused(&self, peer: Client, error: &hyper::Error, is_target_too_long: bool) {
        let Some(pen) = self.pen.as_ref().filter(|_| error.is_parse()) else { return };
        let status = match (error.is_parse_too_large(), is_target_too_long) {
            (true, true) => StatusCode::URI_TOO_LONG,
            (true, false) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            (false, _) => StatusCode::BAD_REQUEST,
        };
        let (status, arrived) = (status.as_u16(), self.clock.now().wall);
        let (took, bytes) = Default::default();
        let cache = None;
        pen.write(&Visit { client: peer, request: None, arrived, took, status, bytes, cache });
    }
}

impl StreamLine {
    /// Writes the line of a stream that has ended, with the bytes of its events.
    pub(super) fn write(self, sent: u64) {
        if let Some((clock, pen, visit, since)) = self.0 {
            pen.write_kept(&visit, sent, clock.now().boot.since(since));
        }
    }
}
