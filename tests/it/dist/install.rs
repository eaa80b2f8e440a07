//! The crate, as `cargo install` and crates.io use it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{first_page, printed, run};
use crate::fixture::free_address;

fn cargo(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(words).current_dir(env!("CARGO_MANIFEST_DIR"));
    // The crate that `cargo package` unpacks has other surroundings than the checkout. Without the
    // variable, later builds in the same directory would use what `build.rs` found there.
    command.env("MOVIES_GEN_DIST", "1");
    command
}

/// The directory of build results of this test, so that dependencies are built once.
fn target() -> PathBuf {
    let deps = Path::new(env!("CARGO_BIN_EXE_movies-gen")).parent().expect("a profile");
    deps.parent().expect("the target directory").to_owned()
}

#[test]
#[ignore = "needs minutes"]
fn cargo_installs_a_program_that_serves_from_an_empty_directory() {
    let root = tempfile::tempdir().expect("a directory");
    let words = ["install", "--quiet", "--locked", "--offline", "--debug", "--path", ".", "--root"];
    run(cargo(&words).arg(root.path()).arg("--target-dir").arg(target()));
    let address = free_address();
    let mut serve = Command::new(root.path().join("bin/movies-gen"));
    serve.args(["serve", "--demo", "--listen", &address.to_string()]);
    let directory = tempfile::tempdir().expect("a directory");
    drop(first_page(serve.current_dir(directory.path()).env_clear(), address));
}

#[test]
#[ignore = "needs minutes"]
fn the_crate_has_only_what_belongs_there_and_builds() {
    let listed = printed(&mut cargo(&["package", "--list", "--allow-dirty", "--offline"]));
    let folders = ["src/", "templates/", "docs/"];
    let files = ["Cargo.toml", "Cargo.toml.orig", "Cargo.lock", "build.rs", "README.md"];
    let others = ["CHANGELOG.md", "LICENSE", ".cargo_vcs_info.json"];
    for line in listed.lines() {
        let is_known = folders.iter().any(|folder| line.starts_with(folder))
            || files.contains(&line)
            || others.contains(&line);
        assert!(is_known, "{line} does not belong to the crate");
    }
    assert!(listed.lines().any(|line| line == "src/mapping/builtin/swapi.toml"), "{listed}");
    // Cargo unpacks the crate and builds the program from what was packed.
    let words = ["package", "--quiet", "--locked", "--offline", "--allow-dirty", "--target-dir"];
    run(cargo(&words).arg(target()));
}
