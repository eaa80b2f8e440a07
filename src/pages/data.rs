//! The catalogue as data: JSON files for scripts and machines.
//!
//! Owns their paths and form. Up to a bound each kind of record is one array;
//! beyond it the file of that name is a list of parts, and each of those an
//! array or a list of parts again.

use std::io::Write as _;

use anyhow::Result;
use bytes::Bytes;
use serde::Serialize;

use super::Plan;
use super::split::{Node, Split};

impl Plan<'_> {
    /// Records as data, or the list of their parts.
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

/// Path of all records as data, or of a part of them.
pub(super) fn json_path(name: &str, prefix: &str) -> String {
    if prefix.is_empty() { format!("{name}.json") } else { format!("json/{name}/{prefix}.json") }
}

/// A JSON array with one record a line, so that a diff shows which changed.
fn json_lines<T: Serialize>(records: impl Iterator<Item = T>) -> Result<Bytes> {
    let mut json = Vec::from(*b"[");
    for (index, record) in records.enumerate() {
        json.write_all(if index == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut json, &record)?;
    }
    json.write_all(b"\n]\n")?;
    Ok(json.into())
}
