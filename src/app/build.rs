//! `build once`: one refresh, then exit.
//!
//! Owns what a cron job meets: a minute that is not over, another process at
//! work, an upstream that is away. Each minute's job does its refresh, or says
//! why there was nothing to do.

use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use tracing::info;

use super::refresh::{Refreshed, Refresher};
use super::wiring::{self, Wired};
use crate::clock::Clock;
use crate::config::Config;
use crate::lock::{Held, Stay};
use crate::outcome::OutcomeKind;
use crate::schedule::Because;
use crate::store::Denied;

/// Another `build once` that takes longer is not waited for.
const LONGEST_ONCE: Duration = Duration::from_secs(60);
/// Between two looks at another process's refresh.
const LOOK: Duration = Duration::from_millis(20);

/// One refresh, or what is stored if none is due.
///
/// # Errors
/// If there is no good site afterwards, or the upstream failed.
pub(super) async fn once(config: Config) -> Result<()> {
    let clock = Clock::system();
    let mut wired = wire_when_free(&config, &clock).await?;
    wired.show_what_is_there().await;
    let stores = &wired.refresher.stores;
    if let Some(redis) = stores.redis().filter(|_| !stores.is_away()) {
        redis.check_policy(&mut String::new()).await;
    }
    let refresher = &mut wired.refresher;
    loop {
        match refresher.refresh().await? {
            Refreshed::Good(done) => {
                let what = if done.kind == OutcomeKind::Changed { "new" } else { "unchanged" };
                info!("{} is up to date; the data is {what}", config.out.display());
                return Ok(());
            }
            Refreshed::Failed(failure) => {
                return Err(anyhow!(failure).context(match age(refresher, &clock) {
                    Some(age) => format!(
                        "the refresh failed; {} shows data from {age} ago",
                        config.out.display()
                    ),
                    None => "the refresh failed and no data is stored yet".to_owned(),
                }));
            }
            // Nobody knows when that is over.
            Refreshed::Denied(denied) if denied.wait.because == Because::RedisLost => {
                return stored(refresher, &config, &clock, &denied);
            }
            Refreshed::Denied(denied) if is_running(refresher, &denied, config.hold) => {
                tokio::time::sleep(LOOK).await;
            }
            Refreshed::Denied(denied) if denied.wait.remaining <= config.hold => {
                tokio::time::sleep(denied.wait.remaining).await;
            }
            Refreshed::Denied(denied) => return stored(refresher, &config, &clock, &denied),
        }
    }
}

/// Nothing is due: what is stored has been shown.
fn stored(
    refresher: &mut Refresher,
    config: &Config,
    clock: &Clock,
    denied: &Denied,
) -> Result<()> {
    let wait = humantime::format_duration(Duration::from_secs(denied.wait.remaining.as_secs() + 1));
    let because = denied.wait.because;
    let Some(age) = age(refresher, clock) else {
        bail!("no data is stored yet, and the upstream may be asked in {wait} only: {because}");
    };
    // A theme that fails must fail the job, though the old site still stands.
    refresher.show()?;
    info!(
        "{} shows the stored data from {age} ago; the upstream may be asked in {wait}: {because}",
        config.out.display()
    );
    Ok(())
}

/// How old the data is that `--out` shows.
fn age(refresher: &Refresher, clock: &Clock) -> Option<humantime::FormattedDuration> {
    let age = refresher.front.live.snapshot().site.as_ref()?.origin.age(clock.now());
    Some(humantime::format_duration(Duration::from_secs(age.as_secs())))
}

/// Whether another process is at it. Without a shared store there is none: the
/// state directory is locked, so a claim without an end is one that died.
fn is_running(refresher: &Refresher, denied: &Denied, hold: Duration) -> bool {
    refresher.stores.is_shared() && denied.standing.outcome.is_none() && denied.standing.age < hold
}

/// Wires the site, once another `build once` is done. A process that stays is
/// named instead.
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
