//! The basis of a page: a hash of all records and facts from which the page is made.
//!
//! Owns the rule that a page with the same basis has the same fingerprint, so that a page of an
//! unchanged part of the site is recognised without making its variables. A basis may cover more
//! than the page shows: then the fingerprint decides. A page without a basis is always compared by
//! its fingerprint. The tests compare bases with fingerprints over random histories of a catalogue.
//!
//! 1. Each film and each person gets hashes of what other pages show of the record.
//! 2. Each group of films gets hashes of its films.
//! 3. The basis of a page combines these hashes.

use std::hash::Hash;

use rayon::prelude::*;

use super::contents::PageContents;
use super::groups::{Director, Groups, Makers};
use super::hash::hash;
use super::lists::List;
use super::most::MOST_BESIDE;
use super::page::{Named, Page};
use super::search;
use super::split::Split;
use super::view::Views;
use crate::catalogue::{Credit, FilmIndex, PersonIndex};

/// Hashes of one film.
#[derive(Debug, Clone, Copy, Default)]
struct FilmBasis {
    /// Hash of the fields by which other pages name the film.
    name: u64,
    /// Hash of all fields of the film, and of the slugs of the film and its makers.
    own: u64,
    /// Hash of the names of its people.
    cast: u64,
    /// Hash of what a list or a data file shows of the film.
    card: u64,
}

/// Hashes of one person.
#[derive(Debug, Clone, Copy, Default)]
struct PersonBasis {
    /// Hash of the fields by which other pages name the person.
    name: u64,
    /// Hash of what a list or a data file shows of the person.
    entry: u64,
}

/// Hashes of the films of a director or a producer.
#[derive(Debug, Clone, Copy)]
struct GroupBasis {
    /// Hash of the names of the films.
    names: u64,
    /// Hash of the films, from which the figures of the group are made.
    figures: u64,
}

/// The hashes from which the basis of each page is made.
#[derive(Debug)]
pub(super) struct Bases {
    /// By place in the catalogue.
    films: Vec<FilmBasis>,
    people: Vec<PersonBasis>,
    /// In the order of the groups.
    directors: Vec<GroupBasis>,
    producers: Vec<GroupBasis>,
    all_cards: u64,
    all_entries: u64,
}

impl Bases {
    /// Makes the hashes of all records and groups (steps 1 and 2).
    pub(super) fn of(contents: &PageContents<'_>) -> Bases {
        let (views, groups) = (contents.views, contents.lists.groups());
        let catalogue = views.catalogue;
        let indexes: Vec<_> = catalogue.films().map(|(index, _)| index).collect();
        let mut films: Vec<_> =
            indexes.par_iter().map(|&film| alone(views, groups, film)).collect();
        let persons: Vec<_> = catalogue.people().map(|(index, _)| index).collect();
        let people: Vec<_> = persons
            .par_iter()
            .map(|&person| {
                let (record, slug) = (catalogue.person(person), views.person_slug(person));
                let name = hash(&(&record.id, &record.name, slug));
                let record = views.records.shapes.record_of_person(person);
                let shown = catalogue.filmography(person).iter();
                let name_of = |&film: &FilmIndex| {
                    (films[catalogue.film_place(film)].name, credit(views, film, person))
                };
                let shown: Vec<_> = shown.map(name_of).collect();
                PersonBasis { name, entry: hash(&(record, slug, shown)) }
            })
            .collect();
        films.par_iter_mut().zip(&indexes).for_each(|(basis, &film)| {
            let name_of = |&person: &PersonIndex| people[catalogue.person_place(person)].name;
            let cast: Vec<_> = catalogue.cast(film).iter().map(name_of).collect();
            basis.cast = hash(&cast);
            basis.card = hash(&(basis.own, basis.cast));
        });
        let all_cards = hash(&films.iter().map(|film| film.card).collect::<Vec<_>>());
        let all_entries = hash(&people.iter().map(|person| person.entry).collect::<Vec<_>>());
        let (directors, producers) = (Vec::new(), Vec::new());
        let mut bases = Bases { films, people, directors, producers, all_cards, all_entries };
        bases.directors = bases.groups(views, &groups.directors);
        bases.producers = bases.groups(views, &groups.producers);
        bases
    }

    fn groups(&self, views: Views<'_>, makers: &Makers<'_>) -> Vec<GroupBasis> {
        let basis = |group: &Director<'_>| {
            let films = group.films.iter().map(|&film| self.film(views, film));
            let names: Vec<_> = films.clone().map(|film| film.name).collect();
            let own: Vec<_> = films.map(|film| film.own).collect();
            GroupBasis {
                names: hash(&(group.slug, names)),
                figures: hash(&(group.name, group.slug, own)),
            }
        };
        makers.groups.par_iter().map(basis).collect()
    }

    fn film(&self, views: Views<'_>, film: FilmIndex) -> &FilmBasis {
        &self.films[views.catalogue.film_place(film)]
    }

    fn person(&self, views: Views<'_>, person: PersonIndex) -> &PersonBasis {
        &self.people[views.catalogue.person_place(person)]
    }

    /// Returns the basis of a film as a film of this person.
    fn film_of<'a>(
        &self,
        views: Views<'a>,
        person: PersonIndex,
        film: FilmIndex,
    ) -> (u64, Option<&'a Credit>) {
        (self.film(views, film).name, credit(views, film, person))
    }

    /// Returns the basis of a page, without the facts that all pages share (step 3); `None` if the
    /// page has no basis.
    pub(super) fn of_page(&self, contents: &PageContents<'_>, page: &Page) -> Option<u64> {
        let views = contents.views;
        let counts = (self.films.len(), self.people.len());
        Some(match page {
            Page::Films => hash(&(self.all_cards, counts)),
            Page::Film(film) => self.of_film(contents, *film),
            Page::Poster(film) => self.film(views, *film).name,
            Page::Person(person) => self.of_person(views, *person),
            Page::Part(Named::Film(film), prefix) => {
                let people = contents.large.cast(views.catalogue, *film, prefix);
                let shown = people.shown.iter().map(|&person| self.person(views, person).entry);
                let shown: Vec<_> = shown.collect();
                hash(&(self.film(views, *film).own, shown, people.parts))
            }
            Page::Part(Named::Person(person), prefix) => {
                let films = contents.large.filmography(views.catalogue, *person, prefix);
                let name = |&film: &FilmIndex| self.film_of(views, *person, film);
                let shown = films.shown.iter().map(name);
                let (record, shown) = (views.catalogue.person(*person), shown.collect::<Vec<_>>());
                hash(&(record, views.person_slug(*person), shown, films.parts))
            }
            Page::PartJson(Named::Film(film), prefix) => {
                let file = contents.large.people_of(views, *film)?;
                let name = |&person: &PersonIndex| {
                    (self.person(views, person).name, credit(views, *film, person))
                };
                hash(&(views.film_slug(*film), of_parts(&file.split, prefix, name)))
            }
            Page::PartJson(Named::Person(person), prefix) => {
                let file = contents.large.films_of(views, *person)?;
                let name = |&film: &FilmIndex| self.film_of(views, *person, film);
                hash(&(views.person_slug(*person), of_parts(&file.split, prefix, name)))
            }
            Page::List(list, prefix) => self.of_list(contents, *list, prefix)?,
            Page::MoviesJson(prefix) => {
                of_parts(&contents.movies.split, prefix, |&film| self.film(views, film).card)
            }
            Page::PeopleJson(prefix) => {
                of_parts(&contents.people.split, prefix, |&person| self.person(views, person).entry)
            }
            Page::Search(prefix) => {
                search::basis(&contents.index, prefix, views, |film| self.film(views, film).name)?
            }
            Page::Moved(to, named) => hash(&(
                to,
                match named {
                    Named::Film(film) => self.film(views, *film).name,
                    Named::Person(person) => self.person(views, *person).name,
                },
            )),
            Page::Robots | Page::NotFound | Page::WebManifest => 0,
            // These pages are few, or others know what they show: the plan and the theme.
            Page::Changes
            | Page::AtomFeed
            | Page::JsonFeed
            | Page::Sitemap(_)
            | Page::Custom(_)
            | Page::File(_) => return None,
        })
    }

    fn of_film(&self, contents: &PageContents<'_>, film: FilmIndex) -> u64 {
        let (views, groups) = (contents.views, contents.lists.groups());
        let catalogue = views.catalogue;
        let (record, place) = (catalogue.film(film), catalogue.film_place(film));
        let people = catalogue.cast(film).iter();
        let people: Vec<_> = people.map(|&person| self.person(views, person).entry).collect();
        let beside = |place: Option<usize>| place.and_then(|place| self.films.get(place));
        let next = beside(place.checked_sub(1)).map(|film| film.name);
        let previous = beside(Some(place + 1)).map(|film| film.name);
        let directors = groups.directors.places_of(place).map(|at| self.directors[at].names);
        let directors: Vec<_> = directors.collect();
        let changes = contents.changes.of_film(&record.id).map(|dated| views.change(dated));
        // Cannot fail: strings and numbers always have a JSON form.
        let changes: Vec<_> =
            changes.map(|change| serde_json::to_string(&change).unwrap_or_default()).collect();
        hash(&(self.films[place].card, people, next, previous, directors, changes))
    }

    fn of_person(&self, views: Views<'_>, person: PersonIndex) -> u64 {
        let films = views.catalogue.filmography(person).iter();
        let casts: Vec<_> = films.map(|&film| self.film(views, film).cast).collect();
        hash(&(self.person(views, person).entry, casts))
    }

    fn of_list(&self, contents: &PageContents<'_>, list: List, prefix: &str) -> Option<u64> {
        let (views, groups) = (contents.views, contents.lists.groups());
        let counts = (self.films.len(), self.people.len());
        let cards = || {
            let split = contents.lists.films(list)?;
            Some(of_parts(split, prefix, |&film| self.film(views, film).card))
        };
        let of_places = |basis: &dyn Fn(usize) -> Option<u64>| {
            Some(of_parts(contents.lists.places(list)?, prefix, |&at| basis(at)))
        };
        let figures =
            |groups: &[GroupBasis]| of_places(&|at| groups.get(at).map(|group| group.figures));
        Some(match list {
            List::People => {
                let entries = of_parts(contents.lists.people(), prefix, |&person| {
                    self.person(views, person).entry
                });
                let several = prefix.is_empty().then_some(self.all_entries);
                hash(&(entries, several, counts))
            }
            List::Directors => hash(&(figures(&self.directors), counts)),
            List::Producers => hash(&(figures(&self.producers), counts)),
            List::Years => {
                let years: Vec<_> = groups.years.iter().collect();
                let basis = |at: usize| {
                    let (year, films) = years.get(at)?;
                    let names = films.iter().take(MOST_BESIDE);
                    let names: Vec<_> = names.map(|&film| self.film(views, film).name).collect();
                    Some(hash(&(year, films.len(), names)))
                };
                hash(&(of_places(&basis), counts))
            }
            List::Director(at) => hash(&(cards(), self.directors.get(at)?.figures)),
            List::Producer(at) => hash(&(cards(), self.producers.get(at)?.figures)),
            List::Year(year) => {
                let beside = |found: Option<(&Option<u32>, &Vec<FilmIndex>)>| {
                    found.map(|(year, films)| (*year, films.len()))
                };
                let count = groups.years.get(&year).map(Vec::len);
                let before = beside(groups.years.range(..year).next_back());
                let after = beside(groups.years.range(year..).nth(1));
                hash(&(cards(), year, count, before, after))
            }
        })
    }
}

/// Returns the basis of the records of a list under a prefix, or of its parts.
fn of_parts<T, H: Hash>(split: &Split<T>, prefix: &str, basis: impl Fn(&T) -> H) -> u64 {
    let records: Vec<_> = split.records(prefix).iter().map(basis).collect();
    hash(&(records, split.parts(prefix)))
}

/// Returns the credit of a pair, which pages show beside the name of the film or the person.
fn credit(views: Views<'_>, film: FilmIndex, person: PersonIndex) -> Option<&Credit> {
    views.catalogue.credit(film, person)
}

/// Makes the hashes that depend on one film only.
fn alone(views: Views<'_>, groups: &Groups<'_>, film: FilmIndex) -> FilmBasis {
    let (catalogue, slug) = (views.catalogue, views.film_slug(film));
    let (record, place) = (catalogue.film(film), catalogue.film_place(film));
    let name = hash(&(&record.id, &record.title, slug, record.year, &record.image));
    let slugs = |makers: &Makers<'_>| {
        hash(&makers.of_film(place).map(|maker| maker.slug).collect::<Vec<_>>())
    };
    let makers = [&groups.directors, &groups.producers].map(slugs);
    let all_fields = views.records.shapes.record_of_film(film);
    let own = hash(&(all_fields, slug, views.first_seen_at(film).map(|seen| seen.0), makers));
    FilmBasis { name, own, ..FilmBasis::default() }
}

#[cfg(test)]
mod tests;
