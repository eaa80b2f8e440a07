//! `freshness.json`: the age of the data, for pages and other programs.
//!
//! Owns the names of the fields. The file is volatile: it belongs to no generation, because it
//! changes with every refresh. The file has the *kind* of a failure, and never its text.

use bytes::Bytes;
use serde::Serialize;

use crate::clock::WallTime;
use crate::outcome::OutcomeKind;

/// The content of `freshness.json`.
#[derive(Debug, Clone, Copy)]
pub struct Freshness<'a> {
    /// Origin time of the data.
    pub as_of: WallTime,
    /// Id of the generation that shows the data.
    pub generation: &'a str,
    /// Time at which the generation was published, in whole seconds. After a burst of generations,
    /// this time may be ahead of the clock.
    pub published: WallTime,
    /// Outcome of the last refresh; `None` before the first refresh has ended.
    pub outcome: Option<OutcomeKind>,
    /// Earliest start of the next refresh.
    pub next_attempt: WallTime,
    /// Least time between two refreshes, in seconds.
    pub interval: f64,
    /// Greatest age of a page that is promised while the upstream answers, in seconds.
    pub max_age: f64,
}

#[derive(Serialize)]
struct FreshnessDocument<'a> {
    as_of: String,
    generation: &'a str,
    published: String,
    upstream: UpstreamState,
    next_attempt: String,
    interval_seconds: f64,
    max_age_seconds: f64,
}

#[derive(Serialize)]
struct UpstreamState {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

impl Freshness<'_> {
    /// Returns the content of the file.
    pub fn json(&self) -> Bytes {
        let failure = self.outcome.filter(|kind| !kind.is_good()).map(|kind| kind.to_string());
        let state = match (&self.outcome, &failure) {
            (None, _) => "unknown",
            (_, Some(_)) => "failing",
            (_, None) => "ok",
        };
        let document = FreshnessDocument {
            as_of: self.as_of.rfc3339(),
            generation: self.generation,
            published: self.published.rfc3339(),
            upstream: UpstreamState { state, failure },
            next_attempt: self.next_attempt.rfc3339(),
            interval_seconds: self.interval,
            max_age_seconds: self.max_age,
        };
        // Cannot fail: strings and numbers always have a JSON form.
        let mut json = serde_json::to_vec(&document).unwrap_or_default();
        json.push(b'\n');
        json.into()
    }

    /// Returns the origin time in such a file. Returns `None` if the file has no valid time.
    pub fn as_of(json: &[u8]) -> Option<WallTime> {
        #[derive(serde::Deserialize)]
        struct AsOf {
            as_of: chrono::DateTime<chrono::Utc>,
        }
        let told: AsOf = serde_json::from_slice(json).ok()?;
        u64::try_from(told.as_of.timestamp_micros()).ok().map(WallTime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::FailureKind;

    #[test]
    fn the_file_has_the_origin_time_and_the_kind_of_the_failure() {
        let freshness = Freshness {
            as_of: WallTime(1_732_447_470_123_000),
            generation: "abc",
            published: WallTime(1_732_447_000_000_000),
            outcome: Some(OutcomeKind::Failed(FailureKind::Timeout)),
            next_attempt: WallTime(1_732_447_530_123_000),
            interval: 60.0,
            max_age: 60.0,
        };
        let json = freshness.json();
        let value: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        assert_eq!(value["as_of"], "2024-11-24T11:24:30.123Z");
        assert_eq!(value["published"], "2024-11-24T11:16:40.000Z");
        assert_eq!(value["upstream"]["state"], "failing");
        assert_eq!(value["upstream"]["failure"], "timeout");
        assert_eq!(Freshness::as_of(&json), Some(freshness.as_of));
    }
}
