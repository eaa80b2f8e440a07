//! An upstream behind TLS: the program asks only if the certificate is trusted.

use std::net::TcpStream;
use std::process::Command;

use crate::fixture::{Process, Site, certify, films, free_address, people, wait_until};

#[test]
#[ignore = "needs openssl"]
fn an_upstream_is_asked_through_tls_if_its_certificate_is_trusted() {
    let upstream = tempfile::tempdir().expect("a directory");
    certify(upstream.path());
    for (name, records) in [("films", films()), ("people", people())] {
        let answer = format!("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{records}");
        std::fs::write(upstream.path().join(format!("{name}?limit=250")), answer).expect("a file");
    }
    let address = free_address();
    let mut command = Command::new("openssl");
    command.args(["s_server", "-HTTP", "-quiet", "-cert", "pem", "-key", "key"]);
    command.args(["-accept", &address.to_string()]).current_dir(upstream.path());
    let _server = Process::start(&mut command);
    wait_until("a server", || TcpStream::connect(address).is_ok());

    let url = format!("https://localhost:{}/", address.port());
    let site = Site::new().with(&["--upstream", &url, "--interval", "1s", "--max-age", "1s"]);
    let log = site.build_once().with_code(1);
    assert!(log.contains("certificate"), "{log}");

    let authority = upstream.path().join("pem").display().to_string();
    site.variable("SSL_CERT_FILE", &authority).build_once().well();
    assert!(site.page("movies.json").contains("salt-road"));
}
