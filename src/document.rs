//! Documents: files that contain one value with its kind, its version and its checksum.
//!
//! Owns the first line of each document. The first line exists so that the program recognises a
//! file that was cut, edited or written by a newer program before the program uses the content.
//! This module must not know the meaning of the values.

use std::fs::DirEntry;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::warn;

use crate::disk;

/// Largest size of the first line of a document, in bytes: a kind, a version and a checksum.
const LONGEST_FIRST_LINE: u64 = 160;

/// Returns the version of the documents of a kind that this program writes. Older versions are
/// read. A change that an older program would misread raises the version.
fn version_of(kind: &str) -> u32 {
    match kind {
        // Payload and ledger in parts.
        "saved" => 2,
        // The files of a large site in a document of their own.
        "manifest" => 2,
        _ => 1,
    }
}

/// The error for a file that a newer program wrote. The file stays unchanged.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} has version {version}; this program knows version {known} and leaves the file alone: \
     use the program that wrote the file, or another --state and --out",
    path.display()
)]
pub struct UnknownVersion {
    /// The path of the file.
    pub path: PathBuf,
    /// The version in the first line of the file.
    pub version: u32,
    /// The newest version that this program knows.
    pub known: u32,
}

/// Reads a document; `None` if the document is absent. A damaged document is logged, set aside and
/// treated as absent.
///
/// # Errors
/// Fails with [`UnknownVersion`] if a newer program wrote the document. Also fails if the file
/// cannot be read or set aside.
pub fn read<T: DeserializeOwned>(path: &Path, kind: &str) -> Result<Option<T>> {
    let Some(bytes) = disk::read(path)? else { return Ok(None) };
    match parse(&bytes, kind) {
        Ok(value) => Ok(Some(value)),
        Err(Problem::Version(version)) => {
            let (path, known) = (path.to_owned(), version_of(kind));
            Err(UnknownVersion { path, version, known }.into())
        }
        Err(Problem::Damaged(why)) => {
            set_aside(path, &why)?;
            Ok(None)
        }
    }
}

/// Checks that no newer program wrote a document in a directory, before anything is written there.
/// Documents that may be lost are replaced without being read, so [`read`] alone would not notice.
///
/// # Errors
/// Fails with [`UnknownVersion`] for the first such document. Also fails if the directory cannot be
/// read.
pub fn refuse_newer(directory: &Path) -> Result<()> {
    let is_file = |entry: &DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file());
    for entry in disk::listing(directory)?.into_iter().filter(is_file) {
        let path = entry.path();
        // A document that cannot be read is reported when its content is needed.
        if let Some((version, known)) = first_line(&path).and_then(|line| newer_version(&line)) {
            return Err(UnknownVersion { path, version, known }.into());
        }
    }
    Ok(())
}

/// Returns the start of a file, which has the whole first line if the file is a document.
fn first_line(path: &Path) -> Option<Vec<u8>> {
    let mut start = Vec::new();
    disk::open(path).ok()?.take(LONGEST_FIRST_LINE).read_to_end(&mut start).ok()?;
    Some(start)
}

/// Returns the version of a document and the newest known version of its kind, if the version is
/// newer.
fn newer_version(start: &[u8]) -> Option<(u32, u32)> {
    let line = start.split(|&b| b == b'\n').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let kind = words.next().filter(|&word| word == "movies-gen").and_then(|_| words.next())?;
    let (version, known) = (words.next()?.parse().ok()?, version_of(kind));
    (version > known).then_some((version, known))
}

/// Reads a document without setting a damaged document aside, for callers that must not change
/// files. Returns `None` if the document is absent, damaged, of another kind or of a newer version.
pub fn peek<T: DeserializeOwned>(path: &Path, kind: &str) -> Option<T> {
    parse(&disk::read(path).ok()??, kind).ok()
}

/// Writes a document atomically.
///
/// # Errors
/// Fails if the document cannot be written. The old document stays.
pub fn write<T: Serialize>(path: &Path, kind: &str, value: &T) -> Result<()> {
    disk::replace(path, &bytes(kind, value)?)
}

/// Writes a document atomically, and does not wait until the disk has the document: for information
/// that may be lost in a crash of the machine.
///
/// # Errors
/// Fails if the document cannot be written. The old document stays.
pub fn write_unsynced<T: Serialize>(path: &Path, kind: &str, value: &T) -> Result<()> {
    disk::replace_unsynced(path, &bytes(kind, value)?)
}

/// Returns the value of the bytes of a document; `None` if the document is damaged, of another kind
/// or of a newer version.
pub fn parsed<T: DeserializeOwned>(bytes: &[u8], kind: &str) -> Option<T> {
    parse(bytes, kind).ok()
}

/// Returns the bytes of a document.
///
/// # Errors
/// Fails if the value has no JSON form.
pub fn bytes<T: Serialize>(kind: &str, value: &T) -> Result<Vec<u8>> {
    bytes_of_version(kind, version_of(kind), value)
}

/// Returns the bytes of a document of an older version, for a value that older programs can read.
///
/// # Errors
/// Fails if the value has no JSON form.
pub fn bytes_of_version<T: Serialize>(kind: &str, version: u32, value: &T) -> Result<Vec<u8>> {
    // The checksum gets its place before the content is known, because a copy of a large document
    // would need as much memory again.
    let line = |checksum: &str| format!("movies-gen {kind} {version} {checksum}\n");
    let mut bytes = line(&blake3::hash(b"").to_hex()).into_bytes();
    let start = bytes.len();
    serde_json::to_writer(&mut bytes, value).with_context(|| format!("cannot write the {kind}"))?;
    let checksum = blake3::hash(&bytes[start..]).to_hex();
    bytes[..start].copy_from_slice(line(&checksum).as_bytes());
    Ok(bytes)
}

/// Renames a damaged file to `<name>.damaged`, and logs a warning.
///
/// # Errors
/// Fails if the file cannot be renamed.
pub fn set_aside(path: &Path, why: &str) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".damaged");
    let aside = path.with_file_name(name);
    disk::rename(path, &aside)?;
    warn!(
        file = %path.display(),
        "{} is damaged ({why}); it is set aside as {} and treated as absent",
        path.display(),
        aside.display()
    );
    Ok(())
}

enum Problem {
    Version(u32),
    Damaged(String),
}

fn parse<T: DeserializeOwned>(bytes: &[u8], kind: &str) -> Result<T, Problem> {
    let damaged = |why: &str| Problem::Damaged(why.to_owned());
    let end = bytes.iter().position(|&b| b == b'\n').ok_or_else(|| damaged("no first line"))?;
    let (line, body) = (&bytes[..end], &bytes[end + 1..]);
    let line = std::str::from_utf8(line).map_err(|_| damaged("first line is not text"))?;
    let mut words = line.split(' ');
    if words.next() != Some("movies-gen") || words.next() != Some(kind) {
        return Err(Problem::Damaged(format!("it is not a {kind} of movies-gen")));
    }
    let version = words
        .next()
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| damaged("its version is missing"))?;
    if !(1..=version_of(kind)).contains(&version) {
        return Err(Problem::Version(version));
    }
    if words.next() != Some(blake3::hash(body).to_hex().as_str()) {
        return Err(damaged("its checksum does not match"));
    }
    serde_json::from_slice(body).map_err(|error| Problem::Damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("doc");
        disk::write_new(&path, bytes).expect("a file");
        (directory, path)
    }

    #[test]
    fn a_document_is_read_as_it_was_written() {
        let (_directory, path) = file(b"");
        write(&path, "thing", &vec![1, 2]).expect("written");
        assert_eq!(read::<Vec<u32>>(&path, "thing").expect("read"), Some(vec![1, 2]));
        assert_eq!(read::<Vec<u32>>(&path.with_file_name("none"), "thing").expect("read"), None);
    }

    #[test]
    fn a_damaged_document_is_set_aside_and_absent() {
        let whole = bytes("thing", &vec![1, 2]).expect("bytes");
        let mut edited = whole.clone();
        *edited.last_mut().expect("a byte") = b' ';
        for damaged in [&whole[..whole.len() - 1], &edited, b"", b"\xff\xff\n", b"other\n[]"] {
            let (_directory, path) = file(damaged);
            assert_eq!(read::<Vec<u32>>(&path, "thing").expect("read"), None);
            assert!(!path.exists());
            let aside = disk::read(&path.with_file_name("doc.damaged")).expect("read");
            assert_eq!(aside.as_deref(), Some(damaged));
        }
    }

    #[test]
    fn a_document_of_an_unknown_version_stays_and_its_version_is_reported() {
        let text = String::from_utf8(bytes("thing", &1).expect("bytes")).expect("text");
        let newer = text.replacen(" 1 ", " 7 ", 1);
        let (_directory, path) = file(newer.as_bytes());
        let error = read::<u32>(&path, "thing").expect_err("refused");
        assert_eq!(error.downcast_ref::<UnknownVersion>().map(|unknown| unknown.version), Some(7));
        assert_eq!(disk::read(&path).expect("read").as_deref(), Some(newer.as_bytes()));
    }
}
