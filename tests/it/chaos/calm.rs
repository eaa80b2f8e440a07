//! Repeats a run until the machine was calm during the run.
//!
//! Owns the rule for excuses. The program cannot be on time on a machine that is busy with other
//! work, and such a machine must not fail a test. A fault that is worse than lateness is never
//! excused. On a calm machine, nothing is excused with [`Patience::Strict`].

#![allow(clippy::print_stdout, reason = "a person reads the excuses")]

use std::time::{Duration, Instant};

use super::checker::Judgement;

/// The policy for a run in which something was late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Repeat the run. If each run is late on a busy machine, excuse the lateness.
    Lenient,
    /// Repeat the run if the machine was busy. One of the runs must pass.
    Strict,
    /// Count the lateness without repeating the run, because the run itself keeps the machine
    /// busy.
    Counted,
}

/// Largest number of runs. The last run counts in any case.
const TRIES: usize = 3;

/// Returns the records of `run` and the judgement of the records.
pub(crate) fn in_a_calm_moment<Records>(
    patience: Patience,
    run: impl Fn() -> Records,
    judge: impl Fn(&Records) -> Judgement,
) -> (Records, Judgement) {
    for tries in 1.. {
        let pressure = Pressure::begin();
        let history = run();
        let judgement = judge(&history);
        let is_busy = pressure.is_high();
        if !judgement.is_late() || patience == Patience::Strict && !is_busy {
            return (history, judgement);
        }
        let machine = if is_busy { "busy" } else { "calm" };
        println!("late on a {machine} machine:\n{}", judgement.said());
        let is_enough = patience == Patience::Counted && is_busy;
        if tries == TRIES || is_enough {
            let is_excused = patience != Patience::Strict && is_busy;
            return (history, if is_excused { judgement.lenient() } else { judgement });
        }
    }
    unreachable!("the loop returns at the last try")
}

/// The share of the time in which a thread had to wait for a processor.
struct Pressure {
    since: Instant,
    waited: Option<Duration>,
}

impl Pressure {
    /// The share from which a machine is busy. Without other work on the machine, the tests stay
    /// far below.
    const HIGH: f64 = 0.4;

    fn begin() -> Pressure {
        Pressure { since: Instant::now(), waited: Pressure::waited() }
    }

    /// Returns the time since the boot in which a thread waited, if the kernel reports the time.
    fn waited() -> Option<Duration> {
        let text = std::fs::read_to_string("/proc/pressure/cpu").ok()?;
        let (_, total) = text.lines().next()?.split_once("total=")?;
        total.trim().parse().ok().map(Duration::from_micros)
    }

    fn is_high(&self) -> bool {
        let waited = self.waited.zip(Pressure::waited()).map(|(then, now)| now - then);
        let share = waited.unwrap_or_default().as_secs_f64() / self.since.elapsed().as_secs_f64();
        share > Pressure::HIGH
    }
}
