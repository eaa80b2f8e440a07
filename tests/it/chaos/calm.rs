//! Runs are judged when the machine has time for them.
//!
//! Owns what is excused, and when. The program cannot be on time on a machine that is busy with
//! other work, and such a machine must not fail a test. A fault that is worse than lateness is
//! never excused. On a calm machine nothing is excused if [`Patience::Strict`] is required.

#![allow(clippy::print_stdout, reason = "what is excused is there to be read")]

use std::time::{Duration, Instant};

use super::checker::Judgement;

/// What is done about a run in which something was late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// It is done again; late each time on a busy machine, it stays undecided.
    Lenient,
    /// It is done again if the machine was busy, and one of the runs has to pass.
    Strict,
    /// The run itself makes the machine busy, so that doing it again gains nothing: what
    /// is late is counted.
    Counted,
}

/// Runs until one counts whatever came of it.
const TRIES: usize = 3;

/// What `run` gives, and what is said of it.
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
    unreachable!("one of the tries is the last")
}

/// How much of the time something had to wait for a processor.
struct Pressure {
    since: Instant,
    waited: Option<Duration>,
}

impl Pressure {
    /// Share of the time; alone on a machine, the tests stay far below.
    const HIGH: f64 = 0.4;

    fn begin() -> Pressure {
        Pressure { since: Instant::now(), waited: Pressure::waited() }
    }

    /// All of it since the machine booted, if the kernel tells.
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
