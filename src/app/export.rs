//! `theme export`: the built-in theme as files to start from.
//!
//! Owns the rule that no file of the author is overwritten: an existing file stays, and the command
//! names the file.

use std::io::Write;
use std::path::Path;

use anyhow::Result;

use crate::disk;
use crate::theme::built_in;

/// Writes the built-in theme, with its description, into `directory`.
///
/// # Errors
/// Fails if a file cannot be written.
pub(super) fn export(directory: &Path) -> Result<()> {
    let (mut written, mut kept) = (0, Vec::new());
    for (name, bytes) in built_in() {
        let path = directory.join(&name);
        if path.symlink_metadata().is_ok() {
            kept.push(name);
            continue;
        }
        disk::create_directory(disk::parent(&path))?;
        disk::write_new(&path, &bytes)?;
        written += 1;
    }
    let mut out = std::io::stdout().lock();
    let at = directory.display();
    let files = if written == 1 { "file" } else { "files" };
    writeln!(out, "Wrote {written} {files} into {at}; README.md there says what templates get.")?;
    if !kept.is_empty() {
        writeln!(out, "Left as they are: {}", kept.join(", "))?;
    }
    writeln!(out, "Delete what you do not change, and use the rest with --templates {at}")?;
    Ok(())
}
