//! An `--out` that another program or person made.
//!
//! Owns the decision whether the program may write there. With `--adopt`, files at the paths of
//! pages are kept under `--state`, and the log names them.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tracing::warn;

use super::VOLATILE;
use super::generation::Generation;
use super::held_back::in_one_line;
use super::ours::is_ours;
use crate::disk;
use crate::upstream::Strange;

/// Number of names in one log line.
const MOST_NAMED: usize = 21;
/// Entries that a file system creates in its own root.
const OF_FILE_SYSTEMS: [&str; 1] = ["lost+found"];

/// `--out` has files that are not ours.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} is not empty and was not made by movies-gen (it has {found:?}): nothing is written there; \
     use another --out, or --adopt", out.display()
)]
pub struct NotOurs {
    out: PathBuf,
    found: String,
}

/// Refuses a directory that has entries that are not ours, unless `--adopt` is set.
///
/// # Errors
/// Fails with [`NotOurs`], or if the path is not a directory or cannot be read.
pub fn check_out(out: &Path, strange: Strange) -> Result<()> {
    let not_ours = |found: &str| NotOurs { out: out.to_owned(), found: found.to_owned() };
    match fs::metadata(out) {
        Ok(found) if !found.is_dir() => return Err(not_ours("a file").into()),
        Ok(_) if is_ours(out) || strange == Strange::Adopt => return Ok(()),
        Ok(_) => {}
        Err(_) if fs::symlink_metadata(out).is_ok() => {
            return Err(not_ours("a dangling symbolic link").into());
        }
        Err(_) => {}
    }
    let foreign = disk::entries(out)?.into_iter().find_map(|path| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        (!name.starts_with('.') && !OF_FILE_SYSTEMS.contains(&&*name)).then_some(name)
    });
    match foreign {
        Some(found) => Err(not_ours(&found).into()),
        None => Ok(()),
    }
}

/// Keeps the files of `out` that pages of `wanted` will replace, under `state`, and logs their
/// names. Returns the names of the kept files, which may be replaced. A file that cannot be
/// kept stays at its path.
///
/// # Errors
/// Fails if `state` cannot be written.
pub(super) fn keep_replaced(out: &Path, wanted: &Generation, state: &Path) -> Result<Vec<String>> {
    let forms = wanted.files.iter().flat_map(|(path, file)| file.entry.names(path));
    let there = forms.chain(VOLATILE.map(str::to_owned)).filter_map(|name| {
        let found = fs::symlink_metadata(out.join(&name)).ok()?;
        (found.is_file() && is_below(out, &name)).then_some((name, found))
    });
    let there: Vec<_> = there.collect();
    if there.is_empty() {
        return Ok(Vec::new());
    }
    // Files that an earlier adoption kept stay as they are.
    let kept = disk::unused(&state.join("adopted"));
    let mut names = Vec::new();
    for (name, found) in there {
        match keep(&out.join(&name), &found, &kept.join(&name)) {
            Ok(()) => names.push(name),
            Err(error) => warn!("{error:#}; the file stays, and the page is held back"),
        }
    }
    let (named, out, kept) = (in_one_line(&names, MOST_NAMED), out.display(), kept.display());
    warn!("adopting {out} replaces {named}; the replaced files are kept in {kept}");
    Ok(names)
}

/// Whether no symbolic link is on the way to a path.
fn is_below(out: &Path, name: &str) -> bool {
    let above = Path::new(name).ancestors().skip(1);
    above.into_iter().all(|above| {
        above == Path::new("")
            || out.join(above).symlink_metadata().is_ok_and(|found| found.is_dir())
    })
}

fn keep(from: &Path, found: &Metadata, to: &Path) -> Result<()> {
    disk::create_directory(disk::parent(to))?;
    // A hard link keeps the file of the owner with all its attributes.
    let kept = fs::hard_link(from, to).or_else(|_| copy(from, found, to));
    kept.with_context(|| format!("cannot keep {} as {}", from.display(), to.display()))
}

/// Copies a file, if a hard link is not possible or not permitted.
fn copy(from: &Path, found: &Metadata, to: &Path) -> std::io::Result<()> {
    fs::copy(from, to)?;
    // Not every process may change the owner. The content matters.
    let _ = std::os::unix::fs::lchown(to, Some(found.uid()), Some(found.gid()));
    fs::File::options().write(true).open(to)?.set_modified(found.modified()?)
}
