//! The variables of each page.
//!
//! Owns the variables of every template, except the variables that all pages share. Theme authors
//! rely on these variables, and the fingerprint of a page covers them.

use serde::Serialize;

use super::groups::{self, Director};
use super::paths::{director_path, producer_path, year_path};
use super::variables::{Each, Variables};
use super::{Page, Plan};
use crate::catalogue::FilmIndex;

impl Plan<'_> {
    /// Passes the variables of the page to `to`.
    pub(super) fn with_variables(&self, page: &Page, to: &mut dyn Variables) {
        match page {
            Page::Films => self.put_first_films(to),
            Page::List(list, prefix) => self.put_list(*list, prefix, to),
            Page::MoviesJson(prefix) => {
                let films = self.movies.records(prefix);
                to.put("films", &Each(films.len(), |at| self.views.film(films[at])));
                to.put("parts", &self.movies.parts(prefix));
            }
            Page::PeopleJson(prefix) => {
                let people = self.people.records(prefix);
                to.put("people", &Each(people.len(), |at| self.views.person(people[at])));
                to.put("parts", &self.people.parts(prefix));
            }
            Page::Film(film) => self.put_film(*film, to),
            Page::Person(person) => {
                to.put("person", &self.views.person(*person));
                to.put("json_ld", &self.views.schema_person(*person));
            }
            Page::Changes => {
                to.put("days", &self.views.days(self.news.all()));
                to.put("change_count", &self.news.all().len());
            }
            Page::AtomFeed => {
                to.put("feed", &self.feed());
                to.put("entries", &self.entries());
            }
            Page::JsonFeed => to.put("feed", &self.json_feed()),
            Page::Sitemap(prefix) => self.put_sitemap(prefix, to),
            Page::Robots => {
                if self.views.site.url.is_some() {
                    to.put("sitemap", &self.views.site.absolute("sitemap.xml"));
                }
            }
            Page::Moved(path, named) => {
                let (title, url) = (self.title(*named), self.views.site.link(path));
                to.put("to", &Destination { title, url });
            }
            Page::NotFound
            | Page::Poster(_)
            | Page::Search(_)
            | Page::WebManifest
            | Page::File(_) => {}
        }
    }

    fn put_film(&self, film: FilmIndex, to: &mut dyn Variables) {
        let films = &self.views.catalogue.films;
        to.put("film", &self.views.film_in_full(film));
        to.put("json_ld", &self.views.movie(film));
        // The list of films is sorted newest first, so the next film by year has the smaller index.
        if let Some(next) = film.checked_sub(1) {
            to.put("next", &self.views.film_name(next));
        }
        if film + 1 < films.len() {
            to.put("previous", &self.views.film_name(film + 1));
        }
        // Only the names and addresses of the groups are passed on: other changes of a group are no
        // reason to render this page again.
        let directors = groups::all_named(&self.groups.directors, &films[film].directors);
        let producers = groups::all_named(&self.groups.producers, &films[film].producers);
        self.put_makers(["directors", "director_url"], &directors, director_path, to);
        self.put_makers(["producers", "producer_url"], &producers, producer_path, to);
        if let Some(year) = films[film].year {
            to.put("year_url", &self.views.site.link(&year_path(Some(year))));
        }
        let mut by: Vec<_> = directors.iter().flat_map(|group| &group.films).copied().collect();
        by.sort_unstable();
        by.dedup();
        let beside = self.views.also_by_director(film, &by);
        to.put("also_by_director", &beside);
        let changes = self.news.of_film(&films[film].id);
        to.put("changes", &changes.map(|dated| self.views.change(dated)).collect::<Vec<_>>());
    }

    /// Adds the makers of a film: all makers, and the address of the first maker for older themes.
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

/// A director or a producer of a film.
#[derive(Serialize)]
struct Maker<'a> {
    name: &'a str,
    url: String,
}

#[derive(Serialize)]
struct Destination<'a> {
    title: &'a str,
    url: String,
}
