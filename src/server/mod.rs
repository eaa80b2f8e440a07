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
mod http2;
mod leaving;
mod limits;
mod listen;
mod park;
mod range;
mod recorded;
mod respond;
mod shown;
mod well_known;
mod wire;

use std::cell::{Cell, RefCell};
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

use crate::access_log::{AccessLog, Client, PenMaker};
use crate::clock::Clock;
use crate::live::Live;
use crate::telemetry::Metrics;
use client_socket::ClientSocket;
use desk::Desk;
use event_stream::{EventStream, TakeOver};
use events::Streams;
use leaving::Leaving;
pub use limits::{Limits, raise_descriptors};
pub use listen::{BoundAddress, HandedOver, ListenOn, Listeners, bind, handed_over};
use listen::{Listener, SocketFile};
use park::Parking;
use recorded::{Recorded, RecordedEvents, Register};
use wire::Wire;

/// A running server. The server ends when `stop` is set.
#[derive(Debug)]
pub struct Server {
    workers: Vec<JoinHandle<()>>,
    /// Removes the files of Unix sockets at the end.
    _files: Vec<SocketFile>,
}

/// What the server answers from.
#[derive(Debug, Clone, Copy)]
pub struct ServedSite<'a> {
    /// The live generation.
    pub live: &'a Live,
    /// The directory with the files of the owner.
    pub out: &'a Path,
    /// The clock.
    pub clock: &'a Clock,
}

/// Starts to answer on `listeners`, until `stop` is set or its sender is dropped.
///
/// # Errors
/// Fails if a thread cannot be started.
pub fn start(
    listeners: Listeners,
    site: ServedSite<'_>,
    log: Option<&AccessLog>,
    limits: Limits,
    metrics: &Metrics,
    stop: &watch::Receiver<bool>,
) -> Result<Server> {
    let places = Arc::new(Semaphore::new(limits.connections));
    let parking = Parking::new(limits.parked, metrics.clone());
    let streams = Streams::new(limits.streams, metrics.clone(), stop.clone());
    let workers = listeners.sockets.into_iter().enumerate().map(|(number, sockets)| {
        let (live, clock, out) = (site.live.clone(), site.clock.clone(), site.out.to_owned());
        let (parking, streams) = (parking.clone(), streams.clone());
        let pen_maker = log.map(AccessLog::pen_maker);
        let (places, metrics, stop) = (places.clone(), metrics.clone(), stop.clone());
        let stopped = stop.clone();
        let front = move || {
            let register = Register::new(clock.clone(), pen_maker.map(PenMaker::make));
            let desk = Desk::new(live, &out, clock.clone(), parking, streams);
            FrontDesk { desk, register, clock, limits, stop: stopped }
        };
        let worker = Worker { limits, places, metrics, stop };
        std::thread::Builder::new()
            .name(format!("serve-{number}"))
            .spawn(move || worker.run(sockets, front))
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
    fn run(self, sockets: Vec<Socket>, front: impl FnOnce() -> FrontDesk) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return warn!("cannot start the runtime of a server thread: {error}"),
        };
        let tasks = tokio::task::LocalSet::new();
        let front = Rc::new(front());
        if let Err(error) = tasks.block_on(&runtime, self.serve(sockets, front)) {
            warn!("a server thread ends because of an error: {error:#}");
        }
    }

    /// Answers on all sockets until the server stops, and then as long as requests are in flight.
    async fn serve(self, sockets: Vec<Socket>, desk: Rc<FrontDesk>) -> Result<()> {
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
        desk: &Rc<FrontDesk>,
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
                Ok((socket, peer)) => {
                    let guard = (place, self.metrics.connected(), open.clone());
                    tokio::task::spawn_local(self.connection(socket, peer, desk, guard));
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
        peer: Client,
        desk: &Rc<FrontDesk>,
        guard: G,
    ) -> impl Future<Output = ()> + use<G> {
        let take_over = Arc::new(TakeOver::default());
        let events = Rc::new(RefCell::new(None));
        let leaving = Leaving::default();
        let over = leaving.clone().end(self.stop.clone());
        let (front, asked, wanted) = (desk.clone(), events.clone(), take_over.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            // The connection reads or closes the body, if there is one.
            let (request, _) = request.into_parts();
            let (front, asked, wanted) = (front.clone(), asked.clone(), wanted.clone());
            let leaving = leaving.clone();
            async move {
                match front.register.answer(&front.desk, peer, &request).await {
                    Recorded::Whole(answer) => Ok::<_, Infallible>(leaving.told(answer)),
                    Recorded::Events(events) => {
                        *asked.borrow_mut() = Some(events);
                        wanted.want();
                        // The library writes what it has, and then loses the connection.
                        pending().await
                    }
                }
            }
        });
        let front = desk.clone();
        let wire = Wire::new(socket, take_over.clone());
        let mut connection = self.limits.http().serve_connection(TokioIo::new(wire), service);
        async move {
            let mut over = pin!(over);
            let mut is_over = false;
            let ended = poll_fn(|cx| {
                if !is_over && over.as_mut().poll(cx).is_ready() {
                    is_over = true;
                    Pin::new(&mut connection).graceful_shutdown();
                }
                let polled = Pin::new(&mut connection).poll(cx);
                if take_over.is_ready() { Poll::Ready(Ok(())) } else { polled }
            });
            let ended = ended.await;
            let events = events.take();
            if ended.is_ok() && events.is_none() {
                return;
            }
            let parts = connection.into_parts();
            let wire = parts.io.into_inner();
            // Tasks of their own are smaller than the task of this connection.
            if let Err(error) = ended {
                if wire.is_http2() && error.is_parse_version_h2() {
                    let serve = http2::serve(front, peer, wire.into_socket(), parts.read_buf);
                    tokio::task::spawn_local(async move {
                        let _guard = guard;
                        if let Err(error) = serve.await {
                            debug!("a connection over HTTP/2 ended early: {error}");
                        }
                    });
                    return;
                }
                debug!("a connection ended early: {error}");
                front.register.refused(peer, &error, wire.is_target_too_long());
            }
            if let Some(RecordedEvents { events, line }) = events {
                let stream = Box::new(EventStream::new(*events));
                tokio::task::spawn_local(async move {
                    let (_guard, sent) = (guard, Cell::new(0));
                    if let Err(error) = stream.run(wire.into_socket(), &sent).await {
                        debug!("a stream of events ended early: {error}");
                    }
                    line.write(sent.get());
                });
            }
        }
    }
}

/// What all connections of a thread share.
struct FrontDesk {
    desk: Desk,
    register: Register,
    clock: Clock,
    limits: Limits,
    stop: watch::Receiver<bool>,
}

/// Time for which a stopping server waits for requests in flight.
pub const GRACE: Duration = Duration::from_secs(5);
