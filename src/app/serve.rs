//! `serve` and `build loop`: the loop that keeps the site fresh.
//!
//! Owns the life of the long-running program: what the program answers before there is data,
//! what follows from each event, and how the program ends.

use std::time::Duration;

use anyhow::Result;
use tokio::sync::watch;
use tracing::{debug, error, info, warn};

use super::asking::Asking;
use super::event::{Event, Events};
use super::refresh::Begun;
use super::report::{self, Done};
use super::settings_in_force;
use super::trouble::Trouble;
use super::wiring::{self, Wired};
use crate::cli::{Cli, Listen};
use crate::clock::{BootTime, Clock};
use crate::config::{self, Config, Invalid};
use crate::hold::Coming;
use crate::live::{Live, StoreState};
use crate::lock::Stay;
use crate::outcome::Failure;
use crate::server::{self, Limits, Listeners};
use crate::store::{Edition, Store};
use crate::telemetry::Metrics;

/// Time between two reads of what other replicas did, because announcements may be lost.
const POLL: Duration = Duration::from_secs(1);
/// As [`POLL`], while this or another replica is making a refresh.
const POLL_IN_FLIGHT: Duration = Duration::from_millis(40);
/// Time until the next try to record an attempt, after a failure to record.
const RETRY: Duration = Duration::from_secs(10);

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
    let mut wired = wiring::wire_and_answer(&config, &clock, Stay::Long, answer)?;
    let metrics = wired.refresher.front.metrics.clone();
    info!("serving http://{address}{}", wired.refresher.front.site.base());

    let ended = run(&mut wired, &config, cli, &clock, &mut events).await;
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
    let mut wired = wiring::wire(&config, &clock, Stay::Long)?;
    info!("keeping {} fresh", config.out.display());
    run(&mut wired, &config, cli, &clock, &mut events).await
}

async fn run(
    wired: &mut Wired,
    config: &Config,
    cli: &Cli,
    clock: &Clock,
    events: &mut Events,
) -> Result<()> {
    let mut config = config.clone();
    if wired.refresher.front.publisher.is_unchecked() {
        // To check a large site and to load its data takes seconds.
        wired.refresher.show_published();
    }
    wired.show_what_is_there().await;
    events.hear_replicas(&wired.refresher.stores);
    let mut due = clock.now().boot;
    let mut asking: Option<Asking> = None;
    let mut trouble = Trouble::default();
    loop {
        let stores = &wired.refresher.stores;
        wired.live.put_store(match (stores.is_shared(), stores.is_away()) {
            (false, _) => StoreState::Alone,
            (true, false) => StoreState::Shared,
            (true, true) => StoreState::Away,
        });
        // While another replica is making a refresh, visitors may be waiting for the result.
        // While this replica is making a refresh, this replica must restore a claim that Redis
        // lost.
        let poll = match wired.live.snapshot().coming {
            _ if !stores.is_shared() => None,
            _ if asking.is_some() => Some(POLL_IN_FLIGHT),
            // No visitor waits longer than `--hold`.
            Coming::InFlight(at) if clock.now().boot.since(at) < config.hold => {
                Some(POLL_IN_FLIGHT)
            }
            _ => Some(stores.asked_again_in().unwrap_or(POLL)),
        };
        let event = match &mut asking {
            None => events.next(Some(due), poll, &wired.live).await,
            // Handle other events while the upstream is answering.
            Some(answer) => tokio::select! {
                fetched = answer => {
                    asking = None;
                    let finished = wired.refresher.finish(fetched).await;
                    due = finished.next;
                    tell(finished.result, &wired.live, &mut trouble);
                    continue;
                }
                event = events.next(None, poll, &wired.live) => event,
            },
        };
        match event {
            Event::RefreshDue => match wired.refresher.begin().await {
                Ok(Begun::Asking(answer)) => asking = Some(answer),
                Ok(Begun::Denied(denied)) => due = clock.now().boot + denied.wait.remaining,
                Err(error) => {
                    let text = format!("{error:#}");
                    if trouble.met(&text) {
                        let meanwhile = report::meanwhile(&wired.live);
                        warn!("no refresh can start; {meanwhile}: {text}");
                    }
                    due = clock.now().boot + config.interval.min(RETRY);
                }
            },
            Event::PayloadStored => look(wired, due, asking.is_some()).await,
            Event::TemplatesChanged => {
                // Watch again before the templates are read: an edit in between is not missed.
                events.watch_templates(config.templates.as_deref());
                show_again(wired, &config, "the templates");
            }
            Event::Reload => {
                config = reload(wired, config, cli);
                events.watch_templates(config.templates.as_deref());
                due = wired.refresher.next_due();
            }
            // No refresh has to be finished: the attempt is recorded, and the live generation is
            // complete.
            Event::Stop => break,
        }
    }
    info!("stopping");
    // Release the visitors that wait for data, because no data will come.
    wired.live.put_coming(Coming::Failed);
    Ok(())
}

/// Logs how a refresh ended. A failure that lasts is logged once.
fn tell(refreshed: Result<Done, Failure>, live: &Live, trouble: &mut Trouble) {
    match refreshed {
        Ok(done) => {
            if let Some(times) = trouble.over() {
                info!(times, "refreshes work again after {times} failed refreshes");
            }
            done.tell(live);
        }
        Err(failure) => {
            let sets = failure.refused.as_ref().map(|refused| &refused.sets);
            if trouble.met(&format!("{} {sets:?}", failure.kind)) {
                report::tell_failure(&failure, live);
            } else {
                debug!(kind = %failure.kind, "the refresh failed again: {failure}");
            }
        }
    }
}

/// Takes over what another replica saved, and what is known of the attempt of that replica.
/// During a refresh, only restores what Redis lost; the rest follows after the refresh.
async fn look(wired: &mut Wired, due: BootTime, is_asking: bool) {
    match wired.refresher.stores.standing().await {
        Ok(_) if is_asking => {}
        Ok(Some(standing)) => {
            wired.refresher.take_up(standing.saved).await;
            wired.live.put_coming(wired.refresher.coming(&standing, due));
        }
        // Redis is empty: give back what this process knows.
        Ok(None) => wired.refresher.take_up(Edition::default()).await,
        Err(error) => warn!("cannot read the last attempt: {error:#}"),
    }
}

/// Renders the known data in the theme as it is now. `read` is what was read again. A broken theme
/// changes nothing.
fn show_again(wired: &mut Wired, config: &Config, read: &str) {
    match wired.reframe(config) {
        Ok(()) => {
            wired.refresher.front.broken = None;
            info!("read {read} again");
        }
        Err(error) => {
            wired.refresher.front.broken = Some(format!("{error:#}"));
            error!("the templates are broken; the last good site stays:\n{error:#}");
        }
    }
    let next = wired.refresher.next_due();
    wired.refresher.write_volatile(next);
}

/// Reads the configuration and the templates again. An option that needs a restart keeps its
/// value, and a warning names the option.
fn reload(wired: &mut Wired, old: Config, cli: &Cli) -> Config {
    let new = match Config::load(cli) {
        Ok(new) => new,
        Err(error) => {
            error!("the new configuration is not valid; the old configuration stays: {error:#}");
            return old;
        }
    };
    let (config, need_restart) = config::reloaded(old, new);
    if !need_restart.is_empty() {
        let options = need_restart.join(", ");
        warn!("a change of {options} needs a restart; until then the old value stays");
    }
    settings_in_force::record(&config);
    show_again(wired, &config, "the configuration and the templates");
    config
}
