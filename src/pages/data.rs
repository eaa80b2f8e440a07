//! The catalogue as JSON files, for scripts and other programs.
//!
//! Owns the paths and the form of these files. Up to a bound, the records of one kind are one array
//! in one file. Beyond the bound, the file is a list of parts, and each part is an array or again a
//! list of parts.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use serde::Serialize;

use super::split::{Node, Split};
use super::variables::{Each, Variables};
use super::view::Views;

/// The data file of one kind of record, in parts if there are many records.
pub(super) struct DataFile<T> {
    /// `movies`, `people` or `films`.
    pub(super) name: &'static str,
    /// Path of the directory of the file, with a slash at its end; empty for the root.
    pub(super) directory: String,
    /// The records, cut by their ids.
    pub(super) split: Arc<Split<T>>,
}

impl<R: Copy> DataFile<R> {
    /// Returns the path of the file and of each part, with the prefix of the part.
    pub(super) fn paths(&self) -> impl Iterator<Item = (String, &String)> {
        self.split.prefixes().map(|prefix| (self.path(prefix), prefix))
    }

    /// Returns the path of the file, or of the part under `prefix`.
    fn path(&self, prefix: &str) -> String {
        let DataFile { name, directory, .. } = self;
        match (&**directory, prefix) {
            (_, "") => format!("{directory}{name}.json"),
            ("", _) => format!("json/{name}/{prefix}.json"),
            _ => format!("{directory}{name}/{prefix}.json"),
        }
    }

    /// Hands on what the file shows, for its fingerprint.
    pub(super) fn put<T: Serialize>(
        &self,
        prefix: &str,
        view: impl Fn(R) -> T,
        to: &mut dyn Variables,
    ) {
        let records = self.split.records(prefix);
        to.put(self.name, &Each(records.len(), |at| view(records[at])));
        to.put("parts", &self.split.parts(prefix));
    }

    /// Writes the records under a prefix, or the list of the parts under the prefix.
    ///
    /// # Errors
    /// A record that cannot be written as JSON.
    pub(super) fn json<T: Serialize>(
        &self,
        prefix: &str,
        views: Views<'_>,
        view: impl Fn(R) -> T,
    ) -> Result<Bytes> {
        match self.split.node(prefix) {
            Some(Node::Parts(parts)) => {
                let link = |prefix| views.link(&self.path(prefix));
                let parts = parts.iter().map(
                    |(prefix, count)| serde_json::json!({"url": link(prefix), "count": count}),
                );
                let count: usize = self.split.parts(prefix).iter().map(|(_, count)| count).sum();
                let parts: Vec<_> = parts.collect();
                let mut list = serde_json::json!({"count": count, "parts": parts}).to_string();
                list.push('\n');
                Ok(list.into())
            }
            _ => json_lines(self.split.records(prefix).iter().map(|&record| view(record))),
        }
    }
}

/// Returns a JSON array with one record on each line, so that a diff shows which records changed.
fn json_lines<T: Serialize>(records: impl Iterator<Item = T>) -> Result<Bytes> {
    let mut json = Vec::from(*b"[");
    for (index, record) in records.enumerate() {
        json.write_all(if index == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut json, &record)?;
    }
    json.write_all(b"\n]\n")?;
    Ok(json.into())
}
