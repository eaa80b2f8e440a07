//! What is said of a refresh: one line, with a field for each part.

use std::time::Duration;

use tracing::{error, info, warn};

use crate::changes::{Change, What};
use crate::live::Live;
use crate::outcome::{Failure, OutcomeKind, Policy};

/// Records that changed.
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

/// A refresh that went well.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) kind: OutcomeKind,
    pub(super) counts: ChangeCounts,
    /// From the claim to the whole answer.
    pub(super) fetch: Duration,
    /// From the answer to what is live.
    pub(super) build: Duration,
    /// Until the next refresh may start.
    pub(super) next: Duration,
}

impl Done {
    /// Logs it.
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

/// Logs a failure that is new, as loud as its policy is.
pub(super) fn tell_failure(failure: &Failure) {
    let policy = failure.kind.policy();
    macro_rules! tell {
        ($say:ident) => {
            $say!(
                kind = %failure.kind,
                policy = %policy,
                what = failure.what,
                causes = (!failure.causes.is_empty()).then(|| display(failure.causes.join("\n"))),
                advice = failure.advice,
                "the refresh failed, the last good site stays: {failure}"
            )
        };
    }
    match policy {
        Policy::KeepAndCall => tell!(error),
        Policy::KeepLastGood | Policy::KeepAndName | Policy::KeepUntilProved => tell!(warn),
    }
}
