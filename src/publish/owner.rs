//! Files under `--out` that are not ours.
//!
//! Owns the rule that such files are never overwritten, removed or left behind:
//! whatever no manifest of ours lists belongs to the owner and is carried from
//! tree to tree as the very same file. Dotfiles and `.well-known/` may stand in
//! a directory that is still to become ours.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tracing::warn;

use super::generation::Generation;
use super::manifest::{OWN_DIRECTORY, path_in};
use super::tree::in_the_way;
use super::{VOLATILE, is_volatile};
use crate::disk;
use crate::store::Strange;

/// Names in one line.
const MOST_NAMED: usize = 21;

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
        (!name.starts_with('.')).then_some(name)
    });
    match foreign {
        Some(found) => Err(not_ours(&found).into()),
        None => Ok(()),
    }
}

/// Whether a tree is one of ours, even if its manifest is damaged.
pub(super) fn is_ours(tree: &Path) -> bool {
    let own = tree.join(OWN_DIRECTORY);
    path_in(tree).exists() || own.join("manifest.damaged").exists() || own.join("ledger").exists()
}

/// What the owner keeps in a tree that holds `ours`: by path, directories
/// before what is in them. What is ours is not looked at but for its name.
fn owners(tree: &Path, ours: &Published) -> Result<BTreeMap<PathBuf, Metadata>> {
    let mut found = BTreeMap::new();
    let mut left = vec![PathBuf::new()];
    while let Some(directory) = left.pop() {
        for entry in disk::listing(&tree.join(&directory))? {
            let below = directory.join(entry.file_name());
            if ours.is_apart(&below) {
                continue;
            }
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let is_ours = is_directory && ours.directories.contains(below.as_os_str());
            // Gone between the listing and now: the owner removed it.
            if !is_ours && let Ok(metadata) = entry.metadata() {
                found.insert(below.clone(), metadata);
            }
            if is_directory {
                left.push(below);
            }
        }
    }
    Ok(found)
}

/// The paths that a generation takes up. By their bytes: components, which paths
/// compare by, take too long for each file of a site.
#[derive(Default)]
pub(super) struct Published {
    files: HashSet<OsString>,
    directories: HashSet<OsString>,
}

impl Published {
    pub(super) fn of(generation: Option<&Generation>) -> Published {
        let mut published = Published::default();
        for (path, entry) in generation.into_iter().flat_map(Generation::listed) {
            for (suffix, _) in entry.variants() {
                published.files.insert(format!("{path}{suffix}").into());
            }
            // What is above a directory that is known is known.
            let above = Path::new(path).ancestors().skip(1).map(Path::as_os_str);
            let new = above.take_while(|above| !published.directories.contains(*above));
            let new: Vec<_> = new.map(OsStr::to_owned).collect();
            published.directories.extend(new);
        }
        let above = VOLATILE.iter().flat_map(|path| Path::new(path).ancestors().skip(1));
        published.directories.extend(above.map(|above| above.as_os_str().to_owned()));
        published
    }

    /// Whether this is the program's own, made or volatile; or what a killed process
    /// was about to rename to that.
    fn is_apart(&self, below: &Path) -> bool {
        let is_made = |path: &Path| {
            self.files.contains(path.as_os_str()) || path.to_str().is_some_and(is_volatile)
        };
        below == Path::new(OWN_DIRECTORY)
            || is_made(below)
            || disk::besides(below).is_some_and(|path| is_made(&path))
    }

    /// The paths of both.
    pub(super) fn and(mut self, other: Published) -> Published {
        self.files.extend(other.files);
        self.directories.extend(other.directories);
        self
    }

    /// Whether something of the owner's stands where one of these has to go.
    fn is_blocked_by(&self, path: &Path, metadata: &Metadata) -> bool {
        let path = path.as_os_str();
        self.files.contains(path) || (!metadata.is_dir() && self.directories.contains(path))
    }
}

/// Makes the owner's files in `standby`, which holds `wanted`, those of `live`.
///
/// # Errors
/// If one of the owner's files stands where a page has to go, or cannot be
/// carried.
pub(super) fn carry(
    live: &Path,
    published: &Published,
    standby: &Path,
    wanted: &Generation,
) -> Result<()> {
    let theirs = owners(live, published)?;
    let ours = Published::of(Some(wanted));
    refuse_blocked(live, &theirs, &ours)?;
    let carried = owners(standby, &ours)?;
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

/// Makes sure that no file of the owner's stands where a page has to go.
///
/// # Errors
/// If one does.
pub(super) fn make_sure_of_room(
    live: &Path,
    published: &Published,
    wanted: &Generation,
) -> Result<()> {
    refuse_blocked(live, &owners(live, published)?, &Published::of(Some(wanted)))
}

/// Keeps the files that adopting `live` is about to replace with `wanted` under
/// `kept`, and names them.
///
/// # Errors
/// If one cannot be kept.
pub(super) fn keep_replaced(live: &Path, wanted: &Generation, kept: &Path) -> Result<()> {
    let mut names = Vec::new();
    let volatile = VOLATILE.iter().map(OsString::from);
    let files: BTreeSet<_> =
        Published::of(Some(wanted)).files.into_iter().chain(volatile).collect();
    for path in files.iter().map(Path::new) {
        let Ok(metadata) = fs::symlink_metadata(live.join(path)) else { continue };
        if metadata.is_dir() {
            continue;
        }
        let to = kept.join(path);
        disk::remove_file(&to)?;
        put(&live.join(path), &metadata, &to)?;
        names.push(path.display().to_string());
    }
    if names.is_empty() {
        return Ok(());
    }
    let rest = names.len().saturating_sub(MOST_NAMED);
    names.truncate(MOST_NAMED);
    let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    let (live, names, kept) = (live.display(), names.join(", "), kept.display());
    warn!("adopting {live} replaces {names}{rest}; what stood there is kept in {kept}");
    Ok(())
}

fn refuse_blocked(
    live: &Path,
    theirs: &BTreeMap<PathBuf, Metadata>,
    ours: &Published,
) -> Result<()> {
    match theirs.iter().find(|(path, found)| ours.is_blocked_by(path, found)) {
        Some((path, _)) => Err(in_the_way(&live.join(path))),
        None => Ok(()),
    }
}

/// Brings into the tree that is live now what the owner wrote into the one that
/// was, between [`carry`] and the exchange.
///
/// # Errors
/// If something cannot be carried.
pub(super) fn carry_late(
    was: &Path,
    published: &Published,
    live: &Path,
    wanted: &Generation,
) -> Result<()> {
    let late = owners(was, published)?;
    if late.is_empty() {
        return Ok(());
    }
    let ours = Published::of(Some(wanted));
    let there = owners(live, &ours)?;
    for (path, metadata) in &late {
        let is_newer = |there: &Metadata| {
            !is_same(metadata, there) && metadata.mtime() > there.mtime() && !metadata.is_dir()
        };
        if ours.is_blocked_by(path, metadata) || there.get(path).is_some_and(|it| !is_newer(it)) {
            continue;
        }
        let to = live.join(path);
        if let Some(there) = there.get(path) {
            remove(&to, there)?;
        }
        put(&was.join(path), metadata, &to)?;
    }
    Ok(())
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    if one.is_dir() {
        return other.is_dir() && one.permissions() == other.permissions();
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
