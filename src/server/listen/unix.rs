//! Listening Unix sockets.
//!
//! Owns the file of the socket: its mode, its replacement after a kill, and its removal.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::fs::{AtFlags, CWD, FileType, Mode, Stat, chmodat, lstat, rename, unlink};
use socket2::{Domain, SockAddr, Socket, Type};
use tracing::warn;

use super::BACKLOG;

/// The file of a listening socket. Dropping the value removes the file.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A later process may have replaced the file.
        if self.identity.is_some() && identity(&self.path) == self.identity {
            remove(&self.path);
        }
    }
}

/// Listens on a new socket at `path` with `mode`. A socket on which no program listens is replaced.
///
/// # Errors
/// Fails if a program listens on the socket, if the path is another file, or if the directory cannot be
/// written to.
pub(super) fn bind(path: &Path, mode: u32) -> Result<(Socket, SocketFile)> {
    check_free(path)?;
    // The socket gets its mode and listens before a client can see the file.
    let mut coming = path.as_os_str().to_owned();
    coming.push(format!(".{}", std::process::id()));
    let coming = PathBuf::from(coming);
    let socket = listening(&coming, mode).and_then(|socket| {
        rename(&coming, path)?;
        Ok(socket)
    });
    let socket = socket.map_err(|error| {
        remove(&coming);
        anyhow::Error::from(error).context(format!("cannot listen on unix:{}", path.display()))
    })?;
    Ok((socket, SocketFile { path: path.to_owned(), identity: identity(path) }))
}

fn listening(path: &Path, mode: u32) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    chmodat(CWD, path, Mode::from_raw_mode(mode), AtFlags::empty())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// Fails if a program listens on the socket at `path`, or if another kind of file is at `path`.
fn check_free(path: &Path) -> Result<()> {
    let Ok(found) = lstat(path) else { return Ok(()) };
    if FileType::from_raw_mode(found.st_mode) != FileType::Socket {
        bail!(
            "cannot listen on unix:{}: the file is not a socket; choose another path",
            path.display()
        );
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        Ok(_) => bail!(
            "cannot listen on unix:{}: another program listens on the socket; choose another path",
            path.display()
        ),
        Err(error) => Err(error).with_context(|| {
            format!("cannot see whether a program listens on unix:{}", path.display())
        }),
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    lstat(path).ok().map(|Stat { st_dev, st_ino, .. }| (st_dev, st_ino))
}

fn remove(path: &Path) {
    match unlink(path) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => {}
        Err(error) => warn!("cannot remove the socket {}: {error}", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_socket_has_its_mode_and_is_removed_at_the_end() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("site");
        let (socket, file) = bind(&path, 0o640).expect("a socket");
        let mode = path.metadata().expect("a file").permissions().mode();
        assert_eq!(mode & 0o7777, 0o640);
        assert!(UnixStream::connect(&path).is_ok());
        let why = bind(&path, 0o640).expect_err("in use").to_string();
        assert!(why.contains("another program listens"), "{why}");
        drop((socket, file));
        assert_eq!(std::fs::read_dir(directory.path()).expect("a list").count(), 0);
    }

    #[test]
    fn a_socket_of_a_killed_process_is_replaced_and_another_file_is_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("site");
        let (socket, file) = bind(&path, 0o666).expect("a socket");
        drop(socket);
        // Without a drop, as after a kill.
        std::mem::forget(file);
        assert!(UnixStream::connect(&path).is_err());
        let (_socket, _file) = bind(&path, 0o666).expect("a socket");
        assert!(UnixStream::connect(&path).is_ok());
        let other = tempfile::NamedTempFile::new_in(directory.path()).expect("a file");
        assert!(bind(other.path(), 0o666).is_err());
        assert!(other.path().metadata().expect("kept").is_file());
    }

    #[test]
    fn the_file_of_a_later_process_is_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("site");
        let (first, first_file) = bind(&path, 0o666).expect("a socket");
        drop(first);
        let (_second, _second_file) = bind(&path, 0o666).expect("a socket");
        drop(first_file);
        assert!(UnixStream::connect(&path).is_ok());
    }
}
