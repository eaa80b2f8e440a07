//! A comparison: a caching proxy in front of the same upstream gives the first visitor after a
//! quiet time the old page from its cache.

#![allow(clippy::print_stdout, reason = "a person reads the figures")]

use std::net::SocketAddr;
use std::time::Duration;

use super::history::{Epoch, Stamp};
use super::run::SCALED;
use super::upstream::{Act, Scripted};
use crate::fixture::{Nginx, Site, get};

/// Length of the first quiet time: at least two intervals. Each further quiet time is longer, so
/// that it ends in another part of an interval.
const QUIET: Duration = Duration::from_millis(2050);
const LONGER_EACH_TIME: Duration = Duration::from_millis(220);
/// Number of quiet times. One load follows each quiet time.
const TIMES: u32 = 5;

/// Returns the greatest age, by the stamps, of the first load after a quiet time.
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
fn the_first_load_after_a_quiet_time_is_fresh_but_not_from_a_caching_proxy() {
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
    // The bound is the maximum age, the hold, and the delay of a busy machine. The tests with many
    // loads check the exact maximum age.
    assert!(ours < Duration::from_millis(1500), "{ours:?}");
}
