//! The pairs of a film and a person.
//!
//! Owns the rule that makes a pair: the film refers to the person, or the person refers to the film.

use std::collections::HashMap;

use super::listed::Listed;
use super::related::Related;
use super::stated::Stated;
use super::warning::Warning;
use super::{Credit, Film, FilmIndex, Person, PersonIndex};
use crate::payload::Fault;

/// All pairs in both directions.
#[derive(Debug, Clone, Default)]
pub(super) struct Pairs {
    /// The people of each film: people of the credits in their order, then the others by name.
    pub(super) casts: Related<PersonIndex>,
    /// The films of each person, oldest first.
    pub(super) filmographies: Related<FilmIndex>,
    /// Number of pairs that only people state.
    only_people: usize,
    /// Number of pairs that only films state.
    only_films: usize,
}

/// One list with what the list states.
pub(super) type StatedList<'l, T> = (&'l Listed<T>, &'l Stated);

impl Pairs {
    /// Unites the pairs that films and people state.
    ///
    /// # Errors
    /// Fails if there are more than `most` pairs.
    pub(super) fn of(
        (films, by_films): StatedList<'_, Film>,
        (people, by_people): StatedList<'_, Person>,
        most: usize,
    ) -> Result<Pairs, Fault> {
        if by_films.targets.count() > most || by_people.targets.count() > most {
            return Err(Fault::TooManyPairs { most });
        }
        // A pair is the place of the person, with a bit for the list that states the pair.
        let place = |person: u32| (people.shelf.place(person) as u64) << 1;
        let one = pairs(films, by_films).map(|(film, person)| (film, place(person)));
        let other = pairs(people, by_people).map(|(person, film)| (film, place(person) | 1));
        let stated = Related::of(films.shelf.slots(), one.chain(other));
        let mut pairs = Pairs::default();
        let mut casts = Related::default();
        let mut cast = Vec::new();
        for film in 0..films.shelf.slots() as u32 {
            cast.clear();
            cast.extend_from_slice(stated.of_record(film));
            cast.sort_unstable();
            cast.dedup();
            for pair in cast.chunk_by(|one, other| one >> 1 == other >> 1) {
                match pair {
                    [only] if only & 1 == 1 => pairs.only_people += 1,
                    [_] => pairs.only_films += 1,
                    _ => {}
                }
            }
            cast.dedup_by_key(|pair| *pair >> 1);
            in_order_of_credits(&mut cast, films.shelf.find(film), people);
            casts.push(
                cast.iter()
                    .filter_map(|pair| people.shelf.at((pair >> 1) as usize).map(PersonIndex)),
            );
        }
        if casts.count() > most {
            return Err(Fault::TooManyPairs { most });
        }
        // Films come with the newest film first.
        let oldest_first = films.shelf.iter().rev().flat_map(|(film, _)| {
            casts.of_record(film).iter().map(move |person| (person.0, FilmIndex(film)))
        });
        pairs.filmographies = Related::of(people.shelf.slots(), oldest_first);
        pairs.casts = casts;
        Ok(pairs)
    }

    pub(super) fn warn(&self, warnings: &mut Vec<Warning>) {
        let Pairs { only_people, only_films, .. } = *self;
        if only_people + only_films > 0 {
            warnings.push(Warning::OneWay { only_people, only_films });
        }
    }
}

/// Puts the people of the credits of a film first, in the order of the credits.
fn in_order_of_credits(cast: &mut [u64], film: Option<&Film>, people: &Listed<Person>) {
    let credits = film.map_or(&[][..], |film| &film.credits);
    if credits.is_empty() {
        return;
    }
    let place = |credit: &Credit| {
        let index = people.ids.get(&people.shelf, &credit.person)?;
        Some(people.shelf.place(index) as u64)
    };
    let numbered = credits.iter().enumerate();
    let order: HashMap<u64, usize> =
        numbered.filter_map(|(at, credit)| Some((place(credit)?, at))).collect();
    cast.sort_by_key(|pair| order.get(&(pair >> 1)).copied().unwrap_or(usize::MAX));
}

#[cfg(test)]
impl Pairs {
    /// Makes no pairs, for these numbers of films and people.
    pub(super) fn none(films: usize, people: usize) -> Pairs {
        let casts = Related::of(films, std::iter::empty());
        let filmographies = Related::of(people, std::iter::empty());
        Pairs { casts, filmographies, ..Pairs::default() }
    }
}

/// Returns the pairs that a list states: the index of the record, and of the record to which it
/// refers.
fn pairs<'l, T>(
    list: &'l Listed<T>,
    stated: &'l Stated,
) -> impl Iterator<Item = (u32, u32)> + Clone + 'l {
    let rows = list.rows.iter().enumerate();
    rows.filter_map(|(at, row)| Some((at as u32, row.index?))).flat_map(|(at, index)| {
        stated.targets.of_record(at).iter().map(move |&target| (index, target))
    })
}
