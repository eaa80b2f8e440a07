//! A Redis that several processes share.

mod cluster;
mod sentinel;

use crate::fixture::{
    Answer, Link, Redis, Site, Upstream, contents, films, identities, wait_until,
};

fn shared(upstream: &Upstream, redis: &Redis) -> Site {
    Site::of(upstream).with(&["--redis", &redis.url()])
}

fn key(redis: &Redis, name: &str) -> String {
    let mut keys = redis.keys().into_iter().filter(|key| key.ends_with(name));
    keys.next().unwrap_or_else(|| panic!("no key that ends in {name} in {:?}", redis.keys()))
}

#[test]
#[ignore = "needs redis-server"]
fn the_raw_payload_is_in_redis_under_the_prefix() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    shared(&upstream, &redis).with(&["--redis-prefix", "cinema"]).build_once().well();
    let keys = redis.keys();
    assert!(keys.len() >= 3 && keys.iter().all(|key| key.contains("cinema")), "{keys:?}");
    let sent = serde_json::to_vec_pretty(&films()).expect("JSON");
    assert_eq!(redis.body("films").as_bytes(), sent);
    let list = |copy| redis.fields(copy)["films"].clone();
    assert_eq!(list("fresh"), list("last-good"));
}

#[test]
#[ignore = "needs redis-server"]
fn the_fresh_copy_expires_and_the_last_good_copy_never_expires() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    shared(&upstream, &redis).with(&["--max-age", "90s"]).build_once().well();
    let left = |name: &str| redis.ask::<i64>(::redis::cmd("PTTL").arg(key(&redis, name)));
    let fresh = left("fresh");
    assert!((60_000..=90_000).contains(&fresh), "{fresh} ms");
    assert_eq!((left("last-good"), left("claim")), (-1, -1), "last-good or claim expires");
}

#[test]
#[ignore = "needs redis-server"]
fn the_loss_of_redis_changes_no_page_and_is_logged_once() {
    let (upstream, mut redis) = (Upstream::start(), Redis::start());
    let site = Site::eager(&upstream).with(&["--redis", &redis.url(), "--hold", "400ms"]);
    let server = site.serve().ready();
    let (before, page) = (identities(&site.out()), server.get("/"));
    redis.kill();
    let asked = upstream.asked().0;
    upstream.wait_until_asked(asked + 3);
    assert_eq!(identities(&site.out()), before);
    assert_eq!(server.get("/").expect("etag"), page.expect("etag"));
    server.wait_until_redis_is_lost();
    redis.revive();
    server.wait_until_redis_is_back();
    let changed = {
        let mut films = films();
        films[0]["title"] = serde_json::json!("The Lamp Keeper's Wife");
        films
    };
    upstream.set("/films", Answer::json(&changed));
    wait_until("a change after the return of Redis", || {
        String::from_utf8_lossy(&server.get("/").body).contains("Wife")
    });
}

#[test]
#[ignore = "needs redis-server"]
fn a_build_without_its_redis_uses_the_state_directory() {
    let (upstream, mut redis) = (Upstream::start(), Redis::start());
    let site = Site::eager(&upstream).with(&["--redis", &redis.url()]);
    site.build_once().well();
    redis.kill();
    let log = site.build_once().well();
    let line = log.lines().find(|line| line.contains("Redis cannot be used")).expect("a line");
    assert_eq!(line.matches("os error").count(), 1, "the cause is named once: {line}");
    assert_eq!(upstream.asked(), (2, 2));
}

#[test]
#[ignore = "needs redis-server"]
fn two_sites_with_different_prefixes_share_nothing() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let one = shared(&upstream, &redis).with(&["--redis-prefix", "one"]);
    let other = shared(&upstream, &redis).with(&["--redis-prefix", "other"]);
    one.build_once().well();
    other.build_once().well();
    assert_eq!(upstream.asked(), (2, 2), "each site has its own interval");
    let keys = redis.keys();
    let of = |prefix: &str| keys.iter().filter(|key| key.contains(prefix)).count();
    assert_eq!((of("one:"), of("other:")), (keys.len() / 2, keys.len() / 2), "{keys:?}");
}

#[test]
#[ignore = "needs redis-server"]
fn two_upstreams_under_one_prefix_share_nothing() {
    let (one, other, redis) = (Upstream::start(), Upstream::start(), Redis::start());
    let mut fewer = films();
    fewer.as_array_mut().expect("a list").truncate(2);
    other.set("/films", Answer::json(&fewer));
    let (first, second) = (shared(&one, &redis), shared(&other, &redis));
    first.build_once().well();
    second.build_once().well();
    assert_eq!((one.asked(), other.asked()), ((1, 1), (1, 1)));
    assert_eq!(first.json("movies.json").as_array().map(Vec::len), Some(5));
    assert_eq!(second.json("movies.json").as_array().map(Vec::len), Some(2));
}

#[test]
#[ignore = "needs redis-server"]
fn two_replicas_share_one_fetch_and_show_the_same_site() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let (one, other) = (shared(&upstream, &redis), shared(&upstream, &redis));
    let servers = [one.serve(), other.serve()].map(crate::fixture::Running::ready);
    let [first, second] = servers.each_ref().map(|server| server.get("/"));
    for name in ["x-generation", "etag"] {
        assert_eq!(first.expect(name), second.expect(name), "{name}");
    }
    assert_eq!(contents(&one.out()), contents(&other.out()));
    assert_eq!(upstream.asked(), (1, 1));
}

#[test]
#[ignore = "needs redis-server"]
fn a_change_that_one_replica_fetched_reaches_the_other() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let site = || Site::eager(&upstream).with(&["--redis", &redis.url()]);
    let servers = [site().serve(), site().serve()].map(crate::fixture::Running::ready);
    let mut fewer = films();
    fewer.as_array_mut().expect("a list").pop();
    upstream.set("/films", Answer::json(&fewer));
    for server in &servers {
        wait_until("the change", || server.get("/movies/nobody-home/").status == 404);
    }
    let films = upstream.asked_for("/films");
    let gaps = films.windows(2).map(|pair| pair[1].at.duration_since(pair[0].at));
    let least = gaps.min().expect("two requests");
    assert!(least > std::time::Duration::from_millis(850), "{least:?}");
}

#[test]
#[ignore = "needs redis-server"]
fn the_password_is_read_from_a_file_and_is_never_shown() {
    let (upstream, redis) = (Upstream::start(), Redis::with_password("0pen-sesame"));
    let site = shared(&upstream, &redis).with(&["--redis-password-file", "password", "-vv"]);
    site.write("password", "0pen-sesame\n");
    let log = site.build_once().well();
    assert!(!log.contains("0pen-sesame") && !log.contains("Redis cannot be used"), "{log}");
    assert!(redis.keys().len() >= 3);

    site.write("password", "wr0ng-sesame");
    let log = site.build_once().well();
    assert!(log.contains("Redis cannot be used") && !log.contains("sesame"), "{log}");
}

#[test]
#[ignore = "needs redis-server and openssl"]
fn redis_is_used_through_tls_only_if_its_certificate_is_trusted() {
    let (upstream, (redis, tls)) = (Upstream::start(), Redis::with_tls("films", "0pen-sesame"));
    let site = Site::of(&upstream).with(&["--redis", &tls.url]);
    let log = site.build_once().well();
    let why = "invalid peer certificate";
    assert!(log.contains("Redis cannot be used") && log.contains(why), "{log}");
    assert!(redis.keys().is_empty(), "an untrusted Redis must get no data");

    let site = Site::of(&upstream).with(&["--redis", &tls.url]);
    let log = site.variable("SSL_CERT_FILE", &tls.authority).build_once().well();
    assert!(!log.contains("cannot be used") && !log.contains("sesame"), "{log}");
    assert!(redis.keys().len() >= 3);
}

#[test]
#[ignore = "needs redis-server"]
fn two_tenants_of_one_api_share_nothing_in_one_redis() {
    let redis = Redis::start();
    let upstream = Upstream::start();
    let host = upstream.url();
    let host = host.strip_prefix("http://").expect("an address");
    // The key may be in the query, the password or the user name.
    let [one, rest @ ..] = ["?key=s3cret-1", "?key=s3cret-2", "u:s3cret@", "s3cret@"].map(|key| {
        let url = match key.strip_prefix('?') {
            Some(_) => format!("http://{host}/{key}"),
            None => format!("http://{key}{host}"),
        };
        Site::new().with(&["--upstream", &url, "--redis", &redis.url()])
    });
    one.build_once().well();
    for other in &rest {
        other.build_once().well();
    }
    assert_eq!(upstream.asked(), (4, 4), "each tenant must ask separately");
    let claims = redis.keys().iter().filter(|key| key.ends_with(":claim")).count();
    assert_eq!(claims, 4);
    let state = std::fs::read_to_string(one.path(".movies-gen/upstream")).expect("a file");
    assert!(!state.contains("s3cret"), "{state}");
    // A state directory belongs to one tenant.
    let url = format!("{}/?key=s3cret-2", upstream.url());
    let log = one.with(&["--upstream", &url]).build_once().with_code(2);
    assert!(!log.contains("s3cret"), "{log}");
}

#[test]
#[ignore = "needs redis-server"]
fn claims_still_use_redis_if_bodies_are_too_slow_to_transfer() {
    let redis = Redis::start();
    // The link is fast enough for a claim, and much too slow for a body of 3 MB.
    let slow = Link::to(&redis);
    slow.carries(200_000);
    let upstream = Upstream::start();
    let mut large = films();
    // No two parts of the text are equal.
    let text: String = (0..400_000).map(|number| format!("{number} ")).collect();
    large[0]["description"] = text.into();
    upstream.set("/films", Answer::json(&large));
    // A quarter of --hold is the time for a claim, so a busy machine must not make claims late.
    let often = ["--interval", "3s", "--max-age", "9s", "--hold", "6s"];
    let replica = || Site::of(&upstream).with(&often).with(&["--redis", &slow.url()]).serve();
    let (one, other) = (replica().ready(), replica());
    wait_until("some refreshes", || upstream.asked().0 >= 4);
    let times: Vec<_> = upstream.asked_for("/films").iter().map(|asked| asked.at).collect();
    for pair in times.windows(2) {
        let gap = pair[1].duration_since(pair[0]);
        assert!(gap.as_millis() >= 2_900, "{gap:?} between two refreshes of {times:?}");
    }
    wait_until("a line about payloads", || {
        format!("{}{}", one.log(), other.log()).contains("payloads are not shared at the moment")
    });
    let log = format!("{}{}", one.log(), other.log());
    assert!(!log.contains("refreshes on its own"), "{log}");
}

#[test]
#[ignore = "needs redis-server"]
fn status_finds_the_keys_of_the_stored_api_and_names_the_redis_of_the_running_process() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let site = Site::eager(&upstream).with(&["--redis", &redis.url()]);
    let server = site.serve().ready();
    // The options of `status` name neither the API nor, in the second call, Redis.
    let state = site.path(".movies-gen").display().to_string();
    let bare = Site::new();
    let with_redis = bare.run(&["status", "--state", &state, "--redis", &redis.url()]).out;
    assert!(with_redis.contains("last attempt"), "{with_redis}");
    let line = with_redis.lines().find(|line| line.starts_with("redis")).expect("a line");
    assert!(line.contains("ago"), "{line}");
    let without = bare.run(&["status", "--state", &state]).out;
    assert!(without.contains("used by the running process"), "{without}");
    drop(server);
}
