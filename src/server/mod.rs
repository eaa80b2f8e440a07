//! Answers visitors.
//!
//! Owns the connections: their number, their duration and their end. Each core has one thread
//! with its own runtime and its own listener on the same port, so that the kernel spreads the
//! load and no lock is shared. [`respond`] decides the answer from the live cell; [`events`] are
//! streams. The server must never ask the upstream, and must not read files, except the files of
//! the owner under `.well-known/`.

pub mod admin;
mod admit;
mod answer;
mod client_socket;
mod condition;
mod content;
mod desk;
mod encoding;
mod event_stream;
mod events;
mod headers;
mod heads;
mod limits;
mod listen;
mod park;
mod range;
mod respond;
mod shown;
mod well_known;
mod wire;

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::path::Path;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket2::Socket;
use tokio::sync::{Semaphore, mpsc, watch};
use tracing::{debug, warn};

use crate::clock::Clock;
use crate::live::Live;
use crate::telemetry::Metrics;
use client_socket::ClientSocket;
use desk::{Answered, Desk};
use event_stream::TakeOver;
use events::Streams;
pub use limits::{Limits, raise_descriptors};
pub use listen::{BoundAddress, HandedOver, ListenOn, Listeners, bind, handed_over};
use listen::{Listener, SocketFile};
use park::Parking;
use wire::Wire;

/// A running server. The server ends when `stop` is set.
#[derive(Debug)]
pub struct Server {
    workers: Vec<JoinHandle<()>>,
    /// Removes the files of Unix sockets at the end.
    _files: Vec<SocketFile>,
}

/// Starts to answer on `listeners`, until `stop` is set or its sender is dropped.
///
/// # Errors
/// Fails if a thread cannot be started.
pub fn start(
    listeners: Listeners,
    live: &Live,
    out: &Path,
    clock: &Clock,
    limits: Limits,
    metrics: &Metrics,
    stop: &watch::Receiver<bool>,
) -> Result<Server> {
    let places = Arc::new(Semaphore::new(limits.connections));
    let parking = Parking::new(limits.parked, metrics.clone());
    let streams = Streams::new(limits.streams, metrics.clone(), stop.clone());
    let workers = listeners.sockets.into_iter().enumerate().map(|(number, sockets)| {
        let (live, clock, out) = (live.clone(), clock.clone(), out.to_owned());
        let (parking, streams) = (parking.clone(), streams.clone());
        let desk = move || Desk::new(live, &out, clock, parking, streams);
        let (places, metrics, stop) = (places.clone(), metrics.clone(), stop.clone());
        let worker = Worker { limits, places, metrics, stop };
        std::thread::Builder::new()
            .name(format!("serve-{number}"))
            .spawn(move || worker.run(sockets, desk))
            .context("cannot start a server thread")
    });
    Ok(Server { workers: workers.collect::<Result<_>>()?, _files: listeners.files })
}

impl Server {
    /// Waits until all threads have ended. After a stop, they end when the requests in flight are
    /// answered or [`GRACE`] is over.
    pub fn join(self) {
        for worker in self.workers {
            if worker.join().is_err() {
                warn!("a server thread has failed");
            }
        }
    }
}

struct Worker {
    limits: Limits,
    places: Arc<Semaphore>,
    metrics: Metrics,
    stop: watch::Receiver<bool>,
}

impl Worker {
    fn run(self, sockets: Vec<Socket>, desk: impl FnOnce() -> Desk) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return warn!("cannot start the runtime of a server thread: {error}"),
        };
        let tasks = tokio::task::LocalSet::new();
        if let Err(error) = tasks.block_on(&runtime, self.serve(sockets, Rc::new(desk()))) {
            warn!("a server thread ends because of an error: {error:#}");
        }
    }

    /// Answers on all sockets until the server stops, and then as long as requests are in flight.
    async fn serve(self, sockets: Vec<Socket>, desk: Rc<Desk>) -> Result<()> {
        // Each connection has a sender, and the receiver learns when the last sender is dropped.
        let (open, mut all_closed) = mpsc::channel(1);
        let accept = |socket| self.accept(socket, &desk, &open);
        try_join_all(sockets.into_iter().map(accept)).await?;
        drop(open);
        tokio::select! {
            _ = all_closed.recv() => {}
            () = tokio::time::sleep(self.limits.grace) => {
                debug!("closing connections that are still busy");
            }
        }
        Ok(())
    }

    /// Accepts the connections of one socket until the server stops.
    async fn accept(
        &self,
        socket: Socket,
        desk: &Rc<Desk>,
        open: &mpsc::Sender<Infallible>,
    ) -> Result<()> {
        let listener = Listener::new(socket).context("cannot listen")?;
        let mut stop = self.stop.clone();
        loop {
            // At the bound, further connections wait in the queue of the kernel.
            let place = tokio::select! {
                place = self.places.clone().acquire_owned() => place.context("no places")?,
                _ = stop.wait_for(|&stop| stop) => break,
            };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stop.wait_for(|&stop| stop) => break,
            };
            match accepted {
                Ok(socket) => {
                    let guard = (place, self.metrics.connected(), open.clone());
                    tokio::task::spawn_local(self.connection(socket, desk, guard));
                }
                Err(error) => {
                    // Probably there are no free descriptors. Pause, because a loop without a pause
                    // would use the processor time that could free some.
                    warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(self.limits.accept_pause).await;
                }
            }
        }
        Ok(())
    }

    /// Answers on one connection, and drops `guard` at the end.
    fn connection<G: 'static>(
        &self,
        socket: ClientSocket,
        desk: &Rc<Desk>,
        guard: G,
    ) -> impl Future<Output = ()> + use<G> {
        let take_over = Arc::new(TakeOver::default());
        let events = Rc::new(Cell::new(None));
        let (desk, asked, wanted) = (desk.clone(), events.clone(), take_over.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            // The connection reads or closes the body, if there is one.
            let (request, _) = request.into_parts();
            let (desk, asked, wanted) = (desk.clone(), asked.clone(), wanted.clone());
            async move {
                match desk.answer(&request).await {
                    Answered::Whole(answer) => Ok::<_, Infallible>(answer),
                    Answered::Events(events) => {
                        asked.set(Some(events));
                        wanted.want();
                        // The library writes what it has, and then loses the connection.
                        pending().await
                    }
                }
            }
        });
        let wire = Wire::new(socket, take_over.clone());
        let mut connection = self.limits.http().serve_connection(TokioIo::new(wire), service);
        let mut stop = self.stop.clone();
        async move {
            let mut stopped = pin!(async move { stop.wait_for(|&stop| stop).await.is_ok() });
            let mut is_stopping = false;
            let ended = poll_fn(|cx| {
                if !is_stopping && stopped.as_mut().poll(cx).is_ready() {
                    is_stopping = true;
                    Pin::new(&mut connection).graceful_shutdown();
                }
                let polled = Pin::new(&mut connection).poll(cx);
                if take_over.is_ready() { Poll::Ready(Ok(())) } else { polled }
            });
            if let Err(error) = ended.await {
                debug!("a connection ended early: {error}");
            }
            if let Some(events) = events.take() {
                let socket = connection.into_parts().io.into_inner().into_socket();
                // A task of its own is smaller than the task of this connection.
                tokio::task::spawn_local(async move {
                    let _guard = guard;
                    if let Err(error) = events.run(socket).await {
                        debug!("a stream of events ended early: {error}");
                    }
                });
            }
        }
    }
}

/// Time for which a stopping server waits for requests in flight.
pub const GRACE: Duration = Duration::from_secs(5);
