//! The bounds on the size of a catalogue.
//!
//! Owns the bounds that keep the memory of a refresh within a small multiple of `--max-bytes`. The
//! bytes of a body do not bound the memory: a record of 20 bytes gets a page, a poster and their
//! compressed forms, and a pair of 5 bytes appears in ten files. If one record alone can exceed a
//! bound, a part of that record is left out. If only many records together can exceed a bound, the
//! answer is refused.

use std::collections::HashSet;

use super::weight::weight;
use super::{Catalogue, Film};
use crate::payload::Fault;

/// Bounds of one catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Largest number of records of each list, and of directors and producers together.
    pub(super) records: usize,
    /// Largest number of pairs of film and person, and of pairs of film and director or producer.
    pub(super) pairs: usize,
    /// Largest number of units of memory for the fields of each list that the program does not
    /// know.
    pub(super) units: usize,
    /// Largest size of all published files in bytes.
    pub(super) site: u64,
}

impl Bounds {
    /// Returns the bounds for bodies of at most `max_bytes`. The bounds have room for a small
    /// catalogue even if `max_bytes` is very small.
    pub fn of(max_bytes: u64) -> Bounds {
        let share = |of: u64, least: usize| {
            usize::try_from(max_bytes / of).unwrap_or(usize::MAX).max(least)
        };
        Bounds {
            records: share(512, 500),
            pairs: share(64, 5_000),
            units: share(16, 20_000),
            site: max_bytes.saturating_mul(32).max(16 << 20),
        }
    }

    /// Checks the number of directors and producers, because each of them has a page, and the
    /// number of films on these pages.
    pub(super) fn hold_makers<'f>(
        &self,
        films: impl Iterator<Item = &'f Film>,
    ) -> Result<(), Fault> {
        let (mut directors, mut producers) = (HashSet::new(), HashSet::new());
        let mut credits = 0;
        for film in films {
            credits += film.directors.len() + film.producers.len();
            directors.extend(&film.directors);
            producers.extend(&film.producers);
            if directors.len() + producers.len() > self.records {
                return Err(Fault::TooManyMakers { most: self.records });
            }
            if credits > self.pairs {
                return Err(Fault::TooManyPairs { most: self.pairs });
            }
        }
        Ok(())
    }

    /// Checks the estimated size of the site.
    pub(super) fn hold_site(&self, catalogue: &Catalogue) -> Result<(), Fault> {
        if self.site != u64::MAX && weight(catalogue) > self.site {
            return Err(Fault::TooLargeSite { most: self.site });
        }
        Ok(())
    }

    /// Returns bounds that allow everything, for a payload that was checked before it was saved.
    pub fn none() -> Bounds {
        Bounds { records: usize::MAX, pairs: usize::MAX, units: usize::MAX, site: u64::MAX }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_grow_with_max_bytes_and_leave_room_for_a_small_catalogue() {
        let (small, usual) = (Bounds::of(1), Bounds::of(16 << 20));
        assert_eq!((small.records, small.pairs), (500, 5_000));
        assert_eq!((usual.records, usual.pairs, usual.units), (32_768, 262_144, 1 << 20));
        assert_eq!(usual.site, 512 << 20);
        assert_eq!(Bounds::of(u64::MAX).site, u64::MAX);
    }
}
