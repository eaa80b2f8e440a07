//! Pages that the owner of the theme writes.
//!
//! Owns which of these pages are published. A built-in page takes precedence over a page at the same
//! path, and so does every path below a built-in folder, whatever records the catalogue has.

use std::collections::BTreeMap;

use serde::Serialize;

use super::page::Page;
use super::site::Site;
use super::variables::Variables;
use crate::catalogue::Catalogue;
use crate::theme::{CustomPage, Theme};

/// First segments of the paths of built-in pages, of published files and of answers of the server.
const BUILT_IN: [&str; 17] = [
    "404",
    "assets",
    "changes",
    "directors",
    "events",
    "healthz",
    "index",
    "json",
    "movies",
    "people",
    "posters",
    "producers",
    "search",
    "sitemap",
    "static",
    "status",
    "years",
];

/// An entry of the menu.
#[derive(Serialize)]
pub(super) struct MenuEntry<'a> {
    title: &'a str,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lang: Option<&'a str>,
}

fn first(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

/// Whether the path of a page belongs to the program.
fn is_taken(page: &CustomPage) -> bool {
    BUILT_IN.contains(&first(&page.path))
}

/// Returns the pages that are published, each with its place in the theme.
fn published(theme: &Theme) -> impl Iterator<Item = (usize, &CustomPage)> {
    let pages = theme.custom_pages().iter().enumerate();
    pages.filter(|(_, page)| !is_taken(page))
}

/// Describes each page that is not published, because its path belongs to the program.
pub fn collisions(theme: &Theme) -> Vec<String> {
    let taken = theme.custom_pages().iter().filter(|page| is_taken(page));
    taken
        .map(|page| {
            let (file, first) = (&page.file, first(&page.path));
            format!(
                "{file} is not published, because /{first}/ belongs to built-in pages or to the \
                 server; rename the file"
            )
        })
        .collect()
}

/// Plans the pages.
pub(super) fn add(pages: &mut BTreeMap<String, Page>, theme: &Theme) {
    for (at, page) in published(theme) {
        pages.entry(page.path.clone()).or_insert(Page::Custom(at));
    }
}

/// Returns the entries that the pages add to the menu.
pub(super) fn menu<'t>(site: &Site, theme: &'t Theme) -> Vec<MenuEntry<'t>> {
    let entry = |page: &'t CustomPage| MenuEntry {
        title: &page.facts.title,
        url: site.link(&page.path),
        lang: page.facts.lang.as_deref(),
    };
    published(theme).filter(|(_, page)| page.menu).map(|(_, page)| entry(page)).collect()
}

/// Hands on what a page shows. Only these numbers come from the data, so only they make the program
/// render the page again.
pub(super) fn put(theme: &Theme, at: usize, catalogue: &Catalogue, to: &mut dyn Variables) {
    if let Some(page) = theme.custom_pages().get(at) {
        to.put("custom", &page.facts);
    }
    to.put("film_count", &catalogue.films().len());
    to.put("person_count", &catalogue.people().len());
}
