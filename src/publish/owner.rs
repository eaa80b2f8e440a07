//! Files under `--out` that are not ours.
//!
//! Owns the rule that such files are never overwritten, removed or left behind:
//! whatever no manifest of ours lists belongs to the owner and is carried from
//! tree to tree as the very same file. Dotfiles and `.well-known/` may stand in
//! a directory that is still to become ours.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::generation::Generation;
use super::is_volatile;
use super::manifest::{OWN_DIRECTORY, path_in};
use crate::disk;

/// An `--out` that holds files of somebody else's.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} is not empty and was not made by movies-gen (it has {found:?}): nothing is written there; \
     choose another --out", out.display()
)]
pub struct NotOurs {
    out: std::path::PathBuf,
    found: String,
}

/// Refuses a directory that holds what is not ours.
///
/// # Errors
/// [`NotOurs`], or if it is no directory or cannot be read.
pub fn check_out(out: &Path) -> Result<()> {
    match fs::metadata(out) {
        Ok(found) if !found.is_dir() => {
            let found = "a file".to_owned();
            return Err(NotOurs { out: out.to_owned(), found }.into());
        }
        Ok(_) if path_in(out).exists() => return Ok(()),
        _ => {}
    }
    let foreign = disk::entries(out)?.into_iter().find_map(|path| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        (!name.starts_with('.')).then_some(name)
    });
    match foreign {
        Some(found) => Err(NotOurs { out: out.to_owned(), found }.into()),
        None => Ok(()),
    }
}

/// What the owner keeps in a tree that holds `ours`: by path, directories
/// before what is in them.
fn owners(tree: &Path, ours: Option<&Generation>) -> Result<BTreeMap<String, Metadata>> {
    let mut found = BTreeMap::new();
    let published = ours.map(published_paths).unwrap_or_default();
    let mut left = vec![String::new()];
    while let Some(directory) = left.pop() {
        for path in disk::entries(&tree.join(&directory))? {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                bail!("{} has a name that is not UTF-8: rename it", path.display());
            };
            let below = format!("{directory}{name}");
            if below == OWN_DIRECTORY || is_volatile(&below) || published.files.contains(&below) {
                continue;
            }
            // Gone between the listing and now: the owner removed it.
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if metadata.is_dir() {
                left.push(format!("{below}/"));
                if published.directories.contains(&below) {
                    continue;
                }
            }
            found.insert(below, metadata);
        }
    }
    Ok(found)
}

#[derive(Default)]
struct Published {
    files: BTreeSet<String>,
    directories: BTreeSet<String>,
}

fn published_paths(generation: &Generation) -> Published {
    let mut published = Published::default();
    for (path, file) in &generation.files {
        for (suffix, _) in file.entry.variants() {
            published.files.insert(format!("{path}{suffix}"));
        }
        let mut rest = path.as_str();
        while let Some((directory, _)) = rest.rsplit_once('/') {
            published.directories.insert(directory.to_owned());
            rest = directory;
        }
    }
    published
}

/// Makes the owner's files in `standby`, which holds `wanted`, those of `live`.
///
/// # Errors
/// If one of the owner's files stands where a page has to go, or cannot be
/// carried.
pub(super) fn carry(
    live: &Path,
    published: Option<&Generation>,
    standby: &Path,
    wanted: &Generation,
) -> Result<()> {
    let theirs = owners(live, published)?;
    let ours = published_paths(wanted);
    let blocked = |path: &String, metadata: &Metadata| {
        ours.files.contains(path) || (!metadata.is_dir() && ours.directories.contains(path))
    };
    if let Some((path, _)) = theirs.iter().find(|(path, metadata)| blocked(path, metadata)) {
        bail!(
            "{} is not ours and stands where a page has to go: move it away, or remove it",
            live.join(path).display()
        );
    }
    let carried = owners(standby, Some(wanted))?;
    for (path, metadata) in carried.iter().rev() {
        if !theirs.get(path).is_some_and(|own| is_same(own, metadata)) {
            remove(&standby.join(path), metadata)?;
        }
    }
    for (path, metadata) in &theirs {
        if !carried.get(path).is_some_and(|there| is_same(metadata, there)) {
            put(&live.join(path), metadata, &standby.join(path))?;
        }
    }
    Ok(())
}

/// Brings into the tree that is live now what the owner wrote into the one that
/// was, between [`carry`] and the exchange.
///
/// # Errors
/// If something cannot be carried.
pub(super) fn carry_late(
    was: &Path,
    published: &Generation,
    live: &Path,
    wanted: &Generation,
) -> Result<()> {
    let late = owners(was, Some(published))?;
    if late.is_empty() {
        return Ok(());
    }
    let there = owners(live, Some(wanted))?;
    let ours = published_paths(wanted);
    for (path, metadata) in &late {
        let is_there = there
            .get(path)
            .is_some_and(|there| is_same(metadata, there) || there.mtime() >= metadata.mtime());
        if !is_there && !ours.files.contains(path) && !ours.directories.contains(path) {
            let to = live.join(path);
            if let Some(there) = there.get(path) {
                remove(&to, there)?;
            }
            put(&was.join(path), metadata, &to)?;
        }
    }
    Ok(())
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    if one.is_dir() {
        return other.is_dir();
    }
    (one.dev(), one.ino()) == (other.dev(), other.ino())
        || (one.is_symlink() && other.is_symlink() && one.mtime() == other.mtime())
}

fn put(from: &Path, metadata: &Metadata, to: &Path) -> Result<()> {
    let carried = if metadata.is_dir() {
        disk::create_directory(to)?;
        fs::set_permissions(to, metadata.permissions())
    } else {
        disk::create_directory(disk::parent(to))?;
        // A link keeps the owner's inode, also that of a symbolic link.
        fs::hard_link(from, to).or_else(|_| copy(from, metadata, to))
    };
    carried.with_context(|| format!("cannot carry {} over to {}", from.display(), to.display()))
}

/// For file systems that cannot link.
fn copy(from: &Path, metadata: &Metadata, to: &Path) -> std::io::Result<()> {
    if metadata.is_symlink() {
        return std::os::unix::fs::symlink(fs::read_link(from)?, to);
    }
    fs::copy(from, to)?;
    fs::File::options().write(true).open(to)?.set_modified(metadata.modified()?)
}

fn remove(path: &Path, metadata: &Metadata) -> Result<()> {
    if metadata.is_dir() {
        // Only if nothing is left in it.
        let _ = fs::remove_dir(path);
        Ok(())
    } else {
        disk::remove_file(path)
    }
}
