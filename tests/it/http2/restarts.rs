//! Restarts under load over a socket that the service manager keeps open, with clients of HTTP/2.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::asking::{ask, connect, request, run};
use crate::fixture::{Running, Site, Upstream, get, wait_until};
use crate::http::{caddy_over_http_2, haproxy};
use crate::serving::serve_with_sockets;

const RESTARTS: usize = 25;
/// Requests that a client has in flight at once.
const AT_ONCE: usize = 8;

struct Load {
    address: SocketAddr,
    is_over: AtomicBool,
    answers: AtomicUsize,
    connections: AtomicUsize,
}

impl Load {
    fn on(address: SocketAddr) -> Load {
        let [answers, connections] = [(); 2].map(|()| AtomicUsize::new(0));
        Load { address, is_over: AtomicBool::new(false), answers, connections }
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// A proxy that keeps its connection as long as the server does. A request that the server did not
    /// process, as GOAWAY says, is sent again on the next connection (RFC 9113 §6.8).
    async fn proxy(&self) {
        while !self.is_over() {
            let send = connect(self.address).await.expect("a connection that is not reset");
            self.connections.fetch_add(1, Ordering::SeqCst);
            let visitors = (0..AT_ONCE).map(|_| {
                let mut send = send.clone();
                async move {
                    while !self.is_over() {
                        match ask(&mut send, request("GET", "http://a/", &[]), &[]).await {
                            Ok(told) => self.is_whole(told.status, &told.body),
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
    fn visitor(&self) {
        while !self.is_over() {
            let told = get(self.address, "/");
            self.is_whole(told.status, &told.body);
        }
    }

    fn is_whole(&self, status: u16, body: &[u8]) {
        assert_eq!(status, 200);
        assert!(body.ends_with(b"</html>\n"), "a whole page");
        self.answers.fetch_add(1, Ordering::SeqCst);
    }
}

/// Restarts a server under the load of four clients. `load` gets the address of the server.
fn restart_under_load(load: impl FnOnce(SocketAddr) -> Load, client: fn(&Load)) -> Load {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    let visitors = TcpListener::bind("127.0.0.1:0").expect("a port");
    let admin = UnixListener::bind(site.path("admin.sock")).expect("a socket");
    let start = || {
        let copy = visitors.try_clone().expect("a copy").into();
        let admin = admin.try_clone().expect("a copy").into();
        Running::of(serve_with_sockets(&site, copy, admin), site.clone())
    };
    let load = load(visitors.local_addr().expect("an address"));
    std::thread::scope(|scope| {
        let load = &load;
        let clients = [(); 4].map(|()| scope.spawn(|| client(load)));
        let over = Over(&load.is_over);
        for _ in 0..RESTARTS {
            let server = start();
            let before = load.answers.load(Ordering::SeqCst);
            wait_until("some answers", || {
                assert!(!clients.iter().any(|client| client.is_finished()), "a client failed");
                load.answers.load(Ordering::SeqCst) > before + 100
            });
            server.signal_stop();
            assert_eq!(server.ended().0, Some(0));
        }
        let _last = start();
        drop(over);
        for client in clients {
            client.join().expect("a client that was always answered");
        }
    });
    load
}

#[test]
fn no_request_fails_in_restarts_under_load() {
    let load = restart_under_load(Load::on, |load| run(load.proxy()));
    let connections = load.connections.into_inner();
    assert!(connections >= RESTARTS, "each restart ends connections: {connections}");
}

#[test]
#[ignore = "needs HAProxy"]
fn no_visitor_of_haproxy_sees_an_error_in_restarts_under_load() {
    let mut front = None;
    let behind = |server| {
        let (haproxy, address, _) = haproxy(server, "h2");
        front = Some(haproxy);
        Load::on(address)
    };
    let _ = restart_under_load(behind, Load::visitor);
}

#[test]
#[ignore = "needs caddy"]
fn no_visitor_of_caddy_sees_an_error_in_restarts_under_load() {
    let mut front = None;
    let behind = |server| {
        let (caddy, address) = caddy_over_http_2(server);
        front = Some(caddy);
        Load::on(address)
    };
    let _ = restart_under_load(behind, Load::visitor);
}

/// Ends the clients, also if the test fails.
struct Over<'s>(&'s AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
