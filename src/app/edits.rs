//! The edits of local files of the upstream.
//!
//! Owns the time until a file that could not be read is read again. A program may still be writing
//! the file, so the first tries follow soon.

use std::time::Duration;

/// Time until the first try.
const FIRST: Duration = Duration::from_millis(100);
/// Longest time between two tries. A later save of the file is noticed at once.
const LONGEST: Duration = Duration::from_secs(10);

/// The edits of local files, as far as they are not shown.
#[derive(Debug, Default)]
pub(super) struct Edits {
    /// Whether a file was edited after the last refresh began.
    pub(super) is_new: bool,
    /// Number of refreshes in a row that could not read the files.
    failures: u32,
}

impl Edits {
    /// Returns the time until the files are read again after a refresh; `None` if nothing hurries.
    pub(super) fn wait_after(&mut self, has_failed: bool) -> Option<Duration> {
        if std::mem::take(&mut self.is_new) {
            return Some(Duration::ZERO);
        }
        if !has_failed {
            self.failures = 0;
            return None;
        }
        let wait = FIRST.saturating_mul(2_u32.saturating_pow(self.failures)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_read_is_read_again_soon_and_then_less_often() {
        let mut edits = Edits::default();
        let waits: Vec<_> = (0..9).filter_map(|_| edits.wait_after(true)).collect();
        assert_eq!(waits[..3], [FIRST, FIRST * 2, FIRST * 4]);
        assert_eq!(waits.last(), Some(&LONGEST));
        assert_eq!(edits.wait_after(false), None);
        assert_eq!(edits.wait_after(true), Some(FIRST));
        edits.is_new = true;
        assert_eq!(edits.wait_after(true), Some(Duration::ZERO));
    }
}
