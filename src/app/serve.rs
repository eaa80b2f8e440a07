//! `serve` and `build loop`: keep the site fresh.
//!
//! Owns the life of the long-running program: what the program answers before there is data, and
//! how the program ends.

use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::info;

use super::event::Events;
use super::event_loop::EventLoop;
use super::wiring;
use crate::access_log::{AccessLog, AccessLogSettings};
use crate::cli::{Cli, Listen};
use crate::clock::Clock;
use crate::config::{Config, Invalid};
use crate::live::Live;
use crate::lock::Stay;
use crate::server::{
    self, BoundAddress, GRACE, HandedOver, Limits, ListenOn, Listeners, ServedSite,
};
use crate::telemetry::Metrics;

/// The name of a socket for metrics, among the sockets that the service manager hands over.
const FOR_ADMIN: &str = "admin";

/// Keeps the site fresh and serves it, until the program is told to stop.
///
/// # Errors
/// Fails if the program cannot start.
pub(super) async fn serve(config: Config, cli: &Cli, handed_over: Vec<HandedOver>) -> Result<()> {
    let clock = Clock::system();
    // Bind the port first: a second process that is started by mistake makes no request.
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let descriptors = server::raise_descriptors();
    let (for_admin, for_visitors): (Vec<_>, Vec<_>) =
        handed_over.into_iter().partition(|socket| socket.name == FOR_ADMIN);
    let listeners = bind("--listen", &config.listen, for_visitors, workers)?;
    let addresses = listeners.addresses.clone();
    let admin = config.admin_listen.as_slice();
    let admin = bind("--admin-listen", admin, for_admin, 1)?;
    let mut events = Events::new(clock.clone())?;
    // Watch the templates before they are read: an edit in between is not missed.
    events.watch_templates(config.templates.as_deref());
    events.watch_files(&config);
    let (stop, stopped) = watch::channel(false);
    let limits = Limits::for_descriptors(descriptors, config.max_streams);
    let (mut server, mut log) = (None, None);
    let answer = |live: &Live, metrics: &Metrics| {
        let (out, clock) = (&config.out, &clock);
        log = access_log(config.access_log.as_ref(), metrics)?;
        let site = ServedSite { live, out, clock };
        server = Some(server::start(listeners, site, log.as_ref(), limits, metrics, &stopped)?);
        for address in &admin.addresses {
            info!("serving metrics at {}", at(address, "/metrics"));
        }
        server::admin::start(admin, live, clock, limits, metrics, &stopped)
    };
    let wired = wiring::wire_and_answer(&config, &clock, Stay::Long, answer)?;
    let metrics = wired.refresher.front.metrics.clone();
    for address in &addresses {
        info!("serving {}", at(address, wired.refresher.front.site.base()));
    }

    let deliveries = wired.refresher.front.relays.start(&wired.live, &stopped);
    let ended = EventLoop::of(wired, config, cli, &clock, events).run().await;
    // The threads of the server end by themselves; wait for them.
    let _ = stop.send(true);
    let served = async {
        match server {
            Some(server) => tokio::task::spawn_blocking(move || server.join()).await,
            None => Ok(()),
        }
    };
    let (served, ()) = tokio::join!(served, deliveries.end_within(GRACE));
    served?;
    if let Some(log) = log {
        tokio::task::spawn_blocking(move || log.close()).await?;
    }
    let (loads, held) = metrics.loads();
    info!(
        loads,
        "answered {loads} page requests; {:.2} % of them waited for newer data",
        held * 100.0
    );
    ended
}

/// Opens the access log, if one is wanted. SIGHUP opens the file again at once, also while the
/// configuration cannot be read.
fn access_log(
    settings: Option<&AccessLogSettings>,
    metrics: &Metrics,
) -> Result<Option<AccessLog>> {
    let Some(settings) = settings else { return Ok(None) };
    let log = AccessLog::open(settings.clone(), metrics)?;
    let mut signals = signal(SignalKind::hangup()).context("cannot listen for signals")?;
    let reopen = Arc::new(log.reopening());
    tokio::spawn(async move {
        while signals.recv().await.is_some() {
            let reopen = reopen.clone();
            // The disk may be slow.
            tokio::task::spawn_blocking(move || reopen());
        }
    });
    Ok(Some(log))
}

/// Returns the URL of a path at an address, or the address of a Unix socket and the path.
fn at(address: &BoundAddress, path: &str) -> String {
    match address {
        BoundAddress::Tcp(_) => format!("{address}{path}"),
        BoundAddress::Unix(_) => format!("{address} (path {path})"),
    }
}

/// Binds the addresses of an option, or takes the sockets that were handed over in place of them.
fn bind(
    option: &str,
    addresses: &[Listen],
    handed_over: Vec<HandedOver>,
    workers: usize,
) -> Result<Listeners> {
    if !handed_over.is_empty() {
        info!("the service manager hands over the sockets, so {option} is not used");
        let sockets = handed_over.into_iter().map(ListenOn::HandedOver).collect();
        return server::bind(sockets, workers);
    }
    let endpoints = addresses.iter().map(|listen| match listen {
        Listen::Tcp(tcp) => tcp
            .addresses()
            .map(ListenOn::Tcp)
            .map_err(|why| Invalid(format!("{option} {listen}: {why}"))),
        Listen::Unix(path, mode) => Ok(ListenOn::Unix(path.clone(), *mode)),
    });
    server::bind(endpoints.collect::<Result<_, _>>()?, workers)
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
    events.watch_files(&config);
    let wired = wiring::wire(&config, &clock, Stay::Long)?;
    info!("keeping {} fresh", config.out.display());
    let (stop, stopped) = watch::channel(false);
    let deliveries = wired.refresher.front.relays.start(&wired.live, &stopped);
    let ended = EventLoop::of(wired, config, cli, &clock, events).run().await;
    let _ = stop.send(true);
    deliveries.end_within(GRACE).await;
    ended
}
