//! The mapping that the owner selects.
//!
//! Owns which files make the mapping: a built-in mapping or a file, and the tables of the
//! configuration file, which take precedence.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::file::MappingTables;
use super::{Upstream, invalid};
use crate::disk;
use crate::mapping::{Base, DEFAULT, Mapping, MappingFile, built_in, built_in_names};
use crate::similar::most_similar;
use crate::upstream::shown;

/// Returns the mapping. The data of `--demo` has the form of the default mapping.
pub(super) fn of(
    name: Option<&str>,
    tables: Option<&MappingTables>,
    is_demo: bool,
) -> Result<Mapping> {
    if is_demo && name.is_some_and(|name| name != DEFAULT) {
        return Err(invalid(
            "--demo and --mapping cannot be combined, because the sample data has the form of the \
             default mapping; omit --mapping, or use --demo-from",
        ));
    }
    let over = tables.map(|tables| MappingFile { name: &tables.name, text: &tables.text });
    let read = match name {
        None if tables.is_some_and(|tables| tables.is_whole) => Mapping::read(None, over),
        None => Mapping::read(Some(Base::BuiltIn(DEFAULT)), over),
        Some(name) if built_in(name).is_some() => Mapping::read(Some(Base::BuiltIn(name)), over),
        Some(file) => {
            let text = text_of(file)?;
            Mapping::read(Some(Base::File(MappingFile { name: file, text: &text })), over)
        }
    };
    read.map_err(|fault| invalid(fault.to_string()))
}

/// Returns the paths of the files that make the mapping.
pub(super) fn files(name: Option<&str>, tables: Option<&MappingTables>) -> Vec<PathBuf> {
    let named = name.filter(|name| built_in(name).is_none());
    let all = named.into_iter().chain(tables.map(|tables| tables.name.as_str()));
    all.map(|path| std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path))).collect()
}

/// Reads the file of a mapping.
fn text_of(file: &str) -> Result<String> {
    let names = || built_in_names().map(str::to_owned);
    let bytes = disk::read(Path::new(file))?.ok_or_else(|| {
        let all = names().collect::<Vec<_>>().join(", ");
        let is_path = file.contains(['/', '.']);
        let meant = most_similar(file, names()).filter(|_| !is_path);
        let meant = meant.map_or_else(String::new, |name| format!("; did you mean {name}?"));
        invalid(format!(
            "--mapping {file}: there is no such file and no built-in mapping of this name \
             (built-in: {all}){meant}"
        ))
    })?;
    String::from_utf8(bytes)
        .map_err(|_| invalid(format!("--mapping {file} is not UTF-8 text; save the file as UTF-8")))
}

/// Returns the mapping for an upstream.
pub(super) fn for_upstream(
    mapping: Mapping,
    upstream: &Upstream,
    limit: Option<u32>,
) -> Result<Mapping> {
    let mapping = match (limit, upstream) {
        // A file has no query.
        (Some(limit), Upstream::Api(_) | Upstream::Demo(_)) => mapping.with_limit(limit),
        _ => mapping,
    };
    match upstream {
        Upstream::Api(url) => Ok(mapping.with_api(&shown(url))),
        Upstream::Demo(_) => Ok(mapping),
        Upstream::Files(_) if mapping.needs_api() => Err(invalid(
            "the mapping has the placeholder {api}, but local files have no address; write the \
             address of the pictures in its place",
        )),
        Upstream::Files(_) => mapping.with_files().map_err(|get| {
            invalid(format!(
                "`get = \"{get}\"` of the mapping has no known suffix; local files are .json, \
                 .ndjson or .csv files"
            ))
        }),
    }
}
