//! What each page shows.
//!
//! Owns the variables of every template but the site's own: they are the theme
//! authors' contract, and what a page's fingerprint covers.

use serde::Serialize;

use super::groups::Director;
use super::variables::{Each, Variables};
use super::{Page, Plan, Views, director_path, year_path};
use crate::catalogue::FilmIndex;

impl Plan<'_> {
    /// Hands the page's own variables to `to`.
    pub(super) fn with_variables(&self, page: &Page, to: &mut dyn Variables) {
        let Views { catalogue, .. } = self.views;
        match page {
            Page::Films | Page::MoviesJson => {
                to.put("films", &Each(catalogue.films.len(), |film| self.views.film(film)));
                if *page == Page::Films {
                    let all: Vec<FilmIndex> = (0..catalogue.films.len()).collect();
                    to.put("json_ld", &self.views.item_list(&all));
                    to.put("timeline", &self.views.timeline());
                    to.put("scores", &self.views.scores());
                    let names = self.groups.directors.iter().map(|director| director.name);
                    to.put("directors", &names.collect::<Vec<_>>());
                    let decades = self.groups.years.keys().map(|year| year / 10 * 10);
                    to.put("decades", &decades.collect::<std::collections::BTreeSet<_>>());
                }
                self.put_counts(to);
            }
            Page::People | Page::PeopleJson => {
                to.put("people", &Each(catalogue.people.len(), |person| self.views.person(person)));
                self.put_counts(to);
            }
            Page::Film(film) => self.put_film(*film, to),
            Page::Person(person) => {
                to.put("person", &self.views.person(*person));
                to.put("json_ld", &self.views.schema_person(*person));
            }
            Page::Directors => {
                let directors = &self.groups.directors;
                to.put("directors", &Each(directors.len(), |at| self.director(&directors[at])));
                self.put_counts(to);
            }
            Page::Director(at) => {
                let director = &self.groups.directors[*at];
                to.put("director", &self.director(director));
                self.put_films(&director.films, to);
            }
            Page::Years => {
                let years = self.groups.years.iter().rev();
                let years: Vec<_> = years.map(|(year, films)| self.year(*year, films)).collect();
                to.put("years", &years);
                self.put_counts(to);
            }
            Page::Year(year) => {
                let films = self.groups.years.get(year).map_or(&[][..], Vec::as_slice);
                to.put("year", &self.year(*year, films));
                let beside = |next: Option<(&u32, &Vec<FilmIndex>)>| {
                    next.map(|(year, films)| self.year(*year, films))
                };
                let years = &self.groups.years;
                to.put("previous", &beside(years.range(..*year).next_back()));
                to.put("next", &beside(years.range(year + 1..).next()));
                self.put_films(films, to);
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
            Page::Sitemap => to.put("urls", &self.sitemap()),
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

    fn put_counts(&self, to: &mut dyn Variables) {
        to.put("film_count", &self.views.catalogue.films.len());
        to.put("person_count", &self.views.catalogue.people.len());
    }

    fn put_films(&self, films: &[FilmIndex], to: &mut dyn Variables) {
        to.put("films", &Each(films.len(), |at| self.views.film(films[at])));
    }

    fn director(&self, director: &Director<'_>) -> DirectorView<'_> {
        let films = director.films.iter().map(|&film| &self.views.catalogue.films[film]);
        let years = || films.clone().filter_map(|film| film.year);
        let scores: Vec<_> = films.clone().filter_map(|film| film.rt_score).collect();
        let sum: u32 = scores.iter().sum();
        DirectorView {
            name: self.views.catalogue.films[director.films[0]].director.as_deref().unwrap_or(""),
            url: self.views.site.link(&director_path(&director.slug)),
            film_count: director.films.len(),
            first_year: years().min(),
            last_year: years().max(),
            average_score: (!scores.is_empty())
                .then(|| (f64::from(sum) / scores.len() as f64).round() as u32),
        }
    }

    fn year(&self, year: u32, films: &[FilmIndex]) -> YearView {
        let url = self.views.site.link(&year_path(year));
        YearView { year, url, film_count: films.len() }
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
        let by = films[film].director.as_deref().and_then(|name| self.groups.director(name));
        // Their addresses alone: what else is in a group is no reason to render this.
        if let Some(director) = by {
            to.put("director_url", &self.views.site.link(&director_path(&director.slug)));
        }
        if let Some(year) = films[film].year {
            to.put("year_url", &self.views.site.link(&year_path(year)));
        }
        let by = by.map_or(&[][..], |director| &director.films);
        let beside = self.views.also_by_director(film, by);
        to.put("also_by_director", &beside);
        let changes = self.news.of_film(&films[film].id);
        to.put("changes", &changes.map(|dated| self.views.change(dated)).collect::<Vec<_>>());
    }

    fn sitemap(&self) -> Vec<SitemapUrl> {
        let views = self.views;
        let lastmod = |page: &Page| {
            let changed = match page {
                Page::Film(film) => views.ledger.films.get(&views.catalogue.films[*film].id),
                Page::Person(person) => {
                    views.ledger.people.get(&views.catalogue.people[*person].id)
                }
                Page::Changes => return Some(self.news.all().first()?.at.day()),
                _ => None,
            };
            Some(changed?.changed?.day())
        };
        self.pages
            .iter()
            .filter(|(path, _)| *path != "movies/index.html")
            .filter(|(_, page)| {
                matches!(
                    page,
                    Page::Films
                        | Page::People
                        | Page::Film(_)
                        | Page::Person(_)
                        | Page::Directors
                        | Page::Director(_)
                        | Page::Years
                        | Page::Year(_)
                        | Page::Changes
                )
            })
            .map(|(path, page)| SitemapUrl {
                loc: views.site.absolute(path),
                lastmod: lastmod(page),
            })
            .collect()
    }
}

/// A director and their films in figures.
#[derive(Serialize)]
struct DirectorView<'a> {
    name: &'a str,
    url: String,
    film_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_year: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_year: Option<u32>,
    /// Of the films that have a score, rounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    average_score: Option<u32>,
}

/// A year and its films in figures.
#[derive(Serialize)]
struct YearView {
    year: u32,
    url: String,
    film_count: usize,
}

#[derive(Serialize)]
struct Destination<'a> {
    title: &'a str,
    url: String,
}

#[derive(Serialize)]
struct SitemapUrl {
    loc: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lastmod: Option<String>,
}
