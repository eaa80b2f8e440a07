//! The connections to one Redis.
//!
//! Owns the two connections of a store: one for small calls, and one for bodies, so that no small
//! call waits behind a body.

use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result};
use redis::Client;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};

use super::super::locked;

/// Longest wait for one transfer.
pub(super) const LONGEST_TRANSFER: Duration = Duration::from_secs(300);

/// The connections. Each connects at its first use, and again after it broke.
pub(super) struct Connections {
    pub(super) client: Client,
    timeout: Duration,
    small: Mutex<ConnectionManager>,
    bodies: Mutex<ConnectionManager>,
}

impl Connections {
    pub(super) fn new(client: Client, timeout: Duration) -> Result<Connections> {
        let small = Mutex::new(manager(&client, timeout, timeout)?);
        let bodies = Mutex::new(manager(&client, timeout, LONGEST_TRANSFER)?);
        Ok(Connections { client, timeout, small, bodies })
    }

    /// Returns the connection for small calls.
    pub(super) fn small(&self) -> ConnectionManager {
        locked(&self.small).clone()
    }

    /// Returns the connection for bodies.
    pub(super) fn bodies(&self) -> ConnectionManager {
        locked(&self.bodies).clone()
    }

    /// Opens new connections.
    ///
    /// # Errors
    /// Fails if a connection cannot be prepared. The connections then stay.
    pub(super) fn open_anew(&self) -> Result<()> {
        let small = manager(&self.client, self.timeout, self.timeout)?;
        self.open_bodies_anew()?;
        *locked(&self.small) = small;
        Ok(())
    }

    /// Opens a new connection for bodies, because an unfinished transfer would delay the next call.
    ///
    /// # Errors
    /// Fails if the connection cannot be prepared. The connection then stays.
    pub(super) fn open_bodies_anew(&self) -> Result<()> {
        *locked(&self.bodies) = manager(&self.client, self.timeout, LONGEST_TRANSFER)?;
        Ok(())
    }
}

fn manager(
    client: &Client,
    timeout: Duration,
    response_timeout: Duration,
) -> Result<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(1)
        .set_min_delay(Duration::from_millis(10))
        .set_max_delay(timeout / 4)
        .set_connection_timeout(Some(timeout))
        .set_response_timeout(Some(response_timeout));
    ConnectionManager::new_lazy_with_config(client.clone(), config)
        .context("cannot prepare the connection to Redis")
}
