//! The paths of the files outside generations.
//!
//! Owns these paths. The files are replaced at every refresh.

/// The age of the data, for pages and machines.
pub const FRESHNESS: &str = "freshness.json";
/// The state of the site, for people.
pub const STATUS: &str = "status/index.html";
/// The faults of the templates, for their author (`--dev`).
pub const DEV: &str = "dev.json";

/// All files outside generations. Each is replaced by a rename and is never held back.
pub(super) const VOLATILE: [&str; 3] = [FRESHNESS, STATUS, DEV];

/// Whether a path is outside generations.
pub fn is_volatile(path: &str) -> bool {
    VOLATILE.contains(&path)
}
