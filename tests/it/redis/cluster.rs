//! A Redis cluster: the keys are on one of the nodes, and may move to another node.

use crate::fixture::{Running, Sharded, Site, Upstream, wait_until};

/// Makes a site that knows the address of one node only.
fn site(upstream: &Upstream, sharded: &Sharded, node: usize) -> Site {
    Site::eager(upstream).with(&["--redis", &sharded.url_of(node)])
}

/// Starts a process that knows one node, and another process that knows another node.
fn servers(upstream: &Upstream, sharded: &Sharded) -> [Running; 2] {
    [0, 1].map(|node| site(upstream, sharded, node).serve().ready())
}

/// Asserts that all processes together asked at most once in each interval.
fn assert_courteous(upstream: &Upstream) {
    let times: Vec<_> = upstream.asked_for("/films").iter().map(|asked| asked.at).collect();
    for pair in times.windows(2) {
        let gap = pair[1].duration_since(pair[0]);
        assert!(gap.as_millis() >= 850, "{gap:?} between two refreshes of {times:?}");
    }
}

#[test]
#[ignore = "needs redis-server"]
fn a_build_finds_the_keys_from_each_node_of_a_cluster() {
    let (upstream, sharded) = (Upstream::start(), Sharded::start());
    for node in 0..sharded.nodes.len() {
        let site = Site::of(&upstream).with(&["--redis", &sharded.url_of(node)]);
        let log = site.build_once().well();
        assert!(!log.contains("Redis cannot be used"), "{log}");
    }
    assert_eq!(upstream.asked(), (1, 1), "all builds share one refresh");
}

#[test]
#[ignore = "needs redis-server"]
fn processes_follow_the_keys_to_another_node_without_losing_redis() {
    let (upstream, sharded) = (Upstream::start(), Sharded::start());
    let servers = servers(&upstream, &sharded);
    let from = sharded.owner();
    let to = (from + 1) % 3;
    sharded.migrate(from, to, || {
        // The slot still belongs to the old node, which names the new node for each call.
        let before = sharded.nodes[to].fences();
        wait_until("a claim on the way", || sharded.nodes[to].fences()[0] > before[0]);
    });
    sharded.nodes[to].wait_for_later(sharded.nodes[to].fences());
    for server in &servers {
        assert!(!server.log().contains("Redis cannot be used"), "{}", server.log());
    }
    assert_courteous(&upstream);
}

#[test]
#[ignore = "needs redis-server"]
fn processes_hear_announcements_at_the_node_to_which_the_keys_moved() {
    let (upstream, sharded) = (Upstream::start(), Sharded::start());
    let servers = servers(&upstream, &sharded);
    let from = sharded.owner();
    let to = (from + 1) % 3;
    sharded.migrate(from, to, || {});
    sharded.nodes[to].wait_for_later(sharded.nodes[to].fences());
    for server in &servers {
        server.wait_for_line(&format!("are at 127.0.0.1:{}", sharded.nodes[to].port));
    }
    wait_until("two subscribers at the node with the keys", || {
        let channels: Vec<String> = sharded.nodes[to].ask(&["PUBSUB", "CHANNELS"]);
        let count = |channel: &String| {
            let (_, count): (String, u32) = sharded.nodes[to].ask(&["PUBSUB", "NUMSUB", channel]);
            count
        };
        channels.first().map(count) == Some(2)
    });
}

#[test]
#[ignore = "needs redis-server"]
fn processes_find_the_keys_after_the_node_with_the_keys_was_killed() {
    let (upstream, mut sharded) = (Upstream::start(), Sharded::start());
    let first = site(&upstream, &sharded, 0).build_once().well();
    assert!(!first.contains("Redis cannot be used"), "{first}");
    let owner = sharded.owner();
    sharded.replicate(owner);
    // The only node of which the process was told is the node that dies.
    let server = site(&upstream, &sharded, owner).serve().ready();
    wait_until("a copy", || sharded.nodes[3].fences()[1] > 0);
    let before = sharded.nodes[owner].fences();
    sharded.nodes[owner].kill();
    sharded.nodes[3].wait_for_later(before);
    server.wait_until_redis_is_back();
    assert_courteous(&upstream);
}
