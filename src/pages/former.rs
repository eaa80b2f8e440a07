//! Addresses that records had before.
//!
//! Owns which former address leads where.

use super::page::Named;
use super::paths::{film_path, person_path};
use super::view::Views;

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
