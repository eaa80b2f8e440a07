//! Restarts under load over a socket that the service manager keeps open, with clients of HTTP/2.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::asking::{ask, connect, request, run};
use crate::fixture::get;
use crate::http::{caddy_over_http_2, haproxy};
use crate::serving::{Asking, Scene, restart_under_load};

const RESTARTS: usize = 25;
/// Answers that the clients get from each server at least.
const ANSWERS: usize = 100;
/// Requests that a client has in flight at once.
const AT_ONCE: usize = 8;

/// A proxy that keeps its connection as long as the server does. A request that the server did not
/// process, as GOAWAY says, is sent again on the next connection (RFC 9113 §6.8).
async fn proxy(scene: &Scene, connections: &AtomicUsize) {
    while !scene.is_over() {
        let send = connect(scene.address).await.expect("a connection that is not reset");
        connections.fetch_add(1, Ordering::SeqCst);
        let visitors = (0..AT_ONCE).map(|_| {
            let mut send = send.clone();
            async move {
                while !scene.is_over() {
                    match ask(&mut send, request("GET", "http://a/", &[]), &[]).await {
                        Ok(told) => is_whole(scene, told.status, &told.body),
                        Err(error) => {
                            let is_end = error.is_go_away() && error.is_remote();
                            assert!(is_end, "a request has failed: {error:?}");
                            return;
                        }
                    }
                }
            }
        });
        futures_util::future::join_all(visitors).await;
    }
}

/// A visitor of a proxy.
fn visitor(scene: &Scene) {
    while !scene.is_over() {
        let told = get(scene.address, "/");
        is_whole(scene, told.status, &told.body);
    }
}

fn is_whole(scene: &Scene, status: u16, body: &[u8]) {
    assert_eq!(status, 200);
    assert!(body.ends_with(b"</html>\n"), "a whole page");
    scene.answered();
}

/// Restarts a server under the load of the visitors of a proxy. `front` starts the proxy.
fn restart_behind<P>(front: impl FnOnce(SocketAddr) -> (P, SocketAddr)) {
    let mut kept = None;
    let started = |server| {
        let (proxy, address) = front(server);
        kept = Some(proxy);
        address
    };
    let client: Asking<'_> = &visitor;
    restart_under_load((RESTARTS, ANSWERS), started, &[client; 4]);
}

#[test]
fn no_request_fails_in_restarts_under_load() {
    let connections = AtomicUsize::new(0);
    let client: Asking<'_> = &|scene| run(proxy(scene, &connections));
    restart_under_load((RESTARTS, ANSWERS), |server| server, &[client; 4]);
    let connections = connections.into_inner();
    assert!(connections >= RESTARTS, "each restart ends connections: {connections}");
}

#[test]
#[ignore = "needs HAProxy"]
fn no_visitor_of_haproxy_sees_an_error_in_restarts_under_load() {
    restart_behind(|server| {
        let (haproxy, address, _) = haproxy(server, "h2");
        (haproxy, address)
    });
}

#[test]
#[ignore = "needs caddy"]
fn no_visitor_of_caddy_sees_an_error_in_restarts_under_load() {
    restart_behind(caddy_over_http_2);
}
