//! For comparison: a caching proxy in front of the same upstream gives the first visitor after
//! a quiet time the old page from its cache.

#![allow(clippy::print_stdout, reason = "the figures are there to be read")]

use std::net::SocketAddr;
use std::time::Duration;

use super::history::{Epoch, Stamp};
use super::run::SCALED;
use super::upstream::{Act, Scripted};
use crate::fixture::{Nginx, Site, get};

/// Nobody loads anything for so long: at least two intervals, and another part of
/// a third one each time.
const QUIET: Duration = Duration::from_millis(2050);
const LONGER_EACH_TIME: Duration = Duration::from_millis(220);
/// Quiet times, each with a first load after it.
const TIMES: u32 = 5;

/// The greatest age, by the stamps, of what the first load after a quiet time
/// brings.
fn worst_after_quiet(address: SocketAddr, path: &str, epoch: Epoch) -> Duration {
    let age = || {
        let response = get(address, path);
        let stamps = Stamp::all_in(response.text());
        let made = stamps.iter().map(|stamp| stamp.made).min();
        epoch.now().since(made.unwrap_or_else(|| panic!("no stamp in {response:?}")))
    };
    age();
    let ages = (0..TIMES).map(|time| {
        std::thread::sleep(QUIET + LONGER_EACH_TIME * time);
        age()
    });
    ages.max().unwrap_or_default()
}

#[test]
#[ignore = "needs nginx"]
fn the_first_load_after_quiet_is_fresh_and_from_a_caching_proxy_it_is_not() {
    let epoch = Epoch::begin();
    let (ours, theirs) = std::thread::scope(|scope| {
        let ours = scope.spawn(|| {
            let upstream = Scripted::start(vec![Act::Change], epoch);
            let url = format!("http://{}", upstream.address());
            let site = Site::in_memory().with(&["--upstream", &url]).with(&SCALED);
            let server = site.serve().ready();
            worst_after_quiet(server.address, "/movies.json", epoch)
        });
        let theirs = scope.spawn(|| {
            let upstream = Scripted::start(vec![Act::Change], epoch);
            let nginx = Nginx::with(|address, directory| {
                format!(
                    "proxy_cache_path {}/cache keys_zone=films:1m;
                     server {{
                       listen {address};
                       location / {{
                         proxy_pass http://{};
                         proxy_cache films;
                         proxy_cache_valid 200 1s;
                         proxy_cache_use_stale updating;
                         proxy_cache_background_update on;
                       }}
                     }}",
                    directory.display(),
                    upstream.address()
                )
            });
            worst_after_quiet(nginx.address, "/films", epoch)
        });
        (ours.join().expect("ages"), theirs.join().expect("ages"))
    });
    println!(
        "worst age on the first load after quiet: movies-gen {} ms, nginx proxy_cache {} ms",
        ours.as_millis(),
        theirs.as_millis()
    );
    assert!(theirs > QUIET, "a proxy that updates in the background was fresh: {theirs:?}");
    // The greatest age, the hold, and what a busy machine adds on the way; how old it
    // may be is judged where many pages are loaded.
    assert!(ours < Duration::from_millis(1500), "{ours:?}");
}
