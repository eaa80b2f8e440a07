//! Where pages stand in the site.
//!
//! Owns the path of each kind of page.

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
