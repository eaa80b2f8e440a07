//! Threads for work that grows with the site.
//!
//! Owns these threads and their priority. All cores join and render, and threads that answer visitors
//! come first.

use std::sync::LazyLock;

use rayon::{ThreadPool, ThreadPoolBuilder};
use tracing::{debug, warn};

/// Increase of the `nice` value of these threads. If there are more threads than cores, a thread
/// of these gets a third of the time of a thread that answers.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// The threads; `None` if they cannot be started.
static WORKERS: LazyLock<Option<ThreadPool>> = LazyLock::new(|| threads("work"));

/// Starts a thread for each core; `None` if the threads cannot be started.
fn threads(name: &'static str) -> Option<ThreadPool> {
    let threads = ThreadPoolBuilder::new()
        .thread_name(move |number| format!("{name}-{number}"))
        .start_handler(|_| give_way());
    let failed = |error: &_| warn!("cannot start threads for rendering at low priority: {error}");
    threads.build().inspect_err(failed).ok()
}

/// Runs `work` on these threads, and waits for the result. Parallel iterators in `work` use all of
/// them. In [`aside`], runs `work` on the threads of `aside`.
pub fn run<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    match &*WORKERS {
        Some(workers) if rayon::current_thread_index().is_none() => workers.install(work),
        _ => work(),
    }
}

/// Runs `work` on threads of its own, and waits for the result: for work that waits for the disk, so
/// that no other work waits behind.
pub fn aside<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    match threads("aside") {
        Some(workers) => workers.install(work),
        None => work(),
    }
}

/// Lowers the priority of the calling thread below threads that answer visitors.
fn give_way() {
    // On Linux, this sets the priority of the calling thread only.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        debug!("cannot lower the priority of a thread for rendering: {error}");
    }
}
