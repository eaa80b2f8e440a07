//! The end of a connection when the server stops.
//!
//! Owns which requests a stopping server still answers: requests in flight, and requests that reach
//! the server shortly after the stop. A connection that was accepted just before the stop, or that
//! a proxy keeps, may bring its next request at any moment. To close the connection at once would
//! reset this request, although a successor of the process could not answer the request either.
//! Over HTTP/2, the frame GOAWAY tells the client what `Connection: close` tells over HTTP/1.1.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use hyper::Response;
use hyper::header::{CONNECTION, HeaderValue};
use tokio::sync::watch;
use tokio::time::sleep;

/// Time after the stop in which a connection without a request stays open: a slow round trip, in
/// which the request of a client that has just connected arrives.
const LAST_REQUEST: Duration = Duration::from_millis(250);

/// Whether a connection ends with its next answer. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Leaving(Rc<Cell<bool>>);

impl Leaving {
    /// Waits until the server stops, and then until a connection without a request may be closed.
    pub(super) async fn end(self, mut stop: watch::Receiver<bool>) {
        // If the sender is gone, the server stops too.
        let _ = stop.wait_for(|&stop| stop).await;
        self.0.set(true);
        sleep(LAST_REQUEST).await;
    }

    /// Returns the answer, which tells the client if the connection ends after the answer.
    pub(super) fn told<B>(&self, mut answer: Response<B>) -> Response<B> {
        if self.0.get() {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}
