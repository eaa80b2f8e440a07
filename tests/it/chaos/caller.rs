//! Which process is at the other end of a connection on this machine.
//!
//! All replicas ask one address in the same words, as they must: whoever asks another
//! address is another site. The system knows who asks.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::history::Replica;

/// The variable that tells a replica from the others.
pub(crate) const VARIABLE: &str = "TEST_REPLICA";

/// The replica that connects from this address; the first one if the process has no number,
/// none if it is gone.
pub(crate) fn caller(from: SocketAddr) -> Option<Replica> {
    let socket = format!("socket:[{}]", inode(from)?);
    let processes = fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.path());
    let is_ours = |process: &PathBuf| {
        fs::read_to_string(process.join("comm")).is_ok_and(|name| name.starts_with("movies-gen"))
    };
    // Most often it is one of ours: those are looked at first.
    let (ours, others): (Vec<_>, Vec<_>) = processes.partition(is_ours);
    let caller = ours.into_iter().chain(others).find(|process| has(process, &socket))?;
    let variables = fs::read(caller.join("environ")).ok()?;
    let variables = String::from_utf8_lossy(&variables).into_owned();
    let named = |line: &str| line.strip_prefix(VARIABLE)?.strip_prefix('=')?.parse().ok();
    Some(variables.split('\0').find_map(named).unwrap_or(0))
}

/// The number of the socket that has this address for its own.
fn inode(from: SocketAddr) -> Option<String> {
    let SocketAddr::V4(from) = from else { return None };
    // As the table writes it: the bytes of the address in the machine's order.
    let address = u32::from_ne_bytes(from.ip().octets());
    let wanted = format!("{address:08X}:{:04X}", from.port());
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let row = table.lines().find(|row| row.split_whitespace().nth(1) == Some(&wanted))?;
    row.split_whitespace().nth(9).map(str::to_owned)
}

fn has(process: &Path, socket: &str) -> bool {
    let Ok(open) = fs::read_dir(process.join("fd")) else { return false };
    open.flatten().any(|entry| fs::read_link(entry.path()).is_ok_and(|to| to == Path::new(socket)))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_connection_has_a_socket_and_a_process_has_it() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let connection = std::net::TcpStream::connect(address).expect("a connection");
        let inode = inode(connection.local_addr().expect("an address")).expect("a row");
        assert!(has(Path::new("/proc/self"), &format!("socket:[{inode}]")));
        assert!(!has(Path::new("/proc/self"), "socket:[1]"));
    }
}
