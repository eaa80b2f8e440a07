//! `build once`: one refresh, then exit.
//!
//! Owns what a cron job meets: a minute that is not over, another process at
//! work, an upstream that is away. Each minute's job does its refresh, or says
//! why there was nothing to do.

use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use tracing::info;

use super::refresh::{Refreshed, Refresher};
use super::site;
use crate::clock::{Clock, Stamp};
use crate::config::Config;
use crate::lock::Held;
use crate::outcome::OutcomeKind;
use crate::store::{Denied, peek_attempt};

/// A refresh that is older than this without an outcome has died.
const LONGEST_REFRESH: Duration = Duration::from_secs(15);
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
    let refresher = &mut wired.refresher;
    loop {
        match refresher.refresh().await? {
            Refreshed::Good(kind) => {
                let what = if kind == OutcomeKind::Changed { "new" } else { "unchanged" };
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
            Refreshed::Denied(denied) if is_running(&denied) => tokio::time::sleep(LOOK).await,
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

fn age(refresher: &Refresher, clock: &Clock) -> Option<humantime::FormattedDuration> {
    let payload = refresher.known.payload.as_ref()?;
    let age = payload.origin.age(clock.now(), clock.boot_id());
    Some(humantime::format_duration(Duration::from_secs(age.as_secs())))
}

fn is_running(denied: &Denied) -> bool {
    denied.standing.outcome.is_none() && denied.standing.age < LONGEST_REFRESH
}

/// Wires the site, once another process that is just refreshing it is done. One
/// that only holds it, as `serve` does, is named instead.
async fn wire_when_free(config: &Config, clock: &Clock) -> Result<site::Wired> {
    loop {
        match site::wire(config, clock) {
            Err(error) if error.is::<Held>() && another_refreshes(config, clock) => {
                tokio::time::sleep(LOOK).await;
            }
            wired => return wired,
        }
    }
}

fn another_refreshes(config: &Config, clock: &Clock) -> bool {
    let age = |at: &Stamp| at.age(clock.now(), clock.boot_id());
    peek_attempt(&config.state)
        .is_some_and(|attempt| attempt.ended.is_none() && age(&attempt.at) < LONGEST_REFRESH)
}
