//! A client that was away for a moment receives the missed steps, at any replica.

use super::{fingerprint, listen, quick, scored, served};
use crate::fixture::{Heard, Listener, Redis, Running, Site, Upstream, wait_until};

/// Reconnects with this id. Returns the events until the live generation.
fn back(running: &Running, last: &str, way: Way) -> Vec<Heard> {
    let live = running.get("/").expect("x-generation").to_owned();
    // The server must ignore the fingerprint of the page, because the id is newer.
    let page = fingerprint(running, "/");
    let query = format!("path=/&page={page}");
    let mut listener = match way {
        Way::Field => Listener::open(running.address, &query, &[("Last-Event-ID", last)]),
        Way::Query => Listener::open(running.address, &format!("{query}&last={last}"), &[]),
    };
    let mut heard = vec![listener.next()];
    while heard.last().is_some_and(|last| last.id != live) {
        heard.push(listener.next());
    }
    heard
}

#[derive(Clone, Copy)]
enum Way {
    Field,
    Query,
}

fn names(heard: &[Heard]) -> Vec<&str> {
    heard.iter().map(|heard| heard.name.as_str()).collect()
}

#[test]
fn a_client_that_reconnects_gets_the_steps_that_it_missed() {
    let (upstream, server) = served();
    let mut listener = listen(&server);
    let mut ids = vec![server.get("/").expect("x-generation").to_owned()];
    let mut steps = Vec::new();
    for score in [11, 12, 13] {
        upstream.set("/films", scored(score));
        steps.push(listener.next());
        ids.push(steps.last().map(|step| step.id.clone()).unwrap_or_default());
    }
    for way in [Way::Field, Way::Query] {
        for (missed, id) in ids.iter().take(3).enumerate() {
            assert_eq!(back(&server, id, way), steps[missed..], "the replayed events differ");
        }
        assert_eq!(names(&back(&server, &ids[3], way)), ["current"]);
        // A part of an id is not an id.
        for unknown in ["nothing", &ids[0][1..], &ids[0][..31]] {
            assert_eq!(names(&back(&server, unknown, way)), ["fetch"], "{unknown}");
        }
    }
}

/// Data that returns is a change of a record; a theme that returns is not.
#[test]
fn after_a_b_a_a_client_gets_exactly_the_missed_steps() {
    let upstream = Upstream::start();
    let site = quick(&upstream).with(&["--templates", "theme"]);
    std::fs::create_dir(site.path("theme")).expect("made");
    let server = site.serve().ready();
    let mut listener = listen(&server);
    let a = server.get("/").expect("x-generation").to_owned();
    let robots = site.path("theme/robots.txt");
    std::fs::write(&robots, "User-agent: *\nDisallow: /\n").expect("written");
    let b = listener.next().id;
    std::fs::remove_file(&robots).expect("removed");
    let last = listener.next();
    assert_eq!(last.id, a);
    assert_eq!(names(&back(&server, &a, Way::Field)), ["current"]);
    assert_eq!(back(&server, &b, Way::Field), [last]);
}

#[test]
fn more_than_twenty_steps_are_not_replayed() {
    let (upstream, server) = served();
    let mut listener = listen(&server);
    let mut ids = vec![server.get("/").expect("x-generation").to_owned()];
    for score in 1..=21 {
        upstream.set("/films", scored(score));
        ids.push(listener.next().id);
    }
    assert_eq!(names(&back(&server, &ids[0], Way::Field)), ["fetch"]);
    assert_eq!(back(&server, &ids[1], Way::Field).len(), 20);
}

#[test]
fn a_restarted_server_tells_pages_to_fetch_themselves() {
    let (upstream, server) = served();
    let mut listener = listen(&server);
    let a = server.get("/").expect("x-generation").to_owned();
    upstream.set("/films", scored(11));
    let b = listener.next().id;
    let site = server.site.clone();
    assert_eq!(server.terminate().0, Some(0));
    let server = site.serve().ready();
    assert_eq!(names(&back(&server, &a, Way::Field)), ["fetch"]);
    assert_eq!(names(&back(&server, &b, Way::Field)), ["current"]);
}

#[test]
#[ignore = "needs redis-server"]
fn a_stream_continues_at_another_replica() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let replica = || {
        let site = Site::of(&upstream).with(&["--redis", &redis.url(), "--hold", "300ms"]);
        site.with(&["--interval", "1s", "--max-age", "1s"]).serve().ready()
    };
    let servers = [replica(), replica()];
    let generation = |server: &Running| server.get("/").expect("x-generation").to_owned();
    wait_until("one site", || generation(&servers[0]) == generation(&servers[1]));
    let a = generation(&servers[0]);
    let mut listeners = servers.each_ref().map(listen);
    let mut steps = [Vec::new(), Vec::new()];
    for score in [11, 12] {
        upstream.set("/films", scored(score));
        for (listener, steps) in listeners.iter_mut().zip(&mut steps) {
            steps.push(listener.next());
        }
    }
    assert_eq!(steps[0], steps[1], "the same data must give the same events on each replica");
    for server in &servers {
        assert_eq!(back(server, &a, Way::Field), steps[0]);
        assert_eq!(back(server, &steps[0][0].id, Way::Query), steps[0][1..]);
    }
}

#[test]
fn a_site_that_an_earlier_process_published_is_not_a_step() {
    let upstream = Upstream::start();
    let site = quick(&upstream);
    site.build_once().well();
    let server = site.serve().ready();
    let mut listener = listen(&server);
    upstream.set("/films", scored(11));
    let step = listener.next();
    assert_eq!(step.name, "generation");
    assert_eq!(step.data["films"]["changed"][0]["id"], "f-lamp", "the payload was stored");
}
