//! Measures the time of the main thread of a page, with the counters and the trace of the browser.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::fixture::Tab;

/// The categories of the trace: tasks, and the script in the tasks.
const TRACED: [&str; 3] =
    ["devtools.timeline", "disabled-by-default-devtools.timeline", "v8.execute"];
/// The trace events that run script. The counter of the browser for script does not include script
/// after an `await`.
const SCRIPT: [&str; 3] = ["EvaluateScript", "FunctionCall", "RunMicrotasks"];

/// The work of the main thread, in milliseconds.
#[derive(Clone, Copy)]
pub(super) struct Spent {
    pub(super) all: f64,
    pub(super) script: f64,
    /// The time for style and layout.
    pub(super) layout: f64,
    pub(super) longest: f64,
}

/// Measures the work of the main thread while `happens` runs.
pub(super) fn spent(tab: &mut Tab, happens: impl FnOnce()) -> Spent {
    let traced = json!({"includedCategories": TRACED});
    let how = json!({"transferMode": "ReportEvents", "traceConfig": traced});
    tab.call("Tracing.start", how);
    let before = counters(tab);
    happens();
    let after = counters(tab);
    tab.call("Tracing.end", json!({}));
    until(|| {
        // The answer to a call comes after all earlier events.
        let _ = tab.value("0");
        !tab.heard("Tracing.tracingComplete").is_empty()
    });
    let [all, layout] = std::array::from_fn(|at| after[at] - before[at]);
    let trace = Trace::of(&tab.heard("Tracing.dataCollected"));
    Spent { all, layout, script: trace.within(&SCRIPT), longest: trace.longest("RunTask") }
}

/// Waits until `is_so` without a time limit, because a slow CPU may take longer than the limit of
/// the tests.
pub(super) fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        sleep(Duration::from_millis(10));
    }
}

/// Returns the time of all tasks, and the time of style and layout, in milliseconds since the page
/// was opened.
fn counters(tab: &mut Tab) -> [f64; 2] {
    let metrics = tab.call("Performance.getMetrics", json!({}));
    let value = |name: &str| {
        let mut metrics = metrics["metrics"].as_array().into_iter().flatten();
        let metric = metrics.find(|metric| metric["name"] == name);
        1000.0 * metric.and_then(|metric| metric["value"].as_f64()).expect("a metric")
    };
    [value("TaskDuration"), value("LayoutDuration") + value("RecalcStyleDuration")]
}

/// The work of the main thread, ordered by start.
struct Trace(Vec<Span>);

struct Span {
    name: String,
    /// Milliseconds.
    start: f64,
    end: f64,
    /// Milliseconds of CPU time.
    spent: f64,
}

impl Trace {
    /// Reads the parts of a trace. Only the measured page does any work, so all spans belong to it.
    fn of(parts: &[Value]) -> Trace {
        let events =
            || parts.iter().flat_map(|part| part["value"].as_array().into_iter().flatten());
        let thread = |event: &Value| (event["pid"].as_u64(), event["tid"].as_u64());
        let is_main = |event: &&Value| event["args"]["name"] == "CrRendererMain";
        let main: Vec<_> = events().filter(is_main).map(thread).collect();
        let on_main = events().filter(|event| main.contains(&thread(event)));
        let mut spans: Vec<_> = on_main.filter_map(Span::of).collect();
        spans.sort_by(|one, other| one.start.total_cmp(&other.start));
        Trace(spans)
    }

    fn longest(&self, name: &str) -> f64 {
        let of_name = self.0.iter().filter(|span| span.name == name);
        of_name.map(|span| span.spent).fold(0.0, f64::max)
    }

    /// Returns the time within spans with these names. A nested span counts once.
    fn within(&self, names: &[&str]) -> f64 {
        let (mut within, mut until) = (0.0, 0.0);
        for span in self.0.iter().filter(|span| names.contains(&span.name.as_str())) {
            if span.start >= until {
                within += span.spent;
                until = span.end;
            }
        }
        within
    }
}

impl Span {
    /// Reads a span; `None` for an event without a duration.
    fn of(event: &Value) -> Option<Span> {
        let milliseconds = |name: &str| Some(event[name].as_f64()? / 1000.0);
        let (start, length) = (milliseconds("ts")?, milliseconds("dur")?);
        let (name, spent) = (event["name"].as_str()?.to_owned(), milliseconds("tdur")?);
        Some(Span { name, start, end: start + length, spent })
    }
}
