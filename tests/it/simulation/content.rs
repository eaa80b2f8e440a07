//! What replicas save: films, people, and a ledger that merges.
//!
//! A content is a number here, and a ledger has the first-seen time of each content. Each is one
//! part with the length that the setting names.

use std::collections::BTreeMap;
use std::rc::Rc;

use movies_gen::clock::Stamp;

/// First-seen time of each content, in microseconds since 1970. Merging keeps the earlier time, as
/// `src/ledger/absorb.rs` does.
pub(crate) type Ledger = BTreeMap<u64, u64>;

/// Contents that a ledger remembers.
const REMEMBERED: usize = 30;

/// A payload with its ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Saved {
    pub(crate) fence: u64,
    pub(crate) revision: u64,
    pub(crate) origin: Stamp,
    pub(crate) content: u64,
    pub(crate) ledger: Rc<Ledger>,
}

impl Saved {
    /// Returns the names of the parts of films, people and ledger.
    pub(crate) fn part_names(&self) -> [String; 3] {
        let name = |kind: u64, hash: u64| format!("{kind:08x}{hash:032x}");
        [name(1, self.content), name(2, 0), name(3, hash(&self.ledger))]
    }

    /// Returns a part, filled up to its length.
    pub(crate) fn part(&self, place: usize, lengths: &[usize; 3]) -> String {
        let text = match place {
            0 => self.content.to_string(),
            1 => String::new(),
            _ => {
                let entries = self.ledger.iter().map(|(content, at)| format!("{content}:{at}"));
                entries.collect::<Vec<_>>().join(";")
            }
        };
        format!("{text:<width$}", width = lengths[place])
    }
}

/// Returns the ledger with everything that `other` knows.
pub(crate) fn absorbing(ledger: &Ledger, other: &Ledger) -> Ledger {
    let mut merged = ledger.clone();
    for (content, at) in other {
        merged.entry(*content).and_modify(|known| *known = (*known).min(*at)).or_insert(*at);
    }
    bounded(merged)
}

/// Forgets the oldest contents.
pub(crate) fn bounded(mut ledger: Ledger) -> Ledger {
    while ledger.len() > REMEMBERED {
        ledger.pop_first();
    }
    ledger
}

pub(crate) fn parse_content(part: &str) -> u64 {
    part.trim().parse().expect("a content")
}

pub(crate) fn parse_ledger(part: &str) -> Rc<Ledger> {
    let entry = |entry: &str| {
        let (content, at) = entry.split_once(':')?;
        Some((content.parse().ok()?, at.parse().ok()?))
    };
    Rc::new(part.trim().split(';').filter_map(entry).collect())
}

fn hash(ledger: &Ledger) -> u64 {
    ledger
        .iter()
        .flat_map(|(content, at)| [*content, *at])
        .fold(0xcbf2_9ce4_8422_2325, |hash, n| {
            (hash ^ n).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23)
        })
}
