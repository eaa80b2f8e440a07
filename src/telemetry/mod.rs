//! What the program reports to its operators: log lines and metrics.
//!
//! Owns the form of both. Nothing here decides anything, and visitors see nothing of it.

mod log;
mod metrics;

pub use log::start;
pub use metrics::{Counted, Metrics, Scrape, Stage};
