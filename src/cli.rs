//! What was typed.
//!
//! Owns the command line, and with it the names of all options: an option is a
//! flag, a variable `MOVIES_GEN_…` and a key of the configuration file under one
//! name. It must not judge what the values mean together; that is
//! [`config`](crate::config)'s.

mod values;

use std::path::PathBuf;

use clap::builder::{BoolishValueParser, Resettable};
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use serde::Deserialize;

pub use values::{Factor, Listen, Names, Secret, Share, Size, Span};

/// A static site of films and people, as fast as files on disk and never more
/// than a minute behind its API.
#[derive(Debug, Clone, Parser)]
#[command(name = "movies-gen", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Keep the site fresh and serve it
    #[command(after_help = EXAMPLES)]
    Serve {
        /// All options.
        #[command(flatten)]
        options: Options,
    },
    /// Write the site to --out, for a web server of yours
    #[command(after_help = EXAMPLES)]
    Build {
        /// `once`: one refresh, then exit; `loop`: keep refreshing
        #[arg(value_enum, default_value_t)]
        mode: BuildMode,
        /// All options.
        #[command(flatten)]
        options: Options,
    },
    /// Say how old the data is, what happened last and what comes next, also if
    /// nothing runs
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
        /// Exit with 1 if the data is older than twice --max-age, for health checks
        #[arg(long)]
        exit_code: bool,
        /// All options.
        #[command(flatten)]
        options: Options,
    },
    /// Check configuration and templates against the stored data, or the demo's;
    /// publishes nothing
    Check {
        /// All options.
        #[command(flatten)]
        options: Options,
    },
    /// Work on a theme of your own
    Theme {
        /// What to do.
        #[command(subcommand)]
        action: ThemeAction,
    },
    /// Accept data that was refused because it is not plausible: the next refresh
    /// that brings the same takes it
    Accept {
        /// Which, as `status` names it [default: what is being refused now]
        hash: Option<String>,
        /// All options.
        #[command(flatten)]
        options: Options,
    },
}

impl Cli {
    /// Reads the command line and the environment; ends the program with a message if they
    /// make no sense. A variable without a value counts as not set: Compose files pass
    /// such variables.
    pub fn read() -> Cli {
        let matches = without_empty_variables(Cli::command()).get_matches();
        Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

fn without_empty_variables(command: clap::Command) -> clap::Command {
    let names: Vec<_> =
        command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let command = command.mut_args(|argument| {
        let value = argument.get_env().and_then(std::env::var_os);
        let is_empty = value.is_some_and(|value| value.to_string_lossy().trim().is_empty());
        if is_empty { argument.env(Resettable::Reset) } else { argument }
    });
    names
        .into_iter()
        .fold(command, |command, name| command.mut_subcommand(name, without_empty_variables))
}

impl Command {
    /// The options that were given with it.
    pub fn options(&self) -> &Options {
        match self {
            Command::Serve { options }
            | Command::Build { options, .. }
            | Command::Status { options, .. }
            | Command::Check { options }
            | Command::Theme { action: ThemeAction::Export { options, .. } }
            | Command::Accept { options, .. } => options,
        }
    }
}

/// What to do with a theme.
#[derive(Debug, Clone, Subcommand)]
pub enum ThemeAction {
    /// Write the built-in theme to DIR, with a README of all that templates get
    Export {
        /// Where; files that are there stay
        #[arg(value_name = "DIR")]
        directory: PathBuf,
        /// All options.
        #[command(flatten)]
        options: Options,
    },
}

const EXAMPLES: &str = "Every option is also a variable MOVIES_GEN_<OPTION> and a key of the \
    configuration file; flags come before variables, variables before the file.\n\n\
    Exit codes: 0 done; 1 it did not work; 2 it was asked for something that cannot be.";

/// How long `build` goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum BuildMode {
    /// One refresh, then exit.
    #[default]
    Once,
    /// Until it is stopped.
    Loop,
}

/// What to do while Redis does not answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenRedisLost {
    /// Each process keeps its own minute: pages stay fresh.
    #[default]
    Fetch,
    /// Nobody is asked: the upstream is spared.
    Wait,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// All options, each given or not.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Options {
    /// Address of the API; `/films` and `/people` stand under it
    /// [default: https://ghibliapi.vercel.app]
    #[arg(long, env = "MOVIES_GEN_UPSTREAM", value_name = "URL", hide_env_values = true)]
    pub upstream: Option<String>,

    /// Records to ask for of each kind; 0: do not say [default: 250]
    #[arg(long, env = "MOVIES_GEN_LIMIT", value_name = "N")]
    pub limit: Option<u32>,

    /// Largest body accepted, decompressed [default: 16MiB]
    #[arg(long, env = "MOVIES_GEN_MAX_BYTES", value_name = "SIZE")]
    pub max_bytes: Option<Size>,

    /// Use a small made-up upstream inside the program, whose data changes every
    /// few seconds; with an --out and a --state of its own
    #[arg(
        long, env = "MOVIES_GEN_DEMO", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = BoolishValueParser::new()
    )]
    pub demo: Option<bool>,

    /// Directory that the site is written to [default: public]
    #[arg(long, env = "MOVIES_GEN_OUT", value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Directory that attempts and payloads are kept in; on the same file system
    /// as --out [default: .movies-gen]
    #[arg(long, env = "MOVIES_GEN_STATE", value_name = "DIR")]
    pub state: Option<PathBuf>,

    /// Take over an --out that is not empty and not ours (its files stay, but where
    /// a page has to go), or an --out and a --state made for another upstream
    #[arg(
        long, env = "MOVIES_GEN_ADOPT", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = BoolishValueParser::new()
    )]
    pub adopt: Option<bool>,

    /// Put files into --out one by one, never by an exchange of directories: for an
    /// --out that other programs, which cannot be seen from here, have mounted or
    /// work in
    #[arg(
        long, env = "MOVIES_GEN_IN_PLACE", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = BoolishValueParser::new()
    )]
    pub in_place: Option<bool>,

    /// A Redis to share attempts and payloads with other processes
    /// (redis://, rediss://, unix://)
    #[arg(long, env = "MOVIES_GEN_REDIS", value_name = "URL", hide_env_values = true)]
    pub redis: Option<Secret>,

    /// File that holds the Redis password
    #[arg(long, env = "MOVIES_GEN_REDIS_PASSWORD_FILE", value_name = "FILE")]
    pub redis_password_file: Option<PathBuf>,

    /// What this site's keys in Redis start with [default: movies-gen]
    #[arg(long, env = "MOVIES_GEN_REDIS_PREFIX", value_name = "TEXT")]
    pub redis_prefix: Option<String>,

    /// While Redis does not answer: `fetch`, each process in its own minute, or
    /// `wait`, nobody [default: fetch]
    #[arg(long, env = "MOVIES_GEN_WHEN_REDIS_LOST", value_name = "WHAT", value_enum)]
    pub when_redis_lost: Option<WhenRedisLost>,

    /// Directory with templates and assets that take the place of the built-in
    /// ones, file by file
    #[arg(long, env = "MOVIES_GEN_TEMPLATES", value_name = "DIR")]
    pub templates: Option<PathBuf>,

    /// For theme authors: `serve` reloads open pages on save and shows template
    /// errors over them
    #[arg(
        long, env = "MOVIES_GEN_DEV", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = BoolishValueParser::new()
    )]
    pub dev: Option<bool>,

    /// Public address of the site, path included, e.g. https://host/path/
    #[arg(long, env = "MOVIES_GEN_SITE_URL", value_name = "URL")]
    pub site_url: Option<String>,

    /// Name of the site [default: Films]
    #[arg(long, env = "MOVIES_GEN_SITE_TITLE", value_name = "TEXT")]
    pub site_title: Option<String>,

    /// Language of the site's texts [default: en]
    #[arg(long, env = "MOVIES_GEN_LANG", value_name = "TAG")]
    pub lang: Option<String>,

    /// Least time between two refreshes [default: 60s]
    #[arg(long, env = "MOVIES_GEN_INTERVAL", value_name = "DURATION")]
    pub interval: Option<Span>,

    /// Greatest age of a page that is served while the upstream answers
    /// [default: 60s]
    #[arg(long, env = "MOVIES_GEN_MAX_AGE", value_name = "DURATION")]
    pub max_age: Option<Span>,

    /// Longest wait for newer data [default: 2s]
    #[arg(long, env = "MOVIES_GEN_HOLD", value_name = "DURATION")]
    pub hold: Option<Span>,

    /// Age beyond which `serve` answers 503 rather than old pages [default: never]
    #[arg(long, env = "MOVIES_GEN_MAX_STALE", value_name = "DURATION")]
    pub max_stale: Option<Span>,

    /// Share of the films or people that may go at once; more is not believed
    /// [default: 30%]
    #[arg(long, env = "MOVIES_GEN_MAX_SHRINK", value_name = "SHARE")]
    pub max_shrink: Option<Share>,

    /// Names of fields, with commas between, whose changes are not told: `rt_score`, or
    /// `film.rt_score` [default: those that change in most refreshes]
    #[arg(long, env = "MOVIES_GEN_VOLATILE_FIELDS", value_name = "NAMES")]
    pub volatile_fields: Option<Names>,

    /// Names of fields whose changes are told however often they change [default: none]
    #[arg(long, env = "MOVIES_GEN_STEADY_FIELDS", value_name = "NAMES")]
    pub steady_fields: Option<Names>,

    /// How many times as many films or people there may be at once, a thousand records aside;
    /// more is not believed [default: 3]
    #[arg(long, env = "MOVIES_GEN_MAX_GROWTH", value_name = "FACTOR")]
    pub max_growth: Option<Factor>,

    /// Refusals in a row, of answers that lack the same records, after which such an answer
    /// is taken [default: 10]
    #[arg(long, env = "MOVIES_GEN_ACCEPT_AFTER", value_name = "N")]
    pub accept_after: Option<u32>,

    /// Address that `serve` listens on: `127.0.0.1:8000`, `localhost:8000`; `8000` for this
    /// machine alone, `:8000` for every network; port 0: any free one
    /// [default: 127.0.0.1:8000]
    #[arg(long, env = "MOVIES_GEN_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<Listen>,

    /// Pages that `serve` tells of changes as they come, at once; at most half of the
    /// connections it can have [default: 10000]
    #[arg(long, env = "MOVIES_GEN_MAX_STREAMS", value_name = "N")]
    pub max_streams: Option<usize>,

    /// Address for /metrics and /readyz; keep it from the public [default: none]
    #[arg(long, env = "MOVIES_GEN_ADMIN_LISTEN", value_name = "ADDRESS")]
    pub admin_listen: Option<Listen>,

    /// Configuration file; read if it is there [default: movies-gen.toml]
    #[arg(long, env = "MOVIES_GEN_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// How log lines look [default: text]
    #[arg(long, env = "MOVIES_GEN_LOG_FORMAT", value_name = "FORMAT", value_enum)]
    pub log_format: Option<LogFormat>,

    /// Say more
    #[arg(short, long, env = "MOVIES_GEN_VERBOSE", action = ArgAction::Count)]
    #[serde(default)]
    pub verbose: u8,

    /// Say less: only what went wrong
    #[arg(short, long, env = "MOVIES_GEN_QUIET", action = ArgAction::Count)]
    #[serde(default)]
    pub quiet: u8,
}

impl Options {
    /// What is given here, and for the rest what `fallback` gives.
    #[must_use]
    pub fn or(self, fallback: Options) -> Options {
        Options {
            upstream: self.upstream.or(fallback.upstream),
            limit: self.limit.or(fallback.limit),
            max_bytes: self.max_bytes.or(fallback.max_bytes),
            demo: self.demo.or(fallback.demo),
            out: self.out.or(fallback.out),
            state: self.state.or(fallback.state),
            adopt: self.adopt.or(fallback.adopt),
            in_place: self.in_place.or(fallback.in_place),
            redis: self.redis.or(fallback.redis),
            redis_password_file: self.redis_password_file.or(fallback.redis_password_file),
            redis_prefix: self.redis_prefix.or(fallback.redis_prefix),
            when_redis_lost: self.when_redis_lost.or(fallback.when_redis_lost),
            templates: self.templates.or(fallback.templates),
            dev: self.dev.or(fallback.dev),
            site_url: self.site_url.or(fallback.site_url),
            site_title: self.site_title.or(fallback.site_title),
            lang: self.lang.or(fallback.lang),
            interval: self.interval.or(fallback.interval),
            max_age: self.max_age.or(fallback.max_age),
            hold: self.hold.or(fallback.hold),
            max_stale: self.max_stale.or(fallback.max_stale),
            max_shrink: self.max_shrink.or(fallback.max_shrink),
            volatile_fields: self.volatile_fields.or(fallback.volatile_fields),
            steady_fields: self.steady_fields.or(fallback.steady_fields),
            max_growth: self.max_growth.or(fallback.max_growth),
            accept_after: self.accept_after.or(fallback.accept_after),
            listen: self.listen.or(fallback.listen),
            max_streams: self.max_streams.or(fallback.max_streams),
            admin_listen: self.admin_listen.or(fallback.admin_listen),
            config: self.config.or(fallback.config),
            log_format: self.log_format.or(fallback.log_format),
            verbose: if self.verbose > 0 { self.verbose } else { fallback.verbose },
            quiet: if self.quiet > 0 { self.quiet } else { fallback.quiet },
        }
    }
}
