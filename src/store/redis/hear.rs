//! What other replicas announce.
//!
//! Owns the second connection to Redis, on which saves and outcomes are heard.
//! An announcement says only that there is something to look at; one that got
//! lost is made up for by looking now and then.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Result, bail};
use futures_util::StreamExt;
use tracing::{debug, warn};

use super::{RedisStore, locked};

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
            let Err(error) = self.listen(&heard, &mut told).await else { continue };
            debug!("Redis at {} is not heard: {error:#}", self.address);
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = self.back.notified() => {}
            }
        }
    }

    /// Until Redis is back, and may be another one.
    async fn listen(&self, heard: &impl Fn(), told: &mut String) -> Result<()> {
        self.check_policy(told).await;
        let connecting = self.client.get_async_pubsub();
        let mut announcements = tokio::time::timeout(self.timeout, connecting).await??;
        let subscribed = announcements.subscribe(&self.keys.channel).await;
        let is_deaf = subscribed.as_ref().is_err_and(|error| error.code() == Some("NOPERM"));
        if is_deaf && !self.is_deaf() {
            warn!(
                "Redis at {} lets this user not subscribe to {}: what other replicas save is seen \
                 by looking each second",
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

    /// Whether it lets this user not hear what others announce.
    pub fn is_deaf(&self) -> bool {
        self.is_deaf.load(Ordering::Relaxed)
    }

    /// Warns of a Redis that would forget the claim when it is full, unless it was `told`.
    /// One that does not say is believed.
    pub async fn check_policy(&self, told: &mut String) {
        match self.policy().await {
            Ok(policy) if policy != POLICY && policy != *told => {
                warn!(
                    "Redis at {} has maxmemory-policy {policy}: when it is full it forgets what \
                     keeps the upstream from being asked twice; set it to {POLICY}",
                    self.address
                );
                *told = policy;
            }
            Ok(policy) => *told = policy,
            Err(error) => debug!("Redis at {} does not tell its policy: {error:#}", self.address),
        }
    }

    async fn policy(&self) -> Result<String> {
        let mut manager = locked(&self.connection).clone();
        let mut command = redis::cmd("INFO");
        let asking = command.arg("memory").query_async::<String>(&mut manager);
        let memory = tokio::time::timeout(self.timeout, asking).await??;
        let policy = memory.lines().find_map(|line| line.strip_prefix("maxmemory_policy:"));
        Ok(policy.unwrap_or(POLICY).trim().to_owned())
    }
}
