//! The lines of one thread of the server, before they are written.
//!
//! Owns the bundle of lines. A bundle goes to the writer when it is large, or soon after its first line.

use std::cell::{Cell, RefCell};
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
/// Time between two looks at a bundle that is not large. A line waits for two looks at most.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

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
    /// Number of bundles that went to the writer.
    sent: Cell<u64>,
    /// Whether a task looks after the bundle.
    is_looked_after: Cell<bool>,
}

impl Pen {
    pub(super) fn new(
        sender: SyncSender<Message>,
        settings: Arc<AccessLogSettings>,
        metrics: Metrics,
    ) -> Pen {
        let (lines, forms, sent, is_looked_after) = Default::default();
        Pen(Rc::new(Bundle { sender, settings, metrics, lines, forms, sent, is_looked_after }))
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
        if lines.count == 0 {
            lines.bytes.reserve(ENOUGH + ENOUGH / 8);
        }
        append(&mut lines.bytes);
        lines.count += 1;
        let is_enough = lines.bytes.len() >= ENOUGH;
        drop(lines);
        if is_enough {
            self.0.send();
        } else if !self.0.is_looked_after.replace(true) {
            tokio::task::spawn_local(self.0.clone().look_after());
        }
    }
}

impl Bundle {
    /// Sends the lines when no large bundle was sent between two looks. There is one such task for each
    /// thread: with a task for each bundle, the tasks of earlier bundles would send later bundles when
    /// these are still small.
    async fn look_after(self: Rc<Bundle>) {
        loop {
            let sent = self.sent.get();
            tokio::time::sleep(BETWEEN_LOOKS).await;
            if sent == self.sent.get() {
                break;
            }
        }
        self.is_looked_after.set(false);
        self.send();
    }

    /// Gives the lines to the writer. If too many bundles wait for the disk, the lines are lost.
    fn send(&self) {
        let lines = self.lines.take();
        let count = lines.count;
        self.sent.set(self.sent.get() + 1);
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, sync_channel};

    use tokio::task::LocalSet;
    use tokio::time::sleep;

    use super::*;

    const NONE: [u64; 0] = [];

    fn pen() -> (Pen, Receiver<Message>) {
        let (sender, receiver) = sync_channel(9);
        let settings = AccessLogSettings {
            file: None,
            format: AccessLogFormat::Combined,
            trusted: Vec::new(),
        };
        (Pen::new(sender, Arc::new(settings), Metrics::default()), receiver)
    }

    /// Returns the numbers of lines in the bundles that were sent.
    fn sent(receiver: &Receiver<Message>) -> Vec<u64> {
        let count = |message| if let Message::Lines(lines) = message { lines.count } else { 0 };
        receiver.try_iter().map(count).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_bundle_is_sent_soon_also_after_a_large_bundle() {
        let (pen, receiver) = pen();
        let write = |bytes: usize| pen.add(|line| line.resize(line.len() + bytes, b'x'));
        let writes = async {
            write(9);
            write(9);
            assert_eq!(sent(&receiver), NONE);
            sleep(2 * BETWEEN_LOOKS).await;
            assert_eq!(sent(&receiver), [2_u64]);
            write(9);
            sleep(BETWEEN_LOOKS * 9 / 10).await;
            write(ENOUGH);
            assert_eq!(sent(&receiver), [2_u64]);
            // The task that looked after the large bundle must not send this bundle at once.
            write(9);
            sleep(BETWEEN_LOOKS / 2).await;
            write(9);
            assert_eq!(sent(&receiver), NONE);
            sleep(BETWEEN_LOOKS).await;
            assert_eq!(sent(&receiver), [2_u64]);
        };
        LocalSet::new().run_until(writes).await;
    }
}
