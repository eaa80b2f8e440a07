//! The lines of one thread of the server, before they are written.
//!
//! Owns the bundle of lines. A bundle goes to the writer when it is large, or soon after its first line.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use hyper::HeaderMap;

use super::line::{KeptVisit, LastForms, Visit, append};
use super::writer::{Lines, Message};
use super::{AccessLogSettings, Client, client_of};
use crate::cli::AccessLogFormat;
use crate::telemetry::Metrics;

/// Size in bytes at which a bundle is written.
const ENOUGH: usize = 32 << 10;
/// Longest time until a line is written.
const SOON: Duration = Duration::from_millis(200);

/// The pen of one thread. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pen(Rc<Bundle>);

#[derive(Debug)]
struct Bundle {
    sender: SyncSender<Message>,
    settings: Arc<AccessLogSettings>,
    metrics: Metrics,
    lines: RefCell<Lines>,
    forms: RefCell<LastForms>,
}

impl Pen {
    pub(super) fn new(
        sender: SyncSender<Message>,
        settings: Arc<AccessLogSettings>,
        metrics: Metrics,
    ) -> Pen {
        let (lines, forms) = Default::default();
        Pen(Rc::new(Bundle { sender, settings, metrics, lines, forms }))
    }

    /// Returns the client for whom `peer` sent a request with these header fields.
    pub fn client_of(&self, peer: Client, fields: &HeaderMap) -> Client {
        client_of(peer, fields, &self.0.settings.trusted)
    }

    /// Whether a line says how long the answer took.
    pub fn tells_durations(&self) -> bool {
        self.0.settings.format == AccessLogFormat::Json
    }

    /// Writes the line of a visit that ended. Runs on the local tasks of the thread.
    pub fn write(&self, visit: &Visit<'_>) {
        let format = self.0.settings.format;
        self.add(|line| append(line, visit, format, &mut self.0.forms.borrow_mut()));
    }

    /// Keeps what the line of a visit needs that has not ended.
    pub fn keep(&self, visit: &Visit<'_>) -> KeptVisit {
        KeptVisit::of(visit, self.0.settings.format, &mut self.0.forms.borrow_mut())
    }

    /// Writes the line of a visit that was kept and has ended.
    pub fn write_kept(&self, visit: &KeptVisit, bytes: u64, took: Duration) {
        self.add(|line| visit.append(line, bytes, took));
    }

    fn add(&self, append: impl FnOnce(&mut Vec<u8>)) {
        let mut lines = self.0.lines.borrow_mut();
        let is_first = lines.count == 0;
        if is_first {
            lines.bytes.reserve(ENOUGH + ENOUGH / 8);
        }
        append(&mut lines.bytes);
        lines.count += 1;
        let is_enough = lines.bytes.len() >= ENOUGH;
        drop(lines);
        if is_enough {
            self.0.send();
        } else if is_first {
            let bundle = self.0.clone();
            tokio::task::spawn_local(async move {
                tokio::time::sleep(SOON).await;
                bundle.send();
            });
        }
    }
}

impl Bundle {
    /// Gives the lines to the writer. If too many bundles wait for the disk, the lines are lost.
    fn send(&self) {
        let lines = self.lines.take();
        let count = lines.count;
        if count > 0 && self.sender.try_send(Message::Lines(lines)).is_err() {
            self.metrics.lost_lines(count);
        }
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        self.send();
    }
}
