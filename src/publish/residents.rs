//! Processes and mounts that use a directory in a way that an exchange of trees would break.
//!
//! Owns the search of processes and mounts. A process whose working directory is in a tree stays
//! in the tree when the trees are exchanged. A mount stays with its directory and does not
//! follow the path. The search is incomplete, so callers must not rely on this module alone:
//! processes of other users, and mounts in containers that this process may not inspect, are
//! not found.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::disk;

/// Returns a description of a user of `tree`, if one is found.
pub(super) fn of(tree: &Path) -> Option<String> {
    let tree = tree.canonicalize().ok()?;
    let own = mounts(Path::new("/proc/self/mountinfo"));
    let inside = own.iter().find(|mount| mount.point.starts_with(&tree));
    if let Some(mount) = inside {
        return Some(format!("{} is a mount point", mount.point.display()));
    }
    let source = source_of(&tree, &own)?;
    if let Some(mount) = own.iter().find(|mount| mount.is_of(&source)) {
        return Some(format!("--out is mounted at {} too", mount.point.display()));
    }
    processes(&tree, &source)
}

/// A directory: its file system and its path in the file system.
struct MountSource {
    device: String,
    path: PathBuf,
}

/// One line of `mountinfo`, see proc(5).
struct Mount {
    device: String,
    root: PathBuf,
    point: PathBuf,
}

impl Mount {
    /// Whether this is a mount of the directory or of a directory below.
    fn is_of(&self, source: &MountSource) -> bool {
        self.device == source.device && self.root.starts_with(&source.path)
    }
}

fn mounts(table: &Path) -> Vec<Mount> {
    let text = disk::read(table).ok().flatten().unwrap_or_default();
    text.split(|&byte| byte == b'\n').filter_map(mount).collect()
}

fn mount(line: &[u8]) -> Option<Mount> {
    let mut words = line.split(|&byte| byte == b' ').skip(2);
    let device = String::from_utf8_lossy(words.next()?).into_owned();
    let (root, point) = (unescaped(words.next()?), unescaped(words.next()?));
    Some(Mount { device, root, point })
}

/// Decodes the octal escapes of `mountinfo`: a space is `\040`.
fn unescaped(word: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        let (byte, left) = match code {
            Some(code) if first == b'\\' => (code, &after[3..]),
            _ => (first, after),
        };
        bytes.push(byte);
        rest = left;
    }
    PathBuf::from(OsString::from_vec(bytes))
}

fn source_of(tree: &Path, mounts: &[Mount]) -> Option<MountSource> {
    // If several mounts have one mount point, the last mount is visible.
    let mount = mounts
        .iter()
        .filter(|mount| tree.starts_with(&mount.point))
        .max_by_key(|mount| mount.point.as_os_str().len())?;
    let below = tree.strip_prefix(&mount.point).ok()?;
    Some(MountSource { device: mount.device.clone(), path: mount.root.join(below) })
}

/// Finds a process that has its working directory in `tree`, or has `source` mounted in its own
/// mount namespace.
fn processes(tree: &Path, source: &MountSource) -> Option<String> {
    let identity = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    let root = identity(tree);
    let mut namespaces = BTreeSet::new();
    namespaces.extend(fs::read_link("/proc/self/ns/mnt").ok());
    for process in disk::entries(Path::new("/proc")).unwrap_or_default() {
        let Some(pid) = process.file_name().and_then(|name| name.to_str()) else { continue };
        if !pid.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let lives_here = |link: &str| {
            let link = process.join(link);
            let is_below = fs::read_link(&link).is_ok_and(|path| path.starts_with(tree));
            is_below || (root.is_some() && identity(&link) == root)
        };
        if lives_here("cwd") || lives_here("root") {
            let name = disk::read(&process.join("comm")).ok().flatten().unwrap_or_default();
            let name = String::from_utf8_lossy(&name).trim().to_owned();
            return Some(format!("process {pid} ({name}) has its working directory in --out"));
        }
        let Ok(namespace) = fs::read_link(process.join("ns/mnt")) else { continue };
        if namespaces.insert(namespace) {
            let mounted = mounts(&process.join("mountinfo"));
            if mounted.iter().any(|mount| mount.is_of(source)) {
                return Some(format!("--out is mounted in the container of process {pid}"));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_mountinfo_is_read_with_its_escapes() {
        let line = br"36 35 98:0 /a\040b /mnt/c\134d rw,noatime master:1 - ext3 /dev/root rw";
        let mount = mount(line).expect("a mount");
        assert_eq!(mount.device, "98:0");
        assert_eq!(mount.root, Path::new("/a b"));
        assert_eq!(mount.point, Path::new(r"/mnt/c\d"));
    }

    #[test]
    fn the_source_of_a_directory_is_found_through_the_nearest_mount() {
        let mount = |device: &str, root: &str, point: &str| Mount {
            device: device.into(),
            root: root.into(),
            point: point.into(),
        };
        let mounts =
            [mount("1:1", "/", "/"), mount("2:2", "/deep", "/srv"), mount("3:3", "/", "/x")];
        let source = source_of(Path::new("/srv/public"), &mounts).expect("a source");
        assert_eq!((&*source.device, &*source.path), ("2:2", Path::new("/deep/public")));
        assert!(mount("2:2", "/deep/public/movies", "/else").is_of(&source));
        assert!(!mount("2:2", "/deep", "/else").is_of(&source));
        assert!(!mount("1:1", "/deep/public", "/else").is_of(&source));
    }

    #[test]
    fn a_process_that_works_in_a_directory_is_found() {
        let tree = tempfile::tempdir().expect("a directory");
        let below = tree.path().join("movies");
        fs::create_dir(&below).expect("made");
        assert_eq!(of(tree.path()), None);
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .current_dir(&below)
            .spawn()
            .expect("a process");
        let seen = of(tree.path());
        child.kill().expect("ended");
        child.wait().expect("ended");
        let wanted = format!("process {} (sleep) has its working directory in --out", child.id());
        assert_eq!(seen, Some(wanted));
        assert_eq!(of(tree.path()), None);
    }
}
