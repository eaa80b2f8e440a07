//! The true age of a page, and the time that a response spent on the wire.
//!
//! Owns the measurements that the rules use. The age of a page comes from the stamps on the
//! page and from the log of the upstream, never from the header fields of the program. The time on
//! the wire is measured during the whole run, with responses that are never held. Pure.

use std::time::Duration;

use super::history::{History, List, Load, Moment, Page, Said, Seen};

/// The true times of the data, from the log of the upstream.
pub(crate) struct Truth {
    confirmed: Vec<Confirmed>,
}

/// A confirmation of the data of a round by the upstream.
struct Confirmed {
    list: List,
    round: u32,
    at: Moment,
    done: Moment,
}

impl Truth {
    pub(crate) fn of(history: &History) -> Truth {
        let confirmed = history.asked.iter().filter_map(|asked| match asked.said {
            Said::Same { round } => {
                Some(Confirmed { list: asked.list, round, at: asked.at, done: asked.done? })
            }
            _ => None,
        });
        Truth { confirmed: confirmed.collect() }
    }

    /// Returns the true origin time of a page: the last moment at which, according to the upstream,
    /// all data of the page was current. A confirmation that was sent after `received` does not
    /// count.
    pub(crate) fn as_of(&self, page: &Page, received: Moment) -> Option<Moment> {
        let each = page.stamps.iter().map(|stamp| {
            let confirmed = self.confirmed.iter().filter(|confirmed| {
                (confirmed.list, confirmed.round) == (stamp.list, stamp.round)
                    && confirmed.done <= received
            });
            confirmed.map(|confirmed| confirmed.at).fold(stamp.made, Moment::max)
        });
        each.min()
    }
}

/// The time that answers spent outside the program.
pub(crate) struct Wire {
    /// The moment and the duration of each probe.
    probes: Vec<(Moment, Duration)>,
    /// The 99th percentile of the durations.
    pub(crate) slow: Duration,
    pub(crate) worst: Duration,
}

/// Time around a load in which a slow probe counts, because a delay of the machine affects all
/// answers near it.
const BESIDE: Duration = Duration::from_millis(20);

impl Wire {
    pub(crate) fn of(history: &History) -> Wire {
        let healths = history.loads.iter().filter(|load| load.seen == Seen::Health);
        let calm = healths.filter(|load| !history.is_disturbed(load));
        let probes: Vec<_> = calm.map(|load| (load.sent, load.took())).collect();
        let took: Vec<_> = probes.iter().map(|&(_, took)| took).collect();
        let [slow, worst] = [0.99, 1.0].map(|share| quantile(&took, share));
        Wire { probes, slow, worst }
    }

    /// Returns the time that is granted to a load: the 99th percentile of the probes, or the
    /// slowest probe during the load.
    pub(crate) fn granted(&self, load: &Load) -> Duration {
        self.between(load.sent, load.received)
    }

    /// Returns the time that is granted between two moments.
    pub(crate) fn between(&self, from: Moment, to: Moment) -> Duration {
        let first = from - BESIDE - self.worst;
        let start = self.probes.partition_point(|&(sent, _)| sent < first);
        let beside = self.probes[start..].iter().take_while(|&&(sent, _)| sent <= to + BESIDE);
        let beside = beside.filter(|&&(sent, took)| sent + took >= from - BESIDE);
        beside.map(|&(_, took)| took).fold(self.slow, Duration::max)
    }
}

/// Returns the value below which this share of `values` lies; zero without values.
pub(crate) fn quantile(values: &[Duration], share: f64) -> Duration {
    let mut sorted = values.to_vec();
    sorted.sort();
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::synthetic::{good_history, ms};

    #[test]
    fn a_confirmation_has_the_time_of_its_request_and_counts_once_it_was_sent() {
        let mut history = good_history();
        let (at, done) = (history.asked[2].at, history.asked[2].done.expect("done"));
        for asked in &mut history.asked[2..4] {
            asked.said = Said::Same { round: 0 };
        }
        let truth = Truth::of(&history);
        let (_, page) = history.pages().next().expect("a page");
        let page = Page { stamps: page.stamps.clone(), ..page.clone() };
        assert!(page.stamps.iter().all(|stamp| stamp.round == 0), "{page:?}");
        let made = page.stamps[0].made;
        assert_eq!(truth.as_of(&page, done - ms(1)), Some(made));
        assert_eq!(truth.as_of(&page, done + ms(1)), Some(at));
    }

    #[test]
    fn the_delay_of_a_slow_wire_is_granted_only_at_that_time() {
        let mut history = good_history();
        let mut healths = history.loads.iter_mut().filter(|load| load.seen == Seen::Health);
        let slow = healths.nth(50).expect("a probe");
        slow.received = slow.sent + ms(80);
        let at = slow.sent;
        let wire = Wire::of(&history);
        assert_eq!(wire.between(at + ms(10), at + ms(20)), ms(80));
        assert_eq!(wire.between(at + ms(200), at + ms(210)), wire.slow);
        assert!(wire.slow < ms(2) && wire.worst == ms(80));
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let values: Vec<_> = (1..=100).map(ms).collect();
        assert_eq!(quantile(&values, 0.5), ms(50));
        assert_eq!(quantile(&values, 0.99), ms(99));
        assert_eq!(quantile(&values, 1.0), ms(100));
        assert_eq!(quantile(&[], 0.5), Duration::ZERO);
    }
}
