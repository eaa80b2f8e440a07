//! An `--out` that somebody else made.
//!
//! Owns the decision whether the program may write there at all, and what `--adopt`
//! does with files that stand where pages have to go: they are kept under `--state`
//! and named.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tracing::warn;

use super::VOLATILE;
use super::generation::Generation;
use super::in_one_line;
use super::ours::is_ours;
use crate::disk;
use crate::upstream::Strange;

/// Names in one line of the log.
const MOST_NAMED: usize = 21;
/// What a file system puts into its own root.
const OF_FILE_SYSTEMS: [&str; 1] = ["lost+found"];

/// An `--out` that holds files of somebody else's.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} is not empty and was not made by movies-gen (it has {found:?}): nothing is written there; \
     choose another --out, or --adopt it", out.display()
)]
pub struct NotOurs {
    out: PathBuf,
    found: String,
}

/// Refuses a directory that holds what is not ours, unless it is to be taken over.
///
/// # Errors
/// [`NotOurs`], or if it is no directory or cannot be read.
pub fn check_out(out: &Path, strange: Strange) -> Result<()> {
    let not_ours = |found: &str| NotOurs { out: out.to_owned(), found: found.to_owned() };
    match fs::metadata(out) {
        Ok(found) if !found.is_dir() => return Err(not_ours("a file").into()),
        Ok(_) if is_ours(out) || strange == Strange::Adopt => return Ok(()),
        Ok(_) => {}
        Err(_) if fs::symlink_metadata(out).is_ok() => {
            return Err(not_ours("a symbolic link to nothing").into());
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

/// Keeps the files that adopting `out` is about to replace with pages of `wanted` under
/// `state`, and names them. Gives the names of those that are kept: they may be replaced.
/// A file that cannot be kept stays where it is.
///
/// # Errors
/// If nothing can be written under `state`.
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
    // What an earlier adoption has kept stays as it is.
    let kept = disk::unused(&state.join("adopted"));
    let mut names = Vec::new();
    for (name, found) in there {
        match keep(&out.join(&name), &found, &kept.join(&name)) {
            Ok(()) => names.push(name),
            Err(error) => warn!("{error:#}; the file stays, and no page replaces it"),
        }
    }
    let (named, out, kept) = (in_one_line(&names, MOST_NAMED), out.display(), kept.display());
    warn!("adopting {out} replaces {named}; what stood there is kept in {kept}");
    Ok(names)
}

/// Whether a path leads through no link.
fn is_below(out: &Path, name: &str) -> bool {
    let above = Path::new(name).ancestors().skip(1);
    above.into_iter().all(|above| {
        above == Path::new("")
            || out.join(above).symlink_metadata().is_ok_and(|found| found.is_dir())
    })
}

fn keep(from: &Path, found: &Metadata, to: &Path) -> Result<()> {
    disk::create_directory(disk::parent(to))?;
    // A link keeps the owner's file itself, and everything that belongs to it.
    let kept = fs::hard_link(from, to).or_else(|_| copy(from, found, to));
    kept.with_context(|| format!("cannot keep {} as {}", from.display(), to.display()))
}

/// For file systems that cannot link, and for files that this process may not link.
fn copy(from: &Path, found: &Metadata, to: &Path) -> std::io::Result<()> {
    fs::copy(from, to)?;
    // Not allowed to everybody; the content counts.
    let _ = std::os::unix::fs::lchown(to, Some(found.uid()), Some(found.gid()));
    fs::File::options().write(true).open(to)?.set_modified(found.modified()?)
}
