//! The rules: one file for each rule, or for a few rules about the same records.

pub(super) mod content;
pub(super) mod courtesy;
pub(super) mod freshness;
pub(super) mod honesty;
pub(super) mod waiting;
