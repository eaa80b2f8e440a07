//! Everything a running site consists of, wired from the configuration.
//!
//! Owns what starts in which order: nothing is asked of the upstream before it
//! is sure that the answer can be kept and published.

use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use tracing::{info, warn};
use url::Url;

use super::front::{Front, Look};
use super::known::Known;
use super::notices::Notices;
use super::refresh::{Refresher, Settings};
use super::remembered::Remembered;
use super::trouble::Trouble;
use crate::cli::WhenRedisLost;
use crate::clock::Clock;
use crate::config::{Config, Invalid, Upstream, is_loopback};
use crate::hold::{Bound, Coming};
use crate::ledger::Overrides;
use crate::live::{Frame, Live};
use crate::lock::{self, Held, Lock, Stay};
use crate::pages::{self, Site};
use crate::plausibility::{FREE_GROWTH, Guard};
use crate::publish::manifest::OWN_DIRECTORY;
use crate::publish::{self, Exchange, Publisher};
use crate::source::demo::Demo;
use crate::source::{self, Proxy, Source};
use crate::store::{FileStore, RedisAddress, RedisStore, Stores, WhenLost};
use crate::telemetry::Metrics;
use crate::theme::Theme;
use crate::upstream::{Strange, UpstreamId};

/// Bytes of all published files together, compressed forms included, for each byte that a
/// body may have. What the built-in theme makes is estimated before an answer is taken
/// (`catalogue::weight`, 32); this holds for what another theme makes.
const LARGEST_SITE: u64 = 40;

/// Bytes of a body from which on [`LARGEST_SITE`] counts: a small bound still has room for a
/// small site.
const LEAST: u64 = 512 << 10;

/// A wired site. Its locks and its demo upstream last as long as it does.
pub(super) struct Wired {
    pub(super) refresher: Refresher,
    pub(super) live: Live,
    _locks: [Lock; 2],
    _demo: Option<Demo>,
}

/// Wires everything: locks, checks, stores, theme, and what is published.
pub(super) fn wire(config: &Config, clock: &Clock, stay: Stay) -> Result<Wired> {
    let strange = if config.adopt { Strange::Adopt } else { Strange::Refuse };
    publish::check_out(&config.out, strange)?;
    let (id, address) = (upstream_id(config), redis_address(config)?);
    let theme = theme_of(config)?;
    if !theme.speaks(&config.lang) {
        warn!("{}", without_table(&config.lang));
    }
    let locks = take_locks(config, stay)?;
    let (base, demo) = match &config.upstream {
        Upstream::Api(url) => (url.clone(), None),
        Upstream::Demo => {
            let demo = Demo::start(config.interval)?;
            (Url::parse(demo.url())?, Some(demo))
        }
    };
    let proxy = if is_loopback(&base) { Proxy::Never } else { Proxy::AsTheSystemSays };
    let source = Source::new(&base, config.limit, config.max_bytes, proxy)?;
    let stores = Arc::new(stores(config, &id, address, strange, clock)?);
    let site = site_of(config);
    // Until it is known better, newer data may come at once.
    let live = Live::new(frame(config, &site, &theme)?, Coming::Due(clock.now().boot));
    let exchange = if config.in_place { Exchange::Never } else { Exchange::IfPossible };
    let publisher = Publisher::open(&config.out, &config.state, &id, strange, exchange)?;
    let refresher = Refresher {
        settings: settings(config),
        source,
        stores,
        clock: clock.clone(),
        known: Known::default(),
        front: Front {
            theme,
            site,
            publisher,
            live: live.clone(),
            metrics: Metrics::default(),
            history: Remembered::read(&config.state)?,
            largest_site: config.max_bytes.max(LEAST).saturating_mul(LARGEST_SITE),
            broken: None,
            unshown: Trouble::default(),
        },
        notices: Notices::default(),
    };
    Ok(Wired { refresher, live, _locks: locks, _demo: demo })
}

/// What of the configuration the refresher needs.
pub(super) fn settings(config: &Config) -> Settings {
    let Config { limit, max_bytes, interval, max_age, .. } = *config;
    let Config { max_shrink, max_growth, accept_after, .. } = *config;
    let guard = Guard { max_shrink, max_growth, free_growth: FREE_GROWTH, accept_after };
    let (overrides, state) = (overrides(config), config.state.clone());
    Settings { limit, max_bytes, interval, max_age, guard, overrides, state }
}

/// What the owner knows of fields.
pub(super) fn overrides(config: &Config) -> Overrides {
    let Config { volatile_fields, steady_fields, .. } = config;
    Overrides { volatile: volatile_fields.clone(), steady: steady_fields.clone() }
}

/// What of the configuration stands on every page.
pub(super) fn site_of(config: &Config) -> Site {
    Site {
        title: config.site_title.clone(),
        lang: config.lang.clone(),
        url: config.site_url.clone(),
        demo: config.upstream == Upstream::Demo,
        dev: config.dev,
    }
}

/// What stands around every page.
fn frame(config: &Config, site: &Site, theme: &Theme) -> Result<Frame> {
    let Config { max_age, hold, max_stale, .. } = *config;
    Ok(Frame {
        base: site.base().to_owned(),
        starting: apart(pages::starting, site, theme)?,
        too_old: apart(pages::too_old, site, theme)?,
        bound: Bound { max_age, hold, max_stale },
    })
}

/// A page outside of generations. A theme's own one that fails keeps nobody from serving
/// the site: the built-in one takes its place.
fn apart(
    page: impl Fn(&Site, &Theme) -> Result<Bytes>,
    site: &Site,
    theme: &Theme,
) -> Result<Bytes> {
    page(site, theme).or_else(|error| {
        warn!("{error:#}\nthe built-in page takes its place");
        page(site, &Theme::load(None)?)
    })
}

/// The theme, with a warning for each template of the owner's that the site does without.
fn theme_of(config: &Config) -> Result<Theme> {
    let theme = Theme::load(config.templates.as_deref())?;
    for error in theme.set_aside() {
        warn!("{error}\nthe built-in page takes its place");
    }
    Ok(theme)
}

/// What the owner is told if there are no texts in the language of the site.
pub(super) fn without_table(lang: &str) -> String {
    format!(
        "there is no table of texts for --lang {lang}, so the pages are in English: put \
         texts/{lang}.toml into the directory of --templates"
    )
}

/// The lock of `--out` stands beside it; if its parent may not be written to, the
/// trees cannot be exchanged either, and it can stand inside.
fn lock_out(out: &Path, stay: Stay) -> Result<Lock> {
    let what = format!("--out {}", out.display());
    match lock::take(&lock::beside(out), &what, stay) {
        Err(error) if !error.is::<Held>() && out.is_dir() => {
            lock::take(&out.join(OWN_DIRECTORY).join("lock"), &what, stay).map_err(|_| error)
        }
        taken => taken,
    }
}

fn take_locks(config: &Config, stay: Stay) -> Result<[Lock; 2]> {
    let state = lock::take(
        &config.state.join("lock"),
        &format!("the state directory {}", config.state.display()),
        stay,
    )?;
    let out = lock_out(&config.out, stay)?;
    Ok([state, out])
}

pub(super) fn upstream_id(config: &Config) -> UpstreamId {
    UpstreamId(match &config.upstream {
        Upstream::Api(url) => source::identity(url),
        Upstream::Demo => "the demo".to_owned(),
    })
}

pub(super) fn redis_address(config: &Config) -> Result<Option<RedisAddress>> {
    let Some(redis) = &config.redis else { return Ok(None) };
    let password = redis.password.as_ref().map(|password| password.reveal());
    let address = RedisAddress::parse(redis.url.reveal(), password);
    Ok(Some(address.map_err(|error| Invalid(format!("{error:#}")))?))
}

fn stores(
    config: &Config,
    id: &UpstreamId,
    address: Option<RedisAddress>,
    strange: Strange,
    clock: &Clock,
) -> Result<Stores> {
    let file = FileStore::open(&config.state, id, strange, clock.clone())?;
    let redis = redis(config, id, address, clock)?;
    if let Some(redis) = &redis {
        info!("sharing attempts and payloads through Redis at {}", redis.address());
    }
    let when_lost = match config.when_redis_lost {
        // Another one in each process, whatever it shares with others, and under a quarter
        // of the hold.
        WhenRedisLost::Fetch => {
            let share = f64::from(RandomState::new().hash_one(()) as u8) / 255.0;
            WhenLost::Fetch((config.hold / 4).mul_f64(share))
        }
        WhenRedisLost::Wait => WhenLost::Wait,
    };
    Ok(Stores::new(file, redis, clock.clone(), when_lost))
}

/// The shared store, if there is to be one.
pub(super) fn redis(
    config: &Config,
    id: &UpstreamId,
    address: Option<RedisAddress>,
    clock: &Clock,
) -> Result<Option<RedisStore>> {
    let Some((redis, address)) = config.redis.as_ref().zip(address) else { return Ok(None) };
    // Waiting for Redis stays under a quarter of the hold.
    let timeout = (config.hold / 4).max(std::time::Duration::from_millis(100));
    let (prefix, max_age) = (&redis.prefix, config.max_age);
    RedisStore::new(address, prefix, id, max_age, timeout, clock.clone()).map(Some)
}

impl Wired {
    /// Shows what is there already: the stored payload, or else what was
    /// published, with the age it has.
    pub(super) async fn show_what_is_there(&mut self) {
        if let Err(error) = self.refresher.load().await {
            warn!("the stored payload cannot be shown: {error:#}");
        }
        if self.live.snapshot().site.is_none() {
            self.refresher.show_published();
        }
    }
}

impl Wired {
    /// Shows the known data in the theme and with the facts of `config` as they
    /// are now.
    ///
    /// # Errors
    /// If the theme is broken; everything is as it was then.
    pub(super) fn reframe(&mut self, config: &Config) -> Result<()> {
        let theme = theme_of(config)?;
        let site = site_of(config);
        let before = &self.refresher.front;
        // One warning, and not one with each template that is saved.
        let is_known = theme.speaks(&site.lang)
            || (site.lang == before.site.lang && !before.theme.speaks(&site.lang));
        if !is_known {
            warn!("{}", without_table(&site.lang));
        }
        let frame = frame(config, &site, &theme)?;
        self.refresher.show_in(Look { theme, site }, settings(config))?;
        self.live.put_frame(frame);
        Ok(())
    }
}
