//! The thread on which the pipeline works, so that the event loop does not wait for the site.
//!
//! Owns the wired site, which at most one act uses at a time. While no act works with the site, the
//! site is at hand for the loop.

use anyhow::{Context, Result};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::wiring::Wired;

/// The wired site, with the act that works with the site now, if any. `E` is the end of an act.
pub(super) enum Workshop<E> {
    AtHand(Box<Wired>),
    Away(oneshot::Receiver<(Box<Wired>, E)>),
    /// The thread ended without a result, because the program has a fault.
    Lost,
}

impl<E: Send + 'static> Workshop<E> {
    /// Returns the site, if no act works with the site.
    pub(super) fn at_hand(&mut self) -> Option<&mut Wired> {
        match self {
            Workshop::AtHand(wired) => Some(wired),
            _ => None,
        }
    }

    /// Whether no act works with the site.
    pub(super) fn is_at_hand(&self) -> bool {
        matches!(self, Workshop::AtHand(_))
    }

    /// Runs an act on a thread of its own. Does nothing while another act works.
    ///
    /// # Errors
    /// Fails if the thread cannot be started.
    pub(super) fn start(
        &mut self,
        act: impl AsyncFnOnce(&mut Wired) -> E + Send + 'static,
    ) -> Result<()> {
        let Workshop::AtHand(mut wired) = std::mem::replace(self, Workshop::Lost) else {
            return Ok(());
        };
        let (tell, told) = oneshot::channel();
        let runtime = Handle::current();
        let work = move || {
            let ended = runtime.block_on(act(&mut wired));
            // After a stop, nobody waits for the end.
            let _ = tell.send((wired, ended));
        };
        let thread = std::thread::Builder::new().name("pipeline".to_owned());
        thread.spawn(work).context("cannot start a thread for the pipeline")?;
        *self = Workshop::Away(told);
        Ok(())
    }

    /// Waits for the end of the act. Does not end if no act works.
    ///
    /// # Errors
    /// Fails if the thread ended without a result.
    pub(super) async fn ended(&mut self) -> Result<E> {
        let Workshop::Away(told) = self else { return std::future::pending().await };
        let told = told.await;
        *self = Workshop::Lost;
        let (wired, ended) = told.context("the thread of the pipeline ended without a result")?;
        *self = Workshop::AtHand(wired);
        Ok(ended)
    }
}
