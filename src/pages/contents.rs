//! The variables of each page.
//!
//! Owns the variables of every template except `site` and `page`. The variables are the contract
//! with theme authors, and the fingerprint of a page covers them.

use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use serde::Serialize;

use super::change_list::ChangeList;
use super::data::DataFile;
use super::feeds;
use super::groups::Director;
use super::large::{self, Large};
use super::lists::{Lists, PartView};
use super::page::{Named, Page};
use super::paths::{director_path, producer_path, year_path};
use super::records::Records;
use super::search;
use super::site::Site;
use super::split::{self, Split};
use super::variables::Variables;
use super::view::{Maker, Views};
use super::word_index::Index;
use crate::catalogue::{FilmIndex, PersonIndex};
use crate::texts::Texts;

/// The content of all pages of one catalogue.
pub(super) struct PageContents<'a> {
    pub(super) views: Views<'a>,
    pub(super) lists: Lists<'a>,
    pub(super) large: Large,
    pub(super) movies: DataFile<FilmIndex>,
    pub(super) people: DataFile<PersonIndex>,
    pub(super) index: Index,
    pub(super) changes: ChangeList<'a>,
}

impl<'a> PageContents<'a> {
    pub(super) fn of(
        site: &'a Site,
        records: &'a Records<'a>,
        texts: &'a Arc<Texts>,
    ) -> PageContents<'a> {
        let Records { catalogue, ledger, .. } = *records;
        let shapes = &*records.shapes;
        let (lists, large) =
            rayon::join(|| Lists::of(catalogue, ledger, shapes), || Large::of(catalogue, shapes));
        PageContents {
            views: Views {
                site,
                catalogue,
                ledger,
                records,
                baseline: ledger.baseline_time(),
                texts,
                is_absolute: false,
            },
            lists,
            large,
            movies: data("movies", &shapes.movies),
            people: data("people", &shapes.people),
            index: shapes.words.clone(),
            changes: ChangeList::of(ledger),
        }
    }

    /// Hands the variables of a page to `to`.
    pub(super) fn put(&self, page: &Page, to: &mut dyn Variables) {
        let views = self.views;
        match page {
            Page::Films => self.lists.put_first(views, to),
            Page::List(list, prefix) => self.lists.put(views, *list, prefix, to),
            Page::MoviesJson(prefix) => {
                self.movies.put(prefix, |film| views.for_data().film(film), to);
            }
            Page::PeopleJson(prefix) => {
                self.people.put(prefix, |person| views.for_data().person(person), to);
            }
            Page::Film(film) => self.put_film(*film, "", to),
            Page::Person(person) => self.put_person(*person, "", to),
            Page::Part(Named::Film(film), prefix) => self.put_film(*film, prefix, to),
            Page::Part(Named::Person(person), prefix) => self.put_person(*person, prefix, to),
            Page::PartJson(Named::Film(film), prefix) => {
                if let Some(file) = self.large.people_of(views, *film) {
                    file.put(prefix, |person| views.for_data().person_of(*film, person), to);
                }
            }
            Page::PartJson(Named::Person(person), prefix) => {
                if let Some(file) = self.large.films_of(views, *person) {
                    file.put(prefix, |film| views.for_data().film_of(*person, film), to);
                }
            }
            Page::Changes => {
                to.put("days", &views.days(self.changes.all()));
                to.put("change_count", &self.changes.all().len());
            }
            Page::AtomFeed | Page::JsonFeed => {
                to.put("feed", &feeds::feed(views, &self.changes));
                to.put("entries", &feeds::entries(views, &self.changes));
            }
            Page::Robots => {
                if views.site.url.is_some() {
                    to.put("sitemap", &views.site.absolute("sitemap.xml"));
                }
            }
            Page::Moved(path, named) => {
                let title = named.title(views.catalogue);
                to.put("to", &Destination { title, url: views.site.link(path) });
            }
            // The plan knows the variables of the sitemap, which lists the paths of the plan, and of
            // custom pages.
            Page::Sitemap(_)
            | Page::NotFound
            | Page::Poster(_)
            | Page::Search(_)
            | Page::WebManifest
            | Page::Custom(_)
            | Page::File(_) => {}
        }
    }

    /// Writes films as data.
    pub(super) fn movies_json(&self, prefix: &str) -> Result<Bytes> {
        let views = self.views.for_data();
        self.movies.json(prefix, views, |film| views.film(film))
    }

    /// Writes people as data.
    pub(super) fn people_json(&self, prefix: &str) -> Result<Bytes> {
        let views = self.views.for_data();
        self.people.json(prefix, views, |person| views.person(person))
    }

    /// Writes the people of a film, or the films of a person, as data.
    pub(super) fn part_json(&self, named: Named, prefix: &str) -> Result<Bytes> {
        let views = self.views.for_data();
        let written = match named {
            Named::Film(film) => self
                .large
                .people_of(views, film)
                .map(|file| file.json(prefix, views, |person| views.person_of(film, person))),
            Named::Person(person) => self
                .large
                .films_of(views, person)
                .map(|file| file.json(prefix, views, |film| views.film_of(person, film))),
        };
        written.unwrap_or_else(|| Ok(Bytes::new()))
    }

    /// Writes a part of the search index.
    pub(super) fn search_index(&self, prefix: &str) -> Bytes {
        search::file(&self.index, prefix, self.views)
    }

    /// Hands on the page of a person, or the page of a part of the films.
    fn put_person(&self, person: PersonIndex, prefix: &str, to: &mut dyn Variables) {
        let views = self.views;
        let films = self.large.filmography(views.catalogue, person, prefix);
        to.put("person", &views.person_with(person, films.shown.iter()));
        to.put("films", &views.films_beside(person, films.shown));
        to.put("json_ld", &views.schema_person(person, films.shown));
        let is_whole = prefix.is_empty();
        let (beside, more) = if is_whole { views.people_beside(person) } else { <_>::default() };
        to.put("beside", &beside);
        to.put("more_beside", &more);
        self.put_parts(Named::Person(person), films.parts, prefix, to);
    }

    /// Hands on the parts of the people of a film, or of the films of a person.
    fn put_parts(
        &self,
        named: Named,
        parts: &[(String, usize)],
        prefix: &str,
        to: &mut dyn Variables,
    ) {
        let link = |prefix: &str| self.views.site.link(&large::path(self.views, named, prefix));
        if !parts.is_empty() {
            let part =
                |(prefix, count): &(String, usize)| PartView::of(prefix, *count, link(prefix));
            to.put("parts", &parts.iter().map(part).collect::<Vec<_>>());
        }
        if !prefix.is_empty() {
            to.put("part", &split::name(prefix));
            to.put("whole_url", &link(""));
        }
    }

    /// Hands on the page of a film, or the page of a part of its people.
    fn put_film(&self, film: FilmIndex, prefix: &str, to: &mut dyn Variables) {
        let (views, groups) = (self.views, self.lists.groups());
        let catalogue = views.catalogue;
        let (shown, place) = (catalogue.film(film), catalogue.film_place(film));
        let people = self.large.cast(catalogue, film, prefix);
        to.put("film", &views.film_in_full(film, people.shown));
        to.put("json_ld", &views.movie(film, people.shown));
        self.put_parts(Named::Film(film), people.parts, prefix, to);
        // The list has the newest film first, so the previous place has the next film.
        let is_whole = prefix.is_empty();
        if let Some(next) = place.checked_sub(1).and_then(|place| catalogue.film_at(place)) {
            to.put("next", &views.film_name(next));
        }
        if let Some(previous) = catalogue.film_at(place + 1) {
            to.put("previous", &views.film_name(previous));
        }
        // Only the addresses of groups: a change elsewhere in a group must not render this page.
        let directors: Vec<_> = groups.directors.of_film(place).collect();
        let producers: Vec<_> = groups.producers.of_film(place).collect();
        self.put_makers(["directors", "director_url"], &directors, director_path, to);
        self.put_makers(["producers", "producer_url"], &producers, producer_path, to);
        if let Some(year) = shown.year {
            to.put("year_url", &views.site.link(&year_path(Some(year))));
        }
        let mut by: Vec<_> = directors.iter().flat_map(|group| &group.films).copied().collect();
        by.sort_unstable_by_key(|&film| catalogue.film_place(film));
        by.dedup();
        by.retain(|_| is_whole);
        to.put("also_by_director", &views.also_by_director(film, &by));
        let changes = self.changes.of_film(&shown.id).filter(|_| is_whole);
        to.put("changes", &changes.map(|dated| views.change(dated)).collect::<Vec<_>>());
    }

    /// Hands on the directors or the producers of a film. Older themes, which know one
    /// director and one producer for each film, use the address of the first of them.
    fn put_makers(
        &self,
        [all, first]: [&'static str; 2],
        groups: &[&Director<'_>],
        path: fn(&str) -> String,
        to: &mut dyn Variables,
    ) {
        let maker = |group: &&Director<'_>| {
            (group.name.to_owned(), self.views.site.link(&path(group.slug)))
        };
        let makers: Vec<_> = groups.iter().map(maker).collect();
        if let Some((_, url)) = makers.first() {
            to.put(first, url);
            let makers = makers.iter().map(|(name, url)| Maker { name, url: url.clone() });
            to.put(all, &makers.collect::<Vec<_>>());
        }
    }
}

fn data<T>(name: &'static str, split: &Arc<Split<T>>) -> DataFile<T> {
    DataFile { name, directory: String::new(), split: split.clone() }
}

/// The page that replaces a former address.
#[derive(Serialize)]
struct Destination<'a> {
    title: &'a str,
    url: String,
}
