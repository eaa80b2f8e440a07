//! Everything that a running site consists of, wired from the configuration.
//!
//! Owns the order in which things start: no request goes to the upstream before it is sure
//! that the answer can be stored and published.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use tracing::{info, warn};
use url::Url;

use super::front::{Front, Look};
use super::known::Known;
use super::mapping_in_use::MappingInUse;
use super::notices::Notices;
use super::refresh::Refresher;
use super::remembered::Remembered;
use super::settings::Settings;
use super::settings_in_force;
use super::trouble::Trouble;
use crate::cli::{StaleNotice, WhenRedisLost};
use crate::clock::Clock;
use crate::config::{Config, Invalid, Upstream, is_loopback};
use crate::document;
use crate::hold::{Bound, Coming};
use crate::live::{Frame, Live};
use crate::lock::{self, Held, Lock, Stay};
use crate::pages::{self, Attribution, LastPages, NoticeAge, Site};
use crate::publish::manifest::OWN_DIRECTORY;
use crate::publish::{self, Exchange, Publisher};
use crate::relay::Relays;
use crate::source::demo::Demo;
use crate::source::{Proxy, Source};
use crate::store::{FileStore, RedisAddress, RedisStore, Stores, WhenLost};
use crate::telemetry::Metrics;
use crate::theme::Theme;
use crate::upstream::{self, Strange, UpstreamId};

/// Bound on the bytes of all published files, compressed forms included, as a multiple of
/// `--max-bytes`. The size of a site of the built-in theme is estimated before an answer is taken
/// (`catalogue::weight`, factor 32); this bound holds for every other theme.
const LARGEST_SITE: u64 = 40;

/// Smallest number of bytes to which [`LARGEST_SITE`] is applied, so that a small `--max-bytes`
/// still leaves room for a small site.
const LEAST: u64 = 512 << 10;

/// A wired site. Its locks and its demo upstream last as long as the site.
pub(super) struct Wired {
    pub(super) refresher: Refresher,
    pub(super) live: Live,
    _locks: [Lock; 2],
    _demo: Option<Demo>,
}

/// Wires everything: locks, checks, stores, theme, and what is published.
pub(super) fn wire(config: &Config, clock: &Clock, stay: Stay) -> Result<Wired> {
    wire_and_answer(config, clock, stay, |_, _| Ok(()))
}

/// As [`wire`]. `answer` starts to answer visitors before the published tree is read, which takes
/// seconds for a large site. Until then, visitors are told that the site is starting.
pub(super) fn wire_and_answer(
    config: &Config,
    clock: &Clock,
    stay: Stay,
    answer: impl FnOnce(&Live, &Metrics) -> Result<()>,
) -> Result<Wired> {
    let strange = if config.adopt { Strange::Adopt } else { Strange::Refuse };
    publish::check_out(&config.out, strange)?;
    let (id, address) = (upstream_id(config), redis_address(config)?);
    let theme = theme_of(config)?;
    let locks = take_locks(config, stay)?;
    refuse_newer(config)?;
    settings_in_force::record(config);
    let (source, demo) = source(config)?;
    let stores = Arc::new(stores(config, &id, address, strange, clock)?);
    let ended = stores.file().attempt()?.and_then(|attempt| attempt.ended);
    let outcome = ended.map(|ended| ended.outcome.kind);
    let site = site_of(config);
    // Until the first attempt is known, newer data may come at once.
    let live = Live::new(frame(config, &site, &theme)?, Coming::Due(clock.now().boot));
    let metrics = Metrics::default();
    answer(&live, &metrics)?;
    let exchange = if config.in_place { Exchange::Never } else { Exchange::IfPossible };
    let (out, state, cache_bytes) = (&config.out, &config.state, config.cache_bytes);
    let mut publisher = Publisher::open(out, state, &id, strange, exchange, cache_bytes)?;
    publisher.begin_check(clock.now().wall)?;
    let mut notices = if stay == Stay::Short {
        Notices::read(&config.state)
    } else {
        Notices::new(&config.state)
    };
    notices.note_options(warnings(&site, &theme));
    let refresher = Refresher {
        settings: Settings::of(config),
        source,
        stores,
        clock: clock.clone(),
        known: Known::default(),
        mapping_in_use: MappingInUse::read(&config.state),
        front: Front {
            theme,
            site,
            publisher,
            live: live.clone(),
            relays: Relays::open(&config.relay, &config.out, &config.state, clock, &metrics)?,
            metrics,
            history: Remembered::read(&config.state, outcome)?,
            shapes: Arc::default(),
            planned: LastPages::default(),
            largest_site: config.max_bytes.max(LEAST).saturating_mul(LARGEST_SITE),
            broken: None,
            unshown: Trouble::default(),
        },
        notices,
    };
    Ok(Wired { refresher, live, _locks: locks, _demo: demo })
}

/// Checks that no newer version of the program wrote to the directories of the site.
///
/// # Errors
/// Fails with the first file of a newer version.
pub(super) fn refuse_newer(config: &Config) -> Result<()> {
    let Config { state, out, .. } = config;
    for directory in [state.clone(), state.join("refused"), out.join(OWN_DIRECTORY)] {
        document::refuse_newer(&directory)?;
    }
    Ok(())
}

/// Prepares the upstream. Starts the upstream inside the program, if the configuration names it.
fn source(config: &Config) -> Result<(Source, Option<Demo>)> {
    let Config { mapping, max_bytes, .. } = config;
    let api = |base: &Url| {
        let proxy = if is_loopback(base) { Proxy::Never } else { Proxy::AsTheSystemSays };
        let source = Source::api(base, mapping, *max_bytes, proxy);
        source.map_err(|error| Invalid(format!("{error:#}")))
    };
    Ok(match &config.upstream {
        Upstream::Api(url) => (api(url)?, None),
        Upstream::Files(directory) => (Source::files(directory.clone(), mapping, *max_bytes), None),
        Upstream::Demo(data) => {
            let demo = demo(data.as_deref(), config.interval)?;
            (api(&Url::parse(demo.url())?)?, Some(demo))
        }
    })
}

/// Starts the upstream of `--demo`, or of `--demo-from` with the files in `data`.
pub(super) fn demo(data: Option<&Path>, every: Duration) -> Result<Demo> {
    match data {
        Some(directory) => Demo::of_files(directory),
        None => Demo::start(every),
    }
}

/// Returns the part of the configuration that is on every page.
pub(super) fn site_of(config: &Config) -> Site {
    let title = config.site_title.clone().or_else(|| config.mapping.words.title());
    Site {
        title: title.unwrap_or_else(|| "Films".to_owned()),
        lang: config.lang.clone(),
        words: config.mapping.words.clone(),
        score_name: config.mapping.score_name().map(str::to_owned),
        attribution: config.mapping.attribution.as_deref().and_then(attribution),
        url: config.site_url.clone(),
        stale_notice: match config.stale_notice {
            None => NoticeAge::TwiceMaxAge,
            Some(StaleNotice::Off) => NoticeAge::Off,
            Some(StaleNotice::From(age)) => NoticeAge::From(age),
        },
        demo: matches!(config.upstream, Upstream::Demo(_)),
        dev: config.dev,
        // The same data gives other pages by another mapping.
        program: format!("{} {:x}", program(), config.mapping.digest()),
    }
}

/// Returns the attribution of the mapping. A blank attribution shows nothing.
fn attribution(text: &str) -> Option<Attribution> {
    Attribution::parse(text).ok()
}

/// Names this build of the program.
fn program() -> String {
    use std::os::unix::fs::MetadataExt;
    let found = std::env::current_exe().and_then(|path| path.metadata());
    found.map_or_else(
        // Each start counts as another build.
        |_| format!("{:x}", RandomState::new().hash_one(())),
        |found| {
            let (mtime, ctime) = (found.mtime(), found.ctime());
            format!("{} {mtime}.{} {ctime}.{}", found.len(), found.mtime_nsec(), found.ctime_nsec())
        },
    )
}

/// Makes the pages that exist before there is a generation.
fn frame(config: &Config, site: &Site, theme: &Theme) -> Result<Frame> {
    let Config { max_age, interval, hold, max_stale, .. } = *config;
    Ok(Frame {
        base: site.base().to_owned(),
        starting: apart(pages::starting, site, theme)?,
        failing: apart(pages::failing, site, theme)?,
        too_old: apart(pages::too_old, site, theme)?,
        bound: Bound { max_age, interval, hold, max_stale },
    })
}

/// Makes a page that is outside of generations. If the page of the owner's theme fails, the
/// built-in page replaces it, so that the site is served.
fn apart(
    page: impl Fn(&Site, &Theme) -> Result<Bytes>,
    site: &Site,
    theme: &Theme,
) -> Result<Bytes> {
    page(site, theme).or_else(|error| {
        warn!("{error:#}\nthe built-in page is used instead");
        page(site, &Theme::load(None)?)
    })
}

/// Loads the theme, and warns of each template of the owner that is not used.
fn theme_of(config: &Config) -> Result<Theme> {
    let theme = Theme::load(config.templates.as_deref())?;
    for error in theme.set_aside() {
        warn!("{error}\nthe built-in page is used instead");
    }
    Ok(theme)
}

/// Returns what the owner should know about the options of the site.
fn warnings(site: &Site, theme: &Theme) -> BTreeSet<String> {
    let table = (!theme.speaks(&site.lang)).then(|| without_table(&site.lang));
    let address = (site.url.is_none() && !site.demo).then(|| WITHOUT_ADDRESS.to_owned());
    let unused = site.dev.then(|| theme.unused()).into_iter().flatten();
    let unused = unused.map(|name| format!("no page uses the file of the theme {name}"));
    table.into_iter().chain(address).chain(pages::collisions(theme)).chain(unused).collect()
}

/// What the owner is told if the public URL of the site is not known.
const WITHOUT_ADDRESS: &str = "without --site-url the program does not know the public URL of the \
                               site, so feeds, the sitemap, data files and og:url contain addresses \
                               without a host, which many readers of them refuse; set --site-url, \
                               such as https://host/films/";

/// What the owner is told if there are no texts in the language of the site.
pub(super) fn without_table(lang: &str) -> String {
    format!(
        "there is no table of texts for --lang {lang}, so the pages are in English: put \
         texts/{lang}.toml into the directory of --templates"
    )
}

/// Locks `--out`. The lock file is beside the directory. If the parent is not writable, the two
/// trees cannot be exchanged either, so the lock file may be inside.
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
        Upstream::Api(url) => upstream::identity(url),
        // The published manifest has the identity. A path of this machine must not be there.
        Upstream::Files(directory) => {
            let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let path = directory.as_os_str().as_encoded_bytes();
            format!("the files in {name} (path {})", &blake3::hash(path).to_hex()[..16])
        }
        Upstream::Demo(None) => "the demo".to_owned(),
        Upstream::Demo(Some(data)) => format!("the demo with the data in {}", data.display()),
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
    let redis = redis(config, id, address, clock, &file)?;
    if let Some(redis) = &redis {
        info!("using Redis at {} for attempts and payloads", redis.address());
    }
    let when_lost = match config.when_redis_lost {
        // The delay is random, so that processes with the same options do not all ask at once,
        // and is at most a quarter of `--hold`.
        WhenRedisLost::Fetch => {
            let share = f64::from(RandomState::new().hash_one(()) as u8) / 255.0;
            WhenLost::Fetch((config.hold / 4).mul_f64(share))
        }
        WhenRedisLost::Wait => WhenLost::Wait,
    };
    Ok(Stores::new(file, redis, clock.clone(), when_lost))
}

/// Prepares the shared store, if `--redis` is set.
pub(super) fn redis(
    config: &Config,
    id: &UpstreamId,
    address: Option<RedisAddress>,
    clock: &Clock,
    file: &FileStore,
) -> Result<Option<RedisStore>> {
    let Some((redis, address)) = config.redis.as_ref().zip(address) else { return Ok(None) };
    // A quarter of `--hold` at most, so that visitors do not wait longer because of Redis.
    let timeout = (config.hold / 4).max(Duration::from_millis(100));
    let (prefix, max_age) = (&redis.prefix, config.max_age);
    RedisStore::new(address, prefix, id, max_age, timeout, clock.clone(), file).map(Some)
}

impl Wired {
    /// Shows the data that is there at the start: the stored payload, or else the published
    /// generation, with its true age.
    pub(super) async fn show_what_is_there(&mut self) {
        if let Err(error) = self.refresher.load().await {
            warn!("cannot show the stored payload: {error:#}");
        }
        if self.live.snapshot().site.is_none() {
            self.refresher.show_published();
        }
    }
}

impl Wired {
    /// Shows the known data with the theme and the facts of `config` as they are now.
    ///
    /// # Errors
    /// Fails if the theme is broken. Then nothing changes.
    pub(super) fn reframe(&mut self, config: &Config) -> Result<()> {
        let theme = theme_of(config)?;
        let site = site_of(config);
        self.refresher.notices.note_options(warnings(&site, &theme));
        let frame = frame(config, &site, &theme)?;
        self.refresher.show_in(Look { theme, site }, Settings::of(config))?;
        self.live.put_frame(frame);
        Ok(())
    }
}
