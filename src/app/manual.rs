//! `completions` and `man`: help that other programs show.

use std::io::Write;
use std::path::Path;

use anyhow::Result;

use crate::cli::{self, Shell};
use crate::config::Invalid;
use crate::disk;

/// Prints the completions for a shell.
///
/// # Errors
/// Fails if nothing can be printed.
pub(super) fn completions(shell: Shell) -> Result<()> {
    Ok(std::io::stdout().write_all(&cli::completions(shell))?)
}

/// Writes the manual pages to a directory.
///
/// # Errors
/// Fails with [`Invalid`] if there is no such directory, and if a page cannot be written.
pub(super) fn write(directory: &Path) -> Result<()> {
    if !directory.is_dir() {
        let text = "is not a directory; make the directory first, or name another directory";
        return Err(Invalid(format!("{} {text}: movies-gen man DIR", directory.display())).into());
    }
    let pages = cli::manual()?;
    for (name, page) in &pages {
        disk::replace(&directory.join(name), page)?;
    }
    let (count, place) = (pages.len(), directory.display());
    writeln!(std::io::stdout(), "Wrote {count} manual pages to {place}. Next: man movies-gen")?;
    Ok(())
}
