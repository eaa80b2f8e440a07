//! `mapping`: shows the built-in mappings.

use std::io::Write;

use anyhow::Result;

use crate::cli::MappingAction;
use crate::config::Invalid;
use crate::mapping::{built_in, built_in_names};
use crate::similar::most_similar;

/// Runs an action.
///
/// # Errors
/// Fails if there is no mapping of the name, or if nothing can be printed.
pub(super) fn run(action: &MappingAction) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match action {
        MappingAction::List { .. } => {
            for name in built_in_names() {
                writeln!(out, "{name}")?;
            }
            Ok(())
        }
        MappingAction::Show { name, .. } => {
            let text = built_in(name).ok_or_else(|| unknown(name))?;
            Ok(write!(out, "{text}")?)
        }
    }
}

fn unknown(name: &str) -> Invalid {
    let nearest = most_similar(name, built_in_names().map(str::to_owned)).unwrap_or_default();
    Invalid(format!(
        "there is no built-in mapping {name:?}; did you mean {nearest}? `movies-gen mapping list` \
         names all built-in mappings"
    ))
}
