//! All pages of a catalogue: the plan, and how one page of it is rendered.
//!
//! Owns which paths the site has, which template and which bounded context each
//! gets, and the page's fingerprint. It exists so that a page is rendered only
//! if its fingerprint changed, one at a time, without the others in memory. It
//! must not read a clock: times come from the ledger, so that the same catalogue
//! gives the same bytes on every day and every replica.

mod apart;
mod change_list;
mod charts;
mod contents;
mod data;
mod event_record;
mod feeds;
mod former;
mod freshness;
mod groups;
mod json_ld;
mod lists;
mod paths;
mod plots;
pub mod poster;
mod root;
mod search;
mod site;
mod sitemap;
mod split;
mod status;
mod svg;
mod variables;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use serde::Serialize;
use tera::Context;

use crate::catalogue::{Catalogue, FilmIndex, PersonIndex};
use crate::ledger::Ledger;
use crate::texts::Texts;
use crate::theme::Theme;
pub use apart::{starting, too_old};
use change_list::ChangeList;
use data::json_path;
pub use event_record::EventRecord;
use former::former_addresses;
pub use freshness::Freshness;
use groups::Groups;
use lists::{List, Lists};
pub use paths::{BROTLI, GZIP, STATUS, Turn, turn, uncompressed};
use paths::{film_path, person_path, poster_path};
use search::Index;
pub use site::{NOT_IN_A_PATH, Site};
use split::{MOST, Split, key_of_id};
pub use status::{Counts, Status};
use variables::{Hash, write_json};
use view::Views;

/// Part of every fingerprint: raised when the same context gives other bytes
/// for a reason that no template shows.
const RENDERER: &str = concat!("movies-gen ", env!("CARGO_PKG_VERSION"), " renderer 3");

/// The page that stands for all that are not there.
pub const NOT_FOUND: &str = "404.html";
/// What changed lately.
const CHANGES: &str = "changes/index.html";
/// Part of every page for theme authors, and of none else.
const DEV_SCRIPT: &str = include_str!("dev.js");

/// Names the content of a page: context, templates and renderer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 16]);

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A page that could not be rendered: the theme's fault, not the disk's.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub struct NotRendered(anyhow::Error);

/// What a path shows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Page {
    Films,
    Film(FilmIndex),
    Poster(FilmIndex),
    Person(PersonIndex),
    /// A list, or the part of it under a prefix.
    List(List, String),
    Changes,
    AtomFeed,
    JsonFeed,
    /// The part of the search index with words that begin so.
    Search(String),
    WebManifest,
    NotFound,
    /// The same as data, or the part of it under a prefix.
    MoviesJson(String),
    PeopleJson(String),
    Sitemap(String),
    Robots,
    /// A former address: where it leads, and to whom.
    Moved(String, Named),
    /// Bytes of the theme as they are.
    File(Bytes),
}

/// A record by its place in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    Film(FilmIndex),
    Person(PersonIndex),
}

/// All pages of one catalogue in one theme.
pub struct Plan<'a> {
    views: Views<'a>,
    theme: &'a Theme,
    texts: &'a Arc<Texts>,
    pages: BTreeMap<String, Page>,
    /// Files of the theme's `root/` folder whose places are taken.
    hidden: Vec<String>,
    groups: Groups<'a>,
    lists: Lists,
    movies: Split<FilmIndex>,
    people: Split<PersonIndex>,
    sitemap: Split<String>,
    news: ChangeList<'a>,
    index: Index,
    /// Template variables that all pages share.
    site: serde_json::Value,
    /// Names them, the theme and the program.
    shared: blake3::Hash,
    most_bytes: u64,
}

/// A page whose fingerprint is known and which may now be rendered.
pub struct Prepared<'p> {
    plan: &'p Plan<'p>,
    path: &'p str,
    page: &'p Page,
    /// Decides whether it has to be.
    pub fingerprint: Fingerprint,
}

impl<'a> Plan<'a> {
    /// Plans every page. The ledger must have entered the catalogue.
    pub fn new(
        site: &'a Site,
        catalogue: &'a Catalogue,
        ledger: &'a Ledger,
        theme: &'a Theme,
    ) -> Plan<'a> {
        let texts = theme.texts(&site.lang);
        let views = Views { site, catalogue, ledger, baseline: ledger.baseline_time(), texts };
        let groups = Groups::of(catalogue, ledger);
        let mut pages = BTreeMap::new();
        let mut put = |path: String, page| pages.insert(path, page);
        // The theme's own files first: a page of the catalogue takes precedence.
        for (name, bytes) in theme.static_files() {
            put(format!("static/{name}"), Page::File(bytes.clone()));
        }
        for asset in theme.assets().values() {
            put(asset.path.clone(), Page::File(asset.bytes.clone()));
        }
        if site.dev {
            put("dev.js".to_owned(), Page::File(Bytes::from_static(DEV_SCRIPT.as_bytes())));
        }
        for (path, page) in [
            ("index.html", Page::Films),
            ("movies/index.html", Page::Films),
            (CHANGES, Page::Changes),
            (feeds::ATOM, Page::AtomFeed),
            (feeds::JSON, Page::JsonFeed),
            (NOT_FOUND, Page::NotFound),
            ("robots.txt", Page::Robots),
            ("manifest.webmanifest", Page::WebManifest),
        ] {
            put(path.to_owned(), page);
        }
        for film in 0..catalogue.films.len() {
            put(film_path(views.film_slug(film)), Page::Film(film));
            put(poster_path(views.film_slug(film)), Page::Poster(film));
        }
        for person in 0..catalogue.people.len() {
            put(person_path(views.person_slug(person)), Page::Person(person));
        }
        let lists = lists::lists(catalogue, &groups);
        for (&list, split) in &lists {
            for prefix in split.prefixes() {
                put(list.path(prefix, &groups), Page::List(list, prefix.clone()));
            }
        }
        let films = (0..catalogue.films.len()).collect();
        let movies = Split::of(films, MOST, |&film| key_of_id(&catalogue.films[film].id));
        for prefix in movies.prefixes() {
            put(json_path("movies", prefix), Page::MoviesJson(prefix.clone()));
        }
        let people = (0..catalogue.people.len()).collect();
        let people = Split::of(people, MOST, |&person| key_of_id(&catalogue.people[person].id));
        for prefix in people.prefixes() {
            put(json_path("people", prefix), Page::PeopleJson(prefix.clone()));
        }
        let index = Index::of(catalogue);
        for prefix in index.prefixes() {
            put(search::path(prefix), Page::Search(prefix.clone()));
        }
        let sitemap = sitemap::split(pages.iter());
        for prefix in sitemap::prefixes(&sitemap) {
            pages.insert(sitemap::path(prefix), Page::Sitemap(prefix.clone()));
        }
        for (path, to, named) in former_addresses(&views) {
            pages.entry(path).or_insert(Page::Moved(to, named));
        }
        let hidden = root::add(&mut pages, theme);
        // A compressed form of ours would stand at the same place.
        let is_form =
            |path: &str| uncompressed(path).is_some_and(|plain| pages.contains_key(plain));
        let forms: Vec<_> = pages.keys().filter(|path| is_form(path)).cloned().collect();
        for path in forms {
            pages.remove(&path);
        }
        let (news, (site, shared)) = (ChangeList::of(ledger), site::shared(site, theme));
        Plan {
            views,
            theme,
            texts,
            pages,
            hidden,
            groups,
            lists,
            movies,
            people,
            sitemap,
            news,
            index,
            site,
            shared,
            most_bytes: u64::MAX,
        }
    }

    /// The same plan for a site of at most so many bytes.
    #[must_use]
    pub fn within(self, most_bytes: u64) -> Plan<'a> {
        Plan { most_bytes, ..self }
    }

    /// Bytes that all files together may have, compressed forms included.
    pub fn most_bytes(&self) -> u64 {
        self.most_bytes
    }

    /// Files of the theme's `root/` folder that are not published, since a page or an answer
    /// of the server has their place.
    pub fn hidden(&self) -> &[String] {
        &self.hidden
    }

    /// How many pages there are.
    pub fn len(&self) -> usize {
        self.pages.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// The path of every page, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.pages.keys().map(String::as_str)
    }

    /// The page of a path; of one that is not in the plan, the page for that.
    pub fn prepare<'p>(&'p self, path: &'p str) -> Prepared<'p> {
        let page = self.pages.get(path).unwrap_or(&Page::NotFound);
        Prepared { plan: self, path, page, fingerprint: self.fingerprint(path, page) }
    }

    fn fingerprint(&self, path: &str, page: &Page) -> Fingerprint {
        let mut hasher = blake3::Hasher::new();
        hasher.update(RENDERER.as_bytes());
        match page {
            Page::File(bytes) => drop(hasher.update(bytes)),
            Page::Search(prefix) => {
                hasher.update(&self.index.file(prefix, self.views));
            }
            // Only what it is drawn from: a new score gives no new poster.
            Page::Poster(film) => {
                let film = &self.views.catalogue.films[*film];
                write_json(&mut hasher, &(&film.id, &film.title));
            }
            _ => {
                hasher.update(self.shared.as_bytes());
                write_json(&mut hasher, &(path, self.canonical(path)));
                self.with_variables(page, &mut Hash(&mut hasher));
            }
        }
        let mut fingerprint = [0; 16];
        fingerprint.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Fingerprint(fingerprint)
    }

    fn title(&self, named: Named) -> &str {
        match named {
            Named::Film(film) => &self.views.catalogue.films[film].title,
            Named::Person(person) => &self.views.catalogue.people[person].name,
        }
    }

    /// The address that search engines should keep for a path.
    fn canonical(&self, path: &str) -> String {
        // `/movies/` shows the same list as `/`.
        let path = if path == "movies/index.html" { "index.html" } else { path };
        self.views.site.absolute(path)
    }

    fn template(page: &Page) -> Option<&'static str> {
        match page {
            Page::Films => Some("index.html"),
            Page::Film(_) => Some("film.html"),
            Page::Person(_) => Some("person.html"),
            Page::List(list, _) => Some(list.template()),
            Page::Changes => Some("changes.html"),
            Page::AtomFeed => Some("feed.xml"),
            Page::NotFound => Some("404.html"),
            Page::Sitemap(_) => Some("sitemap.xml"),
            Page::Robots => Some("robots.txt"),
            Page::Moved(..) => Some("moved.html"),
            Page::WebManifest => Some("manifest.webmanifest"),
            Page::Poster(_)
            | Page::MoviesJson(_)
            | Page::PeopleJson(_)
            | Page::JsonFeed
            | Page::Search(_)
            | Page::File(_) => None,
        }
    }

    /// Whom a template error should name beside the template.
    fn record(&self, page: &Page) -> String {
        let catalogue = self.views.catalogue;
        match page {
            Page::Film(film) => format!(" for the film {:?}", catalogue.films[*film].title),
            Page::Person(person) => format!(" for {:?}", catalogue.people[*person].name),
            _ => String::new(),
        }
    }
}

impl Prepared<'_> {
    /// Where a former address leads: the path of the page that it became.
    pub fn moved_to(&self) -> Option<&str> {
        match self.page {
            Page::Moved(to, _) => Some(to),
            _ => None,
        }
    }

    /// The page's bytes.
    ///
    /// # Errors
    /// The template's error, with the page and the record it was rendering.
    pub fn render(&self) -> Result<Bytes, NotRendered> {
        let bytes = self.bytes().map_err(NotRendered)?;
        if matches!(self.page, Page::File(_)) {
            return Ok(bytes);
        }
        // Without room for more: pages stay in memory as long as they are live.
        let mut bytes = Vec::from(bytes);
        bytes.shrink_to_fit();
        Ok(bytes.into())
    }

    fn bytes(&self) -> Result<Bytes> {
        let plan = self.plan;
        let views = plan.views;
        match self.page {
            Page::File(bytes) => Ok(bytes.clone()),
            Page::Poster(film) => {
                let film = &views.catalogue.films[*film];
                Ok(poster::poster(&film.id, &film.title).into())
            }
            Page::Search(prefix) => Ok(plan.index.file(prefix, plan.views)),
            Page::MoviesJson(prefix) => {
                plan.json("movies", &plan.movies, prefix, |f| views.film(f))
            }
            Page::PeopleJson(prefix) => {
                plan.json("people", &plan.people, prefix, |person| views.person(person))
            }
            Page::JsonFeed => {
                let mut json = serde_json::to_vec(&plan.json_feed())?;
                json.push(b'\n');
                Ok(json.into())
            }
            page => {
                let mut context = Context::new();
                context.insert("site", &plan.site);
                context.insert(
                    "page",
                    &PageVariables {
                        path: views.site.link(self.path),
                        canonical: plan.canonical(self.path),
                        fingerprint: self.fingerprint.to_string(),
                    },
                );
                plan.with_variables(page, &mut context);
                let template = Plan::template(page).unwrap_or(NOT_FOUND);
                let rendered = plan.theme.render(template, &context, plan.texts);
                Ok(rendered
                    .with_context(|| format!("cannot render {}{}", self.path, plan.record(page)))?
                    .into())
            }
        }
    }
}

/// What of its own place a page knows.
#[derive(Serialize)]
struct PageVariables {
    path: String,
    canonical: String,
    fingerprint: String,
}

#[cfg(test)]
mod spoken;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod theme_readme;
