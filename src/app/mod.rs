//! The wiring of the program: the commands, and one loop over one closed set of events.
//!
//! Owns the order in which the parts of the program start, run and stop. Each event (a timer, a
//! signal, a save of another replica) enters the same pipeline ([`refresh`]) at its own step. This
//! module must not do the work of the other modules.

mod accept;
mod asking;
mod build;
mod check;
mod demo_data;
mod edits;
mod event;
mod event_loop;
mod explain;
mod export;
mod front;
mod guard;
mod init;
mod known;
mod manual;
mod mapping;
mod mapping_in_use;
mod notices;
mod progress;
mod refresh;
mod remembered;
mod report;
mod serve;
mod settings;
mod settings_in_force;
mod status;
mod trouble;
mod volatile;
mod wiring;
mod workshop;

use std::mem::ManuallyDrop;

use anyhow::Result;
use status::Alarms;
use tracing::error;

use crate::cli::{BuildMode, Cli, Command, ThemeAction};
use crate::config::{Config, Invalid};
use crate::document::UnknownVersion;
use crate::outcome::Failure;
use crate::publish::NotOurs;
use crate::server;
use crate::telemetry;
use crate::upstream::OtherUpstream;

/// Runs the command of the command line.
///
/// # Errors
/// Fails if the command fails. [`exit_code`] returns the exit code for the error.
pub fn run(cli: &Cli) -> Result<()> {
    match &cli.command {
        Command::Init { file, .. } => return init::init(file),
        Command::Config { .. } => return init::show(cli),
        Command::DemoData { films, people, seed, .. } => {
            return demo_data::write(cli, *films, *people, *seed);
        }
        Command::Mapping { action } => return mapping::run(action),
        Command::Completions { shell, .. } => return manual::completions(*shell),
        Command::Man { directory, .. } => return manual::write(directory),
        _ => {}
    }
    let config = Config::load(cli)?;
    telemetry::start(config.log_format, verbosity(cli, config.verbosity));
    let handed_over = match &cli.command {
        Command::Serve { .. } => server::handed_over()?,
        _ => Vec::new(),
    };
    // One thread runs the event loop. A second thread receives signals while the event loop works.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    // After a stop, a thread of the pipeline may still use the runtime until the process ends.
    let runtime = ManuallyDrop::new(runtime);
    runtime.block_on(async {
        match &cli.command {
            Command::Serve { .. } => serve::serve(config, cli, handed_over).await,
            Command::Build { mode: BuildMode::Loop, .. } => serve::build_loop(config, cli).await,
            Command::Build { mode: BuildMode::Once, .. } => build::once(config).await,
            Command::Status { json, exit_code, max_age_exceeded, .. } => {
                let alarms = Alarms { not_ready: *exit_code, too_old: *max_age_exceeded };
                status::status(&config, *json, alarms).await
            }
            Command::Check { json, .. } => check::check(&config, *json).await,
            Command::Explain { page, .. } => explain::explain(&config, page).await,
            Command::Theme { action: ThemeAction::Export { directory, .. } } => {
                export::export(directory)
            }
            Command::Accept { hash, .. } => accept::accept(&config, hash.as_deref()).await,
            // `run` has handled these commands already.
            Command::Init { .. }
            | Command::Config { .. }
            | Command::Mapping { .. }
            | Command::Completions { .. }
            | Command::Man { .. }
            | Command::DemoData { .. } => Ok(()),
        }
    })
}

/// Returns the verbosity of the log. With `-q`, `build once` logs errors only, because cron sends each
/// line of a job as mail.
fn verbosity(cli: &Cli, chosen: i8) -> i8 {
    let is_once = matches!(cli.command, Command::Build { mode: BuildMode::Once, .. });
    if is_once && chosen < 0 { i8::MIN } else { chosen }
}

/// Logs an error once, on standard error.
pub fn report(error: &anyhow::Error) {
    // An invalid configuration ends the program before `run` starts the logging.
    telemetry::start(Default::default(), 0);
    let failure = error.chain().find_map(|cause| cause.downcast_ref::<Failure>());
    let mut causes: Vec<_> = error.chain().skip(1).map(ToString::to_string).collect();
    causes.extend(failure.into_iter().flat_map(|failure| failure.causes.clone()));
    error!(
        kind = failure.map(|failure| display(failure.kind)),
        what = %error,
        causes = (!causes.is_empty()).then(|| display(causes.join("\n"))),
        advice = failure.and_then(|failure| failure.advice),
        "{error:#}"
    );
}

/// Returns the exit code for an error: 2 if a setting or a directory must be changed before the
/// program can start, and 1 for every other error.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    let impossible = error.chain().any(|cause| {
        cause.is::<Invalid>()
            || cause.is::<NotOurs>()
            || cause.is::<OtherUpstream>()
            || cause.is::<UnknownVersion>()
    });
    if impossible { 2 } else { 1 }
}
