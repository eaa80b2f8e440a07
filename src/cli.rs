//! The command line.
//!
//! Owns the commands. [`options`] declares the options, `layers` finds the value of an option, and
//! [`values`] defines the form of a value. [`config`](crate::config) checks the values together.

mod access_log;
mod bucket;
mod environment;
mod generated;
mod layer;
mod layers;
mod listen;
mod options;
mod reason;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;

pub use access_log::{AccessLogFormat, LogFile, TrustedProxy};
pub use bucket::BucketAddress;
use clap::{Parser, Subcommand, ValueEnum};
pub use clap_complete::Shell;

pub use generated::{completions, manual};
pub use layer::{Layer, Layers, Values};
pub use listen::Listen;
pub use options::{
    BUILT_IN, DECLARED, DEMO_DEFAULTS, Declared, LogFormat, OnReload, Options, WhenRedisLost,
};
pub(crate) use options::{EACH, EachOption};
pub(crate) use reason::reason;

pub use values::{DurationText, Factor, Secret, Share, Size, StaleNotice, form};

/// Makes the end of a help text from examples.
macro_rules! after_help {
    ($($example:literal)*) => {
        concat!(
            "Examples:\n",
            $("  ", $example, "\n",)*
            "\nAn option is also an environment variable (--max-age is MOVIES_GEN_MAX_AGE) and a key \
             of the configuration file (max-age = \"60s\"). A flag takes precedence over the variable, \
             and the variable over the file. An empty variable counts as not set. Every command \
             accepts every option, before or after the name of the command.\n\n\
             Exit codes: 0 success; 1 failure; 2 invalid option or unusable directory."
        )
    };
}

/// Generates a static site of films and people from a JSON API, serves the site, and keeps it
/// up to date
///
/// The program refreshes the site at most once per --interval. While the API responds within
/// --hold, no page from `movies-gen serve` is older than --max-age.
#[derive(Debug, Clone, Parser)]
#[command(name = "movies-gen", version, max_term_width = 100)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
    /// The layer from which the value of each option comes.
    #[arg(skip)]
    pub layers: Layers,
    /// The value of each option that has a value, in the form of the command line.
    #[arg(skip)]
    pub values: Values,
    #[arg(skip)]
    arguments: Vec<OsString>,
}

/// A command.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Serve the site over HTTP and keep it up to date
    #[command(after_help = after_help! {
        "movies-gen serve --demo"
        "movies-gen serve --upstream https://api.example --site-url https://films.example/"
        "movies-gen serve --config films.toml --listen :80"
    })]
    Serve {
        /// All options.
        #[command(flatten)]
        options: Options,
    },
    /// Write the site to --out, for another web server
    #[command(after_help = after_help! {
        "movies-gen build            refresh once"
        "movies-gen build -q         in a job: print failures only"
        "movies-gen build loop       keep --out fresh for another web server"
    })]
    Build {
        /// Number of refreshes
        #[arg(value_enum, default_value_t)]
        mode: BuildMode,
        /// All options.
        #[command(flatten)]
        options: Options,
    },
    /// Show the age of the data, the last refresh and the next refresh
    ///
    /// The command reads the state in --state and in Redis. No other process needs to run. If a
    /// process runs, the command uses the settings of that process.
    #[command(after_help = after_help! {
        "movies-gen status"
        "movies-gen status --exit-code           for a health check"
        "movies-gen status --max-age-exceeded    for an alarm about old data"
    })]
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Exit with code 1 if there is no page that may be shown, for health checks
        ///
        /// Old data is no reason, because visitors still get the last good site. With --max-stale,
        /// data above that age is a reason.
        #[arg(long)]
        exit_code: bool,
        /// Exit with code 1 if the data is older than twice --max-age, for alarms
        #[arg(long)]
        max_age_exceeded: bool,
        /// All options.
        #[command(flatten)]
        options: Options,
    },
    /// Check the configuration and the theme; write nothing
    ///
    /// The command renders every page with the stored data, or with the data of --demo if no
    /// data is stored. With stored data, the command shows what the mapping finds in the data. No
    /// request is sent.
    #[command(after_help = after_help! {
        "movies-gen check --templates theme"
        "movies-gen check --mapping films.toml"
        "movies-gen check --config films.toml"
    })]
    Check {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// All options.
        #[command(flatten)]
        options: Options,
    },
    /// Tell what a published page depends on, and why the last publish wrote the page or kept it
    ///
    /// The command reads --out and the state in --state, and writes nothing. Call the command with
    /// the options of the site.
    #[command(after_help = after_help! {
        "movies-gen explain /movies/castle-in-the-sky/"
        "movies-gen explain people/index.html"
    })]
    Explain {
        /// Address of the page, or path of its file in --out
        #[arg(value_name = "PATH")]
        page: String,
        /// All options.
        #[command(flatten)]
        options: Options,
    },
    /// Show the built-in mappings
    Mapping {
        /// What to do.
        #[command(subcommand)]
        action: MappingAction,
    },
    /// Export the built-in theme
    Theme {
        /// What to do.
        #[command(subcommand)]
        action: ThemeAction,
    },
    /// Write a configuration file with every option, its meaning and its default
    #[command(after_help = after_help! {
        "movies-gen init               write movies-gen.toml"
        "movies-gen init films.toml    then: movies-gen serve --config films.toml"
    })]
    Init {
        /// File to write; the file must not exist
        #[arg(value_name = "FILE", default_value = "movies-gen.toml")]
        file: PathBuf,
        /// All options.
        #[command(flatten)]
        options: Options,
    },
    /// Show the value of each option and where the value comes from
    ///
    /// The output is a configuration file. Values that may contain a password are not shown.
    #[command(after_help = after_help! {
        "movies-gen config"
        "MOVIES_GEN_LANG=de movies-gen config --config films.toml"
    })]
    Config {
        /// All options.
        #[command(flatten)]
        options: Options,
    },
    /// Write a made-up catalogue of any size, to try large sites
    ///
    /// The command writes `films.json` and `people.json` in the form of the API. The same numbers
    /// and the same seed always give the same files.
    #[command(after_help = after_help! {
        "movies-gen demo-data --films 10000 --people 30000 --out archive"
        "movies-gen serve --demo-from archive"
    })]
    DemoData {
        /// Number of films
        #[arg(long, value_name = "N", default_value = "1000")]
        films: u32,
        /// Number of people
        #[arg(long, value_name = "M", default_value = "3000")]
        people: u32,
        /// Number from which the data is derived
        #[arg(long, value_name = "S", default_value = "1")]
        seed: u64,
        /// All options.
        #[command(flatten)]
        options: Options,
    },
    /// Accept data that was refused as implausible
    ///
    /// The next refresh publishes the new data if every record that the new data lacks is also
    /// missing from the refused data. The permission ends with the next good refresh, or after one
    /// day.
    #[command(after_help = after_help! {
        "movies-gen accept             accept the data that is refused now"
        "movies-gen accept 1a2b3c4d    accept this data"
    })]
    Accept {
        /// Hash of the refused data, as `movies-gen status` shows it [default: the data that is
        /// refused now]
        hash: Option<String>,
        /// All options.
        #[command(flatten)]
        options: Options,
    },
    /// Print the completions for a shell
    #[command(after_help = after_help! {
        "movies-gen completions bash > /etc/bash_completion.d/movies-gen"
        "movies-gen completions fish > ~/.config/fish/completions/movies-gen.fish"
    })]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
        /// All options.
        #[command(flatten)]
        options: Options,
    },
    /// Write the manual pages to a directory
    #[command(after_help = after_help! {
        "movies-gen man /usr/local/share/man/man1 && man movies-gen"
    })]
    Man {
        /// Directory to write to; the directory must exist
        #[arg(value_name = "DIR")]
        directory: PathBuf,
        /// All options.
        #[command(flatten)]
        options: Options,
    },
}

impl Command {
    /// The options of the command.
    pub fn options(&self) -> &Options {
        match self {
            Command::Serve { options }
            | Command::Build { options, .. }
            | Command::Status { options, .. }
            | Command::Check { options, .. }
            | Command::Explain { options, .. }
            | Command::Init { options, .. }
            | Command::Config { options }
            | Command::DemoData { options, .. }
            | Command::Theme { action: ThemeAction::Export { options, .. } }
            | Command::Mapping {
                action:
                    MappingAction::List { options }
                    | MappingAction::Draft { options, .. }
                    | MappingAction::Show { options, .. },
            }
            | Command::Completions { options, .. }
            | Command::Man { options, .. }
            | Command::Accept { options, .. } => options,
        }
    }
}

/// What to do with a mapping.
#[derive(Debug, Clone, Subcommand)]
pub enum MappingAction {
    /// Print the names of the built-in mappings
    List {
        /// All options.
        #[command(flatten)]
        options: Options,
    },
    /// Draft a mapping from an answer of an API
    ///
    /// The command asks the API once, or reads a file with an answer. The draft has a line for each
    /// field that was recognised, and a comment for each other field.
    #[command(after_help = after_help! {
        "movies-gen mapping draft https://api.example/films > films.toml"
        "movies-gen mapping draft films.json --people people.json > films.toml"
        "movies-gen check --mapping films.toml    shows what the mapping finds"
    })]
    Draft {
        /// The list of films: a URL, or a file (.json, .ndjson or .csv)
        #[arg(value_name = "URL|FILE")]
        films: String,
        /// The list of people, if the API has one
        #[arg(long, value_name = "URL|FILE")]
        people: Option<String>,
        /// All options.
        #[command(flatten)]
        options: Options,
    },
    /// Print a built-in mapping
    #[command(after_help = after_help! {
        "movies-gen mapping show jellyfin"
        "movies-gen mapping show ghibli > mapping.toml && movies-gen serve --mapping mapping.toml"
    })]
    Show {
        /// Name of the mapping
        #[arg(value_name = "NAME")]
        name: String,
        /// All options.
        #[command(flatten)]
        options: Options,
    },
}

/// What to do with a theme.
#[derive(Debug, Clone, Subcommand)]
pub enum ThemeAction {
    /// Write the files of the built-in theme to a directory
    ///
    /// The README.md in the directory describes the variables of each template.
    #[command(after_help = after_help! {
        "movies-gen theme export theme && movies-gen serve --templates theme --dev"
    })]
    Export {
        /// Directory to write to; existing files stay
        #[arg(value_name = "DIR")]
        directory: PathBuf,
        /// All options.
        #[command(flatten)]
        options: Options,
    },
}

/// How many refreshes `build` makes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum BuildMode {
    /// Refresh once, then exit.
    #[default]
    Once,
    /// Refresh until the program is stopped.
    Loop,
}
