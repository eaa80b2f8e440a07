//! The values in force, for `movies-gen config`.
//!
//! Owns the listing: each option with its value in TOML and the origin of the value. The listing is
//! itself a configuration file. A value that contains a password is not shown.

use super::origin::Origins;
use super::template::in_toml;
use crate::cli::{Cli, DECLARED, Declared};

/// Returns the listing.
pub(super) fn listing(cli: &Cli, origins: &Origins) -> String {
    let lines: Vec<_> = DECLARED
        .iter()
        .map(|option| (line(option, cli.values.get(&option.flag())), origins.of(option)))
        .collect();
    let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or_default();
    let lines = lines.iter().map(|(line, origin)| format!("{line:<width$}  # {origin}\n"));
    lines.collect()
}

fn line(option: &Declared, value: Option<&String>) -> String {
    let flag = option.flag();
    match value {
        None => format!("# {flag} is not set"),
        Some(value) if option.may_be_secret() && has_secret(value) => {
            format!("# {flag} is set and not shown")
        }
        // The file cannot name itself.
        Some(value) if option.key().is_none() => format!("# {flag} = {}", in_toml(value)),
        Some(value) => format!("{flag} = {}", in_toml(value)),
    }
}

/// Whether an address has a user, a password or a query.
fn has_secret(address: &str) -> bool {
    address.contains(['@', '?'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_without_a_secret_is_shown() {
        for shown in ["redis://host:6379/0", "https://api.example/v1/", "built-in"] {
            assert!(!has_secret(shown), "{shown}");
        }
        for hidden in ["redis://:s3cret@host", "https://u@host/", "https://host/?key=1", "u:p@h"] {
            assert!(has_secret(hidden), "{hidden}");
        }
    }
}
