//! `/status/`: the state of the site, for everybody.
//!
//! Owns the variables of this page. The page is volatile: it belongs to no generation, because it
//! changes with every refresh. The page must stay correct as a file after the program has ended.
//! Therefore every time in it is absolute, and the script that every page has shows times that are
//! relative to now. The page has the *kinds* of outcomes and warnings, and never their texts, so
//! that the page cannot reveal an internal address, key or path.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use serde::Serialize;
use tera::Context;

use super::NotRendered;
use super::paths::STATUS;
use super::plots::Plots;
use super::prepared::PageVariables;
use super::shared_facts::SharedFacts;
use super::site::Site;
use crate::clock::WallTime;
use crate::history::History;
use crate::texts::Texts;
use crate::theme::Theme;

const TEMPLATE: &str = "status.html";

/// The facts on the status page.
#[derive(Debug, Clone)]
pub struct Status<'a> {
    /// Time at which the page is written.
    pub now: WallTime,
    /// Origin time of the live data.
    pub as_of: WallTime,
    /// Numbers of records; `None` if only the pages are known, and not the catalogue.
    pub counts: Option<Counts>,
    /// Number of files of the site.
    pub pages: usize,
    /// Earliest start of the next refresh.
    pub next_attempt: WallTime,
    /// Least time between two refreshes.
    pub interval: Duration,
    /// Greatest age of a page that is promised while the upstream answers.
    pub max_age: Duration,
    /// Whether other processes share the refreshes.
    pub is_shared: bool,
    /// Number of warnings about the data, by kind.
    pub warnings: BTreeMap<&'static str, usize>,
    /// Statistics of the last refreshes.
    pub history: &'a History,
}

/// The numbers of records and changes.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Counts {
    /// Number of films.
    pub films: usize,
    /// Number of people.
    pub people: usize,
    /// Number of changes that pages show.
    pub changes: usize,
}

#[derive(Serialize)]
struct StatusView {
    written: String,
    as_of: String,
    counts: Option<Counts>,
    pages: usize,
    next_attempt: String,
    interval: String,
    max_age: String,
    is_shared: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<LastView>,
}

#[derive(Serialize)]
struct LastView {
    at: String,
    kind: String,
    is_good: bool,
}

/// The number of outcomes, or of warnings, of one kind.
#[derive(Serialize)]
struct Tally {
    kind: String,
    count: u64,
}

impl Status<'_> {
    /// Renders the page.
    ///
    /// # Errors
    /// Fails with the error of the template.
    pub fn page(&self, site: &Site, theme: &Theme) -> Result<Bytes, NotRendered> {
        self.rendered(site, theme, theme)
    }

    /// Renders the page for a theme whose own template fails. The templates are the built-in
    /// templates. The assets are the assets of `theme`, because only these assets are published.
    ///
    /// # Errors
    /// Fails with the error of the template; the built-in templates have no error.
    pub fn built_in_page(&self, site: &Site, theme: &Theme) -> Result<Bytes, NotRendered> {
        let templates = Theme::load(None).map_err(NotRendered)?;
        self.rendered(site, theme, &templates)
    }

    fn rendered(
        &self,
        site: &Site,
        theme: &Theme,
        templates: &Theme,
    ) -> Result<Bytes, NotRendered> {
        let mut context = Context::new();
        context.insert("site", &SharedFacts::of(site, theme).variables);
        let page = PageVariables {
            path: site.link(STATUS),
            canonical: site.absolute(STATUS),
            fingerprint: String::new(),
        };
        context.insert("page", &page);
        let texts = site.texts(templates);
        context.insert("status", &self.view(texts));
        let day = self.history.day(self.now);
        let outcomes = day.outcomes().into_iter();
        let outcomes = outcomes.map(|(kind, times)| tally(kind.to_string(), u64::from(times)));
        context.insert("outcomes", &outcomes.collect::<Vec<_>>());
        let warnings = self.warnings.iter();
        let warnings = warnings.map(|(kind, &count)| tally((*kind).to_owned(), count as u64));
        context.insert("warnings", &warnings.collect::<Vec<_>>());
        let plots = Plots { day: &day, texts };
        context.insert("age_plot", &plots.age(self.max_age));
        context.insert("outcome_plot", &plots.outcomes());
        context.insert("duration_plot", &plots.durations());
        let rendered = templates.render(TEMPLATE, &context, texts);
        let rendered = rendered.with_context(|| format!("cannot render {STATUS}"));
        Ok(rendered.map_err(NotRendered)?.into())
    }

    fn view(&self, texts: &Texts) -> StatusView {
        StatusView {
            written: self.now.rfc3339(),
            as_of: self.as_of.rfc3339(),
            counts: self.counts,
            pages: self.pages,
            next_attempt: self.next_attempt.rfc3339(),
            interval: texts.time(self.interval),
            max_age: texts.time(self.max_age),
            is_shared: self.is_shared,
            last: self.history.last().map(|last| LastView {
                at: last.at.rfc3339(),
                kind: last.kind.to_string(),
                is_good: last.kind.is_good(),
            }),
        }
    }
}

fn tally(kind: String, count: u64) -> Tally {
    Tally { kind, count }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{FailureKind, OutcomeKind};
    use crate::pages::theme_readme;
    use crate::texts::Words;

    const NOW: WallTime = WallTime(1_795_521_600_000_000);

    fn page(history: &History, counts: Option<Counts>) -> String {
        let site = crate::pages::tests::site(None);
        let theme = Theme::load(None).expect("a theme");
        let minute = Duration::from_secs(60);
        let status = Status {
            now: NOW,
            as_of: NOW - minute,
            counts,
            pages: 99,
            next_attempt: NOW + minute,
            interval: minute,
            max_age: minute,
            is_shared: false,
            warnings: BTreeMap::from([("left-out", 2)]),
            history,
        };
        let bytes = status.page(&site, &theme).expect("a page");
        String::from_utf8(bytes.to_vec()).expect("text")
    }

    #[test]
    fn the_page_has_the_kind_of_a_failure() {
        let mut history = History::default();
        history.saw(NOW, Duration::from_secs(61));
        history.ended(NOW, OutcomeKind::Failed(FailureKind::Timeout), Duration::from_secs(5));
        let page = page(&history, Some(Counts { films: 22, people: 57, changes: 3 }));
        for part in ["<code>timeout</code>", "2026-11-24T11:59:00.000Z", ">22<", "left out"] {
            assert!(page.contains(part), "{part} is missing: {page}");
        }
        // The page belongs to no generation, so it must not have a fingerprint.
        assert!(!page.contains("movies-gen-fingerprint"), "{page}");
        assert!(page.contains("<meta name=\"robots\" content=\"noindex\">"), "{page}");
    }

    #[test]
    fn the_page_can_be_rendered_without_history_and_counts() {
        let page = page(&History::default(), None);
        assert!(page.contains("99") && !page.contains("<svg"), "{page}");
    }

    #[test]
    fn the_reference_describes_every_variable_of_the_page() {
        let row = theme_readme::row(TEMPLATE);
        let theme = Theme::load(None).expect("a theme");
        let json = serde_json::to_value(
            Status {
                now: NOW,
                as_of: NOW,
                counts: None,
                pages: 0,
                next_attempt: NOW,
                interval: Duration::ZERO,
                max_age: Duration::ZERO,
                is_shared: false,
                warnings: BTreeMap::new(),
                history: &{
                    let mut history = History::default();
                    history.ended(NOW, OutcomeKind::Changed, Duration::ZERO);
                    history
                },
            }
            .view(theme.texts("en", &Words::default())),
        );
        let json = json.expect("JSON");
        let fields = json.as_object().expect("an object").keys().map(String::as_str);
        let others = ["outcomes", "warnings", "age_plot", "outcome_plot", "duration_plot"];
        for name in fields.chain(others) {
            assert!(
                row.contains(&format!("`{name}`")),
                "the reference does not describe `{name}`: {row}"
            );
        }
    }
}
