//! The records that differ between two catalogues.
//!
//! Owns what counts as touched: a record that is new or has other fields, a record with other
//! related records, and a record of which a related record has other fields. What depends on other
//! records only can be kept from one catalogue to the next.

use std::collections::HashSet;
use std::sync::Arc;

use super::related::Related;
use super::shelf::{Shelf, Shelved};
use super::{Catalogue, FilmIndex, PersonIndex};

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
    /// Touched records of the earlier catalogue. The later catalogue may have other records under
    /// their indexes.
    pub before: Vec<I>,
    /// Touched records of the later catalogue.
    pub now: Vec<I>,
    /// Whether both catalogues have the same records in the same order.
    pub is_in_order: bool,
    /// All indexes of the later catalogue are below this number.
    pub slots: usize,
}

impl Touched {
    /// Compares two catalogues.
    pub fn between(before: &Catalogue, now: &Catalogue) -> Touched {
        let mut films = ShelfDifference::of(&before.films, &now.films);
        let mut people = ShelfDifference::of(&before.people, &now.people);
        let of_people = people.changed().flat_map(|person| now.filmography(PersonIndex(person)));
        let of_people: Vec<_> = of_people.map(|film| film.0).collect();
        let of_films = films.changed().flat_map(|film| now.cast(FilmIndex(film)));
        let of_films: Vec<_> = of_films.map(|person| person.0).collect();
        films.related.extend(of_people);
        people.related.extend(of_films);
        if !Arc::ptr_eq(&before.pairs, &now.pairs) {
            let (old, new) = (&before.pairs, &now.pairs);
            films.related.extend(others(&old.casts, &new.casts));
            people.related.extend(others(&old.filmographies, &new.filmographies));
        }
        Touched {
            films: films.records(now.films.slots(), FilmIndex),
            people: people.records(now.people.slots(), PersonIndex),
        }
    }
}

/// Records of one kind that differ, by index.
struct ShelfDifference {
    gone: Vec<u32>,
    new: Vec<u32>,
    /// Records with other fields.
    other: Vec<u32>,
    /// Records that are touched because of other records. They may be new.
    related: Vec<u32>,
    is_in_order: bool,
}

impl ShelfDifference {
    fn of<T: Shelved>(before: &Shelf<T>, now: &Shelf<T>) -> ShelfDifference {
        let (mut gone, mut new, mut other) = (Vec::new(), Vec::new(), Vec::new());
        let mut is_in_order = true;
        for index in 0..before.slots().max(now.slots()) as u32 {
            if before.is_shared_with(now, index) {
                continue;
            }
            match (before.find(index), now.find(index)) {
                (Some(old), Some(new)) if old.id() == new.id() => {
                    other.push(index);
                    is_in_order &= old.key() == new.key();
                }
                (old_record, new_record) => {
                    gone.extend(old_record.map(|_| index));
                    new.extend(new_record.map(|_| index));
                }
            }
        }
        is_in_order &= gone.is_empty() && new.is_empty();
        ShelfDifference { gone, new, other, related: Vec::new(), is_in_order }
    }

    /// Returns new records, and records with other fields.
    fn changed(&self) -> impl Iterator<Item = u32> {
        self.new.iter().chain(&self.other).copied()
    }

    fn records<I>(self, slots: usize, index: impl Fn(u32) -> I) -> TouchedRecords<I> {
        let ShelfDifference { gone, new, other, related, is_in_order } = self;
        let changed: HashSet<_> = gone.iter().chain(&new).collect();
        // A related record that is neither gone nor new is in both catalogues.
        let related = related.iter().filter(|index| !changed.contains(index));
        let mut stays: Vec<_> = other.iter().chain(related).copied().collect();
        stays.sort_unstable();
        stays.dedup();
        let all = |some: &[u32]| some.iter().chain(&stays).map(|&at| index(at)).collect();
        TouchedRecords { before: all(&gone), now: all(&new), is_in_order, slots }
    }
}

/// Returns the records whose lists differ.
fn others<'r, T: Copy + PartialEq>(
    before: &'r Related<T>,
    now: &'r Related<T>,
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
    use crate::mapping::Mapping;

    fn touched(before: [Value; 2], after: [Value; 2]) -> [String; 3] {
        let next = |joined: &Joined, [films, people]: &[Value; 2]| {
            joined
                .next(&payload(films, people), &Mapping::default_mapping(), Bounds::none())
                .expect("a catalogue")
        };
        let before = next(&Joined::default(), &before);
        let after = next(&before, &after);
        let touched = Touched::between(&before.catalogue, &after.catalogue);
        let film = |catalogue: &Catalogue, index: &FilmIndex| catalogue.film(*index).id.clone();
        let films: Vec<_> = touched.films.now.iter().map(|at| film(&after.catalogue, at)).collect();
        let was: Vec<_> =
            touched.films.before.iter().map(|at| film(&before.catalogue, at)).collect();
        let people = touched.people.now.iter();
        let people: Vec<_> = people.map(|&at| after.catalogue.person(at).id.clone()).collect();
        let order = if touched.films.is_in_order { "in order" } else { "moved" };
        [films.join(" "), people.join(" "), format!("{} {order}", was.join(" "))]
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
            ["a", "p", "a in order"]
        );
        let renamed = json!([film("a", "C"), film("b", "B")]);
        assert_eq!(touched([films(), people("P")], [renamed, people("P")]), ["a", "p", "a moved"]);
    }

    #[test]
    fn a_pair_that_comes_or_goes_touches_both_records() {
        let films = || json!([film("a", "A"), film("b", "B")]);
        let people = |films: &[&str]| json!([person("p", "P", films), person("q", "Q", &[])]);
        assert_eq!(
            touched([films(), people(&["a"])], [films(), people(&["b"])]),
            ["a b", "p", "a b in order"]
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
