//! The settings of the running process, for `movies-gen status`.
//!
//! Owns the document `running` in `--state`. The process that holds the lock of `--state` writes the
//! document when it starts and after SIGHUP. `status` may be called with other options than the
//! process, so `status` judges by this document as long as the process runs.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::config::Config;
use crate::document;
use crate::hold::Bound;
use crate::lock;

const NAME: &str = "running";

/// The settings by which a site is judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InForce {
    /// Id of the process that has these settings; `None` for the settings of a command that looks.
    pub(super) process: Option<u32>,
    pub(super) interval: Duration,
    pub(super) max_age: Duration,
    pub(super) hold: Duration,
    pub(super) max_stale: Option<Duration>,
    /// Whether the process shares a Redis. The address may contain a password, so the document does
    /// not have the address.
    #[serde(default)]
    pub(super) has_redis: bool,
}

impl InForce {
    fn of(config: &Config, process: Option<u32>) -> InForce {
        let Config { interval, max_age, hold, max_stale, .. } = *config;
        let has_redis = config.redis.is_some();
        InForce { process, interval, max_age, hold, max_stale, has_redis }
    }

    /// Returns the settings of the process that holds the lock of `--state`. If no process holds
    /// the lock, returns the settings of this command.
    pub(super) fn look(config: &Config) -> InForce {
        let holder = lock::holder(&config.state.join("lock"));
        let told: Option<InForce> = document::peek(&config.state.join(NAME), NAME);
        let of_holder = told.filter(|told| holder.is_some() && told.process == holder);
        of_holder.unwrap_or_else(|| InForce::of(config, None))
    }

    pub(super) fn bound(&self) -> Bound {
        let InForce { max_age, interval, hold, max_stale, .. } = *self;
        Bound { max_age, interval, hold, max_stale }
    }
}

/// Records the settings of this process. The document is only information for people, so a failure
/// is logged and nothing else.
pub(super) fn record(config: &Config) {
    let settings = InForce::of(config, Some(std::process::id()));
    if let Err(error) = document::write_unsynced(&config.state.join(NAME), NAME, &settings) {
        warn!("cannot record the settings for `movies-gen status`: {error:#}");
    }
}
