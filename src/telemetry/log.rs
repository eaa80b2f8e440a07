//! Log lines.
//!
//! Owns the form and the number of log lines. On a console, each event is one line; with `-v`,
//! the causes follow below the line. For machines, each part has a field. The module exists so
//! that no text from outside can forge a line.

use std::fmt::{self, Debug, Write as _};
use std::io::IsTerminal;

use tracing::Level;
use tracing::field::Field;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt as format;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::LogFormat;

/// Fields whose text is already part of the message.
const IN_THE_MESSAGE: [&str; 5] = ["kind", "policy", "what", "advice", "error"];
/// The field that has the causes, one on each line.
const CAUSES: &str = "causes";

/// Starts logging to standard error. The variable `RUST_LOG` overrides `verbosity`, to show the
/// log lines of other crates. An empty variable counts as not set.
pub fn start(log_format: LogFormat, verbosity: i8) {
    let level = match verbosity {
        ..=-2 => Level::ERROR,
        -1 => Level::WARN,
        0 => Level::INFO,
        1 => Level::DEBUG,
        2.. => Level::TRACE,
    };
    // The library that watches themes warns of each directory that is removed.
    let ours = Targets::new()
        .with_default(Level::WARN)
        .with_targets([("notify_debouncer_full", Level::ERROR), ("notify", Level::ERROR)])
        .with_target("movies_gen", level);
    let asked = std::env::var("RUST_LOG").ok().filter(|asked| !asked.trim().is_empty());
    let filter = asked.and_then(|asked| asked.parse::<Targets>().ok()).unwrap_or(ours);
    let builder = format()
        .with_max_level(Level::TRACE)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    let field = move |writer: &mut Writer<'_>, field: &Field, value: &dyn Debug| {
        write_field(writer, field.name(), value, verbosity > 0)
    };
    // A second start (tests in one process) changes nothing.
    let _ = match log_format {
        LogFormat::Text => {
            builder.compact().fmt_fields(debug_fn(field)).finish().with(filter).try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).finish().with(filter).try_init(),
    };
}

/// Writes one part of a line on the console.
fn write_field(
    writer: &mut impl fmt::Write,
    name: &str,
    value: &dyn Debug,
    causes: bool,
) -> fmt::Result {
    match name {
        "message" => write_escaped(writer, value),
        CAUSES if causes => format!("{value:?}").lines().try_for_each(|cause| {
            writer.write_str("\n  because: ")?;
            write_escaped(writer, &format_args!("{cause}"))
        }),
        CAUSES => Ok(()),
        name if IN_THE_MESSAGE.contains(&name) => Ok(()),
        name => {
            write!(writer, " {name}=")?;
            write_escaped(writer, value)
        }
    }
}

/// Escapes control characters, which could move the cursor of a terminal. Line breaks stay,
/// because faults of templates are shown with their lines.
fn write_escaped(writer: &mut impl fmt::Write, value: &dyn Debug) -> fmt::Result {
    let mut text = String::new();
    write!(text, "{value:?}")?;
    text.chars().try_for_each(|character| match character {
        '\n' | '\t' => writer.write_char(character),
        control if control.is_control() => write!(writer, "{}", control.escape_default()),
        other => writer.write_char(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, value: &str, causes: bool) -> String {
        let mut text = String::new();
        write_field(&mut text, name, &format_args!("{value}"), causes).expect("written");
        text
    }

    #[test]
    fn a_console_shows_one_line_and_with_more_verbosity_the_causes() {
        assert_eq!(written("message", "cannot", false), "cannot");
        assert_eq!(written("causes", "near\nroot", false), "");
        assert_eq!(written("causes", "near\nroot", true), "\n  because: near\n  because: root");
        assert_eq!(written("kind", "timeout", true), "");
        assert_eq!(written("pages", "7", false), " pages=7");
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(written("message", "a\u{1b}[2Jb\rc", false), "a\\u{1b}[2Jb\\rc");
    }
}
