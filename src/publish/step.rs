//! The steps of a publish, for people who wait for its end.

/// One step of a publish.
#[derive(Debug, Clone, Copy)]
pub enum PublishStep<'s> {
    /// This thread begins to render a page with this template.
    Rendering(&'s str),
    /// This thread has looked at a page, and has rendered the page if [`PublishStep::Rendering`]
    /// came before.
    Looked,
    /// This thread has written or linked the files of a page. The number is the number of all such
    /// pages.
    Made(usize),
}
