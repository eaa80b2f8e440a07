//! What other replicas announce.
//!
//! Owns the second connection to Redis, on which saves and outcomes are heard.
//! An announcement says only that there is something to look at; one that got
//! lost is made up for by looking now and then.

use std::time::Duration;

use anyhow::Result;
use futures_util::StreamExt;
use tracing::{debug, warn};

use super::RedisStore;

/// Between two tries to hear.
const RETRY: Duration = Duration::from_secs(1);
/// What a Redis must do when it is full: refuse writes, and forget nothing.
const POLICY: &str = "noeviction";

impl RedisStore {
    /// Calls `heard` whenever another replica saved something or ended a refresh,
    /// and whenever it could not be heard for a while. Never ends.
    pub async fn hear(&self, heard: impl Fn()) {
        let mut told = String::new();
        loop {
            if let Err(error) = self.listen(&heard, &mut told).await {
                debug!("Redis at {} is not heard: {error:#}", self.address);
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn listen(&self, heard: &impl Fn(), told: &mut String) -> Result<()> {
        self.check_policy(told).await?;
        let connecting = self.client.get_async_pubsub();
        let mut announcements = tokio::time::timeout(self.timeout, connecting).await??;
        announcements.subscribe(&self.keys.channel).await?;
        heard();
        let mut messages = announcements.into_on_message();
        while messages.next().await.is_some() {
            heard();
        }
        Ok(())
    }

    /// Warns of a Redis that would forget the claim when it is full.
    async fn check_policy(&self, told: &mut String) -> Result<()> {
        let mut manager = self.locked().manager.clone();
        let mut command = redis::cmd("INFO");
        let asking = command.arg("memory").query_async::<String>(&mut manager);
        let memory = tokio::time::timeout(self.timeout, asking).await??;
        let policy = memory.lines().find_map(|line| line.strip_prefix("maxmemory_policy:"));
        let policy = policy.unwrap_or(POLICY).trim();
        if policy != POLICY && policy != told {
            warn!(
                "Redis at {} has maxmemory-policy {policy}: when it is full it forgets what keeps \
                 the upstream from being asked twice; set it to {POLICY}",
                self.address
            );
        }
        policy.clone_into(told);
        Ok(())
    }
}
