//! The paths of pages.
//!
//! Owns the path of each kind of page, and what a path says about its file.

/// Path of the status page.
pub const STATUS: &str = "status/index.html";
/// The suffix of the gzip form (RFC 1952) beside a published file.
pub const GZIP: &str = ".gz";
/// The suffix of the brotli form (RFC 7932) beside a published file.
pub const BROTLI: &str = ".br";

/// Returns the path of the file whose compressed form has this path. Returns `None` if the path has
/// no suffix of a compressed form.
pub fn uncompressed(path: &str) -> Option<&str> {
    path.strip_suffix(GZIP).or_else(|| path.strip_suffix(BROTLI))
}

/// The order in which files are published, if a site is published file by file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// Files that pages refer to.
    First,
    /// Pages of one record.
    Then,
    /// Lists, which link to the pages of records, and all other files at the root.
    Last,
}

/// Returns when the file at a path is published.
pub fn turn(path: &str) -> Turn {
    let is_list = ["movies/index.html", "people/index.html"].contains(&path);
    match path.split('/').next().unwrap_or_default() {
        "assets" | "static" | "posters" => Turn::First,
        _ if is_list || !path.contains('/') => Turn::Last,
        _ => Turn::Then,
    }
}

/// Returns the path of the page of a film.
pub(super) fn film_path(slug: &str) -> String {
    format!("movies/{slug}/index.html")
}

/// Returns the path of the page of a person.
pub(super) fn person_path(slug: &str) -> String {
    format!("people/{slug}/index.html")
}

/// Returns the path of the part under `prefix` of a list whose page has the path `whole`. The part
/// under the empty prefix is the whole list.
pub(super) fn part_path(whole: String, prefix: &str) -> String {
    match whole.strip_suffix("index.html") {
        Some(directory) if !prefix.is_empty() => format!("{directory}letter/{prefix}/index.html"),
        _ => whole,
    }
}

/// Returns the path of the data file of the people of a film.
pub(super) fn people_of_film_path(slug: &str) -> String {
    format!("json/movies/{slug}/people.json")
}

/// Returns the path of the data file of the films of a person.
pub(super) fn films_of_person_path(slug: &str) -> String {
    format!("json/people/{slug}/films.json")
}

/// Returns the path of the page of a director.
pub(super) fn director_path(slug: &str) -> String {
    format!("directors/{slug}/index.html")
}

/// Returns the path of the page of a producer.
pub(super) fn producer_path(slug: &str) -> String {
    format!("producers/{slug}/index.html")
}

/// Returns the path of the page of a year, or of the page of the films without a year.
pub(super) fn year_path(year: Option<u32>) -> String {
    match year {
        Some(year) => format!("years/{year}/index.html"),
        None => "years/undated/index.html".to_owned(),
    }
}

/// Returns the path of the drawn poster of a film.
pub(super) fn poster_path(slug: &str) -> String {
    format!("posters/{slug}.svg")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_to_which_pages_refer_come_first_and_lists_come_last() {
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
    fn a_compressed_form_is_recognised_by_its_suffix() {
        assert_eq!(uncompressed("a/index.html.gz"), Some("a/index.html"));
        assert_eq!(uncompressed("feed.xml.br"), Some("feed.xml"));
        assert_eq!(uncompressed("feed.xml"), None);
    }
}
