//! The plan: the path of every page of a catalogue.
//!
//! Owns the paths of the site, and the rule that decides which page gets a path that two pages
//! claim. The variables of the pages are in [`PageContents`].

use std::collections::BTreeMap;

use bytes::Bytes;
use rayon::prelude::*;

use super::basis::Bases;
use super::contents::PageContents;
use super::former::former_addresses;
use super::large;
use super::page::Page;
use super::paths::{film_path, person_path, poster_path, uncompressed};
use super::records::Records;
use super::shared_facts::SharedFacts;
use super::site::Site;
use super::sitemap::Sitemap;
use super::variables::Variables;
use super::{CHANGES, NOT_FOUND, custom, feeds, root, search, sitemap};
use crate::theme::Theme;

/// The script that pages have with `--dev` only.
const DEV_SCRIPT: &str = include_str!("dev.js");

/// All pages of one catalogue in one theme.
pub struct Plan<'a> {
    pub(super) theme: &'a Theme,
    pub(super) contents: PageContents<'a>,
    pub(super) shared: SharedFacts,
    pages: BTreeMap<String, Page>,
    pub(super) sitemap: Sitemap,
    pub(super) bases: Bases,
    /// Files of the theme's `root/` folder that are not published.
    hidden: Vec<String>,
    /// Bytes that all files together may have.
    most_bytes: u64,
}

impl<'a> Plan<'a> {
    /// Plans every page.
    ///
    /// 1. Files of the theme.
    /// 2. Pages that every site has, and the pages of all records and lists. They take
    ///    precedence over files of the theme.
    /// 3. Pages that the owner wrote.
    /// 4. Former addresses, and files of the theme's `root/` folder, at free paths.
    pub fn new(site: &'a Site, records: &'a Records<'a>, theme: &'a Theme) -> Plan<'a> {
        let contents = PageContents::of(site, records, site.texts(theme));
        let (planned, bases) =
            rayon::join(|| Planned::of(site, &contents, theme), || Bases::of(&contents));
        let Planned { pages, sitemap, hidden } = planned;
        let shared = SharedFacts::of(site, theme);
        Plan { theme, contents, shared, pages, sitemap, bases, hidden, most_bytes: u64::MAX }
    }

    /// Returns the same plan for a site of at most `most_bytes` bytes.
    #[must_use]
    pub fn within(self, most_bytes: u64) -> Plan<'a> {
        Plan { most_bytes, ..self }
    }

    /// Returns the number of bytes that all files together may have, compressed forms included.
    pub fn most_bytes(&self) -> u64 {
        self.most_bytes
    }

    /// Returns the files of the theme's `root/` folder that are not published, since a page or an
    /// answer of the server has their path.
    pub fn hidden(&self) -> &[String] {
        &self.hidden
    }

    /// Returns the number of pages.
    pub fn len(&self) -> usize {
        self.pages.len()
    }

    /// Tells whether the plan has no page.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Returns the path of every page, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.pages.keys().map(String::as_str)
    }

    /// Returns the page of a path; the page "not found" for a path that is not in the plan.
    pub(super) fn page(&self, path: &str) -> &Page {
        self.pages.get(path).unwrap_or(&Page::NotFound)
    }

    /// Returns the template of a page.
    pub(super) fn template(&self, page: &Page) -> &str {
        match page {
            Page::Custom(at) => self.theme.custom_pages().get(*at).map(|page| &*page.template),
            page => page.template(),
        }
        .unwrap_or(NOT_FOUND)
    }

    /// Hands the variables of a page to `to`.
    pub(super) fn put(&self, page: &Page, to: &mut dyn Variables) {
        match page {
            Page::Sitemap(prefix) => self.sitemap.put(prefix, self.contents.views.site, to),
            Page::Custom(at) => {
                custom::put(self.theme, *at, self.contents.views.catalogue, to);
            }
            page => self.contents.put(page, to),
        }
    }
}

/// The pages of a plan.
struct Planned {
    pages: BTreeMap<String, Page>,
    sitemap: Sitemap,
    hidden: Vec<String>,
}

impl Planned {
    /// Plans the pages in the order of [`Plan::new`].
    fn of(site: &Site, contents: &PageContents<'_>, theme: &Theme) -> Planned {
        let mut planned = files(site, theme);
        add_pages_of_every_site(&mut planned);
        add_records(&mut planned, contents);
        add_parts(&mut planned, contents);
        // A map is made faster from sorted pages. The last page of a path stays the last.
        planned.par_sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut pages: BTreeMap<_, _> = planned.into_iter().collect();
        custom::add(&mut pages, theme);
        let sitemap = Sitemap::of(&pages, &contents.views, &contents.changes);
        for prefix in sitemap.prefixes() {
            pages.insert(sitemap::path(prefix), Page::Sitemap(prefix.clone()));
        }
        for (path, to, named) in former_addresses(&contents.views) {
            pages.entry(path).or_insert(Page::Moved(to, named));
        }
        let hidden = root::add(&mut pages, theme);
        remove_compressed_forms(&mut pages);
        Planned { pages, sitemap, hidden }
    }
}

/// Pages with their paths. If a path comes again, the last page counts.
type PathsOfPages = Vec<(String, Page)>;

/// Plans the files of the theme, except those of the `root/` folder.
fn files(site: &Site, theme: &Theme) -> PathsOfPages {
    let mut pages = PathsOfPages::new();
    for (name, bytes) in theme.static_files() {
        pages.push((format!("static/{name}"), Page::File(bytes.clone())));
    }
    for asset in theme.assets().values() {
        pages.push((asset.path.clone(), Page::File(asset.bytes.clone())));
    }
    if site.dev {
        let script = Bytes::from_static(DEV_SCRIPT.as_bytes());
        pages.push(("dev.js".to_owned(), Page::File(script)));
    }
    pages
}

fn add_pages_of_every_site(pages: &mut PathsOfPages) {
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
        pages.push((path.to_owned(), page));
    }
}

fn add_records(pages: &mut PathsOfPages, contents: &PageContents<'_>) {
    let views = &contents.views;
    for (film, _) in views.catalogue.films() {
        pages.push((film_path(views.film_slug(film)), Page::Film(film)));
        pages.push((poster_path(views.film_slug(film)), Page::Poster(film)));
    }
    for (person, _) in views.catalogue.people() {
        pages.push((person_path(views.person_slug(person)), Page::Person(person)));
    }
}

/// Plans lists, data files and the search index, each in its parts.
fn add_parts(pages: &mut PathsOfPages, contents: &PageContents<'_>) {
    for (path, list, prefix) in contents.lists.paths() {
        pages.push((path, Page::List(list, prefix.clone())));
    }
    let views = contents.views;
    for (named, prefix) in contents.large.parts() {
        pages.push((large::path(views, named, prefix), Page::Part(named, prefix.clone())));
    }
    for (path, named, prefix) in contents.large.data_files(views) {
        pages.push((path, Page::PartJson(named, prefix)));
    }
    for (path, prefix) in contents.movies.paths() {
        pages.push((path, Page::MoviesJson(prefix.clone())));
    }
    for (path, prefix) in contents.people.paths() {
        pages.push((path, Page::PeopleJson(prefix.clone())));
    }
    for prefix in contents.index.prefixes() {
        pages.push((search::path(prefix), Page::Search(prefix.to_owned())));
    }
}

/// Removes files of the theme at paths where the publisher writes the compressed form of a page.
fn remove_compressed_forms(pages: &mut BTreeMap<String, Page>) {
    let is_form = |path: &str| uncompressed(path).is_some_and(|plain| pages.contains_key(plain));
    let forms: Vec<_> = pages.keys().filter(|path| is_form(path)).cloned().collect();
    for path in forms {
        pages.remove(&path);
    }
}
