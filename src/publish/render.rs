//! Step 1 of a publish: the pages of a plan become a generation.
//!
//! Owns which pages have to be rendered, and that all cores do it. A page whose
//! fingerprint is that of the file which is live is not touched.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, anyhow};

use super::generation::{File, Generation};
use crate::pages::{Plan, Prepared};

/// Pages that are not worth a thread of their own.
const SMALLEST_SHARE: usize = 16;

/// Renders what of a plan is not in the generation `before`; gives the whole and how
/// many pages had to be. A file whose content is the same as before stays that file; a
/// new one gets `stamp` for its time.
///
/// # Errors
/// If a page cannot be rendered.
pub(super) fn pages(
    plan: &Plan<'_>,
    before: Option<&Generation>,
    stamp: u64,
    progress: impl Fn(usize) + Sync,
) -> Result<(Generation, usize)> {
    let next = AtomicUsize::new(0);
    let paths: Vec<_> = plan.paths().collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = cores.min(paths.len().div_ceil(SMALLEST_SHARE));
    // One by one: those that take long stand close together.
    let taken = || {
        let place = next.fetch_add(1, Ordering::Relaxed);
        paths.get(place).inspect(|_| progress(place)).map(|path| (place, *path))
    };
    let work = || -> Result<Vec<(String, Made)>, (usize, anyhow::Error)> {
        let make = |(place, path): (usize, &str)| {
            let known = before.and_then(|live| live.files.get(path));
            let made = made(&plan.prepare(path), path, known, stamp);
            made.map(|made| (path.to_owned(), made)).map_err(|error| (place, error))
        };
        std::iter::from_fn(taken).map(make).collect()
    };
    let shares: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let unexpected = |_| Err((0, anyhow!("rendering failed unexpectedly")));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(unexpected)).collect()
    });
    let (mut made, mut failed) = (Vec::new(), Vec::new());
    for share in shares {
        match share {
            Ok(share) => made.extend(share),
            Err(failure) => failed.push(failure),
        }
    }
    // The first in the order of paths, however many threads there are.
    if let Some((_, error)) = failed.into_iter().min_by_key(|(place, _)| *place) {
        return Err(error);
    }
    let rendered = made.iter().filter(|(_, made)| made.rendered).count();
    let news = made.iter().any(|(_, made)| made.file.entry.mtime == stamp);
    let files = made.into_iter().map(|(path, made)| (path, made.file)).collect();
    let stamp = if news { stamp } else { before.map_or(stamp, |live| live.stamp) };
    Ok((Generation::new(stamp, files), rendered))
}

/// A file, and whether its page had to be rendered.
struct Made {
    file: Arc<File>,
    rendered: bool,
}

/// The file of a page, given the one that is live at its path.
fn made(page: &Prepared<'_>, path: &str, known: Option<&Arc<File>>, stamp: u64) -> Result<Made> {
    let fingerprint = page.fingerprint.to_string();
    if let Some(known) = known.filter(|known| known.entry.fingerprint == fingerprint) {
        return Ok(Made { file: known.clone(), rendered: false });
    }
    let bytes = page.render()?;
    let mut file = match known {
        Some(known) if known.bytes == bytes => {
            let mut same = File::clone(known);
            same.entry.fingerprint = fingerprint;
            same
        }
        _ => File::new(path, fingerprint, bytes, stamp),
    };
    file.entry.moved_to = page.moved_to().map(str::to_owned);
    Ok(Made { file: Arc::new(file), rendered: true })
}
