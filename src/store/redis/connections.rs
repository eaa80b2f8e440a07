//! The connections to one Redis.
//!
//! Owns the two connections of a store: one for small calls, and one for bodies, so that no small
//! call waits behind a body. Each connects at its first use, again after it broke, and again if the
//! keys are now on another server.

use std::sync::Mutex;
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use redis::{Client, ConnectionAddr, RedisResult};

use super::super::locked;
use super::whereabouts::Whereabouts;

/// Longest wait for one transfer.
pub(super) const LONGEST_TRANSFER: Duration = Duration::from_secs(300);

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Calls of a few kilobytes.
    Small,
    /// Transfers of bodies.
    Bodies,
}

/// The connections, and the place to which they lead.
pub(super) struct Connections {
    pub(super) whereabouts: Whereabouts,
    timeout: Duration,
    small: Mutex<Option<(ConnectionAddr, ConnectionManager)>>,
    bodies: Mutex<Option<(ConnectionAddr, ConnectionManager)>>,
}

impl Connections {
    pub(super) fn new(whereabouts: Whereabouts, timeout: Duration) -> Connections {
        Connections { whereabouts, timeout, small: Mutex::default(), bodies: Mutex::default() }
    }

    /// Returns the connection, and the server to which the connection leads.
    ///
    /// # Errors
    /// Fails if the server is not found.
    pub(super) async fn get(&self, what: Use) -> RedisResult<(ConnectionAddr, ConnectionManager)> {
        let addr = self.whereabouts.find().await?;
        let mut kept = locked(self.kept(what));
        if let Some(open) = kept.as_ref().filter(|(at, _)| *at == addr) {
            return Ok(open.clone());
        }
        let client = Client::open(self.whereabouts.info(&addr))?;
        let response = if what == Use::Small { self.timeout } else { LONGEST_TRANSFER };
        let open = (addr, manager(client, self.timeout, response)?);
        *kept = Some(open.clone());
        Ok(open)
    }

    /// Opens a connection for one call to another node than the node that has the keys.
    pub(super) async fn visit(&self, node: ConnectionAddr) -> RedisResult<MultiplexedConnection> {
        self.whereabouts.seeker().connect(self.whereabouts.info(&node)).await
    }

    /// Closes the connections, so that the next calls open new connections.
    pub(super) fn close(&self) {
        self.close_bodies();
        *locked(&self.small) = None;
    }

    /// Closes the connection for bodies, because an unfinished transfer would delay the next call.
    pub(super) fn close_bodies(&self) {
        *locked(&self.bodies) = None;
    }

    fn kept(&self, what: Use) -> &Mutex<Option<(ConnectionAddr, ConnectionManager)>> {
        match what {
            Use::Small => &self.small,
            Use::Bodies => &self.bodies,
        }
    }
}

fn manager(
    client: Client,
    timeout: Duration,
    response: Duration,
) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(1)
        .set_min_delay(Duration::from_millis(10))
        .set_max_delay(timeout / 4)
        .set_connection_timeout(Some(timeout))
        .set_response_timeout(Some(response));
    ConnectionManager::new_lazy_with_config(client, config)
}
