//! What the program tells those who run it: log lines and metrics.
//!
//! Owns how both look. It exists beside the site, which tells visitors; nothing
//! here may decide anything.

mod log;
mod metrics;

pub use log::start;
pub use metrics::{Counted, Metrics, Now, Stage};
