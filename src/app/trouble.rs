//! The same trouble each minute.
//!
//! Owns what is said of trouble that lasts: it is logged when it starts and when
//! it is over, and counted in between. A log that repeats itself hides what is
//! new.

/// One kind of trouble, while it lasts.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    standing: Option<(String, u32)>,
}

impl Trouble {
    /// Notes trouble; true if it is new, or another one than before.
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

    /// Notes that all is well; how often it was not, if it was not.
    pub(super) fn over(&mut self) -> Option<u32> {
        self.standing.take().map(|(_, times)| times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_told_at_its_start_and_counted_to_its_end() {
        let mut trouble = Trouble::default();
        assert_eq!(trouble.over(), None);
        assert!(trouble.met("timeout"));
        assert!(!trouble.met("timeout"));
        assert!(trouble.met("bad-status"), "another trouble is news");
        assert!(!trouble.met("bad-status"));
        assert_eq!(trouble.over(), Some(2));
        assert_eq!(trouble.over(), None);
    }
}
