//! Responses to clients.

mod access_log;
mod addresses;
mod forms;
mod from_disk;
mod headers;
mod limits;
mod listening;
mod restarts;
mod service;
mod starting;
mod validators;

use crate::fixture::{Running, Site, Upstream};
pub(crate) use restarts::{Asking, Scene, restart_under_load};

/// A server with the made-up catalogue, live.
fn served() -> (Upstream, Running) {
    served_with(&[])
}

fn served_with(arguments: &[&str]) -> (Upstream, Running) {
    let upstream = Upstream::start();
    let running = Site::of(&upstream).with(arguments).serve().ready();
    (upstream, running)
}

/// Paths of each kind that the site has.
const PATHS: [&str; 11] = [
    "/",
    "/movies/salt-road/",
    "/people/",
    "/movies.json",
    "/people.json",
    "/changes/",
    "/feed.xml",
    "/feed.json",
    "/sitemap.xml",
    "/robots.txt",
    "/freshness.json",
];
