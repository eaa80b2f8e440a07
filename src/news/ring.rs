//! The last steps, kept for pages that were disconnected for a moment.
//!
//! Owns the answer to the question which steps a page missed. The id of a generation is an id of
//! content, so the last occurrence of an id counts: after A, B, A, a page that shows A has missed
//! nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{GenerationEvent, Told};
use crate::publish::Generation;

/// Number of steps that are kept.
pub const KEPT: usize = 20;

/// The live generation, and the steps that led to it.
#[derive(Debug, Clone, Default)]
pub struct Ring {
    /// The live generation; `None` before the first site.
    pub live: Option<Arc<Generation>>,
    /// Identity of the theme of its pages.
    pub theme: String,
    events: VecDeque<Arc<GenerationEvent>>,
}

/// The steps that a page has missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// No steps.
    Current,
    /// These steps, in order.
    Missed(Vec<Arc<GenerationEvent>>),
    /// The last generation of the page is not in the ring.
    Unknown,
}

impl Ring {
    /// Returns the ring after `generation` went live, or `None` if the generation was live already.
    #[must_use]
    pub fn advanced(&self, generation: &Arc<Generation>, told: Told) -> Option<Ring> {
        if self.live.as_ref().is_some_and(|live| live.id == generation.id) {
            return None;
        }
        // A step that does not start at the live generation cannot be used.
        let follows =
            |event: &GenerationEvent| self.live.as_ref().is_some_and(|live| live.id == event.from);
        let mut events = VecDeque::new();
        if let Some(event) = told.event.filter(follows) {
            events.clone_from(&self.events);
            events.push_back(Arc::new(event));
            let surplus = events.len().saturating_sub(KEPT);
            events.drain(..surplus);
        }
        Some(Ring { live: Some(generation.clone()), theme: told.theme, events })
    }

    /// Returns the steps since the generation `last`.
    pub fn since(&self, last: &str) -> Since {
        if self.live.as_ref().is_some_and(|live| live.id.0 == last) {
            return Since::Current;
        }
        match self.events.iter().rposition(|event| event.from.0 == last) {
            Some(at) => Since::Missed(self.events.range(at..).cloned().collect()),
            None => Since::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::publish::GenerationId;

    fn generation(name: &str) -> Arc<Generation> {
        let mut generation = Generation::new(1, BTreeMap::new());
        generation.id = GenerationId(name.into());
        Arc::new(generation)
    }

    fn step(from: &str, to: &str) -> Told {
        let (from, to) = (GenerationId(from.into()), GenerationId(to.into()));
        Told {
            theme: "t".into(),
            event: Some(GenerationEvent { from, to, bytes: Default::default() }),
        }
    }

    fn walked(names: &[&str]) -> Ring {
        let first = Ring::default().advanced(&generation(names[0]), Told::default());
        names.windows(2).fold(first.expect("a first one"), |ring, pair| {
            ring.advanced(&generation(pair[1]), step(pair[0], pair[1])).expect("a step")
        })
    }

    fn missed(ring: &Ring, last: &str) -> Option<String> {
        match ring.since(last) {
            Since::Current => Some(String::new()),
            Since::Missed(events) => Some(events.iter().map(|event| &*event.to.0).collect()),
            Since::Unknown => None,
        }
    }

    #[test]
    fn a_page_that_was_disconnected_gets_the_steps_that_it_missed() {
        let ring = walked(&["a", "b", "c"]);
        assert_eq!(missed(&ring, "a").as_deref(), Some("bc"));
        assert_eq!(missed(&ring, "b").as_deref(), Some("c"));
        assert_eq!(missed(&ring, "c").as_deref(), Some(""));
        for unknown in ["", "ab", "A", "d"] {
            assert_eq!(missed(&ring, unknown), None, "{unknown}");
        }
    }

    #[test]
    fn the_last_occurrence_of_an_id_counts() {
        let ring = walked(&["a", "b", "a"]);
        assert_eq!(missed(&ring, "a").as_deref(), Some(""));
        assert_eq!(missed(&ring, "b").as_deref(), Some("a"));
        let ring = walked(&["a", "b", "a", "c"]);
        assert_eq!(missed(&ring, "a").as_deref(), Some("c"));
        assert_eq!(missed(&ring, "b").as_deref(), Some("ac"));
    }

    #[test]
    fn the_same_generation_again_is_not_a_step() {
        assert!(walked(&["a", "b"]).advanced(&generation("b"), step("b", "b")).is_none());
    }

    #[test]
    fn a_generation_without_a_step_clears_the_ring() {
        let ring = walked(&["a", "b"]);
        let ring = ring.advanced(&generation("z"), Told::default()).expect("a generation");
        assert_eq!(missed(&ring, "a"), None);
        assert_eq!(missed(&ring, "b"), None);
        assert_eq!(missed(&ring, "z").as_deref(), Some(""));
    }

    #[test]
    fn the_last_twenty_steps_are_kept() {
        let names: Vec<_> = (0..=KEPT + 1).map(|n| n.to_string()).collect();
        let ring = walked(&names.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(missed(&ring, "0"), None);
        let Since::Missed(events) = ring.since("1") else { panic!("kept") };
        assert_eq!(events.len(), KEPT);
    }
}
