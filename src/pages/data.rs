//! The catalogue as JSON files, for scripts and other programs.
//!
//! Owns the paths and the form of these files. Up to a bound, the records of one kind are one array
//! in one file. Beyond the bound, the file is a list of parts, and each part is an array or again a
//! list of parts.

use std::io::Write as _;

use anyhow::Result;
use bytes::Bytes;
use serde::Serialize;

use super::Plan;
use super::split::{Node, Split};

impl Plan<'_> {
    /// Returns the records under `prefix` as a JSON array, or the list of their parts.
    pub(super) fn json<T: Serialize>(
        &self,
        name: &str,
        split: &Split<usize>,
        prefix: &str,
        view: impl Fn(usize) -> T,
    ) -> Result<Bytes> {
        match split.node(prefix) {
            Some(Node::Parts(parts)) => {
                let link = |prefix| self.views.site.link(&json_path(name, prefix));
                let parts = parts.iter().map(
                    |(prefix, count)| serde_json::json!({"url": link(prefix), "count": count}),
                );
                let count: usize = split.parts(prefix).iter().map(|(_, count)| count).sum();
                let parts: Vec<_> = parts.collect();
                let mut list = serde_json::json!({"count": count, "parts": parts}).to_string();
                list.push('\n');
                Ok(list.into())
            }
            _ => json_lines(split.records(prefix).iter().map(|&record| view(record))),
        }
    }
}

/// Returns the path of the file of all records, or of the part under `prefix`.
pub(super) fn json_path(name: &str, prefix: &str) -> String {
    if prefix.is_empty() { format!("{name}.json") } else { format!("json/{name}/{prefix}.json") }
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
