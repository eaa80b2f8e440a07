//! Step 1 of a publish: renders the pages of a plan into a generation.
//!
//! Owns the choice of pages that are rendered. A page whose fingerprint is the fingerprint of
//! the live file is not rendered, and a page whose basis is the basis of the live file needs no
//! fingerprint.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, anyhow};
use bytes::Bytes;
use itertools::{EitherOrBoth, Itertools};
use rayon::prelude::*;

use super::generation::{FileContent, Generation, PublishedFile};
use super::retired;
use super::spool::Spool;
use super::step::PublishStep;
use crate::pages::{Plan, PlannedPage, Prepared};
use crate::workers;

/// Number of pages that a thread takes at once.
const FEW: usize = 4;

/// The site would be larger than the bound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the site would take more than {} (40 × --max-bytes)", bytesize::ByteSize(*most))]
pub struct TooLarge {
    most: u64,
}

/// Renders the pages of a plan that are not in the generation `before`. Returns all files, and
/// the number of rendered pages. A file whose content did not change stays the same file; a new
/// file gets the time `stamp`.
///
/// # Errors
/// Fails if a page cannot be rendered.
pub(super) fn pages(
    plan: &Plan<'_>,
    before: Option<&Generation>,
    stamp: u64,
    spool: &Spool,
    progress: impl Fn(PublishStep<'_>) + Sync,
) -> Result<(Generation, usize)> {
    let bytes = AtomicU64::new(0);
    let most = plan.most_bytes;
    let make = |(page, known): (PlannedPage<'_>, Option<&Arc<PublishedFile>>)| {
        if bytes.load(Ordering::Relaxed) > most {
            return Err(TooLarge { most }.into());
        }
        let path = page.path;
        let known = known.map(retired::live_again);
        let page = plan.prepare_planned(page);
        let make = || made(&page, path, known.as_ref(), (stamp, spool), &progress);
        let made = catch_unwind(AssertUnwindSafe(make))
            .unwrap_or_else(|_| Err(anyhow!("rendering {path} failed unexpectedly")))?;
        progress(PublishStep::Looked);
        bytes.fetch_add(made.file.size(), Ordering::Relaxed);
        Ok((path.to_owned(), made))
    };
    let live = before.into_iter().flat_map(|live| &live.files);
    let pages = plan.pages().merge_join_by(live, |page, (path, _)| page.path.cmp(path));
    let planned = |found| match found {
        EitherOrBoth::Both(page, (_, file)) => Some((page, Some(file))),
        EitherOrBoth::Left(page) => Some((page, None)),
        // The plan has no page at the path of this file.
        EitherOrBoth::Right(_) => None,
    };
    let pages: Vec<_> = pages.filter_map(planned).collect();
    // Pages that have to be rendered are close together, so threads take few at a time.
    let made: Vec<_> = workers::run(|| pages.into_par_iter().with_max_len(FEW).map(make).collect());
    // Report the first error in the order of paths, for any number of threads.
    let made: Vec<_> = made.into_iter().collect::<Result<_>>()?;
    if bytes.into_inner() > most {
        return Err(TooLarge { most }.into());
    }
    let rendered = made.iter().filter(|(_, made)| made.rendered).count();
    let news = made.iter().any(|(_, made)| made.file.entry.mtime == stamp);
    let files = made.into_iter().map(|(path, made)| (path, made.file)).collect();
    let stamp = if news { stamp } else { before.map_or(stamp, |live| live.stamp) };
    let g = Generation::new(stamp, files);
    Ok((g, rendered))
}

/// A file, and whether its page had to be rendered.
struct Made {
    file: Arc<PublishedFile>,
    rendered: bool,
}

/// Makes the file of a page, given the live file at its path.
fn made(
    page: &Prepared<'_>,
    path: &str,
    known: Option<&Arc<PublishedFile>>,
    (stamp, spool): (u64, &Spool),
    progress: &(impl Fn(PublishStep<'_>) + Sync),
) -> Result<Made> {
    let is_certain =
        |known: &&Arc<PublishedFile>| page.basis.is_some() && known.entry.basis == page.basis;
    if let Some(known) = known.filter(is_certain) {
        return Ok(Made { file: known.clone(), rendered: false });
    }
    let fingerprint = page.fingerprint().to_string();
    if let Some(known) = known.filter(|known| known.entry.fingerprint == fingerprint) {
        let mut file = known.clone();
        if known.entry.basis != page.basis {
            Arc::make_mut(&mut file).entry.basis = page.basis;
        }
        return Ok(Made { file, rendered: false });
    }
    progress(PublishStep::Rendering(page.template()));
    let bytes = page.render()?;
    let mut file = match known {
        Some(known) if known.entry.hash == blake3::hash(&bytes) => {
            let mut same = PublishedFile::clone(known);
            same.entry.fingerprint = fingerprint;
            same
        }
        _ => new(path, fingerprint, bytes, stamp, spool)?,
    };
    file.entry.basis = page.basis;
    file.entry.moved_to = page.moved_to().map(str::to_owned);
    Ok(Made { file: Arc::new(file), rendered: true })
}

/// Makes a new file. If there is no room in memory, its content goes to the spool.
fn new(
    path: &str,
    fingerprint: String,
    bytes: Bytes,
    stamp: u64,
    spool: &Spool,
) -> Result<PublishedFile> {
    let mut file = PublishedFile::new(path, fingerprint, bytes, stamp);
    if let FileContent::Memory(forms) = &file.content
        && let Some(spooled) = spool.take(forms, &file.entry)?
    {
        file.content = FileContent::Spool(spooled);
    }
    Ok(file)
}
