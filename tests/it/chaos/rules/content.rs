//! Promises 4 and 5: every body is a page of its generation, a refused answer is never shown,
//! and no client sees older content after newer content.

use std::collections::BTreeMap;

use crate::chaos::checker::{Finding, Rule};
use crate::chaos::clients::PATHS;
use crate::chaos::history::{History, List, Load, Moment, Page, Seen, Stamp};

/// Checks that each body has the hash in its `ETag`, and that within a generation each path has one
/// body and each list has one stamp.
pub(crate) fn wholeness(history: &History) -> Finding {
    let mut finding = Finding::of(Rule::Wholeness);
    let mut bodies: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    let mut stamps: BTreeMap<(&str, List), Stamp> = BTreeMap::new();
    for load in &history.loads {
        if let Seen::Odd(status) = load.seen {
            finding.check(false, || format!("{} was answered {status}", load.path));
        }
    }
    for (load, page) in history.pages() {
        let body = bodies.entry((&page.generation, load.path)).or_insert(&page.hash);
        let is_one_body = *body == page.hash;
        let is_itself = page.etag == format!("\"{}\"", page.hash);
        let is_one_content = page
            .stamps
            .iter()
            .all(|stamp| *stamps.entry((&page.generation, stamp.list)).or_insert(*stamp) == *stamp);
        finding.check(is_one_body && is_itself && is_one_content && has_all(load, page), || {
            format!("{} sent at {} is not a page of one generation: {page:?}", load.path, load.sent)
        });
    }
    finding
}

/// Whether the page shows every list that its path must show.
fn has_all(load: &Load, page: &Page) -> bool {
    let wanted = PATHS.iter().find(|(path, _)| *path == load.path);
    wanted.is_some_and(|(_, lists)| {
        lists.iter().all(|list| page.stamps.iter().any(|stamp| stamp.list == *list))
    })
}

/// Checks that no page shows data that the upstream marked as refusable.
pub(crate) fn no_loss(history: &History) -> Finding {
    let mut finding = Finding::of(Rule::NoLoss);
    for (load, page) in history.pages() {
        finding.check(page.stamps.iter().all(|stamp| stamp.good), || {
            format!("{} sent at {} shows refusable data: {:?}", load.path, load.sent, page.stamps)
        });
    }
    finding
}

/// Checks that a load that was sent after the end of another load shows neither older data nor an
/// older origin time. Two refreshes that began together have no order.
pub(crate) fn monotone(history: &History) -> Finding {
    let mut finding = Finding::of(Rule::Monotone);
    let mut by_end: Vec<_> = history.pages().collect();
    by_end.sort_by_key(|(load, _)| load.received);
    let mut ended = by_end.into_iter().peekable();
    let mut newest: BTreeMap<List, Stamp> = BTreeMap::new();
    let mut as_of = Moment(i64::MIN / 2);
    for (load, page) in history.pages() {
        while let Some((_, before)) = ended.next_if(|(before, _)| before.received < load.sent) {
            as_of = as_of.max(before.as_of);
            for stamp in &before.stamps {
                let known = newest.entry(stamp.list).or_insert(*stamp);
                if stamp.round > known.round {
                    *known = *stamp;
                }
            }
        }
        let is_newer = |stamp: &Stamp| {
            newest.get(&stamp.list).is_none_or(|newest| {
                newest.round <= stamp.round || history.are_together(newest.made, stamp.made)
            })
        };
        let is_as_young = page.as_of >= as_of || history.are_together(as_of, page.as_of);
        let is_kept = page.stamps.iter().all(is_newer) && is_as_young;
        finding.check(is_kept, || {
            format!(
                "{} sent at {} shows {:?} as of {} after {newest:?} as of {as_of}",
                load.path, load.sent, page.stamps, page.as_of
            )
        });
    }
    finding
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::chaos::history::Lapse;
    use crate::chaos::synthetic::{good_history, ms, page, start_of};

    /// Returns the number of violations of each of the three rules.
    fn judged(history: &History) -> (usize, usize, usize) {
        let count = |finding: Finding| finding.violations.len();
        (count(wholeness(history)), count(no_loss(history)), count(monotone(history)))
    }

    /// Judges the good history with a change of one page in the middle of the history.
    fn changed(change: impl Fn(&mut Page)) -> (usize, usize, usize) {
        let mut history = good_history();
        let middle = start_of(3) + ms(500);
        let mut pages = history.loads.iter_mut().filter(|load| load.path == "/");
        let load = pages.find(|load| load.sent > middle);
        let Some(Seen::Page(page)) = load.map(|load| &mut load.seen) else {
            panic!("a page");
        };
        change(page);
        judged(&history)
    }

    #[test]
    fn a_good_history_is_whole() {
        assert_eq!(judged(&good_history()), (0, 0, 0));
    }

    #[test]
    fn a_body_that_does_not_match_its_etag_is_found() {
        assert_eq!(changed(|page| page.etag = "\"other\"".to_owned()), (1, 0, 0));
    }

    #[test]
    fn two_bodies_of_one_path_in_one_generation_are_found() {
        let (whole, ..) = changed(|page| {
            page.hash = "other".to_owned();
            page.etag = "\"other\"".to_owned();
        });
        assert!(whole > 0);
    }

    #[test]
    fn a_page_of_two_generations_is_found() {
        let (whole, ..) = changed(|page| page.stamps[1].round += 1);
        assert!(whole > 0);
    }

    #[test]
    fn a_page_without_a_list_and_an_unexpected_status_are_found() {
        assert_eq!(changed(|page| page.stamps.truncate(1)).0, 1);
        let mut history = good_history();
        history.loads[9].seen = Seen::Odd(404);
        assert_eq!(judged(&history), (1, 0, 0));
    }

    #[test]
    fn refusable_data_on_a_page_is_found() {
        let (_, lost, _) = changed(|page| page.stamps[0].good = false);
        assert_eq!(lost, 1);
    }

    #[test]
    fn older_content_after_newer_content_is_found_except_for_loads_at_the_same_time() {
        let at = |sent: Moment, received: Moment| {
            let mut history = good_history();
            let seen = Seen::Page(page("/", 2, received));
            history.loads.push(Load { path: "/", sent, received, seen });
            history.loads.sort_by_key(|load| load.sent);
            judged(&history).2
        };
        let live = start_of(3) + ms(41);
        assert_eq!(at(live + ms(100), live + ms(101)), 1);
        assert_eq!(at(live - ms(20), live + ms(40)), 0);
    }

    #[test]
    fn an_older_origin_time_after_a_newer_origin_time_is_found() {
        assert_eq!(changed(|page| page.as_of = page.as_of - ms(5)), (0, 0, 1));
    }

    #[test]
    fn refreshes_of_two_separated_processes_have_no_order_within_a_lease() {
        let judged = |apart: Duration, is_lapse: bool| {
            let mut history = good_history();
            let sent = start_of(3) + ms(400);
            let mut page = page("/", 3, sent);
            for stamp in &mut page.stamps {
                (stamp.round, stamp.made) = (2, stamp.made - apart);
            }
            page.as_of = page.as_of - apart;
            let (path, received) = ("/", sent + ms(1));
            history.loads.push(Load { path, sent, received, seen: Seen::Page(page) });
            history.loads.sort_by_key(|load| load.sent);
            // The lapse is over at the time of the load, but not at the time of the refreshes.
            let lapse = Lapse { from: start_of(1), to: start_of(3) - ms(1900) };
            history.lapses = is_lapse.then_some(lapse).into_iter().collect();
            judged(&history).2
        };
        assert_eq!(judged(ms(30), false), 1);
        assert_eq!(judged(ms(30), true), 0);
        assert_eq!(judged(ms(60), true), 1);
    }
}
