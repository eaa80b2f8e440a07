//! The part of the configuration that a refresh needs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, Upstream};
use crate::ledger::Overrides;
use crate::mapping::Mapping;
use crate::plausibility::{FREE_GROWTH, Guard};

/// The part of the configuration that a refresh needs.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) mapping: Arc<Mapping>,
    pub(super) max_bytes: u64,
    pub(super) interval: Duration,
    /// Minimum time between two claims: the interval, or nothing for local files.
    pub(super) between: Duration,
    pub(super) max_age: Duration,
    pub(super) guard: Guard,
    /// Fields that the owner declares volatile or not volatile.
    pub(super) overrides: Overrides,
    /// The state directory.
    pub(super) state: PathBuf,
}

impl Settings {
    pub(super) fn of(config: &Config) -> Settings {
        let Config { max_bytes, interval, max_age, .. } = *config;
        let Config { max_shrink, max_growth, accept_after, .. } = *config;
        // A file is read after each save, and not once per interval. The number of refusals in a
        // row says nothing then.
        let accept_after = match config.upstream {
            Upstream::Files(_) => u32::MAX,
            Upstream::Api(_) | Upstream::Demo(_) => accept_after,
        };
        let guard = Guard { max_shrink, max_growth, free_growth: FREE_GROWTH, accept_after };
        let (overrides, state) = (overrides(config), config.state.clone());
        let mapping = config.mapping.clone();
        let between = match config.upstream {
            Upstream::Files(_) => Duration::ZERO,
            Upstream::Api(_) | Upstream::Demo(_) => interval,
        };
        Settings { mapping, max_bytes, interval, between, max_age, guard, overrides, state }
    }
}

/// Returns the fields that the owner declares volatile or not volatile.
pub(super) fn overrides(config: &Config) -> Overrides {
    let Config { volatile_fields, steady_fields, .. } = config;
    Overrides { volatile: volatile_fields.clone(), steady: steady_fields.clone() }
}
