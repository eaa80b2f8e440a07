//! The variables of the environment.
//!
//! Owns the errors about variables: a variable without an option, and a value that is not valid for
//! its option. This module must not read the environment; the variables are an argument.

use std::ffi::OsString;

use clap::error::ErrorKind;

use super::layer::Values;
use super::options::{DECLARED, Declared, Options};
use super::reason::reason;
use crate::similar::most_similar;

/// The start of the name of each variable.
const PREFIX: &str = "MOVIES_GEN_";

/// Variables that are no options.
const TOLD: [&str; 2] = ["MOVIES_GEN_GENERATION", "MOVIES_GEN_ORIGIN"];

/// Checks all variables of the program.
///
/// # Errors
/// Fails for the first variable that has no option or a value that is not valid.
pub(super) fn check(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<(), clap::Error> {
    for (name, value) in variables {
        let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
        // The command of --then has these variables, and may start the program.
        if TOLD.contains(&&*name) {
            continue;
        }
        if !name.starts_with(PREFIX) || value.trim().is_empty() || is_of_kubernetes(&name, &value) {
            continue;
        }
        let said = DECLARED.iter().find(|declared| declared.variable() == name).map_or_else(
            || Err(format!("unknown variable {name}{}", similar(&name))),
            |declared| check_value(declared, &value),
        );
        if let Err(what) = said {
            return Err(clap::Error::raw(ErrorKind::ValueValidation, format!("{what}\n")));
        }
    }
    Ok(())
}

fn check_value(declared: &Declared, value: &str) -> Result<(), String> {
    let (name, flag) = (declared.variable(), declared.flag());
    let values = Values::from([(flag.clone(), value.to_owned())]);
    let Err(error) = Options::from_values(&values) else { return Ok(()) };
    let value = if declared.may_be_secret() { "…".to_owned() } else { format!("{value:?}") };
    Err(format!(
        "the variable {name} has an invalid value {value} for --{flag}: {}",
        reason(&error)
    ))
}

fn similar(name: &str) -> String {
    let listen = (name == "MOVIES_GEN_PORT").then(|| "MOVIES_GEN_LISTEN".to_owned());
    let meant = listen.or_else(|| most_similar(name, DECLARED.iter().map(Declared::variable)));
    meant.map_or_else(String::new, |meant| format!("; did you mean {meant}?"))
}

/// Whether Kubernetes made the variable for a service with the name `movies-gen`.
fn is_of_kubernetes(name: &str, value: &str) -> bool {
    let rest = name.strip_prefix(PREFIX).unwrap_or_default();
    let is_address = value.starts_with("tcp://") || value.starts_with("udp://");
    rest == "SERVICE_HOST"
        || rest.starts_with("SERVICE_PORT")
        || rest.starts_with("PORT_")
        || (rest == "PORT" && is_address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, value: &str) -> String {
        let variables = [("HOME", "/root"), (name, value)];
        let checked = check(variables.into_iter().map(|(name, value)| (name.into(), value.into())));
        checked.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn an_unknown_variable_is_named_with_the_most_similar_variable() {
        let message = said("MOVIES_GEN_MAXAGE", "60s");
        assert!(message.contains("unknown variable MOVIES_GEN_MAXAGE"), "{message}");
        assert!(message.contains("did you mean MOVIES_GEN_MAX_AGE?"), "{message}");
        let message = said("MOVIES_GEN_PORT", "8000");
        assert!(message.contains("did you mean MOVIES_GEN_LISTEN?"), "{message}");
    }

    #[test]
    fn an_invalid_value_is_named_with_its_variable_and_a_secret_is_not() {
        let message = said("MOVIES_GEN_INTERVAL", "sixty");
        let expected = "the variable MOVIES_GEN_INTERVAL has an invalid value \"sixty\" for \
                        --interval: expected number at 0";
        assert!(message.contains(expected), "{message}");
        assert_eq!(said("MOVIES_GEN_REDIS", "redis://:s3cret@h"), "");
    }

    #[test]
    fn variables_of_others_and_empty_variables_are_ignored() {
        assert_eq!(said("MOVIES_GEN_NO_SUCH", " "), "");
        assert_eq!(said("MOVIES_GENRE", "x"), "");
        for (name, value) in [
            ("MOVIES_GEN_SERVICE_HOST", "10.0.0.1"),
            ("MOVIES_GEN_SERVICE_PORT_HTTP", "80"),
            ("MOVIES_GEN_PORT", "tcp://10.0.0.1:80"),
            ("MOVIES_GEN_PORT_80_TCP_ADDR", "10.0.0.1"),
        ] {
            assert_eq!(said(name, value), "", "{name}");
        }
    }
}
