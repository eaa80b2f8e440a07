//! Tests of the rules of the decision, with random histories of answers, refusals and marks.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::outcome::Mark;

const GUARD: Guard = Guard { max_shrink: 0.3, max_growth: 3.0, free_growth: 8, accept_after: 3 };
/// The time for which stores keep a mark.
const DAY: Duration = Duration::from_secs(86_400);
const MINUTE: Duration = Duration::from_secs(60);

/// The ids of films and of people, as numbers.
type Sets = [BTreeSet<u16>; 2];

/// The state that the replicas of one site share, with the age of the mark of the owner.
#[derive(Debug, Clone, Default)]
struct World {
    live: Option<Sets>,
    refused: Option<Refused>,
    mark: Option<(Mark, Duration)>,
    saved: u64,
    /// The last refused answer, which the owner is shown.
    shown: Option<Sets>,
}

impl World {
    /// Decides on an answer. Returns whether the answer is taken.
    fn answered(&mut self, answer: &Sets) -> bool {
        self.pass(MINUTE);
        let names = |sets: &Sets| {
            sets.each_ref().map(|set| set.iter().map(u16::to_string).collect::<Vec<_>>())
        };
        let (live, offered) = (self.live.as_ref().map(names), names(answer));
        let live = live.as_ref().map(ids);
        let marks: Vec<_> = self.mark.iter().map(|(mark, _)| mark.clone()).collect();
        let refused = self.refused.as_ref();
        let remembered = Memory { refused, marks: &marks, saved: Fence(self.saved) };
        match decide(live.as_ref(), &ids(&offered), remembered, &GUARD) {
            Verdict::Refused(_, refused) => {
                self.refused = Some(refused);
                self.shown = Some(answer.clone());
                false
            }
            verdict => {
                if matches!(verdict, Verdict::Accepted(..)) {
                    self.mark = None;
                }
                self.live = Some(answer.clone());
                self.refused = None;
                self.shown = None;
                self.saved += 1;
                true
            }
        }
    }

    /// Marks the refused answer as accepted by the owner.
    fn accept(&mut self) {
        if let Some(Refused { sets, offer, .. }) = self.refused.clone() {
            let saved = Fence(self.saved);
            self.mark = Some((Mark { sets, offer, saved }, Duration::ZERO));
        }
    }

    fn pass(&mut self, time: Duration) {
        if let Some((_, age)) = &mut self.mark {
            *age += time;
        }
        self.mark = self.mark.take().filter(|(_, age)| *age < DAY);
    }
}

fn ids(names: &[Vec<String>; 2]) -> Ids<'_> {
    let [films, people] = names.each_ref().map(|names| names.iter().map(String::as_str).collect());
    Ids { films, people }
}

fn sets(films: impl IntoIterator<Item = u16>, people: impl IntoIterator<Item = u16>) -> Sets {
    [films.into_iter().collect(), people.into_iter().collect()]
}

fn started(films: u16) -> World {
    let mut world = World::default();
    assert!(world.answered(&sets(0..films, 0..10)));
    world
}

#[test]
fn a_lasting_shrink_with_another_new_id_in_each_answer_is_taken_in_the_end() {
    let mut world = started(20);
    let answer = |n: u16| sets((0..5).chain([1_000 + n]), 0..10);
    let taken: Vec<_> = (0..4).map(|n| world.answered(&answer(n))).collect();
    assert_eq!(taken, [false, false, false, true]);
}

#[test]
fn ids_that_are_all_new_in_each_answer_are_taken_in_the_end() {
    let mut world = started(20);
    let answer = |n: u16| sets(100 * n..100 * n + 20, 0..10);
    let taken: Vec<_> = (1..5).map(|n| world.answered(&answer(n))).collect();
    assert_eq!(taken, [false, false, false, true]);
}

#[test]
fn answers_that_lack_different_records_in_turn_are_never_taken() {
    let mut world = started(20);
    for n in 0..12_u16 {
        let gone = (n % 2) * 10..(n % 2) * 10 + 10;
        assert!(!world.answered(&sets((0..20).filter(|id| !gone.contains(id)), 0..10)), "{n}");
    }
}

#[test]
fn lasting_growth_is_taken_even_if_the_growth_continues() {
    let mut world = started(5);
    let taken: Vec<_> = (0..4).map(|n| world.answered(&sets(0..200 + 10 * n, 0..10))).collect();
    assert_eq!(taken, [false, false, false, true]);
}

#[test]
fn refusals_of_empty_answers_do_not_count_for_an_answer_with_a_few_records() {
    let mut world = started(20);
    for _ in 0..10 {
        assert!(!world.answered(&sets([], 0..10)));
    }
    assert!(!world.answered(&sets(0..2, 0..10)), "the upstream may be filling its list again");
}

#[test]
fn a_mark_accepts_an_answer_that_lacks_no_more_records_than_the_shown_answer() {
    for (next, taken) in [
        (sets(0..5, 0..10), true),
        (sets(0..7, 0..10), true),
        (sets((0..5).chain([99]), 0..10), true),
        (sets(0..4, 0..10), false),
        (sets(0..5, 0..5), false),
        (sets([], 0..10), false),
        (sets(0..200, 0..10), false),
    ] {
        let mut world = started(20);
        assert!(!world.answered(&sets(0..5, 0..10)));
        world.accept();
        assert_eq!(world.answered(&next), taken, "{next:?}");
    }
}

#[test]
fn a_mark_for_an_empty_answer_accepts_an_answer_with_a_few_records() {
    let mut world = started(20);
    assert!(!world.answered(&sets([], [])));
    world.accept();
    assert!(world.answered(&sets(0..2, [])));
}

#[test]
fn a_mark_is_void_after_a_good_answer_and_after_a_day() {
    let (all, none) = (sets(0..20, 0..10), sets([], 0..10));
    let mut world = started(20);
    assert!(!world.answered(&none));
    world.accept();
    assert!(world.answered(&all) && !world.answered(&none));

    let mut world = started(20);
    assert!(!world.answered(&none));
    world.accept();
    world.pass(DAY);
    assert!(!world.answered(&none));
    world.accept();
    world.pass(DAY - 2 * MINUTE);
    assert!(world.answered(&none));
}

/// A step of a history.
#[derive(Debug, Clone)]
enum Step {
    /// An answer that has `keep` tenths of the live records and `new` new records, in the lists of
    /// the bit set `of`.
    Answer {
        keep: u8,
        new: u8,
        of: u8,
    },
    /// The last refused answer again, with `new` other new records.
    Again {
        new: u8,
    },
    Good,
    Accept,
    Wait(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..=10_u8, prop_oneof![0..3_u8, 0..40_u8], 0..4_u8)
            .prop_map(|(keep, new, of)| Step::Answer { keep, new, of }),
        3 => (0..3_u8).prop_map(|new| Step::Again { new }),
        1 => Just(Step::Good),
        1 => Just(Step::Accept),
        1 => (0..30_u8).prop_map(Step::Wait),
    ]
}

/// Returns `count` numbers that no record had before.
fn fresh(count: u8, next: &mut u16) -> std::ops::Range<u16> {
    let first = *next;
    *next += u16::from(count);
    first..*next
}

/// Returns an answer with `keep` tenths of the live records and `new` new records, in the lists of
/// the bit set `of`.
fn some(live: &Sets, keep: u8, new: u8, of: u8, next: &mut u16) -> Sets {
    let mut answer = live.clone();
    for (list, set) in answer.iter_mut().enumerate() {
        if of & (1 << list) != 0 {
            let most = set.len() * usize::from(keep) / 10;
            *set = set.iter().copied().take(most).chain(fresh(new, next)).collect();
        }
    }
    answer
}

fn happen(world: &mut World, step: &Step, next: &mut u16) {
    let live = world.live.clone().unwrap_or_default();
    match *step {
        Step::Answer { keep, new, of } => {
            let answer = some(&live, keep, new, of, next);
            world.answered(&answer);
        }
        Step::Again { new } => {
            let mut answer = world.shown.clone().unwrap_or(live);
            answer[0].extend(fresh(new, next));
            world.answered(&answer);
        }
        Step::Good => drop(world.answered(&live)),
        Step::Accept => world.accept(),
        Step::Wait(hours) => world.pass(Duration::from_secs(3_600) * u32::from(hours)),
    }
}

/// Checks the properties of every state: good answers, steady answers and accepted answers are
/// taken.
fn recovers(world: &World, target: &Sets, next: &mut u16) -> Result<(), TestCaseError> {
    let live = world.live.clone().unwrap_or_default();
    prop_assert!(world.clone().answered(&live), "the live records are taken at once");
    let mut edited = live.clone();
    for set in &mut edited {
        if set.len() > 1 {
            set.pop_first();
        }
        set.extend(fresh(1, next));
    }
    if live.iter().all(|set| set.len() != 1) {
        prop_assert!(world.clone().answered(&edited), "a small change is taken at once");
    }

    let is_empty = target.iter().zip(&live).any(|(new, old)| new.is_empty() && !old.is_empty());
    let mut steady = world.clone();
    let churned = |next: &mut u16| {
        let mut answer = target.clone();
        if !answer[0].is_empty() {
            answer[0].extend(fresh(1, next));
        }
        answer
    };
    let most = GUARD.accept_after + 1;
    let taken = (0..most).any(|_| steady.answered(&churned(next)));
    prop_assert!(taken || is_empty, "a steady answer is taken after --accept-after");
    if is_empty {
        prop_assert!(world.mark.is_some() || !taken, "an empty list needs the owner");
    }

    let mut accepted = world.clone();
    if !accepted.answered(target) {
        accepted.accept();
        prop_assert!(accepted.answered(target), "an accepted answer is taken at once");
        prop_assert!(accepted.mark.is_none(), "a mark is used once");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_site_recovers_with_good_answers_after_every_history(
        films in 0..20_u16,
        steps in proptest::collection::vec(step(), 0..10),
        last in (0..=10_u8, 0..12_u8, 0..4_u8),
    ) {
        let mut next = 10_000;
        let mut world = started(films);
        for step in &steps {
            happen(&mut world, step, &mut next);
        }
        let live = world.live.clone().unwrap_or_default();
        let (keep, new, of) = last;
        let target = some(&live, keep, new, of, &mut next);
        recovers(&world, &target, &mut next)?;
    }
}
