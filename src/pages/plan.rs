//! The plan: all pages of a catalogue, with what each page is made from.
//!
//! Owns nothing but the way to the parts: the paths are in [`Planned`], and the variables of the pages
//! are in [`PageContents`].

use std::sync::Arc;

use super::basis::Bases;
use super::contents::PageContents;
use super::page::Page;
use super::planned::{LastPages, Planned};
use super::records::Records;
use super::shared_facts::SharedFacts;
use super::site::Site;
use super::sitemap::{Dates, Sitemap};
use super::variables::Variables;
use super::{NOT_FOUND, custom};
use crate::theme::Theme;

/// All pages of one catalogue in one theme.
pub struct Plan<'a> {
    pub(super) theme: &'a Theme,
    pub(super) contents: PageContents<'a>,
    pub(super) shared: SharedFacts,
    pub(super) planned: Arc<Planned>,
    pub(super) bases: Bases,
    /// Bytes that all files together may have, compressed forms included.
    pub most_bytes: u64,
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
        Plan::after(&mut LastPages::default(), site, records, theme)
    }

    /// As [`Plan::new`]. `last` are the pages of an earlier plan, and become the pages of this plan.
    pub fn after(
        last: &mut LastPages,
        site: &'a Site,
        records: &'a Records<'a>,
        theme: &'a Theme,
    ) -> Plan<'a> {
        let contents = PageContents::of(site, records, site.texts(theme));
        let shared = SharedFacts::of(site, theme);
        let (planned, bases) = rayon::join(
            || Planned::after(last, (site, theme), &contents, &shared),
            || Bases::of(&contents),
        );
        Plan { theme, contents, shared, planned, bases, most_bytes: u64::MAX }
    }

    /// Returns the same plan for a site of at most `most_bytes` bytes.
    #[must_use]
    pub fn within(self, most_bytes: u64) -> Plan<'a> {
        Plan { most_bytes, ..self }
    }

    /// Returns the files of the theme's `root/` folder that are not published, since a page or an
    /// answer of the server has their path.
    pub fn hidden(&self) -> &[String] {
        &self.planned.hidden
    }

    /// Returns the path of every page, in order.
    pub fn paths(&self) -> impl ExactSizeIterator<Item = &str> {
        self.planned.pages.keys().map(String::as_str)
    }

    /// Returns the sitemap, and what the ledger says of the last changes.
    pub(super) fn sitemap(&self) -> (&Sitemap, Dates<'_>) {
        (&self.planned.sitemap, Dates::of(self.contents.views, &self.contents.changes))
    }

    /// Returns the page of a path; the page "not found" for a path that is not in the plan.
    pub(super) fn page(&self, path: &str) -> &Page {
        self.planned.pages.get(path).unwrap_or(&Page::NotFound)
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
            Page::Sitemap(prefix) => {
                let (sitemap, dates) = self.sitemap();
                sitemap.put(prefix, &dates, to);
            }
            Page::Custom(at) => {
                custom::put(self.theme, *at, self.contents.views.catalogue, to);
            }
            page => self.contents.put(page, to),
        }
    }
}
