//! `freshness.json`: how old the data is, for pages and machines.
//!
//! Owns the names of its fields. It stands outside generations, since it changes
//! with every refresh; it tells the *kind* of a failure and never its text.

use bytes::Bytes;
use serde::Serialize;

use crate::clock::WallTime;
use crate::outcome::OutcomeKind;

/// What `freshness.json` says.
#[derive(Debug, Clone, Copy)]
pub struct Freshness<'a> {
    /// When the data was asked for.
    pub as_of: WallTime,
    /// The generation that shows it.
    pub generation: &'a str,
    /// When that generation was published, in whole seconds; a burst of generations may
    /// run ahead of the clock.
    pub published: WallTime,
    /// How the last refresh ended; none before the first.
    pub outcome: Option<OutcomeKind>,
    /// When the next refresh may start.
    pub next_attempt: WallTime,
    /// Least seconds between two refreshes.
    pub interval: f64,
    /// Greatest age in seconds that is promised while the upstream answers.
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
    /// The file's content.
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
        // Text and numbers always have a JSON form.
        let mut json = serde_json::to_vec(&document).unwrap_or_default();
        json.push(b'\n');
        json.into()
    }

    /// The origin time that such a file tells.
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
    fn it_tells_the_origin_time_and_the_kind_of_failure() {
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
