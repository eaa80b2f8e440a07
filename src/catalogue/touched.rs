//! The records that differ between two catalogues.
//!
//! Owns what counts as touched: a record that is new or has other fields, a record with other
//! related records, and a record of which a related record has other fields. What depends on other
//! records only can be kept from one catalogue to the next.

use std::collections::BTreeMap;

use super::pairs::Pairs;
use super::related::Related;
use super::shelf::{Shelf, Shelved};
use super::{Catalogue, Film, FilmIndex, Person, PersonIndex};

/// How the films and people of a catalogue differ from those of the catalogue before.
#[derive(Debug)]
pub struct Touched {
    /// Films.
    pub films: TouchedRecords<FilmIndex>,
    /// People.
    pub people: TouchedRecords<PersonIndex>,
}

/// How the records of one kind differ.
#[derive(Debug)]
pub struct TouchedRecords<I> {
    /// Records of the later catalogue.
    pub now: Vec<I>,
    /// Records of the earlier catalogue that the later catalogue does not have. The later catalogue
    /// may have another record under the same index.
    pub gone: Vec<I>,
    /// Whether both catalogues have the same records in the same order.
    pub is_in_order: bool,
}

impl<I: Copy> TouchedRecords<I> {
    /// Returns the touched records of both catalogues by id. `find` returns the record with an
    /// index in a catalogue, with its id.
    pub fn in_both<'c, T>(
        &self,
        before: &'c Catalogue,
        now: &'c Catalogue,
        find: impl Fn(&'c Catalogue, I) -> Option<(&'c str, T)>,
    ) -> [BTreeMap<&'c str, T>; 2] {
        let all = || self.gone.iter().chain(&self.now);
        [before, now].map(|of| all().filter_map(|&index| find(of, index)).collect())
    }
}

impl Catalogue {
    /// Returns the records that differ from those of the catalogue `before`.
    pub fn touched_since(&self, before: &Catalogue) -> Touched {
        let (mut films, mut people) =
            (own(&before.films, &self.films), own(&before.people, &self.people));
        let related = |films: &OwnTouched, people: &OwnTouched| {
            let of_people =
                people.changed.iter().flat_map(|&person| self.filmography(PersonIndex(person)));
            let of_films = films.changed.iter().flat_map(|&film| self.cast(FilmIndex(film)));
            let films: Vec<_> = of_people.map(|film| film.0).collect();
            let people: Vec<_> = of_films.map(|person| person.0).collect();
            (films, people)
        };
        let (films_of_people, people_of_films) = related(&films, &people);
        films.is_touched(films_of_people);
        people.is_touched(people_of_films);
        if !std::sync::Arc::ptr_eq(&self.pairs, &before.pairs) {
            let Pairs { casts, filmographies, .. } = &*self.pairs;
            films.is_touched(others(casts, &before.pairs.casts));
            people.is_touched(others(filmographies, &before.pairs.filmographies));
        }
        Touched {
            films: films.records(&self.films, FilmIndex),
            people: people.records(&self.people, PersonIndex),
        }
    }

    /// Returns the film with this index, which may be from another catalogue.
    pub fn find_film(&self, film: FilmIndex) -> Option<&Film> {
        self.films.find(film.0)
    }

    /// Returns the person with this index, which may be from another catalogue.
    pub fn find_person(&self, person: PersonIndex) -> Option<&Person> {
        self.people.find(person.0)
    }

    /// Returns the number of indexes of films, of which some may be free.
    pub fn film_slots(&self) -> usize {
        self.films.slots()
    }

    /// Returns the number of indexes of people, of which some may be free.
    pub fn person_slots(&self) -> usize {
        self.people.slots()
    }
}

/// The records of one kind by index.
struct OwnTouched {
    /// New records, and records with other fields.
    changed: Vec<u32>,
    gone: Vec<u32>,
    is_in_order: bool,
    /// Records that are touched because of other records.
    related: Vec<u32>,
}

impl OwnTouched {
    fn is_touched(&mut self, related: impl IntoIterator<Item = u32>) {
        self.related.extend(related);
    }

    fn records<T, I>(self, shelf: &Shelf<T>, index: impl Fn(u32) -> I) -> TouchedRecords<I> {
        let mut now = self.changed;
        now.extend(self.related.into_iter().filter(|&index| shelf.find(index).is_some()));
        now.sort_unstable();
        now.dedup();
        let index = |all: Vec<u32>| all.into_iter().map(&index).collect();
        TouchedRecords { now: index(now), gone: index(self.gone), is_in_order: self.is_in_order }
    }
}

fn own<T: Shelved>(before: &Shelf<T>, after: &Shelf<T>) -> OwnTouched {
    let mut own = OwnTouched {
        changed: Vec::new(),
        gone: Vec::new(),
        is_in_order: true,
        related: Vec::new(),
    };
    for index in 0..before.slots().max(after.slots()) as u32 {
        if before.is_shared_with(after, index) {
            continue;
        }
        match (before.find(index), after.find(index)) {
            (Some(old), Some(new)) if old.id() == new.id() => {
                own.changed.push(index);
                own.is_in_order &= old.key() == new.key();
            }
            (old, new) => {
                own.is_in_order = false;
                own.gone.extend(old.map(|_| index));
                own.changed.extend(new.map(|_| index));
            }
        }
    }
    own
}

/// Returns the records whose lists differ.
fn others<'r, T: Copy + PartialEq>(
    now: &'r Related<T>,
    before: &'r Related<T>,
) -> impl Iterator<Item = u32> + use<'r, T> {
    let all = 0..now.records().min(before.records()) as u32;
    all.filter(|&record| now.of_record(record) != before.of_record(record))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::payload;
    use super::super::{Bounds, Joined};
    use super::*;

    fn touched(before: [Value; 2], after: [Value; 2]) -> [String; 3] {
        let next = |joined: &Joined, [films, people]: &[Value; 2]| {
            joined.next(&payload(films, people), 0, Bounds::none()).expect("a catalogue")
        };
        let before = next(&Joined::default(), &before);
        let after = next(&before, &after);
        let touched = after.catalogue.touched_since(&before.catalogue);
        let film = |catalogue: &Catalogue, index: &FilmIndex| catalogue.film(*index).id.clone();
        let films: Vec<_> = touched.films.now.iter().map(|at| film(&after.catalogue, at)).collect();
        let gone: Vec<_> =
            touched.films.gone.iter().map(|at| film(&before.catalogue, at)).collect();
        let people = touched.people.now.iter();
        let people: Vec<_> = people.map(|&at| after.catalogue.person(at).id.clone()).collect();
        let order = if touched.films.is_in_order { "in order" } else { "moved" };
        [films.join(" "), people.join(" "), format!("{} {order}", gone.join(" "))]
    }

    fn film(id: &str, title: &str) -> Value {
        json!({"id": id, "title": title})
    }

    fn person(id: &str, name: &str, films: &[&str]) -> Value {
        json!({"id": id, "name": name, "films": films})
    }

    #[test]
    fn a_changed_record_touches_itself_and_its_related_records() {
        let films = || json!([film("a", "A"), film("b", "B")]);
        let people = |name| json!([person("p", name, &["a"]), person("q", "Q", &["b"])]);
        assert_eq!(touched([films(), people("P")], [films(), people("P")]), ["", "", " in order"]);
        assert_eq!(
            touched([films(), people("P")], [films(), people("P2")]),
            ["a", "p", " in order"]
        );
        let renamed = json!([film("a", "C"), film("b", "B")]);
        assert_eq!(touched([films(), people("P")], [renamed, people("P")]), ["a", "p", " moved"]);
    }

    #[test]
    fn a_pair_that_comes_or_goes_touches_both_records() {
        let films = || json!([film("a", "A"), film("b", "B")]);
        let people = |films: &[&str]| json!([person("p", "P", films), person("q", "Q", &[])]);
        assert_eq!(
            touched([films(), people(&["a"])], [films(), people(&["b"])]),
            ["a b", "p", " in order"]
        );
    }

    #[test]
    fn a_record_that_is_gone_touches_its_related_records() {
        let people = || json!([person("p", "P", &["a", "b"])]);
        let before = json!([film("a", "A"), film("b", "B")]);
        assert_eq!(
            touched([before, people()], [json!([film("b", "B")]), people()]),
            ["", "p", "a moved"]
        );
    }
}
