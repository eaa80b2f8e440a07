//! What each page shows.
//!
//! Owns the variables of every template but the site's own: they are the theme
//! authors' contract, and what a page's fingerprint covers.

use serde::Serialize;

use super::groups;
use super::paths::{director_path, producer_path, year_path};
use super::variables::{Each, Variables};
use super::{Page, Plan};
use crate::catalogue::FilmIndex;

impl Plan<'_> {
    /// Hands the page's own variables to `to`.
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
        // Films stand newest first, so the one before is the next.
        if let Some(next) = film.checked_sub(1) {
            to.put("next", &self.views.film_name(next));
        }
        if film + 1 < films.len() {
            to.put("previous", &self.views.film_name(film + 1));
        }
        let name = films[film].director.as_deref();
        let by = name.and_then(|name| groups::named(&self.groups.directors, name));
        // Their addresses alone: what else is in a group is no reason to render this.
        if let Some(director) = by {
            to.put("director_url", &self.views.site.link(&director_path(&director.slug)));
        }
        let name = films[film].producer.as_deref();
        if let Some(producer) = name.and_then(|name| groups::named(&self.groups.producers, name)) {
            to.put("producer_url", &self.views.site.link(&producer_path(&producer.slug)));
        }
        if let Some(year) = films[film].year {
            to.put("year_url", &self.views.site.link(&year_path(Some(year))));
        }
        let by = by.map_or(&[][..], |director| &director.films);
        let beside = self.views.also_by_director(film, by);
        to.put("also_by_director", &beside);
        let changes = self.news.of_film(&films[film].id);
        to.put("changes", &changes.map(|dated| self.views.change(dated)).collect::<Vec<_>>());
    }
}

#[derive(Serialize)]
struct Destination<'a> {
    title: &'a str,
    url: String,
}
