//! The refreshes of the last day.
//!
//! Owns their statistics in spans of five minutes, so that the size does not depend on the
//! interval. The status page shows the statistics. They survive the process in a file that may be
//! lost. Pure: `now` is an argument. This module must not decide anything.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::WallTime;
use crate::outcome::OutcomeKind;

/// Length of a span in seconds.
pub const SPAN_SECONDS: u64 = 300;
/// Number of spans in a day.
pub const SPANS: u64 = 86_400 / SPAN_SECONDS;

/// The statistics.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Spans by their number since 1970.
    spans: BTreeMap<u64, Span>,
    last: Option<Ended>,
}

/// The statistics of five minutes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Number of refreshes for each outcome.
    outcomes: Vec<(OutcomeKind, u32)>,
    /// Greatest age of the data, in milliseconds.
    oldest: Option<u64>,
    /// Total and greatest duration of the refreshes, in milliseconds.
    took: u64,
    slowest: u64,
}

/// The end of a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Time of the end.
    pub at: WallTime,
    /// Kind of the outcome.
    pub kind: OutcomeKind,
}

impl History {
    /// Records the age of the live data. The age is greatest just before newer data comes.
    pub fn saw(&mut self, now: WallTime, age: Duration) {
        let age = milliseconds(age);
        let oldest = &mut self.span(now).oldest;
        *oldest = Some(oldest.map_or(age, |oldest| oldest.max(age)));
    }

    /// Notes the end of a refresh.
    pub fn ended(&mut self, now: WallTime, kind: OutcomeKind, took: Duration) {
        let span = self.span(now);
        match span.outcomes.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, times)) => *times = times.saturating_add(1),
            None => span.outcomes.push((kind, 1)),
        }
        let took = milliseconds(took);
        span.took = span.took.saturating_add(took);
        span.slowest = span.slowest.max(took);
        self.last = Some(Ended { at: now, kind });
    }

    /// Returns the end of the last refresh, even if the refresh is older than one day.
    pub fn last(&self) -> Option<Ended> {
        self.last
    }

    /// Returns the day that ends now. A span without a refresh is `None`.
    pub fn day(&self, now: WallTime) -> Day<'_> {
        let last = number(now);
        let first = last.saturating_sub(SPANS - 1);
        let spans = (first..=last).map(|number| self.spans.get(&number)).collect();
        Day { first, until: now, spans }
    }

    /// Returns the span of `now`. Removes spans that are older than one day, and spans that lie in
    /// the future because a clock was set back.
    fn span(&mut self, now: WallTime) -> &mut Span {
        let now = number(now);
        self.spans.retain(|&number, _| number <= now && number + SPANS > now);
        self.spans.entry(now).or_default()
    }
}

/// A day of refreshes.
#[derive(Debug, Clone)]
pub struct Day<'a> {
    /// Number of the first span since 1970.
    pub first: u64,
    /// End of the day.
    pub until: WallTime,
    /// The spans of the day.
    pub spans: Vec<Option<&'a Span>>,
}

impl Day<'_> {
    /// Returns the number of refreshes for each outcome.
    pub fn outcomes(&self) -> BTreeMap<OutcomeKind, u32> {
        let mut all = BTreeMap::new();
        for &(kind, times) in self.spans.iter().flatten().flat_map(|span| &span.outcomes) {
            let sum: &mut u32 = all.entry(kind).or_default();
            *sum = sum.saturating_add(times);
        }
        all
    }
}

impl Span {
    /// Returns the number of refreshes whose outcome satisfies `is`.
    pub fn count(&self, is: impl Fn(OutcomeKind) -> bool) -> u32 {
        let times = self.outcomes.iter().filter(|(kind, _)| is(*kind)).map(|&(_, times)| times);
        // The numbers come from a file, so the sum may overflow.
        times.fold(0, u32::saturating_add)
    }

    /// Returns the greatest age of the data, if there was data.
    pub fn oldest(&self) -> Option<Duration> {
        self.oldest.map(Duration::from_millis)
    }

    /// Returns the average and the greatest duration of the refreshes, if there were any.
    pub fn took(&self) -> Option<(Duration, Duration)> {
        let average = self.took.checked_div(u64::from(self.count(|_| true)))?;
        Some((Duration::from_millis(average), Duration::from_millis(self.slowest)))
    }
}

fn number(time: WallTime) -> u64 {
    time.seconds() / SPAN_SECONDS
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::FailureKind;

    const NOON: WallTime = WallTime(1_795_521_600_000_000);
    const TIMEOUT: OutcomeKind = OutcomeKind::Failed(FailureKind::Timeout);

    fn later(seconds: u64) -> WallTime {
        NOON + Duration::from_secs(seconds)
    }

    #[test]
    fn the_size_of_a_day_does_not_depend_on_the_interval() {
        let mut history = History::default();
        for second in 0..2 * 86_400 {
            history.ended(later(second), OutcomeKind::Unchanged, Duration::from_millis(7));
        }
        let now = later(2 * 86_400 - 1);
        assert_eq!(history.spans.len() as u64, SPANS);
        assert_eq!(history.day(now).outcomes()[&OutcomeKind::Unchanged], 86_400);
        assert!(serde_json::to_vec(&history).expect("JSON").len() < 40_000);
    }

    #[test]
    fn a_span_has_the_greatest_age_the_slowest_refresh_and_each_outcome() {
        let mut history = History::default();
        for (second, age, kind, took) in [
            (1, 60, OutcomeKind::Changed, 400),
            (61, 61, OutcomeKind::Unchanged, 100),
            (121, 59, TIMEOUT, 1000),
        ] {
            history.saw(later(second), Duration::from_secs(age));
            history.ended(later(second), kind, Duration::from_millis(took));
        }
        let day = history.day(later(200));
        let span = day.spans.last().copied().flatten().expect("a span");
        assert_eq!(span.oldest(), Some(Duration::from_secs(61)));
        assert_eq!(span.took(), Some((Duration::from_millis(500), Duration::from_secs(1))));
        assert_eq!((span.count(OutcomeKind::is_good), span.count(|kind| !kind.is_good())), (2, 1));
        assert_eq!(history.last(), Some(Ended { at: later(121), kind: TIMEOUT }));
        assert!(day.spans[..day.spans.len() - 1].iter().all(Option::is_none));
    }

    #[test]
    fn after_a_clock_was_set_back_no_span_lies_in_the_future() {
        let mut history = History::default();
        history.ended(later(7 * 86_400), TIMEOUT, Duration::ZERO);
        history.ended(NOON, OutcomeKind::Changed, Duration::ZERO);
        assert_eq!(history.day(NOON).outcomes().len(), 1);
        assert_eq!(history.day(later(7 * 86_400)).outcomes().len(), 0);
    }

    #[test]
    fn impossible_numbers_in_a_file_cause_no_failure() {
        let last = number(NOON);
        let most = u64::MAX;
        let text = format!(
            r#"{{"spans":{{"{most}":{{"outcomes":[],"oldest":null,"took":0,"slowest":0}},
                "{last}":{{"outcomes":[["changed",4294967295],["unchanged",4294967295]],
                "oldest":{most},"took":{most},"slowest":{most}}}}},
                "last":{{"at":{most},"kind":"changed"}}}}"#
        );
        let mut history: History = serde_json::from_str(&text).expect("a history");
        history.ended(NOON, OutcomeKind::Changed, Duration::from_secs(1));
        let day = history.day(NOON);
        assert_eq!(day.outcomes()[&OutcomeKind::Changed], u32::MAX);
        let span = day.spans.last().copied().flatten().expect("a span");
        assert_eq!(span.count(|_| true), u32::MAX);
        assert!(span.took().is_some() && !history.last().expect("an end").at.rfc3339().is_empty());
    }

    #[test]
    fn a_history_is_read_as_it_was_written() {
        let mut history = History::default();
        history.saw(NOON, Duration::from_secs(3));
        history.ended(NOON, TIMEOUT, Duration::from_secs(2));
        let json = serde_json::to_vec(&history).expect("JSON");
        assert_eq!(serde_json::from_slice::<History>(&json).expect("a history"), history);
    }
}
