//! The paths of the files outside generations.
//!
//! Owns which files these are. The files are replaced at every refresh.

pub use crate::pages::STATUS;

/// The age of the data, for pages and machines.
pub const FRESHNESS: &str = "freshness.json";
/// The faults of the templates, for their author (`--dev`).
pub const DEV: &str = "dev.json";

/// All files outside generations. Each is replaced by a rename and is never held back.
pub(super) const VOLATILE: [&str; 3] = [FRESHNESS, STATUS, DEV];

/// Whether a path is outside generations.
pub fn is_volatile(path: &str) -> bool {
    VOLATILE.contains(&path)
}

/// The own directory of the program in a tree.
pub const OWN_DIRECTORY: &str = ".movies-gen";
