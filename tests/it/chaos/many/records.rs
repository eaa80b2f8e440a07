//! The records of a run of several processes that share a Redis.
//!
//! Owns these records. The records of the clients of one process can be viewed alone, and are then
//! judged as if there were no other process. Pure.

use super::crowds::Crowds;
use crate::chaos::history::{Asked, History, Kill, Lapse, Load, Moment, Page, Promised, Stop};

/// All records of a run.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    pub(crate) promised: Promised,
    /// The requests of all processes, in the order of their arrival.
    pub(crate) asked: Vec<Asked>,
    /// The loads of each process, in the order in which they were sent.
    pub(crate) loads: Vec<Vec<Load>>,
    pub(crate) kills: Vec<Kill>,
    pub(crate) stops: Vec<Stop>,
    pub(crate) lapses: Vec<Lapse>,
    /// The moments at which each process logged that Redis cannot be used.
    pub(crate) complaints: Vec<Vec<Moment>>,
    pub(crate) crowds: Crowds,
}

/// A page with its process and its load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight<'a> {
    pub(crate) replica: usize,
    pub(crate) load: &'a Load,
    pub(crate) page: &'a Page,
}

impl Records {
    /// Returns one history for each process.
    pub(crate) fn histories(&self) -> Vec<History> {
        let history = |(of, loads): (usize, &Vec<Load>)| History {
            promised: self.promised,
            of,
            asked: self.asked.clone(),
            loads: loads.clone(),
            kills: self.kills.clone(),
            stops: self.stops.clone(),
            lapses: self.lapses.clone(),
        };
        self.loads.iter().enumerate().map(history).collect()
    }

    /// Returns the complaints at moments at which Redis could be used. A busy machine delays a
    /// process so much that the process takes Redis for lost.
    pub(crate) fn unexplained(&self) -> impl Iterator<Item = (usize, Moment)> {
        let all = self.complaints.iter().enumerate();
        let all = all.flat_map(|(replica, said)| said.iter().map(move |&at| (replica, at)));
        all.filter(|(_, at)| !self.lapses.iter().any(|lapse| lapse.explains(*at)))
    }

    /// Returns the pages of all processes, in the order in which the loads were sent.
    pub(crate) fn sights(&self) -> Vec<Sight<'_>> {
        let all = self.loads.iter().enumerate();
        let mut sights: Vec<_> = all
            .flat_map(|(replica, loads)| {
                let seen = loads.iter().filter_map(|load| Some((load, load.page()?)));
                seen.map(move |(load, page)| Sight { replica, load, page })
            })
            .collect();
        sights.sort_by_key(|sight| sight.load.sent);
        sights
    }

    /// Returns the end of the last load.
    pub(crate) fn end(&self) -> Moment {
        let loads = self.loads.iter().flatten();
        loads.map(|load| load.received).max().unwrap_or(Moment::START)
    }
}
