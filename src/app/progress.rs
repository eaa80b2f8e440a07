//! The progress of long work: a bar on a terminal, and a log line for each stage.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytesize::ByteSize;
use indicatif::{HumanCount, ProgressBar, ProgressState, ProgressStyle};
use tracing::{debug, info};

use crate::clock::{BootTime, Clock};
use crate::publish::{PublishCounts, PublishStep};

/// A stage that takes this time is logged. Shorter stages are logged with `-v`.
const LONG: Duration = Duration::from_secs(1);
/// Number of pages from which a stage shows a progress bar.
const MANY_PAGES: usize = 2_000;
/// Number of templates that are named as the slowest.
const SLOWEST: usize = 3;

/// Makes a progress bar for `count` items, which are called `items` on the screen. The bar is
/// hidden if there are fewer than `least` items or no terminal.
pub(super) fn bar(count: u64, items: &str, least: u64) -> ProgressBar {
    if count < least || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(count);
    let template = format!(
        "{{prefix}} {{bar:40}} {{human_pos}}/{{human_len}} {items}, {{speed}}/s, {{eta}} left"
    );
    let speed = |state: &ProgressState, to: &mut dyn Write| {
        // A terminal that cannot be written to shows no bar.
        let _ = write!(to, "{}", HumanCount(state.per_sec() as u64));
    };
    match ProgressStyle::with_template(&template) {
        Ok(style) => bar.with_style(style.with_key("speed", speed)),
        Err(_) => bar,
    }
}

/// Logs the end of a stage: what was done, in which time, and further facts.
pub(super) fn ended(took: Duration, what: &str, further: &str) {
    let seconds = took.as_secs_f64();
    if took >= LONG {
        info!("{what} in {seconds:.1} s{further}");
    } else {
        debug!("{what} in {seconds:.3} s{further}");
    }
}

/// Returns a number with commas between thousands.
pub(super) fn count(number: usize) -> HumanCount {
    HumanCount(number as u64)
}

/// Returns the number of pages per second in words; an empty text for short work.
fn speed(pages: usize, took: Duration) -> String {
    if took < LONG {
        return String::new();
    }
    format!(" ({} pages/s)", count((pages as f64 / took.as_secs_f64()) as usize))
}

/// The progress of one publish.
pub(super) struct PublishProgress {
    clock: Clock,
    rendering: ProgressBar,
    making: Mutex<Option<ProgressBar>>,
    /// Number of pages and time by template.
    templates: Mutex<BTreeMap<String, (usize, Duration)>>,
}

thread_local! {
    /// The template of the page that this thread is rendering, and the start.
    static RENDERING: RefCell<Option<(String, BootTime)>> = const { RefCell::new(None) };
}

impl PublishProgress {
    /// Starts a publish of this number of pages.
    pub(super) fn of(pages: usize, clock: &Clock) -> PublishProgress {
        let rendering = bar(pages as u64, "pages", MANY_PAGES as u64).with_prefix("render");
        let (making, templates) = (Mutex::default(), Mutex::default());
        PublishProgress { clock: clock.clone(), rendering, making, templates }
    }

    /// Notes a step.
    pub(super) fn step(&self, step: PublishStep<'_>) {
        match step {
            PublishStep::Rendering(template) => {
                RENDERING.set(Some((template.to_owned(), self.clock.now().boot)));
            }
            PublishStep::Looked => {
                self.rendering.inc(1);
                if let Some((template, started)) = RENDERING.take() {
                    let took = self.clock.now().boot.since(started);
                    let mut templates =
                        self.templates.lock().unwrap_or_else(PoisonError::into_inner);
                    let (pages, time) = templates.entry(template).or_default();
                    *pages += 1;
                    *time += took;
                }
            }
            PublishStep::Made(all) => {
                let mut making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
                let new = || bar(all as u64, "pages", MANY_PAGES as u64).with_prefix("write");
                making.get_or_insert_with(new).inc(1);
            }
        }
    }

    /// Ends the stage in which some of all pages were rendered.
    pub(super) fn rendered(&self, some: usize, all: usize, took: Duration) {
        self.rendering.finish_and_clear();
        let further = format!("{}{}", speed(some, took), self.slowest());
        ended(took, &format!("rendered {} of {} pages", count(some), count(all)), &further);
    }

    /// Returns the slowest templates in words; an empty text if no page was rendered.
    fn slowest(&self) -> String {
        let templates = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        let mut slowest: Vec<_> = templates.iter().collect();
        slowest.sort_by_key(|(_, (_, time))| std::cmp::Reverse(*time));
        let named = slowest.iter().take(SLOWEST).map(|(template, (pages, time))| {
            format!("{template} {:.1} s for {}", time.as_secs_f64(), count(*pages))
        });
        let named = named.collect::<Vec<_>>().join(", ");
        if named.is_empty() { named } else { format!("; slowest templates, in CPU time: {named}") }
    }

    /// Ends the stage in which files were written.
    pub(super) fn wrote(&self, counts: PublishCounts, took: Duration) {
        let making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        making.iter().for_each(ProgressBar::finish_and_clear);
        let PublishCounts { written, bytes, kept, removed } = counts;
        let [changed, kept, removed] = [written, kept, removed].map(count);
        let size = ByteSize(bytes);
        let what = format!("wrote {changed} pages ({size}), kept {kept} and removed {removed}");
        ended(took, &what, &speed(written, took));
    }
}
