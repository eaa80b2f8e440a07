//! The validated configuration.
//!
//! Owns the rules across several options. Values are validated once. All other modules receive
//! values, and never the configuration file or the command line.

mod address;
mod directories;
mod file;
mod in_force;
mod mapping;
mod origin;
mod reload;
mod template;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use url::Url;

use crate::access_log::AccessLogSettings;
use crate::cli::{
    BUILT_IN, BucketAddress, Cli, Layer, Listen, LogFile, LogFormat, Options, Secret, StaleNotice,
    WhenRedisLost,
};
use crate::disk;
use crate::mapping::Mapping;
use crate::relay::RelaySettings;
use crate::relay::bucket::BucketSettings;
pub use address::is_loopback;
use file::{FileValues, MappingTables};
use origin::Origins;
pub use reload::reloaded;
pub use template::template;

/// Minimum interval for an API on another machine: one refresh per minute is a polite load.
pub const COURTEOUS_INTERVAL: Duration = Duration::from_secs(60);

/// A value that is not valid, or values that contradict each other.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

/// The validated configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where the data comes from.
    pub upstream: Upstream,
    /// How the answers of the upstream become films and people.
    pub mapping: Arc<Mapping>,
    /// The files of the mapping: the file that `--mapping` names, and the configuration file if it
    /// has tables of a mapping.
    pub mapping_files: Vec<PathBuf>,
    /// Maximum size of a response body, in bytes.
    pub max_bytes: u64,
    /// Directory of the site, absolute.
    pub out: PathBuf,
    /// Directory of the state, absolute.
    pub state: PathBuf,
    /// Whether directories that others made are used.
    pub adopt: bool,
    /// Whether files are always replaced one by one.
    pub in_place: bool,
    /// Bytes of published files that are kept in memory.
    pub cache_bytes: u64,
    /// What hears of a publish.
    pub relay: RelaySettings,
    /// The shared store.
    pub redis: Option<Redis>,
    /// What to do while Redis does not respond.
    pub when_redis_lost: WhenRedisLost,
    /// Directory of the theme, absolute.
    pub templates: Option<PathBuf>,
    /// Whether pages show the errors of templates.
    pub dev: bool,
    /// Public URL; the path ends in `/`.
    pub site_url: Option<Url>,
    /// Age from which pages show a notice that their data is old; `None`: twice the maximum age.
    pub stale_notice: Option<StaleNotice>,
    /// Title of the site.
    pub site_title: Option<String>,
    /// Language tag of the site.
    pub lang: String,
    /// Minimum time between the starts of two refreshes.
    pub interval: Duration,
    /// Maximum age of a page while the upstream responds.
    pub max_age: Duration,
    /// Maximum time that a request waits for newer data.
    pub hold: Duration,
    /// Age above which a page is answered with status 503.
    pub max_stale: Option<Duration>,
    /// Maximum share of the records that one refresh may remove, 0 to 1.
    pub max_shrink: f64,
    /// Fields whose changes are not reported.
    pub volatile_fields: BTreeSet<String>,
    /// Fields whose changes are always reported.
    pub steady_fields: BTreeSet<String>,
    /// Maximum factor by which one refresh may multiply the records.
    pub max_growth: f64,
    /// Number of refusals in a row after which refused data is accepted.
    pub accept_after: u32,
    /// Addresses for visitors.
    pub listen: Vec<Listen>,
    /// Maximum number of open event streams.
    pub max_streams: usize,
    /// Address for metrics.
    pub admin_listen: Option<Listen>,
    /// The access log.
    pub access_log: Option<AccessLogSettings>,
    /// Format of the log.
    pub log_format: LogFormat,
    /// -2 errors, -1 warnings, 0 information, 1 details, 2 everything.
    pub verbosity: i8,
}

/// Where the data comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    /// An API.
    Api(Url),
    /// Local files in this directory.
    Files(PathBuf),
    /// The upstream inside the program, with sample data or with the data of this directory.
    Demo(Option<PathBuf>),
}

/// A Redis server that several processes share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redis {
    /// The URL, which may contain a password.
    pub url: Secret,
    /// The password from the file of the password.
    pub password: Option<Secret>,
    /// Prefix of all keys.
    pub prefix: String,
}

impl Config {
    /// Reads the configuration file and validates all options.
    ///
    /// # Errors
    /// [`Invalid`] if an option is not valid; also if a file cannot be read.
    pub fn load(cli: &Cli) -> Result<Config> {
        let (cli, origins, tables) = over_the_file(cli)?;
        resolve(cli.command.options().clone(), tables.as_ref())
            .map_err(|error| origins.explain(error))
    }
}

/// Returns the value of each option and its origin, as text for people.
///
/// # Errors
/// As [`Config::load`].
pub fn in_force(cli: &Cli) -> Result<String> {
    let (cli, origins, tables) = over_the_file(cli)?;
    resolve(cli.command.options().clone(), tables.as_ref())
        .map_err(|error| origins.explain(error))?;
    Ok(in_force::listing(&cli, &origins))
}

/// Reads the command line and the environment over the configuration file.
fn over_the_file(cli: &Cli) -> Result<(Cli, Origins, Option<MappingTables>)> {
    let path = &cli.command.options().config;
    let file = match disk::read(path)? {
        Some(text) => file::parse(path, &text)?,
        None if cli.layers.get("config") != Some(&Layer::Default) => {
            let at = path.display();
            return Err(invalid(format!(
                "--config {at}: the file does not exist; create the file with `movies-gen init \
                 {at}`, or omit the option"
            )));
        }
        None => FileValues::default(),
    };
    let over = cli.over(&file.values).map_err(|error| Invalid(error.to_string()))?;
    let origins = Origins::new(&over.layers, path, file.lines);
    Ok((over, origins, file.tables))
}

/// Validates the options. `tables` are the tables of a mapping in the configuration file.
fn resolve(options: Options, tables: Option<&MappingTables>) -> Result<Config> {
    let Options {
        upstream,
        mapping,
        limit,
        max_bytes,
        demo,
        demo_from,
        out,
        state,
        adopt,
        in_place,
        cache_bytes,
        then,
        publish_to,
        publish_credentials,
        redis,
        redis_password_file,
        redis_prefix,
        when_redis_lost,
        interval,
        max_age,
        hold,
        max_shrink,
        max_growth,
        accept_after,
        volatile_fields,
        steady_fields,
        site_url,
        stale_notice,
        site_title,
        lang,
        templates,
        dev,
        listen,
        admin_listen,
        max_streams,
        max_stale,
        access_log,
        access_log_format,
        trusted_proxies,
        // `load` has read the file.
        config: _,
        log_format,
        verbose,
        quiet,
    } = options;
    let mapping_files = mapping::files(mapping.as_deref(), tables);
    let mapping = mapping::of(mapping.as_deref(), tables, demo && demo_from.is_none())?;
    let given = upstream.as_deref().map(|address| ("--upstream", address));
    let mapped = mapping.api.upstream.as_ref();
    let given = given.or(mapped.map(|mapped| (mapped.place.as_str(), mapped.address.as_str())));
    let upstream = upstream_of(given, demo, demo_from)?;
    let mapping = mapping::for_upstream(mapping, &upstream, limit)?;
    let (interval, max_age) = (interval.0, max_age.0);
    let max_stale = max_stale.map(|span| span.0);
    check_ages(&upstream, interval, max_age, max_stale)?;
    if redis.is_some() && matches!(upstream, Upstream::Files(_)) {
        return Err(invalid(
            "--redis and an --upstream of local files cannot be combined: each process reads its own \
             files; omit --redis",
        ));
    }
    let (out, state) = directories::out_and_state(&out, &state)?;
    let access_log = access_log.map(|LogFile(file)| -> Result<AccessLogSettings> {
        let file = file.map(|file| directories::access_log(&file, &out)).transpose()?;
        Ok(AccessLogSettings { file, format: access_log_format, trusted: trusted_proxies })
    });
    Ok(Config {
        upstream,
        mapping: Arc::new(mapping),
        mapping_files,
        max_bytes: max_bytes.0,
        out,
        state,
        adopt,
        in_place,
        cache_bytes: cache_bytes.0,
        relay: relay_of(then, publish_to, publish_credentials)?,
        redis: redis_of(redis, redis_password_file, redis_prefix)?,
        when_redis_lost,
        templates: templates.map(directories::theme).transpose()?,
        dev,
        site_url: site_url.as_deref().map(address::site).transpose()?,
        stale_notice,
        site_title,
        lang: language_tag(lang)?,
        interval,
        max_age,
        hold: hold.0,
        max_stale,
        max_shrink: max_shrink.0,
        volatile_fields: names(volatile_fields),
        steady_fields: names(steady_fields),
        max_growth: max_growth.0,
        accept_after,
        listen: listen.into_iter().flat_map(|list| list.0).collect(),
        max_streams,
        admin_listen,
        access_log: access_log.transpose()?,
        log_format,
        verbosity: verbose.min(2) as i8 - quiet.min(2) as i8,
    })
}

/// Returns what hears of a publish.
fn relay_of(
    then: Option<String>,
    bucket: Option<BucketAddress>,
    credentials: Option<PathBuf>,
) -> Result<RelaySettings> {
    if credentials.is_some() && bucket.is_none() {
        return Err(invalid("--publish-credentials needs --publish-to"));
    }
    let bucket = bucket.map(|address| BucketSettings { address, credentials });
    Ok(RelaySettings { then: then.filter(|command| !command.trim().is_empty()), bucket })
}

/// Returns the upstream. `given` is the name of the option or the place of the key, with the
/// address.
fn upstream_of(given: Option<(&str, &str)>, demo: bool, from: Option<PathBuf>) -> Result<Upstream> {
    match (demo || from.is_some(), given) {
        (true, None | Some((_, BUILT_IN))) => {
            Ok(Upstream::Demo(from.map(directories::demo_data).transpose()?))
        }
        (true, Some(_)) => Err(invalid(format!(
            "{} and --upstream cannot be combined, because the demo has a built-in upstream; \
             omit --upstream",
            if from.is_some() { "--demo-from" } else { "--demo" }
        ))),
        (false, Some((name, address))) => match address.strip_prefix("file:") {
            Some(path) => Ok(Upstream::Files(directories::files(name, path)?)),
            None => Ok(Upstream::Api(address::web(name, address)?)),
        },
        (false, None) => Err(invalid(
            "the mapping names no API; set --upstream, or `upstream` in the table [api] of the \
             mapping",
        )),
    }
}

fn check_ages(
    upstream: &Upstream,
    interval: Duration,
    max_age: Duration,
    max_stale: Option<Duration>,
) -> Result<()> {
    let text = humantime::format_duration;
    let is_ours = match upstream {
        Upstream::Demo(_) | Upstream::Files(_) => true,
        Upstream::Api(url) => is_loopback(url),
    };
    if interval.is_zero() {
        return Err(invalid("--interval must not be zero; set a time such as 60s"));
    }
    if interval < COURTEOUS_INTERVAL && !is_ours {
        return Err(invalid(format!(
            "--interval {} is too short for an API on another host; set at least 60s",
            text(interval)
        )));
    }
    if max_age < interval {
        return Err(invalid(format!(
            "--max-age {} is shorter than --interval {}, so pages would always be too old; \
             increase --max-age or decrease --interval",
            text(max_age),
            text(interval)
        )));
    }
    match max_stale {
        Some(max_stale) if max_stale < max_age => Err(invalid(format!(
            "--max-stale {} is shorter than --max-age {}, so good pages would be refused; \
             increase or omit --max-stale",
            text(max_stale),
            text(max_age)
        ))),
        _ => Ok(()),
    }
}

fn names(names: Vec<String>) -> BTreeSet<String> {
    let names = names.iter().map(|name| name.trim()).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

fn redis_of(
    url: Option<Secret>,
    password_file: Option<PathBuf>,
    prefix: String,
) -> Result<Option<Redis>> {
    if prefix.is_empty() || prefix.contains(|c: char| matches!(c, '{' | '}') || c.is_whitespace()) {
        return Err(invalid(
            "--redis-prefix is empty or contains white space or braces; use text such as \
             movies-gen",
        ));
    }
    let Some(url) = url else {
        return match password_file {
            Some(_) => Err(invalid("--redis-password-file needs --redis; set both or neither")),
            None => Ok(None),
        };
    };
    Ok(Some(Redis { url, password: password_file.map(password_in).transpose()?, prefix }))
}

fn password_in(path: PathBuf) -> Result<Secret> {
    let option = format!("--redis-password-file {}", path.display());
    let text = disk::read(&path)?.ok_or_else(|| {
        invalid(format!("{option}: the file does not exist; create the file with the password"))
    })?;
    let text = String::from_utf8(text)
        .map_err(|_| invalid(format!("{option}: the file is not UTF-8 text; save as UTF-8")))?;
    // Never fails: any text is a secret.
    Ok(text.trim_end_matches(['\r', '\n']).parse()?)
}

fn language_tag(tag: String) -> Result<String> {
    let is_tag = !tag.is_empty()
        && tag.split('-').all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        });
    if is_tag {
        Ok(tag)
    } else {
        Err(invalid("--lang is not a language tag; use a tag such as en or pt-BR"))
    }
}

fn invalid(message: impl Into<String>) -> anyhow::Error {
    Invalid(message.into()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn from_file(text: &str) -> Result<Config> {
        let values = file::parse(std::path::Path::new("movies-gen.toml"), text.as_bytes())?;
        resolve(Options::from_values(&values.values)?, values.tables.as_ref())
    }

    fn refusal(text: &str) -> String {
        from_file(text).expect_err("refused").to_string()
    }

    #[test]
    fn an_interval_under_a_minute_needs_an_api_on_this_machine() {
        assert!(refusal("interval = \"59s\"").contains("--interval 59s is too short"));
        assert!(from_file("interval = \"1s\"\nupstream = \"http://127.0.0.1:9\"").is_ok());
        assert!(from_file("interval = \"1s\"\nupstream = \"http://[::1]:9\"").is_ok());
        assert!(from_file("interval = \"1s\"\ndemo = true").is_ok());
        assert!(from_file("interval = \"1s\"\nupstream = \"http://10.0.0.1\"").is_err());
    }

    #[test]
    fn a_max_age_under_the_interval_is_refused() {
        assert!(refusal("interval = \"90s\"").contains("--max-age 1m is shorter"));
        assert!(from_file("interval = \"90s\"\nmax-age = \"2m\"").is_ok());
    }

    #[test]
    fn the_demo_has_its_own_defaults_and_takes_no_upstream() {
        let config = from_file("demo = true").expect("a configuration");
        assert!(config.out.ends_with("public-demo") && config.out.is_absolute());
        assert!(config.state.ends_with(".movies-gen-demo"));
        assert!(refusal("demo = true\nupstream = \"http://x\"").contains("omit --upstream"));
    }

    #[test]
    fn no_message_repeats_a_secret() {
        let message = refusal("redis = \"redis://:s3cret@h\"\nredis-prefix = \"a b\"");
        assert!(!message.contains("s3cret"), "{message}");
        let config = from_file("redis = \"redis://:s3cret@h\"").expect("a configuration");
        assert!(!format!("{config:?}").contains("s3cret"));
    }
}
