//! The files of a theme.
//!
//! Owns which files of a theme's directory are read. The directory may have other files too:
//! screenshots of the theme, backup files of editors, packages, the history of a version control
//! system. Such files must neither break the theme nor cost time. They are not read, and
//! `movies-gen check` names them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;

use crate::disk;

/// Folders whose files are published, whatever their suffix.
const PUBLISHED: [&str; 3] = ["assets", "static", "root"];
/// Suffixes of the names of templates, and of files that templates include.
const SUFFIXES: [&str; 14] = [
    "html",
    "htm",
    "xml",
    "txt",
    "svg",
    "json",
    "webmanifest",
    "css",
    "js",
    "csv",
    "ics",
    "tera",
    "j2",
    "jinja",
];
/// Endings of the names of backup files of editors and of merges.
const LEFT_OVERS: [&str; 9] =
    ["~", ".orig", ".rej", ".bak", ".swp", ".swo", ".tmp", "___jb_tmp___", "___jb_old___"];
/// Folders of package managers and tools. Their files are not read.
const NOT_ENTERED: [&str; 3] = ["node_modules", "bower_components", "__pycache__"];
/// Largest number of entries in a theme directory: a hundred times as many as a large theme has.
const MOST_ENTRIES: usize = 20_000;
/// Largest size of all files together, in bytes. All files are kept in memory and published.
const MOST_BYTES: u64 = 256 << 20;

/// The files of a theme, and the names of other files in its directory.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Content of each file, by its path with slashes.
    pub(super) files: BTreeMap<String, Bytes>,
    /// Files and folders that are not read. The name of a folder ends in a slash.
    pub(super) passed_over: BTreeSet<String>,
}

/// Reads the theme in `directory`.
///
/// # Errors
/// Fails if a file cannot be read, or if there are more entries or bytes than any theme has.
pub(super) fn read(directory: &Path) -> Result<Files> {
    read_within(directory, MOST_ENTRIES, MOST_BYTES)
}

fn read_within(theme: &Path, most_entries: usize, most_bytes: u64) -> Result<Files> {
    let mut read = Files::default();
    let mut seen = BTreeSet::new();
    let (mut entries, mut bytes_left) = (0, most_bytes);
    let mut left = vec![(theme.to_owned(), String::new())];
    while let Some((directory, prefix)) = left.pop() {
        // A symbolic link to a directory above would cause an endless loop.
        let real = directory
            .canonicalize()
            .with_context(|| format!("cannot read {}", directory.display()))?;
        if !seen.insert(real) {
            continue;
        }
        for path in disk::entries(&directory)? {
            entries += 1;
            if entries > most_entries {
                bail!(
                    "--templates {}: the directory has more than {most_entries} entries (the last \
                     is in {}); give a directory that has only a theme",
                    theme.display(),
                    directory.display()
                );
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let below = format!("{prefix}{name}");
            let is_directory = path.is_dir();
            if is_description(&name) && !is_directory {
                continue;
            }
            let is_text = path.file_name().is_some_and(|name| name.to_str().is_some());
            if !is_text || is_passed_over(Path::new(&below), is_directory) {
                read.passed_over.insert(if is_directory { format!("{below}/") } else { below });
            } else if is_directory {
                left.push((path, format!("{below}/")));
            } else if path.is_file() {
                let size = path.metadata().map_or(0, |file| file.len());
                bytes_left = bytes_left.checked_sub(size).with_context(|| {
                    format!(
                        "--templates {}: the directory has more than {} MiB (the last file is {}); \
                         give a directory that has only a theme",
                        theme.display(),
                        most_bytes >> 20,
                        path.display()
                    )
                })?;
                // `None`: an editor removed the file after it was listed.
                if let Some(bytes) = disk::read(&path)? {
                    read.files.insert(below, Bytes::from(bytes));
                }
            } else {
                read.passed_over.insert(below);
            }
        }
    }
    Ok(read)
}

/// Returns the directories that belong to the theme in `theme`, including `theme`. A directory that
/// cannot be read, or that was removed meanwhile, is left out.
pub(super) fn directories(theme: &Path) -> Vec<PathBuf> {
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    let mut left = vec![theme.to_owned()];
    while let Some(directory) = left.pop() {
        let Ok(real) = directory.canonicalize() else { continue };
        let entries = disk::entries(&directory).unwrap_or_default();
        if !directory.is_dir() || found.len() >= MOST_ENTRIES || !seen.insert(real) {
            continue;
        }
        let is_part = |path: &PathBuf| {
            let below = path.strip_prefix(theme).unwrap_or(path);
            path.is_dir() && !is_passed_over(below, true)
        };
        left.extend(entries.into_iter().filter(is_part));
        found.push(directory);
    }
    found
}

/// Returns whether a file is the reference that `theme export` writes. It does not belong to the
/// theme, but every exported theme has it, so `movies-gen check` does not name it.
fn is_description(name: &str) -> bool {
    name == "README.md"
}

/// Returns whether a path below a theme's directory does not belong to the theme, by its name.
pub(super) fn is_passed_over(below: &Path, is_directory: bool) -> bool {
    let mut names = below.iter().map(|name| name.to_string_lossy()).peekable();
    let is_published = names.peek().is_some_and(|first| PUBLISHED.contains(&&**first));
    let Some(last) = names.clone().last() else { return false };
    if names.any(|name| is_left_over(&name) || NOT_ENTERED.contains(&&*name)) {
        return true;
    }
    let suffix = last.rsplit_once('.').map(|(_, suffix)| suffix.to_ascii_lowercase());
    // Other files with the suffix `toml` are settings of tools.
    let is_table = below.starts_with("texts") && suffix.as_deref() == Some("toml");
    let is_page = below.starts_with("pages") && suffix.as_deref() == Some("md");
    let is_template =
        is_table || is_page || suffix.is_some_and(|suffix| SUFFIXES.contains(&suffix.as_str()));
    !is_directory && !is_published && (is_description(&last) || !is_template)
}

fn is_left_over(name: &str) -> bool {
    // Vim creates a file `4913` to test whether it may create files.
    name.starts_with(['.', '#'])
        || name == "4913"
        || LEFT_OVERS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed_over(path: &str) -> bool {
        is_passed_over(Path::new(path), false)
    }

    #[test]
    fn files_that_do_not_belong_to_the_theme_are_passed_over() {
        for path in [
            "#film.html#",
            ".#film.html",
            "film.html~",
            "film.html.orig",
            "static/logo.png.bak",
            "root/.favicon.ico.swp",
            "4913",
            "screenshot.png",
            "LICENSE",
            "package.lock",
            "netlify.toml",
            "texts/README.md",
            "NOTES.md",
            "README.md",
            "node_modules/x/index.html",
            "assets/node_modules/x.js",
            ".git/config.json",
        ] {
            assert!(passed_over(path), "{path}");
        }
        for path in [
            "film.html",
            "partials/card.HTML",
            "feed.xml",
            "robots.txt",
            "texts/pt-BR.toml",
            "pages/about.md",
            "icon.svg",
            "assets/site.css",
            "assets/font.woff2",
            "static/LICENSE",
            "root/favicon.ico",
            "root/CNAME",
        ] {
            assert!(!passed_over(path), "{path}");
        }
        assert!(!is_passed_over(Path::new("partials"), true));
        assert!(
            !is_passed_over(Path::new(""), true),
            "the directory of the theme is not passed over"
        );
    }

    #[test]
    fn a_directory_with_too_many_entries_or_bytes_is_refused_with_its_name() {
        let directory = tempfile::tempdir().expect("a directory");
        for number in 0..5 {
            let path = directory.path().join(format!("{number}.html"));
            disk::write_new(&path, &[b'x'; 100]).expect("the file is written");
        }
        let read = |entries, bytes| read_within(directory.path(), entries, bytes);
        assert_eq!(read(5, 500).expect("a theme").files.len(), 5);
        for (entries, bytes) in [(4, 500), (5, 499)] {
            let error = read(entries, bytes).expect_err("too much").to_string();
            let named =
                format!("--templates {}: the directory has more than", directory.path().display());
            assert!(error.starts_with(&named), "{error}");
        }
    }
}
