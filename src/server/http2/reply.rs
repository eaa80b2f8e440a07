//! The answer on one stream of a connection over HTTP/2.
//!
//! Owns how an answer becomes frames, and the time limit for a client that takes nothing of a stream
//! while the connection works. The answers are the answers of HTTP/1.1, without the fields that only
//! HTTP/1.1 has (RFC 9113 §8.2.2).

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http_body_util::{BodyExt, Either};
use hyper::header::{CONNECTION, CONTENT_LENGTH, HeaderValue};
use hyper::http::request::Parts as RequestHead;
use hyper::http::response::Parts;
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::timeout;

use super::super::FrontDesk;
use super::super::desk::AnswerBody;
use super::super::events::OpenedEvents;
use super::super::headers;
use super::super::limits::TAKES_NOTHING;
use super::super::recorded::{Recorded, RecordedEvents};
use super::MOST_UNSENT;
use crate::access_log::Client;
use crate::clock::WallTime;

/// Largest size of a body that is read to its end, in bytes. A larger body ends the stream after the
/// answer.
const MOST_OF_BODY: usize = 64 << 10;
/// Time in which a body must end.
const BODY_ENDS: Duration = Duration::from_secs(1);

/// Answers one request.
///
/// # Errors
/// Fails if the client resets the stream, takes nothing, or leaves.
pub(super) async fn answer(
    front: Rc<FrontDesk>,
    peer: Client,
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
) -> Result<()> {
    let (request, body) = request.into_parts();
    let (answered, _) =
        tokio::join!(answer_to(front, peer, request, respond), timeout(BODY_ENDS, discard(body)));
    answered
}

/// Reads a body of a request, which has no meaning here. The library would discard a body that is not
/// read, but would count small parts of the body for ever, and end the connection in the end.
async fn discard(mut body: RecvStream) {
    let mut rest = MOST_OF_BODY;
    while let Some(Ok(part)) = body.data().await {
        let released = body.flow_control().release_capacity(part.len());
        match rest.checked_sub(part.len()) {
            Some(less) if released.is_ok() => rest = less,
            _ => return,
        }
    }
}

async fn answer_to(
    front: Rc<FrontDesk>,
    peer: Client,
    request: RequestHead,
    mut respond: SendResponse<Bytes>,
) -> Result<()> {
    let recorded = tokio::select! {
        biased;
        recorded = front.register.answer(&front.desk, peer, &request) => recorded,
        reset = poll_fn(|cx| respond.poll_reset(cx)) => bail!("the client ended the stream: {:?}", reset?),
    };
    match recorded {
        Recorded::Whole(answer) => {
            whole(respond, answer, &request.method, front.clock.now().wall).await
        }
        Recorded::Events(RecordedEvents { events, line }) => {
            drop(request);
            let sent = Cell::new(0);
            let ended = stream_of_events(respond, *events, &sent).await;
            line.write(sent.get());
            ended
        }
    }
}

/// Sends an answer with its complete body.
async fn whole(
    mut respond: SendResponse<Bytes>,
    answer: Response<AnswerBody>,
    method: &Method,
    now: WallTime,
) -> Result<()> {
    let (mut head, body) = answer.into_parts();
    let body = match body {
        Either::Left(body) => body.collect().await?.to_bytes(),
        // The answer to a HEAD request for events.
        Either::Right(_) => Bytes::new(),
    };
    let is_head = method == Method::HEAD;
    let may_have_length = !matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if may_have_length && !is_head && !head.headers.contains_key(CONTENT_LENGTH) {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    let has_body = !is_head && !body.is_empty();
    let mut stream = respond.send_response(with_fields(head, now), !has_body)?;
    if has_body {
        send(&mut stream, body, true).await?;
    }
    Ok(())
}

/// Sends events until the client ends the stream or the server stops, and counts the bytes in `sent`.
async fn stream_of_events(
    mut respond: SendResponse<Bytes>,
    opened: OpenedEvents,
    sent: &Cell<u64>,
) -> Result<()> {
    let OpenedEvents { head, now, stream: mut events, .. } = opened;
    let mut stream = respond.send_response(with_fields(head, now), false)?;
    loop {
        let event = tokio::select! {
            biased;
            reset = poll_fn(|cx| stream.poll_reset(cx)) => {
                // A client that has enough of events resets the stream.
                return reset.map(drop).context("the connection ended");
            }
            event = events.next() => event,
        };
        let Some(event) = event else { return Ok(stream.send_data(Bytes::new(), true)?) };
        let length = event.len() as u64;
        send(&mut stream, event, false).await?;
        sent.set(sent.get() + length);
    }
}

/// Returns the head of an answer as the library needs it.
fn with_fields(mut head: Parts, now: WallTime) -> Response<()> {
    head.headers.remove(CONNECTION);
    headers::say_date(&mut head.headers, now);
    Response::from_parts(head, ())
}

/// Sends bytes as fast as the client permits.
async fn send(stream: &mut SendStream<Bytes>, mut rest: Bytes, is_last: bool) -> Result<()> {
    while !rest.is_empty() {
        stream.reserve_capacity(rest.len().min(MOST_UNSENT));
        let room = room(stream).await?;
        let part = rest.split_to(room.min(rest.len()));
        stream.send_data(part, is_last && rest.is_empty())?;
    }
    Ok(())
}

/// Waits until the client takes bytes. Returns the number of bytes that may be sent now.
async fn room(stream: &mut SendStream<Bytes>) -> Result<usize> {
    while stream.capacity() == 0 {
        match timeout(TAKES_NOTHING, poll_fn(|cx| stream.poll_capacity(cx))).await {
            Ok(Some(room)) => drop(room?),
            Ok(None) => bail!("the client ended the stream"),
            Err(_) => {
                stream.send_reset(Reason::CANCEL);
                bail!("the client takes nothing");
            }
        }
    }
    Ok(stream.capacity())
}
