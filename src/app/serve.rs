//! `serve` and `build loop`: keep the site fresh.
//!
//! Owns the life of the long-running program: what the program answers before there is data, and
//! how the program ends.

use anyhow::Result;
use tokio::sync::watch;
use tracing::info;

use super::event::Events;
use super::event_loop::EventLoop;
use super::wiring;
use crate::cli::{Cli, Listen};
use crate::clock::Clock;
use crate::config::{Config, Invalid};
use crate::live::Live;
use crate::lock::Stay;
use crate::server::{self, Limits, Listeners};
use crate::telemetry::Metrics;

/// Keeps the site fresh and serves it, until the program is told to stop.
///
/// # Errors
/// Fails if the program cannot start.
pub(super) async fn serve(config: Config, cli: &Cli) -> Result<()> {
    let clock = Clock::system();
    // Bind the port first: a second process that is started by mistake makes no request.
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let descriptors = server::raise_descriptors();
    let listeners = bind("--listen", &config.listen, workers)?;
    let address = listeners.address;
    let admin = config.admin_listen.as_ref();
    let admin = admin.map(|listen| bind("--admin-listen", listen, 1)).transpose()?;
    let mut events = Events::new(clock.clone())?;
    // Watch the templates before they are read: an edit in between is not missed.
    events.watch_templates(config.templates.as_deref());
    let (stop, stopped) = watch::channel(false);
    let limits = Limits::for_descriptors(descriptors, config.max_streams);
    let mut server = None;
    let answer = |live: &Live, metrics: &Metrics| {
        let (out, clock) = (&config.out, &clock);
        server = Some(server::start(listeners, live, out, clock, limits, metrics, &stopped)?);
        if let Some(listeners) = admin {
            info!("serving metrics at http://{}/metrics", listeners.address);
            server::admin::start(listeners, live, clock, limits, metrics, &stopped)?;
        }
        Ok(())
    };
    let wired = wiring::wire_and_answer(&config, &clock, Stay::Long, answer)?;
    let metrics = wired.refresher.front.metrics.clone();
    info!("serving http://{address}{}", wired.refresher.front.site.base());

    let ended = EventLoop::of(wired, config, cli, &clock, events).run().await;
    // The threads of the server end by themselves; wait for them.
    let _ = stop.send(true);
    if let Some(server) = server {
        tokio::task::spawn_blocking(move || server.join()).await?;
    }
    let (loads, held) = metrics.loads();
    info!(
        loads,
        "answered {loads} page requests; {:.2} % of them waited for newer data",
        held * 100.0
    );
    ended
}

/// Binds the addresses of an option.
fn bind(option: &str, listen: &Listen, workers: usize) -> Result<Listeners> {
    let addresses = listen.addresses();
    let addresses = addresses.map_err(|why| Invalid(format!("{option} {listen}: {why}")))?;
    server::bind(&addresses, workers)
}

/// Keeps `--out` fresh for another web server, until the program is told to
/// stop.
///
/// # Errors
/// Fails if the program cannot start.
pub(super) async fn build_loop(config: Config, cli: &Cli) -> Result<()> {
    let clock = Clock::system();
    let mut events = Events::new(clock.clone())?;
    events.watch_templates(config.templates.as_deref());
    let wired = wiring::wire(&config, &clock, Stay::Long)?;
    info!("keeping {} fresh", config.out.display());
    EventLoop::of(wired, config, cli, &clock, events).run().await
}
