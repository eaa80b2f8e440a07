//! Where pages stand in the site.
//!
//! Owns the path of each kind of page, and the addresses that lead to one from
//! where it stood before.

use super::{Named, Views};

/// Addresses that records had in ledgers which were absorbed: path, where it
/// leads, to whom.
pub(super) fn former_addresses<'v>(
    views: &'v Views<'_>,
) -> impl Iterator<Item = (String, String, Named)> + use<'v> {
    let Views { catalogue, ledger, .. } = views;
    let films = catalogue
        .films
        .iter()
        .enumerate()
        .filter_map(|(index, film)| Some((Named::Film(index), ledger.films.get(&film.id)?)));
    let people =
        catalogue.people.iter().enumerate().filter_map(|(index, person)| {
            Some((Named::Person(index), ledger.people.get(&person.id)?))
        });
    films.chain(people).flat_map(|(named, entry)| {
        let path = match named {
            Named::Film(_) => film_path,
            Named::Person(_) => person_path,
        };
        entry.former.iter().map(move |slug| (path(slug), path(&entry.slug), named))
    })
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
