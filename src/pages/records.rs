//! The records of a catalogue, each with its entry in the ledger.

use std::sync::Arc;

use super::shapes::Shapes;
use crate::catalogue::{Catalogue, FilmIndex, PersonIndex};
use crate::ledger::{Entry, Ledger};

/// A catalogue with its ledger. The entry of each record is looked up once.
pub struct Records<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) ledger: &'a Ledger,
    pub(super) shapes: Arc<Shapes>,
    /// By place in the catalogue.
    films: Vec<Option<&'a Entry>>,
    people: Vec<Option<&'a Entry>>,
}

impl<'a> Records<'a> {
    /// Finds the entry of each record. The ledger must have entered the catalogue.
    pub fn of(catalogue: &'a Catalogue, ledger: &'a Ledger) -> Records<'a> {
        Records::with(catalogue, ledger, &mut Arc::default())
    }

    /// As [`Records::of`]. `shapes` are the shapes of an earlier catalogue, and become the shapes of
    /// this catalogue.
    pub fn with(
        catalogue: &'a Catalogue,
        ledger: &'a Ledger,
        shapes: &mut Arc<Shapes>,
    ) -> Records<'a> {
        let followed = Arc::make_mut(shapes);
        followed.follow(catalogue);
        let [films, people] = followed.entries(catalogue, ledger);
        Records { catalogue, ledger, shapes: shapes.clone(), films, people }
    }

    /// Returns the entry of a film. The ledger has entered every record of the catalogue, so every
    /// film has an entry.
    pub(super) fn film(&self, film: FilmIndex) -> Option<&'a Entry> {
        self.films[self.catalogue.film_place(film)]
    }

    /// Returns the entry of a person, as [`Records::film`] does for a film.
    pub(super) fn person(&self, person: PersonIndex) -> Option<&'a Entry> {
        self.people[self.catalogue.person_place(person)]
    }
}
