//! What goes into a publish, and what comes out.

use std::collections::BTreeMap;
use std::sync::Arc;

use itertools::{EitherOrBoth, Itertools};

use super::generation::Generation;

/// A rendered generation that is not published yet.
#[derive(Debug)]
pub struct Rendered {
    pub(super) generation: Generation,
    /// Number of pages that had to be rendered.
    pub pages: usize,
}

/// The result of a publish.
#[derive(Debug, Clone)]
pub struct Published {
    /// The live generation.
    pub generation: Arc<Generation>,
    /// Whether anything on disk changed.
    pub changed: bool,
    /// What changed on disk.
    pub counts: PublishCounts,
}

/// Numbers of pages of a publish.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PublishCounts {
    /// Pages with new content.
    pub written: usize,
    /// Bytes of these pages in all forms.
    pub bytes: u64,
    /// Pages with the same content as before.
    pub kept: usize,
    /// Pages that the generation before had.
    pub removed: usize,
}

impl PublishCounts {
    pub(super) fn of(before: Option<&Generation>, now: &Generation) -> PublishCounts {
        let mut counts = PublishCounts::default();
        let none = BTreeMap::new();
        let before = before.map_or(&none, |before| &before.files);
        for page in before.iter().merge_join_by(&now.files, |(one, _), (two, _)| one.cmp(two)) {
            match page {
                EitherOrBoth::Left(_) => counts.removed += 1,
                EitherOrBoth::Both((_, old), (_, new)) if old.entry.is_same_file(&new.entry) => {
                    counts.kept += 1;
                }
                EitherOrBoth::Both(_, (_, new)) | EitherOrBoth::Right((_, new)) => {
                    counts.written += 1;
                    counts.bytes += new.size();
                }
            }
        }
        counts
    }
}

/// Whether the trees may be exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchange {
    /// Exchange the trees unless there is a reason against it.
    IfPossible,
    /// Always publish file by file.
    Never,
}
