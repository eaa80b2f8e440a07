//! The places of the files outside generations.
//!
//! Owns which files these are. They are replaced at every refresh.

pub use crate::pages::STATUS;

/// How old the data is, for pages and machines: replaced at every refresh.
pub const FRESHNESS: &str = "freshness.json";
/// What is wrong with the templates, for their author.
pub const DEV: &str = "dev.json";

/// All files outside generations: replaced by rename, never held.
pub(super) const VOLATILE: [&str; 3] = [FRESHNESS, STATUS, DEV];

/// Whether a path stands outside generations.
pub fn is_volatile(path: &str) -> bool {
    VOLATILE.contains(&path)
}
