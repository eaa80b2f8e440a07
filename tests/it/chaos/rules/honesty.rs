//! Promise 3: no page claims to be newer than it is, not even during an outage.

use std::time::Duration;

use crate::chaos::checker::{Finding, Rule};
use crate::chaos::history::History;
use crate::chaos::truth::Truth;

/// Tolerance for two clocks that are read one after the other, and of which one may be slewed.
const CLOCKS: Duration = Duration::from_millis(5);

pub(crate) fn check(history: &History, truth: &Truth) -> Finding {
    let mut finding = Finding::of(Rule::Honesty);
    for (load, page) in history.pages() {
        let Some(as_of) = truth.as_of(page, load.received) else { continue };
        // The age was read after the request came, in whole seconds.
        let least_age = load.sent.since(as_of + CLOCKS).as_secs();
        finding.check(page.as_of <= as_of + CLOCKS && page.age.as_secs() >= least_age, || {
            format!(
                "{} sent at {} claims origin time {} and age {:?}, but its origin time is {as_of}",
                load.path, load.sent, page.as_of, page.age
            )
        });
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::history::{Load, Seen};
    use crate::chaos::synthetic::{good_history, ms, page, start_of};

    fn judged(change: impl Fn(&mut crate::chaos::history::Page)) -> usize {
        let mut history = good_history();
        // The page is from an outage: no newer data came for three seconds.
        let sent = start_of(5) + ms(500);
        let mut page = page("/", 2, sent);
        change(&mut page);
        history.loads.push(Load {
            path: "/",
            sent,
            received: sent + ms(1),
            seen: Seen::Page(page),
        });
        check(&history, &Truth::of(&history)).violations.len()
    }

    #[test]
    fn a_true_age_passes_even_if_the_data_is_old() {
        assert_eq!(judged(|_| {}), 0);
    }

    #[test]
    fn an_origin_time_later_than_the_data_is_found() {
        assert_eq!(judged(|page| page.as_of = page.as_of + ms(20)), 1);
    }

    #[test]
    fn an_age_younger_than_the_data_is_found() {
        assert_eq!(judged(|page| page.age = ms(2000)), 1);
    }
}
