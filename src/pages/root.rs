//! A theme's `root/` folder: files at the root of the site.
//!
//! Owns which of them are published: `favicon.ico`, `ads.txt`, what proves to whom a site
//! belongs. A page of the catalogue takes precedence, and so does what the server answers
//! itself. `robots.txt` alone takes the place of ours: its owner writes it as a whole.

use std::collections::BTreeMap;

use super::page::Page;
use super::paths::uncompressed;
use crate::theme::Theme;

/// What a file may take the place of.
const REPLACED: &str = "robots.txt";
/// What the server, or the program beside the pages, answers under these paths.
const RESERVED: [&str; 7] =
    ["events", "freshness.json", "status", "healthz", "dev.json", "dev.js", "assets"];

/// Adds the files to all other pages; gives the names of those that have no place.
pub(super) fn add(pages: &mut BTreeMap<String, Page>, theme: &Theme) -> Vec<String> {
    let (placed, hidden): (Vec<_>, Vec<_>) =
        theme.root_files().iter().partition(|(path, _)| *path == REPLACED || is_free(path, pages));
    for (path, bytes) in placed {
        pages.insert(path.clone(), Page::File(bytes.clone()));
    }
    hidden.into_iter().map(|(path, _)| format!("root/{path}")).collect()
}

/// Whether nothing stands at a path, above it or below it: on a disk a name is a file or a
/// directory. A compressed form of a page stands beside the page.
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
    fn a_file_has_a_place_where_no_page_and_no_answer_of_the_server_is() {
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
