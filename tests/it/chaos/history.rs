//! What was seen of one run from outside.
//!
//! Owns the records: the requests to the upstream and its answers, what each client loaded, and
//! when the process was killed or stopped. All times are on one clock, so that they can be
//! compared. This file knows no rule; [`super::checker`] judges.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Utc};

/// Microseconds since the run began; negative for a moment before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) i64);

impl Moment {
    pub(crate) const START: Moment = Moment(0);

    /// How long ago `earlier` was; zero if it lies ahead.
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

/// The beginning of a run, on the clock of this process and on the wall's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epoch {
    instant: Instant,
    wall: SystemTime,
}

impl Epoch {
    /// Both clocks are read within a few microseconds of each other.
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

    /// The moment that a header names.
    pub(crate) fn of_header(self, rfc3339: &str) -> Option<Moment> {
        let named: DateTime<Utc> = DateTime::parse_from_rfc3339(rfc3339).ok()?.into();
        let began = DateTime::<Utc>::from(self.wall);
        (named - began).num_microseconds().map(Moment)
    }
}

/// The place of a process among those that share a Redis; the first if it is alone.
pub(crate) type Replica = usize;

/// What the program promises in this run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Promised {
    pub(crate) interval: Duration,
    pub(crate) max_age: Duration,
    pub(crate) hold: Duration,
}

impl Promised {
    /// The design's: a minute is a second.
    pub(crate) const SCALED: Promised = Promised {
        interval: Duration::from_secs(1),
        max_age: Duration::from_secs(1),
        hold: Duration::from_millis(300),
    };

    /// Requests leave within this after their claim.
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

/// What the upstream writes into its data: whose, the how manieth, when made, and
/// whether it may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    pub(crate) list: List,
    pub(crate) round: u32,
    pub(crate) made: Moment,
    pub(crate) good: bool,
}

/// A page without what it tells of earlier times, and of itself: that is not the same
/// for those who were apart until they meet again.
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
    /// The different stamps that a page shows, each once.
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
    /// Which process asked.
    pub(crate) by: Replica,
    pub(crate) list: List,
    /// When its head was whole.
    pub(crate) at: Moment,
    /// Right before the last byte of the answer left; none if it never did.
    pub(crate) done: Option<Moment>,
    pub(crate) said: Said,
    /// It was the first on its connection, so it came as late as connecting took.
    pub(crate) is_cold: bool,
}

/// What the upstream answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// New data.
    New(Stamp),
    /// The data of this earlier round still holds.
    Same { round: u32 },
    /// Something that has to be refused, and how long it asked to be left alone.
    Refusable { what: &'static str, retry_after: Option<Duration> },
}

impl Asked {
    /// What was answered, if that was new.
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
    /// Right before the request was written.
    pub(crate) sent: Moment,
    /// When the last byte was there.
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

    /// Whether it was under way at some moment between these two.
    pub(crate) fn meets(&self, from: Moment, to: Moment) -> bool {
        self.sent <= to && self.received >= from
    }
}

/// What a load brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Page(Page),
    /// The answer that is never parked: what it took was the wire.
    Health,
    /// 503: there was no site yet.
    Starting,
    /// Another status than a page has.
    Odd(u16),
    /// The connection broke off: the process was killed.
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
    /// What its `ETag` should be.
    pub(crate) hash: String,
    /// The same of what it shows of the present.
    pub(crate) shown: String,
    pub(crate) etag: String,
    /// The different stamps on it.
    pub(crate) stamps: Vec<Stamp>,
}

/// The process was killed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kill {
    pub(crate) of: Replica,
    /// Right before.
    pub(crate) at: Moment,
    /// When it was there again, and listened; none if it was not started again.
    pub(crate) back: Option<Moment>,
}

/// The process stood still.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    pub(crate) of: Replica,
    /// Right before it was told to.
    pub(crate) from: Moment,
    /// It did for certain.
    pub(crate) settled: Moment,
    /// Right after it was told to go on.
    pub(crate) to: Moment,
}

/// Redis could not be used: it was gone, stood still, or refused what was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lapse {
    /// Right before.
    pub(crate) from: Moment,
    /// Right after it could be used again.
    pub(crate) to: Moment,
}

impl Lapse {
    /// Whether a process may say then that Redis cannot be used.
    pub(crate) fn explains(&self, at: Moment) -> bool {
        self.from <= at && at <= self.to + ASKED_AGAIN
    }
}

/// A Redis that did not answer is not asked again for a second, and a timer may be
/// late.
pub(crate) const ASKED_AGAIN: Duration = Duration::from_millis(1100);

/// All records of a run, as the clients of one process have them.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) promised: Promised,
    /// The process that was loaded; the other records are of all.
    pub(crate) of: Replica,
    /// In the order in which they came.
    pub(crate) asked: Vec<Asked>,
    /// In the order in which they were sent.
    pub(crate) loads: Vec<Load>,
    pub(crate) kills: Vec<Kill>,
    pub(crate) stops: Vec<Stop>,
    pub(crate) lapses: Vec<Lapse>,
}

impl History {
    /// Loads of pages.
    pub(crate) fn pages(&self) -> impl Iterator<Item = (&Load, &Page)> {
        self.loads.iter().filter_map(|load| Some((load, load.page()?)))
    }

    /// Whether each process may keep its own minute then: while Redis cannot be used,
    /// until it is asked again after that, and until the minute is over that was begun
    /// without it.
    pub(crate) fn is_each_alone(&self, at: Moment) -> bool {
        let until = ASKED_AGAIN + self.promised.interval;
        self.lapses.iter().any(|lapse| lapse.from <= at && at <= lapse.to + until)
    }

    /// Whether neither of two refreshes comes before the other: processes that lived in
    /// minutes of their own began them at the same time, within a lease, and which of them
    /// stays is up to their fences, however long after.
    pub(crate) fn are_together(&self, one: Moment, other: Moment) -> bool {
        let (first, last) = (one.min(other), one.max(other));
        self.is_each_alone(last) && last.since(first) < self.promised.lease()
    }

    /// When the loaded process stood still.
    pub(crate) fn own_stops(&self) -> impl Iterator<Item = &Stop> {
        self.stops.iter().filter(|stop| stop.of == self.of)
    }

    /// When the loaded process was killed.
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
    fn a_header_names_a_moment_of_the_run() {
        let epoch = Epoch::begin();
        let wall = DateTime::<Utc>::from(epoch.wall) + chrono::Duration::milliseconds(1500);
        let named = epoch.of_header(&wall.to_rfc3339()).expect("a moment");
        assert_eq!(named, Moment(1_500_000));
    }
}
