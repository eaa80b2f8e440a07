//! `init` and `config`: write a configuration file, and show the configuration in force.

use std::io::Write;
use std::path::Path;

use anyhow::Result;

use crate::cli::Cli;
use crate::config::{self, Invalid};
use crate::disk;

/// Writes the configuration file with every option.
///
/// # Errors
/// Fails with [`Invalid`] if the file exists, and if the file cannot be written.
pub(super) fn init(file: &Path) -> Result<()> {
    if file.symlink_metadata().is_ok() {
        let text = "exists and stays as it is; remove the file, or name another file";
        return Err(Invalid(format!("{} {text}: movies-gen init FILE", file.display())).into());
    }
    let directory = disk::parent(file);
    if !directory.is_dir() {
        let text = "is not a directory; make the directory first, or name another file";
        return Err(Invalid(format!("{} {text}: movies-gen init FILE", directory.display())).into());
    }
    disk::replace(file, config::template().as_bytes())?;
    writeln!(
        std::io::stdout(),
        "Wrote {} with every option. Edit the file, then check it: movies-gen check",
        file.display()
    )?;
    Ok(())
}

/// Prints the value and the origin of each option.
///
/// # Errors
/// Fails if the configuration is not valid.
pub(super) fn show(cli: &Cli) -> Result<()> {
    write!(std::io::stdout(), "{}", config::in_force(cli)?)?;
    Ok(())
}
