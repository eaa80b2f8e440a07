//! The files in deploy/ name only what exists: options, files and each other.
//!
//! Owns what can be checked of the container files without a container engine. nginx
//! configurations and `deploy/cluster` have tests of their own that run them.

use std::collections::BTreeSet;

use super::markdown::{read, root};
use crate::fixture::Site;

/// Files in deploy/ that set options.
const WITH_OPTIONS: [&str; 2] = ["deploy/compose.yaml", "deploy/systemd/movies-gen@.service"];

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
