//! What follows when an answer is not plausible.
//!
//! Owns the decision: believed, taken because the owner accepts it, taken because it has
//! proved steady, or refused; and what the next decision needs to know. Steady means that
//! the records that were gone are gone again: an answer continues a refusal if it would
//! change no more than the refused one. Which ids are new does not matter, so a catalogue
//! that changes all the time recovers too.

use super::{Guard, Ids, Implausible, judge, sets_of};
use crate::outcome::{Gone, Mark, Offer, Refused};
use crate::payload::Fence;

/// Records beyond those of the refused answer that may be gone in one that continues the
/// refusal, as a share of what is live: deletions go on while a refusal lasts.
const ONE_OF: usize = 100;

/// What is known from before.
#[derive(Debug, Clone, Copy)]
pub struct Remembered<'a> {
    /// What was refused the last times; none if the last answer was good.
    pub refused: Option<&'a Refused>,
    /// The owner's marks. Stores forget a mark after a day.
    pub marks: &'a [Mark],
    /// What was saved last.
    pub saved: Fence,
}

/// What becomes of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing speaks against it.
    Believed,
    /// It is not plausible, and the owner accepts it.
    Accepted(Implausible, Refused),
    /// It is not plausible, and came again often enough.
    Steady(Implausible, Refused),
    /// It is not believed; the next decision needs to know what is refused.
    Refused(Implausible, Refused),
}

/// Decides on what follows `known`, none for what is seen first.
pub fn decide(
    known: Option<&Ids<'_>>,
    offered: &Ids<'_>,
    remembered: Remembered<'_>,
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

/// What an answer would change in what is known.
pub fn offer(known: &Ids<'_>, offered: &Ids<'_>) -> Offer {
    let films = known.films.difference(&offered.films).copied();
    let people = known.people.difference(&offered.people).copied();
    Offer {
        films: offered.films.len(),
        people: offered.people.len(),
        gone: Gone::of(films, people),
    }
}

/// Whether `offer` would change no more than `shown`, but for `tolerated` records that are
/// gone: what is live is not gone unless it was then, and of each list there are neither
/// implausibly fewer records than were shown nor many more.
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
        // Growth goes on while a refusal lasts, too.
        is_enough && has <= showed.saturating_add(showed / 4).max(guard.most_after(live))
    };
    offer.gone.are_among(&shown.gone, tolerated)
        && has_as_many(offer.films, shown.films, known.films.len())
        && has_as_many(offer.people, shown.people, known.people.len())
}

#[cfg(test)]
mod tests;
