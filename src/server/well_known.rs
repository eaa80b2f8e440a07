//! Files of the owner under `.well-known/` (RFC 8615).
//!
//! Owns the one exception to the rule that answers come from the generation: proofs of ownership
//! and contact addresses, which other programs write at any time. Names are resolved beneath
//! this directory, through no symbolic link. Only regular files of bounded size are read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};

/// Prefix of the paths.
pub(super) const PREFIX: &str = ".well-known/";
/// Largest size of a file in bytes: larger files do not belong here.
const LARGEST: u64 = 1 << 20;

/// Returns the file at `path`, which starts with [`PREFIX`], under `out`.
pub(super) fn read(out: &Path, path: &str) -> Option<Bytes> {
    let below = path.strip_prefix(PREFIX).filter(|below| !below.is_empty())?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let root = out.join(PREFIX);
    let root = openat(CWD, &root, flags | OFlags::DIRECTORY | OFlags::NOFOLLOW, Mode::empty());
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    // A named pipe must not block the thread.
    let file = openat2(root.ok()?, below, flags | OFlags::NONBLOCK, Mode::empty(), resolve).ok()?;
    let file = File::from(file);
    let found = file.metadata().ok()?;
    if !found.is_file() || found.len() > LARGEST {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).ok()?;
    Some(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk;

    #[test]
    fn only_regular_files_beneath_are_read() {
        let out = tempfile::tempdir().expect("a directory");
        let known = out.path().join(".well-known/acme-challenge");
        disk::create_directory(&known).expect("made");
        disk::write_new(&known.join("token"), b"proof").expect("written");
        disk::write_new(&out.path().join("secret"), b"secret").expect("written");
        std::os::unix::fs::symlink("../../secret", known.join("link")).expect("linked");
        let read = |path: &str| read(out.path(), path);
        assert_eq!(read(".well-known/acme-challenge/token").as_deref(), Some(&b"proof"[..]));
        for path in [
            ".well-known/",
            ".well-known/acme-challenge",
            ".well-known/acme-challenge/link",
            ".well-known/../secret",
            ".well-known//etc/passwd",
            ".well-known/none",
            "secret",
        ] {
            assert_eq!(read(path), None, "{path}");
        }
    }
}
