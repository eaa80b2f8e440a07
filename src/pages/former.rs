//! Former addresses of records.
//!
//! Owns which former address leads to which page.

use super::page::Named;
use super::paths::{film_path, person_path};
use super::view::Views;

/// Returns the addresses that records had in ledgers that were merged into the ledger. For each
/// address: the former path, the path of the page of the record, and the record.
pub(super) fn former_addresses<'v>(
    views: &'v Views<'_>,
) -> impl Iterator<Item = (String, String, Named)> + use<'v> {
    let Views { catalogue, records, .. } = views;
    let films =
        catalogue.films().filter_map(|(index, _)| Some((Named::Film(index), records.film(index)?)));
    let people = catalogue
        .people()
        .filter_map(|(index, _)| Some((Named::Person(index), records.person(index)?)));
    films.chain(people).flat_map(|(named, entry)| {
        let path = match named {
            Named::Film(_) => film_path,
            Named::Person(_) => person_path,
        };
        entry.former.iter().map(move |slug| (path(slug), path(&entry.slug), named))
    })
}
