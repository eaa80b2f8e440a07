//! One page: its fingerprint, and how the page is rendered.
//!
//! Owns what a fingerprint covers. A page is rendered only if its fingerprint changed, and
//! without other pages in memory. Nothing here reads a clock: times come from the ledger, so that
//! the same catalogue gives the same bytes on every day and on every replica.

use std::cell::OnceCell;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use serde::Serialize;
use tera::Context;

use super::hash::hash;
use super::page::Page;
use super::plan::Plan;
use super::variables::{Hash, write_json};
use super::{RENDERER, poster};

/// Names the content of a page: context, templates and renderer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 16]);

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A page that could not be rendered: a fault of the theme, not of the disk.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub struct NotRendered(pub(super) anyhow::Error);

/// A page of a plan.
#[derive(Clone, Copy)]
pub struct PlannedPage<'p> {
    /// The path.
    pub path: &'p str,
    page: &'p Page,
}

/// A page whose fingerprint is known, and which can be rendered.
pub struct Prepared<'p> {
    plan: &'p Plan<'p>,
    path: &'p str,
    page: &'p Page,
    /// A page with the same basis has the same fingerprint. `None` if the page has no basis.
    pub basis: Option<u64>,
    fingerprint: OnceCell<Fingerprint>,
}

impl<'a> Plan<'a> {
    /// Prepares the page of a path; the page "not found" for a path that is not in the plan.
    pub fn prepare<'p>(&'p self, path: &'p str) -> Prepared<'p> {
        self.prepare_planned(PlannedPage { path, page: self.page(path) })
    }

    /// Prepares a page.
    pub fn prepare_planned<'p>(&'p self, page: PlannedPage<'p>) -> Prepared<'p> {
        let PlannedPage { path, page } = page;
        let fingerprint = OnceCell::new();
        Prepared { plan: self, path, page, basis: basis(self, path, page), fingerprint }
    }

    /// Returns all pages, in the order of their paths.
    pub fn pages(&self) -> impl Iterator<Item = PlannedPage<'_>> {
        self.planned.pages.iter().map(|(path, page)| PlannedPage { path, page })
    }
}

fn fingerprint(plan: &Plan<'_>, path: &str, page: &Page) -> Fingerprint {
    let mut hasher = blake3::Hasher::new();
    hasher.update(RENDERER.as_bytes());
    match page {
        Page::File(bytes) => drop(hasher.update(bytes)),
        Page::Search(prefix) => {
            hasher.update(&plan.contents.search_index(prefix));
        }
        // A poster is drawn from these fields alone: a new score does not give a new poster.
        Page::Poster(film) => {
            let film = plan.contents.views.catalogue.film(*film);
            write_json(&mut hasher, &(&film.id, &film.title));
        }
        _ => {
            hasher.update(plan.shared.digest.as_bytes());
            write_json(&mut hasher, &(path, canonical(plan, path)));
            plan.put(page, &mut Hash(&mut hasher));
        }
    }
    let mut fingerprint = [0; 16];
    fingerprint.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    Fingerprint(fingerprint)
}

/// Returns the basis of a page, if the page has a basis.
fn basis(plan: &Plan<'_>, path: &str, page: &Page) -> Option<u64> {
    let basis = match page {
        Page::Sitemap(prefix) => {
            let (sitemap, dates) = plan.sitemap();
            hash(&sitemap.basis(prefix, &dates))
        }
        page => plan.bases.of_page(&plan.contents, page)?,
    };
    Some(hash(&(plan.shared.build.as_bytes(), path, basis)))
}

/// Returns the address that search engines should keep for a path.
fn canonical(plan: &Plan<'_>, path: &str) -> String {
    // `/movies/` shows the same list as `/`.
    let path = if path == "movies/index.html" { "index.html" } else { path };
    plan.contents.views.site.absolute(path)
}

impl Prepared<'_> {
    /// Returns what names the content: a page with the same fingerprint has the same bytes.
    pub fn fingerprint(&self) -> Fingerprint {
        *self.fingerprint.get_or_init(|| fingerprint(self.plan, self.path, self.page))
    }

    /// Returns the path that replaces this page, if this page is a former address.
    pub fn moved_to(&self) -> Option<&str> {
        match self.page {
            Page::Moved(to, _) => Some(to),
            _ => None,
        }
    }

    /// Returns the template of the page, or what the page is if the program writes the page itself.
    pub fn template(&self) -> &str {
        match self.page {
            Page::File(_) => "files of the theme",
            Page::Poster(_) => "posters",
            Page::Search(_) => "search index",
            Page::MoviesJson(_) | Page::PeopleJson(_) | Page::PartJson(..) => "data files",
            page => self.plan.template(page),
        }
    }

    /// Renders the page.
    ///
    /// # Errors
    /// The error of the template, with the path and the record of the page.
    pub fn render(&self) -> Result<Bytes, NotRendered> {
        let bytes = self.bytes().map_err(NotRendered)?;
        if matches!(self.page, Page::File(_)) {
            return Ok(bytes);
        }
        // Pages stay in memory while they are live, so they must not keep spare capacity.
        let mut bytes = Vec::from(bytes);
        bytes.shrink_to_fit();
        Ok(bytes.into())
    }

    fn bytes(&self) -> Result<Bytes> {
        let contents = &self.plan.contents;
        match self.page {
            Page::File(bytes) => Ok(bytes.clone()),
            Page::Poster(film) => {
                let film = contents.views.catalogue.film(*film);
                Ok(poster::poster(&film.id, &film.title).into())
            }
            Page::Search(prefix) => Ok(contents.search_index(prefix)),
            Page::MoviesJson(prefix) => contents.movies_json(prefix),
            Page::PeopleJson(prefix) => contents.people_json(prefix),
            Page::PartJson(named, prefix) => contents.part_json(*named, prefix),
            Page::JsonFeed => json(self.rendered(self.page)?),
            page => self.rendered(page),
        }
    }

    /// Renders the template of the page.
    fn rendered(&self, page: &Page) -> Result<Bytes> {
        let plan = self.plan;
        let views = plan.contents.views;
        let mut context = Context::new();
        context.insert("site", &plan.shared.variables);
        let variables = PageVariables {
            path: views.site.link(self.path),
            canonical: canonical(plan, self.path),
            fingerprint: self.fingerprint().to_string(),
        };
        context.insert("page", &variables);
        plan.put(page, &mut context);
        let template = plan.template(page);
        let rendered = plan.theme.render(template, &context, views.texts);
        let record = || format!("cannot render {}{}", self.path, page.record(views.catalogue));
        Ok(rendered.with_context(record)?.into())
    }
}

/// Checks that a template made JSON (RFC 8259), which readers of feeds need.
fn json(bytes: Bytes) -> Result<Bytes> {
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&bytes);
    is_json.with_context(|| format!("the template {} made no JSON", super::feeds::JSON))?;
    Ok(bytes)
}

/// The variable `page` of a template.
#[derive(Serialize)]
pub(super) struct PageVariables {
    pub(super) path: String,
    pub(super) canonical: String,
    pub(super) fingerprint: String,
}
