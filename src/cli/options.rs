//! The declaration of all options.
//!
//! Owns the facts about each option: its name, value, default, help text, group, and whether SIGHUP
//! changes the option. The flag, the variable `MOVIES_GEN_…`, the key of the configuration file,
//! and `docs/options.md` are derived from this list. A new option does not compile until
//! [`config`](crate::config) uses its value and defines its behaviour on a reload.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Arg, ArgAction, Args, ValueEnum};

use super::access_log::{AccessLogFormat, LogFile, TrustedProxy};
use super::bucket::BucketAddress;
use super::listen::{Listen, ListenList};
use super::values::{DurationText, Factor, Secret, Share, Size, StaleNotice};

/// The effect of SIGHUP on a changed value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnReload {
    /// The new value applies at once.
    Applied,
    /// The new value applies at once unless processes share a Redis.
    AppliedWithoutRedis,
    /// The old value stays until the program is started again.
    NeedsRestart,
}

/// The facts about an option, without its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    /// The name of the field in [`Options`].
    pub field: &'static str,
    /// The effect of SIGHUP on a changed value.
    pub on_reload: OnReload,
    /// The commands whose help lists the option. Every command accepts every option, so that a
    /// script can use the same options for all commands.
    pub commands: &'static [&'static str],
}

impl Declared {
    /// Returns the name of the flag, without the dashes.
    pub fn flag(&self) -> String {
        self.field.replace('_', "-")
    }

    /// The environment variable.
    pub fn variable(&self) -> String {
        format!("MOVIES_GEN_{}", self.field.to_uppercase())
    }

    /// Whether the value may contain a password or a key, so that no message may repeat the value.
    pub fn may_be_secret(&self) -> bool {
        ["redis", "upstream", "site_url"].contains(&self.field)
    }

    /// The key in the configuration file; the file cannot name itself.
    pub fn key(&self) -> Option<String> {
        (self.field != "config").then(|| self.flag())
    }
}

/// Generates from one list: the values ([`Options`]), a value of any type for each option
/// ([`EachOption`]), and what is known of each option ([`DECLARED`]).
macro_rules! options {
    ($($heading:literal for $commands:ident { $(
        $(#[$attribute:meta])*
        $field:ident: $value:ty => $on_reload:ident,
    )* })*) => {
        /// The value of each option.
        #[derive(Debug, Clone, Args)]
        pub struct Options { $($(
            $(#[$attribute])*
            #[arg(long, help_heading = $heading)]
            pub $field: $value,
        )*)* }

        /// A value for each option. Code that takes this struct apart names every option.
        pub(crate) struct EachOption<T> { $($( pub(crate) $field: T, )*)* }

        /// The facts about each option.
        pub(crate) const EACH: EachOption<Declared> = EachOption { $($(
            $field: Declared {
                field: stringify!($field),
                on_reload: OnReload::$on_reload,
                commands: $commands,
            },
        )*)* };

        /// The facts about each option as a list, in the order of the help.
        pub const DECLARED: &[Declared] = &[$($( EACH.$field, )*)*];
    };
}

impl Options {
    /// Whether the upstream is a demo.
    pub fn has_demo(&self) -> bool {
        self.demo || self.demo_from.is_some()
    }
}

trait Switch {
    /// An option that is on or off: `--demo` is short for `--demo=true`.
    fn switch(self) -> Self;
}

impl Switch for Arg {
    fn switch(self) -> Arg {
        self.action(ArgAction::Set)
            .value_parser(BoolishValueParser::new())
            .value_name("BOOL")
            .num_args(0..=1)
            .require_equals(true)
            .default_value("false")
            .default_missing_value("true")
            .hide_default_value(true)
            .hide_possible_values(true)
    }
}

/// The value of `--upstream` with `--demo`: the upstream inside the program.
pub const BUILT_IN: &str = "built-in";

/// Defaults that `--demo` replaces: option and value.
pub const DEMO_DEFAULTS: [(&str, &str); 6] = [
    ("upstream", BUILT_IN),
    ("limit", "0"),
    ("out", "public-demo"),
    ("state", ".movies-gen-demo"),
    ("interval", "5s"),
    ("stale-notice", "1m"),
];

const ALL: &[&str] = &["serve", "build", "status", "check", "config", "init", "export", "accept"];
const SITE: &[&str] = &["serve", "build", "status", "check", "config", "accept"];
const FETCHERS: &[&str] = &["serve", "build", "check", "config"];
const WRITERS: &[&str] = &["serve", "build", "config"];
const JUDGES: &[&str] = &["serve", "build", "status", "check", "config"];
const REPORTERS: &[&str] = &["serve", "build", "status", "config"];
const RENDERERS: &[&str] = &["serve", "build", "check", "config"];
const SERVER: &[&str] = &["serve", "config"];

options! {
    "Upstream" for SITE {
        /// Base URL of the API
        ///
        /// Each refresh requests the paths that the mapping names below this URL, each path once.
        /// Without this option, the mapping names the API: the Studio Ghibli API in the default
        /// mapping.
        #[arg(value_name = "URL")]
        upstream: Option<String> => NeedsRestart,

        /// Mapping from the fields of the API to films and people: a name or a file
        ///
        /// `movies-gen mapping list` names the built-in mappings; the first is the default. A
        /// changed file is used at once, without a request. The tables of a mapping can also be
        /// in the configuration file; they take precedence over this mapping.
        #[arg(value_name = "NAME|FILE")]
        mapping: Option<String> => Applied,

        /// Use a built-in upstream with sample data that changes every few seconds
        ///
        /// The option changes the defaults of --out, --state, --limit, --interval and
        /// --stale-notice. The option cannot be combined with --upstream.
        #[arg(switch())]
        demo: bool => NeedsRestart,

        /// Use the files films.json and people.json in this directory as a demo upstream
        ///
        /// `movies-gen demo-data` writes such files of any size. The option changes the same
        /// defaults as --demo. A changed file is read at the next refresh.
        #[arg(value_name = "DIR")]
        demo_from: Option<PathBuf> => NeedsRestart,
    }

    "Requests to the upstream" for FETCHERS {
        /// Maximum number of records to request per list; 0 requests no maximum
        ///
        /// The number is sent as the query parameter `limit`. Without this option, the program sends
        /// the requests of the mapping; the default mapping requests 250 records. If a list has
        /// exactly this many records, the API has probably cut the list, and the program logs a
        /// warning.
        #[arg(value_name = "N")]
        limit: Option<u32> => Applied,

        /// Maximum size of a response body, after decompression
        ///
        /// The program refuses a larger response, and the last good site stays. A refresh uses
        /// at most 64 times this size plus 64 MiB of memory.
        #[arg(value_name = "SIZE", default_value = "16MiB")]
        max_bytes: Size => NeedsRestart,
    }

    "Directories" for SITE {
        /// Directory to write the site to
        ///
        /// The directory may be the document root of another web server.
        #[arg(value_name = "DIR", default_value = "public")]
        out: PathBuf => NeedsRestart,

        /// Directory for the state of the program: attempts, payloads, ledger
        ///
        /// Put the directory beside --out, on the same file system: then the program replaces
        /// the whole site in one step. The directory must not be inside --out.
        #[arg(value_name = "DIR", default_value = ".movies-gen")]
        state: PathBuf => NeedsRestart,
    }

    "Publishing" for WRITERS {
        /// Use an --out that has other files, or directories made for another upstream
        ///
        /// Without this option the program refuses an --out that is not empty and that the
        /// program did not make, and an --out or --state made for another upstream. With this
        /// option, the program keeps existing files, except files at the paths of pages: these
        /// files are moved below --state, and the program logs their names.
        #[arg(switch())]
        adopt: bool => NeedsRestart,

        /// Replace the files in --out one by one, never the whole directory
        ///
        /// Use this option if --out is mounted in a container, or is the working directory of
        /// another user's process: the program cannot detect these cases. Each file is
        /// replaced in one step, but a visitor may get files of two generations in one visit.
        #[arg(switch())]
        in_place: bool => NeedsRestart,

        /// Maximum size of the published files that are kept in memory
        ///
        /// The size counts all files of a site in all forms. A larger site is served from the
        /// disk, and the files that visitors asked for lately are kept in memory.
        #[arg(value_name = "SIZE", default_value = "256MiB")]
        cache_bytes: Size => NeedsRestart,
    }

    "After a publish" for WRITERS {
        /// Command to run after each publish
        ///
        /// The command runs in a shell; two runs never overlap. Its standard input is the list of
        /// changed paths, relative to --out, each terminated by a NUL byte. A path without a file
        /// in --out was removed. The variables MOVIES_GEN_GENERATION, MOVIES_GEN_ORIGIN and MOVIES_GEN_OUT
        /// have the generation, the time of its data, and the directory. After a failure, the
        /// command runs again with all paths since. The first run gets all paths.
        #[arg(value_name = "COMMAND")]
        then: Option<String> => NeedsRestart,

        /// Bucket to upload the site to: s3://bucket/prefix
        ///
        /// Any object store with the API of S3. The server and the credentials are in the
        /// environment: AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY. Only
        /// files that changed are uploaded; removed files are deleted an hour later.
        #[arg(value_name = "BUCKET")]
        publish_to: Option<BucketAddress> => NeedsRestart,

        /// File that contains the credentials for --publish-to
        ///
        /// Lines such as AWS_ACCESS_KEY_ID=…, or a file in the form of ~/.aws/credentials, whose
        /// section `default` is used. The file takes precedence over the environment.
        #[arg(value_name = "FILE")]
        publish_credentials: Option<PathBuf> => NeedsRestart,
    }

    "Redis" for SITE {
        /// URL of a Redis server through which several processes share one site
        ///
        /// The forms are `redis://`, `rediss://` (TLS), `unix://`, and
        /// `redis+sentinel://HOST:PORT,HOST:PORT/NAME` for the master that sentinels know by this
        /// name. The server may be a node of a cluster. Processes with the same Redis, --redis-prefix
        /// and --upstream share attempts and payloads: together they refresh at most once per
        /// --interval.
        #[arg(value_name = "URL")]
        redis: Option<Secret> => NeedsRestart,

        /// File that contains the password for --redis
        ///
        /// Line breaks at the end of the file are not part of the password.
        #[arg(value_name = "FILE")]
        redis_password_file: Option<PathBuf> => NeedsRestart,

        /// Prefix of the keys and channels of this site in Redis
        ///
        /// The prefix must not be empty and must not contain white space or braces.
        #[arg(value_name = "TEXT", default_value = "movies-gen")]
        redis_prefix: String => NeedsRestart,
    }

    "Loss of Redis" for WRITERS {
        /// What to do while Redis does not respond
        #[arg(value_name = "WHAT", value_enum, default_value = "fetch")]
        when_redis_lost: WhenRedisLost => NeedsRestart,
    }

    "Refresh and age" for JUDGES {
        /// Minimum time between the starts of two refreshes
        ///
        /// A time under 60s is allowed only for --demo and for an API at a loopback address.
        #[arg(value_name = "DURATION", default_value = "60s")]
        interval: DurationText => Applied,

        /// Maximum age of a page while the API responds
        ///
        /// A request for an older page waits for newer data, at most for the time --hold. The
        /// age must not be less than --interval.
        #[arg(value_name = "DURATION", default_value = "60s")]
        max_age: DurationText => AppliedWithoutRedis,

        /// Maximum time that a request waits for newer data
        ///
        /// `build once` waits at most this long until a refresh may start. A command to Redis
        /// times out after a quarter of this time, but not before 100ms.
        #[arg(value_name = "DURATION", default_value = "2s")]
        hold: DurationText => NeedsRestart,
    }

    "Plausibility of new data" for WRITERS {
        /// Maximum share of the films, or of the people, that one refresh may remove
        ///
        /// The program refuses data that removes a larger share, and the last good site stays. A
        /// list may always lose one or two records if at least one record stays.
        #[arg(value_name = "SHARE", default_value = "30%")]
        max_shrink: Share => Applied,

        /// Maximum factor by which one refresh may multiply the films, or the people
        ///
        /// The program refuses data with more records than 1000 plus this factor times the
        /// previous number, and the last good site stays.
        #[arg(value_name = "FACTOR", default_value = "3")]
        max_growth: Factor => Applied,

        /// Number of refusals in a row after which refused data is accepted
        ///
        /// An answer that lacks other records than the answers before starts the count again (up to
        /// 1 % of the records may differ). An empty list and a list in a local file are never
        /// accepted this way; use `movies-gen accept`.
        #[arg(value_name = "N", default_value = "10")]
        accept_after: u32 => Applied,
    }

    "Reported changes" for REPORTERS {
        /// Fields whose changes are not reported, separated by commas
        ///
        /// Changes are reported on the page of changes, in feeds and to open pages. Write
        /// `rt_score` for films and people, or `film.rt_score` for films only. In addition, the
        /// program detects fields that change in most refreshes and does not report these.
        #[arg(value_name = "NAMES", value_delimiter = ',')]
        volatile_fields: Vec<String> => Applied,

        /// Fields whose changes are always reported, separated by commas
        ///
        /// The option takes precedence over --volatile-fields and over the detection of fields
        /// that change in most refreshes.
        #[arg(value_name = "NAMES", value_delimiter = ',')]
        steady_fields: Vec<String> => Applied,
    }

    "Site and theme" for RENDERERS {
        /// Public URL of the site, such as https://host/films/
        ///
        /// All links start with the path of this URL. Feeds, the sitemap, data files, canonical
        /// links and the cards of social networks need this option, because they contain
        /// absolute addresses. Without this option, a warning is logged once.
        #[arg(value_name = "URL")]
        site_url: Option<String> => Applied,

        /// Age from which pages show a notice that their data is old, or `off`
        ///
        /// Without this option, the age is twice --max-age. The line with the age of the data
        /// stays on the page in any case.
        #[arg(value_name = "DURATION|off")]
        stale_notice: Option<StaleNotice> => Applied,

        /// Title of the site
        ///
        /// Without this option, the title is the mapping's word for films, else "Films".
        #[arg(value_name = "TEXT")]
        site_title: Option<String> => Applied,

        /// Language of the site's texts, such as en or pt-BR
        ///
        /// English, German, Spanish, French and Japanese are built in; a theme adds languages in
        /// `texts/<language>.toml`. A tag without a table uses the nearest table (`pt-BR` uses
        /// `pt`), else English.
        #[arg(value_name = "TAG", default_value = "en")]
        lang: String => Applied,

        /// Directory with templates and assets that replace built-in files of the same name
        ///
        /// `movies-gen theme export DIR` writes the built-in files. `serve` and `build loop`
        /// render the site again when a file in the directory changes.
        #[arg(value_name = "DIR")]
        templates: Option<PathBuf> => Applied,

        /// Reload open pages when a template changes, and show template errors on the page
        ///
        /// The option is for authors of a theme and needs `serve`.
        #[arg(switch())]
        dev: bool => Applied,
    }

    "Server" for SERVER {
        /// Address and port to listen on; several times for several addresses
        ///
        /// `127.0.0.1:8000`, `localhost:8000` and `[::1]:8000` are complete addresses. `8000` means
        /// this port of 127.0.0.1, and `:8000` means this port of all IPv4 and IPv6 addresses. Port
        /// 0 means any free port. `unix:/run/movies-gen.sock` means a Unix socket, which every user of the machine
        /// may use; `unix:/run/movies-gen.sock,mode=660` gives the socket another file mode.
        /// Sockets that systemd hands over (`LISTEN_FDS`) are used in place of this option.
        #[arg(value_name = "ADDRESSES", default_value = "127.0.0.1:8000")]
        listen: Vec<ListenList> => NeedsRestart,

        /// Address and port of /metrics, /readyz and /healthz
        ///
        /// The forms of the address are those of --listen. Keep the address private. Without this
        /// option, /metrics and /readyz are not available. A socket with the name `admin` that
        /// systemd hands over (`FileDescriptorName=admin`) is used in place of this option.
        #[arg(value_name = "ADDRESS")]
        admin_listen: Option<Listen> => NeedsRestart,

        /// Maximum number of open event streams
        ///
        /// An open page receives changes through an event stream. The program uses at most half
        /// of its connections for event streams; the limit of open files (`ulimit -n`)
        /// determines the number of connections.
        #[arg(value_name = "N", default_value = "10000")]
        max_streams: usize => NeedsRestart,

        /// Age above which a page is answered with status 503
        ///
        /// The age must not be less than --max-age. Without this option, `serve` answers with
        /// the last good page, however old.
        #[arg(value_name = "DURATION")]
        max_stale: Option<DurationText> => Applied,
    }

    "Access log" for SERVER {
        /// File for one line per answered request, or - for standard output
        ///
        /// Without this option, requests are not logged. SIGHUP opens the file again, for programs
        /// that rotate logs. If the file cannot be written, requests are answered and not logged.
        #[arg(value_name = "FILE|-")]
        access_log: Option<LogFile> => NeedsRestart,

        /// Format of the access log
        #[arg(value_name = "FORMAT", value_enum, default_value = "combined")]
        access_log_format: AccessLogFormat => NeedsRestart,

        /// Proxies that name the client of a request, separated by commas
        ///
        /// For a request from one of these proxies, the access log has the address in `Forwarded`
        /// (RFC 7239) or `X-Forwarded-For`: the last address that is not a trusted proxy. If both
        /// fields are there and differ, the log has the address of the proxy. Write addresses,
        /// networks such as 10.0.0.0/8, or `unix` for Unix sockets.
        #[arg(value_name = "PROXIES", value_delimiter = ',')]
        trusted_proxies: Vec<TrustedProxy> => NeedsRestart,
    }

    "Configuration and log" for ALL {
        /// Configuration file in TOML
        ///
        /// The default file may be missing. A file that is named with this option must exist.
        #[arg(value_name = "FILE", default_value = "movies-gen.toml")]
        config: PathBuf => NeedsRestart,

        /// Format of the log on standard error
        #[arg(value_name = "FORMAT", value_enum, default_value = "text")]
        log_format: LogFormat => NeedsRestart,

        /// Log more: -v details, -vv everything
        ///
        /// In a variable or in the configuration file, the value is the number of -v.
        #[arg(short, action = ArgAction::Count)]
        verbose: u8 => NeedsRestart,

        /// Log less: -q warnings and errors, -qq errors only
        ///
        /// For `build once`, -q already means errors only, so that cron sends mail only about
        /// failures.
        /// In a variable or in the configuration file, the value is the number of -q.
        #[arg(short, action = ArgAction::Count)]
        quiet: u8 => NeedsRestart,
    }
}

/// What to do while Redis does not respond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WhenRedisLost {
    /// Each process refreshes on its own, at most once per --interval.
    Fetch,
    /// No process refreshes; pages get older until Redis responds.
    Wait,
}

/// Format of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}
