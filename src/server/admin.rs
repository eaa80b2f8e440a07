//! Metrics and health checks for operators.
//!
//! Owns a separate listener, so that metrics and health checks are not public. The listener reads
//! the live cell and the metrics, as the rest of the server does, and decides nothing.
//!
//! | path | answer |
//! |---|---|
//! | `/metrics` | OpenMetrics text for Prometheus |
//! | `/readyz` | `ready` or `degraded` with 200, `not fresh` with 503; then the reason |
//! | `/healthz` | 200 as long as the process answers |

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tracing::debug;

use super::{Limits, Listeners};
use crate::clock::{Clock, Now};
use crate::hold::Coming;
use crate::live::{Live, Snapshot, StoreState};
use crate::telemetry::{self, Metrics};

/// Largest number of connections: a scraper, a prober and a few people.
const MOST_CONNECTIONS: usize = 32;

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
    for socket in listeners.sockets {
        let listener = TcpListener::from_std(socket).context("cannot listen for metrics")?;
        let (live, clock, metrics) = (live.clone(), clock.clone(), metrics.clone());
        let (places, mut stop) = (places.clone(), stop.clone());
        tokio::spawn(async move {
            loop {
                let Ok(place) = places.clone().acquire_owned().await else { return };
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    _ = stop.wait_for(|&stop| stop) => return,
                };
                let Ok((stream, _)) = accepted else {
                    tokio::time::sleep(limits.accept_pause).await;
                    continue;
                };
                let (live, clock, metrics) = (live.clone(), clock.clone(), metrics.clone());
                let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                    let answer =
                        answer(request.uri().path(), &live.snapshot(), clock.now(), &metrics);
                    async { Ok::<_, Infallible>(answer) }
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(limits.head)
                    .max_buf_size(limits.head_bytes)
                    .serve_connection(TokioIo::new(stream), service);
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
            let readiness = Readiness::of(snapshot, now);
            (readiness.status(), readiness.text())
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

/// Whether the promises to visitors hold.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Readiness {
    /// The data is fresh and nothing is wrong.
    Ready,
    /// Pages are answered, but something is wrong.
    Degraded(&'static str),
    /// There is no data, or the data is older than twice `--max-age`.
    NotFresh(String),
}

impl Readiness {
    fn of(snapshot: &Snapshot, now: Now) -> Readiness {
        let bound = snapshot.frame.bound;
        let Some(site) = &snapshot.site else {
            return Readiness::NotFresh("there is no data yet".to_owned());
        };
        let age = site.origin.age(now);
        if age > 2 * bound.max_age {
            let age = humantime::format_duration(std::time::Duration::from_secs(age.as_secs()));
            return Readiness::NotFresh(format!("the data is {age} old"));
        }
        if snapshot.coming == Coming::Failed {
            return Readiness::Degraded("the last refresh failed");
        }
        if age > bound.max_age + bound.hold {
            return Readiness::Degraded("the data is older than --max-age + --hold");
        }
        if snapshot.store == StoreState::Away {
            return Readiness::Degraded("Redis cannot be used");
        }
        Readiness::Ready
    }

    fn status(&self) -> StatusCode {
        match self {
            Readiness::Ready | Readiness::Degraded(_) => StatusCode::OK,
            Readiness::NotFresh(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn text(&self) -> String {
        match self {
            Readiness::Ready => "ready\n".to_owned(),
            Readiness::Degraded(why) => format!("degraded\n{why}\n"),
            Readiness::NotFresh(why) => format!("not fresh\n{why}\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::clock::{BootTime, WallTime};
    use crate::hold::Bound;
    use crate::live::{Frame, LiveSite, Origin};
    use crate::payload::Fence;
    use crate::publish::{Generation, Volatile};

    /// The readiness of a site whose data is so many seconds old.
    fn readiness(age: u64, coming: Coming, store: StoreState) -> Readiness {
        let now = Now { boot: BootTime(1_000_000_000), wall: WallTime(2_000_000_000) };
        let boot = now.boot - Duration::from_secs(age);
        let site = LiveSite {
            generation: Arc::new(Generation::new(0, BTreeMap::new())),
            fence: Fence(1),
            origin: Origin { boot, wall: WallTime(1) },
        };
        let bound = Bound {
            max_age: Duration::from_secs(60),
            hold: Duration::from_secs(2),
            max_stale: None,
        };
        let (base, starting, too_old) = ("/".to_owned(), Bytes::new(), Bytes::new());
        let frame = Frame { base, starting, too_old, bound };
        let (takes, volatile) = (Duration::ZERO, Volatile::new());
        let snapshot = Snapshot { site: Some(site), coming, takes, store, volatile, frame };
        Readiness::of(&snapshot, now)
    }

    #[test]
    fn readiness_follows_the_promise_of_freshness() {
        let due = Coming::Due(BootTime(1_001_000_000));
        assert_eq!(readiness(30, due, StoreState::Alone), Readiness::Ready);
        assert_eq!(readiness(61, due, StoreState::Shared), Readiness::Ready);
        let degraded = |age, coming, store| {
            let readiness = readiness(age, coming, store);
            matches!(readiness, Readiness::Degraded(_)) && readiness.status() == StatusCode::OK
        };
        assert!(degraded(30, Coming::Failed, StoreState::Alone));
        assert!(degraded(63, due, StoreState::Alone));
        assert!(degraded(30, due, StoreState::Away));
        let old = readiness(121, due, StoreState::Alone);
        assert_eq!(old.text(), "not fresh\nthe data is 2m 1s old\n");
        assert_eq!(old.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
