//! The announcements of other replicas.
//!
//! Owns the connection to Redis that receives the announcements of saves and outcomes, and the
//! regular look at the sentinels and at the nodes of a cluster. An announcement says only that there
//! is something to read. Because an announcement may get lost, replicas also poll.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Result, bail};
use futures_util::StreamExt;
use redis::aio::PubSub;
use redis::{Client, ConnectionAddr, Value};
use tracing::{debug, warn};

use super::RedisStore;
use super::connections::Use;

/// Time between two tries to subscribe.
const RETRY: Duration = Duration::from_secs(1);
/// Time between two looks at the sentinels or at the nodes of a cluster.
const LOOK_AROUND: Duration = Duration::from_secs(5);
/// The policy that Redis must have for a full memory: refuse writes and evict nothing.
const POLICY: &str = "noeviction";

impl RedisStore {
    /// Calls `heard` whenever another replica saved a payload or ended a refresh, and after each
    /// gap in which announcements could not be received. Never returns.
    pub async fn hear(&self, heard: impl Fn()) {
        tokio::join!(self.keep_listening(heard), self.keep_looking());
    }

    async fn keep_listening(&self, heard: impl Fn()) {
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

    /// Looks for another master, or for the nodes of a cluster, at intervals.
    async fn keep_looking(&self) {
        let whereabouts = &self.connections.whereabouts;
        loop {
            if self.address.sentinels().is_some() {
                whereabouts.look_around().await;
            } else {
                match self.nodes().await {
                    Ok(Some(nodes)) => whereabouts.seeker().remember(nodes),
                    // A single server stays a single server.
                    Ok(None) => return,
                    Err(error) => debug!("cannot read the nodes of {}: {error:#}", self.address),
                }
            }
            tokio::time::sleep(LOOK_AROUND).await;
        }
    }

    /// Returns the nodes of the cluster, or `None` if Redis is no cluster.
    async fn nodes(&self) -> Result<Option<Vec<ConnectionAddr>>> {
        let asking = async {
            let (addr, mut manager) = self.connections.get(Use::Small).await?;
            let mut about = redis::cmd("INFO");
            let about: String = about.arg("cluster").query_async(&mut manager).await?;
            if !about.contains("cluster_enabled:1") {
                return Ok(None);
            }
            let mut slots = redis::cmd("CLUSTER");
            let slots: Vec<Vec<Value>> = slots.arg("SLOTS").query_async(&mut manager).await?;
            Ok(Some(self.connections.whereabouts.seeker().nodes_in(&addr, &slots)))
        };
        tokio::time::timeout(self.timeout, asking).await?
    }

    /// Connects to the server that has the keys. A node of a cluster receives the announcements of
    /// all nodes.
    async fn subscriber(&self) -> Result<(ConnectionAddr, PubSub)> {
        let addr = self.connections.whereabouts.find().await?;
        let client = Client::open(self.connections.whereabouts.info(&addr))?;
        Ok((addr, client.get_async_pubsub().await?))
    }

    /// Receives announcements until the connection breaks, until the keys are on another server, or
    /// until Redis is back, perhaps at another address.
    async fn listen(&self, heard: &impl Fn(), told: &mut String) -> Result<()> {
        self.check_policy(told).await;
        let whereabouts = &self.connections.whereabouts;
        let connected = tokio::time::timeout(self.timeout, self.subscriber()).await;
        let (addr, mut announcements) =
            connected.map_err(Into::into).flatten().inspect_err(|_| {
                whereabouts.doubt();
            })?;
        let mut changes = whereabouts.changes();
        if whereabouts.known().as_ref() != Some(&addr) {
            return Ok(());
        }
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
                    None => {
                        whereabouts.doubt();
                        bail!("the connection broke");
                    }
                },
                () = self.back.notified() => return Ok(()),
                _ = changes.changed() => return Ok(()),
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
        let mut line = self.line();
        let mut command = redis::cmd("INFO");
        let asking = command.arg("memory").query_async::<String>(&mut line);
        let memory = tokio::time::timeout(self.timeout, asking).await??;
        let policy = memory.lines().find_map(|line| line.strip_prefix("maxmemory_policy:"));
        Ok(policy.unwrap_or(POLICY).trim().to_owned())
    }
}
