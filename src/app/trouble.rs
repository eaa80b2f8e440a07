//! Lasting trouble, for the log.
//!
//! Owns the rule for trouble that lasts: the caller logs the trouble when the trouble starts and
//! when the trouble ends. In between, the trouble is only counted, because a log that repeats a
//! message each minute hides new messages.

/// The current trouble of one part of the program.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// The text of the trouble and the number of occurrences; `None` without trouble.
    standing: Option<(String, u32)>,
}

impl Trouble {
    /// Records trouble. Returns `true` if the trouble is new or differs from the trouble before.
    pub(super) fn met(&mut self, what: &str) -> bool {
        match &mut self.standing {
            Some((known, times)) if known == what => {
                *times = times.saturating_add(1);
                false
            }
            standing => {
                *standing = Some((what.to_owned(), 1));
                true
            }
        }
    }

    /// Records the end of the trouble. Returns the number of occurrences; `None` if there was no
    /// trouble.
    pub(super) fn over(&mut self) -> Option<u32> {
        self.standing.take().map(|(_, times)| times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_reported_at_its_start_and_counted_until_its_end() {
        let mut trouble = Trouble::default();
        assert_eq!(trouble.over(), None);
        assert!(trouble.met("timeout"));
        assert!(!trouble.met("timeout"));
        assert!(trouble.met("bad-status"), "other trouble is new trouble");
        assert!(!trouble.met("bad-status"));
        assert_eq!(trouble.over(), Some(2));
        assert_eq!(trouble.over(), None);
    }
}
