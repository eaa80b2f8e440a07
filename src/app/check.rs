//! `check`: would this configuration and this theme make a site?
//!
//! Owns the dry run. The command renders every page and writes nothing, so that a person or
//! a test can try a theme before the theme is used.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use url::Url;

use super::report::named;
use super::wiring;
use crate::catalogue::{FieldCoverage, ListCoverage, Warning, coverage, join, tally};
use crate::clock::Clock;
use crate::config::{Config, Upstream};
use crate::history::History;
use crate::ledger::Ledger;
use crate::mapping::Mapping;
use crate::pages::{Plan, Records, Status, collisions, failing, starting, too_old};
use crate::payload::{Fence, Payload};
use crate::source::{Proxy, Source};
use crate::store::{FileStore, Store};
use crate::theme::Theme;
use crate::upstream::UpstreamId;

/// Renders every page with the stored data, or with the data of the demo if nothing is stored.
///
/// # Errors
/// Fails if a page cannot be rendered. The message has each fault of the theme once, with the
/// first page that shows the fault.
pub(super) async fn check(config: &Config, is_json: bool) -> Result<()> {
    let clock = Clock::system();
    wiring::redis_address(config)?;
    let theme = Theme::load(config.templates.as_deref())?;
    let facts = wiring::site_of(config);
    let store = FileStore::look(&config.state, clock.clone());
    let mut loaded = store.load().await?;
    let untried = why_untried(config, &store, loaded.payload.as_ref());
    let stored = loaded.payload.take().filter(|_| untried.is_none());
    let (payload, mapping, whose) = match stored {
        Some(payload) => (payload, config.mapping.clone(), "the stored data"),
        None => {
            let mapping = mapping_of_the_demo(config);
            (demo(config, &mapping, &clock).await?, mapping, "the demo's data")
        }
    };
    let (catalogue, warnings) = join(&payload, &mapping)?;
    let origin = payload.origin.wall;
    let ledger = Ledger::after(loaded.ledger.as_deref(), &[], &catalogue, origin);
    let records = Records::of(&catalogue, &ledger);
    let plan = Plan::new(&facts, &records, &theme);
    let in_plan = plan.paths().len();
    let status = Status {
        now: clock.now().wall,
        as_of: origin,
        counts: None,
        pages: in_plan,
        next_attempt: origin,
        interval: config.interval,
        max_age: config.max_age,
        is_shared: false,
        warnings: tally(&warnings.iter().cloned().collect()),
        history: &History::default(),
    };
    let apart = [starting(&facts, &theme), failing(&facts, &theme), too_old(&facts, &theme)]
        .map(|page| page.map_err(|error| format!("{error:#}")));
    let status = status.page(&facts, &theme).map_err(|error| error.to_string());
    let pages = plan.paths().map(|path| plan.prepare(path).render());
    let pages = pages.map(|page| page.map_err(|error| error.to_string()));
    let set_aside = theme.set_aside().iter().map(|error| Err(error.to_string()));
    let mut troubles = BTreeMap::new();
    for page in set_aside.chain(apart).chain(pages).chain([status]) {
        if let Err(error) = page {
            // A faulty line of a template fails for every record: report the line once.
            let place =
                error.lines().find(|line| line.contains("-->")).unwrap_or(&error).to_owned();
            troubles.entry(place).or_insert(error);
        }
    }
    if !troubles.is_empty() {
        let troubles: Vec<_> = troubles.into_values().collect();
        bail!(
            "the theme cannot be rendered with {whose}; correct these templates:\n{}",
            troubles.join("\n\n")
        );
    }
    let lists = match &untried {
        Some(_) => Vec::new(),
        None => coverage(&payload, &mapping, &catalogue)?,
    };
    if is_json {
        return tell_as_json(in_plan, untried.as_deref(), &lists, &warnings);
    }
    match untried {
        Some(why) => writeln!(std::io::stdout(), "The mapping was not tried: {why}.")?,
        None => tell_coverage(&lists)?,
    }
    tell_what_is_left_out(&theme, &plan)?;
    tell_what_stays_english(&theme, &config.lang)?;
    let collisions = collisions(&theme);
    if !collisions.is_empty() {
        bail!("{}", collisions.join("\n"));
    }
    writeln!(std::io::stdout(), "The theme works: {in_plan} pages rendered with {whose}.")?;
    tell_problems_of_the_data(&warnings, whose)
}

/// Returns why the stored answer cannot show what the mapping finds.
fn why_untried(config: &Config, store: &FileStore, payload: Option<&Payload>) -> Option<String> {
    let Some(payload) = payload else {
        let text = "no answer is stored yet; run `movies-gen build` first, then check again";
        return Some(text.to_owned());
    };
    let wanted = wiring::upstream_id(config);
    let other = store.upstream().filter(|found| *found != wanted && !config.adopt);
    if let Some(UpstreamId(found)) = other {
        let directory = config.state.display();
        return Some(format!(
            "the answer stored in {directory} came from {found}; use another --state, or --adopt"
        ));
    }
    let is_its_own = payload.may_answer(config.mapping.requests());
    let text = "the stored answer belongs to other requests than the mapping names; run \
                `movies-gen build`, then check again";
    (!is_its_own).then(|| text.to_owned())
}

/// Prints what the mapping finds, and the problems of the data.
fn tell_as_json(
    pages: usize,
    untried: Option<&str>,
    lists: &[ListCoverage],
    warnings: &[Warning],
) -> Result<()> {
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    // Without stored data, the warnings are those of the demo's data.
    let told = serde_json::json!({
        "pages": pages, "untried": untried, "lists": lists, "warnings": warnings
    });
    writeln!(std::io::stdout(), "{told:#}")?;
    Ok(())
}

/// Prints a table of what the mapping finds in each list, and what nothing reads.
fn tell_coverage(lists: &[ListCoverage]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    for list in lists {
        writeln!(out, "What the mapping finds in {} ({} records):", list.list, list.records)?;
        let rows: Vec<[String; 5]> = list.fields.iter().map(row).collect();
        let head = ["field", "expression", "found", "example", "on the site"].map(str::to_owned);
        let width = |column: usize| {
            let cells = rows.iter().chain([&head]).map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let widths = [0, 1, 2, 3].map(width);
        for row in [&head].into_iter().chain(&rows) {
            let [field, expression, found, example, shown] = row;
            let [a, b, c, d] = widths;
            let line = format!("  {field:a$}  {expression:b$}  {found:c$}  {example:d$}  {shown}");
            writeln!(out, "{}", line.trim_end())?;
        }
        if !list.unread.is_empty() {
            let names: Vec<_> = list.unread.keys().map(String::as_str).collect();
            writeln!(out, "  Nothing reads: {}", named(&names, MOST_UNREAD).escape_debug())?;
        }
    }
    Ok(())
}

/// Fields that nothing reads and that are named; of further fields, only the number is printed.
const MOST_UNREAD: usize = 60;
/// Longest text in a cell of the table, in characters.
const WIDEST: usize = 40;

fn row(field: &FieldCoverage) -> [String; 5] {
    let cell = |text: &str| {
        let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        match plain.char_indices().nth(WIDEST) {
            Some((end, _)) => format!("{}…", &plain[..end]),
            None => plain,
        }
    };
    let shown = match (&field.example, &field.shown) {
        (None, _) => String::new(),
        (Some(_), Some(shown)) => cell(shown),
        (Some(_), None) if matches!(field.field.as_str(), "people" | "films") => "pairs".to_owned(),
        (Some(_), None) => "ignored".to_owned(),
    };
    let found = format!("{} of {}", field.found, field.of);
    let example = field.example.as_deref().map(cell).unwrap_or_default();
    [field.field.clone(), cell(&field.expression), found, example, shown]
}

/// Names the problems of the data, which a theme cannot solve.
fn tell_problems_of_the_data(warnings: &[Warning], whose: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if warnings.is_empty() {
        return Ok(());
    }
    writeln!(out, "Problems in {whose}, which do not come from the theme:")?;
    for warning in warnings.iter().take(MOST_NAMES) {
        writeln!(out, "- {warning}")?;
    }
    match warnings.len().saturating_sub(MOST_NAMES) {
        0 => {}
        more => writeln!(out, "- and {more} more")?,
    }
    Ok(())
}

/// Files that are named for each reason; of further files, only the number is printed.
const MOST_NAMES: usize = 10;

/// Names the files in the directory of the theme that are not used, and why.
fn tell_what_is_left_out(theme: &Theme, plan: &Plan<'_>) -> Result<()> {
    let unused: Vec<_> = theme.unused().collect();
    let unused: Vec<_> = unused.iter().map(String::as_str).collect();
    let hidden: Vec<_> = plan.hidden().iter().map(String::as_str).collect();
    for (why, names) in [
        ("Not used, because no page refers to the file", unused),
        ("Not published, because a page or the server uses the path", hidden),
    ] {
        if names.is_empty() {
            continue;
        }
        let names = named(&names, MOST_NAMES);
        writeln!(std::io::stdout(), "{why}: {}", names.escape_debug())?;
    }
    Ok(())
}

/// Names the texts that are missing in the tables of the owner and in the table of the language of
/// the site.
fn tell_what_stays_english(theme: &Theme, lang: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if !theme.speaks(lang) {
        writeln!(out, "{}", wiring::without_table(lang))?;
    }
    for (tag, keys) in theme.missing_texts(lang) {
        let named = named(&keys.iter().map(String::as_str).collect::<Vec<_>>(), MOST_NAMES);
        let missing = keys.len();
        writeln!(
            out,
            "texts/{tag}.toml lacks {missing} texts, which stay English: {}",
            named.escape_debug()
        )?;
    }
    Ok(())
}

/// Returns the mapping for the data of the demo, which has the form of the default mapping.
fn mapping_of_the_demo(config: &Config) -> Arc<Mapping> {
    match &config.upstream {
        Upstream::Demo(Some(_)) => config.mapping.clone(),
        _ => Arc::new(Mapping::default_mapping()),
    }
}

async fn demo(config: &Config, mapping: &Mapping, clock: &Clock) -> Result<Payload> {
    let data = match &config.upstream {
        Upstream::Demo(data) => data.as_deref(),
        Upstream::Api(_) | Upstream::Files(_) => None,
    };
    let demo = wiring::demo(data, config.interval)?;
    let source = Source::api(&Url::parse(demo.url())?, mapping, config.max_bytes, Proxy::Never)?;
    let origin = clock.stamp();
    let answer = source.fetch(None, async || Ok(())).await.context("the demo does not answer")?;
    Ok(Payload { fence: Fence(0), origin, films: answer.films, people: answer.people })
}
