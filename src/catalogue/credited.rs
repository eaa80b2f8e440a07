//! The people that only the credits of films name.
//!
//! Owns the records that are made for these people. The credits of the newest film count, so that an
//! upstream that shuffles its lists changes no page.

use std::collections::HashSet;

use serde_json::json;

use super::Film;
use super::shelf::Shelf;

/// Makes the records of all people that the credits of films name. A record is a list of an id, a
/// name and the address of a picture; a record of the upstream is an object.
pub(super) fn people_of(films: &Shelf<Film>) -> Vec<String> {
    let mut seen: HashSet<&str> = HashSet::new();
    let mut people = Vec::new();
    for (_, film) in films.iter() {
        for credit in &film.credits {
            let Some(name) = &credit.name else { continue };
            if seen.insert(&credit.person) {
                people.push(json!([credit.person, name, credit.image]).to_string());
            }
        }
    }
    people
}
