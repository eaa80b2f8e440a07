//! Files of the owner under `.well-known/` (RFC 8615).
//!
//! Owns the one exception to the rule that answers come from the generation: proofs of ownership
//! and contact addresses, which other programs write at any time. Names are resolved beneath
//! this directory, through no symbolic link. Only regular files of bounded size are read. Clients that
//! get the same file share its bytes, and few threads read, so that many slow clients of a large file
//! cost little memory and few threads.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use quick_cache::sync::Cache;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use tokio::sync::Semaphore;

use crate::publish::ByBytes;

/// Prefix of the paths.
pub(super) const PREFIX: &str = ".well-known/";
/// Largest size of a file in bytes: larger files do not belong here.
const LARGEST: u64 = 1 << 20;

/// Number of files that are read at the same time.
const MOST_READERS: usize = 4;
/// Bytes of files that are kept for the next client.
const MOST_KEPT: u64 = 4 << 20;

/// Names the content of a file: device, inode, size, and the time of the last change.
type ContentName = (u64, u64, u64, i64, i64);

/// The files of the owner. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct OwnersFiles {
    out: Arc<Path>,
    readers: Arc<Semaphore>,
    kept: Arc<Cache<ContentName, Bytes, ByBytes>>,
}

impl OwnersFiles {
    /// Makes the files of the owner in `out`.
    pub(super) fn of(out: &Path) -> OwnersFiles {
        let kept = Cache::with_weighter(64, MOST_KEPT, ByBytes);
        let readers = Arc::new(Semaphore::new(MOST_READERS));
        OwnersFiles { out: out.into(), readers, kept: Arc::new(kept) }
    }

    /// Returns the file at `path`, which starts with [`PREFIX`].
    pub(super) async fn read(&self, path: String) -> Option<Bytes> {
        let _reader = self.readers.acquire().await.ok()?;
        let (out, kept) = (self.out.clone(), self.kept.clone());
        let read = tokio::task::spawn_blocking(move || read(&out, &path, &kept));
        read.await.ok().flatten()
    }
}

fn read(out: &Path, path: &str, kept: &Cache<ContentName, Bytes, ByBytes>) -> Option<Bytes> {
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
    let name = (found.dev(), found.ino(), found.len(), found.ctime(), found.ctime_nsec());
    if let Some(bytes) = kept.get(&name) {
        return Some(bytes);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(found.len()).ok()?);
    file.take(LARGEST).read_to_end(&mut bytes).ok()?;
    let bytes = Bytes::from(bytes);
    kept.insert(name, bytes.clone());
    Some(bytes)
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
        let files = OwnersFiles::of(out.path());
        let read = |path: &str| read(&files.out, path, &files.kept);
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

    #[test]
    fn a_file_is_read_once_until_it_changes() {
        let out = tempfile::tempdir().expect("a directory");
        let file = out.path().join(".well-known/proof");
        disk::create_directory(disk::parent(&file)).expect("made");
        disk::write_new(&file, b"one").expect("written");
        let files = OwnersFiles::of(out.path());
        let read = || read(&files.out, ".well-known/proof", &files.kept).expect("the file");
        let first = read();
        assert_eq!(first.as_ptr(), read().as_ptr(), "both clients share the bytes");
        disk::replace(&file, b"two").expect("replaced");
        assert_eq!(read(), "two");
    }
}
