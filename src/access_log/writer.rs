//! The thread that writes the log.
//!
//! Owns the open file, and what the owner of the site learns if the file cannot be written.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc::Receiver;

use anyhow::Result;
use tracing::{info, warn};

use crate::disk;
use crate::telemetry::Metrics;

/// Lines that follow each other.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) bytes: Vec<u8>,
    pub(super) count: u64,
}

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Message {
    Lines(Lines),
    /// The file was moved: open the file again.
    Reopen,
    End,
}

/// The open log.
pub(super) struct Writer {
    /// `None` for standard output.
    file: Option<(PathBuf, File)>,
    metrics: Metrics,
    /// Whether the last write failed.
    has_failed: bool,
    /// Whether the file may end in a part of a line.
    is_torn: bool,
}

impl Writer {
    /// Opens the file.
    ///
    /// # Errors
    /// Fails if the file cannot be opened.
    pub(super) fn open(path: Option<PathBuf>, metrics: Metrics) -> Result<Writer> {
        let file = match path {
            Some(path) => {
                let file = disk::open_to_append(&path)?;
                Some((path, file))
            }
            None => None,
        };
        Ok(Writer { file, metrics, has_failed: false, is_torn: false })
    }

    /// Writes until the end.
    pub(super) fn run(mut self, receiver: &Receiver<Message>) {
        for message in receiver {
            match message {
                Message::Lines(lines) => self.write(&lines),
                Message::Reopen => self.reopen(),
                Message::End => return,
            }
        }
    }

    fn write(&mut self, lines: &Lines) {
        let written = match &mut self.file {
            Some((_, file)) => written(file, &lines.bytes, self.is_torn),
            None => written(&mut io::stdout().lock(), &lines.bytes, false),
        };
        self.is_torn = written.is_err();
        match written {
            Ok(()) if self.has_failed => {
                info!("the access log is written again");
                self.has_failed = false;
            }
            Ok(()) => {}
            Err(error) => {
                self.metrics.lost_lines(lines.count);
                if !self.has_failed {
                    let name = self.name();
                    warn!(
                        "cannot write the access log to {name}: {error}; requests are answered and \
                         not logged until the log can be written"
                    );
                }
                self.has_failed = true;
            }
        }
    }

    fn reopen(&mut self) {
        let Some((path, file)) = &mut self.file else { return };
        match disk::open_to_append(path) {
            Ok(new) => {
                *file = new;
                self.is_torn = false;
            }
            Err(error) => {
                warn!("cannot open the access log again; the old file stays in use: {error:#}")
            }
        }
    }

    fn name(&self) -> String {
        self.file.as_ref().map_or("standard output".into(), |(path, _)| path.display().to_string())
    }
}

fn written(to: &mut impl Write, bytes: &[u8], is_torn: bool) -> io::Result<()> {
    if is_torn {
        to.write_all(b"\n")?;
    }
    to.write_all(bytes)?;
    to.flush()
}
