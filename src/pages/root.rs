//! The folder `root/` of a theme: files at the root of the site.
//!
//! Owns which of these files are published: `favicon.ico`, `ads.txt`, files that prove who owns the
//! site. Pages of the catalogue and answers of the server itself take precedence over these files.
//! The only exception is `robots.txt`: the owner writes this file as a whole, so it replaces the
//! built-in file.

use std::collections::BTreeMap;

use super::page::Page;
use super::paths::uncompressed;
use crate::theme::Theme;

/// The only page that a file may replace.
const REPLACED: &str = "robots.txt";
/// First segments of paths that the server answers itself, or where the program publishes files
/// that are not pages.
const RESERVED: [&str; 7] =
    ["events", "freshness.json", "status", "healthz", "dev.json", "dev.js", "assets"];

/// Adds the files to the pages. Returns the names of the files that are not published, because
/// their paths are not free.
pub(super) fn add(pages: &mut BTreeMap<String, Page>, theme: &Theme) -> Vec<String> {
    let (placed, hidden): (Vec<_>, Vec<_>) =
        theme.root_files().iter().partition(|(path, _)| *path == REPLACED || is_free(path, pages));
    for (path, bytes) in placed {
        pages.insert(path.clone(), Page::File(bytes.clone()));
    }
    hidden.into_iter().map(|(path, _)| format!("root/{path}")).collect()
}

/// Returns whether a path is free. A path is not free if a page has the path, or a path above or
/// below it, because a name on a disk is either a file or a directory. The path of the compressed
/// form of a page is not free, because the compressed form is published there.
fn is_free(path: &str, pages: &BTreeMap<String, Page>) -> bool {
    let first = path.split('/').next().unwrap_or(path);
    let below = format!("{path}/");
    let above = path.match_indices('/').map(|(at, _)| &path[..at]);
    let plain = uncompressed(path).into_iter();
    !RESERVED.contains(&first)
        && ![path].into_iter().chain(above).chain(plain).any(|path| pages.contains_key(path))
        && pages.range(below.clone()..).next().is_none_or(|(next, _)| !next.starts_with(&below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_free_if_neither_a_page_nor_the_server_uses_the_path() {
        let pages = ["index.html", "movies/ponyo/index.html", "movies.json", "robots.txt"];
        let pages: BTreeMap<_, _> =
            pages.into_iter().map(|path| (path.to_owned(), Page::NotFound)).collect();
        for path in ["favicon.ico", "ads.txt", "movies/own.txt", "movie", "a.gz", "eventful.txt"] {
            assert!(is_free(path, &pages), "{path}");
        }
        for path in [
            "index.html",
            "movies",
            "movies/ponyo",
            "movies/ponyo/index.html",
            "movies.json/x",
            "movies.json.gz",
            "events",
            "events/x",
            "status/index.html",
            "freshness.json",
            "healthz",
            "dev.json",
            "assets/x.css",
        ] {
            assert!(!is_free(path, &pages), "{path}");
        }
    }
}
