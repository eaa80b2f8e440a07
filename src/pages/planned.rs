//! The path of every page, and what is at the path.
//!
//! Owns the paths of the site, and the rule that decides which page gets a path that two pages claim.
//! The paths depend on little: the slugs of the records, and the parts of lists and indexes. As long as
//! these are the same, the next plan has the same pages.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use rayon::prelude::*;

use super::contents::PageContents;
use super::former::former_addresses;
use super::large;
use super::page::{Named, Page};
use super::paths::{film_path, person_path, poster_path, uncompressed};
use super::shared_facts::SharedFacts;
use super::site::Site;
use super::sitemap::{self, Sitemap};
use super::{CHANGES, NOT_FOUND, custom, feeds, root, search};
use crate::theme::Theme;

/// The script that pages have with `--dev` only.
const DEV_SCRIPT: &str = include_str!("dev.js");

/// The pages of the last plan, from which the next plan begins.
#[derive(Clone, Default)]
pub struct LastPages(Option<Arc<Planned>>);

/// The pages of a plan.
pub(super) struct Planned {
    /// Names everything from which the paths are made.
    made_from: blake3::Hash,
    pub(super) pages: BTreeMap<String, Page>,
    pub(super) sitemap: Sitemap,
    /// Files of the theme's `root/` folder that are not published.
    pub(super) hidden: Vec<String>,
}

impl Planned {
    /// Returns the pages of the last plan, if the paths are the same, or else plans the pages in the
    /// order of [`Plan::new`](super::Plan::new).
    pub(super) fn after(
        last: &mut LastPages,
        (site, theme): (&Site, &Theme),
        contents: &PageContents<'_>,
        shared: &SharedFacts,
    ) -> Arc<Planned> {
        let made_from = made_from(shared.look(theme), contents);
        if let Some(planned) = last.0.as_ref().filter(|planned| planned.made_from == made_from) {
            return planned.clone();
        }
        let planned = Arc::new(Planned::of(made_from, site, contents, theme));
        last.0 = Some(planned.clone());
        planned
    }

    fn of(
        made_from: blake3::Hash,
        site: &Site,
        contents: &PageContents<'_>,
        theme: &Theme,
    ) -> Planned {
        let mut planned = files(site, theme);
        add_pages_of_every_site(&mut planned);
        add_records(&mut planned, contents);
        add_parts(&mut planned, contents);
        // A map is made faster from sorted pages. The last page of a path stays the last.
        planned.par_sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut pages: BTreeMap<_, _> = planned.into_iter().collect();
        custom::add(&mut pages, theme);
        let sitemap = Sitemap::of(&pages, site);
        for prefix in sitemap.prefixes() {
            pages.insert(sitemap::path(prefix), Page::Sitemap(prefix.clone()));
        }
        for (path, to, named) in former_addresses(&contents.views) {
            pages.entry(path).or_insert(Page::Moved(to, named));
        }
        let hidden = root::add(&mut pages, theme);
        remove_compressed_forms(&mut pages);
        Planned { made_from, pages, sitemap, hidden }
    }
}

/// Names everything from which the paths are made: the look, the slugs of all records, and the parts of
/// all lists and indexes.
fn made_from(look: blake3::Hash, contents: &PageContents<'_>) -> blake3::Hash {
    let mut all = Inputs::default();
    let views = contents.views;
    all.0.extend(look.as_bytes());
    for (film, _) in views.catalogue.films() {
        all.add(Some(Named::Film(film)), views.film_slug(film));
    }
    for (person, _) in views.catalogue.people() {
        all.add(Some(Named::Person(person)), views.person_slug(person));
    }
    contents.lists.paths().for_each(|(path, ..)| all.add(None, &path));
    contents.large.parts().for_each(|(named, prefix)| all.add(Some(named), prefix));
    contents
        .large
        .data_files(views)
        .iter()
        .for_each(|(path, named, _)| all.add(Some(*named), path));
    let data = contents.movies.split.prefixes().chain(contents.people.split.prefixes());
    data.for_each(|prefix| all.add(None, prefix));
    contents.index.prefixes().for_each(|prefix| all.add(None, prefix));
    for (path, to, named) in former_addresses(&views) {
        all.add(Some(named), &path);
        all.add(None, &to);
    }
    blake3::hash(&all.0)
}

/// Inputs one after the other. The end of each input can be recognised.
#[derive(Default)]
struct Inputs(Vec<u8>);

impl Inputs {
    fn add(&mut self, of: Option<Named>, text: &str) {
        let (kind, slot) = match of {
            Some(Named::Film(film)) => (1, film.slot()),
            Some(Named::Person(person)) => (2, person.slot()),
            None => (0, 0),
        };
        self.0.push(kind);
        self.0.extend((slot as u64).to_le_bytes());
        self.0.extend((text.len() as u64).to_le_bytes());
        self.0.extend(text.as_bytes());
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
