//! Random numbers from a fixed seed (SplitMix64).

use std::cell::Cell;

use super::executor::Micros;

/// A source of random numbers.
pub(crate) struct Random(Cell<u64>);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(Cell::new(seed))
    }

    pub(crate) fn bits(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from 0 to 1.
    pub(crate) fn share(&self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns whether an event with this chance happens.
    pub(crate) fn happens(&self, chance: f64) -> bool {
        self.share() < chance
    }

    /// Returns a number of this range.
    pub(crate) fn between(&self, from: u64, to: u64) -> u64 {
        from + (self.share() * to.saturating_sub(from) as f64) as u64
    }

    /// Returns the time until the next of many independent events that are `mean` apart on average.
    pub(crate) fn until_next(&self, mean: Micros) -> Micros {
        (-(1.0 - self.share()).ln() * mean as f64) as Micros
    }

    /// Returns a time with this median. Two thirds of the times are within the factor `spread`
    /// (log-normal).
    pub(crate) fn around(&self, median: Micros, spread: f64) -> Micros {
        let normal = (-2.0 * (1.0 - self.share()).ln()).sqrt()
            * (2.0 * std::f64::consts::PI * self.share()).cos();
        (median as f64 * spread.powf(normal)) as Micros
    }
}
