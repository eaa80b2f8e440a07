//! What a page depends on, for `movies-gen explain`.
//!
//! Owns the records and facts that the page of each kind shows, in words for people.

use std::collections::HashMap;

use super::groups::Director;
use super::lists::{self, List};
use super::most::MOST_BESIDE;
use super::page::{Named, Page};
use super::plan::Plan;
use crate::catalogue::{FilmIndex, PersonIndex};
use crate::changes::{Change, Kind, What};

/// How much of a record a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// The fields by which another page names the record.
    Name,
    /// Further fields.
    Fields,
}

/// Fields by which a page names a record of another page.
const NAMING: [&str; 7] = ["id", "title", "name", "image", "release_date", "people", "role"];

/// What a page depends on, besides the theme, the settings and the program.
#[derive(Debug, Default)]
pub struct Dependencies<'a> {
    /// What the page is.
    pub page: String,
    /// The template of the page; `None` if the program writes the file itself.
    pub template: Option<String>,
    /// Films and people by kind and id, with the title or the name.
    pub records: HashMap<(Kind, &'a str), (Shown, &'a str)>,
    /// Other facts.
    pub others: Vec<&'static str>,
}

impl Dependencies<'_> {
    /// Whether a change can change the page.
    pub fn include(&self, change: &Change) -> bool {
        let Some((shown, _)) = self.records.get(&(change.kind, &*change.id)) else { return false };
        match &change.what {
            What::Added | What::Removed => true,
            What::Changed(fields) => {
                let is_shown = |field: &str| *shown == Shown::Fields || NAMING.contains(&field);
                change.more > 0 || fields.iter().any(|field| is_shown(&field.field))
            }
        }
    }
}

/// Returns what the page of a path depends on; `None` for a path that is not in the plan.
pub fn dependencies<'p>(plan: &'p Plan<'_>, path: &str) -> Option<Dependencies<'p>> {
    let planned = plan.paths().any(|known| known == path);
    let page = planned.then(|| plan.page(path))?;
    let is_file = matches!(
        page,
        Page::File(_)
            | Page::Poster(_)
            | Page::Search(_)
            | Page::MoviesJson(_)
            | Page::PeopleJson(_)
            | Page::PartJson(..)
    );
    let template = (!is_file).then(|| plan.template(page).to_owned());
    let mut collected =
        Collected { plan, found: Dependencies { template, ..Dependencies::default() } };
    collected.found.page = collected.collect(page);
    Some(collected.found)
}

/// The dependencies that are found so far.
struct Collected<'p, 'a> {
    plan: &'p Plan<'a>,
    found: Dependencies<'p>,
}

impl<'p> Collected<'p, '_> {
    fn film(&mut self, film: FilmIndex, shown: Shown) {
        let film = self.plan.contents.views.catalogue.film(film);
        let entry = self.found.records.entry((Kind::Film, &film.id));
        let known = entry.or_insert((shown, &film.title));
        known.0 = known.0.max(shown);
    }

    fn person(&mut self, person: PersonIndex, shown: Shown) {
        let person = self.plan.contents.views.catalogue.person(person);
        let entry = self.found.records.entry((Kind::Person, &person.id));
        let known = entry.or_insert((shown, &person.name));
        known.0 = known.0.max(shown);
    }

    fn films(&mut self, films: impl IntoIterator<Item = FilmIndex>, shown: Shown) {
        films.into_iter().for_each(|film| self.film(film, shown));
    }

    /// Adds films with the names of their people, as lists and data files show films.
    fn cards(&mut self, films: impl IntoIterator<Item = FilmIndex>) {
        for film in films {
            self.film(film, Shown::Fields);
            for &person in self.plan.contents.views.catalogue.cast(film) {
                self.person(person, Shown::Name);
            }
        }
    }

    /// Adds people with the names of their films.
    fn entries(&mut self, people: impl IntoIterator<Item = PersonIndex>) {
        for person in people {
            self.person(person, Shown::Fields);
            let films = self.plan.contents.views.catalogue.filmography(person);
            self.films(films.iter().copied(), Shown::Name);
        }
    }

    fn groups(&mut self, groups: &[Director<'_>], places: &[usize]) {
        for &at in places {
            self.films(groups[at].films.iter().copied(), Shown::Fields);
        }
    }

    /// Adds what a page shows, and returns what the page is.
    fn collect(&mut self, page: &Page) -> String {
        let plan = self.plan;
        let contents = &plan.contents;
        let (catalogue, shared) = (contents.views.catalogue, &mut self.found.others);
        match page {
            Page::Film(film) => {
                shared.push("the addresses of its directors and producers");
                shared.push("the kept changes of the film");
                self.of_film(*film);
                format!("the page of the film {:?}", catalogue.film(*film).title)
            }
            Page::Person(person) => {
                self.person(*person, Shown::Fields);
                for &film in catalogue.filmography(*person) {
                    self.film(film, Shown::Name);
                    catalogue.cast(film).iter().for_each(|&other| self.person(other, Shown::Name));
                }
                format!("the page of {:?}", catalogue.person(*person).name)
            }
            Page::Part(Named::Film(film), prefix) => {
                let people = contents.large.cast(catalogue, *film, prefix).shown;
                self.film(*film, Shown::Fields);
                self.entries(people.iter().copied());
                format!("a part of the people of the film {:?}", catalogue.film(*film).title)
            }
            Page::Part(Named::Person(person), prefix) => {
                let films = contents.large.filmography(catalogue, *person, prefix).shown;
                self.person(*person, Shown::Fields);
                self.films(films.iter().copied(), Shown::Name);
                format!("a part of the films of {:?}", catalogue.person(*person).name)
            }
            Page::PartJson(Named::Film(film), prefix) => {
                let file = contents.large.people_of(contents.views, *film);
                let people = file.iter().flat_map(|file| file.split.records(prefix));
                people.for_each(|&person| self.person(person, Shown::Name));
                format!("a data file of the people of {:?}", catalogue.film(*film).title)
            }
            Page::PartJson(Named::Person(person), prefix) => {
                let file = contents.large.films_of(contents.views, *person);
                let films = file.iter().flat_map(|file| file.split.records(prefix));
                films.for_each(|&film| self.film(film, Shown::Name));
                format!("a data file of the films of {:?}", catalogue.person(*person).name)
            }
            Page::Poster(film) => {
                self.film(*film, Shown::Name);
                format!("the drawn poster of the film {:?}", catalogue.film(*film).title)
            }
            Page::Films => {
                shared.push("the numbers of all films and people");
                self.cards(lists::first(catalogue));
                "the list of films".to_owned()
            }
            Page::List(list, prefix) => {
                self.of_list(*list, prefix);
                "a list".to_owned()
            }
            Page::MoviesJson(prefix) => {
                self.cards(contents.movies.split.records(prefix).iter().copied());
                "a data file of films".to_owned()
            }
            Page::PeopleJson(prefix) => {
                self.entries(contents.people.split.records(prefix).iter().copied());
                "a data file of people".to_owned()
            }
            Page::Search(prefix) => {
                shared.push("the words of titles, people, directors and years");
                let words = contents.index.file(prefix).map(|file| file.words);
                let films = words.into_iter().flatten().flat_map(|(_, films)| films);
                self.films(films.copied(), Shown::Name);
                "a file of the search index".to_owned()
            }
            Page::Changes => {
                shared.push("the list of the last changes");
                "the list of the last changes".to_owned()
            }
            Page::AtomFeed | Page::JsonFeed => {
                shared.push("the list of the last changes");
                "a feed of the last changes".to_owned()
            }
            Page::Sitemap(_) => {
                shared.push("the addresses of all pages, and the days of their last changes");
                "a sitemap".to_owned()
            }
            Page::Moved(_, named) => {
                match named {
                    Named::Film(film) => self.film(*film, Shown::Name),
                    Named::Person(person) => self.person(*person, Shown::Name),
                }
                "a former address of a record".to_owned()
            }
            Page::Custom(_) => {
                shared.push("the numbers of all films and people");
                "a page of the theme".to_owned()
            }
            Page::File(_) => "a file of the theme".to_owned(),
            Page::NotFound => "the page for unknown addresses".to_owned(),
            Page::Robots => "the file for robots".to_owned(),
            Page::WebManifest => "the web app manifest".to_owned(),
        }
    }

    fn of_film(&mut self, film: FilmIndex) {
        let plan = self.plan;
        let catalogue = plan.contents.views.catalogue;
        self.film(film, Shown::Fields);
        for &person in catalogue.cast(film) {
            self.person(person, Shown::Fields);
            let others = catalogue.filmography(person).iter().copied();
            self.films(others.take(MOST_BESIDE + 1), Shown::Name);
        }
        let place = catalogue.film_place(film);
        let beside = [place.checked_sub(1), Some(place + 1)].into_iter().flatten();
        self.films(beside.filter_map(|place| catalogue.film_at(place)), Shown::Name);
        for group in plan.contents.lists.groups().directors.of_film(place) {
            self.films(group.films.iter().copied().take(MOST_BESIDE + 1), Shown::Name);
        }
    }

    fn of_list(&mut self, list: List, prefix: &str) {
        let plan = self.plan;
        let lists = &plan.contents.lists;
        let places = lists.places(list).map_or(&[][..], |split| split.records(prefix));
        match list {
            List::People => {
                self.found.others.push("the numbers of all films and people");
                if prefix.is_empty() {
                    self.found.others.push("the people who are in more than one film");
                }
                self.entries(lists.people().records(prefix).iter().copied());
            }
            List::Directors => self.groups(&lists.groups().directors.groups, places),
            List::Producers => self.groups(&lists.groups().producers.groups, places),
            List::Years => {
                self.found.others.push("the numbers of films of each year");
                let years: Vec<_> = lists.groups().years.values().collect();
                for &at in places {
                    self.films(years[at].iter().copied().take(MOST_BESIDE), Shown::Name);
                }
            }
            List::Director(_) | List::Producer(_) | List::Year(_) => {
                let films = lists.films(list).map_or(&[][..], |split| split.records(prefix));
                self.cards(films.iter().copied());
            }
        }
        if !lists.parts(list, prefix).is_empty() {
            self.found.others.push("the names and sizes of the parts of the list");
        }
        if matches!(list, List::Directors | List::Producers | List::Years) {
            self.found.others.push("the numbers of all films and people");
        }
    }
}
