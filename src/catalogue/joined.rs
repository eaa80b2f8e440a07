//! The join of a payload, from which the next join begins.
//!
//! Owns the order of the steps of a join, and the rule that a step is repeated only if its input
//! changed. The result does not depend on the catalogue before: the tests compare each result with
//! the join from nothing.

use std::sync::Arc;

use super::answered_list::{AnsweredList, answers_of};
use super::bounds::Bounds;
use super::credited::people_of;
use super::listed::{Listed, RawRecord};
use super::pairs::Pairs;
use super::read::{credited, film, person};
use super::stated::{Stated, Stating};
use super::unmatched::unmatched;
use super::warning::Warning;
use super::{Catalogue, Film, Person};
use crate::mapping::{ListMapping, Mapping};
use crate::payload::{Endpoint, Fault, Payload};

/// A catalogue, with what the next join can use again.
#[derive(Debug, Clone, Default)]
pub struct Joined {
    /// Films and people.
    pub catalogue: Catalogue,
    /// The imperfections of the data.
    pub warnings: Vec<Warning>,
    /// Whether the films and people have the same ids as in the join before.
    pub keeps_ids: bool,
    films: Listed<Film>,
    people: Listed<Person>,
    by_films: Stated,
    by_people: Stated,
}

impl Joined {
    /// Decodes and joins the payload that follows this payload. See
    /// [`join_within`](super::join_within).
    ///
    /// # Errors
    /// Fails with a [`Fault`] if one of the bodies is not a list of records, or if the payload
    /// exceeds `bounds`.
    pub fn next(
        &self,
        payload: &Payload,
        mapping: &Mapping,
        bounds: Bounds,
    ) -> Result<Joined, Fault> {
        let (of_films, of_people) = (&mapping.films, mapping.people.as_ref());
        let film_texts = answers_of(Endpoint::Films, payload, of_films)?;
        let people_texts =
            of_people.map(|list| answers_of(Endpoint::People, payload, list)).transpose()?;
        let asked_people = people_texts.as_deref().zip(of_people);
        let most = bounds.records;
        let (answered_films, answered_people) = rayon::join(
            || AnsweredList::of(Endpoint::Films, &film_texts, of_films, most),
            || {
                let answered =
                    |(texts, list)| AnsweredList::of(Endpoint::People, texts, list, most);
                asked_people.map(answered)
            },
        );
        let (answered_films, answered_people) = (answered_films?, answered_people.transpose()?);
        let raw_films = answered_films.records;
        let (seed, units) = (of_films.digest(), bounds.units);
        let films = self.films.next(
            Endpoint::Films,
            &raw_films,
            seed,
            |raw| film(raw.text, of_films),
            units,
        )?;
        let made = people_of(&films.list.shelf);
        let made = made.iter().map(|text| RawRecord { text, is_credit: true });
        let raw_people = answered_people.iter().flat_map(|answered| &answered.records).copied();
        let raw_people: Vec<RawRecord<'_>> = raw_people.chain(made).collect();
        if raw_people.len() > bounds.records {
            return Err(Fault::TooMany { endpoint: Endpoint::People, most: bounds.records });
        }
        let seed = of_people.map_or(0, ListMapping::digest);
        let people = self.people.next(
            Endpoint::People,
            &raw_people,
            seed,
            |raw| match of_people {
                Some(list) if !raw.is_credit => person(raw.text, list),
                _ => credited(raw.text),
            },
            units,
        )?;
        bounds.hold_makers(films.list.shelf.iter().map(|(_, film)| film))?;
        let credits = |index| &*films.list.shelf.get(index).credits;
        let by_films = Stating {
            rows: &films.list.rows,
            raw: &raw_films,
            list: Some(of_films),
            key: "people",
            credits: &credits,
        };
        let by_people = Stating {
            rows: &people.list.rows,
            raw: &raw_people,
            list: of_people,
            key: "films",
            credits: &|_| &[],
        };
        let (by_films, by_people) = rayon::join(
            || {
                let origins = (!people.step.changes_ids()).then_some(&*films.origins);
                self.by_films.next(&by_films, origins, (Endpoint::People, &people.list))
            },
            || {
                let origins = (!films.step.changes_ids()).then_some(&*people.origins);
                self.by_people.next(&by_people, origins, (Endpoint::Films, &films.list))
            },
        );
        let mut warnings = Vec::new();
        warnings.extend(answered_films.warnings);
        warnings.extend(answered_people.into_iter().flat_map(|answered| answered.warnings));
        unmatched(Endpoint::Films, &films.list, of_films, &raw_films, &mut warnings)?;
        if let Some(list) = of_people {
            unmatched(Endpoint::People, &people.list, list, &raw_people, &mut warnings)?;
        }
        let keeps_ids = !films.step.changes_ids() && !people.step.changes_ids();
        // The order of the credits is the order of the people of a film.
        let has_order_of = |(index, film): &(u32, Arc<Film>)| {
            let before = self.films.shelf.find(*index);
            before.is_some_and(|before| {
                let before = before.credits.iter().map(|credit| &credit.person);
                before.eq(film.credits.iter().map(|credit| &credit.person))
            })
        };
        let keeps_credits = !of_films.has_credits() || films.step.changed.iter().all(has_order_of);
        let (films, people) = (films.list, people.list);
        let pairs = if keeps_credits && self.has_pairs_of(&films, &people, &by_films, &by_people) {
            self.catalogue.pairs.clone()
        } else {
            Arc::new(Pairs::of((&films, &by_films), (&people, &by_people), bounds.pairs)?)
        };
        let (film_shelf, person_shelf) = (films.shelf.clone(), people.shelf.clone());
        let catalogue = Catalogue { films: film_shelf, people: person_shelf, pairs };
        bounds.hold_site(&catalogue)?;
        let mut next =
            Joined { catalogue, warnings, keeps_ids, films, people, by_films, by_people };
        next.warn(mapping);
        Ok(next)
    }

    /// Whether the pairs are the same as before, in the same order.
    fn has_pairs_of(
        &self,
        films: &Listed<Film>,
        people: &Listed<Person>,
        by_films: &Stated,
        by_people: &Stated,
    ) -> bool {
        self.films.shelf.has_order_of(&films.shelf)
            && self.people.shelf.has_order_of(&people.shelf)
            && self.films.has_indexes_of(films)
            && self.people.has_indexes_of(people)
            && self.by_films.targets == by_films.targets
            && self.by_people.targets == by_people.targets
    }

    /// Collects the warnings.
    fn warn(&mut self, mapping: &Mapping) {
        let mut warnings = std::mem::take(&mut self.warnings);
        let limit_of = |list: &ListMapping| list.get.limit();
        let (films, people) = (Some(&mapping.films), mapping.people.as_ref());
        for (endpoint, list, count) in [
            (Endpoint::Films, films, self.films.sent()),
            (Endpoint::People, people, self.people.sent()),
        ] {
            if let Some(limit) = list.and_then(limit_of).filter(|limit| count >= *limit as usize) {
                warnings.push(Warning::ProbablyCut { endpoint, limit });
            }
        }
        self.films.warn(Endpoint::Films, &mut warnings);
        self.people.warn(Endpoint::People, &mut warnings);
        self.by_films.warn(Endpoint::Films, &mut warnings);
        self.by_people.warn(Endpoint::People, &mut warnings);
        // Credits state pairs in one direction only.
        if !mapping.films.has_credits() {
            self.catalogue.pairs.warn(&mut warnings);
        }
        self.warnings = warnings;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::tests::payload;
    use super::*;

    /// One edit of the lists of an upstream. The numbers choose records and values.
    #[derive(Debug, Clone)]
    enum Edit {
        Add(bool, u8),
        Remove(bool, u8),
        Rename(bool, u8, u8),
        Date(u8, u8),
        ChangeId(bool, u8, u8),
        Recast(bool, u8, Vec<u8>),
        Swap(bool, u8, u8),
        Repeat(bool, u8),
        Spoil(bool, u8),
    }

    fn edit() -> impl Strategy<Value = Edit> {
        let (is_film, n) = (any::<bool>(), 0_u8..12);
        prop_oneof![
            (is_film, n.clone()).prop_map(|(f, a)| Edit::Add(f, a)),
            (is_film, n.clone()).prop_map(|(f, a)| Edit::Remove(f, a)),
            (is_film, n.clone(), n.clone()).prop_map(|(f, a, b)| Edit::Rename(f, a, b)),
            (n.clone(), n.clone()).prop_map(|(a, b)| Edit::Date(a, b)),
            (is_film, n.clone(), n.clone()).prop_map(|(f, a, b)| Edit::ChangeId(f, a, b)),
            (is_film, n.clone(), proptest::collection::vec(n.clone(), 0..5))
                .prop_map(|(f, a, b)| Edit::Recast(f, a, b)),
            (is_film, n.clone(), n.clone()).prop_map(|(f, a, b)| Edit::Swap(f, a, b)),
            (is_film, n.clone()).prop_map(|(f, a)| Edit::Repeat(f, a)),
            (is_film, n).prop_map(|(f, a)| Edit::Spoil(f, a)),
        ]
    }

    /// The lists of the upstream: people and films.
    type Lists = [Vec<Value>; 2];

    fn apply(lists: &mut Lists, edit: &Edit) {
        let title = |is_film: bool| if is_film { "title" } else { "name" };
        let others = |is_film: bool| if is_film { "people" } else { "films" };
        let at = |list: &[Value], n: u8| usize::from(n) % list.len().max(1);
        match edit {
            Edit::Add(is_film, n) => {
                let of = title(*is_film);
                let record = json!({"id": n.to_string(), of: format!("T{}", n % 3), "x": n});
                lists[usize::from(*is_film)].push(record);
            }
            Edit::Date(n, date) => {
                let place = at(&lists[1], *n);
                if let Some(film) = lists[1].get_mut(place).filter(|film| film.is_object()) {
                    film["release_date"] = json!(1990 + u32::from(*date % 4));
                }
            }
            Edit::Remove(is_film, n) | Edit::Repeat(is_film, n) | Edit::Spoil(is_film, n) => {
                let list = &mut lists[usize::from(*is_film)];
                let place = at(list, *n);
                match edit {
                    _ if list.is_empty() => {}
                    Edit::Remove(..) => drop(list.remove(place)),
                    Edit::Repeat(..) => list.push(list[place].clone()),
                    _ if list[place].is_object() => list[place]["rt_score"] = json!(["bad"]),
                    _ => list[place] = json!(7),
                }
            }
            Edit::Swap(is_film, one, other) => {
                let list = &mut lists[usize::from(*is_film)];
                if !list.is_empty() {
                    let (one, other) = (at(list, *one), at(list, *other));
                    list.swap(one, other);
                }
            }
            Edit::Rename(is_film, n, value) | Edit::ChangeId(is_film, n, value) => {
                let list = &mut lists[usize::from(*is_film)];
                let place = at(list, *n);
                if let Some(record) = list.get_mut(place).filter(|record| record.is_object()) {
                    let is_name = matches!(edit, Edit::Rename(..));
                    let field = if is_name { title(*is_film) } else { "id" };
                    record[field] = json!(value.to_string());
                }
            }
            Edit::Recast(is_film, n, cast) => {
                let list = &mut lists[usize::from(*is_film)];
                let place = at(list, *n);
                if let Some(record) = list.get_mut(place).filter(|record| record.is_object()) {
                    let (field, segment) = (others(*is_film), others(*is_film));
                    record[field] = cast.iter().map(|id| format!("h/{segment}/{id}")).collect();
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn a_join_after_edits_is_the_join_from_nothing(
            edits in proptest::collection::vec(edit(), 1..40),
            together in 1..5_usize,
        ) {
            let mapping = Mapping::default_mapping();
            let mut lists = Lists::default();
            let mut joined = Joined::default();
            for edits in edits.chunks(together) {
                edits.iter().for_each(|edit| apply(&mut lists, edit));
                let [people, films] = lists.clone().map(Value::Array);
                let payload = payload(&films, &people);
                joined = joined.next(&payload, &mapping, Bounds::none()).expect("a catalogue");
                let cold = Joined::default().next(&payload, &mapping, Bounds::none()).expect("the same");
                prop_assert_eq!(&joined.catalogue, &cold.catalogue);
                prop_assert_eq!(&joined.warnings, &cold.warnings);
            }
        }
    }

    #[test]
    fn an_unchanged_record_is_not_read_again_and_keeps_its_index() {
        let film = |id: &str, title: &str| json!({"id": id, "title": title});
        let films = [film("a", "A"), film("b", "B")];
        let mapping = Mapping::default_mapping();
        let next = |joined: &Joined, films: &[Value]| {
            let films = Value::Array(films.to_vec());
            joined
                .next(&payload(&films, &json!([])), &mapping, Bounds::none())
                .expect("a catalogue")
        };
        let first = next(&Joined::default(), &films);
        let grown = next(&first, &[film("c", "0"), films[0].clone(), film("b", "BB")]);
        let index = |joined: &Joined, id: &str| {
            let mut found = joined.catalogue.films().filter(|(_, film)| film.id == id);
            found.next().map(|(index, film)| (index, film as *const Film))
        };
        assert_eq!(index(&first, "a"), index(&grown, "a"), "the same record in memory");
        assert_eq!(index(&first, "b").map(|it| it.0), index(&grown, "b").map(|it| it.0));
        let smaller = next(&grown, &[film("d", "D"), film("b", "BB")]);
        let both = [index(&smaller, "d").map(|it| it.0), index(&grown, "a").map(|it| it.0)];
        assert_ne!(both[0], both[1], "an index is free only in the next step");
    }
}
