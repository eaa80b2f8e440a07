//! HTTP/2 without TLS, as proxies speak it: the same answers as over HTTP/1.1, streams of events, the end
//! of the server, and clients that attack.
//!
//! [`asking`] asks as a proxy does. [`frames`] shows each frame, and sends frames that no proxy sends.

mod asking;
mod attacks;
mod ends;
mod events;
mod frames;
mod limits;
mod requests;
mod restarts;

use crate::fixture::{Running, Site, Upstream, status_of, wait_until};
use crate::telemetry::metric;

const ADMIN: [&str; 2] = ["--admin-listen", "127.0.0.1:0"];

fn served() -> (Upstream, Running) {
    served_with(&[])
}

fn served_with(arguments: &[&str]) -> (Upstream, Running) {
    let upstream = Upstream::start();
    let server = Site::of(&upstream).with(&ADMIN).with(arguments).serve().ready();
    (upstream, server)
}

const LARGE: &str = "/.well-known/large.bin";
const LARGE_SIZE: usize = 1_000_000;

/// Serves a site with a large file at [`LARGE`].
fn served_large() -> (Upstream, Running) {
    let (upstream, server) = served();
    server.site.write("public/.well-known/large.bin", vec![7; LARGE_SIZE]);
    assert_eq!(server.get(LARGE).body.len(), LARGE_SIZE);
    (upstream, server)
}

/// Returns the memory of the server in kB.
fn memory(server: &Running) -> usize {
    status_of(server.id(), "VmRSS").expect("a running server")
}

/// Waits until the server has no connection and no stream, and checks that others are answered.
fn is_calm_again(server: &Running) {
    assert_eq!(server.get("/").status, 200, "other clients must be answered");
    for name in ["movies_gen_connections", "movies_gen_streams"] {
        wait_until(name, || metric(server, name) == Some(0.0));
    }
}
