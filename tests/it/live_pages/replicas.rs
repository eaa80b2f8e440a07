//! Several replicas behind one address: an open page updates, whichever replica answers.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{changed, one_more};
use crate::fixture::{
    Browser, Nginx, Redis, Running, Site, Tab, Upstream, free_address, get, wait_until,
};

/// Starts an nginx that sends requests to these servers in turn.
fn in_front_of(servers: &[SocketAddr]) -> Nginx {
    Nginx::with(|address, _| {
        let each =
            servers.iter().map(|server| format!("server {server} max_fails=1 fail_timeout=2s;"));
        format!(
            "upstream replicas {{ {} }}
             server {{ listen {address}; location / {{
                 proxy_pass http://replicas; proxy_http_version 1.1;
                 proxy_set_header Host $host; proxy_set_header Connection \"\";
                 proxy_next_upstream error timeout http_502 http_504; proxy_connect_timeout 1s;
             }} }}",
            each.collect::<String>()
        )
    })
}

fn replica(upstream: &Upstream, redis: &Redis) -> Site {
    let site = Site::eager(upstream).with(&["--redis", &redis.url(), "--hold", "300ms"]);
    site.with(&["--admin-listen", "127.0.0.1:0"])
}

/// The number of open streams of a replica.
fn streams(server: &Running) -> f64 {
    crate::telemetry::metric(server, "movies_gen_streams").expect("a number")
}

/// Opens a tab that counts the loads and the fetches of its page.
fn counting(browser: &mut Browser, nginx: &Nginx, script: &str) -> Tab {
    let mut tab = browser.tab();
    tab.before_each_page(&format!("var kept = null; {script}"));
    tab.before_each_page(
        "if (location.protocol === 'http:') {
             kept ??= sessionStorage;
             const count = (what) => kept[what] = +(kept[what] ?? 0) + 1;
             count('loads');
             const real = fetch;
             window.fetch = (...given) => {
                 if (given[0] === '/') count('fetches');
                 return real(...given);
             };
         }",
    );
    tab.load(&format!("http://{}/", nginx.address));
    tab.wait_for(super::LISTENS);
    tab
}

fn count(tab: &mut Tab, what: &str) -> u64 {
    let counted = tab.value(&format!("+(kept.{what} ?? 0)"));
    counted.as_u64().expect("a number")
}

const SCORE: &str = "document.querySelector('[data-film-id=f-lamp]')?.dataset.score";

#[test]
#[ignore = "needs chromium, redis-server and nginx"]
fn a_page_continues_at_another_replica_when_its_replica_dies() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let sites = [replica(&upstream, &redis), replica(&upstream, &redis)];
    let servers = sites.each_ref().map(|site| site.serve().ready());
    let generation = |server: &Running| server.get("/").expect("x-generation").to_owned();
    wait_until("the same generation on both replicas", || {
        generation(&servers[0]) == generation(&servers[1])
    });
    let nginx = in_front_of(&servers.each_ref().map(|server| server.address));
    let mut browser = Browser::start();
    let mut tab = counting(&mut browser, &nginx, "");
    upstream.set("/films", one_more());
    tab.wait_for("document.querySelector('[data-film-id=f-new]') !== null");
    // Kill the replica that has the stream of the page. The page must continue at the other
    // replica.
    let [first, second] = servers;
    let (dying, _other) = if streams(&first) < 1.0 { (second, first) } else { (first, second) };
    dying.kill();
    upstream.set("/films", changed(&json!({"rt_score": "12"})));
    tab.wait_for(&format!("{SCORE} === '12'"));
    upstream.set("/films", changed(&json!({"rt_score": "13"})));
    tab.wait_for(&format!("{SCORE} === '13'"));
    assert_eq!(count(&mut tab, "loads"), 1);
    assert!(count(&mut tab, "fetches") <= 16, "{} fetches", count(&mut tab, "fetches"));
}

#[test]
#[ignore = "needs chromium, redis-server and nginx"]
fn a_page_whose_fetches_all_failed_reaches_the_replica_that_has_its_theme() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let addresses = [free_address(), free_address()];
    let at = |place: usize| {
        replica(&upstream, &redis).with(&["--listen", &addresses[place].to_string()])
    };
    let (plain, themed) = (at(0), at(1).with(&["--templates", "theme"]));
    themed.write("theme/robots.txt", "# another theme");
    let of_plain = plain.serve().ready();
    let nginx = in_front_of(&addresses);
    let mut browser = Browser::start();
    let mut tab = counting(&mut browser, &nginx, "");
    // A page does not reload for another theme while the visitor uses a field.
    let _ = tab.value("document.querySelector('input').focus()");
    of_plain.kill();
    let _of_themed = themed.serve().ready();
    upstream.set("/films", changed(&json!({"rt_score": "12"})));
    tab.wait_for("moviesGen.patch.isStuck()");

    let of_plain = plain.serve().ready();
    wait_until("the change on the replica with the theme of the page", || {
        of_plain.get("/movies.json").text().contains("12")
    });
    // The nginx sends requests to the two replicas in turn. After an answer of the other theme, each
    // read of freshness.json goes to the theme of the page, and each single fetch after such a read
    // goes to the other theme.
    let theme =
        |page: &str| page.split("movies-gen-theme").nth(1).map(|rest| rest[..40].to_owned());
    let own = theme(of_plain.get("/").text());
    let mut previous = None;
    wait_until("two replicas that answer in turn", || {
        let answered = theme(get(nginx.address, "/").text());
        let before = previous.replace(answered.clone());
        before.as_ref() == Some(&own) && answered != own
    });
    tab.wait_for(&format!("{SCORE} === '12'"));
    assert_eq!(count(&mut tab, "loads"), 1);
}

#[test]
#[ignore = "needs chromium and nginx"]
fn a_page_shows_a_change_that_comes_after_the_event_of_a_replica_with_another_theme() {
    // Two sites with upstreams of their own: the change comes to one site before the other.
    let (early, late) = (Upstream::start(), Upstream::start());
    let themed = Site::eager(&early).with(&["--templates", "theme"]);
    themed.write("theme/robots.txt", "# another theme");
    let (themed, plain) = (themed.serve().ready(), Site::eager(&late).serve().ready());
    let nginx = Nginx::with(|address, _| {
        format!(
            "server {{ listen {address}; proxy_http_version 1.1; proxy_set_header Host $host;
                 location / {{ proxy_pass http://{}; }}
                 location = /events {{ proxy_pass http://{}; proxy_buffering off; }}
             }}",
            plain.address, themed.address
        )
    });
    let mut browser = Browser::start();
    let mut tab = counting(&mut browser, &nginx, "");
    let change = || changed(&json!({"rt_score": "12"}));
    let before = count(&mut tab, "fetches");
    early.set("/films", change());
    wait_until("four fetches without the change", || count(&mut tab, "fetches") >= before + 4);
    late.set("/films", change());
    tab.wait_for(&format!("{SCORE} === '12'"));
    assert_eq!(count(&mut tab, "loads"), 1);
}

#[test]
#[ignore = "needs chromium, redis-server and nginx"]
fn replicas_with_two_themes_do_not_make_a_page_reload_again_and_again() {
    two_themes("");
}

#[test]
#[ignore = "needs chromium, redis-server and nginx"]
fn two_themes_do_not_make_a_page_reload_again_and_again_if_its_storage_is_blocked() {
    // The test counts in a storage that the scripts of the page cannot use.
    two_themes(
        "if (location.protocol === 'http:') {
             kept = sessionStorage;
             for (const name of ['localStorage', 'sessionStorage']) {
                 Object.defineProperty(window, name, { get() { throw new DOMException('', 'SecurityError'); } });
             }
         }",
    );
}

fn two_themes(script: &str) {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let plain = replica(&upstream, &redis);
    let themed = replica(&upstream, &redis).with(&["--templates", "theme"]);
    themed.write("theme/robots.txt", "# another theme");
    let servers = [plain.serve().ready(), themed.serve().ready()];
    let nginx = in_front_of(&servers.each_ref().map(|server| server.address));
    let mut browser = Browser::start();
    let mut tab = counting(&mut browser, &nginx, script);
    let rounds = 6;
    for round in 1..=rounds {
        let score = (10 + round).to_string();
        upstream.set("/films", changed(&json!({"rt_score": score})));
        // The page shows the change, whichever theme the page has. A page that reloads for another
        // theme shows the change, too.
        tab.wait_for(&format!("{SCORE} === '{score}'"));
    }
    let (loads, fetches) = (count(&mut tab, "loads"), count(&mut tab, "fetches"));
    assert!(loads <= 2, "the page reloads once for another theme: {loads} loads");
    // Each change causes one generation on each replica, and a page fetches itself at most four
    // times for each generation.
    assert!(fetches <= 4 * 2 * (rounds + 1), "{fetches} fetches after {rounds} changes");
    // After the last change, the page must stop fetching itself.
    let settled = |tab: &mut Tab| {
        let before = count(tab, "fetches");
        let _ = tab.value(
            "new Promise((resolve) => {
                 let looks = 0;
                 document.addEventListener('movies-gen:look', () => ++looks === 2 && resolve());
             })",
        );
        count(tab, "fetches") == before
    };
    wait_until("a page that fetches nothing any more", || settled(&mut tab));
    assert_eq!(count(&mut tab, "loads"), loads);
    assert_eq!(tab.complaints(), Vec::<Value>::new());
}
