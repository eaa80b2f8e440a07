//! Log lines about refreshes.
//!
//! Owns the one line that each refresh logs, with a field for each part.

use std::time::Duration;

use tracing::{error, info, warn};

use crate::changes::{Change, What};
use crate::live::Live;
use crate::outcome::{Failure, OutcomeKind, Policy};

/// Number of records that were added, changed and removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ChangeCounts {
    pub(super) added: usize,
    pub(super) changed: usize,
    pub(super) removed: usize,
}

impl ChangeCounts {
    pub(super) fn of(changes: &[Change]) -> ChangeCounts {
        let mut counts = ChangeCounts::default();
        for change in changes {
            match change.what {
                What::Added => counts.added += 1,
                What::Changed(_) => counts.changed += 1,
                What::Removed => counts.removed += 1,
            }
        }
        counts
    }
}

/// A refresh that succeeded.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) kind: OutcomeKind,
    pub(super) counts: ChangeCounts,
    /// Duration from the claim to the complete answer.
    pub(super) fetch: Duration,
    /// Duration from the complete answer to the live generation.
    pub(super) build: Duration,
    /// Time until the next refresh may start.
    pub(super) next: Duration,
}

impl Done {
    /// Logs the refresh.
    pub(super) fn tell(&self, live: &Live) {
        let Done { kind, counts, fetch, build, next } = self;
        let generation = live.snapshot().site.as_ref().map(|site| site.generation.id.to_string());
        info!(
            outcome = %kind,
            generation = generation.map(display),
            added = counts.added,
            changed = counts.changed,
            removed = counts.removed,
            fetch_ms = fetch.as_millis() as u64,
            build_ms = build.as_millis() as u64,
            next_ms = next.as_millis() as u64,
            "refreshed"
        );
    }
}

/// What visitors see while something fails.
pub(super) fn meanwhile(live: &Live) -> &'static str {
    match live.snapshot().site {
        Some(_) => "the last good site stays",
        None => "there is no site yet",
    }
}

/// Logs a failure for the first time. The log level follows the policy of the failure.
pub(super) fn tell_failure(failure: &Failure, live: &Live) {
    let (policy, meanwhile) = (failure.kind.policy(), meanwhile(live));
    macro_rules! tell {
        ($say:ident) => {
            $say!(
                kind = %failure.kind,
                policy = %policy,
                what = failure.what,
                causes = (!failure.causes.is_empty()).then(|| display(failure.causes.join("\n"))),
                advice = failure.advice,
                "the refresh failed; {meanwhile}: {failure}"
            )
        };
    }
    match policy {
        Policy::KeepAndCall => tell!(error),
        Policy::KeepLastGood | Policy::KeepAndName | Policy::KeepUntilProved => tell!(warn),
    }
}

/// Joins the first `most` names, with the number of further names.
pub(super) fn named(names: &[&str], most: usize) -> String {
    let more = names.len().saturating_sub(most);
    let names = names[..names.len() - more].join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{names}{more}")
}
