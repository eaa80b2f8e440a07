//! The layers from which the value of an option comes.
//!
//! Owns the order of the layers: flag, variable, configuration file, default with `--demo`,
//! default. The lower layers are the defaults of the parser, so that every value is parsed in
//! the same way. This module must not read files.

use std::ffi::OsString;

use clap::builder::{OsStringValueParser, Resettable};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, CommandFactory, FromArgMatches};

use super::layer::{Layer, Values};
use super::options::{DECLARED, DEMO_DEFAULTS, Declared, Options};
use super::{Cli, environment};

impl Cli {
    /// Reads the command line and the environment. Ends the program with a message if a value
    /// is not valid.
    pub fn read() -> Cli {
        let arguments = with_options_last(std::env::args_os().collect());
        let read = environment::check(std::env::vars_os())
            .and_then(|()| Cli::parse_over(&arguments, &Values::new()));
        read.unwrap_or_else(|error| with_usual_name(error).exit())
    }

    /// Reads the command line and the environment again, with values of the configuration file for
    /// options that have neither a flag nor a variable.
    ///
    /// # Errors
    /// Fails if a value is not valid.
    pub fn over(&self, file: &Values) -> Result<Cli, clap::Error> {
        let cli = Cli::parse_over(&self.arguments, file)?;
        if !cli.command.options().has_demo() {
            return Ok(cli);
        }
        let mut cli = Cli::parse_over(&self.arguments, &over_demo_defaults(file))?;
        for (name, _) in DEMO_DEFAULTS {
            if let Some(layer @ Layer::File) = cli.layers.get_mut(name)
                && !file.contains_key(name)
            {
                *layer = Layer::Demo;
            }
        }
        Ok(cli)
    }

    fn parse_over(arguments: &[OsString], defaults: &Values) -> Result<Cli, clap::Error> {
        let matches =
            with_defaults(declared_command(), defaults).try_get_matches_from(arguments)?;
        let mut cli = Cli::from_arg_matches(&matches)?;
        cli.arguments = arguments.to_vec();
        let matches = innermost(&matches);
        cli.values = DECLARED.iter().filter_map(|declared| value_of(declared, matches)).collect();
        cli.layers = DECLARED
            .iter()
            .map(|declared| {
                let layer = match matches.value_source(declared.field) {
                    Some(ValueSource::CommandLine) => Layer::Flag,
                    Some(ValueSource::EnvVariable) => Layer::Variable,
                    _ if defaults.contains_key(&declared.flag()) => Layer::File,
                    _ => Layer::Default,
                };
                (declared.flag(), layer)
            })
            .collect();
        Ok(cli)
    }
}

impl Options {
    /// Returns the options that have these values and otherwise their defaults.
    ///
    /// # Errors
    /// Fails if a value is not valid.
    pub fn from_values(values: &Values) -> Result<Options, clap::Error> {
        let parse = |values| {
            let command = with_defaults(Options::augment_args(Command::new("movies-gen")), values);
            let matches = command.try_get_matches_from(["movies-gen"])?;
            Options::from_arg_matches(&matches)
        };
        let options = parse(values)?;
        if options.has_demo() { parse(&over_demo_defaults(values)) } else { Ok(options) }
    }
}

fn over_demo_defaults(file: &Values) -> Values {
    let demo = DEMO_DEFAULTS.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    demo.chain(file.clone()).collect()
}

/// Returns the name of an option and its value in the form of the command line.
fn value_of(declared: &Declared, matches: &ArgMatches) -> Option<(String, String)> {
    let is_counted = ["verbose", "quiet"].contains(&declared.field);
    let value = if is_counted {
        matches.get_count(declared.field).to_string()
    } else {
        let texts = matches.get_raw(declared.field)?.map(|text| text.to_string_lossy());
        texts.collect::<Vec<_>>().join(",")
    };
    Some((declared.flag(), value))
}

/// Moves options that stand before the command behind the other arguments, because each command
/// declares the options itself: `movies-gen -q build` becomes `movies-gen build -q`.
fn with_options_last(arguments: Vec<OsString>) -> Vec<OsString> {
    let command = Options::augment_args(Command::new("movies-gen"))
        .allow_external_subcommands(true)
        .external_subcommand_value_parser(OsStringValueParser::new());
    // The other parser reports an error in the arguments.
    let Ok(matches) = command.try_get_matches_from(&arguments) else { return arguments };
    let Some((_, rest)) = matches.subcommand() else { return arguments };
    let rest = rest.get_many::<OsString>("").map_or(0, Iterator::count);
    let Some(place) = arguments.len().checked_sub(rest + 1) else { return arguments };
    let (before, from_command) = arguments.split_at(place);
    let (program, options) = before.split_at(1);
    [program, from_command, options].concat()
}

/// Other names that people try, with the option that they mean.
const USUAL_NAMES: [(&str, &str); 8] = [
    ("--port", "--listen"),
    ("--bind", "--listen"),
    ("--host", "--listen"),
    ("--address", "--listen"),
    ("--url", "--upstream"),
    ("--api", "--upstream"),
    ("--output", "--out"),
    ("--theme", "--templates"),
];

/// Names the option that an unknown option probably means.
fn with_usual_name(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let Some((_, meant)) = USUAL_NAMES.iter().find(|(name, _)| name == unknown) else {
        return error;
    };
    if error.kind() == ErrorKind::UnknownArgument {
        error.insert(ContextKind::SuggestedArg, ContextValue::String((*meant).to_owned()));
        error.remove(ContextKind::Suggested);
    }
    error
}

/// Returns the declaration of commands and options, as the help shows the declaration.
pub(super) fn declared_command() -> Command {
    map_options(Cli::command(), &with_variable)
}

fn innermost(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, inner)| innermost(inner))
}

/// Applies `change` to each option of a command and of its subcommands.
fn map_options(command: Command, change: &dyn Fn(&Declared, Arg) -> Arg) -> Command {
    let name = command.get_name().to_owned();
    let command = command.mut_args(|arg| {
        match DECLARED.iter().find(|declared| declared.field == arg.get_id()) {
            Some(declared) => listed(declared, &name, change(declared, arg)),
            None => arg,
        }
    });
    command.mut_subcommands(|inner| map_options(inner, change))
}

/// The options that most users of a command need, in the order of the help.
const FREQUENT: [(&str, &[&str]); 2] = [
    ("serve", &["demo", "upstream", "listen", "site_url", "site_title", "lang", "templates"]),
    ("build", &["demo", "upstream", "out", "site_url", "site_title", "lang", "templates", "quiet"]),
];

/// Lists frequent options first, and hides options that do not matter to the command.
fn listed(declared: &Declared, command: &str, arg: Arg) -> Arg {
    if (command, declared.field) == ("demo-data", "out") {
        let help = "Directory to write the two files to; existing files stay";
        return arg.hide_default_value(true).help(help).long_help(help).help_heading(None);
    }
    let frequent = FREQUENT.iter().find(|(name, _)| *name == command).map(|(_, frequent)| frequent);
    let place = frequent.and_then(|all| all.iter().position(|field| *field == declared.field));
    match place {
        Some(place) => arg.help_heading("Frequent options").display_order(place),
        None => arg.hide(!declared.commands.contains(&command)),
    }
}

fn with_defaults(command: Command, values: &Values) -> Command {
    map_options(command, &|declared, arg| match values.get(&declared.flag()) {
        Some(value) => arg.default_value(value),
        None => arg,
    })
}

/// An empty variable counts as not set: Compose files pass such variables.
fn with_variable(declared: &Declared, arg: Arg) -> Arg {
    let name = declared.variable();
    let value = std::env::var_os(&name).unwrap_or_default();
    let is_set = !value.to_string_lossy().trim().is_empty();
    // No help text has colour codes. `to_string` would look for codes, which takes most of the start
    // of an unoptimized program.
    let help = arg.get_long_help().or(arg.get_help()).map(|help| help.ansi().to_string());
    let help = format!("{}\n\n[env: {name}]", help.unwrap_or_default());
    let arg = arg.env(if is_set { Resettable::Value(name.into()) } else { Resettable::Reset });
    // The short help stays short; the long help names the variable and not its value.
    arg.hide_env(true).long_help(help)
}
