//! The artefacts of a release, each installed and used as its users would. `make test-dist` builds
//! the artefacts first.

mod documents;
mod image;
mod install;
mod package;
mod unit_user;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

use crate::fixture::{Process, found_within, free_address, get};

/// Time from nothing to the first page.
const FIRST_PAGE: Duration = Duration::from_secs(10);
/// Largest size of the binary, and of the image, in bytes: 15 MB and 20 MB. The size of the binary
/// differs a little from one version of the compiler to the next. A crate that no request and no refresh
/// spends much time in belongs to the crates that are optimized for size (Cargo.toml).
const LARGEST_BINARY: u64 = 15_000_000;
const LARGEST_IMAGE: u64 = 20_000_000;

/// Returns the directory with the artefacts.
fn dist() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dist = std::env::var_os("DIST").map_or_else(|| root.join("target/dist"), PathBuf::from);
    assert!(dist.join("SHA256SUMS").is_file(), "{} has no artefacts: make dist", dist.display());
    dist
}

/// Returns the artefact whose name ends so.
fn artefact(end: &str) -> PathBuf {
    let entries = fs::read_dir(dist()).expect("the artefacts").flatten();
    let mut found = entries.map(|entry| entry.path());
    let is_it = |path: &PathBuf| path.to_string_lossy().ends_with(end);
    found.find(is_it).unwrap_or_else(|| panic!("no artefact ends in {end}"))
}

/// Runs a program to its end, which must be good.
fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    output
}

fn printed(command: &mut Command) -> String {
    String::from_utf8(run(command).stdout).expect("UTF-8")
}

/// Starts a server and waits for its first page, at most [`FIRST_PAGE`].
fn first_page(command: &mut Command, address: SocketAddr) -> Process {
    let server = Process::start(command);
    // On a busy machine, the first answers may say that there is no site yet.
    let first = || {
        std::net::TcpStream::connect(address).ok()?;
        Some(get(address, "/")).filter(|page| page.status == 200)
    };
    let page = found_within(FIRST_PAGE, "the first page", first);
    assert!(page.text().contains("My Neighbor Totoro"), "{}", server.log());
    server
}

#[test]
#[ignore = "needs make dist"]
fn the_binary_alone_serves_a_page_from_an_empty_directory() {
    let directory = tempfile::tempdir().expect("a directory");
    let program = directory.path().join("movies-gen");
    // A process of another test could inherit an open file that this process writes, and a file that is
    // open for writing cannot be executed.
    run(Command::new("cp").arg(dist().join("movies-gen")).arg(&program));
    let size = fs::metadata(&program).expect("a size").len();
    assert!(size <= LARGEST_BINARY, "{size} bytes");
    let address = free_address();
    let mut serve = Command::new("./movies-gen");
    serve.args(["serve", "--demo", "--listen", &address.to_string()]);
    drop(first_page(serve.current_dir(directory.path()).env_clear(), address));
}

#[test]
#[ignore = "needs make dist"]
fn the_tarball_has_the_program_its_help_and_its_documents() {
    let directory = tempfile::tempdir().expect("a directory");
    let archive = artefact(".tar.gz");
    run(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(directory.path()));
    let name = archive.file_name().expect("a name").to_string_lossy().replace(".tar.gz", "");
    let root = directory.path().join(name);
    for file in ["README.md", "LICENSE", "CHANGELOG.md", "docs/options.md", "deploy/nginx.conf"] {
        assert!(root.join(file).is_file(), "{file}");
    }
    documents::assert_that_links_lead_to_files(&root);
    let licences = fs::read_to_string(root.join("third-party-licences.txt")).expect("the texts");
    assert!(!licences.contains(env!("CARGO_MANIFEST_DIR")), "a path of this machine");
    for name in crates() {
        let name = name.replace(" v", " ");
        assert!(licences.contains(&format!("\n{name}: ")), "{name} has no licence");
    }
    for text in
        ["Permission is hereby granted", "TERMS AND CONDITIONS FOR USE", "Redistribution and"]
    {
        assert!(licences.contains(text), "no licence has {text:?}");
    }
    let version = printed(Command::new(root.join("movies-gen")).arg("--version"));
    assert_eq!(version.trim(), concat!("movies-gen ", env!("CARGO_PKG_VERSION")));
    let page = root.join("share/man/man1/movies-gen-serve.1");
    let page = fs::read_to_string(page).expect("a manual page");
    assert!(page.contains("\\-\\-upstream") && page.contains(env!("CARGO_PKG_VERSION")), "{page}");
}

#[test]
#[ignore = "needs make dist"]
fn the_sums_are_the_sums_of_the_artefacts() {
    let checked =
        printed(Command::new("sha256sum").args(["--check", "SHA256SUMS"]).current_dir(dist()));
    assert_eq!(checked.matches(": OK").count(), 5, "{checked}");
}

#[test]
#[ignore = "needs make dist"]
fn the_list_of_components_has_every_crate_of_the_program_and_no_path() {
    let text = fs::read_to_string(artefact(".cdx.json")).expect("the list");
    assert!(!text.contains(env!("CARGO_MANIFEST_DIR")), "a path of this machine");
    let list: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&list["bomFormat"], &list["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    let listed: BTreeMap<String, String> = list["components"]
        .as_array()
        .expect("components")
        .iter()
        .map(|component| {
            let text = |key: &str| component[key].as_str().unwrap_or_default().to_owned();
            (format!("{} v{}", text("name"), text("version")), component["licenses"].to_string())
        })
        .collect();
    for name in crates() {
        assert!(listed.contains_key(&name), "{name} is not in the list");
        assert_ne!(listed[&name], "null", "{name} has no licence");
    }
}

/// Names and versions of the crates in the program, as Cargo itself says.
fn crates() -> Vec<String> {
    let tree = printed(Command::new(env!("CARGO")).current_dir(env!("CARGO_MANIFEST_DIR")).args([
        "tree",
        "--locked",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]));
    let others = tree.lines().filter(|line| !line.contains('/') && !line.is_empty());
    others.map(|line| line.split(" (").next().expect("a name").to_owned()).collect()
}
