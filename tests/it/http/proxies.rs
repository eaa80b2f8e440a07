//! The configurations in `deploy/` with one replica in each bad state.

use std::net::SocketAddr;

use crate::fixture::{Answer, Nginx, Running, Site, Upstream, free_address, get, wait_until};

/// Starts nginx with `deploy/nginx-cluster.conf` in front of two replicas.
fn cluster(replicas: [SocketAddr; 2]) -> Nginx {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/nginx-cluster.conf");
    let told = std::fs::read_to_string(path).expect("a configuration");
    Nginx::with(|address, _| {
        told.replace("listen 80;", &format!("listen {address};"))
            .replace("replica-1:8000", &replicas[0].to_string())
            .replace("replica-2:8000", &replicas[1].to_string())
    })
}

/// Starts a replica that has no data and gets none.
fn without_data() -> (Upstream, Running) {
    let upstream = Upstream::start();
    upstream.set_both(&Answer::new(500, "broken"));
    let server = Site::of(&upstream).with(&["--hold", "0s"]).serve();
    wait_until("the failure", || server.get("/").status == 503);
    (upstream, server)
}

fn healthy() -> (Upstream, Running) {
    let upstream = Upstream::start();
    let server = Site::of(&upstream).serve().ready();
    (upstream, server)
}

fn all_are_answered(nginx: &Nginx, state: &str) {
    for number in 0..40 {
        let answer = get(nginx.address, "/");
        assert_eq!(answer.status, 200, "{state}, load {number}: {answer:?}");
    }
}

#[test]
#[ignore = "needs nginx"]
fn a_healthy_replica_answers_beside_a_replica_in_each_bad_state() {
    let (_good_upstream, good) = healthy();
    let (_upstream, empty) = without_data();
    all_are_answered(&cluster([empty.address, good.address]), "without data");
    all_are_answered(&cluster([good.address, free_address()]), "not running");
    let (_frozen_upstream, frozen) = healthy();
    frozen.halt();
    let nginx = cluster([frozen.address, good.address]);
    // A replica that does not answer at all costs the first load the timeout.
    assert_eq!(get(nginx.address, "/").status, 200);
    frozen.go_on();
    let upstream = Upstream::start();
    let stale = Site::of(&upstream).with(&[
        "--interval",
        "1s",
        "--max-age",
        "1s",
        "--hold",
        "0s",
        "--max-stale",
        "2s",
    ]);
    let stale = stale.serve().ready();
    upstream.set_both(&Answer::new(500, "broken"));
    wait_until("data that is too old", || stale.get("/").status == 503);
    all_are_answered(&cluster([stale.address, good.address]), "too old");
}

#[test]
#[ignore = "needs nginx"]
fn two_replicas_without_data_show_their_page_and_not_a_page_of_nginx() {
    let ((_one_upstream, one), (_two_upstream, two)) = (without_data(), without_data());
    let nginx = cluster([one.address, two.address]);
    for number in 0..10 {
        let answer = get(nginx.address, "/");
        assert_eq!(answer.status, 503, "load {number}: {answer:?}");
        assert!(answer.header("refresh").is_some(), "load {number}: {answer:?}");
    }
}
