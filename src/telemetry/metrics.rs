//! Counters, gauges and histograms for Prometheus.
//!
//! Owns the names and buckets of the metrics. Values that can be read at the time of a scrape
//! (age of the data, state of Redis) are arguments of [`Metrics::text`] and are not kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::hold::Decision;
use crate::outcome::OutcomeKind;

/// Buckets in seconds for the ages of answered pages. The buckets are dense around 60 s, the
/// default of `--max-age`.
const AGES: [f64; 14] =
    [1.0, 5.0, 15.0, 30.0, 45.0, 55.0, 60.0, 61.0, 65.0, 75.0, 120.0, 300.0, 900.0, 3600.0];

/// A stage of a refresh whose duration is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// From the first request to the complete answer of the upstream.
    Fetch,
    /// From the bodies to the catalogue.
    Decode,
    /// From the catalogue to the pages.
    Render,
    /// From the pages to the published generation.
    Publish,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabel {
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StoreLabel {
    store: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct End {
    end: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeliveryLabels {
    to: &'static str,
    end: &'static str,
}

/// Values that are read at the time of a scrape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scrape {
    /// Origin time of the live data, in seconds since 1970; `None` without data.
    pub origin: Option<f64>,
    /// Whether Redis can be used; `None` without `--redis`.
    pub store_is_up: Option<bool>,
}

/// Number of answered page requests, and of the requests among them that waited.
#[derive(Debug, Default)]
struct Loads {
    all: AtomicU64,
    held: AtomicU64,
}

/// All metrics. A clone is cheap and shares all values.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    origin: Gauge<f64, AtomicU64>,
    store: Family<StoreLabel, Gauge>,
    share: Gauge<f64, AtomicU64>,
    loads: Arc<Loads>,
    refreshes: Family<OutcomeLabel, Counter>,
    stages: Family<StageLabel, Histogram>,
    ages: Histogram,
    held: Family<End, Counter>,
    hold: Histogram,
    parked: Gauge,
    connections: Gauge,
    streams: Gauge,
    streams_refused: Counter,
    log_lines_lost: Counter,
    deliveries: Family<DeliveryLabels, Counter>,
}

impl Default for Metrics {
    fn default() -> Metrics {
        // Buckets from 1 ms to 16 s.
        let durations = || Histogram::new(exponential_buckets(0.001, 2.0, 15));
        let metrics = Metrics {
            registry: Arc::default(),
            origin: Gauge::default(),
            store: Family::default(),
            share: Gauge::default(),
            loads: Arc::default(),
            refreshes: Family::default(),
            stages: Family::new_with_constructor(durations),
            ages: Histogram::new(AGES),
            held: Family::default(),
            hold: durations(),
            parked: Gauge::default(),
            connections: Gauge::default(),
            streams: Gauge::default(),
            streams_refused: Counter::default(),
            log_lines_lost: Counter::default(),
            deliveries: Family::default(),
        };
        Metrics { registry: Arc::new(metrics.registered()), ..metrics }
    }
}

impl Metrics {
    fn registered(&self) -> Registry {
        let mut registry = Registry::with_prefix("movies_gen");
        registry.register(
            "data_origin_timestamp_seconds",
            "Time just before the API was asked for the live data, in seconds since 1970",
            self.origin.clone(),
        );
        registry.register(
            "store_up",
            "Whether Redis can be used (1 or 0); absent without --redis",
            self.store.clone(),
        );
        registry.register(
            "held_share",
            "Share of the answered pages that waited for newer data, since the start",
            self.share.clone(),
        );
        registry.register("refreshes", "Refreshes by outcome", self.refreshes.clone());
        registry.register(
            "refresh_stage_seconds",
            "Duration of each stage of a refresh, in seconds",
            self.stages.clone(),
        );
        registry.register(
            "page_age_seconds",
            "Age of the data in answered pages, in seconds",
            self.ages.clone(),
        );
        registry.register(
            "held_loads",
            "Requests that waited for newer data, by the end of the wait",
            self.held.clone(),
        );
        registry.register(
            "hold_seconds",
            "Duration of the waits for newer data, in seconds",
            self.hold.clone(),
        );
        registry.register("parked", "Requests that wait for newer data now", self.parked.clone());
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register("streams", "Open streams of events", self.streams.clone());
        registry.register(
            "streams_refused",
            "Streams of events that were refused because --max-streams were open",
            self.streams_refused.clone(),
        );
        registry.register(
            "access_log_lines_lost",
            "Lines of the access log that could not be written",
            self.log_lines_lost.clone(),
        );
        registry.register(
            "deliveries",
            "Deliveries to --then (command) and --publish-to (bucket), by their end",
            self.deliveries.clone(),
        );
        registry
    }

    /// Counts a refresh.
    pub fn refreshed(&self, outcome: OutcomeKind) {
        let label = OutcomeLabel { outcome: outcome.to_string() };
        self.refreshes.get_or_create(&label).inc();
    }

    /// Records the duration of a stage.
    pub fn took(&self, stage: Stage, duration: Duration) {
        let stage = match stage {
            Stage::Fetch => "fetch",
            Stage::Decode => "decode",
            Stage::Render => "render",
            Stage::Publish => "publish",
        };
        self.stages.get_or_create(&StageLabel { stage }).observe(duration.as_secs_f64());
    }

    /// Counts an answered page with the age of its data, and the duration of the wait if the
    /// request waited.
    pub fn answered(&self, age: Option<Duration>, decision: Decision, held: Option<Duration>) {
        self.loads.all.fetch_add(1, Ordering::Relaxed);
        if let Some(age) = age {
            self.ages.observe(age.as_secs_f64());
        }
        if let Some(held) = held {
            self.loads.held.fetch_add(1, Ordering::Relaxed);
            let end = match decision {
                Decision::Old(because) => because.to_string(),
                Decision::Fresh | Decision::Wait(_) => "fresh".to_owned(),
            };
            self.held.get_or_create(&End { end }).inc();
            self.hold.observe(held.as_secs_f64());
        }
    }

    /// Returns the number of answered page requests, and the share of them that waited.
    pub fn loads(&self) -> (u64, f64) {
        let all = self.loads.all.load(Ordering::Relaxed);
        let held = self.loads.held.load(Ordering::Relaxed);
        (all, if all == 0 { 0.0 } else { held as f64 / all as f64 })
    }

    /// Counts a waiting request until the returned guard is dropped.
    pub fn parked(&self) -> Counted {
        Counted::of(&self.parked)
    }

    /// Counts an open connection until the returned guard is dropped.
    pub fn connected(&self) -> Counted {
        Counted::of(&self.connections)
    }

    /// Counts an open stream of events until the returned guard is dropped.
    pub fn streaming(&self) -> Counted {
        Counted::of(&self.streams)
    }

    /// Counts a stream of events that was refused.
    pub fn stream_refused(&self) {
        self.streams_refused.inc();
    }

    /// Counts lines of the access log that could not be written.
    pub fn lost_lines(&self, count: u64) {
        self.log_lines_lost.inc_by(count);
    }

    /// Counts a delivery of what a publish changed.
    pub fn delivered(&self, to: &'static str, is_done: bool) {
        let end = if is_done { "done" } else { "failed" };
        self.deliveries.get_or_create(&DeliveryLabels { to, end }).inc();
    }

    /// Renders all metrics as OpenMetrics text.
    pub fn text(&self, now: Scrape) -> String {
        self.origin.set(now.origin.unwrap_or(0.0));
        self.share.set(self.loads().1);
        if let Some(is_up) = now.store_is_up {
            self.store.get_or_create(&StoreLabel { store: "redis" }).set(is_up.into());
        }
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            // Writing to memory does not fail. Half a text would be misread, so send none.
            text.clear();
        }
        text
    }
}

/// A guard that counts something as long as the guard lives.
#[derive(Debug)]
#[must_use]
pub struct Counted(Gauge);

impl Counted {
    fn of(gauge: &Gauge) -> Counted {
        gauge.inc();
        Counted(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hold::StaleReason;
    use crate::outcome::FailureKind;

    const NOTHING: Scrape = Scrape { origin: None, store_is_up: None };

    #[test]
    fn the_metrics_have_the_form_of_openmetrics() {
        let metrics = Metrics::default();
        metrics.refreshed(OutcomeKind::Changed);
        metrics.refreshed(OutcomeKind::Failed(FailureKind::Timeout));
        metrics.took(Stage::Fetch, Duration::from_millis(80));
        let age = Some(Duration::from_secs(12));
        metrics.answered(age, Decision::Fresh, None);
        metrics.answered(age, Decision::Fresh, Some(Duration::from_millis(150)));
        metrics.answered(age, Decision::Old(StaleReason::RunsLong), Some(Duration::from_secs(2)));
        let parked = metrics.parked();
        let text = metrics.text(Scrape { origin: Some(1.5e9), store_is_up: Some(false) });
        for line in [
            "movies_gen_data_origin_timestamp_seconds 1500000000.0",
            "movies_gen_refreshes_total{outcome=\"changed\"} 1",
            "movies_gen_refreshes_total{outcome=\"timeout\"} 1",
            "movies_gen_refresh_stage_seconds_count{stage=\"fetch\"} 1",
            "movies_gen_page_age_seconds_count 3",
            "movies_gen_held_loads_total{end=\"fresh\"} 1",
            "movies_gen_held_loads_total{end=\"runs-long\"} 1",
            "movies_gen_hold_seconds_count 2",
            "movies_gen_parked 1",
            "movies_gen_store_up{store=\"redis\"} 0",
            "movies_gen_held_share 0.666",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        drop(parked);
        assert!(metrics.text(NOTHING).contains("movies_gen_parked 0"));
    }
}
