//! What was typed means this.
//!
//! Owns the precedence (flags, variables, file, defaults), the defaults, and the
//! rules that options must keep together. Validated once; downstream receives
//! values and never this.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use url::{Host, Url};

use crate::cli::{Listen, LogFormat, Options, Secret, WhenRedisLost};
use crate::disk;

/// Where the data comes from if nothing else is said.
const DEFAULT_UPSTREAM: &str = "https://ghibliapi.vercel.app";
/// The file that is read if it is there.
const DEFAULT_FILE: &str = "movies-gen.toml";
/// The shortest interval that somebody else's API is asked in.
pub const COURTEOUS_INTERVAL: Duration = Duration::from_secs(60);
/// The demo changes every few seconds, so that one sees it.
const DEMO_INTERVAL: Duration = Duration::from_secs(5);

/// Something was asked for that cannot be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

/// The validated configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where the data comes from.
    pub upstream: Upstream,
    /// Records to ask for; 0: not said.
    pub limit: u32,
    /// Largest body accepted.
    pub max_bytes: u64,
    /// Where the site is written.
    pub out: PathBuf,
    /// Where attempts and payloads are kept.
    pub state: PathBuf,
    /// Whether directories of somebody else's are taken over.
    pub adopt: bool,
    /// Whether directories are never exchanged.
    pub in_place: bool,
    /// The shared store.
    pub redis: Option<Redis>,
    /// What to do while that does not answer.
    pub when_redis_lost: WhenRedisLost,
    /// What overrides the built-in theme.
    pub templates: Option<PathBuf>,
    /// Whether pages show what is wrong with templates.
    pub dev: bool,
    /// Public address, ending in `/`.
    pub site_url: Option<Url>,
    /// Name of the site.
    pub site_title: String,
    /// Language of the site's texts.
    pub lang: String,
    /// Least time between two refreshes.
    pub interval: Duration,
    /// Greatest age of a page while the upstream answers.
    pub max_age: Duration,
    /// Longest wait for newer data.
    pub hold: Duration,
    /// Age beyond which there is no answer rather than this one; none: never.
    pub max_stale: Option<Duration>,
    /// Share of the records that may go at once, 0 to 1.
    pub max_shrink: f64,
    /// Fields whose changes are not told.
    pub volatile_fields: BTreeSet<String>,
    /// Fields whose changes are told however often they change.
    pub steady_fields: BTreeSet<String>,
    /// How many times as many records there may be at once.
    pub max_growth: f64,
    /// Refusals of the same kind in a row after which an answer is taken.
    pub accept_after: u32,
    /// Where visitors connect.
    pub listen: Listen,
    /// Streams of events at once, if it is said.
    pub max_streams: Option<usize>,
    /// Where metrics are read, if anywhere.
    pub admin_listen: Option<Listen>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// -2 errors, -1 warnings, 0 what happens, 1 details, 2 everything.
    pub verbosity: i8,
}

/// Where the data comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    /// An API.
    Api(Url),
    /// The made-up one inside the program.
    Demo,
}

/// A Redis to share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redis {
    /// Its address; may hold a password.
    pub url: Secret,
    /// The password, if it has a file of its own.
    pub password: Option<Secret>,
    /// What keys start with.
    pub prefix: String,
}

impl Config {
    /// Reads the configuration file and puts everything together.
    ///
    /// # Errors
    /// [`Invalid`] if it cannot be, naming the option; or if a file that was
    /// named cannot be read.
    pub fn load(given: &Options) -> Result<Config> {
        let file = match &given.config {
            Some(path) => {
                let text = disk::read(path)?
                    .ok_or_else(|| Invalid(format!("--config {}: no such file", path.display())))?;
                parse(path, &text)?
            }
            None => match disk::read(Path::new(DEFAULT_FILE))? {
                Some(text) => parse(Path::new(DEFAULT_FILE), &text)?,
                None => Options::default(),
            },
        };
        resolve(given.clone().or(file))
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Options> {
    let at = path.display();
    let text =
        std::str::from_utf8(bytes).map_err(|_| Invalid(format!("{at} is not UTF-8 text")))?;
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        Invalid(format!("{at}:{line}: {}", explained(error.message()))).into()
    })
}

/// The parser's words; at an unknown key with the nearest one that there is.
fn explained(message: &str) -> String {
    let Some(rest) = message.strip_prefix("unknown field `") else { return message.to_owned() };
    let mut names = rest.split('`').step_by(2);
    let unknown = names.next().unwrap_or_default();
    let nearest = names.max_by(|a, b| {
        let near = |name: &str| strsim::jaro_winkler(unknown, name);
        near(a).total_cmp(&near(b))
    });
    match nearest {
        Some(nearest) => format!("unknown key `{unknown}`; did you mean `{nearest}`?"),
        None => format!("unknown key `{unknown}`"),
    }
}

fn resolve(options: Options) -> Result<Config> {
    let demo = options.demo.unwrap_or(false);
    let upstream = match (demo, &options.upstream) {
        (true, Some(_)) => {
            return Err(invalid("--demo has its own upstream: leave --upstream out"));
        }
        (true, None) => Upstream::Demo,
        (false, given) => {
            Upstream::Api(address("--upstream", given.as_deref().unwrap_or(DEFAULT_UPSTREAM))?)
        }
    };
    let span = |given: Option<crate::cli::Span>, default| given.map_or(default, |span| span.0);
    let interval = span(options.interval, if demo { DEMO_INTERVAL } else { COURTEOUS_INTERVAL });
    let is_ours = match &upstream {
        Upstream::Demo => true,
        Upstream::Api(url) => is_loopback(url),
    };
    if interval < COURTEOUS_INTERVAL && !is_ours {
        return Err(invalid(format!(
            "--interval {} is too short: an API of somebody else's is asked at most once in 60s",
            humantime::format_duration(interval)
        )));
    }
    if interval.is_zero() {
        return Err(invalid("--interval must be longer than nothing"));
    }
    let max_age = span(options.max_age, Duration::from_secs(60));
    if max_age < interval {
        return Err(invalid(format!(
            "--max-age {} is shorter than --interval {}: pages would always be too old; raise \
             --max-age or lower --interval",
            humantime::format_duration(max_age),
            humantime::format_duration(interval)
        )));
    }
    let max_stale = options.max_stale.map(|span| span.0);
    if let Some(max_stale) = max_stale.filter(|&max_stale| max_stale < max_age) {
        return Err(invalid(format!(
            "--max-stale {} is shorter than --max-age {}: good pages would be kept back; raise \
             --max-stale, or leave it out",
            humantime::format_duration(max_stale),
            humantime::format_duration(max_age)
        )));
    }
    if let Some(templates) = options.templates.as_deref().filter(|path| !path.is_dir()) {
        let at = templates.display();
        return Err(invalid(format!("--templates {at} is not a directory")));
    }
    let path = |given: Option<PathBuf>, real: &str, made_up: &str| {
        given.unwrap_or_else(|| PathBuf::from(if demo { made_up } else { real }))
    };
    let out = real("--out", &path(options.out, "public", "public-demo"))?;
    let state = real("--state", &path(options.state, ".movies-gen", ".movies-gen-demo"))?;
    for (inner, outer, why) in [
        (&state, &out, "it would be published"),
        (&out, &state.join("standby"), "that is where the next generation is made"),
        (&out, &state.join("bodies"), "that is where payloads are kept"),
    ] {
        if inner.starts_with(outer) {
            return Err(invalid(format!(
                "--out {} and --state {} are too close, {why}: put them side by side",
                out.display(),
                state.display()
            )));
        }
    }
    Ok(Config {
        upstream,
        limit: options.limit.unwrap_or(250),
        max_bytes: options.max_bytes.map_or(16 << 20, |size| size.0),
        adopt: options.adopt.unwrap_or(false),
        in_place: options.in_place.unwrap_or(false),
        redis: redis(options.redis, options.redis_password_file, options.redis_prefix)?,
        when_redis_lost: options.when_redis_lost.unwrap_or_default(),
        templates: options.templates.map(std::path::absolute).transpose()?,
        dev: options.dev.unwrap_or(false),
        site_url: options.site_url.as_deref().map(site_url).transpose()?,
        site_title: options.site_title.unwrap_or_else(|| "Films".to_owned()),
        lang: lang(options.lang.unwrap_or_else(|| "en".to_owned()))?,
        interval,
        max_age,
        hold: span(options.hold, Duration::from_secs(2)),
        max_stale,
        max_shrink: options.max_shrink.map_or(0.3, |share| share.0),
        volatile_fields: options.volatile_fields.unwrap_or_default().0,
        steady_fields: options.steady_fields.unwrap_or_default().0,
        max_growth: options.max_growth.map_or(3.0, |factor| factor.0),
        accept_after: options.accept_after.unwrap_or(10),
        listen: options.listen.unwrap_or(Listen::DEFAULT),
        max_streams: options.max_streams,
        admin_listen: options.admin_listen,
        log_format: options.log_format.unwrap_or_default(),
        verbosity: options.verbose.min(2) as i8 - options.quiet.min(2) as i8,
        out,
        state,
    })
}

/// The path that this names, from the root and through links, as far as it is
/// there: `--out` may be the working directory, which moves when the trees are
/// exchanged.
fn real(option: &str, path: &Path) -> Result<PathBuf> {
    let path = std::path::absolute(path)
        .with_context(|| format!("{option}: cannot tell where {} is", path.display()))?;
    let there = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    let Some((above, real)) = there else { return Ok(path) };
    let rest = path.strip_prefix(above).unwrap_or(Path::new(""));
    if rest.components().any(|part| part == Component::ParentDir) {
        let path = path.display();
        return Err(invalid(format!(
            "{option} {path} leads through a directory that is not there"
        )));
    }
    Ok(if rest == Path::new("") { real } else { real.join(rest) })
}

fn redis(
    url: Option<Secret>,
    password_file: Option<PathBuf>,
    prefix: Option<String>,
) -> Result<Option<Redis>> {
    let prefix = prefix.unwrap_or_else(|| "movies-gen".to_owned());
    if prefix.is_empty() || prefix.contains(|c: char| matches!(c, '{' | '}') || c.is_whitespace()) {
        return Err(invalid("--redis-prefix must be text without spaces and braces"));
    }
    let Some(url) = url else {
        return match password_file {
            Some(_) => Err(invalid("--redis-password-file is of no use without --redis")),
            None => Ok(None),
        };
    };
    let password = match password_file {
        Some(path) => {
            let text = disk::read(&path)?.ok_or_else(|| {
                invalid(format!("--redis-password-file {}: no such file", path.display()))
            })?;
            let text = String::from_utf8(text)
                .map_err(|_| invalid(format!("{} is not UTF-8 text", path.display())))?;
            // Never fails: any text is a secret.
            text.trim_end_matches(['\r', '\n']).parse().ok()
        }
        None => None,
    };
    Ok(Some(Redis { url, password, prefix }))
}

fn address(option: &str, text: &str) -> Result<Url> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    // The text itself may hold a key and is not repeated.
    url.filter(Url::has_host)
        .ok_or_else(|| invalid(format!("{option} is no http(s) address such as https://host/path")))
}

fn site_url(text: &str) -> Result<Url> {
    let mut url = address("--site-url", text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("--site-url must have no query and no fragment"));
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

fn lang(tag: String) -> Result<String> {
    let is_tag = !tag.is_empty()
        && tag.split('-').all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        });
    if is_tag { Ok(tag) } else { Err(invalid("--lang is no language tag such as en or pt-BR")) }
}

/// Whether an address is on this machine, where courtesy is not owed.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
        None => false,
    }
}

fn invalid(message: impl Into<String>) -> anyhow::Error {
    Invalid(message.into()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_file(text: &str) -> Result<Config> {
        resolve(parse(Path::new("movies-gen.toml"), text.as_bytes())?)
    }

    fn refusal(text: &str) -> String {
        from_file(text).expect_err("refused").to_string()
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_nearest_one() {
        let message = refusal("out = \"x\"\n\nintervall = \"60s\"\n");
        assert_eq!(message, "movies-gen.toml:3: unknown key `intervall`; did you mean `interval`?");
    }

    #[test]
    fn others_are_asked_at_most_once_a_minute_and_oneself_as_one_likes() {
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
    fn the_demo_mixes_with_nothing() {
        let config = from_file("demo = true").expect("a configuration");
        assert!(config.out.ends_with("public-demo") && config.out.is_absolute());
        assert!(config.state.ends_with(".movies-gen-demo"));
        assert!(refusal("demo = true\nupstream = \"http://x\"").contains("leave --upstream out"));
    }

    #[test]
    fn what_comes_first_wins() {
        let flag = Options { limit: Some(7), ..Options::default() };
        let file = Options { limit: Some(9), lang: Some("fr".into()), ..Options::default() };
        let config = resolve(flag.or(file)).expect("a configuration");
        assert_eq!((config.limit, config.lang.as_str()), (7, "fr"));
    }

    #[test]
    fn the_site_address_ends_in_a_slash() {
        let url = |text: &str| site_url(text).map(String::from).map_err(|error| error.to_string());
        assert_eq!(url("https://h/films"), Ok("https://h/films/".into()));
        assert_eq!(url("https://h"), Ok("https://h/".into()));
        assert!(url("h/films").is_err() && url("https://h/?q").is_err());
    }

    #[test]
    fn no_message_repeats_a_secret() {
        let message = refusal("redis = \"redis://:s3cret@h\"\nredis-prefix = \"a b\"");
        assert!(!message.contains("s3cret"), "{message}");
        let config = from_file("redis = \"redis://:s3cret@h\"").expect("a configuration");
        assert!(!format!("{config:?}").contains("s3cret"));
    }

    #[test]
    fn loopback_is_this_machine_alone() {
        let loopback = |text: &str| is_loopback(&Url::parse(text).expect("an address"));
        for here in ["http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]:2", "http://localhost"]
        {
            assert!(loopback(here), "{here}");
        }
        for there in ["http://10.0.0.1", "http://localhost.example", "http://127.0.0.1.example"] {
            assert!(!loopback(there), "{there}");
        }
    }
}
