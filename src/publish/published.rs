//! What goes into a publish, and what comes out.

use std::sync::Arc;

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
}

/// Whether the trees may be exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchange {
    /// Exchange the trees unless there is a reason against it.
    IfPossible,
    /// Always publish file by file.
    Never,
}
