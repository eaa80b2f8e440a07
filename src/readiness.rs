//! Decides whether a site is ready for visitors.
//!
//! Owns the meaning of *ready* as a pure rule, for `/readyz` and for `movies-gen status`: a site is
//! ready as long as there is a page that may be shown. Old data never makes a site not ready, unless
//! the owner set `--max-stale`: all replicas get old at once when the API fails, and a balancer
//! that takes them all out of service would hide the last good site.

use std::fmt;
use std::time::Duration;

use crate::clock::whole_seconds;
use crate::hold::Bound;

/// What the decision depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VisitorsView {
    /// The age of the data that visitors see; `None` if there is no site.
    pub age: Option<Duration>,
    /// The promised bounds.
    pub bound: Bound,
    /// Whether the last refresh failed.
    pub has_failed: bool,
    /// Whether Redis is in use and cannot be used now.
    pub is_redis_lost: bool,
}

/// Whether visitors get pages, and whether all promises hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// Visitors get pages, and nothing is wrong.
    Ready,
    /// Visitors get pages, but something is wrong.
    Degraded(String),
    /// No page may be shown.
    NotReady(String),
}

/// Decides whether a site is ready.
pub fn of(view: &VisitorsView) -> Readiness {
    let VisitorsView { age, bound, has_failed, is_redis_lost } = *view;
    let Some(age) = age else {
        let failed = if has_failed { ", and the last refresh failed" } else { "" };
        return Readiness::NotReady(format!("there is no site yet{failed}"));
    };
    let old = format!("the data is {} old", whole_seconds(age));
    if bound.is_too_stale(age) {
        let longest = bound.max_stale.unwrap_or_default();
        return Readiness::NotReady(format!(
            "{old}, more than --max-stale ({})",
            whole_seconds(longest)
        ));
    }
    let is_old = age > bound.max_age + bound.hold;
    let reasons = [
        has_failed.then(|| "the last refresh failed".to_owned()),
        is_old.then(|| format!("{old}, more than --max-age ({})", whole_seconds(bound.max_age))),
        is_redis_lost.then(|| "Redis cannot be used".to_owned()),
    ];
    let reasons: Vec<_> = reasons.into_iter().flatten().collect();
    if reasons.is_empty() { Readiness::Ready } else { Readiness::Degraded(reasons.join("; ")) }
}

impl Readiness {
    /// Whether visitors get pages.
    pub fn is_ready(&self) -> bool {
        !matches!(self, Readiness::NotReady(_))
    }

    /// The state in one or two words.
    pub fn state(&self) -> &'static str {
        match self {
            Readiness::Ready => "ready",
            Readiness::Degraded(_) => "degraded",
            Readiness::NotReady(_) => "not ready",
        }
    }

    /// The reason, if something is wrong.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Readiness::Ready => None,
            Readiness::Degraded(why) | Readiness::NotReady(why) => Some(why),
        }
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            Some(why) => write!(f, "{}: {why}", self.state()),
            None => f.write_str(self.state()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The readiness with data of this age, with `--max-age 60s` and `--hold 2s`.
    fn readiness(
        age: Option<u64>,
        max_stale: Option<u64>,
        has_failed: bool,
        is_redis_lost: bool,
    ) -> String {
        let [max_age, hold] = [60, 2].map(Duration::from_secs);
        let max_stale = max_stale.map(Duration::from_secs);
        let bound = Bound { max_age, interval: max_age, hold, max_stale };
        let age = age.map(Duration::from_secs);
        of(&VisitorsView { age, bound, has_failed, is_redis_lost }).to_string()
    }

    #[test]
    fn a_site_without_a_fault_is_ready() {
        assert_eq!(readiness(Some(0), None, false, false), "ready");
        assert_eq!(readiness(Some(62), None, false, false), "ready");
        assert_eq!(readiness(Some(62), Some(62), false, false), "ready");
    }

    #[test]
    fn a_site_that_is_old_is_degraded_however_old() {
        let text = "degraded: the data is 1h old, more than --max-age (1m)";
        assert_eq!(readiness(Some(3600), None, false, false), text);
        assert_eq!(readiness(Some(3600), Some(3600), false, false), text);
    }

    #[test]
    fn each_fault_is_named() {
        assert_eq!(readiness(Some(1), None, true, false), "degraded: the last refresh failed");
        assert_eq!(readiness(Some(1), None, false, true), "degraded: Redis cannot be used");
        let all = readiness(Some(63), None, true, true);
        assert_eq!(
            all,
            "degraded: the last refresh failed; the data is 1m 3s old, more than --max-age (1m); \
             Redis cannot be used"
        );
    }

    #[test]
    fn without_a_page_that_may_be_shown_a_site_is_not_ready() {
        assert_eq!(readiness(None, None, false, false), "not ready: there is no site yet");
        let failed = "not ready: there is no site yet, and the last refresh failed";
        assert_eq!(readiness(None, None, true, false), failed);
        let stale = "not ready: the data is 2m old, more than --max-stale (1m 59s)";
        assert_eq!(readiness(Some(120), Some(119), true, false), stale);
    }
}
