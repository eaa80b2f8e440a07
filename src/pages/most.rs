//! Bounds on the numbers of records that one record names.

use crate::catalogue::{Catalogue, FilmIndex};

/// Bound on each list of other films on the page of a film: the list of each person of the film,
/// and the list of films by the same directors.
pub(super) const MOST_BESIDE: usize = 24;

/// Largest total number of other films that the page of a film names beside the people of the film.
/// The number is divided by the number of people.
const MOST_BESIDE_ALL: usize = 1_200;

/// Largest number of people of one film, or of films of one person, in a list of films or people.
/// The record has the number of the others.
pub(super) const MOST_LISTED: usize = 250;

/// The same for a data file, which has the others in files of their own.
pub(super) const MOST_IN_DATA: usize = 1_000;

/// Returns the largest number of other films that the page of a film names beside each person.
pub(super) fn most_beside(catalogue: &Catalogue, film: FilmIndex) -> usize {
    MOST_BESIDE.min(MOST_BESIDE_ALL / catalogue.cast(film).len().max(1))
}
