//! The project's own HTTP suite: requests as bytes from raw sockets, each with the section of its RFC.
//!
//! The table is in [`table`]. The suite runs against the server of the site and the admin listener. It
//! also runs against nginx with `deploy/nginx.conf` on the same files, only for comparison.

mod again;
mod case;
mod checkers;
mod clients;
mod proxies;
mod slow;
mod table;
mod through;

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;

use crate::fixture::{Nginx, Running, Site, Upstream};
use case::{Case, Tokens};
pub(crate) use through::{caddy_over_http_2, haproxy};

/// A server with a site, a file of the owner and an admin listener.
fn served() -> (Upstream, Running) {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--admin-listen", "127.0.0.1:0"]);
    site.build_once().well();
    site.write("public/.well-known/security.txt", "Contact: mailto:owner@films.example\n");
    let running = site.serve().ready();
    (upstream, running)
}

/// Runs cases on several threads. Returns what is wrong, in the order of the cases.
fn wrong<'c>(cases: &'c [Case], address: SocketAddr, tokens: &Tokens) -> Vec<(&'c Case, String)> {
    let each = cases.len().div_ceil(8).max(1);
    std::thread::scope(|scope| {
        let run = |case: &'c Case| case.run(address, tokens).err().map(|what| (case, what));
        let parts: Vec<_> = cases
            .chunks(each)
            .map(|part| scope.spawn(move || part.iter().filter_map(run).collect::<Vec<_>>()))
            .collect();
        parts.into_iter().flat_map(|part| part.join().expect("a client")).collect()
    })
}

/// Writes past the capture of the test runner, so that a run shows the counts.
fn tell(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Prints the number of right cases by RFC.
fn print(name: &str, cases: &[Case], wrong: &[(&Case, String)]) {
    let of = |section: &str| section.split(' ').next().unwrap_or_default().to_owned();
    let mut counts = BTreeMap::<String, (usize, usize)>::new();
    for case in cases {
        counts.entry(of(case.section)).or_default().0 += 1;
    }
    for (case, _) in wrong {
        counts.entry(of(case.section)).or_default().1 += 1;
    }
    let sections: Vec<_> = counts
        .iter()
        .map(|(section, (all, wrong))| format!("{section} {}/{all}", all - wrong))
        .collect();
    let right = cases.len() - wrong.len();
    tell(&format!(
        "HTTP cases, {name}: {right} of {} right; {}\n",
        cases.len(),
        sections.join(", ")
    ));
}

fn explained(wrong: &[(&Case, String)]) -> String {
    let line =
        |(case, what): &(&Case, String)| format!("RFC {} {:?}: {what}", case.section, case.request);
    wrong.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_server_answers_every_case_as_the_rfc_wants() {
    let (_upstream, server) = served();
    let tokens = Tokens::of(server.address);
    let found = wrong(table::SITE, server.address, &tokens);
    print("serve", table::SITE, &found);
    assert!(found.is_empty(), "{} wrong:\n{}", found.len(), explained(&found));
}

#[test]
fn the_admin_listener_answers_every_case_as_the_rfc_wants() {
    let (_upstream, server) = served();
    let admin = server.admin();
    let tokens = Tokens::of(server.address);
    let found = wrong(table::ADMIN, admin, &tokens);
    print("admin listener", table::ADMIN, &found);
    assert!(found.is_empty(), "{} wrong:\n{}", found.len(), explained(&found));
}

#[test]
#[ignore = "needs nginx"]
fn the_suite_runs_against_nginx_for_comparison() {
    let (_upstream, server) = served();
    let (nginx, _) = Nginx::deployed(&server.site.out(), "/", server.address);
    let tokens = Tokens::of(nginx.address);
    let found = wrong(table::SITE, nginx.address, &tokens);
    print("nginx with deploy/nginx.conf", table::SITE, &found);
    // nginx has other methods, events and ranges; the plain cases must be the same.
    let basic = found.iter().filter(|(case, _)| case.section == "9110 §13.1.2");
    assert!(basic.count() < 3, "{}", explained(&found));
}
