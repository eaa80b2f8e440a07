//! Rules of the decision, and random histories of answers, refusals and marks.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::outcome::Mark;

const GUARD: Guard = Guard { max_shrink: 0.3, max_growth: 3.0, free_growth: 8, accept_after: 3 };
/// How long stores keep a mark.
const DAY: Duration = Duration::from_secs(86_400);
const MINUTE: Duration = Duration::from_secs(60);

/// Films and people by number.
type Sets = [BTreeSet<u16>; 2];

/// What the replicas of one site share, and how much time went by since the owner's mark.
#[derive(Debug, Clone, Default)]
struct World {
    live: Option<Sets>,
    refused: Option<Refused>,
    mark: Option<(Mark, Duration)>,
    saved: u64,
    /// The last refused answer and what was live then: what the owner is shown.
    shown: Option<Sets>,
}

impl World {
    /// An answer comes; whether it is taken.
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

    /// The owner accepts what is refused now.
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
fn a_real_shrink_with_another_new_id_each_time_is_taken_in_the_end() {
    let mut world = started(20);
    let answer = |n: u16| sets((0..5).chain([1_000 + n]), 0..10);
    let taken: Vec<_> = (0..4).map(|n| world.answered(&answer(n))).collect();
    assert_eq!(taken, [false, false, false, true]);
}

#[test]
fn ids_that_are_all_new_each_time_are_taken_in_the_end() {
    let mut world = started(20);
    let answer = |n: u16| sets(100 * n..100 * n + 20, 0..10);
    let taken: Vec<_> = (1..5).map(|n| world.answered(&answer(n))).collect();
    assert_eq!(taken, [false, false, false, true]);
}

#[test]
fn records_that_are_gone_in_turns_prove_nothing() {
    let mut world = started(20);
    for n in 0..12_u16 {
        let gone = (n % 2) * 10..(n % 2) * 10 + 10;
        assert!(!world.answered(&sets((0..20).filter(|id| !gone.contains(id)), 0..10)), "{n}");
    }
}

#[test]
fn growth_that_lasts_is_taken_though_it_goes_on() {
    let mut world = started(5);
    let taken: Vec<_> = (0..4).map(|n| world.answered(&sets(0..200 + 10 * n, 0..10))).collect();
    assert_eq!(taken, [false, false, false, true]);
}

#[test]
fn an_empty_answer_proves_nothing_for_one_with_a_few_records() {
    let mut world = started(20);
    for _ in 0..10 {
        assert!(!world.answered(&sets([], 0..10)));
    }
    assert!(!world.answered(&sets(0..2, 0..10)), "the upstream is being filled again");
}

#[test]
fn a_mark_lets_pass_what_lacks_no_more_than_was_shown() {
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
fn a_mark_for_an_empty_answer_lets_pass_one_with_a_few_records() {
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

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    /// An answer with so many of the live records and so many new ones.
    Answer {
        keep: u8,
        new: u8,
        of: u8,
    },
    /// The last refused answer again, with so many other new records.
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

/// Numbers that no record had before.
fn fresh(count: u8, next: &mut u16) -> std::ops::Range<u16> {
    let first = *next;
    *next += u16::from(count);
    first..*next
}

/// Some of the records: `keep` of ten, and of which lists.
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

/// What must hold in every state that a world can be in.
fn recovers(world: &World, target: &Sets, next: &mut u16) -> Result<(), TestCaseError> {
    let live = world.live.clone().unwrap_or_default();
    prop_assert!(world.clone().answered(&live), "what is live is taken at once");
    let mut edited = live.clone();
    for set in &mut edited {
        if set.len() > 1 {
            set.pop_first();
        }
        set.extend(fresh(1, next));
    }
    if live.iter().all(|set| set.len() != 1) {
        prop_assert!(world.clone().answered(&edited), "a small edit of it is taken at once");
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
        prop_assert!(world.mark.is_some() || !taken, "only the owner lets a list become empty");
    }

    let mut accepted = world.clone();
    if !accepted.answered(target) {
        accepted.accept();
        prop_assert!(accepted.answered(target), "what was shown and accepted is taken at once");
        prop_assert!(accepted.mark.is_none(), "a mark is for one time");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_history_leads_to_a_state_from_which_good_answers_do_not_recover(
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
