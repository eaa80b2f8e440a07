//! Everything from which one thread of the server answers.
//!
//! Owns the way of a request: a prepared answer if there is one, else the full way through
//! [`respond`](super::respond) and [`content`](super::content). Connections of one thread share one
//! desk.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use http_body_util::Full;
use hyper::Response;
use hyper::http::request::Parts;
use tokio::sync::watch;

use super::answer::{Answer, Met};
use super::events::{EventBody, Streams};
use super::park::Parking;
use super::shown::{PreparedAnswer, ShownSnapshot};
use super::well_known::OwnersFiles;
use super::{admit, content, headers, respond};
use crate::clock::Clock;
use crate::hold::Decision;
use crate::live::{Live, Snapshot};

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

    /// Answers a request.
    pub(super) async fn answer(&self, request: &Parts) -> Response<EventBody> {
        if let Some(answer) = self.answer_prepared(request).await {
            return answer.map(http_body_util::Either::Left);
        }
        let met = self.meet(request).await;
        let answer = content::answer(request, met, &self.files, &self.clock, || self.shown()).await;
        self.streams.opened(answer, &self.live)
    }

    /// Returns the snapshot for this request, now or after a wait.
    async fn meet(&self, request: &Parts) -> Met {
        let shown = self.shown();
        self.wait(shown.clone(), respond::depends_on_data(request, &shown)).await
    }

    async fn wait(&self, shown: Rc<ShownSnapshot>, depends_on_data: bool) -> Met {
        if depends_on_data {
            return self.parking.wait(shown, || self.shown(), &self.live, &self.clock).await;
        }
        Met { shown, now: self.clock.now(), decision: Decision::Fresh, held: None }
    }

    /// Returns the prepared answer, if there is one and its content is in memory.
    async fn answer_prepared(&self, request: &Parts) -> Option<Answer> {
        let shown = self.shown();
        let prepared = shown.prepared(request)?;
        if admit::refused(request, &respond::FOR_FILES).is_some() {
            return None;
        }
        let met = self.wait(shown.clone(), prepared.depends_on_data).await;
        // After a wait, another generation may be live. Data that is too old is not shown.
        let site = met.shown.site.as_ref()?;
        let is_same = Rc::ptr_eq(&met.shown, &shown)
            || met.shown.prepared(request).is_some_and(|now| Rc::ptr_eq(&now, &prepared));
        if !is_same || met.shown.frame.bound.is_too_stale(site.origin.age(met.now)) {
            return Some(
                content::answer(request, met, &self.files, &self.clock, || self.shown()).await,
            );
        }
        let PreparedAnswer { fields, file, suffix, .. } = &*prepared;
        let Some(body) = site.generation.at_hand(file, suffix) else {
            return Some(
                content::answer(request, met, &self.files, &self.clock, || self.shown()).await,
            );
        };
        let mut answer = Answer::new(Full::new(body));
        *answer.headers_mut() = fields.clone();
        headers::say_age(answer.headers_mut(), &met, true);
        Some(answer)
    }
}
