//! Step 1 of a publish: the pages of a plan become a generation.
//!
//! Owns which pages have to be rendered, and that all cores do it, but give way to
//! whoever answers visitors. A page whose fingerprint is that of the file which is live
//! is not touched.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use anyhow::{Result, anyhow};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use tracing::{debug, warn};

use super::generation::{File, Generation};
use super::retired;
use crate::pages::{Plan, Prepared};

/// Pages that a thread takes at once.
const FEW: usize = 4;

/// How much less than others its threads get where there are more than cores, as
/// `nice` counts it: a third of what a thread that answers gets.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// The threads that render; none if they cannot be started.
static RENDERERS: LazyLock<Option<ThreadPool>> = LazyLock::new(|| {
    let threads = ThreadPoolBuilder::new()
        .thread_name(|number| format!("render-{number}"))
        .start_handler(|_| give_way());
    threads.build().inspect_err(|error| warn!("pages are rendered one by one: {error}")).ok()
});

/// A site that would be larger than it may be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the site would take more than {} (--max-bytes × 40)", bytesize::ByteSize(*most))]
pub struct TooLarge {
    most: u64,
}

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
    let done = AtomicUsize::new(0);
    let bytes = AtomicU64::new(0);
    let most = plan.most_bytes();
    let make = |path: &str| {
        progress(done.fetch_add(1, Ordering::Relaxed));
        if bytes.load(Ordering::Relaxed) > most {
            return Err(TooLarge { most }.into());
        }
        let known = before.and_then(|live| live.files.get(path));
        let known = known.map(retired::live_again);
        let make = || made(&plan.prepare(path), path, known.as_ref(), stamp);
        let made = catch_unwind(AssertUnwindSafe(make))
            .unwrap_or_else(|_| Err(anyhow!("rendering {path} failed unexpectedly")))?;
        let size: u64 = made.file.entry.variants().map(|(_, size)| size).sum();
        bytes.fetch_add(size, Ordering::Relaxed);
        Ok((path.to_owned(), made))
    };
    let paths: Vec<_> = plan.paths().collect();
    // Pages that have to be rendered stand close together: threads take a few at a time.
    let made: Vec<_> = match &*RENDERERS {
        Some(renderers) => {
            renderers.install(|| paths.into_par_iter().with_max_len(FEW).map(make).collect())
        }
        None => paths.into_iter().map(make).collect(),
    };
    // The first error in the order of paths, however many threads there are.
    let made: Vec<_> = made.into_iter().collect::<Result<_>>()?;
    if bytes.into_inner() > most {
        return Err(TooLarge { most }.into());
    }
    let rendered = made.iter().filter(|(_, made)| made.rendered).count();
    let news = made.iter().any(|(_, made)| made.file.entry.mtime == stamp);
    let files = made.into_iter().map(|(path, made)| (path, made.file)).collect();
    let stamp = if news { stamp } else { before.map_or(stamp, |live| live.stamp) };
    Ok((Generation::new(stamp, files), rendered))
}

/// Lets threads that answer visitors go first.
fn give_way() {
    // On Linux this is of the thread that asks.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        debug!("what renders does not give way: {error}");
    }
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
