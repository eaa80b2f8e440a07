//! The files in deploy/ name only what exists: options, files and each other.
//!
//! Owns what can be checked of the container files without a container engine. nginx
//! configurations and `deploy/cluster` have tests of their own that run them.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};

use super::markdown::{read, root};
use crate::fixture::{Ended, Process, Site, Upstream, found, free_address, get, wait_until};

/// Files in deploy/ that set options.
const WITH_OPTIONS: [&str; 3] = [
    "deploy/compose.yaml",
    "deploy/systemd/movies-gen.service",
    "deploy/systemd/movies-gen@.service",
];

/// The units of systemd.
const UNITS: [&str; 3] =
    ["movies-gen.service", "movies-gen-build.service", "movies-gen@8001.service"];

/// The worst rating of a unit by `systemd-analyze security`.
const WORST_RATING: f64 = 2.0;

#[test]
fn every_variable_in_deploy_is_an_option() {
    let help = Site::new().run(&["serve", "--help"]).out;
    let words = |text: &str| -> BTreeSet<String> {
        let words = text.split(|c: char| !c.is_ascii_uppercase() && c != '_');
        let names = words.filter(|word| word.starts_with("MOVIES_GEN_") && !word.ends_with('_'));
        names.map(str::to_owned).collect()
    };
    let known = words(&help);
    for path in WITH_OPTIONS {
        let used = words(&read(path));
        assert!(!used.is_empty(), "{path}");
        assert!(used.is_subset(&known), "{path} has {:?}", used.difference(&known));
    }
}

#[test]
fn the_compose_file_names_files_that_exist() {
    let compose = read("deploy/compose.yaml");
    for (key, folder) in [("dockerfile: ", "."), ("volumes: [\"./", "deploy")] {
        let line = compose.lines().find(|line| line.contains(key)).expect(key);
        let rest = line.split_once(key).expect(key).1;
        let name = rest.split(':').next().expect("a name");
        assert!(root().join(folder).join(name).is_file(), "{name}");
    }
}

#[test]
fn the_file_for_traefik_fits_the_compose_file_and_its_ports() {
    let yaml = |path| -> Value { serde_saphyr::from_str(&read(path)).expect(path) };
    let (compose, traefik) = (yaml("deploy/compose.yaml"), yaml("deploy/compose.traefik.yaml"));
    let services = traefik["services"].as_object().expect("services");
    for name in services.keys().filter(|name| *name != "traefik") {
        assert!(compose["services"].get(name).is_some(), "compose.yaml has no service {name}");
    }
    // Both proxies would otherwise use one port of the host.
    assert_eq!(services["traefik"]["ports"], compose["services"]["nginx"]["ports"]);
    assert_eq!(services["nginx"]["profiles"], json!(["nginx"]));
    for replica in ["replica-1", "replica-2"] {
        let labels = services[replica]["labels"].as_object().expect("labels");
        assert!(labels.keys().all(|label| label.starts_with("traefik.")), "{labels:?}");
        let variables = &compose["services"][replica]["environment"];
        for (label, variable) in [("server", "LISTEN"), ("healthcheck", "ADMIN_LISTEN")] {
            let label = format!("traefik.http.services.movies-gen.loadbalancer.{label}.port");
            let listens = variables[format!("MOVIES_GEN_{variable}")].as_str().expect(variable);
            let port = labels[&label].as_str().expect("a port");
            assert!(listens.ends_with(&format!(":{port}")), "{replica}: {listens} and {label}");
        }
        let router = labels["traefik.http.routers.movies-gen.entrypoints"].as_str();
        let entry_point = format!("--entrypoints.{}.address=:80", router.expect("an entry point"));
        let command = services["traefik"]["command"].as_array().expect("a command");
        assert!(command.contains(&json!(entry_point)), "{command:?}");
    }
}

#[test]
fn the_image_copies_files_that_exist_and_all_that_a_build_needs() {
    let dockerfile = read("deploy/Dockerfile");
    let copies = dockerfile.lines().filter_map(|line| line.strip_prefix("COPY "));
    let mut copied = BTreeSet::new();
    for copy in copies.filter(|copy| !copy.starts_with("--from")) {
        let mut names: Vec<_> = copy.split(' ').collect();
        names.pop();
        copied.extend(names);
    }
    for name in &copied {
        assert!(root().join(name).exists(), "{name}");
    }
    // Cargo reads the manifest with the paths of all its targets.
    let needed = ["Cargo.toml", "Cargo.lock", "build.rs", "src", "templates", "benches"];
    assert!(needed.iter().all(|name| copied.contains(name)), "{copied:?}");
}

#[test]
#[ignore = "needs systemd-analyze"]
fn systemd_reads_the_socket_of_the_service() {
    let directory = tempfile::tempdir().expect("a directory");
    for name in ["movies-gen.socket", "movies-gen.service"] {
        let unit = read(&format!("deploy/systemd/{name}"));
        let unit = unit.replace("/usr/local/bin/movies-gen", env!("CARGO_BIN_EXE_movies-gen"));
        std::fs::write(directory.path().join(name), unit).expect("written");
    }
    let mut command = Command::new("systemd-analyze");
    command.args(["verify", "--man=no"]).arg(directory.path().join("movies-gen.socket"));
    let ended = Ended::of(&mut command);
    assert_eq!((ended.code, ended.log.trim()), (Some(0), ""));
}

#[test]
#[ignore = "needs systemd-socket-activate"]
fn a_socket_that_systemd_opens_serves_the_site() {
    let (upstream, address) = (Upstream::start(), free_address());
    let site = Site::of(&upstream);
    let serve = site.command(&["serve"]);
    let mut command = Command::new("systemd-socket-activate");
    command.args(["--listen", &address.to_string()]).arg(serve.get_program());
    command.args(serve.get_args()).current_dir(serve.get_current_dir().expect("a directory"));
    let process = Process::start(&mut command);
    found("the socket", || std::net::TcpStream::connect(address).ok());
    // On a busy machine, the first answers may say that there is no site yet.
    wait_until("the site", || get(address, "/").status == 200);
    let line = process.wait_for_line("the service manager hands over the sockets");
    assert!(line.contains("--listen is not used"), "{line}");
}

#[test]
#[ignore = "needs systemd-analyze"]
fn systemd_reads_each_unit_and_rates_its_sandbox() {
    let directory = tempfile::tempdir().expect("a directory");
    let program = env!("CARGO_BIN_EXE_movies-gen");
    for name in UNITS {
        let unit = read(&format!("deploy/systemd/{}", name.replace("8001", "")));
        let unit = unit.replace("/usr/local/bin/movies-gen", program);
        let path = directory.path().join(name);
        std::fs::write(&path, unit).expect("written");
        let analyze = |words: &[&str]| {
            let command = &mut Command::new("systemd-analyze");
            let output = command.args(words).arg(&path).output().expect("systemd-analyze");
            let text = [output.stdout, output.stderr].concat();
            (output.status.success(), String::from_utf8_lossy(&text).into_owned())
        };
        let (is_valid, told) = analyze(&["verify", "--man=no"]);
        assert!(is_valid && told.trim().is_empty(), "{name}: {told}");
        let (_, told) = analyze(&["security", "--offline=true", "--no-pager"]);
        let line = told.lines().find(|line| line.contains("Overall exposure level")).expect(&told);
        let rating = line.split(": ").nth(1).and_then(|rest| rest.split(' ').next());
        let rating: f64 = rating.expect("a rating").parse().expect("a number");
        assert!(rating <= WORST_RATING, "{line}");
    }
}
