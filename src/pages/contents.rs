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
use super::groups::{self, Director};
use super::lists::Lists;
use super::page::Page;
use super::paths::{director_path, producer_path, year_path};
use super::records::Records;
use super::search;
use super::site::Site;
use super::variables::Variables;
use super::view::{Maker, Views};
use super::word_index::Index;
use crate::catalogue::{FilmIndex, PersonIndex};
use crate::texts::Texts;

/// The content of all pages of one catalogue.
pub(super) struct PageContents<'a> {
    pub(super) views: Views<'a>,
    pub(super) lists: Lists<'a>,
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
            lists: Lists::of(catalogue, ledger, shapes),
            movies: DataFile { name: "movies", split: shapes.movies.clone() },
            people: DataFile { name: "people", split: shapes.people.clone() },
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
            Page::Film(film) => self.put_film(*film, to),
            Page::Person(person) => {
                let (beside, more) = views.people_beside(*person);
                to.put("person", &views.person(*person));
                to.put("films", &views.films_of_person(*person));
                to.put("beside", &beside);
                to.put("more_beside", &more);
                to.put("json_ld", &views.schema_person(*person));
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

    /// Writes a part of the search index.
    pub(super) fn search_index(&self, prefix: &str) -> Bytes {
        search::file(&self.index, prefix, self.views)
    }

    fn put_film(&self, film: FilmIndex, to: &mut dyn Variables) {
        let (views, groups) = (self.views, self.lists.groups());
        let catalogue = views.catalogue;
        let (shown, place) = (catalogue.film(film), catalogue.film_place(film));
        to.put("film", &views.film_in_full(film));
        to.put("json_ld", &views.movie(film));
        // The list has the newest film first, so the previous place has the next film.
        if let Some(next) = place.checked_sub(1).and_then(|place| catalogue.film_at(place)) {
            to.put("next", &views.film_name(next));
        }
        if let Some(previous) = catalogue.film_at(place + 1) {
            to.put("previous", &views.film_name(previous));
        }
        // Only the addresses of groups: a change elsewhere in a group must not render this page.
        let directors = groups::all_named(&groups.directors, &shown.directors);
        let producers = groups::all_named(&groups.producers, &shown.producers);
        self.put_makers(["directors", "director_url"], &directors, director_path, to);
        self.put_makers(["producers", "producer_url"], &producers, producer_path, to);
        if let Some(year) = shown.year {
            to.put("year_url", &views.site.link(&year_path(Some(year))));
        }
        let mut by: Vec<_> = directors.iter().flat_map(|group| &group.films).copied().collect();
        by.sort_unstable_by_key(|&film| catalogue.film_place(film));
        by.dedup();
        to.put("also_by_director", &views.also_by_director(film, &by));
        let changes = self.changes.of_film(&shown.id);
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

/// The page that replaces a former address.
#[derive(Serialize)]
struct Destination<'a> {
    title: &'a str,
    url: String,
}
