//! The records of one run, made outside the program.
//!
//! Owns the records: the requests to the upstream and its answers, the loads of each client, and
//! the moments at which the process was killed or stopped. All times are on one clock, so that they
//! can be compared. This file knows no rule; [`super::checker`] judges.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Utc};

/// Microseconds since the start of the run; negative before the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) i64);

impl Moment {
    pub(crate) const START: Moment = Moment(0);

    /// Returns the time since `earlier`; zero if `earlier` lies in the future.
    pub(crate) fn since(self, earlier: Moment) -> Duration {
        Duration::from_micros(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;
    fn add(self, rhs: Duration) -> Moment {
        Moment(self.0 + rhs.as_micros() as i64)
    }
}

impl Sub<Duration> for Moment {
    type Output = Moment;
    fn sub(self, rhs: Duration) -> Moment {
        Moment(self.0 - rhs.as_micros() as i64)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s", self.0 as f64 / 1e6)
    }
}

/// The start of a run, on the monotonic clock and on the wall clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epoch {
    instant: Instant,
    wall: SystemTime,
}

impl Epoch {
    /// Reads both clocks within a few microseconds of each other.
    pub(crate) fn begin() -> Epoch {
        let mut best: Option<(Duration, Epoch)> = None;
        for _ in 0..100 {
            let (instant, wall) = (Instant::now(), SystemTime::now());
            let apart = instant.elapsed();
            if best.is_none_or(|(least, _)| apart < least) {
                best = Some((apart, Epoch { instant, wall }));
            }
        }
        best.map(|(_, epoch)| epoch).expect("a hundred readings")
    }

    pub(crate) fn now(self) -> Moment {
        Moment(self.instant.elapsed().as_micros() as i64)
    }

    /// Converts the time in a header field.
    pub(crate) fn of_header(self, rfc3339: &str) -> Option<Moment> {
        let named: DateTime<Utc> = DateTime::parse_from_rfc3339(rfc3339).ok()?.into();
        let began = DateTime::<Utc>::from(self.wall);
        (named - began).num_microseconds().map(Moment)
    }
}

/// The number of a process among the processes that share a Redis; 0 for a single process.
pub(crate) type Replica = usize;

/// The promises of the program in this run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Promised {
    pub(crate) interval: Duration,
    pub(crate) max_age: Duration,
    pub(crate) hold: Duration,
}

impl Promised {
    /// The default promises, scaled such that a minute becomes a second.
    pub(crate) const SCALED: Promised = Promised {
        interval: Duration::from_secs(1),
        max_age: Duration::from_secs(1),
        hold: Duration::from_millis(300),
    };

    /// Returns the time after a claim within which requests must leave.
    pub(crate) fn lease(&self) -> Duration {
        (self.interval / 20).min(Duration::from_millis(250))
    }
}

/// One of the two lists that a refresh asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum List {
    Films,
    People,
}

/// The stamp that the upstream writes into its data: the list, the number of the round, the moment
/// at which the data was made, and whether the program may show the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    pub(crate) list: List,
    pub(crate) round: u32,
    pub(crate) made: Moment,
    pub(crate) good: bool,
}

/// Returns a page without its news and its fingerprint. These parts may differ between processes
/// that did not share a store for a while, until the processes merge their ledgers.
pub(crate) fn present(page: &str) -> String {
    let without = |text: &str, from: &str, to: &str| {
        let (before, rest) = text.split_once(from).unwrap_or((text, ""));
        let after = rest.split_once(to).map_or("", |(_, after)| after);
        [before, after].concat()
    };
    let page = without(page, "<section class=\"news\"", "</section>");
    without(&page, "<meta name=\"movies-gen-fingerprint\"", ">")
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = if self.list == List::Films { 'f' } else { 'p' };
        let good = if self.good { "good" } else { "lie" };
        write!(f, "({list}.{}.{}.{good})", self.round, self.made.0)
    }
}

impl Stamp {
    /// Returns the different stamps on a page, each once.
    pub(crate) fn all_in(text: &str) -> Vec<Stamp> {
        let text = present(text);
        let parts = text.split('(').skip(1).filter_map(|rest| rest.split(')').next());
        let mut stamps: Vec<_> = parts.filter_map(Stamp::read).collect();
        stamps.sort();
        stamps.dedup();
        stamps
    }

    fn read(text: &str) -> Option<Stamp> {
        let mut words = text.split('.');
        let list = match words.next()? {
            "f" => List::Films,
            "p" => List::People,
            _ => return None,
        };
        let round = words.next()?.parse().ok()?;
        let made = Moment(words.next()?.parse().ok()?);
        let good = match words.next()? {
            "good" => true,
            "lie" => false,
            _ => return None,
        };
        words.next().is_none().then_some(Stamp { list, round, made, good })
    }
}

/// One request at the upstream.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The process that sent the request.
    pub(crate) by: Replica,
    pub(crate) list: List,
    /// The moment at which the head of the request was complete.
    pub(crate) at: Moment,
    /// The moment before the last byte of the answer was sent; `None` if this byte was never sent.
    pub(crate) done: Option<Moment>,
    pub(crate) said: Said,
    /// Whether the request was the first on its connection. Such a request arrives later, because
    /// connecting takes time.
    pub(crate) is_cold: bool,
}

/// The answer of the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// New data.
    New(Stamp),
    /// A confirmation of the data of this earlier round.
    Same { round: u32 },
    /// An answer that must be refused, and its `Retry-After`.
    Refusable { what: &'static str, retry_after: Option<Duration> },
}

impl Asked {
    /// Returns the stamp of the answer, if the answer has new data.
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        if let Said::New(stamp) = self.said { Some(stamp) } else { None }
    }
}

impl Said {
    pub(crate) fn is_good(&self) -> bool {
        !matches!(self, Said::Refusable { .. })
    }
}

/// One load of a client.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) path: &'static str,
    /// The moment before the request was written.
    pub(crate) sent: Moment,
    /// The moment at which the last byte had arrived.
    pub(crate) received: Moment,
    pub(crate) seen: Seen,
}

impl Load {
    pub(crate) fn took(&self) -> Duration {
        self.received.since(self.sent)
    }

    pub(crate) fn page(&self) -> Option<&Page> {
        if let Seen::Page(page) = &self.seen { Some(page) } else { None }
    }

    /// Whether the load was in flight at some moment between `from` and `to`.
    pub(crate) fn meets(&self, from: Moment, to: Moment) -> bool {
        self.sent <= to && self.received >= from
    }
}

/// The result of a load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Page(Page),
    /// The answer of `/healthz`, which is never held, so its duration is the time on the wire.
    Health,
    /// Status 503, because there was no site yet.
    Starting,
    /// A status that no page has.
    Odd(u16),
    /// No answer, because the process was killed and the connection broke off.
    Nothing,
}

/// A page as a client saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    /// `X-Generation`.
    pub(crate) generation: String,
    /// `X-Data-As-Of`.
    pub(crate) as_of: Moment,
    /// `Age`.
    pub(crate) age: Duration,
    /// The hash of the body, which the `ETag` must contain.
    pub(crate) hash: String,
    /// The hash of the body without its news and its fingerprint (see [`present`]).
    pub(crate) shown: String,
    pub(crate) etag: String,
    /// The different stamps on the page.
    pub(crate) stamps: Vec<Stamp>,
}

/// A kill of a process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kill {
    pub(crate) of: Replica,
    /// The moment before the kill.
    pub(crate) at: Moment,
    /// The moment at which the process listened again; `None` if the process was not started again.
    pub(crate) back: Option<Moment>,
}

/// A stop of a process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    pub(crate) of: Replica,
    /// The moment before SIGSTOP.
    pub(crate) from: Moment,
    /// The moment at which the process had certainly stopped.
    pub(crate) settled: Moment,
    /// The moment after SIGCONT.
    pub(crate) to: Moment,
}

/// A span in which Redis could not be used: Redis was down, was stopped, or refused writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lapse {
    /// The moment before the lapse.
    pub(crate) from: Moment,
    /// The moment after Redis could be used again.
    pub(crate) to: Moment,
}

impl Lapse {
    /// Whether a process may log at this moment that Redis cannot be used.
    pub(crate) fn explains(&self, at: Moment) -> bool {
        self.from <= at && at <= self.to + ASKED_AGAIN
    }
}

/// Time after which a process asks Redis again after a missing answer: one second, and some time
/// for a late timer.
pub(crate) const ASKED_AGAIN: Duration = Duration::from_millis(1100);

/// All records of a run, with the loads of the clients of one process.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) promised: Promised,
    /// The process of the loads. The other records belong to all processes.
    pub(crate) of: Replica,
    /// The requests in the order of their arrival.
    pub(crate) asked: Vec<Asked>,
    /// The loads in the order in which they were sent.
    pub(crate) loads: Vec<Load>,
    pub(crate) kills: Vec<Kill>,
    pub(crate) stops: Vec<Stop>,
    pub(crate) lapses: Vec<Lapse>,
}

impl History {
    /// Returns the loads that brought pages.
    pub(crate) fn pages(&self) -> impl Iterator<Item = (&Load, &Page)> {
        self.loads.iter().filter_map(|load| Some((load, load.page()?)))
    }

    /// Whether each process may keep its own interval at this moment: while Redis cannot be used,
    /// until the processes ask Redis again, and until the interval that began without Redis is
    /// over.
    pub(crate) fn is_each_alone(&self, at: Moment) -> bool {
        let until = ASKED_AGAIN + self.promised.interval;
        self.lapses.iter().any(|lapse| lapse.from <= at && at <= lapse.to + until)
    }

    /// Whether two refreshes have no order: processes that kept their own intervals started the
    /// refreshes within one lease. The fences then decide which refresh stays, even much later.
    pub(crate) fn are_together(&self, one: Moment, other: Moment) -> bool {
        let (first, last) = (one.min(other), one.max(other));
        self.is_each_alone(last) && last.since(first) < self.promised.lease()
    }

    /// Returns the stops of the loaded process.
    pub(crate) fn own_stops(&self) -> impl Iterator<Item = &Stop> {
        self.stops.iter().filter(|stop| stop.of == self.of)
    }

    /// Returns the kills of the loaded process.
    pub(crate) fn own_kills(&self) -> impl Iterator<Item = &Kill> {
        self.kills.iter().filter(|kill| kill.of == self.of)
    }

    /// Whether the process was stopped or killed during this load.
    pub(crate) fn is_disturbed(&self, load: &Load) -> bool {
        self.own_stops().any(|stop| load.meets(stop.from, stop.to))
            || self.own_kills().any(|kill| load.meets(kill.at, kill.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_as_it_was_written() {
        let stamp = Stamp { list: List::People, round: 7, made: Moment(-12), good: false };
        let text = format!("<b>(x) (f.1.2.good){stamp}{stamp} (p.1.2.bad)</b>");
        let films = Stamp { list: List::Films, round: 1, made: Moment(2), good: true };
        assert_eq!(Stamp::all_in(&text), [films, stamp]);
        let text = format!("{films}<section class=\"news\">{stamp}</section>{films}");
        assert_eq!(Stamp::all_in(&text), [films]);
    }

    #[test]
    fn the_time_in_a_header_field_is_converted_to_a_moment_of_the_run() {
        let epoch = Epoch::begin();
        let wall = DateTime::<Utc>::from(epoch.wall) + chrono::Duration::milliseconds(1500);
        let named = epoch.of_header(&wall.to_rfc3339()).expect("a moment");
        assert_eq!(named, Moment(1_500_000));
    }
}
