//! Judges the records of several processes.
//!
//! Owns how the rules for one process and the rules across processes are combined, and the row
//! of the table for a kind of fault. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use super::records::Records;
use super::rules;
use crate::chaos::attempts::attempts;
use crate::chaos::checker::{self, Figures, Finding, Judgement, Rule};
use crate::chaos::truth::{Wire, quantile};

/// The rules across processes.
const ACROSS: [(Rule, &str); 3] =
    [(Rule::Spread, "spread"), (Rule::Same, "same"), (Rule::SaidOnce, "said once")];

/// The rules that do not apply to processes that do not reach Redis.
const SHAKEN: [Rule; 4] = [Rule::Courtesy, Rule::Freshness, Rule::Spread, Rule::NoPointlessWait];

/// Times before and after a complaint in which the process may run without Redis: the process
/// waits for an answer before the complaint, and asks Redis again each second.
const LIVED_ALONE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(3));

/// Judges each process of a run by the rules for one process, and the run by the rules across
/// processes.
pub(crate) fn judge(records: &Records) -> Judgement {
    let histories = records.histories();
    let wires: Vec<_> = histories.iter().map(Wire::of).collect();
    let mut findings: Vec<Finding> = Rule::ALL.map(|(rule, _)| Finding::of(rule)).into();
    let mut figures = Figures::default();
    for history in &histories {
        let judged = checker::judge(history);
        for (sum, mut finding) in findings.iter_mut().zip(judged.findings) {
            // The rule of courtesy judges all processes together, so count it once.
            if finding.rule == Rule::Courtesy && history.of > 0 {
                continue;
            }
            for violation in &mut finding.violations {
                violation.said = format!("[{}] {}", history.of, violation.said);
            }
            sum.checked += finding.checked;
            sum.left_out += finding.left_out;
            sum.violations.append(&mut finding.violations);
        }
        let of = judged.figures;
        figures.loads += of.loads;
        figures.held += of.held;
        figures.worst_age = figures.worst_age.max(of.worst_age);
        figures.wire_p99 = figures.wire_p99.max(of.wire_p99);
        figures.wire_worst = figures.wire_worst.max(of.wire_worst);
        figures.refreshes = attempts(history).len();
    }
    findings.push(rules::spread(records, &histories, &wires));
    findings.push(rules::same(records));
    findings.push(rules::said_once(records));
    // A process that was delayed so long that Redis seemed to be lost ran without Redis.
    for (_, held_up) in records.unexplained() {
        let shaken = (held_up - LIVED_ALONE.0)..=(held_up + LIVED_ALONE.1);
        let all = findings.iter_mut().filter(|finding| SHAKEN.contains(&finding.rule));
        for violation in all.flat_map(|finding| &mut finding.violations) {
            if violation.at.is_some_and(|at| shaken.contains(&at)) {
                violation.late = violation.late.or(Some(held_up));
            }
        }
    }
    Judgement { findings, figures }
}

/// As [`judge`], for processes that keep the machine busy themselves: lateness in a crowd is
/// counted as excused.
pub(crate) fn judge_a_crowd(records: &Records) -> Judgement {
    judge(records).lenient_at(|moment| records.crowds.are_at(moment))
}

/// Formats the head of the table.
pub(crate) fn head() -> String {
    let rules: String =
        Rule::ALL.iter().chain(&ACROSS).map(|(_, name)| format!("{name:>9}")).collect();
    format!(
        "{:<30}{:>3}{:>7}{:>8}{:>6}{:>8}{:>7}{:>7}{:>13}{:>15}{:>15}{:>6}{rules}",
        "fault",
        "n",
        "loads",
        "judged",
        "asked",
        "residue",
        "oldest",
        "held",
        "wire p99/max",
        "lag p50/99/max",
        "apart p50/99/m",
        "late"
    )
}

/// Formats one row of the table: figures in milliseconds, and the number of violations of each
/// rule.
pub(crate) fn row(records: &Records, judgement: &Judgement, fault: &str) -> String {
    let figures = &judgement.figures;
    let lags = rules::lags(records);
    let spread = |of: fn(&rules::Lag) -> Duration| {
        let all: Vec<_> = lags.iter().map(of).collect();
        let [half, most, max] = [0.5, 0.99, 1.0].map(|share| quantile(&all, share).as_millis());
        format!("{half}/{most}/{max}")
    };
    let share = 100.0 * figures.held as f64 / figures.loads.max(1) as f64;
    let counts: String = judgement
        .findings
        .iter()
        .map(|finding| format!("{:>9}", finding.violations.len()))
        .collect();
    let late: usize = judgement.findings.iter().map(|finding| finding.excused).sum();
    let wire: [Duration; 2] = [figures.wire_p99, figures.wire_worst];
    format!(
        "{fault:<30}{:>3}{:>7}{:>8}{:>6}{:>8}{:>7}{share:>6.1}%{:>13}{:>15}{:>15}{late:>6}{counts}",
        records.loads.len(),
        figures.loads,
        judgement.finding(Rule::Freshness).checked,
        figures.refreshes,
        judgement.finding(Rule::Courtesy).left_out,
        figures.worst_age.as_millis(),
        format!("{}/{}", wire[0].as_millis(), wire[1].as_millis()),
        spread(|lag| lag.from_answer),
        spread(|lag| lag.from_sight),
    )
}

/// Returns the rules that checked nothing although they had to.
pub(crate) fn idle(judgement: &Judgement) -> BTreeSet<Rule> {
    let idle = judgement.findings.iter().filter(|finding| finding.checked == 0);
    // A run may have no lost attempt and no lapse of Redis.
    let often = [Rule::NoPointlessWait, Rule::SaidOnce];
    idle.map(|finding| finding.rule).filter(|rule| !often.contains(rule)).collect()
}
