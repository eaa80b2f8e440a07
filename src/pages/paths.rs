//! Where pages stand in the site.
//!
//! Owns the path of each kind of page, and what a path says of its file.

/// The status page, for people.
pub const STATUS: &str = "status/index.html";
/// The suffix of the gzip form (RFC 1952) beside a published file.
pub const GZIP: &str = ".gz";
/// The suffix of the brotli form (RFC 7932) beside a published file.
pub const BROTLI: &str = ".br";

/// The file of which the file at this path would be a compressed form.
pub fn uncompressed(path: &str) -> Option<&str> {
    path.strip_suffix(GZIP).or_else(|| path.strip_suffix(BROTLI))
}

/// When a file is published, where a site is published file by file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// Files that pages refer to.
    First,
    /// Pages of one record.
    Then,
    /// Lists, which lead to these pages.
    Last,
}

/// The turn of a path.
pub fn turn(path: &str) -> Turn {
    let is_list = ["movies/index.html", "people/index.html"].contains(&path);
    match path.split('/').next().unwrap_or_default() {
        "assets" | "static" | "posters" => Turn::First,
        _ if is_list || !path.contains('/') => Turn::Last,
        _ => Turn::Then,
    }
}

/// Path of a film's page.
pub(super) fn film_path(slug: &str) -> String {
    format!("movies/{slug}/index.html")
}

/// Path of a person's page.
pub(super) fn person_path(slug: &str) -> String {
    format!("people/{slug}/index.html")
}

/// Path of the page of a director's films.
pub(super) fn director_path(slug: &str) -> String {
    format!("directors/{slug}/index.html")
}

/// Path of the page of a producer's films.
pub(super) fn producer_path(slug: &str) -> String {
    format!("producers/{slug}/index.html")
}

/// Path of the page of a year's films, or of those without one.
pub(super) fn year_path(year: Option<u32>) -> String {
    match year {
        Some(year) => format!("years/{year}/index.html"),
        None => "years/undated/index.html".to_owned(),
    }
}

/// Path of a film's drawn poster.
pub(super) fn poster_path(slug: &str) -> String {
    format!("posters/{slug}.svg")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pages_refer_to_comes_first_and_lists_come_last() {
        for path in ["assets/site-0.css", "static/a/b.png", "posters/ponyo.svg"] {
            assert_eq!(turn(path), Turn::First, "{path}");
        }
        for path in [film_path("ponyo"), person_path("fio"), year_path(Some(1988))] {
            assert_eq!(turn(&path), Turn::Then, "{path}");
        }
        for path in ["index.html", "movies/index.html", "people/index.html", "feed.xml"] {
            assert_eq!(turn(path), Turn::Last, "{path}");
        }
    }

    #[test]
    fn a_compressed_form_is_told_by_its_suffix() {
        assert_eq!(uncompressed("a/index.html.gz"), Some("a/index.html"));
        assert_eq!(uncompressed("feed.xml.br"), Some("feed.xml"));
        assert_eq!(uncompressed("feed.xml"), None);
    }
}
