//! The access log: one line for each answered request.
//!
//! Owns the file and its format, and the address that counts as the client. Visitors never wait for the
//! log: each thread of the server collects lines in a [`Pen`], and one thread writes them. If the disk is
//! too slow, full or gone, lines are lost, counted and reported, and the site is served as before.

mod client;
mod forwarded;
mod line;
mod pen;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use tracing::warn;

use crate::cli::{AccessLogFormat, TrustedProxy};
use crate::telemetry::Metrics;
pub use client::{Client, client_of};
pub use line::{KeptVisit, Visit};
pub use pen::Pen;
use writer::{Message, Writer};

/// Largest number of bundles of lines that wait for the disk. A bundle has about 32 KiB.
const MOST_WAITING: usize = 64;

/// What the access log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLogSettings {
    /// The file; `None` for standard output.
    pub file: Option<PathBuf>,
    /// The format of a line.
    pub format: AccessLogFormat,
    /// Proxies that are believed when they name a client.
    pub trusted: Vec<TrustedProxy>,
}

/// An open access log.
#[derive(Debug)]
pub struct AccessLog {
    sender: SyncSender<Message>,
    thread: JoinHandle<()>,
    settings: Arc<AccessLogSettings>,
    metrics: Metrics,
}

impl AccessLog {
    /// Opens the log, and starts the thread that writes.
    ///
    /// # Errors
    /// Fails if the file cannot be opened.
    pub fn open(settings: AccessLogSettings, metrics: &Metrics) -> Result<AccessLog> {
        let (sender, receiver) = sync_channel(MOST_WAITING);
        let writer = Writer::open(settings.file.clone(), metrics.clone())?;
        let thread = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || writer.run(&receiver))
            .context("cannot start the thread of the access log")?;
        Ok(AccessLog { sender, thread, settings: Arc::new(settings), metrics: metrics.clone() })
    }

    /// Returns what a thread of the server needs to write lines.
    pub fn pen_maker(&self) -> PenMaker {
        PenMaker {
            sender: self.sender.clone(),
            settings: self.settings.clone(),
            metrics: self.metrics.clone(),
        }
    }

    /// Returns a function that opens the file again, because another program moved the file.
    pub fn reopening(&self) -> impl Fn() + Send + Sync + 'static {
        let sender = self.sender.clone();
        // The log may have ended.
        move || sender.send(Message::Reopen).unwrap_or_default()
    }

    /// Writes what is left, after all pens are gone.
    pub fn close(self) {
        // The thread ends at this message at the latest.
        let _ = self.sender.send(Message::End);
        if self.thread.join().is_err() {
            warn!("the thread of the access log has failed");
        }
    }
}

/// What a thread needs for a [`Pen`], which belongs to one thread.
#[derive(Debug, Clone)]
pub struct PenMaker {
    sender: SyncSender<Message>,
    settings: Arc<AccessLogSettings>,
    metrics: Metrics,
}

impl PenMaker {
    /// Makes the pen of this thread.
    pub fn make(self) -> Pen {
        Pen::new(self.sender, self.settings, self.metrics)
    }
}
