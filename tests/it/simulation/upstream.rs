//! The simulated API.

use std::cell::Cell;

use movies_gen::outcome::FailureKind;

use super::executor::{Micros, SECOND};
use super::random::Random;
use super::setting::Api;

/// An answer of the API.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    /// The number of the content.
    Good(u64),
    Failed(FailureKind),
}

/// Longest time for an answer, as in `src/source`.
const LONGEST: Micros = 10 * SECOND;

#[derive(Default)]
pub(crate) struct Upstream {
    content: Cell<u64>,
}

impl Upstream {
    /// Decides about the next answer. Returns the answer and the time that it takes.
    pub(crate) fn answer(&self, api: &Api, random: &Random) -> (Answer, Micros) {
        let took = random.around(api.answer, 1.4);
        if random.happens(api.fails) {
            return (Answer::Failed(FailureKind::BadStatus), took);
        }
        if random.happens(api.changes) {
            self.content.set(self.content.get() + 1);
        }
        let took = if random.happens(api.is_slow) { took + 3 * SECOND } else { took };
        if took > LONGEST {
            return (Answer::Failed(FailureKind::Timeout), LONGEST);
        }
        (Answer::Good(self.content.get()), took)
    }
}
