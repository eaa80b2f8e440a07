//! Lists with a page: people, directors, producers, years, and the films of each director, producer
//! and year.
//!
//! Owns which lists there are, into which parts each list is cut, and what the pages of lists show.
//! If a list is too long or too large for one page, each of its parts has a page, and the page of
//! the list links to these pages.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::groups::{Director, Groups, Makers};
use super::most::MOST_BESIDE;
use super::paths::{director_path, part_path, producer_path, year_path};
use super::shapes::Shapes;
use super::size::{self, MOST_BYTES_OF_NEWEST};
use super::split::{self, MOST, Split, key_of_text};
use super::variables::{Each, Variables};
use super::view::{FilmName, Views};
use crate::catalogue::{Catalogue, FilmIndex, PersonIndex};
use crate::ledger::Ledger;

/// Largest number of films on the first page, if all films are too many for one page.
const NEWEST: usize = 100;
/// Largest number of people in the list of people who are in more than one film.
const MOST_SEVERAL: usize = 100;

/// A list with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum List {
    People,
    Directors,
    Producers,
    Years,
    /// The films of a director, by place among all directors.
    Director(usize),
    /// The films of a producer, by place among all producers.
    Producer(usize),
    /// The films of a year; `None` for the films whose year is not known.
    Year(Option<u32>),
}

/// Every list in its parts.
pub(super) struct Lists<'a> {
    groups: Groups<'a>,
    /// The lists of the films of a director, a producer or a year.
    films: BTreeMap<List, Split<FilmIndex>>,
    people: Arc<Split<PersonIndex>>,
    /// The lists of directors, producers and years, by place.
    others: BTreeMap<List, Split<usize>>,
}

impl List {
    /// Returns the path of the page of the list, or of its part under `prefix`.
    pub(super) fn path(self, prefix: &str, groups: &Groups<'_>) -> String {
        let whole = match self {
            List::People => "people/index.html".to_owned(),
            List::Directors => "directors/index.html".to_owned(),
            List::Producers => "producers/index.html".to_owned(),
            List::Years => "years/index.html".to_owned(),
            List::Director(at) => director_path(groups.directors.groups[at].slug),
            List::Producer(at) => producer_path(groups.producers.groups[at].slug),
            List::Year(year) => year_path(year),
        };
        part_path(whole, prefix)
    }

    pub(super) fn template(self) -> &'static str {
        match self {
            List::People => "people.html",
            List::Directors | List::Producers => "directors.html",
            List::Years => "years.html",
            List::Director(_) | List::Producer(_) => "director.html",
            List::Year(_) => "year.html",
        }
    }
}

impl<'a> Lists<'a> {
    /// Cuts every list of a catalogue into its parts.
    pub(super) fn of(catalogue: &'a Catalogue, ledger: &'a Ledger, shapes: &Shapes) -> Lists<'a> {
        let groups = Groups::of(catalogue, ledger);
        let makers = |makers: &Makers<'_>| {
            let makers = &makers.groups;
            let name = |at: usize| makers[at].name;
            let key = |&at: &usize| Cow::Owned(key_of_text(name(at), name(at)));
            Split::of((0..makers.len()).collect(), key, |&at| size::maker(name(at)))
        };
        let films = |films: &[FilmIndex]| {
            Split::of(films.to_vec(), |&film| shapes.key_of_film(film), |&film| shapes.card(film))
        };
        let mut films_of = BTreeMap::new();
        for (at, director) in groups.directors.groups.iter().enumerate() {
            films_of.insert(List::Director(at), films(&director.films));
        }
        for (at, producer) in groups.producers.groups.iter().enumerate() {
            films_of.insert(List::Producer(at), films(&producer.films));
        }
        for (&year, of_year) in &groups.years {
            films_of.insert(List::Year(year), films(of_year));
        }
        let others = BTreeMap::from([
            (List::Directors, makers(&groups.directors)),
            (List::Producers, makers(&groups.producers)),
            (List::Years, years(catalogue, &groups)),
        ]);
        Lists { films: films_of, people: shapes.all_people.clone(), others, groups }
    }

    /// Returns the groups of films.
    pub(super) fn groups(&self) -> &Groups<'a> {
        &self.groups
    }

    /// Returns the films of a list of films, in its parts.
    pub(super) fn films(&self, list: List) -> Option<&Split<FilmIndex>> {
        self.films.get(&list)
    }

    /// Returns all people, in parts.
    pub(super) fn people(&self) -> &Split<PersonIndex> {
        &self.people
    }

    /// Returns the list of all directors, producers or years by place, in its parts.
    pub(super) fn places(&self, list: List) -> Option<&Split<usize>> {
        self.others.get(&list)
    }

    /// Returns the parts of a list under a prefix, each with its number of records.
    pub(super) fn parts(&self, list: List, prefix: &str) -> &[(String, usize)] {
        let of_films = self.films.get(&list).map(|split| split.parts(prefix));
        let of_others = || self.others.get(&list).map(|split| split.parts(prefix));
        of_films.or_else(of_others).unwrap_or_else(|| self.people.parts(prefix))
    }

    /// Returns the path of every list and of each part, with the list and the prefix of the part.
    pub(super) fn paths(&self) -> impl Iterator<Item = (String, List, &String)> {
        let films = self.films.iter();
        let films = films.flat_map(|(&list, split)| split.prefixes().map(move |of| (list, of)));
        let others = self.others.iter();
        let others = others.flat_map(|(&list, split)| split.prefixes().map(move |of| (list, of)));
        let people = self.people.prefixes().map(|of| (List::People, of));
        let all = films.chain(others).chain(people);
        all.map(|(list, prefix)| (list.path(prefix, &self.groups), list, prefix))
    }

    /// Hands on the films of the first page.
    pub(super) fn put_first(&self, views: Views<'_>, to: &mut dyn Variables) {
        let count = views.catalogue.films().len();
        let shown = first(views.catalogue);
        put_films(views, &shown, to);
        to.put("json_ld", &views.item_list(&views.site.title, &shown));
        to.put("timeline", &views.timeline());
        to.put("scores", &views.scores());
        to.put("is_whole", &(shown.len() == count));
        if shown.len() < count {
            let years = self.groups.years.iter().rev().take(MOST);
            let years = years.map(|(year, films)| year_view(views, *year, films.len()));
            to.put("years", &years.collect::<Vec<_>>());
        } else {
            let names = self.groups.directors.groups.iter().map(|director| director.name);
            to.put("directors", &names.collect::<Vec<_>>());
            let decades = self.groups.years.keys().flatten().map(|year| year / 10 * 10);
            to.put("decades", &decades.collect::<std::collections::BTreeSet<_>>());
        }
        put_counts(views, to);
    }

    /// Hands on the records of a list, or of a part of the list.
    pub(super) fn put(&self, views: Views<'_>, list: List, prefix: &str, to: &mut dyn Variables) {
        let films = || self.films.get(&list).map_or(&[][..], |split| split.records(prefix));
        let places = || self.others.get(&list).map_or(&[][..], |split| split.records(prefix));
        match list {
            List::People => {
                let people = self.people.records(prefix);
                to.put("people", &Each(people.len(), |at| views.person(people[at])));
                if prefix.is_empty() {
                    put_several(views, to);
                }
                put_counts(views, to);
            }
            List::Directors | List::Producers => {
                let (role, groups) = match list {
                    List::Producers => (Role::Producer, &self.groups.producers.groups),
                    _ => (Role::Director, &self.groups.directors.groups),
                };
                let places = places();
                let view = |at: usize| director_view(views, role, &groups[places[at]]);
                to.put("directors", &Each(places.len(), view));
                to.put("role", &role);
                put_counts(views, to);
            }
            List::Years => {
                let years: Vec<_> = self.groups.years.iter().collect();
                let latest_first = places().iter().rev().map(|&at| years[at]);
                let years = latest_first.map(|(year, films)| YearOfList {
                    year: year_view(views, *year, films.len()),
                    films: views.first_names(films),
                });
                to.put("years", &years.collect::<Vec<_>>());
                put_counts(views, to);
            }
            List::Director(at) | List::Producer(at) => {
                let (role, director) = match list {
                    List::Producer(_) => (Role::Producer, &self.groups.producers.groups[at]),
                    _ => (Role::Director, &self.groups.directors.groups[at]),
                };
                to.put("role", &role);
                to.put("director", &director_view(views, role, director));
                to.put("json_ld", &views.item_list(director.name, films()));
                put_films(views, films(), to);
            }
            List::Year(year) => {
                let years = &self.groups.years;
                let view = year_view(views, year, years.get(&year).map_or(0, Vec::len));
                to.put("json_ld", &views.item_list(&view.name, films()));
                to.put("year", &view);
                if year.is_some() {
                    let beside = |found: Option<(&Option<u32>, &Vec<FilmIndex>)>| {
                        let (year, films) = found.filter(|(year, _)| year.is_some())?;
                        Some(year_view(views, *year, films.len()))
                    };
                    to.put("previous", &beside(years.range(..year).next_back()));
                    to.put("next", &beside(years.range(year..).nth(1)));
                }
                put_films(views, films(), to);
            }
        }
        let part = |(prefix, count): &(String, usize)| {
            PartView::of(prefix, *count, views.site.link(&list.path(prefix, &self.groups)))
        };
        let parts = self.parts(list, prefix).iter();
        to.put("parts", &parts.map(part).collect::<Vec<_>>());
        if !prefix.is_empty() {
            to.put("part", &split::name(prefix));
            to.put("whole_url", &views.site.link(&list.path("", &self.groups)));
        }
    }
}

/// Hands on the people who are in more than one film; if there are many, those with most films.
fn put_several(views: Views<'_>, to: &mut dyn Variables) {
    let films = |person: PersonIndex| views.catalogue.filmography(person).len();
    let all = views.catalogue.people().map(|(person, _)| person);
    let mut several: Vec<_> = all.filter(|&person| films(person) > 1).collect();
    if several.len() > MOST_SEVERAL {
        several.sort_by_key(|&person| std::cmp::Reverse(films(person)));
        several.truncate(MOST_SEVERAL);
        several.sort_unstable_by_key(|&person| views.catalogue.person_place(person));
    }
    to.put("several", &Each(several.len(), |at| views.person(several[at])));
}

/// Returns the films on the first page: all films, or the newest if all are too many.
pub(super) fn first(catalogue: &Catalogue) -> Vec<FilmIndex> {
    if catalogue.films().len() > MOST {
        return newest(catalogue);
    }
    catalogue.films().map(|(film, _)| film).collect()
}

/// Returns the newest films that have room on the first page, and at least one film.
fn newest(catalogue: &Catalogue) -> Vec<FilmIndex> {
    let mut bytes = 0;
    let mut shown = Vec::new();
    for (film, _) in catalogue.films().take(NEWEST) {
        bytes += size::card(catalogue, film);
        if bytes > MOST_BYTES_OF_NEWEST && !shown.is_empty() {
            break;
        }
        shown.push(film);
    }
    shown
}

fn put_counts(views: Views<'_>, to: &mut dyn Variables) {
    to.put("film_count", &views.catalogue.films().len());
    to.put("person_count", &views.catalogue.people().len());
}

/// Cuts the list of years into its parts.
fn years(catalogue: &Catalogue, groups: &Groups<'_>) -> Split<usize> {
    let years: Vec<_> = groups.years.iter().collect();
    let key =
        |&at: &usize| years[at].0.map_or(Cow::Borrowed("-"), |year| format!("{year:05}").into());
    let size = |&at: &usize| {
        let films = years[at].1;
        size::year(catalogue, &films[..films.len().min(MOST_BESIDE)])
    };
    Split::of((0..years.len()).collect(), key, size)
}

fn put_films(views: Views<'_>, films: &[FilmIndex], to: &mut dyn Variables) {
    to.put("films", &Each(films.len(), |at| views.film(films[at])));
}

fn director_view<'g>(views: Views<'_>, role: Role, director: &Director<'g>) -> DirectorView<'g> {
    let Views { catalogue, site, .. } = views;
    let films = director.films.iter().map(|&film| catalogue.film(film));
    let years = || films.clone().filter_map(|film| film.year);
    let scores: Vec<_> = films.clone().filter_map(|film| film.rt_score).collect();
    let sum: u32 = scores.iter().sum();
    DirectorView {
        name: director.name,
        url: site.link(&match role {
            Role::Director => director_path(director.slug),
            Role::Producer => producer_path(director.slug),
        }),
        film_count: director.films.len(),
        first_year: years().min(),
        last_year: years().max(),
        average_score: (!scores.is_empty())
            .then(|| (f64::from(sum) / scores.len() as f64).round() as u32),
    }
}

fn year_view(views: Views<'_>, year: Option<u32>, film_count: usize) -> YearView {
    let name = match year {
        Some(year) => year.to_string(),
        None => views.texts.say("year.undated", &[]),
    };
    YearView { year, name, url: views.site.link(&year_path(year)), film_count }
}

/// The role that a person has for films.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    Director,
    Producer,
}

/// A director or a producer, with figures about their films.
#[derive(Serialize)]
struct DirectorView<'a> {
    name: &'a str,
    url: String,
    film_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_year: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_year: Option<u32>,
    /// Average score of the films that have a score, rounded to a whole number.
    #[serde(skip_serializing_if = "Option::is_none")]
    average_score: Option<u32>,
}

/// A year, with figures about its films.
#[derive(Serialize)]
struct YearView {
    /// The year; `None` for the films whose year is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    year: Option<u32>,
    name: String,
    url: String,
    film_count: usize,
}

/// A year on the list of years, with its first films.
#[derive(Serialize)]
struct YearOfList<'a> {
    #[serde(flatten)]
    year: YearView,
    films: Vec<FilmName<'a>>,
}

/// A part of a list.
#[derive(Serialize)]
pub(super) struct PartView {
    name: String,
    url: String,
    count: usize,
}

impl PartView {
    pub(super) fn of(prefix: &str, count: usize, url: String) -> PartView {
        PartView { name: split::name(prefix), url, count }
    }
}
