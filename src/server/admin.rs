//! Metrics and health checks for operators.
//!
//! Owns a separate listener, so that metrics and health checks are not public. The listener reads
//! the live cell and the metrics, as the rest of the server does, and decides nothing.
//!
//! | path | answer |
//! |---|---|
//! | `/metrics` | OpenMetrics text for Prometheus |
//! | `/readyz` | `ready` or `degraded` with 200, `not ready` with 503; then the reason |
//! | `/healthz` | 200 as long as the process answers |

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::{Semaphore, watch};
use tracing::debug;

use super::admit;
use super::listen::Listener;
use super::respond::refused;
use super::wire::Wire;
use super::{Limits, Listeners};
use crate::clock::{Clock, Now};
use crate::hold::Coming;
use crate::live::{Live, Snapshot, StoreState};
use crate::readiness::{self, Readiness, VisitorsView};
use crate::telemetry::{self, Metrics};

/// Largest number of connections: scrapers, probers and people, also if some of them do not read until
/// the kernel ends their connections.
const MOST_CONNECTIONS: usize = 256;

/// The methods of this listener.
const METHODS: [Method; 2] = [Method::GET, Method::HEAD];
const ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD");

/// Answers on `listeners` until `stop` is set. Runs on the runtime of the caller.
///
/// # Errors
/// Fails if the socket cannot be used.
pub fn start(
    listeners: Listeners,
    live: &Live,
    clock: &Clock,
    limits: Limits,
    metrics: &Metrics,
    stop: &watch::Receiver<bool>,
) -> Result<()> {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let files = Arc::new(listeners.files);
    for socket in listeners.sockets.into_iter().flatten() {
        let listener = Listener::new(socket).context("cannot listen for metrics")?;
        // The last task removes the files of Unix sockets.
        let files = files.clone();
        let (live, clock, metrics) = (live.clone(), clock.clone(), metrics.clone());
        let (places, mut stop) = (places.clone(), stop.clone());
        tokio::spawn(async move {
            let _files = files;
            loop {
                let Ok(place) = places.clone().acquire_owned().await else { return };
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    _ = stop.wait_for(|&stop| stop) => return,
                };
                let Ok((socket, _)) = accepted else {
                    tokio::time::sleep(limits.accept_pause).await;
                    continue;
                };
                let (live, clock, metrics) = (live.clone(), clock.clone(), metrics.clone());
                let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                    let (request, _) = request.into_parts();
                    let answer = match admit::refused(&request, &METHODS) {
                        Some(refusal) => refused(refusal, ALLOWED),
                        None => {
                            let (path, now) = (request.uri.path(), clock.now());
                            answer(path, &live.snapshot(), now, &metrics)
                        }
                    };
                    async { Ok::<_, Infallible>(answer) }
                });
                let wire = Wire::new(socket, Arc::default());
                let connection = limits.http().serve_connection(TokioIo::new(wire), service);
                tokio::spawn(async move {
                    if let Err(error) = connection.await {
                        debug!("a connection for metrics ended early: {error}");
                    }
                    drop(place);
                });
            }
        });
    }
    Ok(())
}

fn answer(path: &str, snapshot: &Snapshot, now: Now, metrics: &Metrics) -> Response<Full<Bytes>> {
    let (status, text) = match path {
        "/metrics" => (StatusCode::OK, metrics.text(read_now(snapshot))),
        "/readyz" => {
            let readiness = readiness(snapshot, now);
            let is_ready = readiness.is_ready();
            let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            let lines = [Some(readiness.state()), readiness.reason()];
            (status, lines.into_iter().flatten().map(|line| format!("{line}\n")).collect())
        }
        "/healthz" => (StatusCode::OK, "ok\n".to_owned()),
        _ => (StatusCode::NOT_FOUND, "The paths are /metrics, /readyz and /healthz.\n".to_owned()),
    };
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    let kind = match path {
        "/metrics" => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    };
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn read_now(snapshot: &Snapshot) -> telemetry::Scrape {
    telemetry::Scrape {
        origin: snapshot.site.as_ref().map(|site| site.origin.wall.0 as f64 / 1e6),
        store_is_up: match snapshot.store {
            StoreState::Alone => None,
            StoreState::Shared => Some(true),
            StoreState::Away => Some(false),
        },
    }
}

fn readiness(snapshot: &Snapshot, now: Now) -> Readiness {
    readiness::of(&VisitorsView {
        age: snapshot.site.as_ref().map(|site| site.origin.age(now)),
        bound: snapshot.frame.bound,
        has_failed: snapshot.coming == Coming::Failed,
        is_redis_lost: snapshot.store == StoreState::Away,
    })
}
