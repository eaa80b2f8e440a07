//! Moments at which more threads are ready to run than there are processors.
//!
//! Owns the definition of such a moment. Ten processes that do the same work at the same time
//! cause some: lateness then shows only the number of processors. The kernel tells how many
//! threads are ready, but tells how long threads waited only every two seconds.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::chaos::history::{Epoch, Moment};

/// Between two looks.
const EVERY: Duration = Duration::from_millis(10);
/// What happened so long before a moment makes it late.
const BEFORE: Duration = Duration::from_millis(200);
/// So many threads for a processor are a crowd.
const CROWD: usize = 2;

/// The moments, and how many threads were ready to run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Crowds {
    looks: Vec<(Moment, usize)>,
    processors: usize,
}

impl Crowds {
    /// Whether there was one just before this moment, most of the time.
    pub(crate) fn are_at(&self, moment: Moment) -> bool {
        let near = self.looks.iter().filter(|(at, _)| *at <= moment && *at + BEFORE >= moment);
        let (looks, crowds) = near.fold((0, 0), |(looks, crowds), &(_, ready)| {
            (looks + 1, crowds + usize::from(ready >= CROWD * self.processors))
        });
        // A thread that could not look when it should was not the only one.
        let most = (BEFORE.as_micros() / EVERY.as_micros()) as usize;
        2 * (crowds + most.saturating_sub(looks)) > most
    }
}

/// Looks all the time, until it is ended.
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

/// Threads that run or could, this one left out.
fn ready() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    let (ready, _) = text.split_whitespace().nth(3)?.split_once('/')?;
    ready.parse::<usize>().ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::synthetic::ms;

    /// Looks every 10 ms for a second; four threads are ready between two moments.
    fn crowds(from: u64, to: u64) -> Crowds {
        let looks = (0..100).map(|look| {
            let at = look * 10;
            (Moment::START + ms(at), if (from..to).contains(&at) { 4 } else { 1 })
        });
        Crowds { looks: looks.collect(), processors: 2 }
    }

    #[test]
    fn a_moment_is_crowded_if_most_of_the_time_before_it_was() {
        let crowds = crowds(300, 500);
        assert!(crowds.are_at(Moment::START + ms(500)));
        assert!(crowds.are_at(Moment::START + ms(450)));
        for calm in [250, 350, 650, 900] {
            assert!(!crowds.are_at(Moment::START + ms(calm)), "{calm}");
        }
    }

    #[test]
    fn a_watch_that_was_kept_from_looking_saw_a_crowd() {
        let mut crowds = crowds(0, 0);
        assert!(!crowds.are_at(Moment::START + ms(500)));
        crowds.looks.retain(|(at, _)| *at < Moment::START + ms(350));
        assert!(crowds.are_at(Moment::START + ms(500)));
    }
}
