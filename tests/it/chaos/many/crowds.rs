//! Crowds: moments at which many more threads are ready to run than there are processors.
//!
//! Owns the definition of a crowd. Ten processes that do the same work at the same time cause
//! crowds, and lateness in a crowd shows only the number of processors. This module counts the
//! threads that are ready, because the kernel updates the waiting time of threads only every two
//! seconds.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::chaos::history::{Epoch, Moment};

/// Time between two looks.
const EVERY: Duration = Duration::from_millis(10);
/// Time before a moment in which a crowd can explain lateness at the moment.
const BEFORE: Duration = Duration::from_millis(200);
/// Number of ready threads for each processor from which there is a crowd.
const CROWD: usize = 2;

/// The looks: moments, and the number of ready threads at each moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Crowds {
    looks: Vec<(Moment, usize)>,
    processors: usize,
}

impl Crowds {
    /// Whether there was a crowd for most of the time just before this moment.
    pub(crate) fn are_at(&self, moment: Moment) -> bool {
        let near = self.looks.iter().filter(|(at, _)| *at <= moment && *at + BEFORE >= moment);
        let (looks, crowds) = near.fold((0, 0), |(looks, crowds), &(_, ready)| {
            (looks + 1, crowds + usize::from(ready >= CROWD * self.processors))
        });
        // A missing look counts as a crowd: the looking thread did not get a processor in time.
        let most = (BEFORE.as_micros() / EVERY.as_micros()) as usize;
        2 * (crowds + most.saturating_sub(looks)) > most
    }
}

/// A thread that looks all the time, until [`Watch::end`].
#[derive(Debug)]
pub(crate) struct Watch {
    end: Sender<()>,
    looking: JoinHandle<Crowds>,
}

impl Watch {
    pub(crate) fn begin(epoch: Epoch) -> Watch {
        let (end, ended) = channel();
        Watch { end, looking: std::thread::spawn(move || look(epoch, &ended)) }
    }

    pub(crate) fn end(self) -> Crowds {
        drop(self.end);
        self.looking.join().expect("the looks")
    }
}

fn look(epoch: Epoch, ended: &Receiver<()>) -> Crowds {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let mut crowds = Crowds { looks: Vec::new(), processors };
    while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        if let Some(ready) = ready() {
            crowds.looks.push((epoch.now(), ready));
        }
    }
    crowds
}

/// Returns the number of threads that run or are ready to run, without this thread.
fn ready() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    let (ready, _) = text.split_whitespace().nth(3)?.split_once('/')?;
    ready.parse::<usize>().ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::synthetic::ms;

    /// Makes looks every 10 ms for one second. Four threads are ready from `from` to `to`, in
    /// milliseconds.
    fn crowds(from: u64, to: u64) -> Crowds {
        let looks = (0..100).map(|look| {
            let at = look * 10;
            (Moment::START + ms(at), if (from..to).contains(&at) { 4 } else { 1 })
        });
        Crowds { looks: looks.collect(), processors: 2 }
    }

    #[test]
    fn a_moment_is_crowded_if_there_was_a_crowd_for_most_of_the_time_before() {
        let crowds = crowds(300, 500);
        assert!(crowds.are_at(Moment::START + ms(500)));
        assert!(crowds.are_at(Moment::START + ms(450)));
        for calm in [250, 350, 650, 900] {
            assert!(!crowds.are_at(Moment::START + ms(calm)), "{calm}");
        }
    }

    #[test]
    fn missing_looks_count_as_a_crowd() {
        let mut crowds = crowds(0, 0);
        assert!(!crowds.are_at(Moment::START + ms(500)));
        crowds.looks.retain(|(at, _)| *at < Moment::START + ms(350));
        assert!(crowds.are_at(Moment::START + ms(500)));
    }
}
