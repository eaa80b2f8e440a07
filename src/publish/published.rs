//! What goes into a publish, and what comes out.

use std::sync::Arc;

use itertools::{EitherOrBoth, Itertools};

use super::generation::Generation;
use super::manifest::GenerationId;

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
    /// The files that the publish touched; `None` for the first generation.
    pub touched: Option<TouchedFiles>,
}

/// The files that a publish touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TouchedFiles {
    /// The generation that was published before.
    pub since: GenerationId,
    /// Paths whose entries in the manifest differ. All other files are equal in both generations.
    pub paths: Vec<String>,
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

/// The differences between the live generation and the generation that follows.
#[derive(Debug, Default)]
pub(super) struct Differences<'g> {
    /// Whether files on disk differ.
    pub(super) in_files: bool,
    /// Paths whose entries in the manifest differ.
    pub(super) paths: Vec<&'g String>,
    /// Paths whose content changes, and paths that the next generation lacks.
    pub(super) files: Vec<&'g String>,
    pub(super) counts: PublishCounts,
}

impl<'g> Differences<'g> {
    /// Compares two generations. A generation has most entries of the generation before as they are, so
    /// few entries are compared in depth.
    pub(super) fn between(before: Option<&'g Generation>, now: &'g Generation) -> Differences<'g> {
        let mut found = Differences { in_files: before.is_none(), ..Differences::default() };
        let old = before.into_iter().flat_map(|before| &before.files);
        for page in old.merge_join_by(&now.files, |(one, _), (two, _)| one.cmp(two)) {
            let path = match page {
                EitherOrBoth::Both((_, old), (_, new)) if Arc::ptr_eq(old, new) => {
                    found.counts.kept += 1;
                    continue;
                }
                EitherOrBoth::Both((path, old), (_, new)) => {
                    let is_kept = old.entry.is_same_file(&new.entry);
                    found.in_files |= !is_kept || old.entry.retired != new.entry.retired;
                    if is_kept {
                        found.counts.kept += 1;
                    } else {
                        found.files.push(path);
                        found.counts.write(new.size());
                    }
                    path
                }
                EitherOrBoth::Left((path, _)) => {
                    found.in_files = true;
                    found.counts.removed += 1;
                    found.files.push(path);
                    path
                }
                EitherOrBoth::Right((path, new)) => {
                    found.in_files = true;
                    found.files.push(path);
                    found.counts.write(new.size());
                    path
                }
            };
            found.paths.push(path);
        }
        found.in_files |= before.is_some_and(|before| !before.lost.is_empty());
        found
    }
}

impl PublishCounts {
    /// Counts a page with new content of this size in bytes.
    fn write(&mut self, size: u64) {
        self.written += 1;
        self.bytes += size;
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
