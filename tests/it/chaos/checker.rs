//! From the records of a run to a table of verdicts.
//!
//! Owns the list of rules and the figures of a run. Pure: the verdict depends only on the
//! records. Each rule is in [`super::rules`], with tests on synthetic histories.

use std::collections::BTreeSet;
use std::time::Duration;

use super::attempts::{attempts, troubles};
use super::history::{History, Moment};
use super::rules::{content, courtesy, freshness, honesty, waiting};
use super::truth::{Truth, Wire, quantile};

/// What is promised, by its name in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// No two refreshes closer than interval less lease.
    Courtesy,
    /// While the upstream answers, no page older than its greatest age.
    Freshness,
    /// No load held for longer than the hold.
    Hold,
    /// Every body is a page of its generation.
    Wholeness,
    /// Nothing that had to be refused is shown.
    NoLoss,
    /// Nothing older after something newer.
    Monotone,
    /// No page claims to be newer than it is.
    Honesty,
    /// No load is held when there is nothing to wait for.
    NoPointlessWait,
    /// Each process shows what one saved soon after.
    Spread,
    /// The same data is the same page at every process.
    Same,
    /// That Redis cannot be used is said once each time.
    SaidOnce,
}

impl Rule {
    /// Those of one process.
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

/// What one rule found.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) rule: Rule,
    /// How often it was looked at.
    pub(crate) checked: usize,
    /// How often the promise does not reach.
    pub(crate) left_out: usize,
    /// How often something was late on a machine that was busy.
    pub(crate) excused: usize,
    pub(crate) violations: Vec<Violation>,
}

/// What broke a promise.
#[derive(Debug, Clone)]
pub(crate) struct Violation {
    /// In words.
    pub(crate) said: String,
    /// When that was, where that is of one moment.
    pub(crate) at: Option<Moment>,
    /// When the machine was busy, if the program did what it should, and only not in time:
    /// a machine that is busy with other things explains that as well.
    pub(crate) late: Option<Moment>,
}

impl Finding {
    pub(crate) fn of(rule: Rule) -> Finding {
        Finding { rule, checked: 0, left_out: 0, excused: 0, violations: Vec::new() }
    }

    pub(crate) fn check(&mut self, is_kept: bool, say: impl FnOnce() -> String) {
        self.count(is_kept, || Violation { said: say(), at: None, late: None });
    }

    /// The same for what is of one moment and may only have been late.
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

/// What a run amounts to.
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
    /// Pages that took much longer than the wire does.
    pub(crate) held: usize,
    /// What these took.
    pub(crate) hold_p50: Duration,
    pub(crate) hold_p99: Duration,
    /// What the answers took that are never parked.
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

/// A load that took this much longer than the wire was held.
const HELD_FROM: Duration = Duration::from_millis(5);

impl Judgement {
    /// The rules that were broken.
    pub(crate) fn violated(&self) -> BTreeSet<Rule> {
        let broken = self.findings.iter().filter(|finding| !finding.violations.is_empty());
        broken.map(|finding| finding.rule).collect()
    }

    /// Whether something was late, and nothing is worse than that.
    pub(crate) fn is_late(&self) -> bool {
        let mut all = self.findings.iter().flat_map(|finding| &finding.violations).peekable();
        all.peek().is_some() && all.all(|violation| violation.late.is_some())
    }

    /// The same, what was late left undecided.
    pub(crate) fn lenient(self) -> Judgement {
        self.lenient_at(|_| true)
    }

    /// The same only for what was late at such moments.
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

    /// The first violations of each rule, in words.
    pub(crate) fn said(&self) -> String {
        let lines = self.findings.iter().flat_map(|finding| {
            let first = finding.violations.iter().take(5);
            first.map(|violation| format!("  {:?}: {}\n", finding.rule, violation.said))
        });
        lines.collect()
    }

    /// The head of the table that rows make.
    pub(crate) fn head() -> String {
        let rules: String = Rule::ALL.iter().map(|(_, name)| format!("{name:>9}")).collect();
        format!(
            "{:<34}{:>7}{:>7}{:>8}{:>8}{:>7}{:>13}{:>12}{rules}",
            "fault", "loads", "asked", "judged", "oldest", "held", "hold p50/99", "wire p99/max"
        )
    }

    /// One row: what happened, figures in milliseconds, violations by rule.
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
    fn a_good_history_passes_every_rule_and_each_looked_at_something() {
        let judgement = judge(&good_history());
        assert!(judgement.violated().is_empty(), "{}", judgement.said());
        for finding in &judgement.findings {
            let has_reason = finding.rule == Rule::NoPointlessWait;
            assert!(finding.checked > 0 || has_reason, "{:?} looked at nothing", finding.rule);
        }
    }

    #[test]
    fn the_figures_are_those_of_the_history() {
        let Figures { loads, refreshes, worst_age, held, hold_p50, .. } =
            judge(&good_history()).figures;
        assert_eq!(refreshes, ROUNDS as usize);
        assert!(loads > 300 && held > 20 && held < loads / 4, "{held} of {loads}");
        assert!(worst_age <= Duration::from_secs(1) && hold_p50 < Duration::from_millis(150));
    }

    #[test]
    fn what_is_worse_than_late_is_never_excused() {
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
