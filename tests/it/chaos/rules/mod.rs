//! One file a rule, or a few that look at the same thing.

pub(super) mod content;
pub(super) mod courtesy;
pub(super) mod freshness;
pub(super) mod honesty;
pub(super) mod waiting;
