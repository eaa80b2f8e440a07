//! The announcements of other replicas.
//!
//! Owns the second connection to Redis, which receives the announcements of saves and outcomes.
//! An announcement says only that there is something to read. Because an announcement may get
//! lost, replicas also poll.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Result, bail};
use futures_util::StreamExt;
use tracing::{debug, warn};

use super::RedisStore;

/// Time between two tries to subscribe.
const RETRY: Duration = Duration::from_secs(1);
/// The policy that Redis must have for a full memory: refuse writes and evict nothing.
const POLICY: &str = "noeviction";

impl RedisStore {
    /// Calls `heard` whenever another replica saved a payload or ended a refresh, and after each
    /// gap in which announcements could not be received. Never returns.
    pub async fn hear(&self, heard: impl Fn()) {
        let mut told = String::new();
        loop {
            let Err(error) = self.listen(&heard, &mut told).await else { continue };
            debug!("cannot receive announcements from Redis at {}: {error:#}", self.address);
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = self.back.notified() => {}
            }
        }
    }

    /// Receives announcements until the connection breaks, or until Redis is back, perhaps at
    /// another address.
    async fn listen(&self, heard: &impl Fn(), told: &mut String) -> Result<()> {
        self.check_policy(told).await;
        let connecting = self.connections.client.get_async_pubsub();
        let mut announcements = tokio::time::timeout(self.timeout, connecting).await??;
        let subscribed = announcements.subscribe(&self.keys.channel).await;
        let is_deaf = subscribed.as_ref().is_err_and(|error| error.code() == Some("NOPERM"));
        if is_deaf && !self.is_deaf() {
            warn!(
                "Redis at {} does not let this user subscribe to {}, so saves of other replicas \
                 are read by polling each second; grant +subscribe on this channel",
                self.address, self.keys.channel
            );
        }
        self.is_deaf.store(is_deaf, Ordering::Relaxed);
        subscribed?;
        heard();
        let mut messages = announcements.into_on_message();
        loop {
            tokio::select! {
                message = messages.next() => match message {
                    Some(_) => heard(),
                    None => bail!("the connection broke"),
                },
                () = self.back.notified() => return Ok(()),
            }
        }
    }

    /// Whether this user may not subscribe to the announcements.
    pub fn is_deaf(&self) -> bool {
        self.is_deaf.load(Ordering::Relaxed)
    }

    /// Warns if a full Redis would evict the claim, unless `told` has the same policy already. A
    /// Redis that does not report its policy causes no warning.
    pub async fn check_policy(&self, told: &mut String) {
        match self.policy().await {
            Ok(policy) if policy != POLICY && policy != *told => {
                warn!(
                    "Redis at {} has maxmemory-policy {policy}: a full Redis may evict the claim, \
                     and then the API is asked twice; set maxmemory-policy to {POLICY}",
                    self.address
                );
                *told = policy;
            }
            Ok(policy) => *told = policy,
            Err(error) => debug!("cannot read the policy of Redis at {}: {error:#}", self.address),
        }
    }

    async fn policy(&self) -> Result<String> {
        let mut manager = self.connections.small();
        let mut command = redis::cmd("INFO");
        let asking = command.arg("memory").query_async::<String>(&mut manager);
        let memory = tokio::time::timeout(self.timeout, asking).await??;
        let policy = memory.lines().find_map(|line| line.strip_prefix("maxmemory_policy:"));
        Ok(policy.unwrap_or(POLICY).trim().to_owned())
    }
}
