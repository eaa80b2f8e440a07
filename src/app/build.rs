//! `build once`: makes one refresh, then exits.
//!
//! Owns what a cron job may meet: an interval that is not over, another process that is
//! refreshing, an upstream that does not answer. Each job makes its refresh, or logs why no
//! refresh was due.

use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use tracing::{info, warn};

use super::refresh::{Refreshed, Refresher};
use super::wiring::{self, Wired};
use crate::clock::{Clock, whole_seconds};
use crate::config::Config;
use crate::lock::{Held, Stay};
use crate::outcome::OutcomeKind;
use crate::schedule::WaitReason;
use crate::store::Denied;

/// Longest wait for another `build once`.
const LONGEST_ONCE: Duration = Duration::from_secs(60);
/// Time between two checks whether the refresh of another process has ended.
const LOOK: Duration = Duration::from_millis(20);

/// Makes one refresh, or publishes the stored data if no refresh is due.
///
/// # Errors
/// Fails if the refresh failed, or if there is no site to publish.
pub(super) async fn once(config: Config) -> Result<()> {
    let clock = Clock::system();
    let mut wired = wire_when_free(&config, &clock).await?;
    refreshed(&mut wired, &config, &clock).await?;
    wired.refresher.front.relays.deliver(&wired.live).await
}

/// Makes the refresh, or shows the stored data.
async fn refreshed(wired: &mut Wired, config: &Config, clock: &Clock) -> Result<()> {
    // A job that ends at once repairs lost files even if the data did not change.
    wired.refresher.front.publisher.check(clock.now().wall)?;
    wired.show_what_is_there().await;
    let stores = &wired.refresher.stores;
    if let Some(redis) = stores.redis().filter(|_| !stores.is_away()) {
        redis.check_policy(&mut String::new()).await;
    }
    let refresher = &mut wired.refresher;
    loop {
        match refresher.refresh().await? {
            Refreshed::Good(done) => {
                let data = if done.kind == OutcomeKind::Changed { "new" } else { "the same" };
                let from =
                    age(refresher, clock).map_or(String::new(), |age| format!(", from {age} ago"));
                info!("{} is up to date; the data is {data}{from}", config.out.display());
                return Ok(());
            }
            Refreshed::Failed(failure) => {
                return Err(anyhow!(failure).context(match age(refresher, clock) {
                    Some(age) => format!(
                        "the refresh failed; {} shows data from {age} ago",
                        config.out.display()
                    ),
                    None => "the refresh failed, and no data is stored yet".to_owned(),
                }));
            }
            // Nobody can tell when Redis will be back, so do not wait.
            Refreshed::Denied(denied) if denied.wait.because == WaitReason::RedisLost => {
                return stored(refresher, config, clock, &denied);
            }
            Refreshed::Denied(denied) if is_running(refresher, &denied, config.hold) => {
                tokio::time::sleep(LOOK).await;
            }
            Refreshed::Denied(denied) if denied.wait.remaining <= config.hold => {
                tokio::time::sleep(denied.wait.remaining).await;
            }
            Refreshed::Denied(denied) => return stored(refresher, config, clock, &denied),
        }
    }
}

/// Ends a run in which no refresh was due. The stored data has been published already.
fn stored(
    refresher: &mut Refresher,
    config: &Config,
    clock: &Clock,
    denied: &Denied,
) -> Result<()> {
    let wait = humantime::format_duration(Duration::from_secs(denied.wait.remaining.as_secs() + 1));
    let because = denied.wait.because;
    let Some(age) = age(refresher, clock) else {
        bail!(
            "no data is stored yet, and the API may be asked in {wait} at the earliest: {because}"
        );
    };
    // The job must fail if the theme fails, although the old site is still published.
    refresher.show()?;
    if let Some(kind) = refresher.front.history.outcome().filter(|kind| !kind.is_good()) {
        warn!("the last refresh failed: {kind}");
    }
    info!(
        "{} shows the stored data from {age} ago; the API may be asked in {wait}: {because}",
        config.out.display()
    );
    Ok(())
}

/// Returns the age of the data that `--out` shows.
fn age(refresher: &Refresher, clock: &Clock) -> Option<humantime::FormattedDuration> {
    let age = refresher.front.live.snapshot().site.as_ref()?.origin.age(clock.now());
    Some(whole_seconds(age))
}

/// Whether another process is making a refresh. Without a shared store there is no such process:
/// the state directory is locked, so a claim without an outcome belongs to a process that died.
fn is_running(refresher: &Refresher, denied: &Denied, hold: Duration) -> bool {
    refresher.stores.is_shared() && denied.standing.outcome.is_none() && denied.standing.age < hold
}

/// Wires the site as soon as no other `build once` is running. If a long-running process holds
/// the lock, fails at once with the id of that process.
async fn wire_when_free(config: &Config, clock: &Clock) -> Result<Wired> {
    let started = clock.now().boot;
    loop {
        let wired = wiring::wire(config, clock, Stay::Short);
        let waits = wired.as_ref().err().and_then(|error| error.downcast_ref::<Held>());
        match waits {
            Some(held)
                if held.stay == Stay::Short && clock.now().boot.since(started) < LONGEST_ONCE =>
            {
                tokio::time::sleep(LOOK).await;
            }
            _ => return wired,
        }
    }
}
