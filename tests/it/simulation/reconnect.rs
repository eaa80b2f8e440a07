//! Open pages that open their streams again after the restart of a replica.

use movies_gen::news;

use super::executor::{Micros, SECOND};
use super::random::Random;

/// Returns the most streams that are opened in one second, after the end of this many streams.
pub(crate) fn peak(pages: u64, random: &Random) -> u64 {
    let mut seconds: Vec<u64> = Vec::new();
    for _ in 0..pages {
        let (from, to) = news::reopened_within(pages);
        let at: Micros = 1_000 * random.between(from, to);
        let second = (at / SECOND) as usize;
        seconds.resize(seconds.len().max(second + 1), 0);
        seconds[second] += 1;
    }
    seconds.into_iter().max().unwrap_or(0)
}
