//! What the service manager hears about this process (`Type=notify` of systemd).
//!
//! Owns when the process counts as ready, and the signs of life for the watchdog. Without a service
//! manager, nothing is sent. A message that cannot be sent is not repeated: the service manager
//! then judges by its timeouts.

use sd_notify::NotifyState;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tracing::debug;

/// The service manager that started this process, if one did.
#[derive(Debug)]
pub struct ServiceManager {
    is_ready: bool,
    /// When signs of life are due: three in the time limit, so that one may come late. `None` if
    /// the service manager expects no signs.
    signs: Option<Interval>,
}

impl ServiceManager {
    /// Reads what the service manager expects from this process.
    pub fn find() -> ServiceManager {
        let limit = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero());
        let signs = limit.map(|limit| {
            let mut signs = interval(limit / 3);
            signs.set_missed_tick_behavior(MissedTickBehavior::Delay);
            signs
        });
        ServiceManager { is_ready: false, signs }
    }

    /// Tells that the site can be used: the first good page, or a stored page, is live. `shown` says
    /// of which time the data is. Tells this once.
    pub fn note_shown(&mut self, shown: impl FnOnce() -> Option<String>) {
        if self.is_ready {
            return;
        }
        if let Some(as_of) = shown() {
            self.is_ready = true;
            let status = format!("showing data of {as_of}");
            send(&[NotifyState::Ready, NotifyState::Status(&status)]);
        }
    }

    /// Tells that the configuration is being read again. [`ServiceManager::reloaded`] follows.
    pub fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => send(&[NotifyState::Reloading, now]),
            Err(error) => debug!("cannot read the monotonic clock: {error}"),
        }
    }

    /// Tells that the configuration was read again.
    pub fn reloaded(&self) {
        if self.is_ready {
            send(&[NotifyState::Ready]);
        }
    }

    /// Tells that the process stops.
    pub fn stopping(&self) {
        send(&[NotifyState::Stopping]);
    }

    /// Waits until the next sign of life is due, and sends the sign. Waits forever if the service
    /// manager expects no signs.
    pub async fn next_sign(&mut self) {
        match &mut self.signs {
            Some(signs) => {
                signs.tick().await;
                send(&[NotifyState::Watchdog]);
            }
            None => std::future::pending().await,
        }
    }
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        debug!("cannot tell the service manager: {error}");
    }
}
