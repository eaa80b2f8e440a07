//! Decides what follows from an implausible answer.
//!
//! Owns the verdict: the answer is believed, accepted by the owner, proved steady, or refused. The
//! verdict includes what the next decision must know. An answer counts as the next refusal in a row
//! if the answer removes only records that the answer refused before also removes. Otherwise the
//! count starts again. New ids do not count, so a catalogue that keeps changing recovers too.

use super::{Guard, Ids, Implausible, judge, sets_of};
use crate::outcome::{Gone, Mark, Offer, Refused};
use crate::payload::Fence;

/// Deletions may continue during a refusal: an answer continues the refusal if at most one in
/// `ONE_OF` live records is gone in addition.
const ONE_OF: usize = 100;

/// What is known from earlier decisions.
#[derive(Debug, Clone, Copy)]
pub struct Memory<'a> {
    /// The refusals in a row until now; `None` if the last answer was good.
    pub refused: Option<&'a Refused>,
    /// The marks of the owner. Stores drop a mark after one day.
    pub marks: &'a [Mark],
    /// Fence of the last save.
    pub saved: Fence,
}

/// The verdict on an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The answer is plausible.
    Believed,
    /// The answer is implausible, and the owner accepts it.
    Accepted(Implausible, Refused),
    /// The answer is implausible, but came often enough.
    Steady(Implausible, Refused),
    /// The answer is refused. The next decision must know the [`Refused`].
    Refused(Implausible, Refused),
}

/// Decides on the answer that follows `known`. The first answer (`None`) is believed.
pub fn decide(
    known: Option<&Ids<'_>>,
    offered: &Ids<'_>,
    remembered: Memory<'_>,
    guard: &Guard,
) -> Verdict {
    let Some(known) = known else { return Verdict::Believed };
    let Some(why) = judge(known, offered, guard) else { return Verdict::Believed };
    let offer = offer(known, offered);
    let steady = (known.films.len() + known.people.len()) / ONE_OF;
    let continued = remembered.refused.filter(|before| {
        let was_empty = |offer: &Offer| (offer.films == 0, offer.people == 0);
        was_empty(&before.offer) == was_empty(&offer)
            && changes_no_more(&offer, &before.offer, steady, known, guard)
    });
    let (sets, times) = match continued {
        Some(before) => (before.sets.clone(), before.times),
        None => (sets_of(offered), 0),
    };
    let is_marked = remembered.marks.iter().any(|mark| {
        mark.saved == remembered.saved && changes_no_more(&offer, &mark.offer, 0, known, guard)
    });
    let refused = Refused { sets, times: times.saturating_add(1), offer };
    if is_marked {
        Verdict::Accepted(why, refused)
    } else if !why.needs_the_owner() && refused.times > guard.accept_after {
        Verdict::Steady(why, refused)
    } else {
        Verdict::Refused(why, refused)
    }
}

/// Returns what an answer would change in the known records.
pub fn offer(known: &Ids<'_>, offered: &Ids<'_>) -> Offer {
    let films = known.films.difference(&offered.films).copied();
    let people = known.people.difference(&offered.people).copied();
    Offer {
        films: offered.films.len(),
        people: offered.people.len(),
        gone: Gone::of(films, people),
    }
}

/// Whether `offer` would change no more than `shown`: apart from `tolerated` records, only records
/// are gone that were gone in `shown`, and each list has neither implausibly fewer nor many more
/// records than in `shown`.
fn changes_no_more(
    offer: &Offer,
    shown: &Offer,
    tolerated: usize,
    known: &Ids<'_>,
    guard: &Guard,
) -> bool {
    let has_as_many = |has: usize, showed: usize, live: usize| {
        let fewer = showed.saturating_sub(has);
        let is_enough = fewer == 0 || (has > 0 && guard.lets_go(fewer, showed));
        // Growth may continue during a refusal, too.
        is_enough && has <= showed.saturating_add(showed / 4).max(guard.most_after(live))
    };
    offer.gone.are_among(&shown.gone, tolerated)
        && has_as_many(offer.films, shown.films, known.films.len())
        && has_as_many(offer.people, shown.people, known.people.len())
}

#[cfg(test)]
mod tests;
