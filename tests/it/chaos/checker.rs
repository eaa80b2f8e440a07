//! Judges the records of a run by all rules.
//!
//! Owns the list of rules and the figures of a run. Pure: the verdict depends only on the
//! records. Each rule is in [`super::rules`], with tests on synthetic histories.

use std::collections::BTreeSet;
use std::time::Duration;

use super::attempts::{attempts, troubles};
use super::history::{History, Moment};
use super::rules::{content, courtesy, freshness, honesty, waiting};
use super::truth::{Truth, Wire, quantile};

/// A promise, by its name in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// Two refreshes start at least one interval minus the lease apart.
    Courtesy,
    /// While the upstream answers, no page is older than `--max-age`.
    Freshness,
    /// No load is held longer than `--hold`.
    Hold,
    /// Every body is a page of its generation.
    Wholeness,
    /// No page shows an answer that must be refused.
    NoLoss,
    /// No client sees older data after newer data.
    Monotone,
    /// No page claims to be newer than its data.
    Honesty,
    /// No load is held if no newer data is coming.
    NoPointlessWait,
    /// Each process shows soon the data that one process saved.
    Spread,
    /// The same data is the same page on every process.
    Same,
    /// Each process logs once for each lapse that Redis cannot be used.
    SaidOnce,
}

impl Rule {
    /// The rules for one process.
    pub(crate) const ALL: [(Rule, &str); 8] = [
        (Rule::Courtesy, "courtesy"),
        (Rule::Freshness, "fresh"),
        (Rule::Hold, "hold"),
        (Rule::Wholeness, "whole"),
        (Rule::NoLoss, "no loss"),
        (Rule::Monotone, "monotone"),
        (Rule::Honesty, "honest"),
        (Rule::NoPointlessWait, "no wait"),
    ];
}

/// The result of one rule.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) rule: Rule,
    /// Number of checks.
    pub(crate) checked: usize,
    /// Number of cases to which the promise does not apply.
    pub(crate) left_out: usize,
    /// Number of violations that a busy machine excuses.
    pub(crate) excused: usize,
    pub(crate) violations: Vec<Violation>,
}

/// A breach of a promise.
#[derive(Debug, Clone)]
pub(crate) struct Violation {
    /// The description.
    pub(crate) said: String,
    /// The moment of the breach, if the breach has a single moment.
    pub(crate) at: Option<Moment>,
    /// The moment at which a busy machine would explain the breach. `Some` only if the program did
    /// the right thing too late.
    pub(crate) late: Option<Moment>,
}

impl Finding {
    pub(crate) fn of(rule: Rule) -> Finding {
        Finding { rule, checked: 0, left_out: 0, excused: 0, violations: Vec::new() }
    }

    pub(crate) fn check(&mut self, is_kept: bool, say: impl FnOnce() -> String) {
        self.count(is_kept, || Violation { said: say(), at: None, late: None });
    }

    /// As [`Finding::check`], for a check that has a moment. `is_late` says whether a breach is
    /// mere lateness.
    pub(crate) fn check_in_time(
        &mut self,
        is_kept: bool,
        at: Moment,
        is_late: bool,
        say: impl FnOnce() -> String,
    ) {
        let late = is_late.then_some(at);
        self.count(is_kept, || Violation { said: say(), at: Some(at), late });
    }

    fn count(&mut self, is_kept: bool, violation: impl FnOnce() -> Violation) {
        self.checked += 1;
        if !is_kept {
            self.violations.push(violation());
        }
    }
}

/// The judgement of a run.
#[derive(Debug, Clone)]
pub(crate) struct Judgement {
    pub(crate) findings: Vec<Finding>,
    pub(crate) figures: Figures,
}

/// The figures beside the verdicts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    /// Pages loaded.
    pub(crate) loads: usize,
    /// Refreshes that the upstream saw.
    pub(crate) refreshes: usize,
    /// The greatest age among those that the promise of freshness reaches.
    pub(crate) worst_age: Duration,
    /// Number of loads that took much longer than the wire.
    pub(crate) held: usize,
    /// Durations of these loads.
    pub(crate) hold_p50: Duration,
    pub(crate) hold_p99: Duration,
    /// Durations of the answers that the server never holds.
    pub(crate) wire_p99: Duration,
    pub(crate) wire_worst: Duration,
}

/// Judges a run by all rules.
pub(crate) fn judge(history: &History) -> Judgement {
    let (truth, wire) = (Truth::of(history), Wire::of(history));
    let attempts = attempts(history);
    let troubles = troubles(history, &attempts);
    let findings = vec![
        courtesy::check(history, &wire),
        freshness::age(history, &attempts, &truth, &wire),
        freshness::hold(history, &wire),
        content::wholeness(history),
        content::no_loss(history),
        content::monotone(history),
        honesty::check(history, &truth),
        waiting::check(history, &attempts, &wire),
    ];
    let reached = history.pages().filter(|(load, _)| {
        !troubles.iter().any(|trouble| load.meets(trouble.from, trouble.to))
            && !history.is_disturbed(load)
    });
    let ages = reached
        .filter_map(|(load, page)| Some(load.received.since(truth.as_of(page, load.received)?)));
    let calm = history.pages().filter(|(load, _)| !history.is_disturbed(load));
    let held = calm.filter(|(load, _)| load.took() > wire.granted(load) + HELD_FROM);
    let held: Vec<_> = held.map(|(load, _)| load.took()).collect();
    let figures = Figures {
        loads: history.pages().count(),
        refreshes: attempts.len(),
        worst_age: ages.max().unwrap_or_default(),
        held: held.len(),
        hold_p50: quantile(&held, 0.5),
        hold_p99: quantile(&held, 0.99),
        wire_p99: wire.slow,
        wire_worst: wire.worst,
    };
    Judgement { findings, figures }
}

/// A load counts as held if the load took longer than the wire by this time.
const HELD_FROM: Duration = Duration::from_millis(5);

impl Judgement {
    /// Returns the rules that were broken.
    pub(crate) fn violated(&self) -> BTreeSet<Rule> {
        let broken = self.findings.iter().filter(|finding| !finding.violations.is_empty());
        broken.map(|finding| finding.rule).collect()
    }

    /// Whether there are violations, and all of them are mere lateness.
    pub(crate) fn is_late(&self) -> bool {
        let mut all = self.findings.iter().flat_map(|finding| &finding.violations).peekable();
        all.peek().is_some() && all.all(|violation| violation.late.is_some())
    }

    /// Returns the judgement without violations that are mere lateness.
    pub(crate) fn lenient(self) -> Judgement {
        self.lenient_at(|_| true)
    }

    /// Returns the judgement without lateness at moments that satisfy `is_excused`.
    pub(crate) fn lenient_at(mut self, is_excused: impl Fn(Moment) -> bool) -> Judgement {
        for finding in &mut self.findings {
            let before = finding.violations.len();
            finding.violations.retain(|violation| !violation.late.is_some_and(&is_excused));
            finding.excused += before - finding.violations.len();
        }
        self
    }

    pub(crate) fn finding(&self, rule: Rule) -> &Finding {
        self.findings.iter().find(|finding| finding.rule == rule).expect("every rule is there")
    }

    /// Describes the first violations of each rule.
    pub(crate) fn said(&self) -> String {
        let lines = self.findings.iter().flat_map(|finding| {
            let first = finding.violations.iter().take(5);
            first.map(|violation| format!("  {:?}: {}\n", finding.rule, violation.said))
        });
        lines.collect()
    }

    /// Formats the head of the table.
    pub(crate) fn head() -> String {
        let rules: String = Rule::ALL.iter().map(|(_, name)| format!("{name:>9}")).collect();
        format!(
            "{:<34}{:>7}{:>7}{:>8}{:>8}{:>7}{:>13}{:>12}{rules}",
            "fault", "loads", "asked", "judged", "oldest", "held", "hold p50/99", "wire p99/max"
        )
    }

    /// Formats one row of the table: the kind of fault, the figures in milliseconds, and the number
    /// of violations of each rule.
    pub(crate) fn row(&self, fault: &str) -> String {
        let figures = &self.figures;
        let share = 100.0 * figures.held as f64 / figures.loads.max(1) as f64;
        let counts: String = self
            .findings
            .iter()
            .map(|finding| format!("{:>9}", finding.violations.len()))
            .collect();
        format!(
            "{fault:<34}{:>7}{:>7}{:>8}{:>8}{share:>6.1}%{:>13}{:>12}{counts}",
            figures.loads,
            figures.refreshes,
            self.finding(Rule::Freshness).checked,
            figures.worst_age.as_millis(),
            format!("{}/{}", figures.hold_p50.as_millis(), figures.hold_p99.as_millis()),
            format!("{}/{}", figures.wire_p99.as_millis(), figures.wire_worst.as_millis()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::synthetic::{ROUNDS, good_history};

    #[test]
    fn a_good_history_passes_every_rule_and_each_rule_checks_something() {
        let judgement = judge(&good_history());
        assert!(judgement.violated().is_empty(), "{}", judgement.said());
        for finding in &judgement.findings {
            let has_reason = finding.rule == Rule::NoPointlessWait;
            assert!(finding.checked > 0 || has_reason, "{:?} checked nothing", finding.rule);
        }
    }

    #[test]
    fn the_figures_match_the_history() {
        let Figures { loads, refreshes, worst_age, held, hold_p50, .. } =
            judge(&good_history()).figures;
        assert_eq!(refreshes, ROUNDS as usize);
        assert!(loads > 300 && held > 20 && held < loads / 4, "{held} of {loads}");
        assert!(worst_age <= Duration::from_secs(1) && hold_p50 < Duration::from_millis(150));
    }

    #[test]
    fn a_violation_worse_than_lateness_is_never_excused() {
        let judged = |late: &[bool]| {
            let mut judgement = judge(&good_history());
            let violation = |is_late: &bool| Violation {
                said: String::new(),
                at: None,
                late: is_late.then_some(Moment::START),
            };
            judgement.findings[1].violations = late.iter().map(violation).collect();
            (judgement.is_late(), judgement.lenient().violated().len())
        };
        assert_eq!(judged(&[]), (false, 0));
        assert_eq!(judged(&[true, true]), (true, 0));
        assert_eq!(judged(&[true, false]), (false, 1));
    }

    #[test]
    fn the_table_has_a_column_for_every_rule() {
        let judgement = judge(&good_history());
        let rules: Vec<_> = judgement.findings.iter().map(|finding| finding.rule).collect();
        assert_eq!(rules, Rule::ALL.map(|(rule, _)| rule));
        assert_eq!(judgement.row("none").chars().count(), Judgement::head().chars().count());
    }
}
