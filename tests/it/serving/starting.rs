//! A server that is still reading a large published site answers that the site is starting.

use std::fs;
use std::net::TcpStream;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::fixture::{Process, Site, Upstream, free_address, get, wait_until};

#[test]
fn visitors_get_the_starting_page_while_the_published_tree_is_read() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    // A manifest that does not come stands for a manifest that takes long.
    let manifest = site.out().join(".movies-gen/manifest");
    let bytes = fs::read(&manifest).expect("the manifest");
    fs::remove_file(&manifest).expect("removed");
    mknodat(CWD, &manifest, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a pipe");

    let address = free_address();
    let listen = address.to_string();
    let process =
        Process::start(&mut site.command(&["serve", "--listen", &listen, "--hold", "0s"]));
    wait_until("the port", || TcpStream::connect(address).is_ok());
    let answer = get(address, "/");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    assert!(!process.log().contains("serving http"), "the tree is not read yet");

    fs::write(&manifest, bytes).expect("the manifest comes");
    wait_until("the site", || get(address, "/").status == 200);
    process.signal(rustix::process::Signal::TERM);
    assert_eq!(process.ended().0.code(), Some(0));
}

#[test]
fn a_site_on_the_disk_is_served_before_the_stored_data_is_read() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--cache-bytes", "0"]);
    site.build_once().well();
    // Parts that do not come stand for data that takes long to read.
    for part in fs::read_dir(site.path(".movies-gen/bodies")).expect("parts").flatten() {
        fs::remove_file(part.path()).expect("removed");
        mknodat(CWD, part.path(), FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a pipe");
    }
    let server = site.with(&["--hold", "0s"]).serve();
    wait_until("the published site", || server.get("/").status == 200);
    let page = server.get("/movies/salt-road/");
    assert_eq!(page.text(), site.page("movies/salt-road/index.html"));
    assert!(page.header("age").is_some(), "{page:?}");
    assert!(!server.log().contains("refreshed"), "the data is not read yet: {}", server.log());
    // The event loop does not wait for the data.
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "the end: {log}");
    assert!(!log.contains("did not stop in time"), "{log}");
}

#[test]
fn a_refresh_confirms_a_large_site_before_its_files_are_checked() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--cache-bytes", "0", "--interval", "1s"]);
    site.build_once().well();
    // A list of files that does not come stands for a check that takes long.
    let manifest = site.path(".movies-gen/standby/.movies-gen/manifest");
    let bytes = fs::read(&manifest).expect("the manifest");
    fs::remove_file(&manifest).expect("removed");
    mknodat(CWD, &manifest, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a pipe");
    // A file that the check finds lost.
    fs::remove_file(site.out().join("people/index.html")).expect("removed");

    let server = site.serve();
    wait_until("a refresh", || server.log().contains("outcome=unchanged"));
    let page = server.get("/");
    let age: u64 = page.header("age").expect("an age").parse().expect("a number");
    assert!(age < 20, "{page:?}");
    assert!(
        !site.out().join("people/index.html").exists(),
        "nothing is published before the check"
    );

    let pipe = site.path("pipe");
    fs::rename(&manifest, &pipe).expect("moved");
    fs::write(&manifest, &bytes).expect("the list for the next reader");
    fs::write(&pipe, bytes).expect("the list comes");
    wait_until("the lost file", || site.out().join("people/index.html").exists());
}
